"""TCP taps between nodes: they end TLS on both sides and keep the decrypted bytes of every RPC.

A tap listens at the address that the roster gives for a node, presents that node's certificate to
whoever calls, and calls the node with the caller's own certificate and key: the test founded the
federation and owns all keys. Both nodes see the keys that the roster pins. The bytes are kept by
(sender, receiver), as they went over the line and as the DATA of each HTTP/2 stream (RFC 9113,
section 6.1), so that a token split over frames is found whole.
"""

import asyncio
import hashlib
import ssl
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import load_pem_x509_certificate

from registry.application.certificates import server_name
from registry.application.folder import NodeFolder
from registry_cli.federation import LocalNode

KEPT_MAX_BYTES: Final = 128 * 2**20
"""Of each pair and direction; a tap that would keep more fails the test, see `Recording.check`."""
_READ_BYTES: Final = 2**16
_PREFACE: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_FRAME_HEADER_BYTES: Final = 9
_DATA: Final = 0
_PADDED: Final = 0x8


class FrameReader:
    """Joins the DATA payloads of each stream of one direction of one HTTP/2 connection."""

    def __init__(self, *, is_from_caller: bool) -> None:
        self.streams: dict[int, bytearray] = {}
        self._rest = bytearray()
        self._preface = len(_PREFACE) if is_from_caller else 0

    def feed(self, received: bytes) -> None:
        self._rest += received
        if self._preface:
            if len(self._rest) < self._preface:
                return
            assert self._rest.startswith(_PREFACE), "the caller does not speak HTTP/2"
            del self._rest[: self._preface]
            self._preface = 0
        while len(self._rest) >= _FRAME_HEADER_BYTES:
            end = _FRAME_HEADER_BYTES + int.from_bytes(self._rest[:3], "big")
            if len(self._rest) < end:
                return
            if self._rest[3] == _DATA:
                stream = int.from_bytes(self._rest[5:9], "big") & 0x7FFFFFFF
                payload = bytes(self._rest[_FRAME_HEADER_BYTES:end])
                self.streams.setdefault(stream, bytearray()).extend(
                    payload[1 : len(payload) - payload[0]] if self._rest[4] & _PADDED else payload
                )
            del self._rest[:end]


@dataclass
class Recording:
    """What one node sent to another, over all connections."""

    lines: list[bytearray] = field(default_factory=list)
    frames: list[FrameReader] = field(default_factory=list)
    is_full: bool = False

    def begin(self, *, is_from_caller: bool) -> tuple[bytearray, FrameReader]:
        line, frames = bytearray(), FrameReader(is_from_caller=is_from_caller)
        self.lines.append(line)
        self.frames.append(frames)
        return line, frames

    @property
    def size_bytes(self) -> int:
        return sum(len(line) for line in self.lines)

    def pieces(self) -> list[bytes]:
        """Everything to search: lines, which hold headers too, and the DATA of each stream."""
        assert not self.is_full, f"more than {KEPT_MAX_BYTES} bytes went between two nodes"
        data = [bytes(each) for frames in self.frames for each in frames.streams.values()]
        return [*(bytes(line) for line in self.lines), *data]


class Taps:
    """One tap for each node, all in one thread; recordings by (sender, receiver), slugs."""

    def __init__(self, nodes: Sequence[LocalNode], listening: dict[str, str]) -> None:
        """Prepares taps.

        `nodes` have the addresses of the roster; `listening` says where each really listens.
        """
        self._folders = {node.mechanism.slug: NodeFolder(node.folder) for node in nodes}
        self._addresses = {node.mechanism.slug: node.address for node in nodes}
        self._listening = listening
        self._callers = {_fingerprint(folder): slug for slug, folder in self._folders.items()}
        self.faults: list[str] = []
        self.recordings = {
            (sender, receiver): Recording()
            for sender in self._folders
            for receiver in self._folders
            if sender != receiver
        }

    @contextmanager
    def running(self) -> Iterator["Taps"]:
        """Listens until the block ends."""
        loop = asyncio.new_event_loop()
        ready, ending = threading.Event(), asyncio.Event()
        thread = threading.Thread(
            target=lambda: loop.run_until_complete(self._serve(ready, ending)), name="taps"
        )
        thread.start()
        try:
            assert ready.wait(20), "the taps did not open"
            yield self
        finally:
            loop.call_soon_threadsafe(ending.set)
            thread.join(20)
            assert not thread.is_alive()
            loop.close()
        assert not self.faults, self.faults

    def address_of(self, slug: str) -> str:
        """Where the tap of a node listens: the address in the roster."""
        return self._addresses[slug]

    def received_by(self, slug: str) -> list[bytes]:
        return [
            piece
            for (_, receiver), recording in self.recordings.items()
            if receiver == slug
            for piece in recording.pieces()
        ]

    async def _serve(self, ready: threading.Event, ending: asyncio.Event) -> None:
        servers = []
        for slug, address in self._addresses.items():
            host, _, port = address.rpartition(":")
            carry = partial(self._carry, slug)
            context = self._as_node(slug)
            servers.append(await asyncio.start_server(carry, host, int(port), ssl=context))
        ready.set()
        await ending.wait()
        for server in servers:
            server.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _carry(
        self, target: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        certificate = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
        caller = self._callers.get(hashlib.sha256(certificate or b"").hexdigest())
        if caller is None:
            self.faults.append(f"{target} was called through its tap by no member")
            writer.close()
            return
        host, _, port = self._listening[target].rpartition(":")
        try:
            onward = await asyncio.open_connection(
                host,
                int(port),
                ssl=self._as_caller(caller, target),
                server_hostname=server_name(target),
            )
        except OSError:  # the node is not running: its caller sees a closed connection
            writer.close()
            return
        there = self.recordings[caller, target].begin(is_from_caller=True)
        back = self.recordings[target, caller].begin(is_from_caller=False)
        await asyncio.gather(
            self._pump(reader, onward[1], self.recordings[caller, target], there),
            self._pump(onward[0], writer, self.recordings[target, caller], back),
        )

    async def _pump(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        recording: Recording,
        kept: tuple[bytearray, FrameReader],
    ) -> None:
        line, frames = kept
        with suppress(OSError, ssl.SSLError):
            while received := await reader.read(_READ_BYTES):
                if recording.size_bytes + len(received) > KEPT_MAX_BYTES:
                    recording.is_full = True
                else:
                    line += received
                    frames.feed(received)
                writer.write(received)
                await writer.drain()
        with suppress(OSError, ssl.SSLError):
            writer.close()
            await writer.wait_closed()

    def _as_node(self, slug: str) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.verify_mode = ssl.CERT_REQUIRED
        for folder in self._folders.values():
            context.load_verify_locations(folder.tls / "node.crt")
        return _with_key(context, self._folders[slug])

    def _as_caller(self, caller: str, target: str) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(self._folders[target].tls / "node.crt")
        return _with_key(context, self._folders[caller])


def _with_key(context: ssl.SSLContext, folder: NodeFolder) -> ssl.SSLContext:
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.set_alpn_protocols(["h2"])
    context.load_cert_chain(folder.tls / "node.crt", folder.keys / "tls.key")
    return context


def _fingerprint(folder: NodeFolder) -> str:
    pem = Path(folder.tls / "node.crt").read_bytes()
    return hashlib.sha256(load_pem_x509_certificate(pem).public_bytes(Encoding.DER)).hexdigest()
