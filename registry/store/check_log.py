"""Checks one stored log: entries, tree, compact range, root, notes, parts, guard.

Everything is computed again from the entries in one pass; memory is 32 bytes for every 256 entries.
"""

import sqlite3
from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

from registry.domain.identifiers import (
    HASH_SIZE_BYTES,
    LeafHash,
    LogId,
    Origin,
    RootHash,
)
from registry.errors import (
    BadKeyRotation,
    CommitmentMismatch,
    CorruptDatabase,
    EntryError,
    NodeKeyMissing,
)
from registry.log.checkpoint import Checkpoint
from registry.log.commitment import check_commitment
from registry.log.entry import Header, decode_header, signed_message, split_entry
from registry.log.facts import facts_of
from registry.log.log_keys import LogKeys, verify_log_checkpoint
from registry.log.member import Cut
from registry.log.merkle import EMPTY_RANGE, EMPTY_ROOT, CompactRange, leaf_hash
from registry.log.signing import verify
from registry.peer_errors import OtherThanRoster
from registry.store.check_large import check_large_part
from registry.store.guard import GuardState
from registry.store.parts import PartRow, open_part
from registry.store.recorder import TOPIC
from registry.store.sealing import NodeKeys
from registry.store.tiles import TILE_WIDTH

_PROGRESS_EVERY: Final = 1000


class Finding(NamedTuple):
    """Something that is wrong: in which log (None = the whole database), at which entry."""

    origin: Origin | None
    index: int | None  # type: ignore[assignment] # the field, not tuple.index
    reason: str
    detail: str


def blob(column: str) -> str:
    """SQL for a column of bytes; a value of another type, as damage can make it, becomes a 0."""
    return f"CASE typeof({column}) WHEN 'blob' THEN {column} WHEN 'null' THEN NULL ELSE x'00' END"


class LogRow(NamedTuple):
    """A row of `logs` as it stands, unchecked; damage can give a number any type."""

    log_no: int
    log_id: bytes
    origin: Origin
    size: int
    root: bytes
    range: bytes
    note: bytes | None
    noted_size: object
    parts_below: object


