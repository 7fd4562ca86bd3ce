"""A backup of a node's databases: one SQLite file, copied by SQLite itself as of one moment.

    backup_about(text)            one row: what the application says of it
    backup_office(number, bytes)  the office database, encrypted as it is, in pieces of 1 MiB
    everything else               log.db: all logs, and the content under its data keys

Never in it: private keys, without which it shows headers, sizes and times but no content; the guard
and the tombstone journal, which must not go back in time; the views, which are folded anew.
A node may run meanwhile: whoever writes is not kept waiting, and the copy is of one snapshot.
"""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

import sqlcipher3.dbapi2 as sqlcipher

from registry.errors import CorruptDatabase, FolderError, StorageError
from registry.store.connections import translated

_MODE: Final = 0o600
_PIECE_BYTES: Final = 2**20
_ABOUT: Final = "backup_about"
_OFFICE: Final = "backup_office"
TABLES: Final = frozenset({_ABOUT, _OFFICE})
"""What a backup has beside the tables of a log.db."""
_SIDE_FILES: Final = ("-wal", "-shm", "-journal")


def write_backup(draft: Path, *, database: Path, office: Path, office_key: bytes) -> None:
    """Copies both databases into a new file, which is not synced yet.

    The office goes first: an act that is carried out meanwhile is then there twice, waiting and in
    the log, which its request id makes good; the other way about it could be nowhere.

    Args:
        draft: the file to write; one that a crash left is written anew.
        database: log.db, of a node that may be running.
        office: the office database; need not exist.
        office_key: opens it, 32 bytes.

    Raises:
        FolderError: the file cannot be made there.
        StorageError: a disk failed.
    """
    copy = draft.with_name(draft.name + ".office")
    try:
        pieces = _copy_office(office, copy, office_key) if office.exists() else None
        make_empty(draft)
        with _open(database, is_read_only=True) as source, _open(draft) as target:
            source.backup(target)
            # One file that stands alone: no write-ahead log beside it.
            target.execute("PRAGMA journal_mode = DELETE")
            target.execute(f"CREATE TABLE {_ABOUT} (text TEXT NOT NULL)")
            if pieces is not None:
                target.execute(f"CREATE TABLE {_OFFICE} (number INTEGER PRIMARY KEY, bytes BLOB)")
                target.executemany(f"INSERT INTO {_OFFICE} VALUES (?, ?)", enumerate(pieces))  # noqa: S608 - a constant
            target.commit()
    finally:
        remove_database(copy)


def write_about(backup: Path, text: str) -> None:
    """Writes down what the application says of a backup."""
    with _open(backup) as connection:
        connection.execute(f"DELETE FROM {_ABOUT}")  # noqa: S608 - a constant
        connection.execute(f"INSERT INTO {_ABOUT} VALUES (?)", (text,))  # noqa: S608 - a constant
        connection.commit()


def read_about(backup: Path) -> str:
    """Reads what the application said of a backup.

    Raises:
        FolderError: there is no such file, or it is no backup.
        StorageError: the disk failed.
    """
    if not backup.is_file():
        msg = f"there is no file {backup}"
        raise FolderError(msg)
    try:
        with _open(backup, is_read_only=True) as connection:
            row = connection.execute(f"SELECT text FROM {_ABOUT}").fetchone()  # noqa: S608 - a constant
    except StorageError as error:
        msg = f"{backup} is no backup of a node, or was damaged: {error}"
        raise FolderError(msg) from error
    if row is None:
        msg = f"{backup} was not finished; take another one"
        raise FolderError(msg)
    return str(row[0])


def own_states(database: Path) -> dict[str, tuple[int, bytes]]:
    """How far each log goes in a database: (size, root) by origin."""
    with _open(database, is_read_only=True) as connection:
        rows = connection.execute("SELECT origin, size, root FROM logs").fetchall()
    return {origin: (size, root) for origin, size, root in rows}


