"""Damage to a node's database: one flipped bit in an entry, note, part or its key, and where."""

import random
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import NamedTuple


class Value(NamedTuple):
    """A stored value: where it stands in the database, and the log and index it belongs to."""

    table: str
    column: str
    where: str
    key: tuple[int, ...]
    origin: str
    index: int | None  # type: ignore[assignment] # the field, not tuple.index


def open_database(node_folder: Path) -> sqlite3.Connection:
    return sqlite3.connect(node_folder / "log.db", isolation_level=None)


def values(node_folder: Path) -> dict[str, list[Value]]:
    """Every entry, note and part that a stopped node holds."""
    entries = "SELECT s.rowid, l.origin, originator_version FROM stored_events s JOIN logs l ON "
    entries += "s.originator_id = lower(hex(l.log_id))"
    parts = "SELECT p.log_no, p.entry_index, p.ordinal, l.origin FROM parts p "
    parts += "JOIN logs l ON l.log_no = p.log_no"
    notes = "SELECT log_no, origin FROM logs WHERE note IS NOT NULL"
    of_part = "log_no = ? AND entry_index = ? AND ordinal = ?"
    with closing(open_database(node_folder)) as database:
        return {
            "entry": [
                Value("stored_events", "state", "rowid = ?", (rowid,), origin, index)
                for rowid, origin, index in database.execute(entries)
            ],
            "note": [
                Value("logs", "note", "log_no = ?", (number,), origin, None)
                for number, origin in database.execute(notes)
            ],
            **{
                name: [
                    Value("parts", column, of_part, (number, index, ordinal), origin, index)
                    for number, index, ordinal, origin in database.execute(parts)
                ]
                for name, column in (("part", "sealed"), ("part key", "wrapped_key"))
            },
        }


@contextmanager
def changed(node_folder: Path, value: Value, new: bytes) -> Iterator[None]:
    """Puts other bytes in place of a value, and the old ones back at the end."""
    update = f"UPDATE {value.table} SET {value.column} = ? WHERE {value.where}"
    old = read(node_folder, value)
    with closing(open_database(node_folder)) as database:
        database.execute(update, (new, *value.key))
    try:
        yield
    finally:
        with closing(open_database(node_folder)) as database:
            database.execute(update, (old, *value.key))


def read(node_folder: Path, value: Value) -> bytes:
    select = f"SELECT {value.column} FROM {value.table} WHERE {value.where}"
    with closing(open_database(node_folder)) as database:
        (found,) = database.execute(select, value.key).fetchone()
    assert isinstance(found, bytes)
    return found


def flipped(value: bytes, rng: random.Random) -> bytes:
    """The bytes with one bit turned round."""
    bit = rng.randrange(len(value) * 8)
    new = bytearray(value)
    new[bit // 8] ^= 1 << bit % 8
    return bytes(new)


def run_statement(node_folder: Path, statement: str) -> None:
    """Changes a stopped node's database by hand."""
    with closing(open_database(node_folder)) as database:
        assert database.execute(statement).rowcount > 0
