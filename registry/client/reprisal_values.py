"""Reprisals, accountability, alerts and registers as clients read them, from the wire."""

from collections.abc import Iterable
from dataclasses import dataclass

from registry.api.v1 import casework_pb2, reprisals_pb2
from registry.client.casework import EventPlace
from registry.domain.identifiers import CaseId


@dataclass(frozen=True, slots=True)
class ImpunityStep:
    """A step towards or away from accountability."""

    event: EventPlace
    mechanism: str
    date: str
    step: str
    authority: str


@dataclass(frozen=True, slots=True)
class EarlierReprisal:
    """An earlier reprisal that stood in impunity when another one came, and why."""

    event: EventPlace
    why: str


@dataclass(frozen=True, slots=True)
class Reprisal:
    """A reprisal and what followed, as it stands on the day of the call; dates as far as known."""

    case_id: CaseId
    event: EventPlace
    mechanism: str
    body: str
    date: str
    recorded: str
    title: str
    states: tuple[str, ...]
    confidence: str
    acts: tuple[str, ...]
    bodies: tuple[str, ...]
    cooperation: tuple[EventPlace, ...]
    words: tuple[str, ...]
    outcome: str
    resolved: str
    steps: tuple[ImpunityStep, ...]
    standing: str
    impunity: str
    is_without_accountability: bool
    after: tuple[EarlierReprisal, ...]
    references: tuple[str, ...]
    is_invented: bool


@dataclass(frozen=True, slots=True)
class ImpunityItem:
    """One act on the timeline of reprisals and accountability."""

    case_id: CaseId
    event: EventPlace
    mechanism: str
    kind: str
    body: str
    date: str
    what: tuple[str, ...]
    authority: str
    title: str
    states: tuple[str, ...]
    reprisals: tuple[EventPlace, ...]
    is_invented: bool


@dataclass(frozen=True, slots=True)
class Alert:
    """A reprisal that concerns the node's mechanism; `seen_by` is empty if nobody has seen it."""

    case_id: CaseId
    event: EventPlace
    mechanism: str
    kind: str
    body: str
    cooperated_with: str
    words: str
    date: str
    recorded_ms: int
    title: str
    states: tuple[str, ...]
    reason: str
    seen_by: str
    seen_ms: int
    is_invented: bool


@dataclass(frozen=True, slots=True)
class AlertStep:
    """An alert as it arrived, or how far the stream has come; see `registry.client.watch.Step`."""

    alert: Alert | None
    cursor: str
    is_caught_up: bool


@dataclass(frozen=True, slots=True)
class RegisterAct:
    """Something that was done; `what` is empty where it is told in words."""

    date: str
    who: str
    what: str
    title: str


@dataclass(frozen=True, slots=True)
class RegisterEntry:
    """One reprisal as a register has it; `withheld` counts persons that are not named."""

    case_id: CaseId
    event: EventPlace
    states: tuple[str, ...]
    date: str
    bodies: tuple[str, ...]
    cooperation: tuple[RegisterAct, ...]
    acts: tuple[str, ...]
    title: str
    summary: str
    against: tuple[str, ...]
    withheld: int
    follow_up: tuple[RegisterAct, ...]
    accountability: tuple[RegisterAct, ...]
    standing: str
    impunity: str
    outcome: str
    confidence: str
    reported_by: str
    references: tuple[str, ...]
    is_invented: bool


@dataclass(frozen=True, slots=True)
class Register:
    """A register: for whom (nobody named = it may be published), on which day, its entries.

    `left_out` counts reprisals that are known to the caller and may not be used for it.
    """

    register: str
    recipients: tuple[str, ...]
    day: str
    months: int
    entries: tuple[RegisterEntry, ...]
    left_out: int


def read_reprisal(message: reprisals_pb2.Reprisal) -> Reprisal:
    """Converts a reprisal."""
    return Reprisal(
        case_id=CaseId(message.case_id),
        event=_place(message.event),
        mechanism=message.mechanism,
        body=message.body,
        date=message.date,
        recorded=message.recorded,
        title=message.title,
        states=tuple(message.states),
        confidence=message.confidence,
        acts=tuple(message.acts),
        bodies=tuple(message.bodies),
        cooperation=tuple(map(_place, message.cooperation)),
        words=tuple(message.words),
        outcome=message.outcome,
        resolved=message.resolved,
        steps=tuple(
            ImpunityStep(_place(s.event), s.mechanism, s.date, s.step, s.authority)
            for s in message.steps
        ),
        standing=message.standing,
        impunity=message.impunity,
        is_without_accountability=message.is_without_accountability,
        after=tuple(EarlierReprisal(_place(each.event), each.why) for each in message.after),
        references=tuple(message.references),
        is_invented=message.is_invented,
    )


def read_impunity(message: reprisals_pb2.ImpunityItem) -> ImpunityItem:
    """Converts one act of the timeline."""
    return ImpunityItem(
        case_id=CaseId(message.case_id),
        event=_place(message.event),
        mechanism=message.mechanism,
        kind=message.kind,
        body=message.body,
        date=message.date,
        what=tuple(message.what),
        authority=message.authority,
        title=message.title,
        states=tuple(message.states),
        reprisals=tuple(map(_place, message.reprisals)),
        is_invented=message.is_invented,
    )


def read_alert(message: reprisals_pb2.Alert) -> Alert:
    """Converts an alert."""
    return Alert(
        case_id=CaseId(message.case_id),
        event=_place(message.event),
        mechanism=message.mechanism,
        kind=message.kind,
        body=message.body,
        cooperated_with=message.cooperated_with,
        words=message.words,
        date=message.date,
        recorded_ms=message.recorded_ms,
        title=message.title,
        states=tuple(message.states),
        reason=message.reason,
        seen_by=message.seen_by,
        seen_ms=message.seen_ms,
        is_invented=message.is_invented,
    )


def read_entry(message: reprisals_pb2.RegisterEntry) -> RegisterEntry:
    """Converts an entry of a register."""
    return RegisterEntry(
        case_id=CaseId(message.case_id),
        event=_place(message.event),
        states=tuple(message.states),
        date=message.date,
        bodies=tuple(message.bodies),
        cooperation=_acts(message.cooperation),
        acts=tuple(message.acts),
        title=message.title,
        summary=message.summary,
        against=tuple(message.against),
        withheld=message.withheld,
        follow_up=_acts(message.follow_up),
        accountability=_acts(message.accountability),
        standing=message.standing,
        impunity=message.impunity,
        outcome=message.outcome,
        confidence=message.confidence,
        reported_by=message.reported_by,
        references=tuple(message.references),
        is_invented=message.is_invented,
    )


def _acts(messages: Iterable[reprisals_pb2.RegisterAct]) -> tuple[RegisterAct, ...]:
    return tuple(RegisterAct(each.date, each.who, each.what, each.title) for each in messages)


def _place(message: casework_pb2.EventPlace) -> EventPlace:
    return EventPlace(message.origin, message.index)
