"""Obligations: which day is due, what moves it, what meets it, and who owes it."""

from datetime import date
from typing import Any, Final

import pytest

from registry.domain.acts import Act
from registry.domain.content.examples import example_of
from registry.domain.deadlines import Obligation, is_overdue, obligations_of
from registry.domain.mechanisms import shipped_profiles
from registry.domain.vocabulary import EventKind as K

UN: Final = "defenders.example/un/1"
LETTER: dict[str, Any] = {"instrument": "un.ua", "reply_due_date": None, "addressee_state": "XXA"}


class Story:
    """Acts one after the other; each is about an earlier one by its number."""

    def __init__(self) -> None:
        self.acts: list[Act] = []

    def tell(self, kind: K, about: int | None = None, by: str = "un", **fields: Any) -> "Story":
        pointer = None if about is None else {"origin": UN, "index": about}
        content = example_of(kind, about=pointer, **fields)
        index = len(self.acts)
        self.acts.append(Act(UN, index, by, content, {UN: index}))
        return self

    def due(self, matter: str = "reply_due") -> list[Obligation]:
        found = obligations_of(self.acts, shipped_profiles())
        return [each for each in found if each.matter == matter]


def late(due: Obligation, today: date) -> bool:
    return is_overdue(due.matter, due.state, due.due, today)


def letter(sent: str = "2024-01-10", **fields: Any) -> Story:
    return Story().tell(K.COMMUNICATION_SENT, sent_date=sent, **{**LETTER, **fields})


def reply(story: Story, received: str, kind: str = "substantive", about: int = 0) -> Story:
    return story.tell(
        K.REPLY_RECEIVED, about, received_date=received, replied_date=None, reply_kind=kind
    )


@pytest.mark.parametrize(
    ("sent", "due"),
    [
        ("2024-01-10", "2024-03-10"),
        ("2023-12", "2024-02-29"),  # from the last day that it can mean
        ("2023", "2024-02-29"),
        ("9999-12-31", None),
        ("", None),
    ],
)
def test_reply_is_due_by_the_clock_of_the_instrument(sent: str, due: str | None) -> None:
    found = letter(sent).due()

    assert [each.due for each in found] == ([] if due is None else [due])
    assert all(each.is_by_clock and each.states == ("XXA",) for each in found)


def test_date_that_an_act_names_stands_above_the_clock() -> None:
    (due,) = letter(reply_due_date="2024-02").due()

    assert (due.due, due.is_by_clock) == ("2024-02-29", False)


def test_instrument_of_another_kind_or_that_nobody_knows_sets_no_clock() -> None:
    assert letter(instrument="wgad.opinion").due() == []
    assert letter(instrument="nobody.knows").due() == []


def test_extension_moves_the_date_and_a_clock_gives_its_length_where_it_says_none() -> None:
    moved = letter().tell(K.REPLY_EXTENSION_GRANTED, 0, reply_due_date="2024-06-01")
    assert [(each.due, each.is_by_clock) for each in moved.due()] == [("2024-06-01", False)]

    regular = letter(instrument="wgad.regular")
    regular.tell(K.REPLY_EXTENSION_GRANTED, 0, reply_due_date=None, granted_date="2024-03-01")
    assert [(each.due, each.is_by_clock) for each in regular.due()] == [("2024-04-09", True)]


def test_extension_of_what_has_no_date_says_nothing_unless_it_names_one() -> None:
    undated = letter(instrument="achpr.appeal")
    undated.tell(K.REPLY_EXTENSION_GRANTED, 0, reply_due_date=None, granted_date="2024-03-01")
    assert undated.due() == []

    undated.tell(K.REPLY_EXTENSION_GRANTED, 0, reply_due_date="2024-06", granted_date="2024-03-01")
    assert [each.due for each in undated.due()] == ["2024-06-30"]


@pytest.mark.parametrize(
    ("received", "kind", "state"),
    [
        ("2024-03-10", "substantive", "met"),
        ("2024-03-11", "substantive", "met_late"),
        ("2024-03", "rejection", "met"),  # nobody knows that it was late
        ("2024-04", "immaterial", "met_late"),
        ("", "substantive", "met"),
        ("2024-02-01", "acknowledgement", "open"),
        ("2024-02-01", "translation_pending", "open"),
    ],
)
def test_reply_meets_what_was_due_unless_it_only_acknowledges(
    received: str, kind: str, state: str
) -> None:
    (due,) = reply(letter(), received, kind).due()

    assert due.state == state
    assert due.met == ("" if state == "open" else received)


