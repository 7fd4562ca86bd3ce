"""Connections that a node without an inbound port offers: order, limits, ends, bad frames."""

import asyncio
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

from registry.client.tls import require_tls13

require_tls13()

import grpc  # noqa: E402 - grpc reads the cipher setting when it is first imported
import pytest  # noqa: E402

from registry.api.v1 import replication_pb2  # noqa: E402
from registry.errors import InvalidRequest, OfferReplaced, TryLater  # noqa: E402
from registry_node.offering import Offering  # noqa: E402
from registry_node.offers import FRAME_MAX_BYTES, OfferedConnections, opened  # noqa: E402
from tests.unit.node.offers_world import BETA, HIDDEN, listening, name_of, until  # noqa: E402


async def dial(offers: OfferedConnections) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_unix_connection(opened(name_of(offers)))


class Frames:
    """What a member sends, as the test says."""

    def __init__(self) -> None:
        self.coming: asyncio.Queue[bytes | None] = asyncio.Queue()
        self.taken = 0

    async def __call__(self) -> bytes | None:
        data = await self.coming.get()
        self.taken += 1
        return data


@dataclass
class Stream:
    """An open `Offer` stream, as the servicer runs it."""

    offers: OfferedConnections
    frames: Any = field(default_factory=Frames)
    sent: list[bytes] = field(default_factory=list)

    def start(self) -> "asyncio.Task[None]":
        return asyncio.ensure_future(self._run())

    async def _run(self) -> None:
        async for data in self.offers.carry(HIDDEN, self.frames):
            self.sent.append(data)


async def connected(
    offers: OfferedConnections, stream: Stream
) -> "tuple[asyncio.Task[None], asyncio.StreamReader, asyncio.StreamWriter]":
    task = stream.start()
    await asyncio.sleep(0)
    return (task, *await dial(offers))


async def test_bytes_come_in_order_both_ways_and_the_end_of_one_side_ends_the_other() -> None:
    async with listening() as offers:
        stream = Stream(offers)
        task, reader, writer = await connected(offers, stream)
        for number in range(200):
            writer.write(bytes([number]) * 1_000)
            stream.frames.coming.put_nowait(bytes([number]) * 1_000)
        expected = b"".join(bytes([n]) * 1_000 for n in range(200))

        assert await reader.readexactly(len(expected)) == expected
        await until(lambda: sum(map(len, stream.sent)) == len(expected))
        assert b"".join(stream.sent) == expected
        assert max(map(len, stream.sent)) <= FRAME_MAX_BYTES
        writer.close()
        await task


async def test_member_that_ends_its_stream_ends_the_connection() -> None:
    async with listening() as offers:
        stream = Stream(offers)
        task, reader, writer = await connected(offers, stream)
        stream.frames.coming.put_nowait(None)

        assert await reader.read() == b""
        await task
        writer.close()


async def test_who_has_offered_nothing_is_like_a_port_where_nobody_listens() -> None:
    async with listening() as offers:
        reader, writer = await dial(offers)
        with suppress(ConnectionResetError):
            assert await reader.read() == b""
        writer.close()


async def test_one_stream_carries_one_connection() -> None:
    async with listening() as offers:
        task, reader, writer = await connected(offers, Stream(offers))
        await asyncio.sleep(0.01)
        second, other = await dial(offers)
        with suppress(ConnectionResetError):
            assert await second.read() == b""
        assert not reader.at_eof()
        other.close()
        writer.close()
        await task


@pytest.mark.parametrize("frame", [b"x" * (FRAME_MAX_BYTES + 1), b""])
async def test_frame_that_no_honest_node_sends_ends_the_stream(frame: bytes) -> None:
    async with listening() as offers:
        stream = Stream(offers)
        for each in (b"honest", frame, b"never taken"):
            stream.frames.coming.put_nowait(each)
        task, reader, writer = await connected(offers, stream)

        assert await reader.read() in (b"honest", b"")
        with pytest.raises(InvalidRequest):
            await task
        assert stream.frames.taken == 2
        writer.close()


async def test_stream_that_breaks_off_ends_the_connection_and_not_the_node() -> None:
    async def frames() -> bytes | None:
        raise RuntimeError

    async with listening() as offers:
        for _ in range(2):
            task, reader, writer = await connected(offers, Stream(offers, frames))
            await reader.read()
            await task
            writer.close()


async def test_who_does_not_read_is_sent_no_more_than_a_few_frames() -> None:
    async with listening() as offers:
        stream = Stream(offers)
        task, reader, writer = await connected(offers, stream)
        for _ in range(1_000):
            stream.frames.coming.put_nowait(b"x" * FRAME_MAX_BYTES)
        await until(lambda: stream.frames.taken > 0)
        reader._transport.pause_reading()  # type: ignore[attr-defined] # a reader that stalls
        before = -1
        while before != stream.frames.taken:
            before = stream.frames.taken
            await asyncio.sleep(0.05)

        assert stream.frames.taken < 40, "64 KiB each, of 1,000"
        writer.transport.abort()
        await task


