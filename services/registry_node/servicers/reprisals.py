"""ReprisalService: reprisals, accountability, alerts, registers. For clients of this node only."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from datetime import UTC, date, datetime
from functools import partial
from typing import Any, Final, TypeAlias, TypeVar

import grpc

from registry.api.v1 import filter_pb2, reprisals_pb2, reprisals_pb2_grpc
from registry.application.desk import Desk
from registry.application.lists import Ask, Lists
from registry.application.register_making import RegisterOrder, make_register
from registry.application.registry import Registry
from registry.application.reprisal_register import register_name
from registry.application.reprisals import Judging, impunity_timeline, judged_reprisals
from registry.application.roles import Client
from registry.application.stored_content import require_open
from registry.application.watching import Changes, Watch, read_cursor, write_cursor
from registry.domain.reprisals import MONTHS
from registry_node import convert_reprisals as convert
from registry_node.callers import calling_client
from registry_node.convert_casework import ask_of
from registry_node.threads import FairThreads
from registry_node.watching import ChangeSignal, OpenStreams

Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"
T = TypeVar("T")
_THREADS: Final = 2
REPRISALS_TAKE: Final = frozenset(
    {"states", "mechanisms", "bodies", "statuses", "since", "until", "text", "case_id"}
)
IMPUNITY_TAKES: Final = frozenset({"states", "mechanisms", "kinds", "since", "until", "case_id"})
ALERTS_TAKE: Final = frozenset({"states", "mechanisms", "case_id"})
_REGISTER_TAKES: Final = frozenset({"states", "since", "until"})


class ReprisalServicer(reprisals_pb2_grpc.ReprisalServiceServicer):
    """Converts, reads in a thread, converts back."""

    def __init__(self, registry: Registry, desk: Desk) -> None:
        self._registry = registry
        self._desk = desk
        self._threads = FairThreads(_THREADS, name="reprisals")
        self._signal = ChangeSignal(registry.store, self._threads)
        self._open = OpenStreams()

    def close(self) -> None:
        """Waits for what runs in the threads; before the desk is closed."""
        self._threads.shutdown()

    async def ListReprisals(  # noqa: N802 - the name of the RPC
        self, request: reprisals_pb2.ListReprisalsRequest, context: Context
    ) -> reprisals_pb2.ListReprisalsResponse:
        """Lists reprisals."""
        ask = ask_of(request.filter, request.page_size, request.page_token, takes=REPRISALS_TAKE)
        judging = Judging(
            day=self._today(),
            months=request.months or MONTHS,
            without_only=request.without_accountability_only,
            recurring_only=request.recurring_only,
        )
        page = await self._read(
            "ListReprisals", ask, lambda lists, asked: judged_reprisals(lists, asked, judging)
        )
        return reprisals_pb2.ListReprisalsResponse(
            reprisals=[convert.reprisal_to_proto(each) for each in page.rows],
            next_page_token=page.next_token,
        )

    async def ListImpunity(  # noqa: N802
        self, request: reprisals_pb2.ListImpunityRequest, context: Context
    ) -> reprisals_pb2.ListImpunityResponse:
        """Lists reprisals and accountability steps as one timeline."""
        ask = ask_of(request.filter, request.page_size, request.page_token, takes=IMPUNITY_TAKES)
        page = await self._read("ListImpunity", ask, impunity_timeline)
        return reprisals_pb2.ListImpunityResponse(
            items=[convert.impunity_to_proto(each) for each in page.rows],
            next_page_token=page.next_token,
        )

    async def ListAlerts(  # noqa: N802
        self, request: reprisals_pb2.ListAlertsRequest, context: Context
    ) -> reprisals_pb2.ListAlertsResponse:
        """Lists alerts of this node's own mechanism."""
        ask = ask_of(request.filter, request.page_size, request.page_token, takes=ALERTS_TAKE)
        listed = partial(self._desk.alerts.listed, unseen_only=request.unseen_only)
        page = await self._read("ListAlerts", ask, listed)
        return reprisals_pb2.ListAlertsResponse(
            alerts=[convert.alert_to_proto(each) for each in page.rows],
            next_page_token=page.next_token,
        )

    async def MarkAlertsSeen(  # noqa: N802
        self, request: reprisals_pb2.MarkAlertsSeenRequest, context: Context
    ) -> reprisals_pb2.MarkAlertsSeenResponse:
        """Keeps that the caller has seen some alerts."""
        client = calling_client()
        places = [(each.origin, each.index) for each in request.events]
        may_see = partial(self._desk.may_see, client)
        await self._run(lambda: self._desk.alerts.mark_seen(client.name, places, may_see))
        return reprisals_pb2.MarkAlertsSeenResponse()

    async def WatchAlerts(  # noqa: N802
        self, request: reprisals_pb2.WatchAlertsRequest, context: Context
    ) -> AsyncIterator[reprisals_pb2.WatchAlertsResponse]:
        """Streams alerts as they arrive."""
        client = calling_client()
        require_open(self._registry.store)
        with self._open.one_more(client.name):
            watch = await self._run(lambda: self._watch(request.cursor))
            async with aclosing(self._signal.changes(watch)) as steps:
                async for changes in steps:
                    for each in await self._run(partial(self._alerts, client, changes)):
                        yield each

    async def ExportRegister(  # noqa: N802
        self, request: reprisals_pb2.ExportRegisterRequest, context: Context
    ) -> AsyncIterator[reprisals_pb2.ExportRegisterResponse]:
        """Streams the entries of a register."""
        wanted = filter_pb2.Filter(states=request.states, since=request.since, until=request.until)
        ask = ask_of(wanted, 0, "", takes=_REGISTER_TAKES)
        order = RegisterOrder(
            name=register_name(request.register),
            day=self._today(),
            months=Judging(self._today(), request.months or MONTHS).months,
            is_public=request.is_public,
        )
        client = calling_client()
        made = await self._run(
            lambda: make_register(self._registry, self._desk, client, ask, order)
        )
        head = reprisals_pb2.RegisterHead(
            register=order.name,
            recipients=made.recipients,
            day=order.day.isoformat(),
            months=order.months,
        )
        yield reprisals_pb2.ExportRegisterResponse(head=head)
        for entry in made.entries:
            yield reprisals_pb2.ExportRegisterResponse(entry=convert.entry_to_proto(entry))
        yield reprisals_pb2.ExportRegisterResponse(left_out=made.left_out)

    def _today(self) -> date:
        return datetime.fromtimestamp(self._registry.clock_ms() / 1000, UTC).date()

    def _watch(self, cursor: str) -> Watch:
        store = self._registry.store
        return Watch(store, self._registry.clock_ms, read_cursor(store, cursor))

    def _alerts(self, client: Client, changes: Changes) -> list[reprisals_pb2.WatchAlertsResponse]:
        """The alerts among what changed; the last answer carries the cursor."""
        found = self._desk.alerts.among(changes.changed, partial(self._desk.may_see, client))
        self._desk.note_rows(client, "WatchAlerts", [each.row for each in found])
        last = reprisals_pb2.WatchAlertsResponse(
            cursor=write_cursor(self._registry.store, changes.cursor),
            is_caught_up=changes.is_caught_up,
        )
        told = [
            reprisals_pb2.WatchAlertsResponse(alert=convert.alert_to_proto(each)) for each in found
        ]
        return [*told, last]

    async def _read(self, method: str, ask: Ask, read: Callable[[Lists, Ask], T]) -> T:
        client = calling_client()
        return await self._run(lambda: read(*self._desk.lists_for(client, ask, method)))

    async def _run(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)
