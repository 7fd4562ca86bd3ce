"""Real nodes whose every word to each other goes through a tap; what each holds, read off its disk.

The roster gives the taps' addresses; nodes listen elsewhere, told by a setting. Clients talk to the
nodes themselves, so that a recording holds what nodes say to nodes and nothing else.
"""

import asyncio
import json
import os
import socket
import sqlite3
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, closing, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, NamedTuple
from unittest.mock import patch

import grpc
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from registry.api.v1 import replication_pb2, replication_pb2_grpc
from registry.application.folder import NodeFolder
from registry.application.key_care.node_keys import read_node_keys
from registry.client import RegistryClient
from registry.client.tls import require_tls13
from registry.domain.identifiers import LogId, log_id_of
from registry.log.commitment import SALT_SIZE_BYTES
from registry.log.entry import decode_header, split_entry
from registry.store.chunks import open_head
from registry.store.sealing import open_sealed, part_context
from registry_cli.federation import LocalNode
from tests.confidentiality.scanning import windows
from tests.confidentiality.taps import Taps
from tests.integration.federation_world import (
    channel_as_member,
    client_of,
    found,
    scraped,
    sizes_at,
    stop_all,
    until,
)

require_tls13()


Place = tuple[LogId, int, int]
"""(log, index, ordinal) of a part."""


class AtRest(NamedTuple):
    """What a node holds of one part: as stored, and what its node key opens."""

    sealed: bytes
    wrapped_key: bytes
    data_key: bytes
    salt: bytes
    chunks: tuple[bytes, ...] = ()

    def stored(self, label: str) -> list[tuple[str, bytes]]:
        """What a holder's disk must show: the ciphertext and the wrapped key."""
        return [
            *((f"{label} ciphertext", each) for each in windows(self.sealed)),
            *((f"{label} chunk", part) for each in self.chunks for part in windows(each)),
            (f"{label} wrapped key", self.wrapped_key),
        ]

    def hidden(self, label: str) -> list[tuple[str, bytes]]:
        """What no disk may show: the data key and the salt."""
        return [(f"{label} data key", self.data_key), (f"{label} salt", self.salt)]


