"""Watching: what changed at this node since a cursor, in the order in which it arrived here.

A cursor is this node's own: it names the last entry and the last part that were told, and is sealed
with what stands there: that entry's leaf hash and that part's place. A cursor that stands for
something else than this node's store holds there, after a backup was restored for instance, is
refused, never answered with silence. What changed is told at least once.
"""

import hashlib
import re
from collections.abc import Sequence
from typing import Final, NamedTuple

from registry.domain.identifiers import CaseId, LogId
from registry.errors import CursorOutOfRange, InvalidRequest
from registry.log.merkle import leaf_hash
from registry.store.entries import EntryStore
from registry.store.values import Change, PartChange

CHANGES_AT_ONCE: Final = 500
_CURSOR: Final = re.compile(r"([0-9]{1,18})\.([0-9]{1,18})\.([0-9a-f]{16})?", re.ASCII)
_SEAL_DIGITS: Final = 16
_NUMBER_SIZE_BYTES: Final = 8


class Cursor(NamedTuple):
    """The ids of the last entry and the last part that were told; 0 = none."""

    entry_id: int
    part_id: int


START: Final = Cursor(0, 0)


class Changed(NamedTuple):
    """An event that arrived, or became readable."""

    case_id: CaseId
    log_id: LogId
    index: int  # type: ignore[assignment] # the field, not tuple.index


class Changes(NamedTuple):
    """Some changes in order, the cursor after them, and whether they were all."""

    changed: tuple[Changed, ...]
    cursor: Cursor
    is_caught_up: bool


def read_cursor(store: EntryStore, text: str) -> Cursor:
    """Reads a cursor; empty = from the start.

    Raises:
        InvalidRequest: it is not one of ours.
        CursorOutOfRange: this store does not hold what it stands for.
    """
    if not text:
        return START
    found = _CURSOR.fullmatch(text)
    if found is None:
        msg = "this cursor is not one that a watch gave; start without one"
        raise InvalidRequest(msg)
    cursor = Cursor(int(found[1]), int(found[2]))
    if _seal(store, cursor) != (found[3] or ""):
        msg = (
            "this cursor is out of range: the node holds other entries or parts than those it "
            "stands for, such as after a backup was restored; start without a cursor"
        )
        raise CursorOutOfRange(msg)
    return cursor


def write_cursor(store: EntryStore, cursor: Cursor) -> str:
    """Writes a cursor that `read_cursor` reads."""
    return f"{cursor.entry_id}.{cursor.part_id}.{_seal(store, cursor)}"


def changes_after(store: EntryStore, cursor: Cursor, case_id: CaseId | None = None) -> Changes:
    """What changed after a cursor, at most `CHANGES_AT_ONCE` of entries and of parts each.

    Args:
        store: where to look.
        cursor: from where on.
        case_id: of one case only; None = of all.
    """
    entries = store.changes(cursor.entry_id, CHANGES_AT_ONCE)
    parts = store.part_changes(cursor.part_id, CHANGES_AT_ONCE)
    arrived = [*_of_entries(entries), *(Changed(p.case_id, p.log_id, p.index) for p in parts)]
    wanted = [c for c in arrived if c.case_id and case_id in {None, c.case_id}]
    after = Cursor(
        entries[-1].id if entries else cursor.entry_id, parts[-1].id if parts else cursor.part_id
    )
    is_all = len(entries) < CHANGES_AT_ONCE and len(parts) < CHANGES_AT_ONCE
    return Changes(tuple(dict.fromkeys(wanted)), after, is_all)


def _of_entries(entries: Sequence[Change]) -> list[Changed]:
    return [Changed(each.case_id, each.log_id, each.index) for each in entries]


def _seal(store: EntryStore, cursor: Cursor) -> str:
    """What stands at a cursor, as a hash; `-` = nothing does, empty = it is the start.

    SHA-256 of the entry's leaf hash, 32 bytes, and the part's place: log id, 32 bytes, index and
    ordinal, 8 bytes each, big-endian. What is 0 in the cursor is left out.
    """
    if cursor == START:
        return ""
    sealed = hashlib.sha256()
    if cursor.entry_id:
        entries = store.changes(cursor.entry_id - 1, 1)
        if not entries or entries[0].id != cursor.entry_id:
            return "-"
        sealed.update(leaf_hash(entries[0].entry))
    if cursor.part_id:
        # An erased part still has its place: the rows of what arrived are never deleted.
        parts = store.part_changes(cursor.part_id - 1, 1)
        if not parts or parts[0].id != cursor.part_id:
            return "-"
        sealed.update(_place(parts[0]))
    return sealed.hexdigest()[:_SEAL_DIGITS]


def _place(part: PartChange) -> bytes:
    numbers = (part.index, part.ordinal)
    return part.log_id + b"".join(each.to_bytes(_NUMBER_SIZE_BYTES) for each in numbers)
