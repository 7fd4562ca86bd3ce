"""Lists across all cases, reached as `client.casework`: acts, what is due, what came of it."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

import grpc

from registry.api.v1 import casework_pb2, casework_pb2_grpc, filter_pb2
from registry.domain.identifiers import CaseId
from registry.domain.mechanisms import Instrument, Profile, Profiles
from registry.domain.mechanisms.profile import Nature

Call = Callable[[Any, Any], Awaitable[Any]]
"""Makes one call with the client's deadline and errors: (method, request)."""
PAGE_ROWS: Final = 200
"""Rows that are asked for at once."""


@dataclass(frozen=True, slots=True)
class Filter:
    """What a list is narrowed down to; see `registry.api.v1.Filter`. Empty = everything."""

    states: Sequence[str] = ()
    themes: Sequence[str] = ()
    mechanisms: Sequence[str] = ()
    instruments: Sequence[str] = ()
    bodies: Sequence[str] = ()
    kinds: Sequence[str] = ()
    statuses: Sequence[str] = ()
    marks: Sequence[str] = ()
    matters: Sequence[str] = ()
    topics: Sequence[str] = ()
    since: str = ""
    until: str = ""
    text: str = ""
    case_id: bytes = b""

    def to_proto(self) -> filter_pb2.Filter:
        """The filter for the wire."""
        return filter_pb2.Filter(**{name: getattr(self, name) for name in self.__slots__})


@dataclass(frozen=True, slots=True)
class EventPlace:
    """An event by its place."""

    origin: str
    index: int


@dataclass(frozen=True, slots=True)
class ActSummary:
    """One line on an act; `date` as far as it is known, times in milliseconds UTC."""

    case_id: CaseId
    event: EventPlace
    mechanism: str
    kind: str
    body: str
    instrument: str
    date: str
    recorded_ms: int
    title: str
    states: tuple[str, ...]
    themes: tuple[str, ...]
    references: tuple[str, ...]
    is_invented: bool


@dataclass(frozen=True, slots=True)
class Obligation:
    """Something due by a day (ISO 8601), and how it stands."""

    case_id: CaseId
    case_title: str
    matter: str
    event: EventPlace
    mechanism: str
    body: str
    states: tuple[str, ...]
    instrument: str
    due: str
    is_by_clock: bool
    state: str
    met: str
    is_overdue: bool
    references: tuple[str, ...]
    is_invented: bool


@dataclass(frozen=True, slots=True)
class FollowUpResponse:
    """One response in its own scheme."""

    mechanism: str
    scheme: str
    value: str
    date: str


@dataclass(frozen=True, slots=True)
class Assessment:
    """One assessment in its own scheme, the derived scale beside it."""

    mechanism: str
    body: str
    scheme: str
    value: str
    derived: str
    date: str


@dataclass(frozen=True, slots=True)
class FollowUp:
    """A recommendation, commitment or decision, and what came of it."""

    act: ActSummary
    responses: tuple[FollowUpResponse, ...]
    information_count: int
    assessments: tuple[Assessment, ...]
    scale: str
    is_contradicted: bool


@dataclass(frozen=True, slots=True)
class Concordance:
    """Recommendations that are said to ask the same: proposed, accepted or declined."""

    case_id: CaseId
    event: EventPlace
    mechanism: str
    events: tuple[EventPlace, ...]
    state: str


@dataclass(frozen=True, slots=True)
class ParsedReference:
    """A reference as it was read."""

    scheme: str
    normal: str
    updates: str


@dataclass(frozen=True, slots=True)
class ReferencePlace:
    """Where a reference stands."""

    case_id: CaseId
    event: EventPlace
    mechanism: str
    kind: str
    written: str
    parsed: ParsedReference
    date: str


