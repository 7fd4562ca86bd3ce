"""SQLite connections that keep their promise: WAL, synchronous=FULL, secure_delete, or none at all.

What eventsourcing's pool does not do, and why it is done here:
- the settings are made on every connection and read back; a connection without them is refused;
- the writer has a connection of its own and begins with `BEGIN IMMEDIATE`: a plain `BEGIN` that
  reads before it writes may fail halfway;
- it asks for `cached_statements=True`, which is a cache of one statement;
- it closes connections that are in use.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic
from typing import Final

import sqlcipher3.dbapi2 as sqlcipher
from eventsourcing.persistence import (
    ConnectionPoolClosedError,
    ConnectionUnavailableError,
    DatabaseError,
    InterfaceError,
    OperationalError,
    PersistenceError,
)
from eventsourcing.sqlite import (
    SQLiteConnection,
    SQLiteConnectionPool,
    SQLiteCursor,
    SQLiteDatastore,
)

from registry.errors import (
    CorruptDatabase,
    DurabilityError,
    Overloaded,
    RegistryError,
    StorageError,
    TryLater,
)
from registry.store.failpoints import Step, reach

_CACHED_STATEMENTS: Final = 128
_LOCK_TIMEOUT_S: Final = 10
_POOL_TIMEOUT_S: Final = 10.0
_CLOSING_WAIT_S: Final = 10.0
_LOOK_AGAIN_S: Final = 0.05
_CACHE_KIB: Final = 16_384
_CHECKPOINT_PAGES: Final = 4_000
"""Pages in the WAL, 16 MiB: a checkpoint, which some append has to wait for, comes more seldom."""
_READER_CONNECTIONS: Final = 16
READER_WAIT_MS: Final = 250
"""So long `empty_wal` waits for readers unless told otherwise; whoever writes waits with it."""
SETTINGS: Final = {
    "journal_mode": ("WAL", "wal"),
    "synchronous": ("FULL", 2),
    "secure_delete": ("ON", 1),
    "temp_store": ("MEMORY", 2),
    "cache_size": (f"-{_CACHE_KIB}", -_CACHE_KIB),
    "wal_autocheckpoint": (f"{_CHECKPOINT_PAGES}", _CHECKPOINT_PAGES),
}
"""What is set, and what SQLite must answer when it is read back."""
_FOREIGN: Final = (
    sqlite3.Error,
    sqlcipher.Error,
    PersistenceError,
    ConnectionPoolClosedError,
    UnicodeDecodeError,
)
"""What SQLite, its drivers and the library raise."""


class PatientPool(SQLiteConnectionPool):
    """Connections that are closed when nobody uses them any more.

    SQLite does not survive that a connection is closed under a thread that reads with it: the whole
    process ends, without a word. Whoever reads finishes first; nobody else begins.
    """

    is_closing = False
    _asking = 0

    def close(self) -> None:
        """Waits for whoever has a connection, then closes all."""
        deadline = monotonic() + _CLOSING_WAIT_S
        with self._put_condition:
            self.is_closing = True
            while self._in_use and not self._closed and (left := deadline - monotonic()) > 0:
                # Not one long wait: the notice may go to somebody who waits for a connection.
                self._put_condition.wait(min(left, _LOOK_AGAIN_S))
        super().close()

    def take(self) -> SQLiteConnection:
        """A connection that is free and nobody waits for, or the library's way to one.

        That takes a lock for each case, and lets go first whoever came first.

        Raises:
            ConnectionPoolClosedError, ConnectionUnavailableError: as the library's.
        """
        with self._put_condition:
            if self._pool and not self._asking and not self.is_closing:
                connection = self._pool.pop()
                connection.in_use.acquire()
                self._in_use[id(connection)] = connection
                return connection
        return self.get_connection()

    def get_connection(
        self, timeout: float | None = None, *, is_writer: bool | None = None
    ) -> SQLiteConnection:
        """The library's, which is counted as long as it waits."""
        with self._put_condition:
            self._asking += 1
        try:
            return super().get_connection(timeout, is_writer=is_writer)
        finally:
            with self._put_condition:
                self._asking -= 1

    def _get_connection(self, timeout: float = 0.0) -> SQLiteConnection:
        with self._put_condition:
            if self.is_closing:
                raise ConnectionPoolClosedError
            return super()._get_connection(timeout)


class DurablePool(PatientPool):
    """Connections to one database file."""

    def __init__(self, path: Path, *, is_read_only: bool, pool_size: int) -> None:
        self._is_read_only = is_read_only
        mode = "ro" if is_read_only else "rwc"
        super().__init__(
            db_name=f"{path.absolute().as_uri()}?mode={mode}",
            lock_timeout=_LOCK_TIMEOUT_S,
            pool_size=pool_size,
            max_overflow=0,
            pool_timeout=_POOL_TIMEOUT_S,
        )

    def _create_connection(self) -> SQLiteConnection:
        try:
            connection = sqlite3.connect(
                self.db_name,
                uri=True,
                check_same_thread=False,
                isolation_level=None,
                cached_statements=_CACHED_STATEMENTS,
                timeout=_LOCK_TIMEOUT_S,
            )
        except sqlite3.Error as error:
            raise InterfaceError(error) from error
        try:
            self._configure(connection)
        except sqlite3.Error as error:
            connection.close()
            raise _translate(error) from error
        except BaseException:
            connection.close()
            raise
        connection.row_factory = sqlite3.Row
        return SQLiteConnection(connection, max_age=self.max_age)

    def _configure(self, connection: sqlite3.Connection) -> None:
        for name, (value, expected) in SETTINGS.items():
            if not (self._is_read_only and name == "journal_mode"):
                connection.execute(f"PRAGMA {name} = {value}")
            (found,) = connection.execute(f"PRAGMA {name}").fetchone()
            if found != expected:
                msg = (
                    f"SQLite answers {name} = {found!r} where {value} was asked for; without it a "
                    "power cut can lose events. Use a local file system that supports WAL"
                )
                raise DurabilityError(msg)