def test_overdue_follows_from_the_day_and_a_hearing_never_is() -> None:
    (due,) = letter().due()
    assert not late(due, date(2024, 3, 10))
    assert late(due, date(2024, 3, 11))
    assert not late(reply(letter(), "2024-05-01").due()[0], date(2025, 1, 1))

    trial = Story().tell(K.TRIAL_OBSERVED, next_hearing_date="2024-05-02")
    (hearing,) = trial.due("hearing")
    assert not late(hearing, date(2025, 1, 1))
    assert reply(trial, "2024-04-01").due("hearing")[0].state == "open"
    trial.tell(K.TRIAL_OBSERVED, 0, next_hearing_date=None, observed_date="2024-05-02")
    assert trial.due("hearing")[0].state == "superseded"


def test_opinion_is_followed_up_in_months_to_the_end_of_a_shorter_one() -> None:
    story = Story().tell(
        K.OPINION_ADOPTED,
        instrument="wgad.opinion",
        adopted_date="2023-08-31",
        submitted_date=None,
        followup_due_date=None,
    )
    (due,) = story.due("followup_due")
    assert (due.due, due.state) == ("2024-02-29", "open")

    story.tell(K.FOLLOWUP_INFORMATION, 0, received_date="2024-02-28")
    assert story.due("followup_due")[0].state == "met"


def test_measure_that_is_extended_or_lifted_takes_the_place_of_its_term() -> None:
    story = Story().tell(K.MEASURE_GRANTED, granted_date="2024-01-01", reply_due_date="2024-02-01")
    story.tell(K.MEASURE_EXTENDED, 0, extended_date="2024-01-20", reply_due_date="2024-08-01")
    first, second = story.due()
    assert (first.state, second.state, second.due) == ("superseded", "open", "2024-08-01")

    story.tell(K.MEASURE_LIFTED, 1, is_partial=True, lifted_date="2024-03-01")
    assert story.due()[1].state == "open"
    story.tell(K.MEASURE_LIFTED, 1, is_partial=False, lifted_date="2024-04-01")
    assert story.due()[1].state == "superseded"


def test_nobody_but_who_asked_gives_more_time_or_lifts_what_was_asked() -> None:
    asked = letter().tell(K.REPLY_EXTENSION_GRANTED, 0, by="coe", reply_due_date="9999-12-31")
    assert [each.due for each in asked.due()] == ["2024-03-10"]

    story = Story().tell(K.MEASURE_GRANTED, granted_date="2024-01-01", reply_due_date="2024-02-01")
    story.tell(K.MEASURE_LIFTED, 0, by="coe", is_partial=False, lifted_date="2024-01-20")
    assert story.due()[0].state == "open"


def test_measure_that_is_extended_to_an_unknown_day_keeps_its_term() -> None:
    story = Story().tell(K.MEASURE_GRANTED, granted_date="2024-01-01", reply_due_date="2024-02-01")
    story.tell(K.MEASURE_EXTENDED, 0, extended_date="2024-01-20", reply_due_date="")

    assert [(each.due, each.state) for each in story.due()] == [("2024-02-01", "open")]


def test_report_on_a_visit_meets_its_date() -> None:
    story = Story().tell(K.VISIT_CONDUCTED, report_due_date="2025-02", visited_state="XXB")
    assert [each.state for each in story.due("report_due")] == ["open"]
    story.tell(K.VISIT_REPORT_PUBLISHED, 0, published_date="2024-12")
    (due,) = story.due("report_due")
    assert (due.state, due.states) == ("met", ("XXB",))


def test_letter_to_a_company_is_owed_by_the_states_that_it_concerns() -> None:
    story = letter(addressee_state="", addressee="Invented Mining Ltd", states=["XXA", "XXB"])

    assert story.due()[0].states == ("XXA", "XXB")


def test_reply_of_which_the_year_alone_is_known_hides_no_late_one() -> None:
    story = reply(letter(), "2024-06-01")
    assert story.due()[0].state == "met_late"
    (due,) = reply(story, "2024").due()

    assert (due.state, due.met) == ("met_late", "2024-06-01")


def test_what_answers_a_later_letter_neither_moves_nor_meets_the_day_of_the_first() -> None:
    story = letter()
    story.tell(K.COMMUNICATION_SENT, 0, sent_date="2024-02-01", **LETTER)
    story.tell(K.REPLY_EXTENSION_GRANTED, 1, reply_due_date="2024-06-01")
    first, later = reply(story, "2024-02-20", about=1).due()

    assert (first.index, first.due, first.state) == (0, "2024-03-10", "open")
    assert (later.index, later.due, later.state) == (1, "2024-06-01", "met")


