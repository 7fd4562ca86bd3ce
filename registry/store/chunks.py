"""Large parts: content above 256 KiB, kept and moved in sealed chunks of 262,144 bytes.

    piece    nonce number[12] || AES-256-GCM(data key, nonce, plaintext), what it is authenticated
    head     piece of salt[32] || u16be(len(media type)) || media type || u64be(size)

A piece is bound to its number within the part, and is sealed under a random nonce: a chunk that
comes a second time, after a cut or from another peer, never meets the nonce of the first.
The head of a large part stands in `parts.sealed`, or in `incoming_parts.head` while chunks are
still coming; both under the part's own data key, so that becoming complete moves two small rows.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from typing import Any, Final, NamedTuple, TypeVar

from eventsourcing.sqlite import SQLiteCursor

from registry.domain.identifiers import LogId
from registry.errors import CorruptDatabase, NotFound
from registry.store.connections import DurableDatastore
from registry.store.failpoints import Step, reach
from registry.store.rows import LogNumbers, read_state
from registry.store.sealing import NodeKeys, open_sealed, part_context, seal
from registry.store.values import HeldPart

CHUNK_BYTES: Final = 262_144
LARGE_PART_BYTES: Final = CHUNK_BYTES
"""Parts whose size class is above travel in chunks, and none else."""
_NONCE_BYTES: Final = 12
_SIZE_BYTES: Final = 8
_HEAD: Final = b"registry/part-head/v1"
_CHUNK: Final = b"registry/chunk/v1\n"
_PLACE: Final = "log_no = ? AND entry_index = ? AND ordinal = ?"
T = TypeVar("T")
PartKey = tuple[LogId, int, int]


class ChunkRow(NamedTuple):
    """A row of `part_chunks`."""

    log_no: int
    index: int  # type: ignore[assignment] # the field, not tuple.index
    ordinal: int
    chunk_no: int
    sealed: bytes


class Incoming(NamedTuple):
    """A large part that is on its way: its head, and how many chunks are stored."""

    head: HeldPart
    chunks: int


def chunk_count(size_bytes: int) -> int:
    """How many chunks a part of so many bytes has."""
    return -(-size_bytes // CHUNK_BYTES)


def chunk_size(size_bytes: int, chunk_no: int) -> int:
    """Exact size of one chunk of a part of so many bytes."""
    return min(CHUNK_BYTES, size_bytes - chunk_no * CHUNK_BYTES)


def join_part(salt: bytes, media_type: str, content: bytes) -> bytes:
    """Joins what a part's commitment covers: salt[32] || u16be(len(type)) || type || content."""
    kind = media_type.encode()
    return salt + len(kind).to_bytes(2, "big") + kind + content


def seal_piece(node_keys: NodeKeys, key: bytes, plaintext: bytes, context: bytes) -> bytes:
    """Encrypts a piece of something under its data key."""
    number = node_keys.new_key()[:_NONCE_BYTES]
    return number + seal(key, plaintext, number=int.from_bytes(number, "big"), context=context)


def open_piece(key: bytes, sealed: bytes, context: bytes) -> bytes:
    """Decrypts what `seal_piece` encrypted.

    Raises:
        CorruptDatabase: it was changed, or is another piece than this.
    """
    number = int.from_bytes(sealed[:_NONCE_BYTES], "big")
    return open_sealed(key, sealed[_NONCE_BYTES:], number=number, context=context)


def chunk_context(chunk_no: int) -> bytes:
    """What a chunk is bound to besides its data key."""
    return _CHUNK + chunk_no.to_bytes(4, "big")


def seal_head(node_keys: NodeKeys, key: bytes, salt: bytes, media_type: str, size: int) -> bytes:
    """Encrypts what is kept of a large part besides its bytes."""
    head = join_part(salt, media_type, size.to_bytes(_SIZE_BYTES, "big"))
    return seal_piece(node_keys, key, head, _HEAD)


def open_head(place: PartKey, key: bytes, sealed: bytes) -> HeldPart:
    """Decrypts the head of a large part.

    Raises:
        CorruptDatabase: it was changed.
    """
    head = open_piece(key, sealed, _HEAD)
    end = 34 + int.from_bytes(head[32:34], "big")
    size = int.from_bytes(head[end:], "big")
    return HeldPart(*place, head[:32], head[34:end].decode(), b"", large_bytes=size)


