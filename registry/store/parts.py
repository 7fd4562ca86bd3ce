"""Rows of parts: content that is held, and content that is wanted.

parts.sealed   salt[32] || u16be(len(media type)) || media type || content
"""

from collections.abc import Sequence

from eventsourcing.sqlite import SQLiteCursor

from registry.domain.identifiers import LogId
from registry.errors import CorruptDatabase, NotFound
from registry.log.commitment import SALT_SIZE_BYTES
from registry.store.entries import AskedParts
from registry.store.recorder import insert_rows
from registry.store.rows import LogNumbers, read_state
from registry.store.values import HeldPart


def store_parts(cursor: SQLiteCursor, numbers: LogNumbers, parts: Sequence[HeldPart]) -> None:
    """Inserts parts, notes their arrival, and takes them off the list of what is wanted.

    Raises:
        NotFound: the entry of a part is not held.
    """
    sizes = {log_id: read_state(cursor, log_id).size for log_id in {p.log_id for p in parts}}
    if any(part.index >= sizes[part.log_id] for part in parts):
        msg = "a part was sent whose entry is not held here"
        raise NotFound(msg)
    rows = [
        (
            numbers.of(cursor, part.log_id),
            part.index,
            part.ordinal,
            seal_part(part.salt, part.media_type, part.content),
        )
        for part in parts
    ]
    places = [row[:3] for row in rows]
    cursor.executemany(
        "INSERT INTO part_arrivals (log_no, entry_index, ordinal) SELECT ?1, ?2, ?3 "
        "WHERE NOT EXISTS (SELECT 1 FROM parts "
        "WHERE log_no = ?1 AND entry_index = ?2 AND ordinal = ?3)",
        list(dict.fromkeys(places)),
    )
    insert_parts(cursor, rows)
    cursor.executemany(
        "DELETE FROM wanted_parts WHERE log_no = ? AND entry_index = ? AND ordinal = ?", places
    )


def mark_asked(cursor: SQLiteCursor, numbers: LogNumbers, asked: AskedParts) -> None:
    """Moves a log's watermark forward; lists what nobody gave and is not held."""
    log_no = numbers.of(cursor, asked.log_id)
    cursor.execute(
        "UPDATE logs SET parts_below = max(parts_below, ?) WHERE log_no = ?", (asked.below, log_no)
    )
    cursor.executemany(
        "INSERT INTO wanted_parts SELECT ?1, ?2, ?3 WHERE NOT EXISTS (SELECT 1 FROM parts "
        "WHERE log_no = ?1 AND entry_index = ?2 AND ordinal = ?3) ON CONFLICT DO NOTHING",
        [(log_no, *place) for place in asked.still_wanted],
    )


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
