"""Intents: when they lapse, which act fulfils them, who answers and withdraws, which ones meet."""

from datetime import date
from typing import Any, Final, get_args

import pytest

from registry.domain.acts import Act
from registry.domain.content import CONTENT_BY_KIND, PartialDate
from registry.domain.content.examples import example_of
from registry.domain.content.kinds.intents import PlannedAction
from registry.domain.intents import (
    KINDS_OF_ACTION,
    Intent,
    Window,
    do_meet,
    first_day,
    intents_of,
    state_on,
)
from registry.domain.vocabulary import EventKind as K

PLAN: Final[dict[str, Any]] = {
    "declared_date": "2026-11-01",
    "instrument": "un.ua",
    "action": "",
    "addressee_state": "XXA",
    "planned_date": "2026-12-01",
    "planned_until_date": None,
    "lapses_date": None,
}
LETTER: Final[dict[str, Any]] = {
    "instrument": "un.ua",
    "addressee_state": "XXA",
    "sent_date": "2026-11-20",
}


class Story:
    """Acts one after the other; each is about an earlier one by its number."""

    def __init__(self) -> None:
        self.acts: list[Act] = []

    def tell(self, kind: K, about: int | None = None, by: str = "un", **fields: Any) -> "Story":
        of = None if about is None else self.acts[about]
        pointer = None if of is None else {"origin": of.origin, "index": of.index}
        content = example_of(kind, about=pointer, **{"acting_body": by, **fields})
        origin, index = f"defenders.example/{by}/1", len(self.acts)
        self.acts.append(Act(origin, index, by, content, {origin: index}))
        return self

    def plans(self, by: str = "un", **fields: Any) -> "Story":
        return self.tell(K.INTENT_DECLARED, by=by, **{**PLAN, **fields})

    def sends(self, about: int | None = None, by: str = "un", **fields: Any) -> "Story":
        return self.tell(K.COMMUNICATION_SENT, about, by, **{**LETTER, **fields})

    def answers(self, about: int, by: str = "coe", **fields: Any) -> "Story":
        return self.tell(K.INTENT_ANSWERED, about, by, **fields)

    def found(self) -> list[Intent]:
        return list(intents_of(self.acts))

    @property
    def states(self) -> list[str]:
        return [each.state for each in self.found()]


# --- lapsing --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "lapses"),
    [
        ({}, "2026-12-01"),
        ({"planned_date": "2026-12"}, "2026-12-31"),
        ({"planned_until_date": "2026-12-05"}, "2026-12-05"),
        ({"planned_until_date": "2026-12-05", "lapses_date": "2026-11-15"}, "2026-11-15"),
        ({"lapses_date": "2027"}, "2027-12-31"),
        ({"lapses_date": ""}, "2026-12-01"),
        ({"planned_date": None}, ""),
    ],
)
def test_intent_stands_until_the_day_it_names_or_its_window_ends(
    fields: dict[str, Any], lapses: str
) -> None:
    (intent,) = Story().plans(**fields).found()

    assert intent.lapses == lapses


def test_intent_has_lapsed_the_day_after_its_last_one_unless_something_became_of_it() -> None:
    assert state_on("open", "2026-12-01", date(2026, 12, 1)) == "open"
    assert state_on("open", "2026-12-01", date(2026, 12, 2)) == "lapsed"
    assert state_on("answered", "2026-12-01", date(2026, 12, 2)) == "lapsed"
    assert state_on("fulfilled", "2026-12-01", date(2026, 12, 2)) == "fulfilled"
    assert state_on("withdrawn", "2026-12-01", date(2026, 12, 2)) == "withdrawn"
    assert state_on("open", "", date(9999, 12, 31)) == "open"


# --- fulfilment -----------------------------------------------------------------------------------


def test_act_of_the_same_mechanism_with_that_instrument_on_that_state_fulfils() -> None:
    assert Story().plans().sends().states == ["fulfilled"]
    (intent,) = Story().plans().answers(0).sends(0).found()
    assert intent.settled_by is not None
    assert (intent.state, intent.settled_by.index) == ("fulfilled", 2)


