"""eventsourcing's SQLite recorder with our durability: WAL, synchronous=FULL, BEGIN IMMEDIATE.

`originator_id` is the hex log id, `originator_version` the index, `state` the exact entry bytes; no
transcoder, compressor or cipher.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final
from weakref import WeakSet

from eventsourcing.persistence import ListenNotifySubscription, StoredEvent, Subscription
from eventsourcing.sqlite import (
    SQLiteApplicationRecorder,
    SQLiteConnection,
    SQLiteConnectionPool,
    SQLiteCursor,
    SQLiteDatastore,
)

from registry.errors import DurabilityError

TOPIC: Final = "entry"
_FULL: Final = 2


class DurablePool(SQLiteConnectionPool):
    """Connections that refuse to be less than durable."""

    is_read_only = False

    def _create_connection(self) -> SQLiteConnection:
        connection = super()._create_connection()
        cursor = connection.cursor()
        for pragma in ("synchronous=FULL", "secure_delete=ON", "cache_size=-8000"):
            cursor.execute(f"PRAGMA {pragma}")
        if self.is_read_only:
            cursor.execute("PRAGMA query_only=ON")
        if _read(cursor, "synchronous") != _FULL or _read(cursor, "journal_mode") != "wal":
            msg = f"{self.db_name} does not take journal_mode=WAL with synchronous=FULL"
            raise DurabilityError(msg)
        return connection


class DurableDatastore(SQLiteDatastore):
    """A datastore whose writing transactions take the write lock at once."""

    def __init__(self, path: Path, *, is_read_only: bool) -> None:
        super().__init__(str(path), originator_id_type="text")
        self.pool.close()
        self.pool = DurablePool(db_name=str(path))
        self.pool.is_read_only = is_read_only

    @contextmanager
    def writing(self) -> Iterator[SQLiteCursor]:
        """A transaction that is committed at the end, or rolled back if anything raises.

        Raises:
            sqlite3.Error: the disk refused; nothing of the transaction is kept.
        """
        with self.get_connection(commit=True) as connection:
            cursor = connection.cursor()
            cursor.execute("BEGIN IMMEDIATE")
            try:
                yield cursor
                connection.commit()
            except BaseException:
                connection.rollback()
                raise


class LogRecorder(SQLiteApplicationRecorder):
    """Stores entries in bulk, with the rows that go with them in the same transaction."""

    datastore: DurableDatastore

    def __init__(self, datastore: DurableDatastore) -> None:
        super().__init__(datastore)
        self._subscriptions: WeakSet[ListenNotifySubscription[LogRecorder]] = WeakSet()

    def insert_entries(
        self, cursor: SQLiteCursor, log_id_hex: str, start: int, entries: Sequence[bytes]
    ) -> None:
        """Inserts neighbouring entries inside the caller's transaction."""
        cursor.executemany(
            self.insert_events_statement,
            [(log_id_hex, index, TOPIC, entry) for index, entry in enumerate(entries, start)],
        )

    def _insert_events(
        self, c: SQLiteCursor, stored_events: Sequence[StoredEvent], **_: Any
    ) -> Sequence[int] | None:
        c.executemany(
            self.insert_events_statement,
            [(s.originator_id, s.originator_version, s.topic, s.state) for s in stored_events],
        )
        return None

    def subscribe(
        self, gt: int | None = None, topics: Sequence[str] = ()
    ) -> "Subscription[LogRecorder]":
        """Follows the entries in the order of arrival; woken by `notify`."""
        subscription = ListenNotifySubscription(recorder=self, gt=gt, topics=topics)
        self._subscriptions.add(subscription)
        return subscription

    def notify(self) -> None:
        """Wakes the followers after a commit."""
        for subscription in tuple(self._subscriptions):
            subscription._has_been_notified.set()  # noqa: SLF001 - the library's own seam


def _read(cursor: SQLiteCursor, pragma: str) -> Any:  # noqa: ANN401 - whatever the pragma says
    cursor.execute(f"PRAGMA {pragma}")
    return cursor.fetchone()[0]
