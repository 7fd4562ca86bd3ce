"""Calls over a connection that the called node has offered: as over any other."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import Any

from registry.client.tls import require_tls13

require_tls13()

import grpc  # noqa: E402 - grpc reads the cipher setting when it is first imported
import pytest  # noqa: E402

from registry.api.v1 import replication_pb2, replication_pb2_grpc  # noqa: E402
from registry_node.offering import Offering  # noqa: E402
from registry_node.offers import OfferedConnections  # noqa: E402
from registry_node.servicers.replication import _next_frame  # noqa: E402
from tests.unit.node.offers_world import (  # noqa: E402
    BETA,
    HIDDEN,
    PATIENCE_S,
    listening,
    until,
)

_Unserved: Any = replication_pb2_grpc.ReplicationServiceServicer
"""Answers UNIMPLEMENTED; its types ask for every method."""


class Hidden(_Unserved):  # type: ignore[misc] # as above
    """The server of the node without an inbound port."""

    def __init__(self) -> None:
        self.open = 0
        self.sent = 0
        self.peer: Any = None

    async def WatchHeads(self, _request: Any, _context: Any) -> AsyncIterator[Any]:  # noqa: N802
        self.open += 1
        try:
            yield replication_pb2.WatchHeadsResponse()
            await asyncio.Event().wait()
        finally:
            self.open -= 1

    async def GetEntries(self, request: Any, _context: Any) -> AsyncIterator[Any]:  # noqa: N802
        for start in range(request.start, request.size):
            self.sent += 1
            yield replication_pb2.GetEntriesResponse(start=start, entries=[bytes(2**18)])

    async def GetRoster(self, request: Any, _context: Any) -> Any:  # noqa: N802
        await _context.abort(grpc.StatusCode.NOT_FOUND, f"no version {request.version}")


class Accepting(_Unserved):  # type: ignore[misc] # as above
    """The server that is called."""

    def __init__(self, offers: OfferedConnections) -> None:
        self._offers = offers

    async def Offer(self, _requests: Any, context: Any) -> AsyncIterator[Any]:  # noqa: N802
        async for data in self._offers.carry(HIDDEN, partial(_next_frame, context)):
            yield replication_pb2.OfferResponse(data=data)


@asynccontextmanager
async def calls_through() -> AsyncIterator[tuple[Any, Hidden]]:
    """A stub of the hidden server, over a connection that it offered; TLS is left out here."""
    async with listening() as offers:
        offering = Offering(HIDDEN, reconnect_max_s=1, uniform=lambda low, _: low)
        hidden, servicer = grpc.aio.server(), Hidden()
        replication_pb2_grpc.add_ReplicationServiceServicer_to_server(servicer, hidden)
        hidden.add_insecure_port(offering.address)
        beta = grpc.aio.server()
        replication_pb2_grpc.add_ReplicationServiceServicer_to_server(Accepting(offers), beta)
        port = beta.add_insecure_port("127.0.0.1:0")
        await hidden.start()
        await beta.start()
        async with (
            grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel,
            grpc.aio.insecure_channel(offers.target(HIDDEN)) as back,
        ):
            stub: Any = replication_pb2_grpc.ReplicationServiceStub(channel)
            servicer.peer = stub
            offered = asyncio.ensure_future(offering.run({BETA.slug: BETA}, {BETA.slug: stub}))
            try:
                yield replication_pb2_grpc.ReplicationServiceStub(back), servicer
            finally:
                offered.cancel()
                with suppress(asyncio.CancelledError):
                    await offered
                await beta.stop(0)
                await hidden.stop(0)


async def test_calls_are_cancelled_timed_out_and_refused_as_over_any_connection() -> None:
    async with calls_through() as (stub, hidden):
        watching = stub.WatchHeads(replication_pb2.WatchHeadsRequest(), wait_for_ready=True)
        await watching.read()
        assert hidden.open == 1
        late = stub.WatchHeads(replication_pb2.WatchHeadsRequest(), timeout=0.3)
        await late.read()
        assert hidden.open == 2
        with pytest.raises(grpc.aio.AioRpcError) as ended:
            await late.read()
        assert ended.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
        await until(lambda: hidden.open == 1)
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await stub.GetRoster(replication_pb2.GetRosterRequest(version=7), timeout=5)
        assert refused.value.details() == "no version 7"
        watching.cancel()
        await until(lambda: hidden.open == 0)


async def test_calls_at_once_keep_their_order_and_a_slow_reader_holds_up_only_itself() -> None:
    async with calls_through() as (stub, hidden):
        many = replication_pb2.GetEntriesRequest(start=0, size=400)
        slow = stub.GetEntries(many, wait_for_ready=True)
        await slow.read()
        before = -1
        while before != hidden.sent:
            before = hidden.sent
            await asyncio.sleep(0.05)
        assert hidden.sent < 400, "a reader that stalls holds its own stream"
        async with asyncio.timeout(PATIENCE_S):
            for _ in range(3):
                few = stub.GetEntries(replication_pb2.GetEntriesRequest(start=5, size=25))
                assert [message.start async for message in few] == list(range(5, 25))
        assert [(await slow.read()).start for _ in range(1, 400)] == list(range(1, 400))


async def test_connection_that_broke_is_offered_again() -> None:
    async with calls_through() as (stub, hidden):
        first = stub.WatchHeads(replication_pb2.WatchHeadsRequest(), wait_for_ready=True)
        await first.read()
        replacing = hidden.peer.Offer()  # another node with the same key
        with pytest.raises(grpc.aio.AioRpcError) as ended:
            await first.read()
        assert ended.value.code() is grpc.StatusCode.UNAVAILABLE
        replacing.cancel()
        again = stub.WatchHeads(replication_pb2.WatchHeadsRequest(), wait_for_ready=True)
        async with asyncio.timeout(PATIENCE_S):
            await again.read()
        again.cancel()
