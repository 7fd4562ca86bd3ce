"""Embargo: content that nobody is sent before a time, though everybody sees that it exists.

The time stands in the header, signed, with the content's commitment: what opens later is what was
sealed. Each holder goes by its own clock.
"""

from datetime import UTC, datetime
from typing import Final

from registry.errors import InvalidRequest

EMBARGO_LONGEST_MS: Final = 3653 * 24 * 3600 * 1000
"""Ten years: beyond that a slip of the pen is likelier than a plan."""


def check_embargo(not_before_ms: int, *, now_ms: int) -> None:
    """Judges the time of a new event's embargo, 0 = none.

    Raises:
        InvalidRequest: it has passed already or lies more than ten years ahead.
    """
    if not_before_ms == 0:
        return
    if not_before_ms <= now_ms:
        msg = (
            f"not_before_ms: an embargo ends in the future; it is {_text(now_ms)} here now; "
            "leave it out to share at once"
        )
        raise InvalidRequest(msg)
    if not_before_ms - now_ms > EMBARGO_LONGEST_MS:
        msg = (
            "not_before_ms: an embargo ends within ten years, in milliseconds since 1970 UTC, "
            f"so by {_text(now_ms + EMBARGO_LONGEST_MS)}"
        )
        raise InvalidRequest(msg)


def is_embargoed(not_before_ms: int, *, now_ms: int) -> bool:
    """Tells whether the time has not come yet."""
    return now_ms < not_before_ms


def _text(time_ms: int) -> str:
    return datetime.fromtimestamp(time_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M UTC")
