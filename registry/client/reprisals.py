"""Reprisals, accountability, alerts and registers, reached as `client.reprisals`."""

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterable, Sequence
from typing import Any, Final

import grpc

from registry.api.v1 import casework_pb2, reprisals_pb2, reprisals_pb2_grpc
from registry.client.casework import PAGE_ROWS, EventPlace, Filter
from registry.client.errors import translate
from registry.client.reprisal_values import (
    Alert,
    AlertStep,
    ImpunityItem,
    Register,
    RegisterEntry,
    Reprisal,
    read_alert,
    read_entry,
    read_impunity,
    read_reprisal,
)

Call = Callable[[Any, Any], Awaitable[Any]]
"""Makes one call with the client's deadline and errors: (method, request)."""
_ALL: Final = Filter()
_REGISTER_S: Final = 120.0


class ReprisalClient:
    """The calls; lists come page by page as they are read."""

    def __init__(self, channel: grpc.aio.Channel, call: Call, address: str) -> None:
        self._stub: reprisals_pb2_grpc.ReprisalServiceAsyncStub = (
            reprisals_pb2_grpc.ReprisalServiceStub(channel)
        )
        self._call = call
        self._address = address

    async def list_reprisals(
        self,
        wanted: Filter = _ALL,
        *,
        months: int = 0,
        without_accountability_only: bool = False,
        recurring_only: bool = False,
    ) -> AsyncIterator[Reprisal]:
        """Lists reprisals, newest first; 0 months = as the node has it."""
        request = reprisals_pb2.ListReprisalsRequest(
            page_size=PAGE_ROWS,
            filter=wanted.to_proto(),
            months=months,
            without_accountability_only=without_accountability_only,
            recurring_only=recurring_only,
        )
        async for page in self._pages(self._stub.ListReprisals, request):
            for each in page.reprisals:
                yield read_reprisal(each)

    async def impunity(self, wanted: Filter = _ALL) -> AsyncIterator[ImpunityItem]:
        """Lists reprisals and accountability steps as one timeline, earliest first."""
        request = reprisals_pb2.ListImpunityRequest(page_size=PAGE_ROWS, filter=wanted.to_proto())
        async for page in self._pages(self._stub.ListImpunity, request):
            for each in page.items:
                yield read_impunity(each)

    async def alerts(
        self, wanted: Filter = _ALL, *, unseen_only: bool = False
    ) -> AsyncIterator[Alert]:
        """Lists the alerts of the node's own mechanism, unseen ones first."""
        request = reprisals_pb2.ListAlertsRequest(
            page_size=PAGE_ROWS, filter=wanted.to_proto(), unseen_only=unseen_only
        )
        async for page in self._pages(self._stub.ListAlerts, request):
            for each in page.alerts:
                yield read_alert(each)

    async def mark_seen(self, events: Iterable[EventPlace]) -> None:
        """Keeps that the caller has seen some alerts.

        Raises:
            NotFound: one is no alert there; then none is marked.
        """
        places = [casework_pb2.EventPlace(origin=e.origin, index=e.index) for e in events]
        request = reprisals_pb2.MarkAlertsSeenRequest(events=places)
        await self._call(self._stub.MarkAlertsSeen, request)

    async def watch_alerts(
        self, cursor: str = "", *, timeout_s: float
    ) -> AsyncGenerator[AlertStep, None]:
        """Streams alerts as they arrive from a cursor on, for at most `timeout_s`.

        Raises:
            CursorOutOfRange: the node does not hold what the cursor stands for.
        """
        request = reprisals_pb2.WatchAlertsRequest(cursor=cursor)
        async for each in self._stream(self._stub.WatchAlerts, request, timeout_s, ends=True):
            alert = read_alert(each.alert) if each.HasField("alert") else None
            yield AlertStep(alert, each.cursor, each.is_caught_up)

    async def register(
        self,
        name: str,
        *,
        states: Sequence[str] = (),
        since: str = "",
        until: str = "",
        months: int = 0,
        is_public: bool = False,
    ) -> Register:
        """Makes the entries of a register, `achpr` or `sg`.

        Raises:
            InvalidRequest: there is no such register, or more fits than one may hold.
        """
        request = reprisals_pb2.ExportRegisterRequest(
            register=name,
            states=states,
            since=since,
            until=until,
            months=months,
            is_public=is_public,
        )
        head, left_out = reprisals_pb2.RegisterHead(), 0
        entries: list[RegisterEntry] = []
        async for each in self._stream(self._stub.ExportRegister, request, _REGISTER_S):
            match each.WhichOneof("item"):
                case "head":
                    head = each.head
                case "entry":
                    entries.append(read_entry(each.entry))
                case "left_out":
                    left_out = each.left_out
        recipients = tuple(head.recipients)
        return Register(head.register, recipients, head.day, head.months, tuple(entries), left_out)

    async def _pages(self, method: Any, request: Any) -> AsyncIterator[Any]:  # noqa: ANN401
        while True:
            page = await self._call(method, request)
            yield page
            if not page.next_page_token:
                return
            request.page_token = page.next_page_token

    async def _stream(
        self,
        method: Any,  # noqa: ANN401 - each method has its own message
        request: Any,  # noqa: ANN401
        timeout_s: float,
        *,
        ends: bool = False,
    ) -> AsyncIterator[Any]:
        """Reads a stream; `ends`: its deadline is the end that was asked for."""
        call = method(request, timeout=timeout_s)
        try:
            async for response in call:
                yield response
        except grpc.aio.AioRpcError as error:
            if ends and error.code() is grpc.StatusCode.DEADLINE_EXCEEDED:
                return
            raise translate(error, self._address) from error
        finally:
            call.cancel()
