"""Data keys as the database of the logs keeps them: those of other databases; rotation of all."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, NamedTuple

from eventsourcing.sqlite import SQLiteCursor

from registry.domain.identifiers import LogId
from registry.errors import CorruptDatabase, TryLater
from registry.store.connections import DurableDatastore, empty_wal
from registry.store.failpoints import Step, reach
from registry.store.sealing import KEY_ID_SIZE_BYTES, NodeKeys, part_context, upload_context

_BATCH: Final = 1000
_STOPPED_WAIT_MS: Final = 10_000
"""A stopped node keeps nobody waiting: a reader may take its time."""
_CONTEXT: Final = b"registry/database-key/v1\n"
_BEFORE_ALL: Final = -1


class _Wrapped(NamedTuple):
    """A table with wrapped keys."""

    table: str
    place: tuple[str, ...]
    """Its primary key."""
    belongs: str
    """SQL for what a key belongs to, besides its place."""
    context: Callable[[Any], bytes]


def _part(row: Any) -> bytes:  # noqa: ANN401 - a row of the database
    return part_context(LogId(row["belongs"]), row["entry_index"], row["ordinal"])


_PART_PLACE: Final = ("log_no", "entry_index", "ordinal")
_LOG_ID: Final = "(SELECT log_id FROM logs l WHERE l.log_no = w.log_no)"
_TABLES: Final = (
    _Wrapped("parts", _PART_PLACE, _LOG_ID, _part),
    _Wrapped("incoming_parts", _PART_PLACE, _LOG_ID, _part),
    _Wrapped("uploads", ("upload_no",), "upload_id", lambda row: upload_context(row["belongs"])),
    _Wrapped("data_keys", ("name",), "name", lambda row: database_context(row["belongs"])),
)


def database_context(name: str) -> bytes:
    """What the wrapped key of a database is bound to."""
    return _CONTEXT + name.encode(errors="replace")


def database_key(datastore: DurableDatastore, name: str, node_keys: NodeKeys) -> bytes:
    """Returns a database's key, 32 bytes; made when first asked for.

    Raises:
        NodeKeyMissing: it was wrapped by a node key that is not here.
        CorruptDatabase: it was changed.
    """
    context = database_context(name)
    with datastore.writing() as cursor:
        cursor.execute("SELECT wrapped_key FROM data_keys WHERE name = ?", (name,))
        row = cursor.fetchone()
        if row is not None:
            return node_keys.unwrap(row["wrapped_key"], context)
        made = node_keys.new_data_key(context)
        cursor.execute("INSERT INTO data_keys VALUES (?, ?)", (name, made.wrapped))
        return made.key


def adopt_database_key(path: Path, name: str, key: bytes, node_keys: NodeKeys) -> None:
    """Makes a key of 32 bytes that of a database beside this one, in the place of any other."""
    datastore = DurableDatastore(path, is_read_only=False)
    try:
        with datastore.writing() as cursor:
            wrapped = node_keys.wrap(key, _CONTEXT + name.encode())
            cursor.execute("INSERT OR REPLACE INTO data_keys VALUES (?, ?)", (name, wrapped))
    finally:
        datastore.close()


def known_database_key(path: Path, name: str, node_keys: NodeKeys) -> bytes:
    """Returns a key like `database_key`, of a database that another process may be writing.

    Raises:
        NodeKeyMissing: it was wrapped by a node key that is not here.
        CorruptDatabase: there is none, or it was changed.
    """
    datastore = DurableDatastore(path, is_read_only=True)
    try:
        with datastore.reading() as cursor:
            cursor.execute("SELECT wrapped_key FROM data_keys WHERE name = ?", (name,))
            row = cursor.fetchone()
    finally:
        datastore.close()
    if row is None:
        msg = f"{path} holds no key of the {name} database"
        raise CorruptDatabase(msg)
    return node_keys.unwrap(row["wrapped_key"], _CONTEXT + name.encode())


def existing_key(datastore: DurableDatastore, name: str, node_keys: NodeKeys) -> bytes:
    """Returns a database's key; makes none.

    Raises:
        NodeKeyMissing: it was wrapped by a node key that is not here.
        CorruptDatabase: it is not there, or was changed.
    """
    with datastore.reading() as cursor:
        cursor.execute("SELECT wrapped_key FROM data_keys WHERE name = ?", (name,))
        row = cursor.fetchone()
    if row is None:
        msg = f"the key of the database {name!r} is not there"
        raise CorruptDatabase(msg)
    return node_keys.unwrap(row["wrapped_key"], database_context(name))


def rewrap_all(datastore: DurableDatastore, node_keys: NodeKeys) -> int:
    """Wraps every data key that is under an older node key anew; returns how many there were.

    What the keys seal is not touched. Cut short, it goes on where it was when called again.

    Raises:
        NodeKeyMissing, CorruptDatabase: a key cannot be unwrapped.
        TryLater: another process reads: what the old key wrapped may still stand in the log.
    """
    count = 0
    for table in _TABLES:
        after: tuple[object, ...] = (_BEFORE_ALL,) * len(table.place)
        while after:
            with datastore.writing() as cursor:
                after, done = _rewrap_batch(cursor, table, after, node_keys)
            reach(Step.NODE_KEY_REWRAPPED)
            count += done
    truncate_wal(datastore)
    return count


def truncate_wal(datastore: DurableDatastore) -> None:
    """Empties the write-ahead log.

    Raises:
        TryLater: another process reads an earlier state of the database.
    """
    with datastore.outside_transaction() as cursor:
        is_empty = empty_wal(cursor, _STOPPED_WAIT_MS)
    if not is_empty:
        msg = "another process reads the database (fsck, verify, a backup): wait until it ends"
        raise TryLater(msg)


def _rewrap_batch(
    cursor: SQLiteCursor, table: _Wrapped, after: tuple[object, ...], node_keys: NodeKeys
) -> tuple[tuple[object, ...], int]:
    """Goes on after a place; returns the last place of the batch, empty = no more."""
    place, marks = ", ".join(table.place), ", ".join("?" * len(after))
    cursor.execute(
        f"SELECT {place}, {table.belongs} AS belongs, wrapped_key FROM {table.table} w "  # noqa: S608 - constant names
        f"WHERE ({place}) > ({marks}) ORDER BY {place} LIMIT ?",
        (*after, _BATCH),
    )
    rows = cursor.fetchall()
    changed = [
        (
            node_keys.rewrap(row["wrapped_key"], table.context(row)),
            *(row[name] for name in table.place),
        )
        for row in rows
        if row["wrapped_key"][:KEY_ID_SIZE_BYTES] != node_keys.current_id
    ]
    cursor.executemany(
        f"UPDATE {table.table} SET wrapped_key = ? WHERE ({place}) = ({marks})",  # noqa: S608 - constant names
        changed,
    )
    last = tuple(rows[-1][name] for name in table.place) if rows else ()
    return last, len(changed)
