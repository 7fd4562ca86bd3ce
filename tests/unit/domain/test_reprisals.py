"""Reprisals and impunity: tables of steps, days and recurrences, and the fold in any order."""

from datetime import date
from itertools import permutations
from typing import Any, Final

import pytest

from registry.domain.acts import Act
from registry.domain.content.examples import example_of
from registry.domain.days import first_day, last_day, months_later
from registry.domain.reprisals import (
    Step,
    impunity_on,
    is_without_accountability,
    recurs_after,
    reprisals_of,
    standing_of,
)
from registry.domain.vocabulary import EventKind as K

UN: Final = "defenders.example/un/1"
PERSON: Final = {"person_id": "ab" * 16, "name": "Invented Person"}


def act(index: int, kind: K, about: int | None = None, **fields: Any) -> Act:
    pointer = None if about is None else {"origin": UN, "index": about}
    content = example_of(kind, about=pointer, **fields)
    return Act(UN, index, "un", content, {UN: index})


def alleged(index: int, day: str = "2023-03-01", **fields: Any) -> Act:
    return act(index, K.REPRISAL_ALLEGED, occurred_date=day or None, **fields)


def taken(index: int, step: str, day: str, about: int | None = None, **fields: Any) -> Act:
    return act(index, K.ACCOUNTABILITY_STEP, about, step=step, step_date=day or None, **fields)


def steps(*told: tuple[str, str]) -> tuple[Step, ...]:
    return tuple(Step(UN, n, "un", day, step, "") for n, (day, step) in enumerate(told))


@pytest.mark.parametrize(
    ("told", "standing"),
    [
        ((), "none"),
        (("complaint_filed",), "none"),
        (("complaint_filed", "investigation_opened"), "under_way"),
        (("investigation_opened", "indictment"), "under_way"),
        (("no_investigation",), "ended"),
        (("investigation_opened", "investigation_closed"), "ended"),
        (("indictment", "acquittal"), "ended"),
        (("investigation_closed", "investigation_opened"), "under_way"),
        (("investigation_closed", "complaint_filed"), "ended"),
        (("conviction",), "reached"),
        (("reparation",), "reached"),
        (("conviction", "investigation_closed"), "reached"),
        (("conviction", "indictment"), "reached"),
        (("conviction", "acquittal"), "ended"),
    ],
)
def test_accountability_stands_where_its_last_steps_say(
    told: tuple[str, ...], standing: str
) -> None:
    assert standing_of(steps(*(("2024", each) for each in told))) == standing


@pytest.mark.parametrize(
    ("occurred", "recorded", "told", "day", "why"),
    [
        # Twelve months to the day, not a day less; of a month or a year the last day counts.
        ("2023-03-01", "", (), "2024-03-01", "none"),
        ("2023-03-01", "", (), "2024-02-29", ""),
        ("2023-03", "", (), "2024-03-30", ""),
        ("2023-03", "", (), "2024-03-31", "none"),
        ("2023", "", (), "2024-12-30", ""),
        ("2023", "", (), "2024-12-31", "none"),
        # Of an unknown date the day of the record counts; without one nothing is said.
        ("", "2023-05-02", (), "2024-05-02", "none"),
        ("", "2023-05-02", (), "2024-05-01", ""),
        ("", "", (), "2999-01-01", ""),
        # A complaint is no step of an authority.
        ("2023-03-01", "", (("2024-02-01", "complaint_filed"),), "2024-03-01", "none"),
        # What is under way stands still after as many months without a step.
        ("2023-03-01", "", (("2023-06-01", "investigation_opened"),), "2024-05-31", ""),
        ("2023-03-01", "", (("2023-06-01", "investigation_opened"),), "2024-06-01", "stalled"),
        ("2023-03-01", "", (("", "investigation_opened"),), "2030-01-01", ""),
        # What ended without it is impunity at once.
        ("2023-03-01", "", (("2023-03-02", "no_investigation"),), "2023-03-02", "ended"),
        ("2023-03-01", "", (("2023-03-02", "no_investigation"),), "2023-03-01", ""),
        ("2023-03-01", "", (("2023-06-01", "acquittal"),), "2023-07-01", "ended"),
        ("2023-03-01", "", (("2023-06-01", "conviction"),), "2030-07-01", ""),
        # Steps after the day are not known on it.
        ("2023-03-01", "", (("2025-06-01", "conviction"),), "2024-07-01", "none"),
    ],
)
def test_impunity_on_a_day(
    occurred: str, recorded: str, told: tuple[tuple[str, str], ...], day: str, why: str
) -> None:
    assert impunity_on(occurred, recorded, steps(*told), date.fromisoformat(day)) == why


