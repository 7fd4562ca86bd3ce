"""Disagreements: different claims on one matter are kept side by side; nobody is overruled."""

from typing import Any

import pytest

from registry.domain.acts import Act
from registry.domain.content import NativeGrade
from registry.domain.content.examples import example_of
from registry.domain.disagreements import disagreements_of, statuses_of
from registry.domain.grading import AMBIGUOUS, derive
from registry.domain.vocabulary import EventKind as K


def origin(mechanism: str) -> str:
    return f"defenders.example/{mechanism}/1"


def act(mechanism: str, index: int, kind: K, knows: dict[str, int] | None = None, **f: Any) -> Act:
    seen = {origin(name): at for name, at in (knows or {}).items()} | {origin(mechanism): index}
    return Act(origin(mechanism), index, mechanism, example_of(kind, **f), seen)


def closed(mechanism: str, index: int = 0, **knows: int) -> Act:
    return act(mechanism, index, K.CASE_CLOSED, knows)


def status(mechanism: str, value: str, index: int = 0, **knows: int) -> Act:
    return act(mechanism, index, K.CASE_STATUS_CHANGED, knows, status=value)


ASKED = {"origin": origin("un"), "index": 7}


def graded(mechanism: str, scheme: str, value: str, **fields: Any) -> Act:
    grade = {"scheme": scheme, "value": value}
    return act(mechanism, 1, K.FOLLOWUP_ASSESSED, about=ASKED, grade=grade, derived="", **fields)


def test_acts_that_knew_nothing_of_each_other_are_concurrent() -> None:
    (found,) = disagreements_of([closed("un"), status("iachr", "monitored")])

    assert (found.matter, found.about, found.is_concurrent) == ("status", None, True)
    assert [(c.mechanism, c.value) for c in found.claims] == [
        ("iachr", "monitored"),
        ("un", "closed"),
    ]


def test_who_had_seen_the_other_disagrees_knowingly() -> None:
    (found,) = disagreements_of([closed("un", 3), status("iachr", "monitored", un=3)])
    assert not found.is_concurrent

    (found,) = disagreements_of([closed("un", 3), status("iachr", "monitored", un=2)])
    assert found.is_concurrent


def test_order_of_the_history_does_not_change_what_is_found() -> None:
    acts = [closed("un"), status("iachr", "monitored"), graded("coe", "ccpr", "B")]

    assert disagreements_of(acts) == disagreements_of(acts[::-1])


def test_mechanism_speaks_with_its_last_act_and_those_that_agree_are_no_disagreement() -> None:
    acts = [closed("un"), status("un", "reopened", 1), status("iachr", "reopened")]

    assert disagreements_of(acts) == ()
    assert statuses_of(acts) == {"un": "reopened", "iachr": "reopened"}
    assert disagreements_of([closed("un"), status("un", "reopened", 1)]) == ()


def test_native_grades_are_compared_on_the_derived_scale() -> None:
    assert disagreements_of([graded("un", "ccpr", "B1"), graded("iachr", "iachr", "partial")]) == ()
    (found,) = disagreements_of([graded("un", "ccpr", "E"), graded("iachr", "iachr", "total")])
    assert found.matter == "assessment"
    assert found.about == (origin("un"), 7)


@pytest.mark.parametrize("value", ["A", "no such grade"])
def test_grade_that_is_not_derived_contradicts_nothing(value: str) -> None:
    assert derive(NativeGrade(scheme="ccpr", value=value)) == AMBIGUOUS
    assert disagreements_of([graded("un", "ccpr", value), graded("iachr", "iachr", "total")]) == ()


def test_ambiguous_grade_takes_the_place_of_what_its_body_said_before() -> None:
    acts = [graded("un", "ccpr", "E"), graded("un", "ccpr", "A"), graded("iachr", "iachr", "total")]

    assert disagreements_of(acts) == ()


def test_assessment_that_judged_nothing_takes_the_place_of_nothing() -> None:
    acts = [
        graded("un", "ccpr", "E"),
        graded("un", "upr", "noted"),
        graded("iachr", "iachr", "total"),
    ]
    (found,) = disagreements_of(acts)

    assert [claim.value for claim in found.claims] == ["implemented", "rejected"]


