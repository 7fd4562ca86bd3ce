"""HTTP/2 by hand, over TLS: frames that no library would send. Standard library only.

RFC 9113 frames and the parts of HPACK (RFC 7541) that need no Huffman code. Nothing here checks
what it is asked to send.
"""

import socket
import ssl
import struct
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

PREFACE: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RST_STREAM, SETTINGS, PING, WINDOW_UPDATE, CONTINUATION = 0, 1, 3, 4, 6, 8, 9
END_STREAM, END_HEADERS, ACK = 0x1, 0x4, 0x1
CANCEL: Final = 8
SETTINGS_INITIAL_WINDOW: Final = 4
FRAME_MAX_BYTES: Final = 16_384
_TIMEOUT_S: Final = 5.0


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    """One frame; lengths are right, whatever else is not."""
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def settings(values: Iterable[tuple[int, int]] = ()) -> bytes:
    """A SETTINGS frame."""
    return frame(SETTINGS, 0, 0, b"".join(struct.pack(">HI", *each) for each in values))


def integer(value: int, prefix_bits: int, first: int = 0) -> bytes:
    """An HPACK integer."""
    most = (1 << prefix_bits) - 1
    if value < most:
        return bytes([first | value])
    written, value = bytearray([first | most]), value - most
    while value >= 0x80:
        written.append(value & 0x7F | 0x80)
        value >>= 7
    written.append(value)
    return bytes(written)


def literal(name: str, value: str, *, is_indexed: bool = False) -> bytes:
    """A header field with a new name; `is_indexed` puts it into the dynamic table."""
    text = [each.encode() for each in (name, value)]
    strings = b"".join(integer(len(each), 7) + each for each in text)
    return (b"\x40" if is_indexed else b"\x00") + strings


def indexed(index: int) -> bytes:
    """A field of the tables: one byte here, and all of it at the receiver."""
    return integer(index, 7, 0x80)


def call_headers(path: str, *more: tuple[str, str]) -> bytes:
    """The header block of a gRPC call."""
    fields = (
        (":method", "POST"),
        (":scheme", "https"),
        (":path", path),
        (":authority", "node"),
        ("te", "trailers"),
        ("content-type", "application/grpc"),
        *more,
    )
    return b"".join(literal(name, value) for name, value in fields)


def message(data: bytes, *, is_compressed: bool = False, size: int | None = None) -> bytes:
    """A gRPC message with its prefix; `size` lies about its length."""
    return struct.pack(">BI", is_compressed, len(data) if size is None else size) + data


@dataclass(frozen=True, slots=True)
class Target:
    """A node, and the client's profile folder with which it is attacked."""

    host: str
    port: int
    server_name: str
    profile: Path

    def tcp(self) -> socket.socket:
        """A connection without TLS."""
        return socket.create_connection((self.host, self.port), timeout=_TIMEOUT_S)

    def tls(self, *, has_certificate: bool = True) -> "Connection":
        """A connection with a valid client certificate, or none."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(self.profile / "node.crt")
        context.set_alpn_protocols(["h2"])
        if has_certificate:
            context.load_cert_chain(self.profile / "client.crt", self.profile / "client.key")
        return Connection(context.wrap_socket(self.tcp(), server_hostname=self.server_name))

    def http2(self, values: Iterable[tuple[int, int]] = ()) -> "Connection":
        """A connection after its preface and settings."""
        connection = self.tls()
        connection.send(PREFACE + settings(values))
        return connection


class Connection:
    """Bytes out, and whatever comes back thrown away."""

    def __init__(self, tls: ssl.SSLSocket) -> None:
        self._tls = tls
        self.received_bytes = 0
        self._next_stream = 1

    def new_stream(self) -> int:
        """The id of the next stream of a client."""
        stream, self._next_stream = self._next_stream, self._next_stream + 2
        return stream

    def send(self, data: bytes) -> None:
        """Sends all of it.

        Raises:
            OSError: the node has closed the connection, or takes nothing any more.
        """
        self._tls.settimeout(_TIMEOUT_S)
        self._tls.sendall(data)

    def drain(self, seconds: float = 0.0) -> None:
        """Reads what is there.

        Raises:
            OSError: the node has closed the connection.
        """
        self._tls.settimeout(max(seconds, 0.001))
        with suppress(TimeoutError, ssl.SSLWantReadError):
            data = self._tls.recv(1 << 20)
            if not data:
                raise ConnectionResetError
            self.received_bytes += len(data)

    def close(self) -> None:
        """Closes without a word."""
        self._tls.close()