@pytest.mark.parametrize(
    "fields",
    [
        {"by": "coe"},
        {"instrument": "un.al"},
        {"addressee_state": "XXB"},
        {"sent_date": "2026-10-31"},  # before it was declared
        {"sent_date": "2026-12-02"},  # after it had lapsed
    ],
    ids=["another mechanism", "another instrument", "another State", "before", "after"],
)
def test_what_only_looks_like_it_fulfils_nothing(fields: dict[str, Any]) -> None:
    assert Story().plans().sends(**fields).states == ["open"]


def test_act_that_is_about_an_intent_fulfils_it_late_but_not_by_other_means() -> None:
    assert Story().plans().sends(0, sent_date="2027-02-01").states == ["fulfilled"]
    assert Story().plans().sends(0, instrument="").states == ["fulfilled"]
    assert Story().plans().sends(0, instrument="un.al").states == ["open"]
    assert Story().plans().sends(0, addressee_state="XXB").states == ["open"]
    assert Story().plans().sends(0, by="coe").states == ["open"]


def test_act_without_a_date_or_with_part_of_one_gets_the_benefit_of_the_doubt() -> None:
    for sent in (None, "2026", "2026-11", "2026-12-01"):
        assert Story().plans().sends(sent_date=sent).states == ["fulfilled"]
    assert Story().plans(declared_date=None).sends().states == ["fulfilled"]


def test_act_fulfils_one_intent_the_one_it_is_about_or_else_the_oldest() -> None:
    assert Story().plans().plans().sends().states == ["fulfilled", "open"]
    assert Story().plans().plans().sends().sends().states == ["fulfilled", "fulfilled"]
    assert Story().plans().plans().sends(1).states == ["open", "fulfilled"]
    # About another mechanism's intent it may still do what its own one meant.
    assert Story().plans(by="coe").plans().sends(0).states == ["open", "fulfilled"]
    twice = Story().plans().sends(0).sends(0).found()[0].settled_by
    assert twice is not None
    assert twice.index == 1


def test_act_that_was_recorded_before_fulfils_nothing() -> None:
    assert Story().sends().plans().states == ["open"]


def test_intent_without_an_instrument_is_fulfilled_by_what_does_its_action() -> None:
    visit: dict[str, Any] = {"instrument": "", "action": "visit"}
    came: dict[str, Any] = {
        "visited_state": "XXA",
        "visit_end_date": "2026-11-20",
        "visit_start_date": None,
    }

    assert Story().plans(**visit).tell(K.VISIT_CONDUCTED, **came).states == ["fulfilled"]
    assert Story().plans(**visit).sends().states == ["open"]
    nothing_said = {"instrument": "", "action": ""}
    assert Story().plans(**nothing_said).sends().states == ["open"]
    assert Story().plans(**nothing_said).sends(0).states == ["fulfilled"]
    assert Story().plans(instrument="", action="other").sends(0).states == ["fulfilled"]


def test_announcing_and_drafting_fulfil_nothing() -> None:
    visit = {"instrument": "un.visit", "action": "visit"}
    said: dict[str, Any] = {
        "visited_state": "XXA",
        "instrument": "un.visit",
        "announced_date": "2026-11-20",
    }
    assert Story().plans(**visit).tell(K.VISIT_ANNOUNCED, 0, **said).states == ["open"]
    words = {"instrument": "un.press", "action": "statement"}
    draft: dict[str, Any] = {"instrument": "un.press", "states": ["XXA"]}
    assert Story().plans(**words).tell(K.STATEMENT_DRAFTED, 0, **draft).states == ["open"]
    assert Story().plans().tell(K.NOTE_ADDED, 0).states == ["open"]