def test_bodies_of_one_mechanism_contradict_each_other() -> None:
    acts = [
        graded("un", "ccpr", "E", acting_body="tb.ccpr"),
        graded("un", "cedaw", "implemented", acting_body="tb.cedaw"),
    ]
    (found,) = disagreements_of(acts)

    assert [(c.mechanism, c.value) for c in found.claims] == [
        ("un", "implemented"),
        ("un", "rejected"),
    ]


def test_status_and_mark_are_of_the_mechanism_whichever_of_its_bodies_gave_them() -> None:
    acts = [
        act("un", 0, K.CASE_CLOSED, acting_body="tb.ccpr"),
        act("un", 1, K.CASE_STATUS_CHANGED, acting_body="sp.wgad", status="reopened"),
        act("un", 2, K.CASE_MARKED_EMBLEMATIC, acting_body="tb.ccpr", is_taken_back=False),
        act("un", 3, K.CASE_MARKED_EMBLEMATIC, acting_body="sp.wgad", is_taken_back=True),
    ]

    assert disagreements_of(acts) == ()
    assert statuses_of(acts) == {"un": "reopened"}


def test_last_reply_by_its_day_counts_and_of_facts_the_judgement_recorded_last() -> None:
    def replied(day: str, kind: str) -> Act:
        return act("un", 1, K.REPLY_RECEIVED, about=ASKED, received_date=day, reply_kind=kind)

    def judged(day: str, confidence: str) -> Act:
        fields: dict[str, Any] = {"confidence": confidence, "established_by": ""}
        fields["released_date"] = day
        return act("un", 1, K.PERSON_RELEASED, about=ASKED, **fields)

    other_reply = act("iachr", 1, K.REPLY_RECEIVED, about=ASKED, reply_kind="substantive")
    late = [replied("2024-05-01", "substantive"), replied("2024-03-15", "immaterial")]
    assert disagreements_of([*late, other_reply]) == ()

    fields: dict[str, Any] = {"confidence": "contested", "established_by": ""}
    other_fact = act("iachr", 1, K.PERSON_RELEASED, about=ASKED, **fields)
    corrected = [judged("2024-05-01", "alleged"), judged("2024-03-15", "contested")]
    assert disagreements_of([*corrected, other_fact]) == ()


def test_mechanism_that_names_a_thousand_bodies_shows_each_value_once() -> None:
    acts = [graded("un", "ccpr", "BE"[at % 2], acting_body=f"body.{at}") for at in range(1000)]
    (found,) = disagreements_of(acts)

    assert [claim.value for claim in found.claims] == ["partial", "rejected"]


def test_scale_that_a_person_chose_counts() -> None:
    chosen = act(
        "un",
        1,
        K.FOLLOWUP_ASSESSED,
        about=ASKED,
        grade={"scheme": "ccpr", "value": "A"},
        derived="substantial",
    )

    assert len(disagreements_of([chosen, graded("iachr", "iachr", "total")])) == 1


def test_replies_are_classed_and_facts_are_sure_by_each_for_itself() -> None:
    first = act("un", 1, K.REPLY_RECEIVED, about=ASKED, reply_kind="substantive")
    second = act("iachr", 1, K.REPLY_RECEIVED, about=ASKED, reply_kind="immaterial")
    alleged = act("un", 2, K.PERSON_RELEASED, about=ASKED, confidence="alleged", established_by="")
    contested = act(
        "iachr", 2, K.PERSON_RELEASED, about=ASKED, confidence="contested", established_by=""
    )
    marked = act("un", 3, K.CASE_MARKED_EMBLEMATIC, is_taken_back=False)
    taken = act("iachr", 3, K.CASE_MARKED_EMBLEMATIC, is_taken_back=True)

    found = disagreements_of([first, second, alleged, contested, marked, taken])

    assert [each.matter for each in found] == ["confidence", "emblematic", "reply_kind"]
