"""A roster that is to be renewed is told in the node's log at its start and once a day."""

import asyncio
from itertools import count

import pytest
from structlog.testing import capture_logs

from registry_node.log_fields import is_listed
from registry_node.renewal import tell_when_due
from tests.unit.log.log_world import sample_roster

DAY_MS = 24 * 60 * 60 * 1000


async def lines_of_days(expiry_ms: int, *, first_day: int, days: int) -> list[dict[str, object]]:
    """What a node says that starts at noon of a day and runs so many days."""
    today = count(first_day)
    left = iter(range(days))

    def clock() -> int:
        return next(today) * DAY_MS + DAY_MS // 2

    async def sleep(time_s: float) -> None:
        assert time_s == DAY_MS / 1000
        if next(left, None) is None:
            raise asyncio.CancelledError

    with capture_logs() as lines, pytest.raises(asyncio.CancelledError):
        await tell_when_due(sample_roster(advisory_expiry_ms=expiry_ms), clock, sleep=sleep)
    return [dict(line) for line in lines]


async def test_warning_is_written_once_a_day_from_thirty_days_before_on() -> None:
    lines = await lines_of_days(100 * DAY_MS, first_day=68, days=34)

    assert [line["days_left"] for line in lines] == list(range(29, -4, -1))
    assert {line["event"] for line in lines} == {"roster_found_due"}
    assert {line["log_level"] for line in lines} == {"warning"}
    assert is_listed("days_left")


async def test_node_that_starts_when_it_is_due_says_so_at_once() -> None:
    assert len(await lines_of_days(100 * DAY_MS, first_day=99, days=0)) == 1


async def test_nothing_is_said_of_a_roster_without_a_day_or_long_before_it() -> None:
    assert await lines_of_days(0, first_day=10**5, days=3) == []
    assert await lines_of_days(100 * DAY_MS, first_day=1, days=3) == []
