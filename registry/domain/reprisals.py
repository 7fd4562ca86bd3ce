"""Reprisals of a case: to which cooperation each answers, and what accountability followed.

Rules:
1. A step counts for the reprisal that it is about, directly or over other acts, the nearest one;
   one that is about nothing counts for every reprisal of its case that does not lie after it for
   certain, and one about anything else, or in the situation of a State, for none.
2. Steps count in the order of their dates: of a month or a year its last day counts, and a step of
   an unknown date counts after those of a known one.
3. A complaint is the victim's own: an authority that does nothing about it has done nothing.
4. That nothing was done after so many months follows from the dates and the day of who asks; it is
   never recorded. Of an uncertain date the latest day counts, so that nobody is blamed too early;
   for a reprisal of an unknown date it is the day on which it was recorded.
5. Of more than `KEPT_MAX` steps about nothing, steps of one reprisal, or links of it, the last
   count; of so many openings the first. Else a case could be written whose fold grows with the
   square of its size.
6. A reprisal comes again after impunity if it lies for certain after another one against the same
   person or organisation, or in the same case, that stood in impunity on the day before it.
"""

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final, Literal, NamedTuple, TypeAlias, TypeVar

from registry.domain.acts import Act, nearest_about, place_of
from registry.domain.content import (
    AccountabilityStep,
    ActContent,
    CaseOpened,
    Party,
    ReprisalAlleged,
    ReprisalLinked,
    ReprisalResolved,
)
from registry.domain.days import first_day, last_day, months_later

T = TypeVar("T")
Place: TypeAlias = tuple[str, int]
Standing: TypeAlias = Literal["none", "under_way", "ended", "reached"]
"""Of accountability: nothing by an authority; steps; ended without; conviction or reparation."""
Impunity: TypeAlias = Literal["", "none", "ended", "stalled"]
"""Why there is none: no step of an authority, ended without it, no step for so long; empty = no."""
MONTHS: Final = 12
"""After so many months without accountability a reprisal is listed, if nothing else is asked."""
KEPT_MAX: Final = 50
_ON_ITS_WAY: Final = frozenset({"investigation_opened", "indictment"})
_REACHED: Final = frozenset({"conviction", "reparation"})
_CLOSED: Final = frozenset({"no_investigation", "investigation_closed"})
_COMPLAINT: Final = "complaint_filed"
_VICTIMS: Final = frozenset({"organisation", "community"})
_NO_VICTIM: Final = frozenset({"respondent", "operator"})
_UNDATED: Final = "~"


@dataclass(frozen=True, slots=True)
class Step:
    """One step towards or away from accountability; `date` is ISO 8601 as far as it is known."""

    origin: str
    index: int
    mechanism: str
    date: str
    step: str
    authority: str


@dataclass(frozen=True, slots=True)
class Reprisal:
    """One reprisal with all that the acts of its case say of it.

    Attributes:
        act: that alleged it.
        bodies: codes of the bodies cooperated with, its own first, then those of links.
        cooperation: the events that were the cooperation, as origin and index.
        words: the contact in words.
        states: alpha-3 of the States concerned; those of the case where it names none.
        outcome: how it was resolved; empty = it was not.
        resolved: when, as far as it is known.
        steps: of accountability, by date.
        targets: keys of whom or what it hit; two reprisals with a common one belong together.
        shown: places of all acts that it is made of.
    """

    act: Act
    bodies: tuple[str, ...]
    cooperation: tuple[Place, ...]
    words: tuple[str, ...]
    states: tuple[str, ...]
    outcome: str
    resolved: str
    steps: tuple[Step, ...]
    targets: tuple[str, ...]
    shown: frozenset[Place]

    @property
    def date(self) -> str:
        """When it occurred, as far as it is known; empty = unknown."""
        return date_of(self.act.content)


