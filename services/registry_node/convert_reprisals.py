"""Reprisals, alerts and registers between wire and application."""

from collections.abc import Iterable

from registry.api.v1 import casework_pb2, reprisals_pb2
from registry.application.alerts import Alert
from registry.application.reprisal_register import Happened, RegisterEntry
from registry.application.reprisals import JudgedReprisal
from registry.views.reprisal_rows import ImpunityRow


def reprisal_to_proto(judged: JudgedReprisal) -> reprisals_pb2.Reprisal:
    """Converts a reprisal as it stands on the day of the call; its targets stay here."""
    row = judged.row
    return reprisals_pb2.Reprisal(
        case_id=row.case_id,
        event=_place(row.origin, row.index),
        mechanism=row.mechanism,
        body=row.body,
        date=row.date,
        recorded=row.recorded,
        title=row.title,
        states=row.states,
        confidence=row.confidence,
        acts=row.acts,
        bodies=row.bodies,
        cooperation=_places(row.cooperation),
        words=row.words,
        outcome=row.outcome,
        resolved=row.resolved,
        steps=[
            reprisals_pb2.ImpunityStep(
                event=_place(step.origin, step.index),
                mechanism=step.mechanism,
                date=step.date,
                step=step.step,
                authority=step.authority,
            )
            for step in row.steps
        ],
        standing=row.standing,
        impunity=judged.impunity,
        is_without_accountability=judged.is_without,
        after=[
            reprisals_pb2.EarlierReprisal(event=_place(each.origin, each.index), why=each.why)
            for each in judged.after
        ],
        references=row.references,
        is_invented=row.is_invented,
    )


def impunity_to_proto(row: ImpunityRow) -> reprisals_pb2.ImpunityItem:
    """Converts one act of the timeline."""
    return reprisals_pb2.ImpunityItem(
        case_id=row.case_id,
        event=_place(row.origin, row.index),
        mechanism=row.mechanism,
        kind=row.kind,
        body=row.body,
        date=row.date,
        what=row.what,
        authority=row.authority,
        title=row.title,
        states=row.states,
        reprisals=_places(row.reprisals),
        is_invented=row.is_invented,
    )


def alert_to_proto(alert: Alert) -> reprisals_pb2.Alert:
    """Converts an alert; whom else it concerns stays here."""
    row, seen = alert.row, alert.seen
    return reprisals_pb2.Alert(
        case_id=row.case_id,
        event=_place(row.origin, row.index),
        mechanism=row.mechanism,
        kind=row.kind,
        body=row.body,
        cooperated_with=row.cooperated_with,
        words=row.words,
        date=row.date,
        recorded_ms=row.recorded_ms,
        title=row.title,
        states=row.states,
        reason=alert.reason,
        seen_by="" if seen is None else seen.client,
        seen_ms=0 if seen is None else seen.time_ms,
        is_invented=row.is_invented,
    )


def entry_to_proto(entry: RegisterEntry) -> reprisals_pb2.RegisterEntry:
    """Converts an entry of a register."""
    return reprisals_pb2.RegisterEntry(
        case_id=entry.case_id,
        event=_place(entry.origin, entry.index),
        states=entry.states,
        date=entry.date,
        bodies=entry.bodies,
        cooperation=_acts(entry.cooperation),
        acts=entry.acts,
        title=entry.title,
        summary=entry.summary,
        against=entry.against,
        withheld=entry.withheld,
        follow_up=_acts(entry.follow_up),
        accountability=_acts(entry.accountability),
        standing=entry.standing,
        impunity=entry.impunity,
        outcome=entry.outcome,
        confidence=entry.confidence,
        reported_by=entry.reported_by,
        references=entry.references,
        is_invented=entry.is_invented,
    )


def _acts(acts: Iterable[Happened]) -> list[reprisals_pb2.RegisterAct]:
    return [
        reprisals_pb2.RegisterAct(date=each.date, who=each.who, what=each.what, title=each.title)
        for each in acts
    ]


def _places(places: Iterable[tuple[str, int]]) -> list[casework_pb2.EventPlace]:
    return [_place(origin, index) for origin, index in places]


def _place(origin: str, index: int) -> casework_pb2.EventPlace:
    return casework_pb2.EventPlace(origin=origin, index=index)