def seal_chunks(node_keys: NodeKeys, key: bytes, content: bytes) -> tuple[bytes, ...]:
    """Encrypts content that is given as a whole."""
    return tuple(
        seal_piece(node_keys, key, content[at : at + CHUNK_BYTES], chunk_context(at // CHUNK_BYTES))
        for at in range(0, len(content), CHUNK_BYTES)
    )


def iterate_chunks(
    execute: Callable[[str, tuple[int, ...]], Any], row: tuple[int, int, int], key: bytes, size: int
) -> Iterator[bytes]:
    """Decrypts the chunks of a large part one after the other, for checks.

    Args:
        execute: runs SQL and returns something that yields rows.
        row: log number, index and ordinal.
        key: the data key.
        size: exact size of the part.

    Raises:
        CorruptDatabase: a chunk is missing or was changed.
    """
    for chunk_no in range(chunk_count(size)):
        found = execute(
            f"SELECT sealed FROM part_chunks WHERE {_PLACE} AND chunk_no = ?",  # noqa: S608 - a constant
            (*row, chunk_no),
        ).fetchone()
        if found is None:
            msg = f"part {row[2]} of event {row[1]}: chunk {chunk_no} is missing"
            raise CorruptDatabase(msg)
        yield open_piece(key, found[0], chunk_context(chunk_no))


class LargeParts:
    """Large parts of one store; reads from any thread, writes through its one writer."""

    def __init__(
        self,
        datastore: DurableDatastore,
        numbers: LogNumbers,
        keys: Callable[[], NodeKeys],
        run: Callable[[Callable[[], Any]], "Future[Any]"],
        stored: Callable[[LogId, int, int], None],
        check_room: Callable[[], None],
    ) -> None:
        """Joins the parts of a store.

        Args:
            datastore: the database.
            numbers: of its logs.
            keys: gives the node keys, or raises NodeKeyMissing.
            run: has something done by the writer.
            stored: told, by the writer, of a part that has become complete.
            check_room: asked before anything large is stored; raises DiskReserved.
        """
        self._datastore = datastore
        self._numbers = numbers
        self._keys = keys
        self._run = run
        self._stored = stored
        self._check_room = check_room

    def chunk(self, key: PartKey, chunk_no: int) -> bytes | None:
        """Returns a chunk of a complete large part; None if there is none.

        Raises:
            CorruptDatabase: it was changed.
        """
        return self._read(key, chunk_no, "parts")

    def arrived(self, key: PartKey, chunk_no: int) -> bytes | None:
        """Returns a chunk of a large part that is on its way; None if there is none."""
        return self._read(key, chunk_no, "incoming_parts")

    def incoming(self, key: PartKey) -> Incoming | None:
        """Tells how far a large part has come; None if nothing of it is here."""
        with self._datastore.reading() as cursor:
            place = self._place(cursor, key)
            cursor.execute(
                f"SELECT wrapped_key, head, (SELECT count(*) FROM part_chunks WHERE {_PLACE}) AS n "  # noqa: S608 - a constant
                f"FROM incoming_parts WHERE {_PLACE}",
                (*place, *place),
            )
            row = cursor.fetchone()
        if row is None:
            return None
        data_key = self._keys().unwrap(row["wrapped_key"], part_context(*key))
        return Incoming(open_head(key, data_key, row["head"]), row["n"])

    def begin(self, head: HeldPart) -> "Future[bool]":
        """Starts a large part anew; what was there of it goes. False: it was erased or is held.

        Raises `DiskReserved` at once if the rest of the disk is for entries.

        The future fails with:
            NotFound: its entry is not held.
        """
        self._check_room()
        return self._run(lambda: self._begin(head))

    def put(self, key: PartKey, first: int, chunks: Sequence[bytes]) -> "Future[bool]":
        """Stores chunks from number `first` on; False: the part is not wanted any more.

        Raises `DiskReserved` at once if the rest of the disk is for entries.
        """
        self._check_room()
        return self._run(lambda: self._put(key, first, chunks))

    def finish(self, key: PartKey) -> "Future[bool]":
        """Makes a large part readable whose commitment was checked; False: it was erased."""
        return self._run(lambda: self._finish(key))

    def discard(self, key: PartKey) -> "Future[None]":
        """Deletes all that has come of a large part; it stays wanted."""
        return self._run(lambda: self._discard(key))

    # --- inside ---------------------------------------------------------------------------------

    def _place(self, cursor: SQLiteCursor, key: PartKey) -> tuple[int, int, int]:
        return self._numbers.of(cursor, key[0]), key[1], key[2]

    def _read(self, key: PartKey, chunk_no: int, table: str) -> bytes | None:
        with self._datastore.reading() as cursor:
            place = self._place(cursor, key)
            cursor.execute(
                f"SELECT p.wrapped_key, c.sealed FROM {table} p JOIN part_chunks c "  # noqa: S608 - constant names
                "ON c.log_no = p.log_no AND c.entry_index = p.entry_index "
                "AND c.ordinal = p.ordinal WHERE p.log_no = ? AND p.entry_index = ? "
                "AND p.ordinal = ? AND c.chunk_no = ?",
                (*place, chunk_no),
            )
            row = cursor.fetchone()
        if row is None:
            return None
        data_key = self._keys().unwrap(row["wrapped_key"], part_context(*key))
        return open_piece(data_key, row["sealed"], chunk_context(chunk_no))

    def _begin(self, head: HeldPart) -> bool:
        node_keys, place = self._keys(), (head.log_id, head.index, head.ordinal)
        made = node_keys.new_data_key(part_context(*place))
        sealed = seal_head(node_keys, made.key, head.salt, head.media_type, head.large_bytes)
        with self._datastore.writing() as cursor:
            if head.index >= read_state(cursor, head.log_id).size:
                msg = "a part was sent whose entry is not held here"
                raise NotFound(msg)
            row = self._place(cursor, place)
            cursor.execute(f"SELECT 1 FROM parts WHERE {_PLACE}", row)  # noqa: S608 - a constant
            if cursor.fetchone() is not None:
                return False
            _delete(cursor, row)
            # A trigger leaves out what was erased.
            cursor.execute(
                "INSERT INTO incoming_parts VALUES (?, ?, ?, ?, ?)", (*row, made.wrapped, sealed)
            )
            is_wanted = cursor.sqlite_cursor.rowcount > 0
        reach(Step.LARGE_PART_BEGUN)
        return is_wanted

    def _put(self, key: PartKey, first: int, chunks: Sequence[bytes]) -> bool:
        with self._datastore.writing() as cursor:
            place = self._place(cursor, key)
            cursor.execute(f"SELECT wrapped_key FROM incoming_parts WHERE {_PLACE}", place)  # noqa: S608 - a constant
            row = cursor.fetchone()
            if row is None:
                return False
            node_keys = self._keys()
            data_key = node_keys.unwrap(row["wrapped_key"], part_context(*key))
            rows = [
                ChunkRow(
                    *place, number, seal_piece(node_keys, data_key, data, chunk_context(number))
                )
                for number, data in enumerate(chunks, first)
            ]
            insert_chunks(cursor, rows)
        reach(Step.LARGE_PART_CHUNKED)
        return True

    def _finish(self, key: PartKey) -> bool:
        with self._datastore.writing() as cursor:
            place = self._place(cursor, key)
            cursor.execute(f"SELECT wrapped_key, head FROM incoming_parts WHERE {_PLACE}", place)  # noqa: S608 - a constant
            row = cursor.fetchone()
            if row is None:
                return False
            data_key = self._keys().unwrap(row["wrapped_key"], part_context(*key))
            size = open_head(key, data_key, row["head"]).large_bytes
            cursor.execute(
                "INSERT INTO parts (log_no, entry_index, ordinal, wrapped_key, sealed, size_bytes) "
                "VALUES (?, ?, ?, ?, ?, ?)",
                (*place, row["wrapped_key"], row["head"], size),
            )
            cursor.execute(
                "INSERT INTO part_arrivals (log_no, entry_index, ordinal) VALUES (?, ?, ?)", place
            )
            for table in ("incoming_parts", "wanted_parts"):
                cursor.execute(f"DELETE FROM {table} WHERE {_PLACE}", place)  # noqa: S608 - constant names
        reach(Step.LARGE_PART_FINISHED)
        self._stored(*key)
        return True

    def _discard(self, key: PartKey) -> None:
        with self._datastore.writing() as cursor:
            row = self._place(cursor, key)
            cursor.execute(f"SELECT 1 FROM incoming_parts WHERE {_PLACE}", row)  # noqa: S608 - a constant
            if cursor.fetchone() is not None:
                _delete(cursor, row)


def insert_chunks(cursor: SQLiteCursor, rows: Sequence[ChunkRow]) -> None:
    """Inserts chunks; those that are there already stay as they are."""
    cursor.executemany(
        "INSERT INTO part_chunks VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING", rows
    )


def _delete(cursor: SQLiteCursor, place: tuple[int, int, int]) -> None:
    for table in ("incoming_parts", "part_chunks"):
        cursor.execute(f"DELETE FROM {table} WHERE {_PLACE}", place)  # noqa: S608 - constant names
