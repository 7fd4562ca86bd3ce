"""KnowledgeService: a case as it was known. For clients of this node only."""

import asyncio
from typing import Any, Final, TypeAlias

import grpc

from registry.api.v1 import knowledge_pb2, knowledge_pb2_grpc
from registry.application.desk import Desk, confidential_count
from registry.application.registry import Registry
from registry.application.roles import Client
from registry_node import convert
from registry_node.callers import calling_client
from registry_node.convert_knowledge import as_of_of
from registry_node.history_pages import slice_of
from registry_node.threads import FairThreads

Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"
_READING_THREADS: Final = 2
"""Histories are folded there; apart from the threads that replication and the fence need."""


class KnowledgeServicer(knowledge_pb2_grpc.KnowledgeServiceServicer):
    """Converts, reads in a thread, converts back."""

    def __init__(self, registry: Registry, desk: Desk) -> None:
        self._registry = registry
        self._desk = desk
        self._reading = FairThreads(_READING_THREADS, name="read-known")

    async def GetKnownHistory(  # noqa: N802 - the name of the RPC
        self, request: knowledge_pb2.GetKnownHistoryRequest, context: Context
    ) -> knowledge_pb2.GetKnownHistoryResponse:
        """Reads a page of a history as it was known."""
        client = calling_client()
        return await asyncio.get_running_loop().run_in_executor(
            self._reading, self._page, request, client
        )

    def _page(
        self, request: knowledge_pb2.GetKnownHistoryRequest, client: Client
    ) -> knowledge_pb2.GetKnownHistoryResponse:
        case_id = convert.case_id_of(request.case, self._registry.registry_id)
        as_of = as_of_of(request)
        self._desk.require_case(client, case_id)
        known = self._registry.known_history(case_id, as_of)
        history = known.history
        start, end, token = slice_of(history, request.page_size, request.page_token)
        shown = history.events[start:end]
        self._desk.note_read(client, "GetKnownHistory", case_id, confidential_count(shown))
        book = self._registry.witness.book
        return knowledge_pb2.GetKnownHistoryResponse(
            case_id=case_id,
            events=[convert.event_to_proto(event, book) for event in shown],
            next_page_token=token,
            digest=history.digest,
            event_count=len(history.events),
            vector=[convert.history_place(place) for place in history.vector],
            unknown_count=known.unknown_count,
        )