class DurableDatastore(SQLiteDatastore):
    """eventsourcing's datastore on durable connections.

    The writer has a connection of its own: readers, however many, never keep it waiting.
    """

    def __init__(self, path: Path, *, is_read_only: bool) -> None:
        self._readers = DurablePool(path, is_read_only=is_read_only, pool_size=_READER_CONNECTIONS)
        self.pool = self._readers
        self._writers = DurablePool(path, is_read_only=is_read_only, pool_size=1)
        self.single_row_tracking = True
        self.originator_id_type = "text"

    def reading(self) -> "_Transaction":
        """A cursor on one snapshot.

        Raises:
            Overloaded: every connection is busy.
            TryLater: the store is closed.
            StorageError: the disk failed.
        """
        return _Transaction(self._readers, is_writing=False)

    def writing(self) -> "_Transaction":
        """A cursor that holds the write lock; committed at the end, or rolled back.

        Raises:
            StorageError: the disk refused; nothing of the transaction is kept, unless it was the
                commit that failed: then a restart may show it.
        """
        return _Transaction(self._writers, is_writing=True)

    @contextmanager
    def outside_transaction(self) -> Iterator[SQLiteCursor]:
        """The writer's cursor with no transaction open, for VACUUM and checkpoints.

        Raises:
            StorageError: the disk refused.
        """
        with translated():
            connection = self._writers.take()
            try:
                yield connection.cursor()
            finally:
                self._writers.put_connection(connection)

    def close(self) -> None:
        """Closes all connections."""
        self.pool.close()
        self._writers.close()


class _Transaction:
    """A transaction on a connection of a pool: the library's, without its four generators.

    It is begun for everything that is asked of a store, several times for one event.
    """

    __slots__ = ("_connection", "_cursor", "_is_writing", "_pool")

    def __init__(self, pool: PatientPool, *, is_writing: bool) -> None:
        self._pool = pool
        self._is_writing = is_writing

    def __enter__(self) -> SQLiteCursor:
        try:
            self._connection = self._pool.take()
            try:
                self._cursor = self._connection.cursor()
                self._cursor.execute("BEGIN IMMEDIATE" if self._is_writing else "BEGIN")
            except BaseException:
                self._pool.put_connection(self._connection)
                raise
        except _FOREIGN as error:
            raise _told(error) from error
        return self._cursor

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: object
    ) -> None:
        try:
            try:
                self._end(is_kept=kind is None and self._is_writing)
            finally:
                self._pool.put_connection(self._connection)
        except _FOREIGN as failed:
            raise _told(failed) from failed
        if isinstance(error, _FOREIGN):
            raise _told(error) from error

    def _end(self, *, is_kept: bool) -> None:
        try:
            self._cursor.__exit__()
            if is_kept:
                self._connection.commit()
        finally:
            # After a commit there is nothing left to roll back.
            self._connection.rollback()


@contextmanager
def translated() -> Iterator[None]:
    """Turns eventsourcing's and SQLite's errors into ours."""
    try:
        yield
    except _FOREIGN as error:
        raise _told(error) from error


def _told(error: Exception) -> RegistryError:
    """Our word for an error of SQLite or of the library."""
    if isinstance(error, ConnectionUnavailableError):
        return Overloaded("every database connection is in use; try again")
    if isinstance(error, ConnectionPoolClosedError):
        return TryLater("the store is closed")
    if isinstance(error, UnicodeDecodeError):
        # Python's driver decodes SQLite's message, in which a damaged schema is quoted.
        return storage_error(sqlite3.DatabaseError(str(error)))
    return storage_error(error)


def empty_wal(cursor: SQLiteCursor, wait_ms: int = READER_WAIT_MS) -> bool:
    """Empties the write-ahead log, outside any transaction, unless a reader stands in the way.

    Returns:
        Whether it is empty: what was deleted is in no file of the database any more.
    """
    cursor.execute("PRAGMA busy_timeout")
    before_ms = int(cursor.fetchone()[0])
    cursor.execute(f"PRAGMA busy_timeout = {wait_ms}")
    try:
        reach(Step.CHECKPOINT_BEGUN)
        cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        reach(Step.CHECKPOINT_DONE)
        return not cursor.fetchone()[0]
    finally:
        cursor.execute(f"PRAGMA busy_timeout = {before_ms}")


def storage_error(error: Exception) -> StorageError:
    """Names the kind of a database error."""
    if type(error) in (DatabaseError, sqlite3.DatabaseError, sqlcipher.DatabaseError):
        return CorruptDatabase(f"SQLite cannot read the database: {error}; run `registry fsck`")
    return StorageError(f"the database failed: {error}")


def _translate(error: sqlite3.Error) -> PersistenceError:
    kind = DatabaseError if type(error) is sqlite3.DatabaseError else OperationalError
    return kind(error)
