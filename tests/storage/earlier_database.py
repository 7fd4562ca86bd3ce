"""Turns a store's database into one of version 1, as issue-2 software wrote it: parts in clear.

    python earlier_database.py FOLDER STEPS      opens it and dies after so many commits

Dies without closing anything, as a killed process does.
"""

import os
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from eventsourcing.sqlite import SQLiteCursor

from registry.store import sealing_earlier
from registry.store.chunks import join_part
from registry.store.connections import DurableDatastore
from registry.store.parts import open_part
from registry.store.schema import MIGRATIONS
from tests.storage.storage_world import NODE_KEYS, open_store

STORED_EVENTS = "stored_events"
COPIED = (
    STORED_EVENTS,
    "logs",
    "tree",
    "case_ids",
    "case_entries",
    "case_refs",
    "own_requests",
    "part_arrivals",
)
SMALL_BATCH = 3


def as_version_1(folder: Path, *, left_over: bytes = b"") -> None:
    """Rewrites a closed store's log.db in the form of version 1.

    Args:
        folder: holds log.db.
        left_over: stands in pages that the file keeps and no table uses any more.
    """
    path, earlier = folder / "log.db", folder / "earlier.db"
    with closing(sqlite3.connect(earlier, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA secure_delete = OFF")
        connection.execute("ATTACH ? AS newer", (str(path),))
        statements = connection.execute(
            "SELECT sql FROM newer.sqlite_master WHERE tbl_name = ? AND sql IS NOT NULL",
            (STORED_EVENTS,),
        ).fetchall()
        connection.execute("BEGIN")
        for (statement,) in statements:
            connection.execute(statement)
        for statement in MIGRATIONS[0]:
            connection.execute(statement)
        connection.execute("CREATE TABLE meta (schema_version INTEGER NOT NULL)")
        connection.execute("INSERT INTO meta VALUES (1)")
        for table in COPIED:
            order = "rowid" if table == STORED_EVENTS else "1"
            connection.execute(f"INSERT INTO {table} SELECT * FROM newer.{table} ORDER BY {order}")
        _copy_recent_appends(connection)
        connection.execute(
            "INSERT INTO wanted_parts SELECT log_no, entry_index, ordinal FROM newer.wanted_parts"
        )
        _copy_parts(connection)
        connection.execute("COMMIT")
        connection.execute("CREATE TABLE left_over (bytes BLOB)")
        connection.executemany("INSERT INTO left_over VALUES (?)", [(left_over * 99,)] * 99)
        connection.execute("DROP TABLE left_over")
    for suffix in ("", "-wal", "-shm"):
        (folder / f"log.db{suffix}").unlink(missing_ok=True)
    earlier.rename(path)


def _copy_recent_appends(connection: sqlite3.Connection) -> None:
    """Version 1 put the entries of cases into their index at once, and kept new requests apart."""
    connection.execute(
        "INSERT INTO case_entries SELECT case_no, log_no, entry_index, received_ms "
        "FROM newer.recent_appends WHERE case_no IS NOT NULL"
    )
    connection.execute(
        "INSERT INTO recent_requests SELECT entry_index, request_id, request_digest "
        "FROM newer.recent_appends WHERE request_id IS NOT NULL"
    )


def _copy_parts(connection: sqlite3.Connection) -> None:
    rows = connection.execute(
        "SELECT p.log_no, l.log_id, p.entry_index, p.ordinal, p.wrapped_key, p.sealed "
        "FROM newer.parts p JOIN newer.logs l ON l.log_no = p.log_no"
    ).fetchall()
    for log_no, log_id, index, ordinal, wrapped_key, sealed in rows:
        part = open_part((log_id, index, ordinal), wrapped_key, sealed, NODE_KEYS)
        joined = join_part(part.salt, part.media_type, part.content)
        row = (log_no, index, ordinal, joined)
        connection.execute("INSERT INTO parts VALUES (?, ?, ?, NULL, ?)", row)


def die_after(steps: int) -> None:
    """Lets the process end, as if killed, after a number of transactions and checkpoints."""
    left = iter(range(steps))

    def dying(name: str) -> None:
        before = getattr(DurableDatastore, name)

        @contextmanager
        def wrapped(self: DurableDatastore) -> Iterator[SQLiteCursor]:
            with before(self) as cursor:
                yield cursor
            if next(left, None) is None:
                os._exit(9)

        setattr(DurableDatastore, name, wrapped)

    dying("writing")
    dying("outside_transaction")


if __name__ == "__main__":
    sealing_earlier._BATCH = SMALL_BATCH  # type: ignore[misc] # small, so that there are many
    die_after(int(sys.argv[2]))
    open_store(Path(sys.argv[1])).close()
