"""Who is detained, and what has not been tried, reached as `client.detention`."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import NamedTuple

import grpc

from registry.api.v1 import cases_pb2, detention_pb2, detention_pb2_grpc
from registry.client.casework import (
    PAGE_ROWS,
    ActSummary,
    Call,
    EventPlace,
    Filter,
    read_act,
)
from registry.domain.detention import Days
from registry.domain.identifiers import CaseId


class DaySpan(NamedTuple):
    """The first and the last day that a date can mean, ISO 8601; empty = nobody knows."""

    first: str
    last: str


@dataclass(frozen=True, slots=True)
class DetentionPhase:
    """How somebody was held from a time on; empty = nobody says how."""

    since: DaySpan
    deprivation: str


@dataclass(frozen=True, slots=True)
class Detention:
    """One time that somebody was held, counted as of a day; see `registry.api.v1.Detention`."""

    case_id: CaseId
    case_title: str
    event: EventPlace
    mechanism: str
    person_id: str
    name: str
    start: DaySpan
    is_ended: bool
    end: DaySpan
    phases: tuple[DetentionPhase, ...]
    standing: str
    deprivation: str
    days: Days
    custody_days: Days
    house_arrest_days: Days
    disputes: tuple[str, ...]
    release: str
    place: str
    authority: str
    charges: tuple[str, ...]
    next_hearing: str
    confidences: tuple[tuple[str, str], ...]
    mechanisms: tuple[str, ...]
    states: tuple[str, ...]
    themes: tuple[str, ...]
    is_invented: bool


@dataclass(frozen=True, slots=True)
class DetentionAct:
    """An act that concerns a detention, why, and how many days after (or before) its beginning.

    `says` is began, changed or ended for an act that tells of the detention itself.
    """

    act: ActSummary
    reason: str
    says: str
    day: Days
    is_before: bool


@dataclass(frozen=True, slots=True)
class DetentionFile:
    """A detention and the acts of all mechanisms that concern it, by their dates."""

    detention: Detention
    acts: tuple[DetentionAct, ...]


@dataclass(frozen=True, slots=True)
class CaseDetentions:
    """The detentions of a case as of a day; what is not readable at the node is not counted."""

    files: tuple[DetentionFile, ...]
    on: str
    unreadable_count: int


@dataclass(frozen=True, slots=True)
class UntriedInstrument:
    """An instrument that no event of a case names, and whose procedure it would meet."""

    code: str
    name: str
    is_perhaps_used: bool
    meets: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class MechanismChoice:
    """What one mechanism has done in a case, and what it has not."""

    name: str
    participant: str
    nature: str
    is_to_be_confirmed: bool
    used: tuple[str, ...]
    untried: tuple[UntriedInstrument, ...]


@dataclass(frozen=True, slots=True)
class Untried:
    """What has not been tried in a case, as far as the node can read it."""

    choices: tuple[MechanismChoice, ...]
    left_out: tuple[str, ...]
    meeting: tuple[str, ...]
    states: tuple[str, ...]
    unreadable_count: int


class DetentionClient:
    """The calls; lists come page by page as they are read."""

    def __init__(self, channel: grpc.aio.Channel, call: Call) -> None:
        self._stub: detention_pb2_grpc.DetentionServiceAsyncStub = (
            detention_pb2_grpc.DetentionServiceStub(channel)
        )
        self._call = call

    async def detentions(
        self, wanted: Filter | None = None, *, on: str = "", with_released: bool = False
    ) -> AsyncIterator[Detention]:
        """Lists who is, or may be, held on a day (empty = today), longest first."""
        request = detention_pb2.ListDetentionsRequest(
            page_size=PAGE_ROWS,
            filter=None if wanted is None else wanted.to_proto(),
            on=on,
            with_released=with_released,
        )
        while True:
            page = await self._call(self._stub.ListDetentions, request)
            for each in page.detentions:
                yield read_detention(each)
            if not page.next_page_token:
                return
            # All pages are counted as of one day, also around midnight.
            request.page_token, request.on = page.next_page_token, page.on

    async def of_case(self, selector: cases_pb2.CaseSelector, *, on: str = "") -> CaseDetentions:
        """Reads the detentions of a case, counted as of a day (empty = today)."""
        request = detention_pb2.GetDetentionsRequest(case=selector, on=on)
        answer = await self._call(self._stub.GetDetentions, request)
        return CaseDetentions(
            tuple(_file(each) for each in answer.files), answer.on, answer.unreadable_count
        )

    async def untried(self, selector: cases_pb2.CaseSelector) -> Untried:
        """Reads which instruments no readable event of a case uses."""
        request = detention_pb2.GetUntriedRequest(case=selector)
        answer = await self._call(self._stub.GetUntried, request)
        return Untried(
            choices=tuple(_choice(each) for each in answer.choices),
            left_out=tuple(answer.left_out),
            meeting=tuple(answer.meeting),
            states=tuple(answer.states),
            unreadable_count=answer.unreadable_count,
        )


def read_detention(message: detention_pb2.Detention) -> Detention:
    """Converts a detention."""
    return Detention(
        case_id=CaseId(message.case_id),
        case_title=message.case_title,
        event=EventPlace(message.event.origin, message.event.index),
        mechanism=message.mechanism,
        person_id=message.person_id,
        name=message.name,
        start=_span(message.start),
        is_ended=message.is_ended,
        end=_span(message.end),
        phases=tuple(DetentionPhase(_span(p.since), p.deprivation) for p in message.phases),
        standing=message.standing,
        deprivation=message.deprivation,
        days=_days(message.days),
        custody_days=_days(message.custody_days),
        house_arrest_days=_days(message.house_arrest_days),
        disputes=tuple(message.disputes),
        release=message.release,
        place=message.place,
        authority=message.authority,
        charges=tuple(message.charges),
        next_hearing=message.next_hearing,
        confidences=tuple((each.mechanism, each.confidence) for each in message.confidences),
        mechanisms=tuple(message.mechanisms),
        states=tuple(message.states),
        themes=tuple(message.themes),
        is_invented=message.is_invented,
    )


def _file(message: detention_pb2.DetentionFile) -> DetentionFile:
    return DetentionFile(
        read_detention(message.detention),
        tuple(
            DetentionAct(
                read_act(each.act), each.reason, each.says, _days(each.day), each.is_before
            )
            for each in message.acts
        ),
    )


def _choice(message: detention_pb2.MechanismChoice) -> MechanismChoice:
    return MechanismChoice(
        name=message.name,
        participant=message.participant,
        nature=message.nature,
        is_to_be_confirmed=message.is_to_be_confirmed,
        used=tuple(message.used),
        untried=tuple(
            UntriedInstrument(each.code, each.name, each.is_perhaps_used, tuple(each.meets))
            for each in message.untried
        ),
    )


def _span(message: detention_pb2.DaySpan) -> DaySpan:
    return DaySpan(message.first, message.last)


def _days(message: detention_pb2.DayCount) -> Days:
    return Days(message.least, None if message.is_open else message.most)
