"""The newest appends of the own log, before they go into the indexes.

Request keys are random, and the rows of `case_entries` go to a page for each case: nearly every
append would write two pages of indexes of its own. So the rows of new appends go into
`recent_appends`, in the order of the log; requests among them are found by a dictionary, cases by
reading through them. Every `RECENT_MAX` of them are moved into the indexes `own_requests` and
`case_entries` together, sorted, a handful to each page. That is the first step of a log-structured
merge tree; nothing is lost in between, for a row is in one place or the other.
"""

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from eventsourcing.sqlite import SQLiteCursor

from registry.domain.identifiers import LogId, RequestKey
from registry.store.recorder import insert_rows

RECENT_MAX: Final = 4096


class AppendRow(NamedTuple):
    """A row of `recent_appends`: what the indexes will hold of one append."""

    entry_index: int
    log_no: int
    case_no: int | None
    received_ms: int
    request_id: RequestKey | None
    request_digest: bytes | None


class Known(NamedTuple):
    """What is known of an earlier request; a digest of None = from recovery only."""

    digest: bytes | None
    entry_index: int


class RecentAppends:
    """Used by whoever writes; what it remembers is always what is committed."""

    def __init__(self) -> None:
        self._requests: dict[RequestKey, Known] = {}
        self._count = 0
        self._is_moving = False

    def load(self, cursor: SQLiteCursor, own_log: LogId | None) -> None:
        """Reads what is recent, when a store is opened; of another own log than before nothing.

        In a new epoch the requests of the log before name places that are none in this one.
        """
        cursor.execute("SELECT log_id FROM own_log")
        row = cursor.fetchone()
        if own_log is not None and (row is None or row["log_id"] != own_log):
            if row is not None:
                _move(cursor)
                cursor.execute("DELETE FROM own_requests")
            cursor.execute("DELETE FROM own_log")
            cursor.execute("INSERT INTO own_log VALUES (?)", (own_log,))
        cursor.execute("SELECT entry_index, request_id, request_digest FROM recent_appends")
        rows = cursor.fetchall()
        self._count = len(rows)
        self._requests = {
            RequestKey(row["request_id"]): Known(row["request_digest"], row["entry_index"])
            for row in rows
            if row["request_id"] is not None
        }

    def find(self, cursor: SQLiteCursor, keys: Iterable[RequestKey]) -> dict[RequestKey, Known]:
        """Returns those of the keys that are known."""
        wanted = set(keys)
        found = {key: self._requests[key] for key in wanted if key in self._requests}
        older = tuple(wanted - found.keys())
        if older:
            cursor.execute(
                "SELECT * FROM own_requests WHERE request_id IN "  # noqa: S608 - placeholders only
                f"({','.join('?' * len(older))})",
                older,
            )
            for row in cursor.fetchall():
                known = Known(row["request_digest"], row["entry_index"])
                found[RequestKey(row["request_id"])] = known
        return found

    def insert(self, cursor: SQLiteCursor, rows: Sequence[AppendRow]) -> None:
        """Inserts new rows; moves all of them into the indexes when they are many."""
        insert_rows(cursor, "INSERT INTO recent_appends", rows)
        self._is_moving = self._count + len(rows) > RECENT_MAX
        if self._is_moving:
            _move(cursor)

    def committed(self, rows: Sequence[AppendRow]) -> None:
        """Remembers what `insert` did, once it is committed."""
        if self._is_moving:
            self._requests = {}
            self._count = 0
            return
        self._count += len(rows)
        self._requests.update(
            (row.request_id, Known(row.request_digest, row.entry_index))
            for row in rows
            if row.request_id
        )

    def forget_digests(self, keys: Iterable[RequestKey]) -> None:
        """Forgets what was asked for under these ids; their places stay known."""
        for key in keys:
            known = self._requests.get(key)
            if known is not None:
                self._requests[key] = known._replace(digest=None)


def _move(cursor: SQLiteCursor) -> None:
    """Moves all that is recent into the indexes."""
    cursor.execute(
        "INSERT OR IGNORE INTO own_requests "
        "SELECT request_id, request_digest, entry_index FROM recent_appends "
        "WHERE request_id IS NOT NULL ORDER BY request_id"
    )
    cursor.execute(
        "INSERT INTO case_entries SELECT case_no, log_no, entry_index, received_ms "
        "FROM recent_appends WHERE case_no IS NOT NULL ORDER BY case_no, entry_index"
    )
    cursor.execute("DELETE FROM recent_appends")


def is_known(cursor: SQLiteCursor, key: RequestKey) -> bool:
    """Tells any reader whether a request was recorded."""
    cursor.execute(
        "SELECT 1 FROM own_requests WHERE request_id = ?1 "
        "UNION ALL SELECT 1 FROM recent_appends WHERE request_id = ?1",
        (key,),
    )
    return cursor.fetchone() is not None