def version_of(database: Path) -> int:
    """The schema of a database as it lies there; 0 = there is none, or it is empty."""
    if not database.exists():
        return 0
    with _open(database, is_read_only=True) as connection:
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
        if "meta" not in tables:
            return 0
        row = connection.execute("SELECT schema_version FROM meta").fetchone()
    return 0 if row is None else int(row[0])


def copy_logs(backup: Path, draft: Path) -> None:
    """Copies what a backup holds of log.db into a new file.

    Raises:
        StorageError: a disk failed, or the backup is damaged.
    """
    make_empty(draft)
    with _open(backup, is_read_only=True) as source, _open(draft) as target:
        source.backup(target)
        for table in (_ABOUT, _OFFICE):
            target.execute(f"DROP TABLE IF EXISTS {table}")
        target.commit()


def copy_office(backup: Path, draft: Path) -> bool:
    """Copies the office database out of a backup into a new file; False: there is none in it."""
    with _open(backup, is_read_only=True) as connection:
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
        if _OFFICE not in tables:
            return False
        make_empty(draft)
        with disk_faults(draft), draft.open("r+b") as file:
            for (piece,) in connection.execute(f"SELECT bytes FROM {_OFFICE} ORDER BY number"):  # noqa: S608 - a constant
                file.write(piece)
            file.flush()
            os.fsync(file.fileno())
    return True


def opens_with(path: Path, key: bytes) -> bool:
    """Tells whether an encrypted database is whole and opens with a key of 32 bytes."""
    if not path.exists():
        return False
    try:
        with closing(_open_office(path, key)) as connection:
            (found,) = connection.execute("PRAGMA integrity_check").fetchone()
    except sqlcipher.Error:
        return False
    return bool(found == "ok")


def make_empty(path: Path) -> None:
    """Makes an empty file for its owner alone; one that a crash left is taken away.

    Raises:
        FolderError: it cannot be made.
    """
    try:
        remove_database(path)
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _MODE))
    except OSError as error:
        msg = f"{path} cannot be written: {error.strerror}"
        raise FolderError(msg) from error


@contextmanager
def disk_faults(path: Path) -> Iterator[None]:
    """Turns what the kernel answers into our errors, with the file that it was about.

    Raises:
        StorageError: the disk refused.
    """
    try:
        yield
    except OSError as error:
        msg = f"the disk failed at {path}: {error.strerror}"
        raise StorageError(msg) from error


def remove_database(path: Path) -> None:
    """Deletes a database that nobody has open, with the files beside it."""
    for suffix in (*_SIDE_FILES, ""):
        path.with_name(path.name + suffix).unlink(missing_ok=True)


def settle_wal(path: Path) -> None:
    """Brings a database and its write-ahead log together, as far as it can still be read.

    What takes its place must not find the log of another database beside it.
    """
    try:
        with _open(path) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    except StorageError:
        pass  # it is being replaced because it is damaged
    for suffix in _SIDE_FILES:
        path.with_name(path.name + suffix).unlink(missing_ok=True)


def _copy_office(office: Path, copy: Path, key: bytes) -> Iterator[bytes]:
    make_empty(copy)
    with (
        translated(),
        closing(_open_office(office, key)) as source,
        closing(_open_office(copy, key)) as target,
    ):
        source.backup(target)
        target.execute("PRAGMA journal_mode = DELETE")
    if not opens_with(copy, key):
        msg = f"the copy of {office} cannot be read back; its disk may be failing"
        raise CorruptDatabase(msg)
    return _pieces(copy)


def _pieces(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while piece := file.read(_PIECE_BYTES):
            yield piece


def _open_office(path: Path, key: bytes) -> sqlcipher.Connection:
    connection = sqlcipher.connect(str(path), isolation_level=None)
    connection.execute(f"PRAGMA key = \"x'{key.hex()}'\"")
    return connection


@contextmanager
def _open(path: Path, *, is_read_only: bool = False) -> Iterator[sqlite3.Connection]:
    uri = f"{path.absolute().as_uri()}?mode={'ro' if is_read_only else 'rw'}"
    with translated(), closing(sqlite3.connect(uri, uri=True)) as connection:
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA secure_delete = ON")
        yield connection
