"""Dates of acts: their forms, their precision, what cannot be, and what is later for certain."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from registry.domain.content import PartialDate, Precision

EXTENTS = {Precision.DAY: 10, Precision.MONTH: 7, Precision.YEAR: 4, Precision.UNKNOWN: 0}
precise_dates = st.dates().flatmap(
    lambda day: st.sampled_from(sorted(EXTENTS.values())).map(
        lambda extent: PartialDate(value=day.isoformat()[:extent])
    )
)


@pytest.mark.parametrize(
    ("value", "precision"),
    [
        ("2014-06-14", Precision.DAY),
        ("2014-06", Precision.MONTH),
        ("2014", Precision.YEAR),
        ("", Precision.UNKNOWN),
        ("2012-02-29", Precision.DAY),
        ("0001-01-01", Precision.DAY),
        ("9999-12-31", Precision.DAY),
    ],
)
def test_precision_follows_from_the_form(value: str, precision: Precision) -> None:
    assert PartialDate(value=value).precision is precision
    assert PartialDate.model_validate(value) == PartialDate(value=value)
    assert PartialDate.model_validate({"value": value, "precision": precision.value}) == (
        PartialDate(value=value, precision=precision)
    )


@pytest.mark.parametrize(
    "value",
    [
        "2014-02-29",
        "2014-13-01",
        "2014-13",
        "2014-00",
        "2014-06-00",
        "2014-06-31",
        "0000",
        "0000-01-01",
        "14-06-2014",
        "2014/06/14",
        "2014-6-14",
        "20140614",
        "2014-06-14T00:00",
        "2014-06-1",
        " 2014",
        "2014\n",
        "-214",
        "+214",
        "٢٠١٤",
        "year",
    ],
)
def test_impossible_or_foreign_form_is_refused(value: str) -> None:
    with pytest.raises(ValidationError):
        PartialDate(value=value)


@pytest.mark.parametrize(
    ("value", "precision"),
    [("2014", "day"), ("2014-06-14", "year"), ("2014-06", "unknown"), ("", "day"), ("2014", "era")],
)
def test_precision_that_the_value_does_not_have_is_refused(value: str, precision: str) -> None:
    with pytest.raises(ValidationError):
        PartialDate.model_validate({"value": value, "precision": precision})


@pytest.mark.parametrize("wrong", [2014, None, 20140614.0, date(2014, 6, 14), ["2014"], b"2014"])
def test_what_is_no_text_is_no_date(wrong: object) -> None:
    with pytest.raises(ValidationError):
        PartialDate.model_validate(wrong)
    with pytest.raises(ValidationError):
        PartialDate.model_validate({"value": wrong})


def test_date_with_a_field_that_nobody_knows_is_refused() -> None:
    with pytest.raises(ValidationError, match="calendar"):
        PartialDate.model_validate({"value": "2014", "calendar": "julian"})


@pytest.mark.parametrize(
    ("one", "other", "is_after"),
    [
        ("2014-06-15", "2014-06-14", True),
        ("2014-06-14", "2014-06-14", False),
        ("2014-06-14", "2014-06-15", False),
        ("2014-07", "2014-06-30", True),
        ("2014-06", "2014-06-01", False),
        ("2014-06-30", "2014-06", False),
        ("2015", "2014-12-31", True),
        ("2014", "2014-01-01", False),
        ("2014-12-31", "2014", False),
        ("", "2014", False),
        ("2014", "", False),
        ("", "", False),
    ],
)
def test_later_is_only_what_is_later_for_certain(one: str, other: str, *, is_after: bool) -> None:
    assert PartialDate(value=one).is_after(PartialDate(value=other)) is is_after


@given(precise_dates, precise_dates)
def test_certainly_later_means_that_its_first_day_is_after_the_last_day_of_the_other(
    one: PartialDate, other: PartialDate
) -> None:
    certainly = bool(one.value and other.value) and _first(one) > _last(other)

    assert one.is_after(other) is certainly
    assert not (one.is_after(other) and other.is_after(one))


def test_dates_sort_by_value_with_the_less_precise_first() -> None:
    dates = [PartialDate(value=v) for v in ("2014-06-14", "2014", "", "2014-06", "2013-12-31")]

    ordered = sorted(dates, key=lambda each: each.sort_key)

    assert [each.value for each in ordered] == ["", "2013-12-31", "2014", "2014-06", "2014-06-14"]


def _first(partial: PartialDate) -> str:
    return partial.value + "-01-01"[len(partial.value) - 10 :] * (len(partial.value) < 10)


def _last(partial: PartialDate) -> str:
    return partial.value + "-12-31"[len(partial.value) - 10 :] * (len(partial.value) < 10)
