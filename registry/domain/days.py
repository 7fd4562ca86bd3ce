"""The days that a date as it is known can mean, and days some months later; pure arithmetic.

Dates are texts as `PartialDate.value` has them: a day, a month, a year, or empty = unknown.
"""

import calendar
from datetime import date
from functools import lru_cache
from typing import Final

_MONTHS_A_YEAR: Final = 12


def first_day(text: str) -> date | None:
    """The first day that a date can mean; None = it is unknown."""
    if not text:
        return None
    year, month, day = (*map(int, text.split("-")), 1, 1)[:3]
    return date(year, month, day)


@lru_cache(maxsize=4096)
def last_day(text: str) -> date | None:
    """The last day that a date can mean; None = it is unknown."""
    if not text:
        return None
    year, month, day = (*map(int, text.split("-")), 0, 0)[:3]
    if day:
        return date(year, month, day)
    month = month or _MONTHS_A_YEAR
    return date(year, month, calendar.monthrange(year, month)[1])


def months_later(day: date, months: int) -> date:
    """The same day so many months later, or the last of that month; at most the last of all."""
    count = day.year * _MONTHS_A_YEAR + day.month - 1 + months
    year, month = divmod(count, _MONTHS_A_YEAR)
    if year > date.max.year:
        return date.max
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))
