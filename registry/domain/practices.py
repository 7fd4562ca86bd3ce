"""Good practices found again from a case: ranked by what they share with it, with the reasons.

First come those that share most themes with the case; among equals those that worked in its State,
then in its region, then those that use most instruments that nobody has used in the case; the
newest first. A practice that shares neither a theme nor a State with the case is left out.
"""

from collections.abc import Iterable, Sequence
from typing import Final, Literal, NamedTuple, Protocol, TypeAlias, TypeVar

from registry.domain.regions import region_of

Matter: TypeAlias = Literal["theme", "state", "region", "untried_instrument"]
MATTERS: Final[tuple[Matter, ...]] = ("theme", "state", "region", "untried_instrument")


class Practice(Protocol):
    """What a practice says of itself."""

    @property
    def themes(self) -> Sequence[str]:
        """Codes of themes."""

    @property
    def states(self) -> Sequence[str]:
        """Alpha-3 codes of where it worked."""

    @property
    def regions(self) -> Sequence[str]:
        """Codes of regions where it worked."""

    @property
    def instruments(self) -> Sequence[str]:
        """Codes of the instruments that it uses."""

    @property
    def date(self) -> str:
        """When it was shared, ISO 8601; empty = unknown."""


P = TypeVar("P", bound=Practice)


class Needs(NamedTuple):
    """What a case is about, and the instruments that were used in it."""

    themes: frozenset[str]
    states: frozenset[str]
    instruments: frozenset[str]


class Reason(NamedTuple):
    """Something that a practice has in common with a case."""

    matter: Matter
    code: str


def reasons_for(practice: Practice, needs: Needs) -> tuple[Reason, ...]:
    """What speaks for a practice in a case; empty = it shares neither theme nor State with it."""
    themes = [Reason("theme", code) for code in practice.themes if code in needs.themes]
    states = [Reason("state", code) for code in practice.states if code in needs.states]
    if not themes and not states:
        return ()
    wanted = {region_of(state) for state in needs.states} - {""}
    worked = {*practice.regions, *map(region_of, practice.states)}
    regions = [Reason("region", code) for code in sorted(worked & wanted)]
    untried = [
        Reason("untried_instrument", code)
        for code in practice.instruments
        if code not in needs.instruments
    ]
    return tuple(dict.fromkeys((*themes, *states, *regions, *untried)))


def rank(practices: Iterable[P], needs: Needs) -> list[tuple[P, tuple[Reason, ...]]]:
    """The practices that fit a case with the reasons, the best first."""
    found = [(each, reasons) for each in practices if (reasons := reasons_for(each, needs))]
    # Sorting keeps the order of equals: first by date, then by what matters more.
    found.sort(key=lambda one: one[0].date, reverse=True)
    found.sort(key=lambda one: _weight(one[1]), reverse=True)
    return found


def _weight(reasons: Sequence[Reason]) -> tuple[int, bool, bool, int]:
    counts = dict.fromkeys(MATTERS, 0)
    for each in reasons:
        counts[each.matter] += 1
    return (
        counts["theme"],
        bool(counts["state"]),
        bool(counts["region"]),
        counts["untried_instrument"],
    )
