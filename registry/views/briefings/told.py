"""What a briefing is made from: acts that its recipients may see, case by case."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, NamedTuple

from registry.domain.acts import Act, states_of, themes_of
from registry.domain.content import ActContent, CaseOpened, ConsentRecorded, ConsentWithdrawn
from registry.domain.days import last_day
from registry.domain.identifiers import CaseId, LeafHash
from registry.views.acts import Place
from registry.views.briefings.order import BriefingOrder, whole_day
from registry.views.case_file import LogPlace

NEVER_TOLD: Final = (ConsentRecorded, ConsentWithdrawn)
"""What persons permit is nobody's briefing."""


class Recipient(NamedTuple):
    """Who will read it: slug and display name of the roster."""

    slug: str
    name: str


@dataclass(frozen=True, slots=True)
class ToldCase:
    """A case as far as all recipients may see it.

    Attributes:
        case_id: its id.
        situation_of: the State whose situation it is; empty = it is none.
        acts: every act that all recipients may see, in the order of record.
        leaf_hashes: of these, by place.
        fitting: places of those that are about what was asked for, whenever they were: what they
            ask may still be due.
        told: places of those that the briefing tells: they fit and lie in the period.
        withheld: events with content that are in none of these.
        names_taken_out: persons that were taken out of `acts` for want of consent.
        digest: of the whole history, under the vector of the briefing; 32 bytes.
    """

    case_id: CaseId
    situation_of: str
    acts: tuple[Act, ...]
    leaf_hashes: Mapping[Place, LeafHash]
    fitting: frozenset[Place]
    told: frozenset[Place]
    withheld: int
    names_taken_out: int
    digest: bytes

    @property
    def openings(self) -> list[CaseOpened]:
        """Who opened it, and under which title."""
        return [act.content for act in self.acts if isinstance(act.content, CaseOpened)]

    @property
    def is_invented(self) -> bool:
        """Whether it is an invented example."""
        openings = self.openings
        if openings:
            return all(each.is_invented for each in openings)
        return all(act.content.is_invented for act in self.told_acts())

    def told_acts(self) -> list[Act]:
        """The acts that the briefing tells, in the order of record."""
        if len(self.told) == len(self.acts):
            return list(self.acts)
        return [act for act in self.acts if act.place in self.told]

    def until(self, day: str) -> "ToldCase":
        """The case without acts that came after a day; those without a date stay."""
        # The same few days stand in many acts.
        if all(whole_day(each) <= day for each in {day_of(act.content) for act in self.acts}):
            return self
        kept = tuple(act for act in self.acts if first_day(act.content) <= day)
        return replace(self, acts=kept, told=self.told & {act.place for act in kept})


@dataclass(frozen=True, slots=True)
class Material:
    """All that a briefing is made from.

    Attributes:
        order: what was asked for.
        recipients: those of the order, as the roster names them.
        cases: by id.
        vector: how much of each log counted.
    """

    order: BriefingOrder
    recipients: tuple[Recipient, ...]
    cases: tuple[ToldCase, ...]
    vector: tuple[LogPlace, ...]


class Fitting(NamedTuple):
    """Acts of a case that are about what was asked for, whenever they were; those that are told."""

    places: frozenset[Place]
    told: frozenset[Place]


_NOTHING: Final = Fitting(frozenset(), frozenset())


def fitting_places(acts: Sequence[Act], order: BriefingOrder, *, situation_of: str) -> Fitting:
    """Which acts of a case a briefing tells; none = the case is not in it.

    Args:
        acts: those that all recipients may see.
        order: what was asked for.
        situation_of: the State whose situation the case is; empty = it is none.
    """
    if not _is_asked_for(acts, order, situation_of=situation_of):
        return _NOTHING
    fits = order.fits
    fitting = [act for act in acts if fits(act.content, is_situation=bool(situation_of))]
    places = frozenset(act.place for act in fitting)
    if not order.since and not order.until:
        return Fitting(places, places)
    in_period = frozenset(act.place for act in fitting if order.has_in_period(day_of(act.content)))
    if not in_period:
        return _NOTHING
    # Nobody knows when they were: they stand beside those of the period.
    return Fitting(places, in_period | {a.place for a in fitting if not day_of(a.content)})


def _is_asked_for(acts: Sequence[Act], order: BriefingOrder, *, situation_of: str) -> bool:
    """Whether a case is of the States and on the themes that were asked for."""
    if not order.states and not order.themes:
        return True
    states = {state for act in acts for state in states_of(act.content)}
    themes = {theme for act in acts for theme in themes_of(act.content)}
    return order.fits_case({situation_of} if situation_of else states, themes)


def day_of(content: ActContent) -> str:
    """The date of an act as far as it is known; empty = it is not."""
    acted = content.act_date()
    return "" if acted is None else acted.value


def first_day(content: ActContent) -> str:
    """The first day that the date of an act can mean, ISO 8601; empty = it is unknown."""
    return whole_day(day_of(content))


def newest_day(cases: Iterable[ToldCase]) -> str:
    """The last day that the date of the newest told act can mean; empty = none has a date."""
    dates = {day_of(act.content) for case in cases for act in case.told_acts()}
    days = map(last_day, dates)
    return max((day.isoformat() for day in days if day is not None), default="")
