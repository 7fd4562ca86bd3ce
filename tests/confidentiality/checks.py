"""One check for each promise that a broken variant must not keep; see test_broken_variants.py."""

from collections import Counter
from typing import Any

import pytest

from registry.application.clients import add_client
from registry.application.erasing import ErasureTarget
from registry.application.lists import Ask
from registry.application.recording import RecordCommand
from registry.application.roles import Client, Role
from registry.domain.audience import OWN_ONLY, AudienceChoice, named
from registry.errors import NotFound
from registry.log.control import AudienceWidened
from registry.log.entry import ALL_MEMBERS
from tests.confidentiality.name_checks import check_plan
from tests.confidentiality.names_calls import OFFICER
from tests.confidentiality.names_plans import PUBLIC, Act
from tests.confidentiality.names_world import World
from tests.confidentiality.scanning import back_up
from tests.unit.application.erasing_world import commitment, erase, held, say
from tests.unit.application.federation_in_process import (
    Node,
    carry_entries,
    carry_parts,
    open_node,
    statement,
)

EVERY: None = None
GRANT = Act("consent", "alpha", frozenset(), persons=(0,), use=PUBLIC)
NAMED = Act("name", "alpha", EVERY, persons=(0,))
IN_TEXT = Act("name", "alpha", EVERY, in_text=(0,))
KEPT = Act("name", "alpha", frozenset(), persons=(0,))
WITHDRAWN = Act("withdraw", "beta", frozenset(), persons=(0,))
TELLING = Act("withdraw", "alpha", frozenset(), persons=(0,), in_text=(1,))
OTHER_KEPT = Act("name", "alpha", frozenset(), persons=(1,))


def check_named_without_consent(world: World) -> None:
    check_plan(world, (NAMED,), Counter())


def check_named_in_text_without_consent(world: World) -> None:
    check_plan(world, (KEPT, IN_TEXT), Counter())


def check_relay_without_consent(world: World) -> None:
    check_plan(world, (GRANT, NAMED), Counter())


def check_withdrawn(world: World) -> None:
    check_plan(world, (GRANT, NAMED, WITHDRAWN), Counter())


def check_withdrawn_in_words(world: World) -> None:
    check_plan(world, (GRANT, NAMED, OTHER_KEPT, TELLING), Counter())


def check_kept_at_its_node(world: World) -> None:
    check_plan(world, (KEPT,), Counter())


def check_unnamed_at_its_node(world: World) -> None:
    check_plan(world, (Act("name", "alpha", frozenset()),), Counter())


def check_named_and_widened(world: World) -> None:
    check_plan(world, (KEPT, Act("widen", "alpha", frozenset({"beta"}))), Counter())


def check_source_stays(world: World) -> None:
    check_plan(world, (Act("name", "alpha", EVERY),), Counter())


def check_bundled(world: World) -> None:
    """A bundle holds the contents that its recipient is given, and shows them to nobody else."""
    # Each plan looks at the bundle of one node for one other: six in turn are all pairs.
    for _ in range(6):
        check_plan(world, (GRANT, NAMED, KEPT), Counter())


def check_embargo(world: World) -> None:
    """Nobody is given a part before its time, by its author or by a relay; then everybody is."""
    alpha, beta, gamma = world.nodes["alpha"], world.nodes["beta"], world.nodes["gamma"]
    case = world.open_case()
    later = alpha.clock.time_ms + 60_000
    index = alpha.record(statement("sealed"), case.case_id, not_before_ms=later).index
    for node in (beta, gamma):
        assert carry_entries(alpha, node, alpha.log_id) is None
        carry_parts(alpha, node, alpha.log_id)
        assert held(node, alpha.log_id, index) is None, "given before its time"
    alpha.clock.time_ms = later
    carry_parts(alpha, beta, alpha.log_id)
    assert held(beta, alpha.log_id, index) is not None
    carry_parts(beta, gamma, alpha.log_id)
    assert held(gamma, alpha.log_id, index) is None, "relayed before its time by its own clock"
    beta.clock.time_ms = later
    carry_parts(beta, gamma, alpha.log_id)
    assert held(gamma, alpha.log_id, index) is not None


