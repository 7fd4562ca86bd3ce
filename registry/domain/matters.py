"""Why a case may be the matter that somebody asks about: reasons, in words and by rank.

A reference and a name identify; State, month, period and theme are circumstances. A circumstance
never takes away what was identified: names travel and dates are wrong, so another State is told as
a reason against and lowers the rank.
"""

from collections.abc import Collection, Iterable, Sequence
from enum import StrEnum
from typing import Final, NamedTuple

from registry.domain.names import NameMatch, Way

_UPDATED: Final = 0.9
_OTHER_STATE: Final = 0.85
"""What is left of the score where a case concerns other States than those asked for."""
CERTAIN: Final = 0.88
"""From this score of a name on, and for the same reference, it counts as the same matter."""
_MONTH: Final = len("2014-06")


class ReasonCode(StrEnum):
    """Why a case was found."""

    SAME_REFERENCE = "same_reference"
    UPDATED_REFERENCE = "updated_reference"
    NAME = "name"
    OTHER_STATE = "other_state"
    SAME_STATE = "same_state"
    SAME_MONTH = "same_month"
    IN_PERIOD = "in_period"
    SAME_THEME = "same_theme"


_CIRCUMSTANCES: Final = {
    ReasonCode.SAME_STATE: 0.2,
    ReasonCode.SAME_MONTH: 0.2,
    ReasonCode.IN_PERIOD: 0.15,
    ReasonCode.SAME_THEME: 0.1,
}
_IDENTIFYING: Final = frozenset(
    {ReasonCode.SAME_REFERENCE, ReasonCode.UPDATED_REFERENCE, ReasonCode.NAME}
)


class Reason(NamedTuple):
    """One reason: its code, English words, and of a name how alike it is (0 to 1), else 1."""

    code: ReasonCode
    words: str
    score: float = 1.0


class Rank(NamedTuple):
    """How a case ranks; larger is higher.

    Attributes:
        identified: score of what identifies it; 0 = nothing does.
        circumstances: how many agree, by weight.
    """

    identified: float
    circumstances: float

    @property
    def score(self) -> float:
        """One number, 0 to 1."""
        return self.identified or self.circumstances


def reference_reason(written: str, *, is_same: bool) -> Reason:
    """A reference was found: the same one, or one of the same document and its updates."""
    if is_same:
        return Reason(ReasonCode.SAME_REFERENCE, f"same reference: {written}")
    return Reason(ReasonCode.UPDATED_REFERENCE, f"updates of one document: {written}", _UPDATED)


def name_reason(kind: str, name: str, match: NameMatch) -> Reason:
    """A name was found that is likely the same."""
    ways = ", ".join(match.ways)
    words = f"{kind} {name}: {ways}, {match.score:.2f}"
    return Reason(ReasonCode.NAME, words, match.score)


def is_certain(reasons: Iterable[Reason], matches: Iterable[NameMatch]) -> bool:
    """Whether reasons tell the same matter well enough for a warning of duplication.

    Args:
        reasons: of the case.
        matches: of its names; one word of a name identifies nobody.
    """
    by_name = any(each.score >= CERTAIN and Way.PART not in each.ways for each in matches)
    return by_name or any(each.code is ReasonCode.SAME_REFERENCE for each in reasons)


def circumstances(
    asked: "Asked", *, states: Collection[str], themes: Collection[str], dates: Iterable[str]
) -> list[Reason]:
    """The circumstances that agree, and whether States contradict.

    Args:
        asked: what is asked for.
        states: that the case concerns.
        themes: of the case.
        dates: of its acts, as far as they are known.
    """
    found: list[Reason] = []
    same = [code for code in asked.states if code in states]
    if same:
        found.append(Reason(ReasonCode.SAME_STATE, f"same State: {', '.join(same)}"))
    elif asked.states and states:
        others = ", ".join(sorted(states)[:5])
        found.append(Reason(ReasonCode.OTHER_STATE, f"another State: {others}"))
    when = _when(asked, dates)
    if when is not None:
        found.append(when)
    about = [theme for theme in asked.themes if theme in themes]
    if about:
        found.append(Reason(ReasonCode.SAME_THEME, f"same theme: {', '.join(about)}"))
    return found


class Asked(NamedTuple):
    """The circumstances that are asked for; empty = open."""

    states: Sequence[str] = ()
    themes: Sequence[str] = ()
    since: str = ""
    until: str = ""

    @property
    def has_period(self) -> bool:
        """Whether a period is asked for."""
        return bool(self.since or self.until)


def falls_in(date: str, since: str, until: str) -> bool:
    """Whether a day, a month or a year may lie in a range, both ends included; empty = open.

    As far as it is known: an act of 2024 may be of any of its months. An unknown date does not.
    """
    from_start = date[: len(since)] >= since[: len(date)]
    to_end = date[: len(until)] <= until[: len(date)]
    return bool(date) and from_start and to_end


def _when(asked: Asked, dates: Iterable[str]) -> Reason | None:
    if not asked.has_period:
        return None
    inside = sorted({date for date in dates if falls_in(date, asked.since, asked.until)})
    if not inside:
        return None
    month = asked.since[:_MONTH]
    is_one_month = len(month) == _MONTH and month == asked.until[:_MONTH]
    if is_one_month and any(date.startswith(month) for date in inside):
        return Reason(ReasonCode.SAME_MONTH, f"same month: {month}")
    return Reason(ReasonCode.IN_PERIOD, f"in the period: {inside[-1]}")


def rank_of(reasons: Iterable[Reason]) -> Rank:
    """The rank of a case by its reasons."""
    kept = list(reasons)
    identified = max((each.score for each in kept if each.code in _IDENTIFYING), default=0.0)
    if any(each.code is ReasonCode.OTHER_STATE for each in kept):
        identified *= _OTHER_STATE
    weight = sum(_CIRCUMSTANCES.get(each.code, 0.0) for each in kept)
    return Rank(round(identified, 4), round(weight, 4))


def agrees_in_all(asked: Asked, reasons: Iterable[Reason]) -> bool:
    """Whether all circumstances that are asked for agree."""
    codes = {each.code for each in reasons}
    return (
        (not asked.states or ReasonCode.SAME_STATE in codes)
        and (not asked.themes or ReasonCode.SAME_THEME in codes)
        and (not asked.has_period or bool(codes & {ReasonCode.SAME_MONTH, ReasonCode.IN_PERIOD}))
    )