def reprisals_of(
    acts: Iterable[Act], case_key: str = "", *, is_situation: bool = False
) -> tuple[Reprisal, ...]:
    """Folds the reprisals of one case, in any order of its acts.

    Args:
        acts: the readable acts of the case.
        case_key: the target that all reprisals of this case share; empty = none.
        is_situation: whether it is the situation of a State: that gathers all there is, so that
            its reprisals share nothing, and a step that is about nothing counts for none.

    Returns:
        By date, those of an unknown date last.
    """
    known = sorted(acts, key=_by_date)
    found = [act for act in known if isinstance(act.content, ReprisalAlleged)]
    nearest = nearest_about(
        {act.place: act for act in known}, lambda act: isinstance(act.content, ReprisalAlleged)
    )
    of: dict[Place, list[Act]] = {act.place: [] for act in found}
    for act in known:
        if (reprisal := nearest[act.place]) is not None:
            of[reprisal.place].append(act)
    rest = _Rest() if is_situation else _rest_of(known)
    case_key = "" if is_situation else case_key
    return tuple(_reprisal(act, of[act.place], rest, case_key) for act in found)


def standing_of(steps: Iterable[Step]) -> Standing:
    """Where accountability stands after some steps, in the order of `Reprisal.steps`."""
    standing: Standing = "none"
    for each in steps:
        if each.step in _REACHED:
            standing = "reached"
        elif each.step == "acquittal" or (each.step in _CLOSED and standing != "reached"):
            standing = "ended"
        elif each.step in _ON_ITS_WAY and standing != "reached":
            standing = "under_way"
    return standing


def impunity_on(
    occurred: str, recorded: str, steps: Sequence[Step], day: date, months: int = MONTHS
) -> Impunity:
    """Why a reprisal stands in impunity on a day.

    Args:
        occurred: when it occurred, ISO 8601 as far as it is known; empty = unknown.
        recorded: the day on which it was recorded, ISO 8601; empty = unknown.
        steps: of accountability, by date; those that lie after the day for certain do not count.
        day: the day.
        months: so long an authority has for its first step, and for each next one.
    """
    taken = [each for each in steps if (first_day(each.date) or day) <= day]
    standing = standing_of(taken)
    if standing in {"ended", "reached"}:
        return "ended" if standing == "ended" else ""
    dates = [each.date for each in taken if each.step != _COMPLAINT]
    days = [last_day(text) for text in (occurred or recorded, *dates)]
    if None in days or months_later(max(filter(None, days)), months) > day:
        return ""
    return "none" if standing == "none" else "stalled"


def is_without_accountability(
    occurred: str, recorded: str, steps: Sequence[Step], day: date, months: int = MONTHS
) -> bool:
    """Whether so many months have passed since a reprisal and there is no accountability."""
    since = last_day(occurred or recorded)
    if since is None or months_later(since, months) > day:
        return False
    return bool(impunity_on(occurred, recorded, steps, day, months))


def recurs_after(later: str, earlier: str, steps: Sequence[Step], months: int = MONTHS) -> Impunity:
    """Why a reprisal that occurred `later` came again after impunity for an earlier one.

    Args:
        later: when the one occurred; of an unknown date nothing is said.
        earlier: when the other one occurred.
        steps: of the other one.
        months: see `impunity_on`.
    """
    last, first = last_day(earlier), first_day(later)
    if last is None or first is None or first <= last:
        return ""
    return impunity_on(earlier, "", steps, first - timedelta(days=1), months)


def date_of(content: ActContent) -> str:
    """The date of an act as far as it is known; empty = unknown."""
    acted = content.act_date()
    return "" if acted is None else acted.value


def victims_of(content: ActContent) -> tuple[Party, ...]:
    """The organisations and communities that a reprisal hit, as far as it names them."""
    return tuple(
        party
        for party in content.parties
        if party.kind in _VICTIMS and party.role not in _NO_VICTIM
    )


class _Rest(NamedTuple):
    """What a case says of all its reprisals: steps about nothing, by date, and its openings."""

    steps: Sequence[Act] = ()
    openings: Sequence[Act] = ()
    states: tuple[str, ...] = ()


