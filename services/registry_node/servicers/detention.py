"""DetentionService: who is detained, and what has not been tried. For clients of this node."""

import asyncio
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any, Final, TypeAlias, TypeVar

import grpc

from registry.api.v1 import detention_pb2, detention_pb2_grpc
from registry.application.desk import Desk
from registry.application.detention_desk import DetentionDesk
from registry.application.lists import Listed
from registry.application.registry import Registry
from registry.views.detention_rows import DetentionRow
from registry_node import convert
from registry_node import convert_detention as convert_own
from registry_node.callers import calling_client
from registry_node.convert_casework import ask_of
from registry_node.threads import FairThreads

Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"
T = TypeVar("T")
_READING_THREADS: Final = 2
DETENTIONS_TAKE: Final = frozenset({"states", "themes", "mechanisms", "case_id"})
"""Fields of the filter that the list of detentions knows."""


class DetentionServicer(detention_pb2_grpc.DetentionServiceServicer):
    """Converts, reads in a thread, converts back."""

    def __init__(self, registry: Registry, desk: Desk) -> None:
        self._registry = registry
        self._desk = desk
        self._detentions = DetentionDesk(registry, desk)
        self._reading = FairThreads(_READING_THREADS, name="read-detentions")

    async def ListDetentions(  # noqa: N802 - the name of the RPC
        self, request: detention_pb2.ListDetentionsRequest, context: Context
    ) -> detention_pb2.ListDetentionsResponse:
        """Lists who is held on a day."""
        client = calling_client()
        on = convert_own.day_of(request.on, self._today())
        ask = ask_of(request.filter, request.page_size, request.page_token, takes=DETENTIONS_TAKE)

        def read() -> Listed[DetentionRow]:
            lists, asked = self._desk.lists_for(client, ask, "ListDetentions")
            return lists.detentions(asked, on, with_released=request.with_released)

        page = await self._read(read)
        return detention_pb2.ListDetentionsResponse(
            detentions=[convert_own.detention_to_proto(row, on) for row in page.rows],
            next_page_token=page.next_token,
            on=on.isoformat(),
        )

    async def GetDetentions(  # noqa: N802
        self, request: detention_pb2.GetDetentionsRequest, context: Context
    ) -> detention_pb2.GetDetentionsResponse:
        """Reads the detentions of a case."""
        client = calling_client()
        on = convert_own.day_of(request.on, self._today())
        case_id = convert.case_id_of(request.case, self._registry.registry_id)
        found = await self._read(lambda: self._detentions.detentions(client, case_id))
        return convert_own.detentions_to_proto(found, on)

    async def GetUntried(  # noqa: N802
        self, request: detention_pb2.GetUntriedRequest, context: Context
    ) -> detention_pb2.GetUntriedResponse:
        """Reads what has not been tried in a case."""
        client = calling_client()
        case_id = convert.case_id_of(request.case, self._registry.registry_id)
        found = await self._read(lambda: self._detentions.untried(client, case_id))
        return convert_own.untried_to_proto(found)

    def _today(self) -> date:
        return datetime.fromtimestamp(self._registry.clock_ms() / 1000, UTC).date()

    async def _read(self, read: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._reading, read)
