"""Withdrawals that arrive from others, or whose erasure a stop cut off, still ask for it."""

from pathlib import Path

import pytest

from registry.application.earlier_withdrawals import find_withdrawals
from registry.application.withdrawals import Withdrawals
from registry.domain.audience import OWN_ONLY, named
from registry.domain.identifiers import CaseId
from registry.errors import TryLater
from tests.unit.application.desk_world import BEN, DeskWorld, open_world
from tests.unit.application.federation_in_process import Node, Nodes, open_node, opening
from tests.unit.application.persons_world import AYO, consent, naming, withdrawn


def _case_with_name(node: Node) -> CaseId:
    """A case whose consent asks for erasure, known to beta; events 1 and 2 name a person."""
    case_id = node.record(opening()).case_id
    wish = consent("share_with_mechanisms", "beta", erase_on_withdrawal=True)
    node.record(wish, case_id, audience=named("beta"))
    node.record(naming(AYO), case_id, audience=named("beta"))
    return case_id


def _proposed(world: DeskWorld) -> list[list[int]]:
    """The events that each act which waits would erase."""
    world.desk._errands.close()  # until all that was handed in is done
    acts = world.desk.pending(BEN, 0, 100)[0]
    return [sorted(t.index for t in act.erasure.targets) for act in acts if act.erasure]


def test_withdrawal_by_another_mechanism_proposes_the_erasure_here(nodes: Nodes) -> None:
    alpha, beta = nodes["alpha"], nodes["beta"]
    case_id = _case_with_name(alpha)
    nodes.carry_all()
    with open_world(alpha) as world:
        beta.record(withdrawn(), case_id, audience=named("alpha"))
        nodes.carry_all()
        nodes.carry_all()

        assert _proposed(world) == [[1, 2]]


def test_withdrawal_whose_erasure_was_cut_off_is_found_at_the_next_start(folder: Path) -> None:
    node = open_node(folder, "alpha")
    case_id = _case_with_name(node)
    node.record(withdrawn(), case_id)  # no desk: the process died before the proposal
    node.registry.close()

    node = open_node(folder, "alpha")
    try:
        with open_world(node) as world:
            world.desk.look_for_missed_withdrawals()
            assert _proposed(world) == [[1, 2]]
        # What was found is not found again; what was declined is not asked for at every start.
        with open_world(node) as world:
            (act,) = world.waiting()
            world.desk.decline(BEN, act.act_id)
            world.desk.look_for_missed_withdrawals()
            assert _proposed(world) == []
    finally:
        node.registry.close()


def test_withdrawal_that_was_followed_by_a_new_consent_asks_for_nothing(node: Node) -> None:
    case_id = _case_with_name(node)
    node.record(withdrawn(), case_id)
    again = consent("share_with_mechanisms", "beta", erase_on_withdrawal=True)
    node.record(again, case_id, audience=named("beta"))

    with open_world(node) as world:
        world.desk.look_for_missed_withdrawals()
        assert _proposed(world) == []


def test_parts_whose_erasure_waits_are_not_proposed_twice(node: Node) -> None:
    with open_world(node) as world:
        case_id = _case_with_name(node)
        node.record(withdrawn(), case_id)
        node.record(naming(AYO), case_id, mechanisms=("alpha",))
        world.desk._withdrawals.propose(case_id)
        world.desk._withdrawals.propose(case_id)

        proposed = _proposed(world)
        assert sorted(index for act in proposed for index in act) == [1, 2, 4]


def test_look_while_content_is_closed_overlooks_nothing(node: Node) -> None:
    case_id = _case_with_name(node)
    node.record(withdrawn(), case_id)
    with open_world(node) as world:
        missed: Withdrawals = world.desk._withdrawals
        node.registry.store.close_content()
        with pytest.raises(TryLater):
            missed.propose_missed(case_id)
        node.registry.store.open_content()

        world.desk.look_for_missed_withdrawals()
        assert _proposed(world) == [[1, 2]]


def test_office_that_is_ahead_of_a_restored_database_overlooks_nothing(node: Node) -> None:
    case_id = _case_with_name(node)
    node.record(withdrawn(), case_id)
    with open_world(node) as world:
        office = world.desk._office
        office.keep_proposed(case_id, [b"of a withdrawal that is gone"])

        world.desk.look_for_missed_withdrawals()
        assert _proposed(world) == [[1, 2]]


def test_content_that_came_after_a_proposal_is_proposed_at_the_next_start(node: Node) -> None:
    case_id = _case_with_name(node)
    node.record(withdrawn(), case_id)
    with open_world(node) as world:
        world.desk._withdrawals.propose(case_id)
        node.record(naming(AYO), case_id, mechanisms=("alpha",))

        world.desk.look_for_missed_withdrawals()
        proposed = _proposed(world)
        assert sorted(index for act in proposed for index in act) == [1, 2, 4]


def test_what_was_declined_is_not_asked_for_again_because_more_came(node: Node) -> None:
    case_id = _case_with_name(node)
    node.record(withdrawn(), case_id)
    with open_world(node) as world:
        world.desk._withdrawals.propose(case_id)
        (act,) = world.waiting()
        world.desk.decline(BEN, act.act_id)
        node.record(naming(AYO), case_id, mechanisms=("alpha",))

        world.desk.look_for_missed_withdrawals()
        assert _proposed(world) == [[4]]


def test_withdrawal_in_the_void_part_of_a_log_is_found_at_a_start(nodes: Nodes) -> None:
    alpha, beta = nodes["alpha"], nodes["beta"]
    case_id = _case_with_name(alpha)
    nodes.carry_all()
    void = beta.record(withdrawn(), case_id, audience=named("alpha")).index
    nodes.carry_all()
    nodes.carry_all()
    store, models = alpha.registry.store, alpha.registry.models
    store.freeze(beta.log_id, void, "invented", b"").result()
    while alpha.registry.projector.advance().is_behind:
        pass

    assert models.cases_with("case", "mark", "withdrawal") == []
    assert list(find_withdrawals(store, models, [alpha.registry.own.log_id])) == [case_id]


@pytest.mark.parametrize("author", ["alpha", "beta"])
@pytest.mark.parametrize("before", ["folded", "not folded"])
def test_withdrawal_that_is_not_folded_yet_is_found_at_a_start(
    nodes: Nodes, author: str, before: str
) -> None:
    registry = nodes["alpha"].registry
    case_id = _case_with_name(nodes["alpha"])
    nodes.carry_all()
    while before == "folded" and registry.projector.advance().is_behind:
        pass
    audience = named("alpha") if author == "beta" else OWN_ONLY
    nodes[author].record(withdrawn(), case_id, audience=audience)
    nodes.carry_all()
    nodes.carry_all()

    found = find_withdrawals(registry.store, registry.models, [registry.own.log_id])
    assert set(found) == {case_id}
