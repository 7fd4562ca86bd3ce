"""Working definitions: who holds which one still, and how many of a term differ."""

from dataclasses import dataclass, replace
from typing import Final

from registry.domain.definitions import Superseded, differing, superseded_in, term_key


@dataclass(frozen=True)
class Definition:
    origin: str
    index: int
    mechanism: str
    definition: str
    held_by: tuple[str, ...]
    date: str
    recorded_ms: int = 0


FIRST: Final = Definition("un/1", 0, "un", "an act against a person", ("un", "achpr"), "2020-05-01")
LATER: Final = Definition("un/1", 4, "un", "an act against anybody", ("un",), "2024-01-01")
OTHER: Final = Definition("coe/1", 2, "coe", "any detriment", ("coe",), "2019")


def test_later_definition_of_a_body_takes_the_place_of_its_earlier_one_alone() -> None:
    found = superseded_in([LATER, OTHER, FIRST])

    assert found == {
        ("un/1", 0): (Superseded("un", ("un/1", 4)),),
        ("un/1", 4): (),
        ("coe/1", 2): (),
    }


def test_different_definitions_of_one_term_stand_side_by_side() -> None:
    assert differing([FIRST, LATER, OTHER]) == 3  # achpr still holds the first
    both = replace(LATER, held_by=("un", "achpr"))
    assert differing([FIRST, both, OTHER]) == 2
    same = replace(OTHER, definition="An act  against anybody")
    assert differing([FIRST, both, same]) == 1
    assert differing([]) == 0


def test_what_another_mechanism_says_that_a_body_holds_takes_the_place_of_nothing() -> None:
    hearsay = replace(LATER, origin="coe/1", mechanism="coe")

    assert superseded_in([FIRST, hearsay]) == {("un/1", 0): (), ("coe/1", 4): ()}
    assert differing([FIRST, hearsay]) == 2


def test_order_is_that_of_the_dates_and_of_recording_where_there_are_none() -> None:
    # Recorded later, agreed earlier: the date of the agreement counts.
    late_record = replace(FIRST, index=9, recorded_ms=10**13)
    assert superseded_in([LATER, late_record])["un/1", 9] == (Superseded("un", ("un/1", 4)),)
    # A year means its last day at the latest.
    year = replace(FIRST, index=5, date="2024")
    assert superseded_in([LATER, year])["un/1", 4] == (Superseded("un", ("un/1", 5)),)
    undated = replace(FIRST, index=7, date="", recorded_ms=1_750_000_000_000)  # in 2025
    assert superseded_in([LATER, undated])["un/1", 4] == (Superseded("un", ("un/1", 7)),)
    beyond = replace(undated, recorded_ms=2**62)
    assert superseded_in([LATER, beyond])["un/1", 7] == (Superseded("un", ("un/1", 4)),)
    same_day = replace(LATER, index=6, recorded_ms=5)
    assert superseded_in([same_day, LATER])["un/1", 4] == (Superseded("un", ("un/1", 6)),)


def test_term_is_the_same_in_any_case_width_and_spacing() -> None:
    assert term_key(" Reprisal\n Acts ") == term_key("reprisal acts")
    assert term_key("\uff32\uff25prisal") == "reprisal"
    assert term_key("reprisals") != term_key("reprisal")