async def test_newer_stream_of_a_member_ends_the_one_before_and_is_the_one_that_is_dialled() -> (
    None
):
    async with listening() as offers:
        waiting = Stream(offers).start()
        await asyncio.sleep(0)
        older, reader, writer = await connected(offers, Stream(offers))
        with pytest.raises(OfferReplaced):
            await waiting
        await asyncio.sleep(0.01)
        newest = Stream(offers)
        newer, answered, dialling = await connected(offers, newest)
        with pytest.raises(OfferReplaced):
            await older
        with suppress(ConnectionResetError):
            assert await reader.read() == b""
        newest.frames.coming.put_nowait(b"newest")
        assert await answered.readexactly(6) == b"newest"
        dialling.close()
        writer.close()
        await newer


async def test_member_with_an_address_may_not_offer() -> None:
    async with listening() as offers:
        assert offers.target(BETA) == ""
        with pytest.raises(InvalidRequest, match="an address"):
            await anext(offers.carry(BETA, Frames()))


async def test_node_that_ends_lets_go_of_all_and_takes_no_more() -> None:
    async with listening() as offers:
        waiting = Stream(offers).start()
        await asyncio.sleep(0)
        offers.close()
        await waiting
        with pytest.raises(TryLater):
            await Stream(offers).start()


async def test_another_process_is_not_let_in_between() -> None:
    async with listening() as offers:
        stream = Stream(offers)
        task = stream.start()
        await asyncio.sleep(0)
        script = (
            "import socket, sys\n"
            "s = socket.socket(socket.AF_UNIX); s.connect('\\0' + sys.argv[1])\n"
            "s.sendall(b'mine'); print(s.recv(10))"
        )
        foreign = await asyncio.to_thread(
            subprocess.run,
            [sys.executable, "-c", script, name_of(offers)],
            capture_output=True,
            check=False,
        )

        assert b"b''" in foreign.stdout or b"Error" in foreign.stderr
        assert stream.sent == []
        _, writer = await dial(offers)
        writer.write(b"ours")
        await until(lambda: stream.sent == [b"ours"])
        writer.close()
        await task


# --- the offering side ----------------------------------------------------------------------------


class Call:
    """An `Offer` stream at the offering node, whose peer says what the test says."""

    def __init__(self, *messages: Any) -> None:
        self._messages = list(messages)
        self.is_cancelled = False

    async def read(self) -> Any:
        message = self._messages.pop(0) if self._messages else grpc.aio.EOF
        if isinstance(message, BaseException):
            raise message
        return message

    async def write(self, _message: Any) -> None:
        pass

    def cancel(self) -> None:
        self.is_cancelled = True


def response(data: bytes) -> replication_pb2.OfferResponse:
    return replication_pb2.OfferResponse(data=data)


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (response(b""), "invalid_request"),
        (response(b"x" * (FRAME_MAX_BYTES + 1)), "invalid_request"),
        (None, "malformed_entry"),
        (grpc.aio.EOF, "ended"),
    ],
)
async def test_offering_node_judges_what_its_peer_sends(message: Any, reason: str) -> None:
    offering = Offering(HIDDEN, reconnect_max_s=1, uniform=lambda low, _: low)
    received: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        received.append(await reader.read())
        writer.close()

    name = offering.address.removeprefix("unix-abstract:")
    server = await asyncio.start_unix_server(serve, opened(name))
    for before in ((), (response(b"honest"),)):
        call = Call(*before, message)
        stub: Any = SimpleNamespace(Offer=lambda call=call, **_: call)
        assert await offering._offer(stub) == reason
        assert call.is_cancelled
    await until(lambda: len(received) == 1)
    server.close()
    assert received in ([b"honest"], [b""]), "what is wrong is never handed on"


async def test_stream_that_is_cancelled_under_an_offering_node_only_ends() -> None:
    offering = Offering(HIDDEN, reconnect_max_s=1, uniform=lambda low, _: low)
    call = Call(response(b"hello"), asyncio.CancelledError())
    stub: Any = SimpleNamespace(Offer=lambda **_: call)
    is_over = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()
        await writer.wait_closed()
        is_over.set()

    name = offering.address.removeprefix("unix-abstract:")
    async with await asyncio.start_unix_server(serve, opened(name)):
        assert await offering._offer(stub) == "cancelled"
        await is_over.wait()
    assert call.is_cancelled


async def test_offering_node_whose_own_server_is_gone_lets_go() -> None:
    offering = Offering(HIDDEN, reconnect_max_s=1, uniform=lambda low, _: low)
    call = Call(response(b"hello"))
    stub: Any = SimpleNamespace(Offer=lambda **_: call)

    assert await offering._offer(stub) == "not_serving"
    assert call.is_cancelled


async def test_node_that_takes_calls_offers_nothing() -> None:
    offering = Offering(BETA, reconnect_max_s=1, uniform=lambda low, _: low)

    assert offering.address == ""
    await offering.run({HIDDEN.slug: HIDDEN}, {})
