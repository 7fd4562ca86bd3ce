"""Where the key of each log was rotated; kept in memory, for every stream of heads asks.

Written in the writer's thread, in the transaction that stores the entry; read in any.
"""

from collections.abc import Sequence

from eventsourcing.sqlite import SQLiteCursor

from registry.domain.identifiers import LogId
from registry.store.failpoints import Step, reach
from registry.store.rows import LogNumbers, read_entries


class Rotations:
    """The entries that rotated keys, by log, in order."""

    def __init__(self, numbers: LogNumbers) -> None:
        self._numbers = numbers
        self._entries: dict[LogId, tuple[bytes, ...]] = {}
        self._pending: dict[LogId, tuple[bytes, ...]] = {}

    def of(self, log_id: LogId) -> tuple[bytes, ...]:
        """Exact bytes of the entries that rotated a log's key."""
        return self._entries.get(log_id, ())

    def load(self, cursor: SQLiteCursor) -> None:
        """Reads what is stored."""
        self._entries = read_rotations(cursor)

    def insert(
        self, cursor: SQLiteCursor, log_id: LogId, start: int, entries: Sequence[bytes], *at: int
    ) -> None:
        """Notes rotations among entries [start, ...) that were just stored, at indices `at`."""
        log_no = self._numbers.of(cursor, log_id)
        cursor.executemany("INSERT INTO key_rotations VALUES (?, ?)", [(log_no, i) for i in at])
        if at:
            reach(Step.ROTATION_INSERTED)
        found = tuple([entries[index - start] for index in at])
        self._pending = {log_id: (*self.of(log_id), *found)} if at else {}

    def committed(self) -> None:
        """Must be called once the transaction of the last `insert` is committed."""
        if self._pending:
            reach(Step.ROTATION_COMMITTED)
        self._entries |= self._pending
        self._pending = {}


def read_rotations(cursor: SQLiteCursor) -> dict[LogId, tuple[bytes, ...]]:
    """The entries that rotated keys, by log, in order."""
    cursor.execute(
        "SELECT l.log_id, r.entry_index FROM key_rotations r JOIN logs l ON l.log_no = r.log_no "
        "ORDER BY r.log_no, r.entry_index"
    )
    found: dict[LogId, tuple[bytes, ...]] = {}
    for row in cursor.fetchall():
        log_id, index = LogId(row["log_id"]), int(row["entry_index"])
        entries = read_entries(cursor, log_id, index, index + 1)
        found[log_id] = (*found.get(log_id, ()), *entries)
    return found
