"""The time of an embargo as people type it."""

import pytest

from registry.errors import InvalidRequest
from registry_cli.embargo_option import read_embargo


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", 0),
        ("1970-01-01T00:00:01", 1_000),
        ("2026-12-01T09:00", 1_796_115_600_000),
        ("2026-12-01 09:00", 1_796_115_600_000),
        ("2026-12-01T10:00+01:00", 1_796_115_600_000),
        ("2026-12-01T09:00Z", 1_796_115_600_000),
    ],
)
def test_time_without_a_zone_is_utc(text: str, expected: int) -> None:
    assert read_embargo(text, is_opening=False) == expected


@pytest.mark.parametrize("text", ["tomorrow", "9:30", "2026-13-01", "1796115600000 "])
def test_what_is_no_time_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        read_embargo(text, is_opening=False)
    assert text not in str(refused.value)


def test_opening_of_a_case_cannot_be_sealed() -> None:
    with pytest.raises(InvalidRequest, match="opened at once"):
        read_embargo("2026-12-01", is_opening=True)
