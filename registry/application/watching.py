"""Watching: what changed at this node since a cursor, in the order in which it arrived here.

A cursor is this node's own: it names the last entry and the last part that were told, and is sealed
with what stands there: that entry's leaf hash and that part's place. A cursor that stands for
something else than this node's store holds there, after a backup was restored for instance, is
refused, never answered with silence. What changed is told at least once.

Who watches one case is told its events again when their embargo ends, by this node's clock: for
that a cursor holds the time up to which it was told. Who watches all cases is not told of that time
itself, only of the content that arrives then, as of any other.
"""

import hashlib
import math
import re
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from registry.domain.identifiers import CaseId, LogId
from registry.errors import CursorOutOfRange, InvalidRequest, NotFound
from registry.log.merkle import leaf_hash
from registry.store.entries import EntryStore
from registry.store.values import Change, PartChange, read_header
from registry.views.events_read import visible_entries

CHANGES_AT_ONCE: Final = 500
_CURSOR: Final = re.compile(
    r"([0-9]{1,18})\.([0-9]{1,18})\.([0-9]{1,18})\.([0-9a-f]{16})?", re.ASCII
)
_SEAL_DIGITS: Final = 16
_NUMBER_SIZE_BYTES: Final = 8


class Cursor(NamedTuple):
    """What was told.

    Attributes:
        entry_id: of the last entry; 0 = none.
        part_id: of the last part; 0 = none.
        time_ms: up to when, by this node's clock, milliseconds UTC; 0 = nothing was told.
    """

    entry_id: int
    part_id: int
    time_ms: int = 0


START: Final = Cursor(0, 0)


class Changed(NamedTuple):
    """An event that arrived, or became readable."""

    case_id: CaseId
    log_id: LogId
    index: int  # type: ignore[assignment] # the field, not tuple.index


class Changes(NamedTuple):
    """Some changes in order.

    Attributes:
        changed: what changed.
        cursor: after them.
        is_caught_up: whether they were all.
        wait_s: after so long, in seconds, an embargo ends; infinite = none does.
    """

    changed: tuple[Changed, ...]
    cursor: Cursor
    is_caught_up: bool
    wait_s: float = math.inf


class _Embargo(NamedTuple):
    until_ms: int
    event: Changed


class Watch:
    """One who watches; for one thread at a time."""

    def __init__(
        self,
        store: EntryStore,
        now_ms: Callable[[], int],
        cursor: Cursor,
        case_id: CaseId | None = None,
    ) -> None:
        """Starts to watch.

        Args:
            store: what is watched.
            now_ms: this node's clock, milliseconds UTC.
            cursor: from where on.
            case_id: of one case only; None = of all, without the ends of embargoes.

        Raises:
            NotFound: no event of such a case is held here.
        """
        self._store = store
        self._now_ms = now_ms
        self._cursor = cursor
        self._case_id = case_id
        self._embargoes = () if case_id is None else _embargoes_of(store, case_id)

    def step(self) -> Changes:
        """What changed since the step before, at most `CHANGES_AT_ONCE` of each kind.

        Raises:
            NotFound: all events of the case became void.
        """
        # First of all: what is read after that time is told as it reads then, or told again.
        now_ms = self._now_ms()
        found = changes_after(self._store, self._cursor, self._case_id)
        if self._case_id is not None and found.changed:
            self._embargoes = _embargoes_of(self._store, self._case_id)
        told_ms = self._cursor.time_ms or now_ms
        ended = [each.event for each in self._embargoes if told_ms < each.until_ms <= now_ms]
        coming = [each.until_ms for each in self._embargoes if each.until_ms > now_ms]
        self._cursor = found.cursor._replace(time_ms=now_ms)
        return Changes(
            tuple(dict.fromkeys((*found.changed, *ended))),
            self._cursor,
            found.is_caught_up,
            (min(coming) - now_ms) / 1000 if coming else math.inf,
        )


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
    cursor = Cursor(int(found[1]), int(found[2]), int(found[3]))
    if _seal(store, cursor) != (found[4] or ""):
        msg = (
            "this cursor is out of range: the node holds other entries or parts than those it "
            "stands for, such as after a backup was restored; start without a cursor"
        )
        raise CursorOutOfRange(msg)
    return cursor


def write_cursor(store: EntryStore, cursor: Cursor) -> str:
    """Writes a cursor that `read_cursor` reads."""
    return f"{cursor.entry_id}.{cursor.part_id}.{cursor.time_ms}.{_seal(store, cursor)}"


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
        entries[-1].id if entries else cursor.entry_id,
        parts[-1].id if parts else cursor.part_id,
        cursor.time_ms,
    )
    is_all = len(entries) < CHANGES_AT_ONCE and len(parts) < CHANGES_AT_ONCE
    return Changes(tuple(dict.fromkeys(wanted)), after, is_all)


def _of_entries(entries: Sequence[Change]) -> list[Changed]:
    return [Changed(each.case_id, each.log_id, each.index) for each in entries]


def _embargoes_of(store: EntryStore, case_id: CaseId) -> tuple[_Embargo, ...]:
    """The embargoes of a case's events, over or not; told by their headers alone."""
    states = {state.log_id: state for state in store.log_states()}
    entries = visible_entries(store, states, case_id)
    if not entries:
        msg = f"no case {case_id.hex()} is known here"
        raise NotFound(msg)
    return tuple(
        _Embargo(part.not_before_ms, Changed(case_id, each.log_id, each.index))
        for each in entries
        # As a history has it: that of the typed content counts.
        for part in read_header(each.entry).parts[:1]
        if part.not_before_ms
    )


def _seal(store: EntryStore, cursor: Cursor) -> str:
    """What stands at a cursor, as a hash; `-` = nothing does, empty = no id is in it.

    SHA-256 of the entry's leaf hash, 32 bytes, and the part's place: log id, 32 bytes, index and
    ordinal, 8 bytes each, big-endian. What is 0 in the cursor is left out.
    """
    if not cursor.entry_id and not cursor.part_id:
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
