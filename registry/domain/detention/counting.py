"""How many days somebody has been held, as of a day: in custody, and under house arrest apart.

Time passes without events: nothing of this is recorded, it follows from the dates and the day.
"""

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Final, Literal, NamedTuple, TypeAlias

from registry.domain.detention.spans import NO_DAYS, Days, Span, days_between, one_day

Standing: TypeAlias = Literal[
    "not_begun", "detained", "under_house_arrest", "unclear", "disputed", "released"
]
HOUSE_ARREST: Final = "house_arrest"
HELD: Final[frozenset[Standing]] = frozenset(
    {"detained", "under_house_arrest", "unclear", "disputed"}
)
"""Who stands so is, or may be, held."""


class Phase(NamedTuple):
    """How somebody was held from a time on; an empty `deprivation` = nobody says how."""

    since: Span
    deprivation: str


class Course(NamedTuple):
    """What counting needs of a detention.

    Attributes:
        start: when it began.
        end: when it ended; None = nobody says that it has.
        phases: in their order; the first begins with the detention.
        is_contradicted: whether somebody says that the person was held after the end.
    """

    start: Span
    end: Span | None
    phases: tuple[Phase, ...]
    is_contradicted: bool = False


class Count(NamedTuple):
    """How a detention stands on a day, and its days until then; custody leaves house arrest out."""

    standing: Standing
    deprivation: str
    days: Days
    custody: Days
    house_arrest: Days


def count_days(course: Course, on: date) -> Count:
    """Counts the days of a detention as of a day.

    Args:
        course: of the detention.
        on: the day; what comes after it is not counted.
    """
    if course.start.first is not None and course.start.first > on:
        return Count("not_begun", "", NO_DAYS, NO_DAYS, NO_DAYS)
    start, end = _until(course.start, on), _end(course, on)
    phases = [each for each in course.phases if each.since.first is None or each.since.first <= on]
    custody = house = NO_DAYS
    for is_house, days in _stretches(start, end, phases, on):
        if is_house:
            house = house.plus(days)
        else:
            custody = custody.plus(days)
    now = phases[-1].deprivation if phases else ""
    return Count(_standing(course, on, now), now, days_between(start, end), custody, house)


def _is_over(course: Course, on: date) -> bool:
    return course.end is not None and (course.end.first is None or course.end.first <= on)


def _end(course: Course, on: date) -> Span:
    """Until when days are counted."""
    if course.end is None or not _is_over(course, on):
        return one_day(on)
    if not course.end.is_known:
        return Span(course.start.first, on)  # some day since it began
    return _until(course.end, on)


def _standing(course: Course, on: date, now: str) -> Standing:
    if course.end is not None and _is_over(course, on):
        if course.is_contradicted:
            return "disputed"
        return "unclear" if course.end.last is not None and course.end.last > on else "released"
    return "under_house_arrest" if now == HOUSE_ARREST else "detained"


def _stretches(
    start: Span, end: Span, phases: Sequence[Phase], on: date
) -> Iterator[tuple[bool, Days]]:
    """Whether each stretch was house arrest, and how long it lasted; in their order."""
    began, is_house = start, bool(phases) and phases[0].deprivation == HOUSE_ARREST
    for phase in phases[1:]:
        if (phase.deprivation == HOUSE_ARREST) == is_house:
            continue
        turned = _until(phase.since, on) if phase.since.is_known else Span(start.first, end.last)
        yield is_house, days_between(began, turned)
        began, is_house = turned, not is_house
    yield is_house, days_between(began, end)


def _until(span: Span, on: date) -> Span:
    """The days that a date can mean if it lies no later than a day."""
    first = None if span.first is None else min(span.first, on)
    last = None if span.last is None else min(span.last, on)
    return Span(first, last)
