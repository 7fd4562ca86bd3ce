"""Rows of parts: content that is held, encrypted, and content that is wanted.

parts.sealed        salt[32] || u16be(len(media type)) || media type || content, under the data key
parts.wrapped_key   the data key under the node key, bound to (log, index, ordinal)
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import chain
from typing import Final, NamedTuple

from eventsourcing.sqlite import SQLiteCursor

from registry.domain.identifiers import LogId
from registry.errors import CorruptDatabase, DamagedLog, NotFound
from registry.log.author import PartDraft
from registry.log.commitment import SALT_SIZE_BYTES
from registry.store.chunks import LARGE_PART_BYTES, join_part, open_head, seal_chunks, seal_head
from registry.store.failpoints import Step, reach
from registry.store.recorder import insert_rows
from registry.store.rows import LogNumbers, read_state
from registry.store.sealing import NodeKeys, open_sealed, part_context, seal_whole
from registry.store.values import AskedParts, HeldPart, PartsStored, SealedPart

_PLACES_PER_STATEMENT: Final = 128


class PartRow(NamedTuple):
    """A row of `parts`."""

    log_no: int
    index: int  # type: ignore[assignment] # the field, not tuple.index
    ordinal: int
    wrapped_key: bytes
    sealed: bytes
    size_bytes: int | None = None
    """Exact size of a large part: then `sealed` is its head, see chunks.py."""


def store_parts(
    cursor: SQLiteCursor, numbers: LogNumbers, parts: Sequence[HeldPart], node_keys: NodeKeys
) -> None:
    """Encrypts and inserts parts, notes their arrival, takes them off the list of what is wanted.

    Raises:
        NotFound: the entry of a part is not held.
    """
    sizes = {log_id: read_state(cursor, log_id).size for log_id in {p.log_id for p in parts}}
    if any(part.index >= sizes[part.log_id] for part in parts):
        msg = "a part was sent whose entry is not held here"
        raise NotFound(msg)
    rows = seal_held(parts, {log_id: numbers.of(cursor, log_id) for log_id in sizes}, node_keys)
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
    reach(Step.PARTS_INSERTED)


def mark_asked(cursor: SQLiteCursor, numbers: LogNumbers, asked: AskedParts) -> None:
    """Moves a log's watermark forward; lists what nobody gave and is not held."""
    log_no = numbers.of(cursor, asked.log_id)
    cursor.execute(
        "UPDATE logs SET parts_below = max(parts_below, ?) WHERE log_no = ?", (asked.below, log_no)
    )
    cursor.executemany(
        "INSERT INTO wanted_parts (log_no, entry_index, ordinal, not_before_ms) "
        "SELECT ?1, ?2, ?3, ?4 "
        "WHERE NOT EXISTS (SELECT 1 FROM parts "
        "WHERE log_no = ?1 AND entry_index = ?2 AND ordinal = ?3) ON CONFLICT DO NOTHING",
        [(log_no, *place, asked.not_before_ms.get(place, 0)) for place in asked.still_wanted],
    )


def seal_draft(part: PartDraft, node_keys: NodeKeys) -> SealedPart:
    """Encrypts a part that has no place yet; its key is wrapped when it gets one."""
    key, size = node_keys.new_key(), len(part.content)
    if size > LARGE_PART_BYTES:
        head = seal_head(node_keys, key, part.salt, part.media_type, size)
        return SealedPart(key, head, size, seal_chunks(node_keys, key, part.content))
    return SealedPart(key, seal_whole(key, join_part(part.salt, part.media_type, part.content)))


def seal_held(
    parts: Sequence[HeldPart], log_numbers: Mapping[LogId, int], node_keys: NodeKeys
) -> list[PartRow]:
    """Encrypts parts, each under a fresh data key that is wrapped for its place."""
    keys = node_keys.new_keys(len(parts))
    contexts = [part_context(part.log_id, part.index, part.ordinal) for part in parts]
    return [
        PartRow(
            log_numbers[part.log_id],
            part.index,
            part.ordinal,
            wrapped,
            seal_whole(key, join_part(part.salt, part.media_type, part.content)),
        )
        for part, key, wrapped in zip(parts, keys, node_keys.wrap_all(keys, contexts), strict=True)
    ]


