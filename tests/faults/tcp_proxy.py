"""A TCP proxy with a bad line: delay, few bytes at a time, a rate, connections that are cut.

It never changes a byte and never puts bytes of one connection in another order: TCP does neither.
What a delay that varies puts in another order is what travels on different connections and in
different directions. Everything that varies comes from a seed.

As a program, for a network namespace of its own:
    python -m tests.faults.tcp_proxy LISTEN_HOST:PORT TARGET_HOST:PORT --rate 65536 --delay 0.02
"""

import argparse
import asyncio
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from random import Random
from socket import SO_LINGER, SOL_SOCKET
from typing import Final

_READ_BYTES: Final = 65_536
_RESET: Final = struct.pack("ii", 1, 0)
"""SO_LINGER of no time: closing sends a reset."""


@dataclass(frozen=True)
class Line:
    """How bad a line is.

    Attributes:
        delay_s: the longest that a piece waits; the shortest is half of it.
        piece_bytes: so many bytes at most go at once, each piece as a packet of its own.
        rate_bytes_per_s: 0 = as fast as it goes.
        cut_after_bytes: each connection is reset after so many bytes, both directions together;
            0 = never.
    """

    delay_s: float = 0.0
    piece_bytes: int = _READ_BYTES
    rate_bytes_per_s: int = 0
    cut_after_bytes: int = 0


@dataclass
class TcpProxy:
    """One listening address and where it leads; the line may be changed while it runs."""

    target: tuple[str, int]
    line: Line
    seed: int = 0
    connections: int = 0
    cuts: int = 0
    passed_bytes: int = 0
    _open: set[asyncio.StreamWriter] = field(default_factory=set)

    @asynccontextmanager
    async def listening(self, host: str, port: int) -> AsyncIterator[None]:
        """Serves; at the end all connections are closed."""
        self._random = Random(self.seed)
        server = await asyncio.start_server(self._meet, host, port, limit=_READ_BYTES)
        try:
            yield
        finally:
            server.close()
            self.cut_all()

    def cut_all(self) -> None:
        """Resets every open connection."""
        for writer in tuple(self._open):
            _reset(writer)

    async def _meet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            there, towards = await asyncio.open_connection(*self.target)
        except OSError:
            _reset(writer)
            return
        ends = (writer, towards)
        self._open.update(ends)
        left = _Left(self.line.cut_after_bytes)
        try:
            ways = [
                asyncio.ensure_future(self._pass(reader, towards, left)),
                asyncio.ensure_future(self._pass(there, writer, left)),
            ]
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            self.cuts += left.is_cut
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
        finally:
            self._open.difference_update(ends)
            for end in ends:
                _reset(end) if left.is_cut else end.close()

    async def _pass(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, left: "_Left"
    ) -> None:
        with suppress(OSError):
            while data := await reader.read(self.line.piece_bytes):
                line = self.line
                if line.delay_s:
                    await asyncio.sleep(line.delay_s * self._random.uniform(0.5, 1.0))
                if line.rate_bytes_per_s:
                    await asyncio.sleep(len(data) / line.rate_bytes_per_s)
                writer.write(left.take(data))
                await writer.drain()
                self.passed_bytes += len(data)
                if left.is_cut:
                    return


class _Left:
    """How many bytes a connection has still to live."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._is_counted = count > 0

    @property
    def is_cut(self) -> bool:
        return self._is_counted and self._count <= 0

    def take(self, data: bytes) -> bytes:
        """What of a piece still goes."""
        if self._is_counted:
            data = data[: max(self._count, 0)]
            self._count -= len(data)
        return data


def _reset(writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        writer.get_extra_info("socket").setsockopt(SOL_SOCKET, SO_LINGER, _RESET)
    writer.transport.abort()


async def _run(listen: str, target: str, line: Line) -> None:
    (host, port), (to_host, to_port) = (each.rsplit(":", 1) for each in (listen, target))
    async with TcpProxy((to_host, int(to_port)), line).listening(host, int(port)):
        await asyncio.Event().wait()


def main() -> None:
    """Runs a proxy until it is ended."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("listen")
    parser.add_argument("target")
    parser.add_argument("--rate", type=int, default=0, help="bytes a second")
    parser.add_argument("--delay", type=float, default=0.0, help="seconds")
    parser.add_argument("--piece", type=int, default=_READ_BYTES, help="bytes at once")
    chosen = parser.parse_args()
    line = Line(chosen.delay, chosen.piece, chosen.rate)
    with suppress(KeyboardInterrupt):
        asyncio.run(_run(chosen.listen, chosen.target, line))


if __name__ == "__main__":
    main()
