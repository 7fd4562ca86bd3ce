"""The second person is not passed by naming everybody, by widening to everybody, or by a kind."""

from collections.abc import Iterator
from typing import Any

import pytest

from registry.application.erasing import WidenCommand
from registry.application.recording import RecordCommand
from registry.domain.audience import EVERYONE, OWN_ONLY, named
from registry.domain.content import ActContent, read_content
from registry.domain.vocabulary import EventKind
from registry.errors import RuleViolation
from tests.unit.application.desk_world import BEN, DeskWorld, open_world
from tests.unit.application.federation_in_process import Node, statement
from tests.unit.domain.content_examples import least_fields


@pytest.fixture
def world(node: Node) -> Iterator[DeskWorld]:
    with open_world(node) as opened:
        yield opened


def least(kind: EventKind, **fields: Any) -> ActContent:
    return read_content(kind, {**least_fields(kind), "basis": "own_act", **fields})


@pytest.mark.parametrize("slugs", [("beta", "gamma"), ("alpha", "gamma", "beta")])
def test_naming_every_member_is_publishing_like_naming_all(
    world: DeskWorld, slugs: tuple[str, ...]
) -> None:
    case_id = world.opened()
    command = RecordCommand("p", "ada", case_id, statement(), named(*slugs))

    world.waits(case_id, statement(), audience=named(*slugs))

    assert world.node.registry.preview(command).is_publishing
    assert world.desk.second_person.is_needed(command)


def test_naming_some_is_not_publishing(world: DeskWorld) -> None:
    case_id = world.opened()
    world.records(case_id, statement(), audience=named("beta"))
    assert world.waiting() == []


def test_widening_to_every_member_by_name_at_once_or_one_by_one_is_publishing(
    world: DeskWorld,
) -> None:
    case_id = world.opened()
    index = world.records(case_id, statement(), audience=OWN_ONLY)
    with pytest.raises(RuleViolation, match="two people"):
        world.desk.widen(BEN, WidenCommand("both", "ben", index, ("beta", "gamma")))

    world.desk.widen(BEN, WidenCommand("beta", "ben", index, ("beta",))).result()
    before = world.size()

    with pytest.raises(RuleViolation, match="two people"):
        world.desk.widen(BEN, WidenCommand("gamma", "ben", index, ("gamma",)))
    assert world.size() == before


@pytest.mark.parametrize(
    "kind", [EventKind.VISIT_ANNOUNCED, EventKind.VISIT_CONDUCTED, EventKind.COMMITMENT_MADE]
)
def test_kind_that_speaks_to_the_public_waits_unless_it_transcribes_a_public_record(
    world: DeskWorld, kind: EventKind
) -> None:
    case_id = world.opened()
    world.waits(case_id, least(kind), request_id="own act")
    world.records(case_id, least(kind), request_id="for itself", audience=OWN_ONLY)
    public = least(kind, basis="public_record", source="An invented register")
    world.records(case_id, public, request_id="public")
    # Whoever could say that somebody reported it would need nobody else.
    told = least(kind, basis="reported_by", reported_by="An invented organisation")
    world.waits(case_id, told, request_id="told")
    world.records(case_id, told, request_id="told to itself", audience=OWN_ONLY)


def test_what_mechanisms_tell_each_other_of_their_work_does_not_wait(world: DeskWorld) -> None:
    case_id = world.opened()
    practice = least(EventKind.PRACTICE_SHARED, themes=("travel_ban",), practice="An invented call")
    world.records(case_id, practice, request_id="practice", audience=EVERYONE)
    definition = least(EventKind.DEFINITION_AGREED)
    world.records(case_id, definition, request_id="definition", audience=EVERYONE)
