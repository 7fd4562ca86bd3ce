"""Good practices and working definitions, reached as `client.practices`."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final

import grpc

from registry.api.v1 import cases_pb2, practices_pb2, practices_pb2_grpc
from registry.client.casework import PAGE_ROWS, EventPlace, Filter
from registry.domain.identifiers import CaseId

Call = Callable[[Any, Any], Awaitable[Any]]
"""Makes one call with the client's deadline and errors: (method, request)."""

_ALL: Final = Filter()


@dataclass(frozen=True, slots=True)
class PracticeReason:
    """Something in common with a case: theme, state, region, or untried_instrument."""

    matter: str
    code: str


@dataclass(frozen=True, slots=True)
class Practice:
    """A good practice; see `registry.api.v1.Practice`. `date` empty = unknown."""

    case_id: CaseId
    event: EventPlace
    mechanism: str
    body: str
    title: str
    practice: str
    place: str
    themes: tuple[str, ...]
    states: tuple[str, ...]
    regions: tuple[str, ...]
    worked_for: tuple[str, ...]
    instruments: tuple[str, ...]
    references: tuple[str, ...]
    url: str
    date: str
    is_invented: bool
    reasons: tuple[PracticeReason, ...]


@dataclass(frozen=True, slots=True)
class FittingPractices:
    """The practices that fit a case, the best first, and how many more there are."""

    practices: tuple[Practice, ...]
    left_out: int


@dataclass(frozen=True, slots=True)
class SupersededFor:
    """A body that holds another definition since, and where that one stands."""

    body: str
    event: EventPlace


@dataclass(frozen=True, slots=True)
class Definition:
    """A working definition; see `registry.api.v1.Definition`. `recorded_ms`: milliseconds UTC."""

    case_id: CaseId
    event: EventPlace
    mechanism: str
    body: str
    term: str
    definition: str
    held_by: tuple[str, ...]
    themes: tuple[str, ...]
    references: tuple[str, ...]
    url: str
    date: str
    recorded_ms: int
    superseded: tuple[SupersededFor, ...]
    differing: int
    is_invented: bool


class PracticeClient:
    """The calls; lists come page by page as they are read."""

    def __init__(self, channel: grpc.aio.Channel, call: Call) -> None:
        self._stub: practices_pb2_grpc.PracticeServiceAsyncStub = (
            practices_pb2_grpc.PracticeServiceStub(channel)
        )
        self._call = call

    async def list_practices(self, wanted: Filter = _ALL) -> AsyncIterator[Practice]:
        """Lists good practices, newest first."""
        request = practices_pb2.ListPracticesRequest(page_size=PAGE_ROWS, filter=wanted.to_proto())
        while True:
            page = await self._call(self._stub.ListPractices, request)
            for each in page.practices:
                yield _practice(each)
            if not page.next_page_token:
                return
            request.page_token = page.next_page_token

    async def practices_for(
        self, case: cases_pb2.CaseSelector, wanted: Filter = _ALL, *, limit: int = 50
    ) -> FittingPractices:
        """Lists the practices that fit a case, the best first, with the reasons.

        Args:
            case: the case.
            wanted: what they are narrowed down to.
            limit: at most so many, up to 1000.
        """
        request = practices_pb2.ListPracticesRequest(
            page_size=limit, filter=wanted.to_proto(), case=case
        )
        answer = await self._call(self._stub.ListPractices, request)
        return FittingPractices(tuple(map(_practice, answer.practices)), answer.left_out)

    async def list_definitions(
        self, wanted: Filter = _ALL, *, term: str = ""
    ) -> AsyncIterator[Definition]:
        """Lists working definitions, term by term, the earliest of each first."""
        request = practices_pb2.ListDefinitionsRequest(
            page_size=PAGE_ROWS, filter=wanted.to_proto(), term=term
        )
        while True:
            page = await self._call(self._stub.ListDefinitions, request)
            for each in page.definitions:
                yield _definition(each)
            if not page.next_page_token:
                return
            request.page_token = page.next_page_token


def _practice(message: practices_pb2.Practice) -> Practice:
    return Practice(
        case_id=CaseId(message.case_id),
        event=EventPlace(message.event.origin, message.event.index),
        mechanism=message.mechanism,
        body=message.body,
        title=message.title,
        practice=message.practice,
        place=message.place,
        themes=tuple(message.themes),
        states=tuple(message.states),
        regions=tuple(message.regions),
        worked_for=tuple(message.worked_for),
        instruments=tuple(message.instruments),
        references=tuple(message.references),
        url=message.url,
        date=message.date,
        is_invented=message.is_invented,
        reasons=tuple(PracticeReason(each.matter, each.code) for each in message.reasons),
    )


def _definition(message: practices_pb2.Definition) -> Definition:
    return Definition(
        case_id=CaseId(message.case_id),
        event=EventPlace(message.event.origin, message.event.index),
        mechanism=message.mechanism,
        body=message.body,
        term=message.term,
        definition=message.definition,
        held_by=tuple(message.held_by),
        themes=tuple(message.themes),
        references=tuple(message.references),
        url=message.url,
        date=message.date,
        recorded_ms=message.recorded_ms,
        superseded=tuple(
            SupersededFor(each.body, EventPlace(each.event.origin, each.event.index))
            for each in message.superseded
        ),
        differing=message.differing,
        is_invented=message.is_invented,
    )
