"""Decisions: each rule with what it refuses, why, and the nearest thing that it allows."""

from typing import Any

import pytest

from registry.domain.content import ActContent, read_content
from registry.domain.decisions import check_new_event
from registry.domain.rules import ABOUT, CaseFacts, KnownEvent
from registry.domain.vocabulary import EventKind
from registry.errors import NotFound, RuleViolation
from tests.unit.domain.content_examples import KINDS, least_fields

HELD = ("defenders.example/un/1", 7)
POINTER = {"origin": HELD[0], "index": HELD[1]}
OTHER_LOG = "defenders.example/observatory/1"
OF_OTHERS = frozenset({EventKind.INTENT_ANSWERED})
"""About events of other logs only."""
FITTING: dict[EventKind, dict[str, Any]] = {
    EventKind.CONCORDANCE_PROPOSED: {"same_as": [POINTER]},
    EventKind.INTENT_ANSWERED: {"answer": "noted"},
    EventKind.PRACTICE_SHARED: {"themes": ["reprisals"]},
}
"""What the rules ask of a kind besides what its model does."""


def make(kind: EventKind, **fields: Any) -> ActContent:
    return read_content(kind, {**least_fields(kind), **fields})


def facts(
    *,
    exists: bool = True,
    is_new: bool = False,
    is_situation: bool = False,
    held: KnownEvent | None = None,
    own_acts: tuple[ActContent, ...] = (),
    own_origin: str = HELD[0],
) -> CaseFacts:
    known = held or KnownEvent(EventKind.COMMUNICATION_SENT, None)
    return CaseFacts(
        exists=exists,
        is_new=is_new,
        is_situation=is_situation,
        own_origin=own_origin,
        event_at=lambda origin, index: known if (origin, index) == HELD else None,
        own_acts=lambda: own_acts,
    )


def fitting(kind: EventKind) -> tuple[ActContent, KnownEvent]:
    """Content of a kind and an event that it can be about."""
    fields: dict[str, Any] = {}
    rule = ABOUT.get(kind)
    if rule is not None and rule.is_required:
        fields["about"] = POINTER
    fields |= FITTING.get(kind, {})
    target = EventKind.NOTE_ADDED if rule is None else min(rule.kinds)
    return make(kind, **fields), KnownEvent(target, None)


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_is_recorded_where_it_belongs(kind: EventKind) -> None:
    content, held = fitting(kind)
    case = facts(
        is_new=kind is EventKind.CASE_OPENED,
        held=held,
        own_origin=OTHER_LOG if kind in OF_OTHERS else HELD[0],
    )

    check_new_event(content, is_for_all=True, case=case)
    check_new_event(content, is_for_all=False, case=case)


def test_event_on_a_case_that_nobody_here_knows_is_refused() -> None:
    with pytest.raises(NotFound, match="no such case is known here"):
        check_new_event(make(EventKind.STATEMENT_ISSUED), is_for_all=True, case=facts(exists=False))


def test_case_is_opened_once() -> None:
    with pytest.raises(RuleViolation, match="case_opened opens a new case"):
        check_new_event(make(EventKind.CASE_OPENED), is_for_all=True, case=facts())


def test_nothing_but_case_opened_opens_a_case() -> None:
    with pytest.raises(RuleViolation, match="use OpenCase"):
        check_new_event(make(EventKind.STATEMENT_ISSUED), is_for_all=True, case=facts(is_new=True))


def test_control_is_never_recorded_as_content() -> None:
    class Link(ActContent):
        kind = EventKind.CASE_LINK_PROPOSED
        date_field = "linked_date"

    link = Link(acting_body="un", basis="own_act")

    with pytest.raises(RuleViolation, match="case_link_proposed cannot be recorded"):
        check_new_event(link, is_for_all=True, case=facts())


def test_event_for_some_members_only_is_refused_in_the_situation_of_a_state() -> None:
    statement = make(EventKind.STATEMENT_ISSUED)

    with pytest.raises(RuleViolation, match="public records only"):
        check_new_event(statement, is_for_all=False, case=facts(is_situation=True))
    check_new_event(statement, is_for_all=True, case=facts(is_situation=True))


@pytest.mark.parametrize("pointer", [("defenders.example/un/1", 8), ("defenders.example/coe/1", 7)])
def test_pointer_to_an_event_outside_the_case_is_refused(pointer: tuple[str, int]) -> None:
    origin, index = pointer
    reply = make(EventKind.REPLY_RECEIVED, about={"origin": origin, "index": index})

    with pytest.raises(NotFound, match=f"about: event {index} of {origin} is not in this case"):
        check_new_event(reply, is_for_all=True, case=facts())


def test_pointer_to_an_event_of_the_case_is_allowed() -> None:
    reply = make(EventKind.REPLY_RECEIVED, about={"origin": HELD[0], "index": HELD[1]})

    check_new_event(reply, is_for_all=True, case=facts())


@pytest.mark.parametrize(
    ("kind", "earlier", "later"),
    [
        (EventKind.COMMUNICATION_SENT, "sent_date", "reply_due_date"),
        (EventKind.OPINION_ADOPTED, "submitted_date", "adopted_date"),
        (EventKind.VISIT_REPORT_PUBLISHED, "visit_start_date", "visit_end_date"),
        (EventKind.VISIT_REPORT_PUBLISHED, "visit_start_date", "published_date"),
    ],
)
def test_dates_in_an_impossible_order_are_refused_by_name(
    kind: EventKind, earlier: str, later: str
) -> None:
    def check(first: str | None, second: str | None) -> None:
        content = make(kind, **{earlier: first, later: second})
        check_new_event(content, is_for_all=True, case=facts())

    with pytest.raises(RuleViolation, match=f"{later} 2014-06-13 lies before {earlier} 2014-06-14"):
        check("2014-06-14", "2014-06-13")
    with pytest.raises(RuleViolation, match=f"{later} 2013 lies before {earlier} 2014-06"):
        check("2014-06", "2013")
    check("2014-06-14", "2014-06-14")
    check("2014-06-14", "2014-06")
    check("2014-06-14", "2014")
    check("2014-06-14", None)
    check(None, "2014-06-14")
    check("2014-06-14", "")
