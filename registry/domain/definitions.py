"""Working definitions: what bodies mean by a term, and which of it still stands.

Definitions of one term are shown side by side and never merged. A body's later one takes the place
of its earlier one, if the same mechanism recorded both: what two mechanisms say that a body holds
is shown twice, as is every difference.
"""

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import NamedTuple, Protocol

Place = tuple[str, int]


class Definition(Protocol):
    """A definition of one term, by its place; `date` as far as it is known."""

    @property
    def origin(self) -> str:
        """Of the log that holds it."""

    @property
    def index(self) -> int:
        """Its place there."""

    @property
    def mechanism(self) -> str:
        """Slug of who recorded it."""

    @property
    def definition(self) -> str:
        """The words."""

    @property
    def held_by(self) -> Sequence[str]:
        """Codes of the bodies that hold it."""

    @property
    def date(self) -> str:
        """When it was agreed, ISO 8601; empty = unknown."""

    @property
    def recorded_ms(self) -> int:
        """When it was recorded, milliseconds UTC."""


class Superseded(NamedTuple):
    """A body that holds another definition since, and the place of that one."""

    body: str
    by: Place


def term_key(term: str) -> str:
    """A term without differences of case, width and spaces."""
    return " ".join(unicodedata.normalize("NFKC", term).casefold().split())


def superseded_in(definitions: Iterable[Definition]) -> Mapping[Place, tuple[Superseded, ...]]:
    """Which bodies hold another definition of the same term since, by the place of the earlier.

    Args:
        definitions: all that are known of one term, in any order.
    """
    last: dict[tuple[str, str], Definition] = {}
    known = sorted(definitions, key=_age)
    for each in known:
        last.update({(each.mechanism, body): each for body in each.held_by})
    return {
        (each.origin, each.index): tuple(
            Superseded(body, (later.origin, later.index))
            for body in each.held_by
            if (later := last[each.mechanism, body]) is not each
        )
        for each in known
    }


def differing(definitions: Iterable[Definition]) -> int:
    """How many different wordings of one term still stand; spaces and case make none."""
    known = list(definitions)
    over = superseded_in(known)
    standing = (d for d in known if len(over[d.origin, d.index]) < len(d.held_by))
    return len({term_key(each.definition) for each in standing})


def _age(each: Definition) -> tuple[str, int, str, int]:
    """By date, of a month or a year its last day; an undated one by when it was recorded."""
    day = f"{each.date}~" if each.date else _day(each.recorded_ms)
    return day, each.recorded_ms, each.origin, each.index


def _day(time_ms: int) -> str:
    try:
        return datetime.fromtimestamp(time_ms / 1000, UTC).date().isoformat()
    except (ValueError, OverflowError, OSError):
        return ""  # a clock that lies beyond all years
