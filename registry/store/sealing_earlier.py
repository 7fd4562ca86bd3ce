"""The second half of migration 2: parts that version 1 stored in clear are encrypted.

In batches, each a transaction; then the file is written anew (VACUUM) and the write-ahead log is
emptied, so that no page keeps what stood there. What is left to do stands in `unfinished`: cut
short anywhere, it goes on at the next start, before anything else reads a part.
"""

from typing import Final, TypeAlias

from eventsourcing.sqlite import SQLiteCursor

from registry.domain.identifiers import LogId
from registry.store.connections import DurableDatastore
from registry.store.data_keys import truncate_wal
from registry.store.failpoints import Step, reach
from registry.store.parts import seal_held, split_part
from registry.store.schema import SEAL_PARTS
from registry.store.sealing import NodeKeys

_BATCH: Final = 500
_VACUUM: Final = "vacuum"
_BEFORE_ALL: Final = (-1, -1, -1)

Place: TypeAlias = tuple[int, int, int]
"""(log_no, index, ordinal)."""
PlainRow: TypeAlias = tuple[int, LogId, int, int, bytes]
"""(log_no, log id, index, ordinal, what version 1 stored in clear)."""


def finish_migration(datastore: DurableDatastore, node_keys: NodeKeys) -> None:
    """Does what is left of the migration to encrypted parts; nothing in a database that is done."""
    steps = _steps(datastore)
    if SEAL_PARTS in steps:
        after: Place | None = _BEFORE_ALL
        while after is not None:
            after = _seal_batch(datastore, node_keys, after)
            reach(Step.MIGRATION_BATCH_SEALED)
        with datastore.writing() as cursor:
            cursor.execute("DELETE FROM unfinished WHERE step = ?", (SEAL_PARTS,))
        reach(Step.MIGRATION_ALL_SEALED)
        steps = _steps(datastore)
    if _VACUUM in steps:
        with datastore.outside_transaction() as cursor:
            cursor.execute("VACUUM")
        reach(Step.MIGRATION_VACUUMED)
        truncate_wal(datastore)
        with datastore.writing() as cursor:
            cursor.execute("DELETE FROM unfinished WHERE step = ?", (_VACUUM,))
        reach(Step.MIGRATION_FINISHED)


def _steps(datastore: DurableDatastore) -> set[str]:
    with datastore.reading() as cursor:
        cursor.execute("SELECT step FROM unfinished")
        return {row["step"] for row in cursor.fetchall()}


def _seal_batch(datastore: DurableDatastore, node_keys: NodeKeys, after: Place) -> Place | None:
    """Goes on after a place; returns where it came to, None = there was nothing more."""
    with datastore.writing() as cursor:
        rows = _plain_rows(cursor, after)
        if rows:
            cursor.execute("INSERT INTO unfinished VALUES (?) ON CONFLICT DO NOTHING", (_VACUUM,))
        cursor.executemany(
            "UPDATE parts SET wrapped_key = ?, sealed = ? "
            "WHERE log_no = ? AND entry_index = ? AND ordinal = ?",
            rows_sealed(rows, node_keys),
        )
    if not rows:
        return None
    log_no, _, index, ordinal, _ = rows[-1]
    return log_no, index, ordinal


def _plain_rows(cursor: SQLiteCursor, after: Place) -> list[PlainRow]:
    cursor.execute(
        "SELECT log_no, (SELECT log_id FROM logs l WHERE l.log_no = p.log_no), entry_index, "
        "ordinal, sealed FROM parts p WHERE (log_no, entry_index, ordinal) > (?, ?, ?) "
        "AND wrapped_key IS NULL ORDER BY log_no, entry_index, ordinal LIMIT ?",
        (*after, _BATCH),
    )
    return [tuple(row) for row in cursor.fetchall()]


def rows_sealed(
    rows: list[PlainRow], node_keys: NodeKeys
) -> list[tuple[bytes, bytes, int, int, int]]:
    """Encrypts rows in clear: (wrapped key, ciphertext, log_no, index, ordinal) of each."""
    parts = [split_part((LogId(row[1]), *row[2:4]), row[4]) for row in rows]
    sealed = seal_held(parts, {LogId(row[1]): row[0] for row in rows}, node_keys)
    return [(row.wrapped_key, row.sealed, *row[:3]) for row in sealed]
