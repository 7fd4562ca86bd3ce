"""Streams of what changes, reached as `client.watch`."""

from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass
from typing import Any

import grpc

from registry.api.v1 import cases_pb2, watch_pb2, watch_pb2_grpc
from registry.client.errors import translate
from registry.client.values import CaseSummary, HistoryEvent, read_event, read_summary


@dataclass(frozen=True, slots=True)
class Step:
    """Something that changed, or how far the stream has come.

    Attributes:
        event: of the watched case, as it reads now; None = none in this step.
        case: as it reads now; None = none in this step.
        cursor: everything up to here was told: watch from it next time; empty = more follows.
        is_caught_up: whether all that the node holds was told.
    """

    event: HistoryEvent | None
    case: CaseSummary | None
    cursor: str
    is_caught_up: bool


class WatchClient:
    """The streams."""

    def __init__(self, channel: grpc.aio.Channel, address: str) -> None:
        self._stub: watch_pb2_grpc.WatchServiceAsyncStub = watch_pb2_grpc.WatchServiceStub(channel)
        self._address = address

    async def history(
        self, selector: cases_pb2.CaseSelector, cursor: str = "", *, timeout_s: float
    ) -> AsyncGenerator[Step, None]:
        """Streams the events of a case from a cursor, for at most `timeout_s`.

        Raises:
            CursorOutOfRange: the node does not hold what the cursor stands for.
        """
        request = watch_pb2.WatchHistoryRequest(case=selector, cursor=cursor)
        async for each in self._stream(self._stub.WatchHistory, request, timeout_s):
            event = read_event(each.event) if each.HasField("event") else None
            yield Step(event, None, each.cursor, each.is_caught_up)

    async def cases(self, cursor: str = "", *, timeout_s: float) -> AsyncGenerator[Step, None]:
        """Streams the lines of cases from a cursor; limits and errors as `history`."""
        request = watch_pb2.WatchCasesRequest(cursor=cursor)
        async for each in self._stream(self._stub.WatchCases, request, timeout_s):
            case = read_summary(each.case) if each.HasField("case") else None
            yield Step(None, case, each.cursor, each.is_caught_up)

    async def _stream(self, method: Any, request: Any, timeout_s: float) -> AsyncIterator[Any]:  # noqa: ANN401
        call = method(request, timeout=timeout_s)
        try:
            async for response in call:
                yield response
        except grpc.aio.AioRpcError as error:
            if error.code() is grpc.StatusCode.DEADLINE_EXCEEDED:
                return
            raise translate(error, self._address) from error
        finally:
            call.cancel()
