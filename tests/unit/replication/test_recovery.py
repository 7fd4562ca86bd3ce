"""The start-up fence: every row of its rules, and what it never does."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.domain.identifiers import Slug
from registry.log.facts import GuardComparison, GuardVerdict
from registry.replication.recovery import (
    Decision,
    Open,
    OwnNote,
    PullBack,
    Stop,
    Wait,
    decide,
)

A, B, C = (Slug(name) for name in "abc")
DATABASE: Final = 10
EQUAL = GuardComparison(GuardVerdict.EQUAL, DATABASE, DATABASE)
DATABASE_AHEAD = GuardComparison(GuardVerdict.DATABASE_AHEAD, 8, DATABASE)
GUARD_AHEAD = GuardComparison(GuardVerdict.GUARD_AHEAD, 12, DATABASE)
GUARD_MISSING = GuardComparison(GuardVerdict.GUARD_MISSING, 0, DATABASE)
INCONSISTENT = GuardComparison(GuardVerdict.INCONSISTENT, DATABASE, DATABASE)
EMPTY = GuardComparison(GuardVerdict.EQUAL, 0, 0)


def shows(size: int) -> OwnNote:
    return OwnNote(size, is_consistent=True)


FORKED = OwnNote(7, is_consistent=False, note=b"the other history")


@dataclass(frozen=True)
class Row:
    """One situation; three other members unless it says otherwise."""

    comparison: GuardComparison
    expected: Decision | type[Decision]
    answers: Mapping[Slug, OwnNote] = field(default_factory=dict)
    asked: int = 3
    failed: tuple[Slug, ...] = ()
    shown: int = 0


ALL_EQUAL: Final = {A: shows(10), B: shows(10), C: shows(10)}
ROWS: Final = {
    # 2, 3: asked for at most a second; opened if nobody shows more.
    "all_answered_at_once": Row(EQUAL, Open(), ALL_EQUAL),
    "nobody_reachable": Row(EQUAL, Open()),
    "some_reachable": Row(EQUAL, Open(), {A: shows(10)}),
    "peers_that_lag": Row(EQUAL, Open(), {A: shows(0), B: shows(9), C: shows(10)}),
    "a_crash_before_the_guard": Row(DATABASE_AHEAD, Open(), {A: shows(8)}),
    "a_new_log": Row(EMPTY, Open(), {A: shows(0), B: shows(0), C: shows(0)}),
    "a_registry_of_one": Row(EQUAL, Open(), asked=0),
    # 4: a peer shows more.
    "a_peer_shows_more": Row(EQUAL, PullBack(B, 11), {A: shows(10), B: shows(11)}),
    "a_peer_shows_more_at_once": Row(EQUAL, PullBack(B, 11), {B: shows(11)}),
    "an_empty_database": Row(EMPTY, PullBack(B, 1), {A: shows(0), B: shows(1)}),
    "the_largest_is_pulled": Row(
        EQUAL, PullBack(B, 13), {A: shows(11), B: shows(13), C: shows(12)}
    ),
    "a_peer_shows_more_than_both": Row(DATABASE_AHEAD, PullBack(A, 11), {A: shows(11)}),
    "one_that_did_not_deliver_is_asked_last": Row(
        EQUAL, PullBack(C, 12), {A: shows(11), B: shows(13), C: shows(12)}, failed=(B,)
    ),
    "the_only_one_that_shows_more_is_asked_again": Row(
        EQUAL, PullBack(B, 13), {A: shows(10), B: shows(13)}, failed=(B,)
    ),
    # 5: the guard is ahead.
    "guard_ahead_and_nobody": Row(GUARD_AHEAD, Wait),
    "guard_ahead_and_no_help": Row(GUARD_AHEAD, Wait, ALL_EQUAL),
    "guard_ahead_and_nobody_there": Row(GUARD_AHEAD, Wait, asked=0),
    "guard_ahead_and_the_rest_is_there": Row(GUARD_AHEAD, PullBack(A, 12), {A: shows(12)}),
    "guard_ahead_and_some_of_it_is_there": Row(GUARD_AHEAD, PullBack(A, 11), {A: shows(11)}),
    # 5: the guard is missing.
    "guard_missing_and_nobody": Row(GUARD_MISSING, Wait),
    "guard_missing_and_one_did_not_answer": Row(GUARD_MISSING, Wait, {A: shows(10), B: shows(10)}),
    "guard_missing_and_all_answered": Row(GUARD_MISSING, Open(), ALL_EQUAL),
    "guard_missing_and_one_shows_more": Row(
        GUARD_MISSING, PullBack(C, 11), {**ALL_EQUAL, C: shows(11)}
    ),
    "guard_missing_in_a_registry_of_one": Row(GUARD_MISSING, Wait, asked=0),
    # 5: what was shown once is not forgotten with the peer that showed it.
    "guard_missing_and_one_shows_less_than_before": Row(
        GUARD_MISSING, Wait, ALL_EQUAL, shown=DATABASE + 1
    ),
    "guard_missing_and_all_that_was_shown_is_back": Row(
        GUARD_MISSING, Open(), ALL_EQUAL, shown=DATABASE
    ),
    "guard_behind_what_was_shown": Row(EQUAL, Wait, ALL_EQUAL, shown=DATABASE + 1),
    # A registry of two.
    "two_and_the_other_is_there": Row(EQUAL, Open(), {A: shows(10)}, asked=1),
    "two_and_the_other_is_away": Row(EQUAL, Open(), asked=1),
    "two_guard_missing_and_the_other_away": Row(GUARD_MISSING, Wait, asked=1),
    "two_guard_missing_and_the_other_there": Row(GUARD_MISSING, Open(), {A: shows(10)}, asked=1),
    # 6: inconsistent.
    "guard_and_database_contradict": Row(INCONSISTENT, Stop, ALL_EQUAL),
    "guard_and_database_contradict_and_nobody": Row(INCONSISTENT, Stop),
    "guard_and_database_contradict_and_one_shows_more": Row(INCONSISTENT, Stop, {A: shows(20)}),
    "another_history": Row(EQUAL, Stop, {A: shows(10), B: FORKED}),
    "another_history_and_one_shows_more": Row(EQUAL, Stop, {A: shows(20), B: FORKED}),
    "another_history_and_guard_ahead": Row(GUARD_AHEAD, Stop, {A: FORKED}),
    "another_history_and_guard_missing": Row(GUARD_MISSING, Stop, {A: FORKED}, asked=1),
}


@pytest.mark.parametrize("name", ROWS)
def test_row(name: str) -> None:
    row = ROWS[name]

    decision = decide(
        row.comparison,
        row.answers,
        asked=row.asked,
        failed=row.failed,
        shown=row.shown,
    )

    if isinstance(row.expected, type):
        assert type(decision) is row.expected
    else:
        assert decision == row.expected


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("guard_ahead_and_nobody", ["signed 12 events", "holds 10"]),
        ("guard_missing_and_one_did_not_answer", ["guard is missing", "2 of 3", "operator"]),
        ("another_history", ["b holds another history", "forked"]),
        ("guard_and_database_contradict", ["guard and database", "new epoch"]),
    ],
)
def test_a_closed_log_says_why(row: str, words: list[str]) -> None:
    decision = decide(
        ROWS[row].comparison,
        ROWS[row].answers,
        asked=ROWS[row].asked,
    )

    assert isinstance(decision, Wait | Stop)
    for word in words:
        assert word in decision.reason


def test_a_stop_for_another_history_brings_the_note_that_proves_it() -> None:
    decision = decide(EQUAL, {A: shows(20), B: FORKED}, asked=3)

    assert isinstance(decision, Stop)
    assert decision.evidence == FORKED.note


sizes = st.integers(0, 20)
comparisons = st.builds(GuardComparison, st.sampled_from(GuardVerdict), sizes, sizes)
notes = st.builds(OwnNote, sizes, st.booleans())


@given(
    comparison=comparisons,
    answers=st.dictionaries(st.sampled_from([A, B, C]), notes),
    silent=st.integers(0, 2),
    failed=st.sets(st.sampled_from([A, B, C])),
    shown=sizes,
)
def test_the_log_is_never_opened_over_what_a_peer_shows(
    comparison: GuardComparison,
    answers: dict[Slug, OwnNote],
    silent: int,
    failed: set[Slug],
    shown: int,
) -> None:
    asked = len(answers) + silent

    decision = decide(comparison, answers, asked=asked, failed=failed, shown=shown)

    if isinstance(decision, Open):
        assert shown <= comparison.database_size
        assert all(note.is_consistent for note in answers.values())
        assert all(note.size <= comparison.database_size for note in answers.values())
        assert comparison.kind not in {GuardVerdict.INCONSISTENT, GuardVerdict.GUARD_AHEAD}
        assert comparison.kind is not GuardVerdict.GUARD_MISSING or (asked and not silent)
    if isinstance(decision, PullBack):
        assert answers[decision.peer] == shows(decision.size)
        assert decision.size > comparison.database_size
    if isinstance(decision, Stop):
        is_forked = not all(note.is_consistent for note in answers.values())
        assert is_forked or comparison.kind is GuardVerdict.INCONSISTENT


@given(answers=st.dictionaries(st.sampled_from([A, B, C]), st.builds(shows, sizes)))
def test_every_peer_that_shows_more_gets_its_turn_before_one_is_asked_again(
    answers: dict[Slug, OwnNote],
) -> None:
    failed: list[Slug] = []
    offering = {slug for slug, note in answers.items() if note.size > DATABASE}
    for _ in offering:
        decision = decide(EQUAL, answers, asked=3, failed=failed)
        assert isinstance(decision, PullBack)
        failed.append(decision.peer)

    assert sorted(failed) == sorted(offering)