def test_number_of_months_is_an_argument() -> None:
    on = date(2023, 9, 1)
    assert impunity_on("2023-03-01", "", (), on, 6) == "none"
    assert impunity_on("2023-03-01", "", (), on, 7) == ""


def test_without_accountability_is_said_after_the_months_even_of_what_ended_before() -> None:
    ended = steps(("2023-03-02", "no_investigation"))
    assert not is_without_accountability("2023-03-01", "", ended, date(2024, 2, 29))
    assert is_without_accountability("2023-03-01", "", ended, date(2024, 3, 1))
    assert not is_without_accountability("", "", ended, date(2024, 3, 1))
    reached = steps(("2023-03-02", "reparation"))
    assert not is_without_accountability("2023-03-01", "", reached, date(2034, 3, 1))


@pytest.mark.parametrize(
    ("later", "earlier", "told", "why"),
    [
        ("2024-03-02", "2023-03-01", (), "none"),
        ("2024-03-01", "2023-03-01", (), ""),
        ("2023-05-01", "2023-03-01", (("2023-04-01", "investigation_closed"),), "ended"),
        ("2023-05-01", "2023-03-01", (("2023-05-01", "investigation_closed"),), ""),
        ("2023-05-01", "2023-03-01", (("2023-04-01", "acquittal"),), "ended"),
        ("2025-05-01", "2023-03-01", (("2023-04-01", "indictment"),), "stalled"),
        ("2025-05-01", "2023-03-01", (("2023-04-01", "conviction"),), ""),
        # Not for certain after it, or of an unknown date.
        ("2023", "2023-03-01", (("2023-03-01", "no_investigation"),), ""),
        ("", "2023-03-01", (("2023-03-01", "no_investigation"),), ""),
        ("2024-03-01", "", (("2023-03-01", "no_investigation"),), ""),
    ],
)
def test_recurrence_after_impunity(
    later: str, earlier: str, told: tuple[tuple[str, str], ...], why: str
) -> None:
    assert recurs_after(later, earlier, steps(*told)) == why


def test_steps_count_for_the_reprisal_they_are_about_and_those_about_nothing_for_all() -> None:
    acts = [
        alleged(0, "2023-03-01"),
        alleged(1, "2024-06"),
        act(2, K.DETENTION_RECORDED),
        taken(3, "complaint_filed", "2023-04-01", about=0),
        taken(4, "investigation_opened", "2023-05-01", about=3),
        taken(5, "conviction", "2023-06-01", about=2),
        taken(6, "indictment", "2024-01-01"),
        taken(7, "reparation", "2024-06"),
        taken(8, "acquittal", ""),
    ]
    first, second = reprisals_of(acts)
    assert [step.index for step in first.steps] == [3, 4, 6, 7, 8]
    assert [step.index for step in second.steps] == [7, 8]
    assert first.shown == {(UN, index) for index in (0, 3, 4, 6, 7, 8)}
    assert (first.date, second.date) == ("2023-03-01", "2024-06")


def test_reprisal_about_another_one_keeps_its_own_steps_and_a_circle_ends() -> None:
    acts = [
        alleged(0),
        act(1, K.REPRISAL_ALLEGED, about=0, occurred_date="2024-03-01"),
        taken(2, "no_investigation", "2024-05-01", about=1),
        taken(3, "indictment", "2024-05-01", about=4),
        taken(4, "indictment", "2024-05-01", about=3),
    ]
    first, second = reprisals_of(acts)
    assert [step.index for step in first.steps] == []
    assert [step.index for step in second.steps] == [2]