def _rest_of(acts: Iterable[Act]) -> _Rest:
    loose = [act for act in acts if act.content.about is None]
    steps = [act for act in loose if isinstance(act.content, AccountabilityStep)]
    openings = [act for act in loose if isinstance(act.content, CaseOpened)][:KEPT_MAX]
    states = _distinct(code for each in openings for code in each.content.states)
    return _Rest(steps[-KEPT_MAX:], openings, states)


def _reprisal(act: Act, of_it: Sequence[Act], rest: _Rest, case_key: str) -> Reprisal:
    """Folds one reprisal.

    Args:
        act: that alleged it.
        of_it: acts that are about it, by date.
        rest: what the case says of all its reprisals.
        case_key: see `reprisals_of`.
    """
    links = [each for each in of_it if isinstance(each.content, ReprisalLinked)]
    tellers = [act, *links[-KEPT_MAX:]]
    ends = [each for each in of_it if isinstance(each.content, ReprisalResolved)]
    own = [each for each in of_it if isinstance(each.content, AccountabilityStep)]
    general = [each for each in rest.steps if _counts_for(each, act)]
    steps = sorted((*own, *general), key=_by_date)[-KEPT_MAX:]
    outcome, resolved = _resolution(ends)
    states, openings = act.content.states, rest.openings[:0]
    if not states:
        states, openings = rest.states, rest.openings
    pointers = (place_of(_teller(each).cooperation) for each in tellers)
    return Reprisal(
        act=act,
        bodies=_distinct(filter(None, (_teller(each).cooperated_with for each in tellers))),
        cooperation=_distinct(filter(None, pointers)),
        words=_distinct(filter(None, (_teller(each).cooperation_words for each in tellers))),
        states=states,
        outcome=outcome,
        resolved=resolved,
        steps=tuple(map(_step, steps)),
        targets=_targets(act.content, case_key),
        shown=frozenset(e.place for e in (act, *links, *ends, *own, *general, *openings)),
    )


def _teller(act: Act) -> ReprisalAlleged | ReprisalLinked:
    assert isinstance(act.content, ReprisalAlleged | ReprisalLinked)  # noqa: S101 - chosen above
    return act.content


def _counts_for(step: Act, reprisal: Act) -> bool:
    """Whether a step about nothing counts: unless the reprisal lies after it for certain."""
    if not isinstance(step.content, AccountabilityStep):
        return False
    latest, occurred = last_day(date_of(step.content)), first_day(date_of(reprisal.content))
    return latest is None or occurred is None or latest >= occurred


def _step(act: Act) -> Step:
    assert isinstance(act.content, AccountabilityStep)  # noqa: S101 - chosen above
    return Step(
        origin=act.origin,
        index=act.index,
        mechanism=act.mechanism,
        date=date_of(act.content),
        step=act.content.step,
        authority=act.content.authority,
    )


def _resolution(ends: Sequence[Act]) -> tuple[str, str]:
    for each in reversed(ends):
        assert isinstance(each.content, ReprisalResolved)  # noqa: S101 - chosen above
        return each.content.outcome or "ended", date_of(each.content)
    return "", ""


def _targets(content: ActContent, case_key: str) -> tuple[str, ...]:
    named = [f"person:{person.person_id}" for person in content.persons]
    named += [f"{party.kind}:{_folded(party.name)}" for party in victims_of(content)]
    return tuple(sorted({*named, *((case_key,) if case_key else ())}))


def _folded(name: str) -> str:
    """A name without its case, accents and spaces too many."""
    plain = "".join(c for c in unicodedata.normalize("NFKD", name) if not unicodedata.combining(c))
    return " ".join(plain.casefold().split())


def _by_date(act: Act) -> tuple[str, str, int]:
    latest = last_day(date_of(act.content))
    return (_UNDATED if latest is None else latest.isoformat(), act.origin, act.index)


def _distinct(values: Iterable[T]) -> tuple[T, ...]:
    return tuple(dict.fromkeys(values))