@dataclass
class Federation:
    """Nodes by slug, and the taps between them."""

    nodes: Mapping[str, LocalNode]
    taps: Taps
    listening: Mapping[str, str]

    def start(self, *slugs: str) -> None:
        for slug in slugs or tuple(self.nodes):
            settings = {
                "REGISTRY_NODE_LISTEN": self.listening[slug],
                "REGISTRY_NODE_METRICS_LISTEN": "127.0.0.1:0",
            }
            with patch.dict(os.environ, settings):
                self.nodes[slug].start()
        asyncio.run(self._until_open(slugs or tuple(self.nodes)))

    async def _until_open(self, slugs: Sequence[str]) -> None:
        for slug in slugs:
            await self.nodes[slug].wait_until_open()

    def client(self, slug: str) -> RegistryClient:
        return client_of(self.nodes[slug])

    def database(self, slug: str) -> Path:
        return NodeFolder(self.nodes[slug].folder).database

    def metrics(self, slug: str) -> str:
        """What a node tells whoever scrapes it now."""
        return scraped(self.nodes[slug])

    def log_id(self, slug: str) -> LogId:
        return log_id_of(NodeFolder(self.nodes[slug].folder).origin)

    def places(self, slug: str) -> set[Place]:
        """The parts that a node holds, large ones among them."""
        return {place for place, *_ in self._rows(slug)}

    def held(self, slug: str) -> dict[Place, AtRest]:
        """What a node holds, opened with its node key."""
        keys = read_node_keys(NodeFolder(self.nodes[slug].folder), os.urandom)
        found, chunks = {}, self.chunks(slug)
        for place, wrapped_key, sealed, size in self._rows(slug):
            key = keys.unwrap(wrapped_key, part_context(*place))
            if size is None:
                salt = open_sealed(key, sealed)[:SALT_SIZE_BYTES]
            else:
                salt = open_head(place, key, sealed).salt
            pieces = chunks.get(place, ())
            found[place] = AtRest(sealed, wrapped_key, key, salt, tuple(pieces))
        return found

    def chunks(self, slug: str) -> dict[Place, list[bytes]]:
        """The ciphertext of the pieces of large parts, in their order."""
        found: dict[Place, list[bytes]] = {}
        rows = self._read(
            slug,
            "SELECT l.log_id, c.entry_index, c.ordinal, c.sealed FROM part_chunks c "
            "JOIN logs l ON l.log_no = c.log_no ORDER BY 1, 2, 3, c.chunk_no",
        )
        for log_id, index, ordinal, sealed in rows:
            found.setdefault((LogId(log_id), index, ordinal), []).append(sealed)
        return found

    def pages(self, slug: str, name: str) -> bytes:
        """Every page of an encrypted database and of its WAL, decrypted: live, freed, overwritten.

        What whoever takes the disk and the node key can read of `views` or `office`.
        """
        file = NodeFolder(self.nodes[slug].folder).path / f"{name}.db"
        wal = file.with_name(f"{file.name}-wal")
        key = self.database_key(slug, name)
        return decrypt_pages(key, file.read_bytes(), wal.read_bytes() if wal.exists() else b"")

    def database_key(self, slug: str, name: str) -> bytes:
        """What opens `views` or `office`, 32 bytes: whoever has disk and node key has it."""
        (row,) = self._read(slug, f"SELECT wrapped_key FROM data_keys WHERE name = '{name}'")
        context = b"registry/database-key/v1\n" + name.encode()
        return read_node_keys(NodeFolder(self.nodes[slug].folder), os.urandom).unwrap(
            row[0], context
        )

    def sources(self, slug: str) -> dict[int, bytes]:
        """Who own events came from, by their place, as it is stored: sealed."""
        rows = self._read(
            slug, "SELECT entry_index, source FROM act_notes WHERE source IS NOT NULL"
        )
        return dict(rows)

    async def until_holding(self, expected: Mapping[str, set[Place]]) -> None:
        """Waits until every node holds what it is to hold."""

        async def is_so() -> bool:
            return all(places <= self.places(slug) for slug, places in expected.items())

        await until(is_so, "every member of each audience holds the parts")

    async def commitments(self, author: str, reader: str) -> dict[Place, bytes]:
        """What a member needs to ask for the parts of a log: it stands in the headers."""
        size = (await sizes_at(self.nodes[reader]))[author]
        log_id = self.log_id(author)
        request = replication_pb2.GetEntriesRequest(log_id=log_id, start=0, size=size)
        async with self._as_member(reader, author) as stub:
            return {
                (log_id, message.start + offset, ordinal): part.commitment
                async for message in stub.GetEntries(request, timeout=20)
                for offset, entry in enumerate(message.entries)
                for ordinal, part in enumerate(decode_header(split_entry(entry)[0]).parts)
            }

    async def given(self, peer: str, to: str, asked: Mapping[Place, bytes]) -> set[Place]:
        """The parts that a peer gives to a member who asks for them, whoever it is."""
        parts = [
            replication_pb2.PartId(
                log_id=place[0], index=place[1], ordinal=place[2], commitment=commitment
            )
            for place, commitment in asked.items()
        ]
        found: set[Place] = set()
        async with self._as_member(to, peer) as stub:
            request = replication_pb2.GetPartsRequest(part_ids=parts)
            async for message in stub.GetParts(request, timeout=20):
                ids = [part.part_id for part in message.parts]
                found |= {(LogId(each.log_id), each.index, each.ordinal) for each in ids}
            for place, part in zip(asked, parts, strict=True):
                chunks = replication_pb2.GetPartChunksRequest(part_id=part)
                with suppress(grpc.aio.AioRpcError):
                    async for _ in stub.GetPartChunks(chunks, timeout=20):
                        found.add(place)
        return found

    @asynccontextmanager
    async def _as_member(
        self, member: str, peer: str
    ) -> AsyncIterator["replication_pb2_grpc.ReplicationServiceAsyncStub"]:
        """Calls a node with a member's key, through the tap between the two."""
        tapped_peer = replace(self.nodes[peer], address=self.taps.address_of(peer))
        async with channel_as_member(tapped_peer, self.nodes[member]) as channel:
            yield replication_pb2_grpc.ReplicationServiceStub(channel)

    def _rows(self, slug: str) -> list[tuple[Place, bytes, bytes, int | None]]:
        rows = self._read(
            slug,
            "SELECT l.log_id, p.entry_index, p.ordinal, p.wrapped_key, p.sealed, p.size_bytes "
            "FROM parts p JOIN logs l ON l.log_no = p.log_no",
        )
        return [((LogId(row[0]), row[1], row[2]), row[3], row[4], row[5]) for row in rows]

    def _read(self, slug: str, statement: str) -> list[Any]:
        path = f"file:{self.database(slug)}?mode=ro"
        with closing(sqlite3.connect(path, uri=True)) as database:
            return database.execute(statement).fetchall()


