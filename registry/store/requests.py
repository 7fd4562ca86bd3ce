"""What was asked of the own log: so that a repeated request finds its event.

Request keys are random, and an index over them is changed at a random place for each: with 100,000
requests nearly every append would write a page of its own. So new rows go into `recent_requests`,
in the order of the log, and are found by a dictionary; every `RECENT_MAX` of them are moved into
the index `own_requests` together, sorted, a handful to each page. That is the first step of a
log-structured merge tree; nothing is lost in between, for rows are in one table or the other.
"""

from collections.abc import Iterable, Sequence
from typing import Final, TypeAlias

from eventsourcing.sqlite import SQLiteCursor

from registry.domain.identifiers import RequestKey
from registry.store.recorder import insert_rows

RECENT_MAX: Final = 4096
RequestRow: TypeAlias = tuple[int, RequestKey, bytes]
"""(index of the event, request key, request digest)."""
Known: TypeAlias = tuple[bytes | None, int]
"""(request digest, None if known from recovery only; index of the event)."""


class OwnRequests:
    """Used by whoever writes; what it remembers is always what is committed."""

    def __init__(self) -> None:
        self._recent: dict[RequestKey, Known] = {}
        self._is_moving = False

    def load(self, cursor: SQLiteCursor) -> None:
        """Reads what is recent, when a store is opened."""
        cursor.execute("SELECT * FROM recent_requests")
        self._recent = {
            RequestKey(row["request_id"]): (row["request_digest"], row["entry_index"])
            for row in cursor.fetchall()
        }

    def find(self, cursor: SQLiteCursor, keys: Iterable[RequestKey]) -> dict[RequestKey, Known]:
        """Returns those of the keys that are known."""
        wanted = set(keys)
        found = {key: self._recent[key] for key in wanted if key in self._recent}
        older = tuple(wanted - found.keys())
        if older:
            cursor.execute(
                "SELECT * FROM own_requests WHERE request_id IN "  # noqa: S608 - placeholders only
                f"({','.join('?' * len(older))})",
                older,
            )
            for row in cursor.fetchall():
                known = (row["request_digest"], row["entry_index"])
                found[RequestKey(row["request_id"])] = known
        return found

    def insert(self, cursor: SQLiteCursor, rows: Sequence[RequestRow]) -> None:
        """Inserts new requests; moves all recent ones into the index when they are many."""
        insert_rows(cursor, "INSERT INTO recent_requests", rows)
        self._is_moving = len(self._recent) + len(rows) > RECENT_MAX
        if self._is_moving:
            cursor.execute(
                "INSERT OR IGNORE INTO own_requests "
                "SELECT request_id, request_digest, entry_index FROM recent_requests "
                "ORDER BY request_id"
            )
            cursor.execute("DELETE FROM recent_requests")

    def committed(self, rows: Sequence[RequestRow]) -> None:
        """Remembers what `insert` did, once it is committed."""
        if self._is_moving:
            self._recent = {}
        else:
            self._recent.update((key, (digest, index)) for index, key, digest in rows)


def is_known(cursor: SQLiteCursor, key: RequestKey) -> bool:
    """Tells any reader whether a request was recorded."""
    cursor.execute(
        "SELECT 1 FROM own_requests WHERE request_id = ?1 "
        "UNION ALL SELECT 1 FROM recent_requests WHERE request_id = ?1",
        (key,),
    )
    return cursor.fetchone() is not None