class LogCheck:
    """One pass over one log."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        row: LogRow,
        keys: LogKeys,
        *,
        node_keys: NodeKeys | None,
        guard: GuardState | None,
        cut: Cut | None,
        on_entry: Callable[[int, Header], None],
        on_progress: Callable[[int], None],
    ) -> None:
        self._connection = connection
        self._row = row
        self._keys = self._shown_keys = keys
        self._node_keys = node_keys
        self._guard = guard
        self._cut = cut
        self._on_entry = on_entry
        self._on_progress = on_progress
        self._range: CompactRange = EMPTY_RANGE
        self._roots: dict[int, RootHash] = {0: EMPTY_ROOT}
        self._tile: list[LeafHash] = []
        self._tile_roots: list[bytes] = []
        self._noted: Checkpoint | None = None
        self._sizes: set[int] = set()
        self._cosigned: dict[int, bytes] = {}

    def run(self) -> Iterator[Finding]:
        """Checks everything of the log."""
        yield from self._read_rotations()
        if self._row.note:
            yield from self._read_note(self._row.note)
        self._sizes = {self._noted.size} if self._noted is not None else set()
        if self._guard is not None:
            self._sizes.add(self._guard.size)
        if self._cut is not None:
            self._sizes.add(self._cut.size)
        self._cosigned = dict(
            self._connection.execute(
                f"SELECT size, {blob('root')} FROM cosignatures WHERE log_no = ?",  # noqa: S608 - a constant name
                (self._row.log_no,),
            )
        )
        self._sizes |= self._cosigned.keys()
        yield from self._check_entries()
        yield from self._check_head()
        yield from self._check_tree()
        yield from self._check_guard()
        yield from self._check_cosigned()
        yield from self._check_cut()

    # --- entries and parts ----------------------------------------------------------------------

    def _check_entries(self) -> Iterator[Finding]:
        parts = _Parts(self._connection, self._row.log_no)
        expected = 0
        rows = self._connection.execute(
            f"SELECT originator_version, topic, {blob('state')} FROM stored_events "  # noqa: S608 - a constant name
            "WHERE originator_id = ? ORDER BY originator_version",
            (self._row.log_id.hex(),),
        )
        for index, topic, entry in rows:
            if not isinstance(index, int):
                yield self._found(expected, "misplaced_entry", f"an entry has index {index!r}")
                continue
            if index != expected or topic != TOPIC:
                detail = f"entry {expected} was expected, found {index} with topic {topic!r}"
                yield self._found(expected, "misplaced_entry", detail)
            expected = index + 1
            header: Header | None = None
            try:
                header = self._read_entry(index, entry)
            except EntryError as error:
                yield self._found(index, error.reason, str(error))
            yield from self._check_parts(index, header, parts)
            yield from self._add_leaf(index, leaf_hash(entry))
            if index % _PROGRESS_EVERY == 0:
                self._on_progress(index)
        for row in parts.below(None):
            yield self._found(row.index, "part_without_entry", f"part {row.ordinal} has no entry")
        self._on_progress(expected)

    def _read_entry(self, index: int, entry: bytes) -> Header:
        """Decodes an entry; refuses it like an ingest would."""
        data, signature = split_entry(entry)
        header = decode_header(data)
        place = (header.registry_id, header.log_id, header.index)
        if place != (self._keys.registry_id, self._row.log_id, index):
            msg = f"the header says it is entry {header.index} of log {header.log_id.hex()}"
            raise EntryError(msg)
        if not verify(self._keys.at(index), signed_message(data), signature):
            msg = "the log key has not signed these bytes"
            raise EntryError(msg)
        self._keys = self._keys.after(facts_of(header))
        self._on_entry(index, header)
        return header

    def _check_parts(self, index: int, header: Header | None, parts: "_Parts") -> Iterator[Finding]:
        for row in parts.below(index + 1):
            if row.index != index:
                detail = f"part {row.ordinal} has no entry"
                yield self._found(row.index, "part_without_entry", detail)
            elif header is not None:
                yield from self._check_part(row, header)

    def _check_part(self, row: PartRow, header: Header) -> Iterator[Finding]:
        if not 0 <= row.ordinal < len(header.parts):
            detail = f"the header has no part {row.ordinal}"
            yield self._found(row.index, "part_without_entry", detail)
            return
        if self._node_keys is None:
            return
        place = (LogId(self._row.log_id), row.index, row.ordinal)
        try:
            if row.size_bytes is not None:
                commitment = header.parts[row.ordinal].commitment
                check_large_part(self._connection, row, place, commitment, self._node_keys)
                return
            part = open_part(place, row.wrapped_key, row.sealed, self._node_keys)
            check_commitment(
                header.parts[row.ordinal].commitment,
                log_id=part.log_id,
                salt=part.salt,
                media_type=part.media_type,
                content=part.content,
            )
        except (CommitmentMismatch, CorruptDatabase, NodeKeyMissing) as error:
            reason = CommitmentMismatch.reason
            yield self._found(row.index, reason, f"part {row.ordinal}: {error}")

    # --- tree -----------------------------------------------------------------------------------

    def _add_leaf(self, index: int, leaf: LeafHash) -> Iterator[Finding]:
        self._range = self._range.append(leaf)
        if self._range.size in self._sizes:
            self._roots[self._range.size] = self._range.root()
        self._tile.append(leaf)
        if len(self._tile) < TILE_WIDTH:
            return
        first = index + 1 - TILE_WIDTH
        stored = self._stored_tile(0, first // TILE_WIDTH)
        for offset, expected in enumerate(self._tile):
            at = offset * HASH_SIZE_BYTES
            if stored[at : at + HASH_SIZE_BYTES] != expected:
                detail = "the entry and its leaf hash in the tree differ"
                yield self._found(first + offset, "leaf_mismatch", detail)
        if len(stored) > TILE_WIDTH * HASH_SIZE_BYTES:
            yield self._found(first, "tree_mismatch", "a tile holds more than 256 hashes")
        self._tile_roots.append(EMPTY_RANGE.extend(self._tile).root())
        self._tile.clear()

    def _check_tree(self) -> Iterator[Finding]:
        """Compares the levels above the leaves, and the number of tiles on each."""
        counts = [len(self._tile_roots)]
        nodes = self._tile_roots
        level = 0
        while nodes:
            level += 1
            tiles = [nodes[at : at + TILE_WIDTH] for at in range(0, len(nodes), TILE_WIDTH)]
            counts.append(len(tiles))
            for number, tile in enumerate(tiles):
                if self._stored_tile(level, number) != b"".join(tile):
                    first = number * TILE_WIDTH ** (level + 1)
                    detail = f"tile {number} of level {level} is not what its entries give"
                    yield self._found(first, "tree_mismatch", detail)
            nodes = [
                EMPTY_RANGE.extend(LeafHash(node) for node in tile).root()
                for tile in tiles
                if len(tile) == TILE_WIDTH
            ]
        stored = dict(
            self._connection.execute(
                "SELECT level, count(*) FROM tree WHERE log_no = ? GROUP BY level",
                (self._row.log_no,),
            )
        )
        expected = {at: count for at, count in enumerate(counts) if count}
        if stored != expected:
            detail = f"tiles by level: {expected} expected, {stored} found"
            yield self._found(None, "tree_mismatch", detail)

    def _stored_tile(self, level: int, tile: int) -> bytes:
        row = self._connection.execute(
            f"SELECT {blob('hashes')} FROM tree "  # noqa: S608 - a constant name
            "WHERE log_no = ? AND level = ? AND tile = ?",
            (self._row.log_no, level, tile),
        ).fetchone()
        return b"" if row is None else row[0]

    # --- head, notes, guard ---------------------------------------------------------------------

    def _read_rotations(self) -> Iterator[Finding]:
        """The note is checked before the entries go by: under the keys that are stored apart."""
        rows = self._connection.execute(
            f"SELECT r.entry_index, {blob('s.state')} FROM key_rotations r LEFT JOIN stored_events "  # noqa: S608 - a constant name
            "s ON s.originator_id = ? AND s.originator_version = r.entry_index "
            "WHERE r.log_no = ? ORDER BY r.entry_index",
            (self._row.log_id.hex(), self._row.log_no),
        ).fetchall()
        for index, entry in rows:
            try:
                self._shown_keys = self._shown_keys.learn([entry or b""])
            except EntryError as error:
                yield self._found(index, error.reason, str(error))

    def _read_note(self, note: bytes) -> Iterator[Finding]:
        try:
            self._noted = verify_log_checkpoint(note, self._shown_keys)
        except EntryError as error:
            yield self._found(self._noted_index(), error.reason, f"note: {error}")

    def _noted_index(self) -> int | None:
        """The last entry that the note stands for."""
        size = self._row.noted_size
        return size - 1 if isinstance(size, int) and size > 0 else None

    def _check_head(self) -> Iterator[Finding]:
        row, held = self._row, self._range.size
        if self._keys != self._shown_keys:
            detail = "the rotations of the key that are stored are not those of the entries"
            yield self._found(None, BadKeyRotation.reason, detail)
        if row.size != held:
            yield self._found(None, "size_mismatch", f"{held} entries are held, not {row.size}")
        if row.root != self._range.root():
            yield self._found(None, "root_mismatch", "the stored root is not that of the entries")
        if row.range != self._range.encode():
            yield self._found(None, "range_mismatch", "the stored range is not that of the entries")
        if not isinstance(row.parts_below, int) or not 0 <= row.parts_below <= held:
            yield self._found(None, "size_mismatch", f"parts_below is {row.parts_below} of {held}")
        noted = self._noted
        if noted is not None and self._roots.get(noted.size) != noted.root:
            detail = f"the note of size {noted.size} does not have the root of the entries"
            yield self._found(self._noted_index(), "root_mismatch", detail)
        size = 0 if noted is None else noted.size
        if row.noted_size != size and (noted is not None or not row.note):
            detail = f"noted_size is {row.noted_size}, the note says {size}"
            yield self._found(None, "size_mismatch", detail)

    def _check_cosigned(self) -> Iterator[Finding]:
        """What was cosigned is what is held; what is ahead of it cannot be compared yet."""
        for size, root in self._cosigned.items():
            if self._roots.get(size, root) != root:
                detail = f"a cosignature at {size} does not have the root of the entries"
                yield self._found(None, "root_mismatch", detail)

    def _check_cut(self) -> Iterator[Finding]:
        cut = self._cut
        if cut is not None and self._roots.get(cut.size, cut.root) != cut.root:
            detail = (
                f"the roster ends the log at {cut.size} with another history than is held: nothing "
                "of it counts; the runbook says how to take the other one"
            )
            yield self._found(None, OtherThanRoster.reason, detail)

    def _check_guard(self) -> Iterator[Finding]:
        guard = self._guard
        if guard is None:
            return
        if guard.size > self._range.size:
            detail = f"the guard stands at {guard.size}, the log at {self._range.size}"
            yield self._found(None, "guard_ahead", detail)
        elif self._roots.get(guard.size) != guard.root:
            detail = f"the guard's root at {guard.size} is not that of the entries"
            yield self._found(None, "guard_inconsistent", detail)

    def _found(self, index: int | None, reason: str, detail: str) -> Finding:
        return Finding(self._row.origin, index, reason, detail)


class _Parts:
    """The stored parts of a log in order, taken as the entries go by."""

    def __init__(self, connection: sqlite3.Connection, log_no: int) -> None:
        rows = connection.execute(
            f"SELECT log_no, entry_index, ordinal, {blob('wrapped_key')}, {blob('sealed')}, "  # noqa: S608 - constant names
            "size_bytes FROM parts WHERE log_no = ? AND sealed IS NOT NULL "
            "ORDER BY entry_index, ordinal",
            (log_no,),
        )
        self._rows = map(PartRow._make, rows)
        self._next = next(self._rows, None)

    def below(self, end: int | None) -> Iterator[PartRow]:
        """Yields those of entries below `end` that were not taken yet; None = all."""
        while self._next is not None and (end is None or self._next.index < end):
            yield self._next
            self._next = next(self._rows, None)
