"""What the scrub reads and repairs in the database. All SQL of it.

Reading is raw: an entry as it stands, whatever its bytes are. A repair overwrites in place, one
transaction for all that belongs together, under the same keys: rows of entries are never deleted.
What is written was verified by whoever hands it over; a part that was erased meanwhile stays gone.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future
from typing import Any, Final

from registry.domain.identifiers import LogId, RootHash
from registry.errors import CommitmentMismatch, CorruptDatabase, NodeKeyMissing
from registry.log.commitment import check_commitment
from registry.log.entry import Header
from registry.log.merkle import CompactRange
from registry.store.check_large import check_large_part
from registry.store.connections import DurableDatastore
from registry.store.parts import PartRow, open_part, seal_held
from registry.store.recorder import TOPIC
from registry.store.rows import LogNumbers, read_leaves
from registry.store.sealing import NodeKeys
from registry.store.tiles import TILE_WIDTH, write_tiles
from registry.store.values import HeldPart

_PLACE: Final = "log_no = ? AND entry_index = ? AND ordinal = ?"
_PAGE: Final = 1024


class Scrubbing:
    """Raw reads from any thread, repairs through the store's one writer."""

    def __init__(
        self,
        datastore: DurableDatastore,
        numbers: LogNumbers,
        keys: Callable[[], NodeKeys],
        run: Callable[[Callable[[], Any]], "Future[Any]"],
    ) -> None:
        self._datastore = datastore
        self._numbers = numbers
        self._keys = keys
        self._run = run

    # --- reading --------------------------------------------------------------------------------

    def entries(self, log_id: LogId, start: int, end: int) -> dict[int, bytes]:
        """Entries [start, end) as they stand, by index; one that is missing is not there."""
        with self._datastore.reading() as cursor:
            cursor.execute(
                "SELECT originator_version, topic, state FROM stored_events "
                "WHERE originator_id = ? AND originator_version >= ? AND originator_version < ?",
                (log_id.hex(), start, end),
            )
            return {
                row["originator_version"]: bytes(row["state"])
                for row in cursor.fetchall()
                if isinstance(row["state"], bytes) and row["topic"] == TOPIC
            }

    def tiles(self, log_id: LogId) -> dict[tuple[int, int], bytes]:
        """The stored tree above the leaves, by (level, tile); 32 bytes for every 256 entries."""
        with self._datastore.reading() as cursor:
            cursor.execute(
                "SELECT level, tile, hashes FROM tree WHERE log_no = ? AND level > 0",
                (self._numbers.of(cursor, log_id),),
            )
            return {(row["level"], row["tile"]): bytes(row["hashes"]) for row in cursor.fetchall()}

    def leaves(self, log_id: LogId, tile: int) -> bytes:
        """The stored leaf hashes of a tile; empty if there are none."""
        with self._datastore.reading() as cursor:
            cursor.execute(
                "SELECT hashes FROM tree WHERE log_no = ? AND level = 0 AND tile = ?",
                (self._numbers.of(cursor, log_id), tile),
            )
            row = cursor.fetchone()
        return b"" if row is None or not isinstance(row["hashes"], bytes) else row["hashes"]

    def damaged_parts(
        self, log_id: LogId, headers: Mapping[int, Header]
    ) -> list[tuple[int, int, str]]:
        """Opens the parts that are held of entries: (index, ordinal, reason) of those that fail.

        Raises:
            NodeKeyMissing: the store was opened without its node key.
        """
        if not headers:
            return []
        keys, found = self._keys(), []
        with self._datastore.reading() as cursor:
            cursor.execute(
                "SELECT log_no, entry_index, ordinal, wrapped_key, sealed, size_bytes FROM parts "
                "WHERE log_no = ? AND entry_index BETWEEN ? AND ?",
                (self._numbers.of(cursor, log_id), min(headers), max(headers)),
            )
            for row in map(PartRow._make, cursor.fetchall()):
                header = headers.get(row.index)
                if header is None or not 0 <= row.ordinal < len(header.parts):
                    continue
                commitment = header.parts[row.ordinal].commitment
                try:
                    if row.size_bytes is not None:
                        place = (log_id, row.index, row.ordinal)
                        check_large_part(
                            cursor.sqlite_cursor.connection, row, place, commitment, keys
                        )
                    else:
                        _check_part(log_id, row, commitment, keys)
                except (CommitmentMismatch, CorruptDatabase, NodeKeyMissing) as error:
                    found.append((row.index, row.ordinal, error.reason))
        return found

    # --- repairs --------------------------------------------------------------------------------

    def repair_entries(self, log_id: LogId, entries: Mapping[int, bytes]) -> "Future[None]":
        """Puts verified entries in the place of damaged ones."""
        return self._run(lambda: self._repair_entries(log_id, entries))

    def repair_tree(self, log_id: LogId) -> "Future[None]":
        """Writes the tree of all that is held anew, hashed from the entries."""
        return self._run(lambda: self._repair_tree(log_id))

    def repair_head(self, log_id: LogId, reached: CompactRange, root: RootHash) -> "Future[None]":
        """Writes root and range of a log anew that has grown no further meanwhile."""
        return self._run(lambda: self._repair_head(log_id, reached, root))

    def repair_parts(self, parts: Sequence[HeldPart]) -> "Future[None]":
        """Puts verified parts, under fresh data keys, in the place of damaged ones."""
        return self._run(lambda: self._repair_parts(parts))

    def ask_again(self, log_id: LogId, places: Iterable[tuple[int, int]]) -> "Future[None]":
        """Lets go of damaged large parts and lists them as wanted: they come as others do."""
        return self._run(lambda: self._ask_again(log_id, list(places)))

    def _repair_entries(self, log_id: LogId, entries: Mapping[int, bytes]) -> None:
        with self._datastore.writing() as cursor:
            cursor.executemany(
                "INSERT INTO stored_events (originator_id, originator_version, topic, state) "
                "VALUES (?, ?, ?, ?) ON CONFLICT (originator_id, originator_version) "
                "DO UPDATE SET topic = excluded.topic, state = excluded.state",
                [(log_id.hex(), index, TOPIC, entry) for index, entry in sorted(entries.items())],
            )

    def _repair_tree(self, log_id: LogId) -> None:
        with self._datastore.writing() as cursor:
            log_no = self._numbers.of(cursor, log_id)
            # Read here: rows above the leaves are written from the left, and end with the log.
            cursor.execute("SELECT size FROM logs WHERE log_no = ?", (log_no,))
            size = int(cursor.fetchone()["size"])
            for start in range(0, size - size % TILE_WIDTH, _PAGE):
                end = min(start + _PAGE, size)
                leaves = read_leaves(cursor, log_id, start, end)
                write_tiles(cursor, log_no, start, leaves, lambda _start, _end: ())

    def _repair_head(self, log_id: LogId, reached: CompactRange, root: RootHash) -> None:
        with self._datastore.writing() as cursor:
            cursor.execute(
                "UPDATE logs SET root = ?, range = ? WHERE log_id = ? AND size = ?",
                (root, reached.encode(), log_id, reached.size),
            )

    def _repair_parts(self, parts: Sequence[HeldPart]) -> None:
        with self._datastore.writing() as cursor:
            numbers = {part.log_id: self._numbers.of(cursor, part.log_id) for part in parts}
            cursor.executemany(
                f"UPDATE parts SET wrapped_key = ?, sealed = ?, size_bytes = NULL WHERE {_PLACE}",  # noqa: S608 - a constant
                [
                    (row.wrapped_key, row.sealed, *row[:3])
                    for row in seal_held(parts, numbers, self._keys())
                ],
            )

    def _ask_again(self, log_id: LogId, places: Sequence[tuple[int, int]]) -> None:
        with self._datastore.writing() as cursor:
            log_no = self._numbers.of(cursor, log_id)
            for index, ordinal in places:
                for table in ("part_chunks", "parts"):
                    cursor.execute(
                        f"DELETE FROM {table} WHERE {_PLACE}",  # noqa: S608 - constants only
                        (log_no, index, ordinal),
                    )
                # A trigger leaves out what was erased.
                cursor.execute(
                    "INSERT INTO wanted_parts (log_no, entry_index, ordinal) VALUES (?, ?, ?) "
                    "ON CONFLICT DO NOTHING",
                    (log_no, index, ordinal),
                )


def _check_part(log_id: LogId, row: PartRow, commitment: bytes, keys: NodeKeys) -> None:
    part = open_part((log_id, row.index, row.ordinal), row.wrapped_key, row.sealed, keys)
    check_commitment(
        commitment,
        log_id=part.log_id,
        salt=part.salt,
        media_type=part.media_type,
        content=part.content,
    )
