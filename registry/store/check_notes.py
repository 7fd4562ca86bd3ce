"""Opens the notes of who did an act; how they are sealed is the affair of whoever keeps them."""

import sqlite3
from collections.abc import Callable, Iterator
from typing import Final, TypeAlias

from registry.errors import CorruptDatabase, NodeKeyMissing
from registry.store.act_notes import ActNote
from registry.store.check_log import Finding, blob
from registry.store.data_keys import database_context
from registry.store.sealing import NodeKeys

ReadNotes: TypeAlias = Callable[[bytes, ActNote], object]
"""Opens a note under the key for notes, or raises CorruptDatabase."""
_KEY_NAME: Final = "act notes"


def check_notes(
    connection: sqlite3.Connection, node_keys: NodeKeys, read_notes: ReadNotes
) -> Iterator[Finding]:
    """Yields the notes that cannot be opened."""
    rows = connection.execute(
        f"SELECT l.origin, n.entry_index, {blob('n.act')}, {blob('n.source')} "  # noqa: S608 - constant names
        "FROM main.act_notes n LEFT JOIN main.logs l USING (log_no)"
    ).fetchall()
    key = _key(connection, node_keys) if rows else None
    for origin, index, act, source in rows:
        if key is None:
            detail = "the key of the notes is missing"
            yield Finding(origin, index, "act_note_mismatch", detail)
            continue
        try:
            read_notes(key, ActNote(act, source))
        except CorruptDatabase as error:
            detail = f"the note of who did it: {error}"
            yield Finding(origin, index, "act_note_mismatch", detail)


def _key(connection: sqlite3.Connection, node_keys: NodeKeys) -> bytes | None:
    """The key; one that is damaged is another check's finding."""
    row = connection.execute(
        f"SELECT {blob('wrapped_key')} FROM main.data_keys WHERE name = ?",  # noqa: S608 - a constant name
        (_KEY_NAME,),
    ).fetchone()
    try:
        return None if row is None else node_keys.unwrap(row[0], database_context(_KEY_NAME))
    except (CorruptDatabase, NodeKeyMissing):
        return None
