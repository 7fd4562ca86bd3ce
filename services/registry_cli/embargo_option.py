"""The time of an embargo, as people type it."""

from datetime import UTC, datetime, timedelta

from registry.errors import InvalidRequest

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def read_embargo(text: str, *, is_opening: bool = False, option: str = "--not-before") -> int:
    """Reads when an embargo ends, in milliseconds since 1970 UTC; 0 = there is none.

    Raises:
        InvalidRequest: it is no time, or an event that opens a case was to be sealed.
    """
    if not text:
        return 0
    if is_opening:
        msg = f"{option}: a case is opened at once; seal an event in it instead"
        raise InvalidRequest(msg)
    try:
        time = datetime.fromisoformat(text)
    except ValueError as error:
        msg = f"{option}: expected a time such as 2026-12-01T09:00 (UTC)"
        raise InvalidRequest(msg) from error
    if time.tzinfo is None:
        time = time.replace(tzinfo=UTC)
    return (time - _EPOCH) // timedelta(milliseconds=1)
