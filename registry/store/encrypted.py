"""Databases that are encrypted as a whole, with SQLCipher: they hold plaintext in their rows.

eventsourcing's SQLite datastore on connections of `sqlcipher3`, with the settings of
connections.py. The raw 32-byte key is given to each connection before anything else; SQLite's own
temporary files stay in memory.
"""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

import sqlcipher3.dbapi2 as sqlcipher
from eventsourcing.persistence import (
    DatabaseError,
    DataError,
    IntegrityError,
    InterfaceError,
    InternalError,
    NotSupportedError,
    OperationalError,
    PersistenceError,
    ProgrammingError,
)
from eventsourcing.sqlite import (
    SQLiteConnection,
    SQLiteCursor,
    SQLiteDatastore,
)

from registry.errors import DurabilityError
from registry.store.connections import SETTINGS, PatientPool, empty_wal, translated

_LOCK_TIMEOUT_S: Final = 10
_KINDS: Final[dict[str, type[PersistenceError]]] = {
    kind.__name__: kind
    for kind in (
        DatabaseError,
        DataError,
        IntegrityError,
        InterfaceError,
        InternalError,
        NotSupportedError,
        OperationalError,
        ProgrammingError,
    )
}
_POOL_SIZE: Final = 8


class EncryptedPool(PatientPool):
    """Connections to one encrypted file."""

    def __init__(self, path: Path, key: bytes) -> None:
        self._key = key
        super().__init__(
            db_name=str(path), lock_timeout=_LOCK_TIMEOUT_S, pool_size=_POOL_SIZE, max_overflow=0
        )

    def connect_apart(self) -> SQLiteConnection:
        """A connection that is in no pool, which whoever asks for it closes."""
        return self._create_connection()

    def _create_connection(self) -> SQLiteConnection:
        try:
            connection = sqlcipher.connect(
                self.db_name,
                check_same_thread=False,
                isolation_level=None,
                timeout=_LOCK_TIMEOUT_S,
            )
        except sqlcipher.Error as error:
            raise InterfaceError(error) from error
        try:
            connection.execute(f"PRAGMA key = \"x'{self._key.hex()}'\"")
            self._configure(connection)
        except sqlcipher.Error as error:
            connection.close()
            kind = DatabaseError if type(error) is sqlcipher.DatabaseError else OperationalError
            # The text may name the statement, and with it the key.
            msg = "the encrypted database cannot be opened"
            raise kind(msg) from None
        except BaseException:
            connection.close()
            raise
        connection.row_factory = sqlcipher.Row
        return SQLiteConnection(connection, max_age=self.max_age)

    def _configure(self, connection: sqlcipher.Connection) -> None:
        for name, (value, expected) in SETTINGS.items():
            connection.execute(f"PRAGMA {name} = {value}")
            (found,) = connection.execute(f"PRAGMA {name}").fetchone()
            if found != expected:
                msg = f"SQLCipher answers {name} = {found!r} where {value} was asked for"
                raise DurabilityError(msg)


class EncryptedDatastore(SQLiteDatastore):
    """eventsourcing's datastore on an encrypted file."""

    def __init__(self, path: Path, key: bytes) -> None:
        """Opens nothing yet.

        Args:
            path: the database file.
            key: 32 bytes.
        """
        self.pool = self._encrypted_pool = EncryptedPool(path, key)
        self.single_row_tracking = True
        self.originator_id_type = "text"

    @contextmanager
    def transaction(self, *, commit: bool) -> Iterator[SQLiteCursor]:
        """The library's transaction; SQLCipher's errors become the library's own."""
        try:
            with super().transaction(commit=commit) as cursor:
                yield cursor
        except sqlcipher.Error as error:
            raise _as_the_librarys(error) from error

    def quick_check(self) -> str:
        """Has SQLite read every page; `ok`, or what is wrong.

        On a connection of its own: FTS5 judges its index by what the connection has kept of it, so
        that one which has not searched since another one wrote calls a sound index malformed.

        Raises:
            StorageError: a page cannot be read.
        """
        with translated(), closing(self._encrypted_pool.connect_apart()) as connection:
            cursor = connection.cursor()
            try:
                cursor.execute("PRAGMA quick_check(1)")
                return str(cursor.fetchone()[0])
            except sqlcipher.Error as error:
                raise _as_the_librarys(error) from error

    def truncate_wal(self) -> bool:
        """Empties the write-ahead log, unless a reader stands in the way; returns whether it did.

        Raises:
            StorageError: the disk failed.
        """
        with translated(), self.get_connection(commit=True) as connection:
            return empty_wal(connection.cursor())


def _as_the_librarys(error: sqlcipher.Error) -> PersistenceError:
    return _KINDS.get(type(error).__name__, PersistenceError)(error)
