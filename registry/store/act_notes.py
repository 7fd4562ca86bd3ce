"""Who did an act of the own log and who it came from: sealed, beside the log, never in it.

A note is inserted in the transaction that appends its event: what is acknowledged has its note, and
a note without its event cannot be. Other nodes are never sent a row of this table; an own log that
came back from peers has none. The source goes when the event's content is erased.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

from eventsourcing.sqlite import SQLiteCursor

from registry.store.recorder import insert_rows

_FORGET: Final = "UPDATE act_notes SET source = NULL WHERE log_no = ? AND entry_index = ?"


class ActNote(NamedTuple):
    """What is kept with an event, sealed by whoever keeps it; None = no source was given."""

    act: bytes
    source: bytes | None = None


class ActNoteRow(NamedTuple):
    """A row of `act_notes`."""

    log_no: int
    entry_index: int
    act: bytes
    source: bytes | None


def insert_notes(cursor: SQLiteCursor, rows: Sequence[ActNoteRow]) -> None:
    """Keeps the notes of new events."""
    insert_rows(cursor, "INSERT INTO act_notes", rows)


def forget_source(cursor: SQLiteCursor, log_no: int, index: int) -> None:
    """Forgets who an event came from; called when its content is erased."""
    cursor.execute(_FORGET, (log_no, index))


def read_note(cursor: SQLiteCursor, log_no: int, index: int) -> ActNote | None:
    """Reads the note of an event."""
    cursor.execute(
        "SELECT act, source FROM act_notes WHERE log_no = ? AND entry_index = ?", (log_no, index)
    )
    row = cursor.fetchone()
    return None if row is None else ActNote(row["act"], row["source"])
