"""How days and dates that are known in part are written for people."""

import pytest

from registry.client.detention import DaySpan
from registry.domain.detention import Days
from registry_cli.detention_output import days_text, span_text


@pytest.mark.parametrize(
    ("days", "told"),
    [
        (Days(0, 0), "0 days"),
        (Days(1, 1), "1 day"),
        (Days(31, 61), "31 to 61 days"),
        (Days(30, None), "at least 30 days"),
        (Days(0, None), "unknown"),
    ],
)
def test_days_are_told_with_what_nobody_knows(days: Days, told: str) -> None:
    assert days_text(days) == told


@pytest.mark.parametrize(
    ("first", "last", "told"),
    [
        ("2024-03-20", "2024-03-20", "2024-03-20"),
        ("2024-03-01", "2024-03-31", "2024-03"),
        ("2024-02-01", "2024-02-29", "2024-02"),
        ("2024-03-01", "2024-03-30", "2024-03-01 to 2024-03-30"),
        ("2024-01-01", "2024-12-31", "2024"),
        ("2024-03-20", "2024-03-25", "2024-03-20 to 2024-03-25"),
        ("", "2024-03-25", "by 2024-03-25"),
        ("", "", "undated"),
    ],
)
def test_span_is_written_as_short_as_it_is_true(first: str, last: str, told: str) -> None:
    assert span_text(DaySpan(first, last)) == told
