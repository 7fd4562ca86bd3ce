"""Reasons for a case: what identifies ranks before circumstances, and nothing is taken away."""

import pytest

from registry.domain.matters import (
    Asked,
    ReasonCode,
    agrees_in_all,
    circumstances,
    falls_in,
    is_certain,
    name_reason,
    rank_of,
    reference_reason,
)
from registry.domain.names import NameMatch, Way

SAME = NameMatch(1.0, (Way.SAME,))
PART = NameMatch(0.9, (Way.PART,))


@pytest.mark.parametrize(
    ("date", "since", "until", "is_inside"),
    [
        ("2024-03-05", "2024-03", "2024-03", True),
        ("2024-03-05", "2024-03-06", "", False),
        ("2024-03", "2024-03-06", "2024-03-08", True),
        ("2024", "2024-03-06", "2024-03-08", True),
        ("2023", "2024-03-06", "", False),
        ("2024-04-01", "", "2024-03", False),
        ("2024-03-31", "", "2024-03", True),
        ("2024-03-31", "", "", True),
        ("", "", "", False),
    ],
)
def test_date_falls_into_a_period_as_far_as_it_is_known(
    date: str, since: str, until: str, *, is_inside: bool
) -> None:
    assert falls_in(date, since, until) is is_inside


def test_circumstances_tell_state_month_and_theme() -> None:
    asked = Asked(("XXA",), ("land_rights",), "2024-03-01", "2024-03-31")
    found = circumstances(
        asked, states=["XXA", "XXB"], themes=["land_rights"], dates=["2024-03-05", "2022"]
    )
    assert [each.words for each in found] == [
        "same State: XXA",
        "same month: 2024-03",
        "same theme: land_rights",
    ]
    assert agrees_in_all(asked, found)
    assert not agrees_in_all(asked, found[1:])


def test_period_over_months_is_told_with_the_last_act_in_it() -> None:
    asked = Asked(since="2024-01", until="2024-06")
    (found,) = circumstances(asked, states=[], themes=[], dates=["2024-02", "2024-05-01", "2025"])
    assert (found.code, found.words) == (ReasonCode.IN_PERIOD, "in the period: 2024-05-01")


def test_another_state_lowers_what_a_name_identifies_and_takes_nothing_away() -> None:
    named = name_reason("person", "An Invented Name", SAME)
    (other,) = circumstances(Asked(("XXA",)), states=["XXB"], themes=[], dates=[])
    assert other.code is ReasonCode.OTHER_STATE
    assert 0 < rank_of([named, other]).identified < rank_of([named]).identified
    assert rank_of([named, other]) > rank_of(
        circumstances(Asked(("XXA",)), states=["XXA"], themes=[], dates=[])
    )


def test_same_reference_ranks_before_one_of_an_update() -> None:
    same = reference_reason("UA XXA 1/2024", is_same=True)
    update = reference_reason("UA XXA 1/2024/Add.1", is_same=False)
    assert rank_of([same]) > rank_of([update]) > rank_of([])


def test_only_a_reference_or_a_whole_name_is_certain_enough_for_a_warning() -> None:
    assert is_certain([reference_reason("x", is_same=True)], [])
    assert is_certain([], [SAME])
    assert not is_certain([], [PART])
    assert not is_certain([reference_reason("x", is_same=False)], [NameMatch(0.83, (Way.TYPING,))])


def test_words_of_a_name_tell_how_it_was_matched() -> None:
    match = NameMatch(0.93, (Way.TRANSLITERATION,))
    assert name_reason("person", "Иван", match).words == "person Иван: transliteration, 0.93"
