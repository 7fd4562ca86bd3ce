"""Watching: what changed at this node since a cursor, in the order in which it arrived here.

A cursor is this node's own: it names the last entry and the last part that were told, and is sealed
with that entry's leaf hash. A cursor that this node's store does not reach, after a backup was
restored for instance, is refused, never answered with silence. What changed is told at least once.
"""

import re
from collections.abc import Sequence
from typing import Final, NamedTuple

from registry.domain.identifiers import CaseId, LogId
from registry.errors import CursorOutOfRange, InvalidRequest
from registry.log.merkle import leaf_hash
from registry.store.entries import EntryStore
from registry.store.values import Change

CHANGES_AT_ONCE: Final = 500
_CURSOR: Final = re.compile(r"([0-9]{1,18})\.([0-9]{1,18})\.([0-9a-f]{16})?", re.ASCII)
_SEAL_DIGITS: Final = 16


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
    if _seal(store, cursor.entry_id) != (found[3] or ""):
        msg = (
            "this cursor is out of range: the node holds other entries than those it stands for, "
            "such as after a backup was restored; start without a cursor"
        )
        raise CursorOutOfRange(msg)
    parts = store.part_changes(cursor.part_id - 1, 1) if cursor.part_id else []
    if not parts or parts[0].id != cursor.part_id:
        # The part was erased since: parts are told again rather than left out.
        return Cursor(cursor.entry_id, 0)
    return cursor


def write_cursor(store: EntryStore, cursor: Cursor) -> str:
    """Writes a cursor that `read_cursor` reads."""
    return f"{cursor.entry_id}.{cursor.part_id}.{_seal(store, cursor.entry_id)}"


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


def _seal(store: EntryStore, entry_id: int) -> str:
    if not entry_id:
        return ""
    found = store.changes(entry_id - 1, 1)
    if not found or found[0].id != entry_id:
        return "-"
    return leaf_hash(found[0].entry).hex()[:_SEAL_DIGITS]