def test_later_letter_that_only_an_extension_gives_a_day_keeps_it_to_itself() -> None:
    story = letter()
    undated = {**LETTER, "instrument": "achpr.appeal"}
    story.tell(K.COMMUNICATION_SENT, 0, sent_date="2024-02-01", **undated)
    story.tell(K.REPLY_EXTENSION_GRANTED, 1, reply_due_date="2024-06-01")

    assert [(each.index, each.due) for each in story.due()] == [
        (0, "2024-03-10"),
        (1, "2024-06-01"),
    ]


def test_what_carries_a_letter_on_without_a_day_of_its_own_is_passed() -> None:
    story = letter().tell(K.REPLY_EXTENSION_GRANTED, 0, reply_due_date="2024-06-01")
    story.tell(K.COMMUNICATION_PUBLISHED, 0, published_date="2024-04-01")

    assert reply(story, "2024-05-01", about=1).due()[0].met == "2024-05-01"
    assert reply(story, "2024-04-20", about=2).due()[0].met == "2024-04-20"


@pytest.mark.parametrize("step", [1, -1])
def test_earliest_reply_meets_in_whatever_order_they_were_recorded(step: int) -> None:
    days = ["2024-03-01", "2024-05-01"]
    story = letter()
    for day in days[::step]:
        reply(story, day)

    assert [(each.state, each.met) for each in story.due()] == [("met", "2024-03-01")]


def test_reply_of_an_unknown_day_meets_only_what_no_dated_one_does() -> None:
    assert reply(reply(letter(), ""), "2024-05-01").due()[0].met == "2024-05-01"


@pytest.mark.parametrize("step", [1, -1])
def test_extension_that_was_granted_last_counts_in_whatever_order_they_were_recorded(
    step: int,
) -> None:
    granted = [("2024-02-01", "2024-04-01"), ("2024-03-01", "2024-06-01")]
    story = letter()
    for day, due in granted[::step]:
        story.tell(K.REPLY_EXTENSION_GRANTED, 0, granted_date=day, reply_due_date=due)

    assert [each.due for each in story.due()] == ["2024-06-01"]


@pytest.mark.parametrize(
    ("scheme", "value", "derived", "state"),
    [
        ("ccpr", "D1", "", "open"),  # no response
        ("upr", "noted", "", "open"),  # not assessed
        ("ccpr", "B", "no_response", "open"),
        ("ccpr", "D1", "partial", "met"),
        ("ccpr", "A", "", "met"),
        ("ccpr", "E", "", "met"),
    ],
)
def test_assessment_that_found_nothing_to_assess_meets_no_follow_up(
    scheme: str, value: str, derived: str, state: str
) -> None:
    story = Story().tell(K.RECOMMENDATION_MADE, followup_due_date="2025-01-01")
    grade = {"scheme": scheme, "value": value}
    story.tell(K.FOLLOWUP_ASSESSED, 0, assessed_date="2024-12-01", grade=grade, derived=derived)

    assert [each.state for each in story.due("followup_due")] == [state]


def test_pointers_in_a_circle_end() -> None:
    story = letter()
    story.tell(K.REPLY_RECEIVED, 1, reply_kind="", received_date="", replied_date=None)

    assert story.due()[0].state == "open"


class Watched(Act):
    """An act that counts how often somebody asks where it stands."""

    looks = 0

    @property
    def place(self) -> tuple[str, int]:
        Watched.looks += 1
        return super().place


@pytest.mark.parametrize("every", [1, 2, 300, 301])  # the last: nothing is due
def test_long_chain_of_answers_to_answers_is_walked_once(every: int) -> None:
    story, count = Story(), 300
    for index in range(count):
        about = index - 1 if index else None
        due = {"reply_due_date": "2024-06-01"} if (index + 1) % every == 0 else {}
        fields = {**LETTER, "instrument": "achpr.appeal", **due}
        story.tell(K.COMMUNICATION_SENT, about, sent_date="2024-01-10", **fields)
    Watched.looks = 0

    found = obligations_of([Watched(*act) for act in story.acts], shipped_profiles())

    assert len(found) == count // every
    assert Watched.looks < 16 * count  # 300 walks of the rest would look 45,000 times
