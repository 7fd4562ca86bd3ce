"""A node without an inbound port: offers its own server to every member that it can dial.

One `Offer` stream for each of them, opened again with backoff when it ends. What comes on it is
handed to this node's own server over a socket of this machine, as the bytes of a TLS connection:
who calls, what it may call and how it is answered is decided there, as for a port. Two nodes
without inbound ports offer nothing to each other; their logs travel through the others.
"""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, Final

import grpc
import structlog

from registry.api.v1 import replication_pb2
from registry.domain.identifiers import Slug
from registry.errors import EntryError, InvalidRequest
from registry.log.roster import Member
from registry_node.fetching import ReplicationStub, require_message
from registry_node.offers import Connection, check_frame, dialled, opened, socket_name

_log = structlog.get_logger()
_FIRST_WAIT_S: Final = 0.1
_LONGEST_S: Final = 3_600.0
"""A stream is opened anew after about this time; calls that it cuts off go on where they ended."""

OfferCall = Any
"""`grpc.aio.StreamStreamCall`, whose types say too little of reading."""


class Offering:
    """Keeps this node's server offered to all members that take calls."""

    def __init__(
        self, own: Member, *, reconnect_max_s: float, uniform: Callable[[float, float], float]
    ) -> None:
        """Offers nothing yet.

        Args:
            own: the member whose node this is.
            reconnect_max_s: longest wait between attempts.
            uniform: a random number between two.
        """
        self._name = "" if own.takes_calls else socket_name()
        self._reconnect_max_s = reconnect_max_s
        self._uniform = uniform

    @property
    def address(self) -> str:
        """Where this node's server must listen too; empty if it is called at its own address."""
        return self._name and dialled(self._name)

    async def run(
        self, peers: Mapping[Slug, Member], stubs: Mapping[Slug, ReplicationStub]
    ) -> None:
        """Offers until cancelled; ends at once if this node takes calls."""
        if not self._name:
            return
        async with asyncio.TaskGroup() as tasks:
            for slug, member in peers.items():
                if member.takes_calls:
                    tasks.create_task(self._keep_offering(slug, stubs[slug]))

    async def _keep_offering(self, peer: Slug, stub: ReplicationStub) -> None:
        wait_s = _FIRST_WAIT_S
        loop = asyncio.get_running_loop()
        while True:
            started_s = loop.time()
            reason = await self._offer(stub)
            _log.info("offer_ended", peer=peer, reason=reason)
            is_lasting = loop.time() - started_s > self._reconnect_max_s
            wait_s = _FIRST_WAIT_S if is_lasting else min(wait_s * 2, self._reconnect_max_s)
            await asyncio.sleep(wait_s * self._uniform(0.5, 1.0))

    async def _offer(self, stub: ReplicationStub) -> str:
        """Opens one stream and serves it; returns why it ended."""
        period_s = _LONGEST_S * self._uniform(0.8, 1.0)
        call: OfferCall = stub.Offer(timeout=period_s, wait_for_ready=True)
        try:
            return await self._serve(call)
        except grpc.aio.AioRpcError as error:
            return str(error.code().name)
        except (EntryError, InvalidRequest) as error:
            return error.reason
        finally:
            call.cancel()

    async def _serve(self, call: OfferCall) -> str:
        # The peer speaks first: the own server's time for a handshake begins only then.
        first = await _frame(call)
        if not first:
            return "ended"
        try:
            connection = Connection(*await asyncio.open_unix_connection(opened(self._name)))
        except OSError:
            return "not_serving"
        try:
            await connection.write(first)
            async with asyncio.TaskGroup() as tasks:
                ways = [
                    tasks.create_task(_hand_in(call, connection)),
                    tasks.create_task(_hand_out(call, connection)),
                ]
                await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
                for way in ways:
                    way.cancel()
            # None is left if both were cancelled with this call, as a node is when it stops.
            ended = (way.result() for way in ways if way.done() and not way.cancelled())
            return next(ended, "cancelled")
        finally:
            connection.end()


async def _hand_in(call: OfferCall, connection: Connection) -> str:
    """Gives the own server what the peer sends."""
    try:
        while data := await _frame(call):
            if not await connection.write(data):
                return "closed_here"
    except grpc.aio.AioRpcError as error:
        return str(error.code().name)
    except (EntryError, InvalidRequest) as error:
        return error.reason
    return "ended"


async def _hand_out(call: OfferCall, connection: Connection) -> str:
    """Gives the peer what the own server sends."""
    try:
        while data := await connection.read():
            await call.write(replication_pb2.OfferRequest(data=data))
    except (grpc.aio.AioRpcError, asyncio.InvalidStateError):
        return "broken_off"
    return "closed_here"


async def _frame(call: OfferCall) -> bytes:
    """The next bytes; empty at the end.

    Raises:
        EntryError, InvalidRequest: the peer sent what is no frame.
        AioRpcError: the call failed.
    """
    message = await call.read()
    if message is grpc.aio.EOF:
        return b""
    data: bytes = require_message(message).data
    check_frame(data)
    return data