def read_part_rows(
    cursor: SQLiteCursor, places: Sequence[tuple[int, int, int]]
) -> dict[tuple[int, int, int], PartRow]:
    """Reads the parts that are held at places, (log_no, index, ordinal) of each."""
    found: dict[tuple[int, int, int], PartRow] = {}
    start = 0
    while left := len(places) - start:
        count = min(_PLACES_PER_STATEMENT, 1 << left.bit_length() - 1)
        values = chain.from_iterable(places[start : start + count])
        cursor.execute(_reading_statement(count), tuple(values))
        for row in map(PartRow._make, cursor.fetchall()):
            found[row[:3]] = row
        start += count
    return found


@lru_cache(maxsize=16)
def _reading_statement(count: int) -> str:
    return (
        f"WITH asked (a, b, c) AS (VALUES {', '.join(['(?, ?, ?)'] * count)}) "  # noqa: S608 - placeholders only
        "SELECT log_no, entry_index, ordinal, wrapped_key, sealed, size_bytes "
        "FROM asked CROSS JOIN parts ON log_no = a AND entry_index = b AND ordinal = c"
    )


def open_part(
    place: tuple[LogId, int, int],
    wrapped_key: bytes | None,
    sealed: bytes,
    node_keys: NodeKeys,
    *,
    is_large: bool = False,
) -> HeldPart:
    """Decrypts a stored part; of a large one its head.

    Raises:
        NodeKeyMissing: it was encrypted under a node key that is not here.
        DamagedLog: it was changed, or stands at another place than it was stored at.
    """
    if wrapped_key is None:
        msg = "content stands in clear, as an earlier version stored it: start the node once"
        raise DamagedLog(msg)
    try:
        key = node_keys.unwrap(wrapped_key, part_context(*place))
        if is_large:
            return open_head(place, key, sealed)
        return split_part(place, open_sealed(key, sealed))
    except CorruptDatabase as error:
        raise DamagedLog(str(error)) from error


def split_part(place: tuple[LogId, int, int], joined: bytes) -> HeldPart:
    """Splits what `join_part` joined.

    Raises:
        CorruptDatabase: the lengths do not fit, or the media type is no text.
    """
    at = SALT_SIZE_BYTES + 2
    end = at + int.from_bytes(joined[SALT_SIZE_BYTES:at], "big")
    try:
        media_type = joined[at:end].decode()
    except UnicodeDecodeError as error:
        msg = f"part {place[2]} of event {place[1]} of log {place[0].hex()} is damaged"
        raise CorruptDatabase(msg) from error
    if len(joined) < end:
        msg = f"part {place[2]} of event {place[1]} of log {place[0].hex()} is cut short"
        raise CorruptDatabase(msg)
    return HeldPart(*place, joined[:SALT_SIZE_BYTES], media_type, joined[end:])


def insert_parts(cursor: SQLiteCursor, rows: Sequence[PartRow]) -> None:
    """Inserts parts; those that are held already stay as they are."""
    head = "INSERT INTO parts (log_no, entry_index, ordinal, wrapped_key, sealed, size_bytes)"
    insert_rows(cursor, head, rows, "ON CONFLICT DO NOTHING")


def parts_stored(parts: Sequence[HeldPart]) -> list[PartsStored]:
    """The events that tell of parts, one for each log."""
    by_log: dict[LogId, list[HeldPart]] = {}
    for part in parts:
        by_log.setdefault(part.log_id, []).append(part)
    return [
        PartsStored(
            log_id,
            tuple((part.index, part.ordinal) for part in found),
            tuple((part.media_type, part.content) for part in found),
        )
        for log_id, found in by_log.items()
    ]
