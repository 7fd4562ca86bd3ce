"""Rules of the kinds: each refuses with the field and its own name, and allows what is right."""

from typing import Any, Final

import pytest

from registry.domain.content import ActContent, EventPointer
from registry.domain.decisions import check_new_event
from registry.domain.rules import ABOUT, KnownEvent, own_status
from registry.domain.vocabulary import EventKind, kind_code
from registry.errors import RuleViolation
from tests.unit.domain.test_decisions import (
    HELD,
    OF_OTHERS,
    OTHER_LOG,
    POINTER,
    facts,
    fitting,
    make,
)

K = EventKind
NEEDS_ABOUT: Final = [kind for kind, rule in ABOUT.items() if rule.is_required]


def refusal(content: ActContent, **known: Any) -> tuple[str, str]:
    with pytest.raises(RuleViolation) as refused:
        check_new_event(content, is_for_all=True, case=facts(**known))
    assert refused.value.rule in str(refused.value)
    return refused.value.field, refused.value.rule


@pytest.mark.parametrize("kind", NEEDS_ABOUT, ids=kind_code)
def test_what_changes_an_earlier_event_names_it(kind: EventKind) -> None:
    content, held = fitting(kind)

    assert refusal(content.model_copy(update={"about": None})) == ("about", "about_is_needed")
    public = {"about": None, "basis": "public_record", "source": "an invented register"}
    told = content.model_copy(update=public)
    check_new_event(told, is_for_all=True, case=facts(held=held))


@pytest.mark.parametrize("kind", [k for k in ABOUT if k is not K.EVENT_CORRECTED], ids=kind_code)
def test_event_is_not_about_what_its_kind_cannot_be_about(kind: EventKind) -> None:
    content = fitting(kind)[0].model_copy(update={"about": EventPointer.model_validate(POINTER)})

    held = KnownEvent(K.NOTE_ADDED, None)
    assert refusal(content, held=held) == ("about", "about_fits")
    own = OTHER_LOG if kind in OF_OTHERS else HELD[0]
    unknown = facts(held=KnownEvent(None, None), own_origin=own)
    check_new_event(content, is_for_all=True, case=unknown)


@pytest.mark.parametrize(
    "kind", [kind for kind, rule in ABOUT.items() if rule.is_own], ids=kind_code
)
def test_nobody_takes_back_or_corrects_what_another_said(kind: EventKind) -> None:
    content, held = fitting(kind)

    found = refusal(content, held=held, own_origin=OTHER_LOG)

    assert found == ("about", "about_is_own")


def test_reply_does_not_come_before_what_it_answers() -> None:
    letter = make(K.COMMUNICATION_SENT, sent_date="2024-05-02")
    held = KnownEvent(K.COMMUNICATION_SENT, letter)

    early = make(K.REPLY_RECEIVED, about=POINTER, received_date="2024-05-01")
    assert refusal(early, held=held) == ("received_date", "after_what_it_is_about")
    for date in ("2024-05-02", "2024-05", "2024", ""):
        reply = make(K.REPLY_RECEIVED, about=POINTER, received_date=date)
        check_new_event(reply, is_for_all=True, case=facts(held=held))


def test_case_is_closed_once_and_reopened_before_its_status_changes() -> None:
    closed = (make(K.CASE_CLOSED),)

    assert refusal(make(K.CASE_CLOSED), own_acts=closed) == ("kind", "closed_once")
    monitored = make(K.CASE_STATUS_CHANGED, status="monitored")
    assert refusal(monitored, own_acts=closed) == ("status", "closed_is_reopened")
    reopened = make(K.CASE_STATUS_CHANGED, status="reopened")
    assert refusal(reopened) == ("status", "reopened_after_closing")
    check_new_event(reopened, is_for_all=True, case=facts(own_acts=closed))
    check_new_event(monitored, is_for_all=True, case=facts(own_acts=(*closed, reopened)))
    check_new_event(make(K.CASE_CLOSED), is_for_all=True, case=facts(own_acts=(*closed, reopened)))


def test_status_is_what_a_mechanism_said_last() -> None:
    assert own_status([]) == "open"
    assert own_status([make(K.CASE_CLOSED)]) == "closed"
    suspended = make(K.CASE_STATUS_CHANGED, status="suspended")
    assert own_status([make(K.CASE_CLOSED), make(K.NOTE_ADDED), suspended]) == "suspended"


def test_mark_is_taken_back_by_who_made_it() -> None:
    back = make(K.CASE_MARKED_EMBLEMATIC, is_taken_back=True)
    mark = make(K.CASE_MARKED_EMBLEMATIC)

    assert refusal(back) == ("is_taken_back", "mark_to_take_back")
    assert refusal(back, own_acts=(mark, back)) == ("is_taken_back", "mark_to_take_back")
    check_new_event(back, is_for_all=True, case=facts(own_acts=(mark,)))
    check_new_event(mark, is_for_all=True, case=facts())


def test_concordance_is_between_several() -> None:
    alone = make(K.CONCORDANCE_PROPOSED, about=POINTER)
    held = KnownEvent(K.RECOMMENDATION_MADE, None)

    assert refusal(alone, held=held) == ("same_as", "concordance_of_several")


def test_intent_is_answered_in_words_and_by_another() -> None:
    held = KnownEvent(K.INTENT_DECLARED, None)
    silent = make(K.INTENT_ANSWERED, about=POINTER)
    answer = make(K.INTENT_ANSWERED, about=POINTER, answer="joins")

    assert refusal(silent, held=held, own_origin=OTHER_LOG) == ("answer", "answer_is_said")
    assert refusal(answer, held=held) == ("about", "intent_answered_by_another")
    check_new_event(answer, is_for_all=False, case=facts(held=held, own_origin=OTHER_LOG))


def test_intent_ends_no_earlier_than_it_begins() -> None:
    for fields in (
        {"planned_date": "2026-12-05", "planned_until_date": "2026-12-01"},
        {"declared_date": "2026-12-05", "planned_until_date": "2026-12-01"},
    ):
        found = refusal(make(K.INTENT_DECLARED, **fields))
        assert found == ("planned_until_date", "dates_in_order")
    late = make(K.INTENT_DECLARED, declared_date="2026-12-05", lapses_date="2026-12-01")
    assert refusal(late) == ("lapses_date", "dates_in_order")


def test_practice_names_a_theme_by_which_it_is_found_again() -> None:
    assert refusal(make(K.PRACTICE_SHARED)) == ("themes", "practice_has_themes")
    found = make(K.PRACTICE_SHARED, themes=["reprisals"])
    check_new_event(found, is_for_all=True, case=facts())


def test_fact_is_established_by_somebody() -> None:
    for fields in ({"confidence": "established"}, {"established_by": "wgad"}):
        with pytest.raises(Exception, match="established_by"):
            make(K.DETENTION_RECORDED, **fields)
    make(K.DETENTION_RECORDED, confidence="established", established_by="wgad")


def test_meeting_names_bodies_and_never_who_spoke() -> None:
    speaker = {"person_id": "a1" * 16, "name": "Ayo Zemlinski"}
    meeting = make(K.MEETING_HELD, participants=["oif"], persons=[speaker])

    assert refusal(meeting) == ("persons", "meeting_names_bodies")
    silent = meeting.model_copy(update={"persons": ()})
    check_new_event(silent, is_for_all=True, case=facts())
