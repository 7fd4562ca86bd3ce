"""Reprisals at a node: lists judged by the day, alerts of both bodies, warnings."""

from collections.abc import Iterator
from typing import Any

import pytest

from registry.application.alerts import Alert
from registry.application.lists import Ask
from registry.application.recording import RecordCommand
from registry.application.reprisals import Judging
from registry.application.watching import Changed
from registry.domain.audience import EVERYONE, OWN_ONLY, AudienceChoice, named
from registry.domain.content import ActContent, Party
from registry.domain.content.examples import example_of
from registry.domain.identifiers import CaseId, situation_case_id
from registry.domain.vocabulary import EventKind as K
from registry.errors import InvalidRequest, NotFound
from tests.unit.application.desk_world import ADA, EVE, DeskWorld, open_world
from tests.unit.application.federation_in_process import Node, Nodes, opening
from tests.unit.application.reprisal_world import BOTH, TODAY, alleged, fold, listed, restrict, step


@pytest.fixture
def world(node: Node) -> Iterator[DeskWorld]:
    with open_world(node) as opened:
        yield opened


# --- lists ----------------------------------------------------------------------------------


def test_without_accountability_after_so_many_months_is_derived_when_asked(
    world: DeskWorld,
) -> None:
    case_id = world.opened()
    world.node.record(alleged("2024-04-01"), case_id)
    (found,) = listed(world, without_only=True)
    assert (found.impunity, found.is_without, found.row.bodies) == ("none", True, ("beta.desk",))
    assert listed(world, without_only=True, months=15) == []
    world.node.record(step("reparation", "2025-05"), case_id)
    (found,) = listed(world)
    assert (found.row.standing, found.impunity, found.is_without) == ("reached", "", False)
    assert listed(world, without_only=True) == []


def test_reprisal_in_the_same_case_came_again_after_impunity(world: DeskWorld) -> None:
    case_id, other = world.opened(), world.opened(request_id="other")
    first = world.node.record(alleged("2023-03-01"), case_id)
    world.node.record(alleged("2024-05"), case_id)
    world.node.record(alleged("2024-06-01"), other)
    (again,) = listed(world, recurring_only=True)
    assert again.row.date == "2024-05"
    assert [(each.index, each.why) for each in again.after] == [(first.index, "none")]
    assert listed(world, recurring_only=True, months=24) == []


def test_reprisal_against_the_same_organisation_in_another_case_came_again(
    world: DeskWorld,
) -> None:
    watchers = Party(kind="organisation", name="River Watch (invented)")
    shouting = Party(kind="organisation", name="RIVER watch (invented)", role="defender")
    one, two = world.opened(), world.opened(request_id="two")
    world.node.record(alleged("2023-03-01", parties=[watchers.model_dump()]), one)
    world.node.record(step("no_investigation", "2023-04-01"), one)
    world.node.record(alleged("2023-05-01", parties=[shouting.model_dump()]), two)
    (again,) = listed(world, recurring_only=True)
    assert [each.why for each in again.after] == ["ended"]
    restrict(world, one, "ben")
    assert listed(world, recurring_only=True) == []


def test_situation_of_a_state_joins_no_reprisals(world: DeskWorld) -> None:
    registry = world.node.registry
    situation = situation_case_id(registry.registry_id, "POL")
    public = {"basis": "public_record", "source": "an invented record", "states": ["POL"]}
    for day in ("2020-01-01", "2024-01-01"):
        world.node.record(alleged(day, **public), situation, audience=EVERYONE)
    assert len(listed(world)) == 2
    assert listed(world, recurring_only=True) == []


def test_what_is_shown_is_noted_and_what_is_left_out_is_not(world: DeskWorld) -> None:
    shown, left = world.opened(), world.opened(request_id="left")
    world.node.record(alleged("2023-03-01"), shown)
    world.node.record(alleged("2025-05-01"), left)
    assert len(listed(world, without_only=True)) == 1
    reads = [(each.method, each.case_id) for each in world.desk.reads(ADA, None, 10, None)]
    assert reads == [("ListReprisals", shown)]


