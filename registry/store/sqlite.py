"""The store on SQLite: its reading and its writing half, joined by the one writer's queue.

Reading is in sqlite_reading.py, writing in sqlite_writing.py, the tables in schema.py.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import TypeVar

from registry.domain.identifiers import LogId, Origin, RootHash
from registry.errors import FolderError, StorageError
from registry.log.author import Author
from registry.log.facts import GuardComparison
from registry.store.connections import DurableDatastore
from registry.store.entries import AskedParts, EntryStore
from registry.store.guard import Guard
from registry.store.recorder import LogRecorder
from registry.store.schema import migrate, schema_version
from registry.store.sqlite_reading import SqliteReading
from registry.store.sqlite_writing import SqliteWriting
from registry.store.values import (
    Appended,
    AppendRequest,
    HeldPart,
    IngestBatch,
    LogState,
    StoreEvent,
)
from registry.store.writer import Writer

T = TypeVar("T")


class SqliteStore(SqliteReading, EntryStore):
    """One node's logs and parts in one SQLite database."""

    def __init__(
        self,
        datastore: DurableDatastore,
        *,
        author: Author | None,
        guard: Guard | None,
        now_ms: Callable[[], int],
    ) -> None:
        recorder = LogRecorder(
            datastore,
            lambda log_id_hex, index: self._writing.visibility(log_id_hex, index),  # noqa: PLW0108 - made below
        )
        super().__init__(datastore, recorder, lambda: self._writing.published)
        self._writing = SqliteWriting(
            datastore, recorder, author=author, guard=guard, now_ms=now_ms
        )
        self._writer: Writer | None = None

    def start(self, *, is_read_only: bool) -> None:
        """Makes or checks the tables, compares the guard, starts the writer."""
        if is_read_only:
            with self._datastore.reading() as cursor:
                schema_version(cursor)
        else:
            with self._datastore.writing() as cursor:
                for statement in self.recorder.create_table_statements:
                    cursor.execute(statement)
                migrate(cursor)
                self._writing.load(cursor)
            self._writer = Writer(self._writing.append_group, self._writing.tell)
        self._writing.settle()

    def append(self, request: AppendRequest) -> Future[Appended]:
        """See EntryStore."""
        return self._started_writer().append(request)

    def append_now(self, request: AppendRequest) -> Future[Appended]:
        """See EntryStore."""
        return self._started_writer().append_now(request)

    def ingest(self, batch: IngestBatch) -> Future[LogState]:
        """See EntryStore."""
        return self._started_writer().run(lambda: self._writing.ingest(batch))

    def put_parts(self, parts: Sequence[HeldPart], asked: AskedParts | None = None) -> Future[None]:
        """See EntryStore."""
        return self._started_writer().run(lambda: self._writing.put_parts(parts, asked))

    def set_parts_below(
        self, log_id: LogId, index: int, still_wanted: Sequence[tuple[int, int]]
    ) -> Future[None]:
        """See EntryStore."""
        asked = AskedParts(log_id, index, still_wanted)
        return self._started_writer().run(lambda: self._writing.put_parts((), asked))

    def freeze(self, log_id: LogId, at: int, reason: str, evidence: bytes) -> Future[None]:
        """See EntryStore."""
        return self._started_writer().run(
            lambda: self._writing.freeze(log_id, at, reason, evidence)
        )

    def register_logs(self, origins: Sequence[Origin]) -> Future[None]:
        """See EntryStore."""
        return self._started_writer().run(lambda: self._writing.register_logs(origins))

    def remember_own_checkpoint(self, size: int, root: RootHash) -> Future[None]:
        """See EntryStore."""
        return self._started_writer().run(lambda: self._writing.remember_own_checkpoint(size, root))

    def attach_guard(self, guard: Guard) -> Future[None]:
        """See EntryStore."""
        return self._started_writer().run(lambda: self._writing.attach_guard(guard))

    def allow_appends(self) -> None:
        """See EntryStore."""
        self._writing.allow_appends()

    def refuse_appends(self, reason: str) -> None:
        """See EntryStore."""
        self._writing.read_only_reason = reason

    def read_only_reason(self) -> str | None:
        """See EntryStore."""
        return self._writing.read_only_reason

    def own_state_against_guard(self) -> GuardComparison:
        """See EntryStore."""
        return self._writing.compare_now()

    def add_listener(self, callback: Callable[[StoreEvent], None]) -> None:
        """See EntryStore."""
        self._writing.listeners.append(callback)

    def close(self) -> None:
        """See EntryStore."""
        if self._writer is not None:
            self._writer.close()
        self.recorder.close()
        self._writing.close()
        self._datastore.close()

    def _started_writer(self) -> Writer:
        if self._writer is None:
            msg = "the store is open for reading only"
            raise StorageError(msg)
        return self._writer


def open_sqlite_store(
    path: Path,
    *,
    author: Author | None,
    guard: Guard | None,
    now_ms: Callable[[], int],
    is_read_only: bool = False,
) -> SqliteStore:
    """Opens a store, making its tables if it is new.

    Args:
        path: the database file.
        author: writes the own log; None for a store that only mirrors or reads.
        guard: what was last signed; None if it is missing, then appends stay refused.
        now_ms: the clock for arrival times, milliseconds UTC.
        is_read_only: reads beside a running node, changes nothing.

    Raises:
        DurabilityError, SchemaError, CorruptDatabase: as named.
        FolderError: read only, and there is no database.
    """
    if is_read_only and not path.exists():
        msg = f"there is no database {path}"
        raise FolderError(msg)
    store = SqliteStore(
        DurableDatastore(path, is_read_only=is_read_only),
        author=author,
        guard=guard,
        now_ms=now_ms,
    )
    try:
        store.start(is_read_only=is_read_only)
    except BaseException:
        store.close()
        raise
    return store
