"""Intents: what a mechanism means to do, who answered, what became of it, and which ones meet.

An intent stands until the day it names, or else until its window ends. Whether it has lapsed is
never recorded: it follows from that day, by the clock of whoever looks. Its own mechanism withdraws
or fulfils it, nobody else. It is fulfilled by an act of that mechanism in the same case, with the
instrument that it names (or of a kind that does what it names) and on its State. An act that is
about an intent of its own mechanism fulfils that one alone; any other fulfils the oldest that it
fits, unless it was withdrawn before, or the act is of a day before the intent or after it lapsed.

The last answer of each body of each mechanism counts; all are kept. Nobody answers its own intent.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Final, Literal, NamedTuple, TypeAlias

from registry.domain.acts import Act, instrument_of, place_of, said, states_of
from registry.domain.content import (
    ActContent,
    IntentAnswered,
    IntentDeclared,
    IntentWithdrawn,
    PartialDate,
)
from registry.domain.days import last_day
from registry.domain.vocabulary import EventKind

State: TypeAlias = Literal["open", "answered", "withdrawn", "fulfilled"]
Place: TypeAlias = tuple[str, int]
LIVE: Final[tuple[State, ...]] = ("open", "answered")
"""What can still lapse."""
LAPSED: Final = "lapsed"
KINDS_OF_ACTION: Final[Mapping[str, frozenset[EventKind]]] = {
    "visit": frozenset({EventKind.VISIT_CONDUCTED}),
    "communication": frozenset({EventKind.COMMUNICATION_SENT}),
    "statement": frozenset({EventKind.STATEMENT_ISSUED}),
    "demarche": frozenset({EventKind.DEMARCHE_MADE}),
    "dialogue": frozenset({EventKind.DIALOGUE_RAISED}),
    "trial_observation": frozenset({EventKind.TRIAL_OBSERVED}),
    "court_submission": frozenset({EventKind.COURT_SUBMISSION_MADE}),
    "legal_review": frozenset({EventKind.LEGAL_REVIEW_ISSUED}),
    "report": frozenset(
        {
            EventKind.REPORT_PUBLISHED,
            EventKind.DOCUMENT_PUBLISHED,
            EventKind.VISIT_REPORT_PUBLISHED,
        }
    ),
}
"""The kinds of events that do what an intent names; of `other` nobody can tell but who acted."""
_ONLY_PREPARING: Final = frozenset(
    {
        EventKind.INTENT_DECLARED,
        EventKind.STATEMENT_DRAFTED,
        EventKind.VISIT_ANNOUNCED,
        EventKind.COMMUNICATION_PUBLISHED,
    }
)
"""They name an instrument, but nothing is done with it by them."""
_COMPARED_MAX: Final = 100
"""So many open intents of one mechanism in one case are compared with an act that names none."""


class Window(NamedTuple):
    """The days in which something is planned, ISO 8601, both included."""

    start: str
    end: str


class Answer(NamedTuple):
    """An answer, and whether it is the last one of its body."""

    act: Act
    counts: bool


class Intent(NamedTuple):
    """A declared intent and what became of it.

    Attributes:
        act: that declared it.
        state: as recorded; see `state_on` for how it stands on a day.
        answers: in the order of record.
        lapses: the last day on which it stands, ISO 8601; empty = it names none.
        window: when it is planned; None = it names no day.
        settled_by: the act that fulfilled or withdrew it.
    """

    act: Act
    state: State
    answers: tuple[Answer, ...]
    lapses: str
    window: Window | None
    settled_by: Act | None


def intents_of(acts: Iterable[Act]) -> tuple[Intent, ...]:
    """Derives all intents of a case.

    Args:
        acts: the readable acts of one history, in its order.
    """
    known = list(acts)
    declared = {act.place: act for act in known if isinstance(act.content, IntentDeclared)}
    if not declared:
        return ()
    answers: dict[Place, list[Act]] = {}
    for act in known:
        about = place_of(act.content.about)
        if isinstance(act.content, IntentAnswered) and about in declared:
            assert about is not None  # noqa: S101 - it is a key
            if declared[about].mechanism != act.mechanism:
                answers.setdefault(about, []).append(act)
    settled = _Settling(declared).settle(known)
    return tuple(
        _intent(act, answers.get(place, ()), settled.get(place)) for place, act in declared.items()
    )


def state_on(state: str, lapses: str, today: date) -> str:
    """How an intent stands on a day: `lapsed` if nothing became of it and its day has passed."""
    is_past = bool(lapses) and lapses < today.isoformat()
    return LAPSED if state in LIVE and is_past else state


def do_meet(first: Window, second: Window) -> bool:
    """Whether two windows have a day in common."""
    return first.start <= second.end and second.start <= first.end


def first_day(value: PartialDate) -> str:
    """The first day that a date can mean, ISO 8601; empty = it is unknown."""
    return f"{value.value}-01-01"[:10] if value.value else ""


def _intent(act: Act, answers: Sequence[Act], settled_by: Act | None) -> Intent:
    content = act.content
    assert isinstance(content, IntentDeclared)  # noqa: S101 - see above
    state: State = "answered" if answers else "open"
    if settled_by is not None:
        is_withdrawn = isinstance(settled_by.content, IntentWithdrawn)
        state = "withdrawn" if is_withdrawn else "fulfilled"
    last = {(each.mechanism, each.content.acting_body): each.place for each in answers}
    return Intent(
        act=act,
        state=state,
        answers=tuple(
            Answer(each, last[each.mechanism, each.content.acting_body] == each.place)
            for each in answers
        ),
        lapses=_lapses(content),
        window=_window(content),
        settled_by=settled_by,
    )


def _lapses(content: IntentDeclared) -> str:
    return _last_known(content.lapses_date, content.planned_until_date, content.planned_date)


def _last_known(*dates: PartialDate | None) -> str:
    """The last day of the first date that is known, ISO 8601; empty = none is."""
    days = (last_day(each.value) for each in dates if each is not None)
    return next((day.isoformat() for day in days if day), "")


def _window(content: IntentDeclared) -> Window | None:
    day = _last_known(content.planned_until_date, content.planned_date)
    if not day:
        return None
    # What names its end alone may be done on any day from its declaration on.
    began = (content.planned_date, content.declared_date)
    first = next((first_day(each) for each in began if each is not None and each.value), day)
    return Window(min(first, day), day)


class _Settling:
    """Which act fulfilled or withdrew each intent; acts are taken in the order of record."""

    def __init__(self, declared: Mapping[Place, Act]) -> None:
        self._declared = declared
        self._open: dict[str, dict[Place, Act]] = {}
        self._found: dict[Place, Act] = {}

    def settle(self, acts: Iterable[Act]) -> Mapping[Place, Act]:
        for act in acts:
            if act.place in self._declared:
                self._open.setdefault(act.mechanism, {})[act.place] = act
            elif isinstance(act.content, IntentWithdrawn) or _is_acting(act.content):
                self._take(act)
        return self._found

    def _take(self, act: Act) -> None:
        named = self._declared.get(place_of(act.content.about) or ("", -1))
        if isinstance(act.content, IntentWithdrawn):
            if named is not None and named.mechanism == act.mechanism:
                self._close(named, act)
        elif named is not None and named.mechanism == act.mechanism:
            if _fits(named.content, act.content, is_about=True):
                self._fulfil(named, act)
        else:
            self._take_unnamed(act)

    def _take_unnamed(self, act: Act) -> None:
        waiting = self._open.get(act.mechanism, {})
        for _, intent in zip(range(_COMPARED_MAX), waiting.values(), strict=False):
            if _fits(intent.content, act.content) and _is_in_time(intent.content, act.content):
                self._close(intent, act)
                return

    def _fulfil(self, intent: Act, act: Act) -> None:
        """Who withdrew an intent and acts on it all the same has fulfilled it."""
        self._open.get(intent.mechanism, {}).pop(intent.place, None)
        before = self._found.get(intent.place)
        if before is None or isinstance(before.content, IntentWithdrawn):
            self._found[intent.place] = act

    def _close(self, intent: Act, act: Act) -> None:
        if self._open.get(intent.mechanism, {}).pop(intent.place, None) is not None:
            self._found[intent.place] = act


def _is_acting(content: ActContent) -> bool:
    """Whether something is done by an act, and with an instrument at that."""
    return "instrument" in type(content).model_fields and content.kind not in _ONLY_PREPARING


def _fits(intent: ActContent, act: ActContent, *, is_about: bool = False) -> bool:
    """Whether an act does what an intent names, on its State."""
    meant, used = instrument_of(intent), instrument_of(act)
    kinds = KINDS_OF_ACTION.get(said(intent, "action", ""))
    if meant:
        does = used == meant or (is_about and not used)
    elif kinds is not None:
        does = act.kind in kinds
    else:
        does = is_about
    wanted, concerned = set(_states_meant(intent)), set(states_of(act))
    return does and (not wanted or not concerned or bool(wanted & concerned))


def _states_meant(intent: ActContent) -> Sequence[str]:
    state = said(intent, "addressee_state", "")
    return (state,) if state else intent.states


def _is_in_time(intent: ActContent, act: ActContent) -> bool:
    """Whether an act can be of a day on which an intent stood."""
    assert isinstance(intent, IntentDeclared)  # noqa: S101 - see above
    acted = act.act_date()
    if acted is None:
        return True
    declared, lapses = intent.act_date(), _lapses(intent)
    is_before = declared is not None and declared.is_after(acted)
    return not is_before and (not lapses or first_day(acted) <= lapses)
