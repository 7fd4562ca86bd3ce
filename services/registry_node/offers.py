"""Connections that members without an inbound port offer, made into something to dial.

Such a member opens an `Offer` stream to this node. The stream carries the bytes of one TLS
connection in which the member's own server answers, so a channel to it is a channel like any other:
the same stub, pinned certificate, deadlines, cancellation and flow control, and at the other end
the same interceptor, permissions and handlers. Nothing here reads what it carries.

For each such member there is a socket in Linux' abstract namespace that only this process may use;
the channel dials it, and what the newest `Offer` of that member brings answers there. Who has
offered nothing is like a port where nobody listens.

Refused are offers of members to which the roster gives an address, and frames that are empty or
too large. A member has one offer: a newer one ends the one before. Memory is bounded by a few
frames for each direction; a slow member holds up nobody but itself.
"""

import asyncio
import os
import secrets
import socket
import struct
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
from typing import Final

import structlog

from registry.domain.identifiers import Slug
from registry.errors import InvalidRequest, OfferReplaced, RequestError, TryLater
from registry.log.roster import Member

_log = structlog.get_logger()
FRAME_MAX_BYTES: Final = 65_536
ReadFrame = Callable[[], Awaitable[bytes | None]]
_CREDENTIALS: Final = struct.Struct("3i")


class Connection:
    """One byte stream on this machine; what goes wrong on it is its end."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def read(self) -> bytes:
        """Returns the next bytes, at most a frame; empty when the other side has ended."""
        try:
            return await self._reader.read(FRAME_MAX_BYTES)
        except OSError:
            return b""

    async def write(self, data: bytes) -> bool:
        """Waits until there is room behind `data`; returns False when the other side has ended."""
        try:
            self._writer.write(data)
            await self._writer.drain()
        except OSError:
            return False
        return True

    def end(self) -> None:
        """Ends both directions at once."""
        self._writer.transport.abort()


def check_frame(data: bytes) -> None:
    """Refuses a frame that no honest node sends.

    Raises:
        InvalidRequest: it is empty, or too large.
    """
    if not 1 <= len(data) <= FRAME_MAX_BYTES:
        msg = f"an offered connection comes in 1 to {FRAME_MAX_BYTES} bytes, found {len(data)}"
        raise InvalidRequest(msg)


def socket_name() -> str:
    """A name in the abstract namespace that nobody guesses."""
    return f"registry-{secrets.token_hex(16)}"


def dialled(name: str) -> str:
    """How gRPC names a socket of the abstract namespace."""
    return f"unix-abstract:{name}"


def opened(name: str) -> str:
    """How the operating system names it."""
    return f"\0{name}"


class _Offer:
    """One open stream; ends once, with or without a reason."""

    def __init__(self) -> None:
        self.connection: asyncio.Future[Connection | None] = (
            asyncio.get_running_loop().create_future()
        )
        self.fault: RequestError | TryLater | None = None

    @property
    def is_waiting(self) -> bool:
        """Whether nobody has dialled it yet."""
        return not self.connection.done()

    def end(self, fault: RequestError | TryLater | None = None) -> None:
        """Ends it; the first reason counts."""
        self.fault = self.fault or fault
        if not self.connection.done():
            self.connection.set_result(None)
        elif not self.connection.cancelled() and (connection := self.connection.result()):
            connection.end()


class OfferedConnections:
    """What members without an inbound port offer to this node; lives on one event loop."""

    def __init__(self, peers: Iterable[Member]) -> None:
        """Listens to nobody yet; `peers` are the other members that take part."""
        self._names = {m.slug: socket_name() for m in peers if not m.takes_calls}
        self._offers: dict[Slug, _Offer] = {}
        self._pumps: asyncio.TaskGroup | None = None

    def target(self, member: Member) -> str:
        """Where a channel to a member without an inbound port dials; empty for all others."""
        name = self._names.get(member.slug)
        return "" if name is None else dialled(name)

    async def run(self) -> None:
        """Listens until cancelled."""
        servers: list[asyncio.Server] = []
        try:
            async with asyncio.TaskGroup() as self._pumps:
                for slug, name in self._names.items():
                    servers.append(await self._listen(slug, name))
                await asyncio.Event().wait()
        finally:
            self.close()
            for server in servers:
                server.close()

    def close(self) -> None:
        """Ends all offers: they have no end of their own and would hold up a stop."""
        self._pumps = None
        for offer in self._offers.values():
            offer.end()

    async def carry(self, member: Member, read: ReadFrame) -> AsyncGenerator[bytes, None]:
        """Yields what this node sends on the connection that a member offers.

        Args:
            member: who offers.
            read: waits for what the member sends next on it; None = no more will come.

        Raises:
            InvalidRequest: the roster gives it an address, or a frame is empty or too large.
            OfferReplaced: the member has opened a newer stream.
            TryLater: this node is about to end.
        """
        if member.slug not in self._names:
            msg = "the roster gives this member an address: its node is called there"
            raise InvalidRequest(msg)
        if self._pumps is None:
            msg = "this node is about to end"
            raise TryLater(msg)
        offer = _Offer()
        if (before := self._offers.get(member.slug)) is not None:
            before.end(OfferReplaced("this member has opened a newer stream"))
        self._offers[member.slug] = offer
        try:
            if (connection := await offer.connection) is not None and self._pumps is not None:
                self._pumps.create_task(_pump(read, offer, connection))
                while data := await connection.read():
                    yield data
        finally:
            offer.end()
            if self._offers.get(member.slug) is offer:
                del self._offers[member.slug]
        if offer.fault is not None:
            raise offer.fault

    async def _listen(self, slug: Slug, name: str) -> asyncio.Server:
        def meet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            connection, offer = Connection(reader, writer), self._offers.get(slug)
            if offer is None or not offer.is_waiting or not _is_own(writer):
                connection.end()
            else:
                offer.connection.set_result(connection)

        return await asyncio.start_unix_server(meet, opened(name))


async def _pump(read: ReadFrame, offer: _Offer, connection: Connection) -> None:
    """Hands on what a member sends; ends the offer when that ends, in whatever way."""
    try:
        while (data := await read()) is not None:
            check_frame(data)
            if not await connection.write(data):
                break
    except RequestError as error:
        offer.end(error)
    except Exception as error:  # noqa: BLE001 - grpc raises several kinds when a stream breaks off
        _log.debug("offer_broken_off", error=type(error).__name__)
    finally:
        offer.end()


def _is_own(writer: asyncio.StreamWriter) -> bool:
    """Whether it is this process that dials: nobody else on the machine is let in between."""
    dialling = writer.get_extra_info("socket")
    raw = dialling.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    pid: int = _CREDENTIALS.unpack(raw)[0]
    return pid == os.getpid()