@contextmanager
def tapped(folder: Path, *slugs: str) -> Iterator[Federation]:
    """Founds a federation, opens the taps and starts every node; ends all of it."""
    nodes = found(folder, *slugs)
    taken = {node.address for node in nodes}
    free = [each for each in _free_addresses(2 * len(slugs)) if each not in taken]
    listening = dict(zip(slugs, free, strict=False))
    taps = Taps(nodes, listening)
    for node in nodes:
        node.address = listening[node.mechanism.slug]
        description = node.profile / "profile.json"
        fields = json.loads(description.read_text()) | {"address": node.address}
        description.write_text(json.dumps(fields))
    federation = Federation({node.mechanism.slug: node for node in nodes}, taps, listening)
    with taps.running():
        try:
            federation.start()
            yield federation
        finally:
            stop_all(nodes)


def _free_addresses(count: int) -> list[str]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    try:
        return [f"127.0.0.1:{each.getsockname()[1]}" for each in sockets]
    finally:
        for each in sockets:
            each.close()


_PAGE_BYTES: Final = 4096
_RESERVED_BYTES: Final = 80
"""At the end of a page: its IV[16] and its HMAC-SHA512[64]."""
_SALT_BYTES: Final = 16
_WAL_HEADER_BYTES: Final = 32
_FRAME_HEADER_BYTES: Final = 24


def decrypt_pages(key: bytes, database: bytes, wal: bytes) -> bytes:
    """Decrypts what SQLCipher 4 has written: AES-256-CBC, page by page; see its design page.

    The first 16 bytes of page 1, which stand for SQLite's own, are the salt in clear.
    """
    frame = _FRAME_HEADER_BYTES + _PAGE_BYTES
    framed = [
        (int.from_bytes(wal[at : at + 4], "big"), wal[at + _FRAME_HEADER_BYTES : at + frame])
        for at in range(_WAL_HEADER_BYTES, len(wal) - frame + 1, frame)
    ]
    pages = [
        (at // _PAGE_BYTES + 1, database[at : at + _PAGE_BYTES])
        for at in range(0, len(database), _PAGE_BYTES)
    ]
    plain = []
    for number, page in (*pages, *framed):
        iv = page[_PAGE_BYTES - _RESERVED_BYTES :][:16]
        sealed = page[_SALT_BYTES if number == 1 else 0 : _PAGE_BYTES - _RESERVED_BYTES]
        decryptor = Cipher(algorithms.AES(key), modes.CBC(iv)).decryptor()
        plain.append(decryptor.update(sealed) + decryptor.finalize())
    return b"".join(plain)