def _erased_at_beta(world: World) -> tuple[int, Any]:
    """An event that alpha erased and beta held; beta's database of before; what beta held."""
    alpha, beta = world.nodes["alpha"], world.nodes["beta"]
    case = world.open_case()
    index = alpha.record(statement("to be erased"), case.case_id).index
    world.nodes.carry_all()
    part = held(beta, alpha.log_id, index)
    assert part is not None
    back_up(world.folder / "beta" / "log.db", world.folder / "old.db")
    erase(alpha, ErasureTarget(index, 0))
    assert carry_entries(alpha, beta, alpha.log_id) is None
    assert held(beta, alpha.log_id, index) is None
    return index, part


def check_erased_is_never_stored_again(world: World) -> None:
    index, part = _erased_at_beta(world)
    alpha, beta = world.nodes["alpha"], world.nodes["beta"]
    beta.registry.store.put_parts([part]).result()
    assert held(beta, alpha.log_id, index) is None, "stored again"


def check_restored_database_is_erased_before_it_serves(world: World) -> None:
    """A database of before the erasure, beside the journal, serves and holds nothing of it."""
    index, _ = _erased_at_beta(world)
    alpha, beta = world.nodes["alpha"], world.nodes["beta"]
    asked = {(alpha.log_id, index, 0): commitment(alpha, index)}
    world.desks["beta"].close()
    beta.registry.close()
    database = world.folder / "beta" / "log.db"
    database.write_bytes((world.folder / "old.db").read_bytes())
    for suffix in ("-wal", "-shm"):
        database.with_name(f"log.db{suffix}").unlink(missing_ok=True)
    restored = open_node(world.folder, "beta", opens_log=False)
    try:
        assert held(restored, alpha.log_id, index) is None, "there again after the start"
        assert restored.registry.parts_for(world.nodes["gamma"].registry.own, asked) == []
    finally:
        restored.registry.close()


def check_widening_by_another_log(world: World) -> None:
    """Only the log that holds an event can let more members hold its content."""
    alpha, beta, gamma = world.nodes["alpha"], world.nodes["beta"], world.nodes["gamma"]
    case = world.open_case()
    # Both logs have an event at the same place, so that an index alone does not tell them apart.
    index = alpha.record(statement("for beta"), case.case_id, audience=named("beta")).index
    world.nodes.carry_all()
    leaf = alpha.registry.store.leaf_hash(alpha.log_id, index)
    while beta.registry.store.log_state(beta.log_id).size <= index:
        beta.record(statement("filler"), case.case_id, audience=OWN_ONLY)
    say(beta, case.case_id, AudienceWidened(index, leaf, ALL_MEMBERS))
    world.nodes.carry_all()
    assert held(gamma, alpha.log_id, index) is None, "beta widened an event of alpha"
    own = beta.registry.store.parts_of([(beta.log_id, index, 0)])
    assert own
    asked = {(beta.log_id, index, 0): commitment(beta, index)}
    assert beta.registry.parts_for(gamma.registry.own, asked) == [], "widened by a foreign hash"


def check_restricted_case(world: World) -> None:
    """A case that a client may not know of is answered as one that does not exist."""
    node, desk = world.nodes["alpha"], world.desks["alpha"]
    case = world.open_case()
    _add_client(node, "chosen")
    desk.restrict(case.case_id, ["chosen"])
    for client, knows in ((Client("chosen", Role.OFFICER), True), (OFFICER, False)):
        while node.registry.projector.advance().is_behind:
            pass
        lists, asked = desk.lists_for(client, Ask(10), "ListCases")
        page = lists.cases(asked)
        assert [row.case_id for row in page.rows] == ([case.case_id] if knows else [])
        if knows:
            desk.require_case(client, case.case_id)
        else:
            with pytest.raises(NotFound):
                desk.require_case(client, case.case_id)
            command = RecordCommand("r", "", case.case_id, statement(), AudienceChoice("own"))
            with pytest.raises(NotFound):
                desk.record(client, command)


def _add_client(node: Node, name: str) -> None:
    add_client(node.registry.folder.path, name, node.registry.folder.path / "clients" / name)
