"""Registers of reprisals: what may be used, names with consent, and what is left out."""

from collections.abc import Iterator
from typing import Any

import pytest

from registry.application.lists import Ask
from registry.application.register_making import RegisterOrder, make_register
from registry.application.reprisal_register import (
    Destination,
    RegisterName,
    destination_of,
    entries_of_case,
    register_name,
)
from registry.domain.audience import EVERYONE, OWN_ONLY
from registry.domain.content.examples import example_of
from registry.domain.vocabulary import EventKind as K
from registry.errors import InvalidRequest
from tests.unit.application.desk_world import ADA, DeskWorld, open_world
from tests.unit.application.federation_in_process import Node, Nodes, opening
from tests.unit.application.persons_world import AYO, consent
from tests.unit.application.reprisal_world import BOTH, TODAY, alleged, fold, listed, step


@pytest.fixture
def world(node: Node) -> Iterator[DeskWorld]:
    with open_world(node) as opened:
        yield opened


def register(world: DeskWorld, *, is_public: bool = False, name: RegisterName = "achpr") -> Any:
    fold(world.node)
    order = RegisterOrder(name, TODAY, 12, is_public=is_public)
    ask = Ask(100, facets=(("state", ("XXA",)),))
    return make_register(world.node.registry, world.desk, ADA, ask, order)


def test_register_without_its_keeper_among_the_members_holds_what_is_public(
    world: DeskWorld,
) -> None:
    case_id = world.opened()
    world.node.record(alleged("2024-01-01", title="open"), case_id, audience=EVERYONE)
    world.node.record(alleged("2023-01-01", title="sealed"), case_id, audience=BOTH)
    made = register(world)
    assert [entry.title for entry in made.entries] == ["open"]
    assert (made.recipients, made.left_out) == ((), 1)
    assert register(world, is_public=True).entries == made.entries


def test_entry_tells_cooperation_follow_up_and_accountability_by_date(nodes: Nodes) -> None:
    alpha = nodes["alpha"]
    case_id = alpha.record(opening()).case_id
    came = alpha.record(
        example_of(K.SUBMISSION_RECEIVED, received_date="2023-01-02"),
        case_id,
        audience=BOTH,
    )
    pointer = {"origin": came.origin, "index": came.index}
    it = alpha.record(alleged("2023-03-01", cooperation=pointer), case_id, audience=BOTH)
    about = {"origin": it.origin, "index": it.index}
    alpha.record(
        example_of(K.COMMUNICATION_SENT, about=about, sent_date="2023-04-01", reply_due_date=None),
        case_id,
        audience=BOTH,
    )
    alpha.record(step("no_investigation", "2023-05-01"), case_id, audience=BOTH)
    alpha.record(step("conviction", "2024-05-01"), case_id)
    destination = Destination("mechanisms", ("beta",))
    (entry,), export = entries_of_case(alpha.registry, case_id, destination, day=TODAY, months=12)
    assert [(each.date, each.what) for each in entry.cooperation][:1] == [
        ("2023-01-02", "submission_received")
    ]
    assert entry.cooperation[-1].title == "a meeting during an invented visit"
    assert [(each.date, each.what) for each in entry.follow_up] == [
        ("2023-04-01", "communication_sent")
    ]
    # What beta may not hold is in no entry, also where it would look better.
    assert [(each.date, each.what) for each in entry.accountability] == [
        ("2023-05-01", "no_investigation")
    ]
    assert (entry.standing, entry.impunity) == ("ended", "ended")
    assert (len(export.events), export.left_out) == (5, 1)


def test_names_stand_in_an_entry_only_with_consent_to_that_use(node: Node) -> None:
    case_id = node.record(opening()).case_id
    node.record(consent("share_with_mechanisms", "beta"), case_id)
    node.record(alleged(persons=[AYO.model_dump()]), case_id, audience=BOTH)
    for recipient, against, withheld in (("beta", (AYO.name,), 0), ("alpha", (), 1)):
        destination = Destination("mechanisms", (recipient,))
        (entry,), _ = entries_of_case(node.registry, case_id, destination, day=TODAY, months=12)
        assert (entry.against, entry.withheld) == (against, withheld)
        assert (AYO.name in repr(entry)) == bool(against)


def test_register_for_a_member_reads_what_it_may_hold_and_keeps_who_asked(
    world: DeskWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    profiles = type(world.node.registry.profiles)
    monkeypatch.setattr(profiles, "homes_of", lambda _, body: ("beta",) if body else ())
    case_id = world.opened()
    world.node.record(alleged("2023-01-01", title="for beta"), case_id, audience=BOTH)
    world.node.record(alleged("2022-01-01", title="own"), case_id)
    made = register(world)
    assert [entry.title for entry in made.entries] == ["for beta"]
    assert (made.recipients, made.left_out) == (("beta",), 1)
    reads = [(each.method, each.events) for each in world.desk.reads(ADA, None, 10, None)]
    assert reads == [("ExportRegister", 1)]


def test_register_of_a_state_holds_no_entry_whose_state_may_not_be_told(world: DeskWorld) -> None:
    content = opening().model_copy(update={"states": ("XXA",)})
    case_id = world.node.record(content, audience=OWN_ONLY).case_id
    world.node.record(alleged("2023-01-01", states=[]), case_id, audience=EVERYONE)
    assert [each.row.states for each in listed(world)] == [("XXA",)]
    made = register(world)
    assert (made.entries, made.left_out) == ((), 1)


def test_keeper_that_is_a_member_is_the_recipient(node: Node, monkeypatch: Any) -> None:
    homes = {"achpr": ("gamma", "nobody"), "sg.reprisals": ("beta", "gamma")}
    monkeypatch.setattr(type(node.registry.profiles), "homes_of", lambda _, body: homes[body])
    registry = node.registry
    assert destination_of(registry, "achpr", is_public=False).recipients == ("gamma",)
    assert destination_of(registry, "sg", is_public=False).recipients == ("beta", "gamma")
    assert destination_of(registry, "sg", is_public=True) == Destination("public", ())


def test_there_are_two_registers() -> None:
    assert register_name("achpr") == "achpr"
    with pytest.raises(InvalidRequest, match="achpr, sg"):
        register_name("osce")


def test_too_many_reprisals_are_refused(world: DeskWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("registry.application.register_making.ENTRIES_MAX", 1)
    monkeypatch.setattr("registry.application.register_making._PAGE", 1)
    case_id = world.opened()
    for _ in range(2):
        world.node.record(alleged(), case_id, audience=EVERYONE)
    with pytest.raises(InvalidRequest, match="narrow"):
        register(world)
