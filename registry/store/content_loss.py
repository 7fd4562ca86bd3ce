"""When the node key is lost: what is encrypted in a database cannot be read by anybody any more."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Final

from registry.domain.identifiers import Origin, log_id_of
from registry.store.connections import DurableDatastore, translated
from registry.store.data_keys import truncate_wal

_ENCRYPTED: Final = (
    "parts",
    "part_chunks",
    "incoming_parts",
    "uploads",
    "upload_chunks",
    "act_notes",
    "data_keys",
)
"""Tables whose rows nothing opens without the node key."""


def holds_encrypted_content(path: Path) -> bool:
    """Tells whether anything in a database was sealed under a node key.

    Raises:
        StorageError: the database cannot be read.
    """
    if not path.exists():
        return False
    uri = f"{path.absolute().as_uri()}?mode=ro"
    with translated(), closing(sqlite3.connect(uri, uri=True)) as connection:
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
        if "data_keys" not in tables:
            return False
        (found,) = connection.execute(
            "SELECT EXISTS (SELECT 1 FROM data_keys) OR EXISTS "
            "(SELECT 1 FROM parts WHERE wrapped_key IS NOT NULL)"
        ).fetchone()
    return bool(found)


def drop_unreadable_content(path: Path, own: str) -> tuple[int, int]:
    """Deletes all encrypted parts and lists them as wanted again.

    Args:
        path: the database of a stopped node.
        own: origin of the own log.

    Returns:
        How many parts were deleted, and how many of them are of the own log.

    Raises:
        StorageError: the database cannot be changed.
    """
    datastore = DurableDatastore(path, is_read_only=False)
    try:
        with datastore.writing() as cursor:
            cursor.execute(
                "SELECT count(*) AS total, coalesce(sum(l.log_id = ?), 0) AS own FROM parts p "
                "JOIN logs l ON l.log_no = p.log_no",
                (log_id_of(Origin(own)),),
            )
            row = cursor.fetchone()
            cursor.execute(
                "INSERT INTO wanted_parts (log_no, entry_index, ordinal) "
                "SELECT p.log_no, p.entry_index, p.ordinal FROM parts p "
                "JOIN logs l ON l.log_no = p.log_no WHERE p.entry_index < l.parts_below "
                "ON CONFLICT DO NOTHING"
            )
            for table in _ENCRYPTED:
                cursor.execute(f"DELETE FROM {table}")  # noqa: S608 - a constant name
        truncate_wal(datastore)
    finally:
        datastore.close()
    return row["total"], row["own"]