def test_every_action_is_done_by_kinds_that_name_an_instrument() -> None:
    named = set(get_args(PlannedAction)) - {"", "other"}
    assert set(KINDS_OF_ACTION) == named
    for kinds in KINDS_OF_ACTION.values():
        assert all("instrument" in CONTENT_BY_KIND[kind].model_fields for kind in kinds)


def test_thousands_of_intents_and_acts_are_compared_a_hundred_at_a_time() -> None:
    story = Story()
    for _ in range(150):
        story.plans(addressee_state="XXB")
    story.plans().sends()
    assert story.states.count("fulfilled") == 0  # beyond the hundred oldest
    assert Story().plans(addressee_state="XXB").plans().sends().states == ["open", "fulfilled"]


# --- answers and withdrawal -----------------------------------------------------------------------


def test_last_answer_of_each_body_counts_and_all_are_kept() -> None:
    story = Story().plans().answers(0, answer="defers").answers(0, by="achpr", answer="supports")
    story.answers(0, answer="joins")
    (intent,) = story.found()

    told = [(a.act.mechanism, a.act.content, a.counts) for a in intent.answers]
    assert [(who, getattr(what, "answer", ""), counts) for who, what, counts in told] == [
        ("coe", "defers", False),
        ("achpr", "supports", True),
        ("coe", "joins", True),
    ]
    assert intent.state == "answered"


def test_nobody_answers_its_own_intent_or_one_that_is_not_there() -> None:
    assert Story().plans().answers(0, by="un").states == ["open"]
    assert Story().tell(K.NOTE_ADDED).answers(0).states == []
    assert Story().plans().tell(K.INTENT_ANSWERED, None, "coe").states == ["open"]


def test_intent_is_withdrawn_by_its_own_mechanism_alone_and_then_nothing_follows() -> None:
    assert Story().plans().tell(K.INTENT_WITHDRAWN, 0).states == ["withdrawn"]
    assert Story().plans().tell(K.INTENT_WITHDRAWN, 0, "coe").states == ["open"]
    assert Story().plans().tell(K.INTENT_WITHDRAWN, 0).sends().states == ["withdrawn"]
    # Who acts on it all the same says so.
    assert Story().plans().tell(K.INTENT_WITHDRAWN, 0).sends(0).states == ["fulfilled"]
    assert Story().plans().sends().tell(K.INTENT_WITHDRAWN, 0).states == ["fulfilled"]


# --- windows --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "window"),
    [
        ({}, ("2026-12-01", "2026-12-01")),
        ({"planned_date": "2026-12"}, ("2026-12-01", "2026-12-31")),
        ({"planned_until_date": "2027-01"}, ("2026-12-01", "2027-01-31")),
        ({"planned_date": None, "planned_until_date": "2026-12-05"}, ("2026-11-01", "2026-12-05")),
        ({"planned_until_date": "2026-11"}, ("2026-11-30", "2026-11-30")),  # it breaks the rules
        ({"planned_date": None}, None),
        ({"planned_date": None, "lapses_date": "2026-12-05"}, None),
    ],
)
def test_window_is_what_the_dates_can_mean(
    fields: dict[str, Any], window: tuple[str, str] | None
) -> None:
    (intent,) = Story().plans(**fields).found()

    assert intent.window == window


def test_windows_meet_if_they_have_a_day_in_common() -> None:
    december = Window("2026-12-01", "2026-12-31")

    assert do_meet(december, Window("2026-12-31", "2027-01-05"))
    assert do_meet(Window("2026-12-31", "2027-01-05"), december)
    assert do_meet(december, Window("2026-12-05", "2026-12-05"))
    assert not do_meet(december, Window("2027-01-01", "2027-01-05"))
    assert not do_meet(Window("2027-01-01", "2027-01-05"), december)


def test_first_day_is_the_earliest_that_a_date_can_mean() -> None:
    given = ["2026-12-05", "2026-12", "2026", ""]
    found = [first_day(PartialDate(value=each)) for each in given]

    assert found == ["2026-12-05", "2026-12-01", "2026-01-01", ""]