def test_row_is_confidential_if_anything_it_shows_is(world: DeskWorld) -> None:
    case_id = world.node.record(opening(), audience=EVERYONE).case_id
    world.node.record(alleged("2023-03-01"), case_id, audience=EVERYONE)
    assert [each.row.is_confidential for each in listed(world)] == [False]
    world.node.record(step("no_investigation", "2023-04-01"), case_id, audience=OWN_ONLY)
    assert [each.row.is_confidential for each in listed(world)] == [True]


def test_timeline_holds_reprisals_and_steps_of_a_state_by_date(world: DeskWorld) -> None:
    case_id = world.opened()
    receipt = world.node.record(alleged("2023-03-01"), case_id)
    about = {"origin": receipt.origin, "index": receipt.index}
    world.node.record(step("acquittal", "2024-02"), case_id)
    world.node.record(step("complaint_filed", ""), case_id)
    world.node.record(example_of(K.REPRISAL_LINKED, about=about, linked_date="2023-05-01"), case_id)
    world.node.record(
        example_of(K.REPRISAL_RESOLVED, about=about, resolved_date="2023-06-01"), case_id
    )
    fold(world.node)
    rows = world.node.registry.lists.impunity(Ask(10, facets=(("state", ("XXA",)),))).rows
    assert [(row.date, row.what) for row in rows] == [
        ("2023-03-01", ("travel_ban",)),
        ("2023-05-01", ("un.sr-defenders",)),
        ("2023-06-01", ("ended",)),
        ("2024-02", ("acquittal",)),
        ("", ("complaint_filed",)),
    ]
    assert {row.reprisals for row in rows} == {((receipt.origin, receipt.index),)}


@pytest.mark.parametrize("months", [0, 1201])
def test_months_have_limits(months: int) -> None:
    with pytest.raises(InvalidRequest, match="months"):
        Judging(day=TODAY, months=months)


# --- alerts ---------------------------------------------------------------------------------


def told(world: DeskWorld, client: Any = ADA, **more: Any) -> list[tuple[str, str, str]]:
    """The alerts: title, reason, who has seen it."""
    fold(world.node)
    found: list[Alert] = []
    token = ""
    while True:
        lists, ask = world.desk.lists_for(client, Ask(1, token), "ListAlerts")
        page = world.desk.alerts.listed(lists, ask, **more)
        found += page.rows
        token = page.next_token
        if not token:
            break
    return [(each.row.title, each.reason, each.seen.client if each.seen else "") for each in found]


def test_both_bodies_are_alerted_and_nobody_else(nodes: Nodes) -> None:
    alpha = nodes["alpha"]
    case_id = alpha.record(opening(), audience=EVERYONE).case_id
    alpha.record(alleged(title="for both"), case_id, audience=BOTH)
    alpha.record(alleged(title="for all"), case_id, audience=EVERYONE)
    alpha.record(alleged(title="own"), case_id)
    nodes.carry_all()
    found = {}
    for slug in nodes:
        with open_world(nodes[slug]) as world:
            found[slug] = told(world)
    assert {(title, reason) for title, reason, _ in found["alpha"]} == {
        (title, "recorded") for title in ("for both", "for all", "own")
    }
    assert {(title, reason) for title, reason, _ in found["beta"]} == {
        (title, "cooperated_with") for title in ("for both", "for all")
    }
    assert found["gamma"] == []


