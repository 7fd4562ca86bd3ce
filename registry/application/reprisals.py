"""Reprisals as a caller may know of them, judged by the day of the call.

Whether a reprisal is without accountability, and whether it came again after impunity for another
one, is said here: both depend on the day and on how many months are given. Rows that make somebody
see content are noted as read, also those that another row only points to.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Final, NamedTuple

from registry.application.lists import Ask, Listed, Lists
from registry.domain.reprisals import (
    MONTHS,
    Impunity,
    impunity_on,
    is_without_accountability,
    recurs_after,
)
from registry.errors import InvalidRequest
from registry.views.reprisal_rows import ImpunityRow, ReprisalRow

MONTHS_MAX: Final = 1200
_COMPARED: Final = 100
"""Reprisals with a common target that one is compared with, the newest ones."""


class Earlier(NamedTuple):
    """An earlier reprisal after whose impunity another one came."""

    origin: str
    index: int  # type: ignore[assignment] # the field, not tuple.index
    why: Impunity


@dataclass(frozen=True, slots=True)
class JudgedReprisal:
    """A reprisal as it stands on the day of the call.

    Attributes:
        row: what the logs say.
        impunity: why it stands in impunity; empty = it does not.
        is_without: whether the months have passed without accountability.
        after: the reprisals after whose impunity it came.
    """

    row: ReprisalRow
    impunity: Impunity
    is_without: bool
    after: tuple[Earlier, ...]


@dataclass(frozen=True, slots=True)
class Judging:
    """By what reprisals are judged and narrowed down.

    Attributes:
        day: of the call.
        months: so long accountability may take.
        without_only: only those without accountability.
        recurring_only: only those that came after impunity.
    """

    day: date
    months: int = MONTHS
    without_only: bool = False
    recurring_only: bool = False

    def __post_init__(self) -> None:
        """Refuses months that are none."""
        if not 1 <= self.months <= MONTHS_MAX:
            msg = f"months: 1 to {MONTHS_MAX}"
            raise InvalidRequest(msg)


def judged_reprisals(lists: Lists, ask: Ask, judging: Judging) -> Listed[JudgedReprisal]:
    """A page of reprisals, newest first; it may have fewer rows than asked and yet a next one."""
    quiet = lists.unnoted()
    page = quiet.reprisals(ask)
    kept: list[JudgedReprisal] = []
    shown: dict[tuple[str, int], ReprisalRow] = {}
    for row in page.rows:
        judged, earlier = _judge(quiet, row, ask, judging)
        is_wanted = judged.is_without or not judging.without_only
        if is_wanted and (judged.after or not judging.recurring_only):
            kept.append(judged)
            shown |= {(each.origin, each.index): each for each in (row, *earlier)}
    lists.note(tuple(shown.values()))
    return Listed(tuple(kept), page.next_token)


def impunity_timeline(lists: Lists, ask: Ask) -> Listed[ImpunityRow]:
    """A page of the timeline of reprisals and accountability, earliest first, undated ones last."""
    return lists.impunity(ask)


def _judge(
    quiet: Lists, row: ReprisalRow, ask: Ask, judging: Judging
) -> tuple[JudgedReprisal, list[ReprisalRow]]:
    facts = (row.date, row.recorded, row.steps, judging.day, judging.months)
    earlier = [
        (Earlier(other.origin, other.index, why), other)
        for other in _with_common_target(quiet, row, ask)
        if (why := recurs_after(row.date, other.date, other.steps, judging.months))
    ]
    judged = JudgedReprisal(
        row=row,
        impunity=impunity_on(*facts),
        is_without=is_without_accountability(*facts),
        after=tuple(each for each, _ in earlier),
    )
    return judged, [other for _, other in earlier]


def _with_common_target(quiet: Lists, row: ReprisalRow, ask: Ask) -> Iterable[ReprisalRow]:
    """Other reprisals that hit the same, as far as the caller may know of them."""
    if not row.targets or not row.date:
        return ()
    asked = Ask(_COMPARED, facets=(("target", row.targets),), until=row.date, hidden=ask.hidden)
    found = quiet.reprisals(asked).rows
    return (each for each in found if (each.origin, each.index) != (row.origin, row.index))
