"""Detentions and what has not been tried, between wire and application."""

from collections.abc import Mapping
from datetime import date
from typing import Final

from registry.api.v1 import casework_pb2, detention_pb2
from registry.application.detention_desk import CaseDetentions, DetentionFile, Untried
from registry.domain.acts import instrument_of, states_of
from registry.domain.detention import Concern, Days
from registry.domain.untried import Choice
from registry.domain.vocabulary import kind_code
from registry.errors import InvalidRequest
from registry.views.acts import name_of
from registry.views.detention_rows import DetentionRow
from registry.views.detentions import count_of

_DAY_CHARACTERS: Final = 10


def day_of(text: str, today: date) -> date:
    """Reads the day as of which is counted; empty = today.

    Raises:
        InvalidRequest: it is no day.
    """
    if not text:
        return today
    try:
        if len(text) == _DAY_CHARACTERS:
            return date.fromisoformat(text)
    except ValueError:
        pass
    msg = f"on: a day is written 2026-11-26, not {text[:40]!r}"
    raise InvalidRequest(msg)


def detention_to_proto(row: DetentionRow, on: date) -> detention_pb2.Detention:
    """Converts a detention, counted as of a day."""
    count = count_of(row, on)
    return detention_pb2.Detention(
        case_id=row.case_id,
        case_title=row.case_title,
        event=casework_pb2.EventPlace(origin=row.origin, index=row.index),
        mechanism=row.mechanism,
        person_id=row.person_id,
        name=row.name,
        start=detention_pb2.DaySpan(first=row.start_first, last=row.start_last),
        is_ended=row.is_ended,
        end=detention_pb2.DaySpan(first=row.end_first, last=row.end_last),
        phases=[
            detention_pb2.DetentionPhase(
                since=detention_pb2.DaySpan(first=each.first, last=each.last),
                deprivation=each.deprivation,
            )
            for each in row.phases
        ],
        standing=count.standing,
        deprivation=count.deprivation,
        days=_days(count.days),
        custody_days=_days(count.custody),
        house_arrest_days=_days(count.house_arrest),
        disputes=row.disputes,
        release=row.release,
        place=row.place,
        authority=row.authority,
        charges=row.charges,
        next_hearing=row.next_hearing,
        confidences=[
            detention_pb2.DetentionConfidence(mechanism=mechanism, confidence=confidence)
            for mechanism, confidence in row.confidences
        ],
        mechanisms=row.mechanisms,
        states=row.states,
        themes=row.themes,
        is_invented=row.is_invented,
    )


def detentions_to_proto(found: CaseDetentions, on: date) -> detention_pb2.GetDetentionsResponse:
    """Converts the detentions of a case."""
    recorded: dict[tuple[str, int], int] = {
        (each.origin, each.index): each.recorded_ms for each in found.history.events
    }
    return detention_pb2.GetDetentionsResponse(
        files=[
            detention_pb2.DetentionFile(
                detention=detention_to_proto(each.row, on),
                acts=_acts(each, recorded),
            )
            for each in found.files
        ],
        on=on.isoformat(),
        unreadable_count=found.unreadable_count,
    )


def untried_to_proto(found: Untried) -> detention_pb2.GetUntriedResponse:
    """Converts what has not been tried."""
    return detention_pb2.GetUntriedResponse(
        choices=[_choice(each) for each in found.choices.choices],
        left_out=found.choices.left_out,
        meeting=found.choices.meeting,
        states=found.states,
        unreadable_count=found.unreadable_count,
    )


def _acts(
    file: DetentionFile, recorded: Mapping[tuple[str, int], int]
) -> list[detention_pb2.DetentionAct]:
    says = {account.act.place: account.what for account in file.detention.accounts}
    return [_act(concern, file, says, recorded) for concern in file.concerns]


def _act(
    concern: Concern,
    file: DetentionFile,
    says: Mapping[tuple[str, int], str],
    recorded: Mapping[tuple[str, int], int],
) -> detention_pb2.DetentionAct:
    act, content = concern.act, concern.act.content
    acted = content.act_date()
    return detention_pb2.DetentionAct(
        act=casework_pb2.ActSummary(
            case_id=file.row.case_id,
            event=casework_pb2.EventPlace(origin=act.origin, index=act.index),
            mechanism=act.mechanism,
            kind=kind_code(content.kind),
            body=content.acting_body,
            instrument=instrument_of(content),
            date="" if acted is None else acted.value,
            recorded_ms=recorded[act.place],
            title=name_of(content),
            states=states_of(content),
            themes=content.themes,
            references=content.references,
            is_invented=content.is_invented,
        ),
        reason=concern.reason,
        says=says.get(act.place, ""),
        day=_days(concern.day),
        is_before=concern.is_before,
    )


def _choice(each: Choice) -> detention_pb2.MechanismChoice:
    return detention_pb2.MechanismChoice(
        name=each.name,
        participant=each.profile.participant,
        nature=each.profile.nature,
        is_to_be_confirmed=each.reach != "applies",
        used=each.used,
        untried=[
            detention_pb2.UntriedInstrument(
                code=option.code,
                name=option.instrument.name,
                is_perhaps_used=option.standing == "perhaps",
                meets=option.meets,
            )
            for option in each.options
        ],
    )


def _days(days: Days) -> detention_pb2.DayCount:
    return detention_pb2.DayCount(least=days.least, most=days.most or 0, is_open=days.most is None)