def test_unseen_alerts_come_first_and_who_was_first_to_see_one_stays(world: DeskWorld) -> None:
    case_id = world.opened()
    places = []
    for number in range(3):
        world.node.clock.time_ms += 1000
        receipt = world.node.record(alleged(title=f"r{number}"), case_id)
        places.append((receipt.origin, receipt.index))
    assert [title for title, *_ in told(world)] == ["r2", "r1", "r0"]
    mark = world.desk.alerts.mark_seen
    mark("ada", [places[2]], lambda _: True)
    mark("eve", [places[2]], lambda _: True)
    assert [(title, seen) for title, _, seen in told(world)] == [
        ("r1", ""),
        ("r0", ""),
        ("r2", "ada"),
    ]
    assert [title for title, *_ in told(world, unseen_only=True)] == ["r1", "r0"]
    with pytest.raises(NotFound):
        mark("ada", [places[1], (places[1][0], 99)], lambda _: True)
    with pytest.raises(NotFound):
        mark("ada", [places[1]], lambda _: False)
    with pytest.raises(InvalidRequest):
        mark("ada", [places[1]] * 101, lambda _: True)
    assert [title for title, *_ in told(world, unseen_only=True)] == ["r1", "r0"]
    lists, ask = world.desk.lists_for(ADA, Ask(1, "later.x"), "ListAlerts")
    with pytest.raises(InvalidRequest):
        world.desk.alerts.listed(lists, ask)


def test_alert_of_a_restricted_case_is_hidden_and_what_is_shown_is_noted(world: DeskWorld) -> None:
    case_id = world.opened()
    world.node.record(alleged(title="hidden"), case_id)
    restrict(world, case_id, "eve")
    assert told(world, ADA) == []
    assert len(told(world, EVE)) == 1
    reads = [(each.client, each.method) for each in world.desk.reads(EVE, None, 10, None)]
    assert reads == [("eve", "ListAlerts")]


def test_alerts_are_found_among_what_changed_by_the_header_first(nodes: Nodes) -> None:
    alpha, beta = nodes["alpha"], nodes["beta"]
    case_id = alpha.record(opening(), audience=EVERYONE).case_id
    sealed = alpha.record(alleged(title="sealed"), case_id, audience=BOTH)
    note = alpha.record(example_of(K.NOTE_ADDED), case_id, audience=EVERYONE)
    nodes.carry_all()
    changed = [Changed(case_id, alpha.log_id, each.index) for each in (sealed, note)]
    nowhere = Changed(CaseId(b"0" * 16), alpha.log_id, sealed.index)
    with open_world(beta) as world:
        alerts = world.desk.alerts
        (found,) = alerts.among(changed, lambda _: True)
        assert (found.row.title, found.reason, found.seen) == ("sealed", "cooperated_with", None)
        assert alerts.among(changed, lambda _: False) == ()
        assert alerts.among([nowhere], lambda _: True) == ()
    with open_world(nodes["gamma"]) as world:
        assert world.desk.alerts.among(changed, lambda _: True) == ()


# --- what an officer is told before ----------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "audience", "missing", "warned"),
    [
        (alleged(), OWN_ONLY, ("beta",), "NOT alerted"),
        (alleged(), AudienceChoice(), ("beta",), "NOT alerted"),
        (alleged(), named("gamma"), ("beta",), "NOT alerted"),
        (alleged(), BOTH, (), ""),
        (alleged(), EVERYONE, (), ""),
        (alleged(cooperated_with="alpha.desk"), OWN_ONLY, (), ""),
        (alleged(cooperated_with=""), OWN_ONLY, (), "no body cooperated with is named"),
        (alleged(cooperated_with="iachr"), OWN_ONLY, (), "at no member's node"),
        (example_of(K.NOTE_ADDED), OWN_ONLY, (), ""),
    ],
)
def test_preview_warns_of_an_audience_that_leaves_out_the_body_cooperated_with(
    node: Node,
    content: ActContent,
    audience: AudienceChoice,
    missing: tuple[str, ...],
    warned: str,
) -> None:
    case_id = node.record(opening()).case_id
    preview = node.registry.preview(RecordCommand("p", "", case_id, content, audience))
    assert preview.add_to_audience == missing
    assert warned in "".join(preview.warnings)
    assert bool(preview.warnings) == bool(warned)
    assert preview.refusals == ()


def test_preview_warns_that_an_embargo_delays_the_alert(node: Node) -> None:
    case_id = node.record(opening()).case_id
    command = RecordCommand("p", "", case_id, alleged(), BOTH, node.clock.time_ms + 60_000)
    (warning,) = node.registry.preview(command).warnings
    assert "embargo" in warning