def test_links_add_bodies_and_acts_of_cooperation_and_the_last_resolution_counts() -> None:
    at = {"origin": "defenders.example/iachr/1", "index": 9}
    acts = [
        alleged(0, cooperated_with="un.sr-defenders", cooperation=None, cooperation_words="a"),
        act(1, K.REPRISAL_LINKED, 0, cooperated_with="iachr", cooperation=at),
        act(2, K.REPRISAL_LINKED, 0, cooperated_with="iachr", cooperation=at),
        act(3, K.REPRISAL_RESOLVED, 0, outcome="partly_remedied", resolved_date="2024-05"),
        act(4, K.REPRISAL_RESOLVED, 0, outcome="", resolved_date="2024-06-01"),
    ]
    (found,) = reprisals_of(acts)
    assert found.bodies == ("un.sr-defenders", "iachr")
    assert found.cooperation == ((at["origin"], 9),)
    assert found.words == ("a", "a meeting during an invented visit")
    assert (found.outcome, found.resolved) == ("ended", "2024-06-01")
    (alone,) = reprisals_of(acts[:1])
    assert (alone.outcome, alone.resolved, alone.cooperation) == ("", "", ())


def test_states_are_those_of_the_case_where_a_reprisal_names_none() -> None:
    opening = act(0, K.CASE_OPENED, states=["XXA", "XXB"])
    own, others = reprisals_of([opening, alleged(1, states=["XXC"]), alleged(2, "")])
    assert (own.states, others.states) == (("XXC",), ("XXA", "XXB"))
    assert (UN, 0) in others.shown
    assert (UN, 0) not in own.shown


def test_targets_are_persons_and_those_who_suffer_it_never_who_did_it() -> None:
    parties = [
        {"kind": "organisation", "name": "Ríver  WATCH", "role": "defender"},
        {"kind": "community", "name": "Upper Valley"},
        {"kind": "organisation", "name": "A militia", "role": "respondent"},
        {"kind": "company", "name": "Invented Mining Ltd", "role": "operator"},
        {"kind": "state_body", "name": "Police"},
    ]
    (found,) = reprisals_of([alleged(0, parties=parties, persons=[PERSON])], "case:1")
    assert found.targets == (
        "case:1",
        "community:upper valley",
        "organisation:river watch",
        f"person:{'ab' * 16}",
    )
    (bare,) = reprisals_of([alleged(0)])
    assert bare.targets == ()


def test_order_of_the_acts_does_not_change_what_is_found() -> None:
    acts = [
        alleged(0),
        act(1, K.REPRISAL_LINKED, 0, cooperated_with="iachr"),
        taken(2, "investigation_opened", "2024"),
        taken(3, "acquittal", "2024-12-31", about=0),
        act(4, K.REPRISAL_RESOLVED, 0),
        alleged(5, "2023-03"),
    ]
    expected = reprisals_of(acts)
    assert all(reprisals_of(order) == expected for order in permutations(acts))


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("2024-02-03", date(2024, 2, 3), date(2024, 2, 3)),
        ("2024-02", date(2024, 2, 1), date(2024, 2, 29)),
        ("2024", date(2024, 1, 1), date(2024, 12, 31)),
        ("", None, None),
    ],
)
def test_days_that_a_date_can_mean(text: str, first: date | None, last: date | None) -> None:
    assert (first_day(text), last_day(text)) == (first, last)


@pytest.mark.parametrize(
    ("day", "months", "later"),
    [
        (date(2024, 1, 31), 1, date(2024, 2, 29)),
        (date(2023, 11, 30), 15, date(2025, 2, 28)),
        (date(2023, 12, 1), 0, date(2023, 12, 1)),
        (date(9999, 6, 1), 12, date.max),
    ],
)
def test_months_later(day: date, months: int, later: date) -> None:
    assert months_later(day, months) == later
