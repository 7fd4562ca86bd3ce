"""Calls for a case as it was known, reached as `client.knowledge`."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final

import grpc

from registry.api.v1 import cases_pb2, knowledge_pb2, knowledge_pb2_grpc
from registry.client.values import History, LogPlace, read_event, read_place
from registry.domain.identifiers import CaseId

Call = Callable[[Any, Any], Awaitable[Any]]
"""Makes one call with the client's deadline and errors: (method, request)."""
_PAGE: Final = 200


@dataclass(frozen=True, slots=True)
class KnownHistory:
    """What was known, and how many events of the case the node holds beside that."""

    history: History
    unknown_count: int


class KnowledgeClient:
    """A client's calls of KnowledgeService."""

    def __init__(self, channel: grpc.aio.Channel, call: Call) -> None:
        self._stub: knowledge_pb2_grpc.KnowledgeServiceAsyncStub = (
            knowledge_pb2_grpc.KnowledgeServiceStub(channel)
        )
        self._call = call

    async def when_recording(
        self, selector: cases_pb2.CaseSelector, origin: str, index: int
    ) -> KnownHistory:
        """Reads a case as its author knew it when it recorded an event, which is left out."""
        request = knowledge_pb2.GetKnownHistoryRequest(case=selector)
        request.when_recording.origin, request.when_recording.index = origin, index
        return await self._read(request)

    async def by_time(
        self, selector: cases_pb2.CaseSelector, time_ms: int, mechanism: str = ""
    ) -> KnownHistory:
        """Reads a case as of a time, milliseconds UTC; known to a mechanism, or to anybody."""
        request = knowledge_pb2.GetKnownHistoryRequest(case=selector)
        request.by_time.time_ms, request.by_time.mechanism = time_ms, mechanism
        return await self._read(request)

    async def at_vector(self, selector: cases_pb2.CaseSelector, *places: LogPlace) -> KnownHistory:
        """Reads a case as of a vector; an empty root is not compared."""
        request = knowledge_pb2.GetKnownHistoryRequest(case=selector)
        request.vector.SetInParent()
        for place in places:
            request.vector.places.add(origin=place.origin, size=place.size, root=place.root)
        return await self._read(request)

    async def _read(self, request: knowledge_pb2.GetKnownHistoryRequest) -> KnownHistory:
        """Reads all pages.

        Raises:
            HistoryChanged: a page is of another history; ask again.
        """
        request.page_size = _PAGE
        events = []
        while True:
            page = await self._call(self._stub.GetKnownHistory, request)
            events += [read_event(event) for event in page.events]
            request.page_token = page.next_page_token
            if not page.next_page_token:
                vector = tuple(read_place(place) for place in page.vector)
                history = History(CaseId(page.case_id), tuple(events), page.digest, vector)
                return KnownHistory(history, page.unknown_count)
