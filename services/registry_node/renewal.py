"""Says in the log that the roster is to be renewed, for whoever does not ask `registry status`."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

import structlog

from registry.application.membership.rosters import is_due
from registry.log.roster import Roster

_log = structlog.get_logger()
_DAY_S: Final = 24 * 60 * 60
_DAY_MS: Final = 1000 * _DAY_S


async def tell_when_due(
    roster: Roster,
    now_ms: Callable[[], int],
    *,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> None:
    """Writes a warning at once and each day from when `registry status` warns; until cancelled.

    Args:
        roster: the version that this node runs under.
        now_ms: the node's clock, milliseconds since 1970 UTC.
        sleep: waits for so many seconds.
    """
    while True:
        now = now_ms()
        if is_due(roster, now):
            # Below 0 once the day is past; the roster counts all the same.
            days_left = (roster.advisory_expiry_ms - now) // _DAY_MS
            _log.warning("roster_found_due", days_left=days_left)
        await sleep(_DAY_S)