class CaseworkClient:
    """The calls; lists come page by page as they are read."""

    def __init__(self, channel: grpc.aio.Channel, call: Call) -> None:
        self._stub: casework_pb2_grpc.CaseworkServiceAsyncStub = (
            casework_pb2_grpc.CaseworkServiceStub(channel)
        )
        self._call = call

    async def acts(self, wanted: Filter = Filter()) -> AsyncIterator[ActSummary]:
        """Lists readable acts by their own dates, newest first."""
        request = casework_pb2.ListActsRequest(page_size=PAGE_ROWS, filter=wanted.to_proto())
        async for page in self._pages(self._stub.ListActs, request):
            for each in page.acts:
                yield read_act(each)

    async def obligations(
        self,
        wanted: Filter = Filter(),
        *,
        overdue_only: bool = False,
    ) -> AsyncIterator[Obligation]:
        """Lists what is due, earliest day first."""
        request = casework_pb2.ListObligationsRequest(
            page_size=PAGE_ROWS, filter=wanted.to_proto(), overdue_only=overdue_only
        )
        async for page in self._pages(self._stub.ListObligations, request):
            for each in page.obligations:
                yield Obligation(
                    case_id=CaseId(each.case_id),
                    case_title=each.case_title,
                    matter=each.matter,
                    event=_place(each.event),
                    mechanism=each.mechanism,
                    body=each.body,
                    states=tuple(each.states),
                    instrument=each.instrument,
                    due=each.due,
                    is_by_clock=each.is_by_clock,
                    state=each.state,
                    met=each.met,
                    is_overdue=each.is_overdue,
                    references=tuple(each.references),
                    is_invented=each.is_invented,
                )

    async def follow_ups(self, wanted: Filter = Filter()) -> AsyncIterator[FollowUp]:
        """Lists recommendations, commitments and decisions with what came of them."""
        request = casework_pb2.ListFollowUpsRequest(page_size=PAGE_ROWS, filter=wanted.to_proto())
        async for page in self._pages(self._stub.ListFollowUps, request):
            for each in page.follow_ups:
                yield FollowUp(
                    act=read_act(each.act),
                    responses=tuple(
                        FollowUpResponse(r.mechanism, r.scheme, r.value, r.date)
                        for r in each.responses
                    ),
                    information_count=each.information_count,
                    assessments=tuple(
                        Assessment(a.mechanism, a.body, a.scheme, a.value, a.derived, a.date)
                        for a in each.assessments
                    ),
                    scale=each.scale,
                    is_contradicted=each.is_contradicted,
                )

    async def concordances(
        self,
        wanted: Filter = Filter(),
        event: EventPlace | None = None,
    ) -> AsyncIterator[Concordance]:
        """Lists what is said to ask the same; with an event, what it is part of."""
        request = casework_pb2.ListConcordancesRequest(
            page_size=PAGE_ROWS, filter=wanted.to_proto()
        )
        if event is not None:
            request.event.origin, request.event.index = event.origin, event.index
        async for page in self._pages(self._stub.ListConcordances, request):
            for each in page.concordances:
                yield Concordance(
                    CaseId(each.case_id),
                    _place(each.event),
                    each.mechanism,
                    tuple(map(_place, each.events)),
                    each.state,
                )

    async def references(self, text: str) -> tuple[ParsedReference, tuple[ReferencePlace, ...]]:
        """Finds where a reference stands, in any spelling, with its updates."""
        request = casework_pb2.FindReferencesRequest(text=text, page_size=PAGE_ROWS)
        parsed, places = ParsedReference("", "", ""), []
        async for page in self._pages(self._stub.FindReferences, request):
            parsed = _parsed(page.parsed)
            places += [
                ReferencePlace(
                    CaseId(each.case_id),
                    _place(each.event),
                    each.mechanism,
                    each.kind,
                    each.written,
                    _parsed(each.parsed),
                    each.date,
                )
                for each in page.places
            ]
        return parsed, tuple(places)

    async def mechanisms(self) -> Profiles:
        """Returns the profiles of the mechanisms as the node has them."""
        request = casework_pb2.ListMechanismsRequest()
        answer = await self._call(self._stub.ListMechanisms, request)
        return Profiles(
            {each.name: _read_profile(each) for each in answer.mechanisms},
            frozenset(each.name for each in answer.mechanisms if each.is_overridden),
        )

    async def _pages(self, method: Any, request: Any) -> AsyncIterator[Any]:  # noqa: ANN401
        while True:
            page = await self._call(method, request)
            yield page
            if not page.next_page_token:
                return
            request.page_token = page.next_page_token


def read_act(message: casework_pb2.ActSummary) -> ActSummary:
    """Converts a line on an act."""
    return ActSummary(
        case_id=CaseId(message.case_id),
        event=_place(message.event),
        mechanism=message.mechanism,
        kind=message.kind,
        body=message.body,
        instrument=message.instrument,
        date=message.date,
        recorded_ms=message.recorded_ms,
        title=message.title,
        states=tuple(message.states),
        themes=tuple(message.themes),
        references=tuple(message.references),
        is_invented=message.is_invented,
    )


def _read_profile(message: casework_pb2.MechanismProfile) -> Profile:
    names = Instrument.model_fields.keys()
    return Profile(
        participant=message.participant,
        nature=cast("Nature", message.nature),
        sources=tuple(message.sources),
        confidentiality=message.confidentiality,
        to_be_confirmed=tuple(message.to_be_confirmed),
        mechanisms=tuple(message.mechanisms),
        bodies=dict(message.bodies),
        region=message.region,
        instruments={
            each.code: Instrument.model_validate(
                {name: getattr(each, name) for name in names - {"to_be_confirmed"}}
                | {"to_be_confirmed": tuple(each.to_be_confirmed)}
            )
            for each in message.instruments
        },
    )


def _place(message: casework_pb2.EventPlace) -> EventPlace:
    return EventPlace(message.origin, message.index)


def _parsed(message: casework_pb2.ParsedReference) -> ParsedReference:
    return ParsedReference(message.scheme, message.normal, message.updates)
