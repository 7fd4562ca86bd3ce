"""When an embargo may end."""

import pytest

from registry.domain.embargo import EMBARGO_LONGEST_MS, check_embargo, is_embargoed
from registry.errors import InvalidRequest

NOW_MS = 1_800_000_000_000


@pytest.mark.parametrize("time_ms", [0, NOW_MS + 1, NOW_MS + EMBARGO_LONGEST_MS])
def test_embargo_in_the_next_ten_years_or_none_is_taken(time_ms: int) -> None:
    check_embargo(time_ms, now_ms=NOW_MS)


@pytest.mark.parametrize("time_ms", [-1, 1, NOW_MS - 1, NOW_MS])
def test_embargo_in_the_past_is_refused(time_ms: int) -> None:
    with pytest.raises(InvalidRequest, match="ends in the future"):
        check_embargo(time_ms, now_ms=NOW_MS)


@pytest.mark.parametrize("time_ms", [NOW_MS + EMBARGO_LONGEST_MS + 1, 2**63 - 1])
def test_embargo_beyond_ten_years_is_refused(time_ms: int) -> None:
    with pytest.raises(InvalidRequest, match="within ten years"):
        check_embargo(time_ms, now_ms=NOW_MS)


def test_embargo_ends_at_its_very_millisecond() -> None:
    assert is_embargoed(NOW_MS, now_ms=NOW_MS - 1)
    assert not is_embargoed(NOW_MS, now_ms=NOW_MS)
    assert not is_embargoed(0, now_ms=0)
