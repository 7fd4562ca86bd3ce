"""Spans: the days that a date can mean, and how many days lie between two of them.

A day counts once it is over: who is arrested on the 1st and released on the 2nd was held for one
day. Between dates that are known to the month or the year there are at least and at most so many.
"""

from collections.abc import Iterable
from datetime import date
from typing import Final, NamedTuple

from registry.domain.content import PartialDate
from registry.domain.days import last_day


class Span(NamedTuple):
    """The first and the last day that a date can mean; None = nobody knows."""

    first: date | None
    last: date | None

    @property
    def is_known(self) -> bool:
        """Whether anything is known of it."""
        return self.first is not None or self.last is not None

    def is_before(self, other: "Span") -> bool:
        """Whether this lies before another for certain."""
        return self.last is not None and other.first is not None and self.last < other.first


UNKNOWN: Final = Span(None, None)


class Days(NamedTuple):
    """A number of days: at least, and at most; None = nobody knows how many at most."""

    least: int
    most: int | None

    def plus(self, other: "Days") -> "Days":
        """Both together."""
        most = None if self.most is None or other.most is None else self.most + other.most
        return Days(self.least + other.least, most)


NO_DAYS: Final = Days(0, 0)


def span_of(value: PartialDate | None) -> Span:
    """The days that a date can mean."""
    last = None if value is None else last_day(value.value)
    if value is None or last is None:
        return UNKNOWN
    year, month, day = (*map(int, value.value.split("-")), 1, 1)[:3]
    return Span(date(year, month, day), last)


def one_day(value: date) -> Span:
    """One day."""
    return Span(value, value)


def joined(spans: Iterable[Span]) -> Span:
    """What several accounts of one date leave open.

    Returns:
        The days on which all agree; if they agree on none, all days from the earliest to the
        latest. Unknown ones say nothing.
    """
    known = [(s.first, s.last) for s in spans if s.first is not None and s.last is not None]
    if not known:
        return UNKNOWN
    first, last = max(first for first, _ in known), min(last for _, last in known)
    if first <= last:
        return Span(first, last)
    return Span(min(first for first, _ in known), max(last for _, last in known))


def days_between(start: Span, end: Span) -> Days:
    """How many days passed from one to the other; never fewer than none."""
    least, most = 0, None
    if start.last is not None and end.first is not None:
        least = max(0, (end.first - start.last).days)
    if start.first is not None and end.last is not None:
        most = max(0, (end.last - start.first).days)
    return Days(least, most)
