"""Rows of the store on SQLite: small statements that reading and writing share."""

from collections.abc import Sequence
from typing import Any

from eventsourcing.sqlite import SQLiteCursor

from registry.domain.identifiers import CaseId, LeafHash, LogId, Origin, RootHash
from registry.errors import CorruptDatabase, NotFound
from registry.log.commitment import SALT_SIZE_BYTES
from registry.log.merkle import CompactRange, Subtree, leaf_hash
from registry.store.entries import HeldPart, LogState
from registry.store.recorder import insert_rows
from registry.store.tiles import fetch_subtree


def state_of_row(row: Any) -> LogState:  # noqa: ANN401 - a row of sqlite3
    """Reads a row of `logs`."""
    return LogState(
        log_id=LogId(row["log_id"]),
        origin=Origin(row["origin"]),
        size=row["size"],
        root=RootHash(row["root"]),
        range=CompactRange.decode(row["size"], row["range"]),
        note=row["note"],
        noted_size=row["noted_size"],
        frozen_at=row["frozen_at"],
        frozen_reason=row["frozen_reason"],
        parts_below=row["parts_below"],
    )


def read_state(cursor: SQLiteCursor, log_id: LogId) -> LogState:
    """Reads how one log stands.

    Raises:
        NotFound: the log is not registered.
    """
    cursor.execute("SELECT * FROM logs WHERE log_id = ?", (log_id,))
    row = cursor.fetchone()
    if row is None:
        msg = f"no log {log_id.hex()} is known here"
        raise NotFound(msg)
    return state_of_row(row)


def read_entries(cursor: SQLiteCursor, log_id: LogId, start: int, end: int) -> list[bytes]:
    """Reads entries [start, end), as far as held."""
    cursor.execute(
        "SELECT state FROM stored_events WHERE originator_id = ? "
        "AND originator_version >= ? AND originator_version < ? ORDER BY originator_version",
        (log_id.hex(), start, end),
    )
    return [row["state"] for row in cursor.fetchall()]


def read_leaves(cursor: SQLiteCursor, log_id: LogId, start: int, end: int) -> list[LeafHash]:
    """Hashes entries [start, end).

    Raises:
        CorruptDatabase: one of them is missing.
    """
    leaves = [leaf_hash(entry) for entry in read_entries(cursor, log_id, start, end)]
    if len(leaves) != max(end - start, 0):
        msg = f"log {log_id.hex()} lacks entries between {start} and {end}; run `registry fsck`"
        raise CorruptDatabase(msg)
    return leaves


def subtree_hash(cursor: SQLiteCursor, log_no: int, log_id: LogId, subtree: Subtree) -> bytes:
    """Hashes a perfect subtree of stored leaves."""
    return fetch_subtree(
        cursor, log_no, subtree, lambda start, end: read_leaves(cursor, log_id, start, end)
    )


def find_case(cursor: SQLiteCursor, case_id: CaseId) -> int | None:
    """Returns a case's number, or None."""
    cursor.execute("SELECT case_no FROM case_ids WHERE case_id = ?", (case_id,))
    row = cursor.fetchone()
    return None if row is None else int(row["case_no"])


def find_or_add_case(cursor: SQLiteCursor, case_id: CaseId) -> tuple[int, bool]:
    """Returns a case's number and whether it is new."""
    found = find_case(cursor, case_id)
    if found is not None:
        return found, False
    cursor.execute("INSERT INTO case_ids (case_id) VALUES (?)", (case_id,))
    return int(cursor.lastrowid), True


def seal_part(salt: bytes, media_type: str, content: bytes) -> bytes:
    """Joins what a part's commitment covers: salt[32] || u16be(len(type)) || type || content."""
    kind = media_type.encode()
    return salt + len(kind).to_bytes(2, "big") + kind + content


def open_part(key: tuple[LogId, int, int], sealed: bytes) -> HeldPart:
    """Splits what `seal_part` joined.

    Raises:
        CorruptDatabase: the lengths do not fit, or the media type is no text.
    """
    at = SALT_SIZE_BYTES + 2
    end = at + int.from_bytes(sealed[SALT_SIZE_BYTES:at], "big")
    try:
        media_type = sealed[at:end].decode()
    except UnicodeDecodeError as error:
        msg = f"part {key[2]} of event {key[1]} of log {key[0].hex()} is damaged"
        raise CorruptDatabase(msg) from error
    if len(sealed) < end:
        msg = f"part {key[2]} of event {key[1]} of log {key[0].hex()} is cut short"
        raise CorruptDatabase(msg)
    return HeldPart(*key, sealed[:SALT_SIZE_BYTES], media_type, sealed[end:])


def insert_parts(cursor: SQLiteCursor, rows: Sequence[tuple[int, int, int, bytes]]) -> None:
    """Inserts (log_no, index, ordinal, sealed); parts that are held already stay as they are."""
    head = "INSERT INTO parts (log_no, entry_index, ordinal, sealed)"
    insert_rows(cursor, head, rows, "ON CONFLICT DO NOTHING")
