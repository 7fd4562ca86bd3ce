"""WatchService: histories and cases as they change. For clients of this node only."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from functools import partial
from typing import Any, Final, ParamSpec, TypeAlias, TypeVar

import grpc

from registry.api.v1 import watch_pb2, watch_pb2_grpc
from registry.application.desk import Desk, confidential_count
from registry.application.registry import Registry
from registry.application.roles import Client
from registry.application.stored_content import require_open
from registry.application.watching import Changes, Watch, read_cursor, write_cursor
from registry.domain.identifiers import CaseId
from registry.errors import NotFound
from registry_node import convert
from registry_node.callers import calling_client
from registry_node.threads import FairThreads
from registry_node.watching import ChangeSignal, OpenStreams

Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"
P = ParamSpec("P")
T = TypeVar("T")
_THREADS: Final = 2
"""What changed is read there; apart from the threads that replication and the fence need."""


class WatchServicer(watch_pb2_grpc.WatchServiceServicer):
    """Converts, reads what changed in a thread, converts back."""

    def __init__(self, registry: Registry, desk: Desk) -> None:
        self._registry = registry
        self._desk = desk
        self._threads = FairThreads(_THREADS, name="watch")
        self._signal = ChangeSignal(registry.store, self._threads)
        self._open = OpenStreams()

    def close(self) -> None:
        """Waits for what runs in the threads; before the desk is closed."""
        self._threads.shutdown()

    async def WatchHistory(  # noqa: N802 - the name of the RPC
        self, request: watch_pb2.WatchHistoryRequest, context: Context
    ) -> AsyncIterator[watch_pb2.WatchHistoryResponse]:
        """Streams the events of a case as they arrive or become readable."""
        client = calling_client()
        case_id = convert.case_id_of(request.case, self._registry.registry_id)
        self._desk.require_case(client, case_id)
        require_open(self._registry.store)
        with self._open.one_more(client.name):
            watch = await self._run(self._watch, request.cursor, case_id)
            async with aclosing(self._signal.changes(watch)) as steps:
                async for changes in steps:
                    for each in await self._run(self._events, client, case_id, changes):
                        yield each

    async def WatchCases(  # noqa: N802
        self, request: watch_pb2.WatchCasesRequest, context: Context
    ) -> AsyncIterator[watch_pb2.WatchCasesResponse]:
        """Streams the lines of cases as they change."""
        client = calling_client()
        require_open(self._registry.store)
        with self._open.one_more(client.name):
            watch = await self._run(self._watch, request.cursor)
            async with aclosing(self._signal.changes(watch)) as steps:
                async for changes in steps:
                    for each in await self._run(self._cases, client, changes):
                        yield each

    async def _run(self, work: Callable[P, T], *args: P.args, **named: P.kwargs) -> T:
        call = partial(work, *args, **named)
        return await asyncio.get_running_loop().run_in_executor(self._threads, call)

    def _watch(self, cursor: str, case_id: CaseId | None = None) -> Watch:
        store = self._registry.store
        return Watch(store, self._registry.clock_ms, read_cursor(store, cursor), case_id)

    def _events(
        self, client: Client, case_id: CaseId, changes: Changes
    ) -> list[watch_pb2.WatchHistoryResponse]:
        """The changed events, as they read now; the last answer carries the cursor."""
        self._desk.require_case(client, case_id)
        last = watch_pb2.WatchHistoryResponse(
            cursor=write_cursor(self._registry.store, changes.cursor),
            is_caught_up=changes.is_caught_up,
        )
        if not changes.changed:
            return [last]
        places = {(each.log_id, each.index) for each in changes.changed}
        history = self._registry.history(case_id)
        shown = [event for event in history.events if (event.log_id, event.index) in places]
        self._desk.note_read(client, "WatchHistory", case_id, confidential_count(shown))
        book = self._registry.witness.book
        found = [
            watch_pb2.WatchHistoryResponse(event=convert.event_to_proto(event, book))
            for event in shown
        ]
        return [*found, last]

    def _cases(self, client: Client, changes: Changes) -> list[watch_pb2.WatchCasesResponse]:
        rows = []
        for case_id in dict.fromkeys(each.case_id for each in changes.changed):
            if not self._desk.may_see(client, case_id):
                continue
            try:
                rows.append(self._registry.case(case_id))
            except NotFound:
                continue  # all its events became void
        self._desk.note_rows(client, "WatchCases", rows)
        found = [watch_pb2.WatchCasesResponse(case=convert.summary_to_proto(row)) for row in rows]
        last = watch_pb2.WatchCasesResponse(
            cursor=write_cursor(self._registry.store, changes.cursor),
            is_caught_up=changes.is_caught_up,
        )
        return [*found, last]
