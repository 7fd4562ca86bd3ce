"""Erasures in the database: parts deleted, tombstones put, and those that wait; all SQL of it.

An erasure has effect whole or not at all: if every part that it names stands in its case, with its
commitment. What it says of its own log is judged as it is stored: those entries are there. One that
names parts of another log waits in `waiting_erasures` until its own log is known to come after that
one, as logs of one member (`Roster.logs_before`), does not end before it, and all entries that it
names are held. Then it is carried out, whatever came first. What does not match waits for ever.

Of several erasures of one part its tombstone names one: of the earliest log, and there the first.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple, TypeAlias

from eventsourcing.sqlite import SQLiteCursor

from registry.domain.identifiers import CaseId, LogId, LogsBefore, RequestKey
from registry.domain.vocabulary import EventKind
from registry.log.control import ContentErased, PartTarget, read_control
from registry.log.entry import Header, PartCommitment
from registry.log.facts import EntryFacts
from registry.store.act_notes import forget_source
from registry.store.rows import LogNumbers, read_entries
from registry.store.schema import FIND_WAITING
from registry.store.tombstone_journal import ErasedPart
from registry.store.values import read_header

Place: TypeAlias = tuple[LogId, int]
"""An entry: (log, index)."""
BY_JOURNAL: Final = -1
"""Stands for the index of an erasure that is known from the journal only."""
_CONTENT_TABLES: Final = ("parts", "part_chunks", "incoming_parts", "wanted_parts")
_PLACE: Final = "log_no = ? AND entry_index = ? AND ordinal = ?"
_WAIT: Final = "INSERT INTO waiting_erasures VALUES (?, ?, ?) ON CONFLICT DO NOTHING"
_SCANNED_AT_ONCE: Final = 1000


@dataclass
class Effects:
    """What control has done inside one transaction."""

    erased: list[ErasedPart] = field(default_factory=list)
    forgotten: list[RequestKey] = field(default_factory=list)
    widened: list[Place] = field(default_factory=list)


class CarriedOut(NamedTuple):
    """What came of the journal: whether anything was still held, and what must wait."""

    has_deleted: bool
    not_held: dict[Place, list[ErasedPart]]
    """Tombstones of entries that are not held yet, by their places."""


class Erasures:
    """Carries out erasures inside transactions; used by the writer alone."""

    def __init__(self, numbers: LogNumbers, logs_before: LogsBefore | None) -> None:
        """Remembers which log speaks for which; None = not known: what depends on it waits."""
        self._numbers = numbers
        self._logs_before = logs_before
        self._awaited: dict[Place, dict[Place, None]] = {}
        """Erasures by an entry that they wait for; some may be carried out, or rolled back."""

    def take(
        self,
        cursor: SQLiteCursor,
        log_id: LogId,
        fact: EntryFacts,
        erased: ContentErased,
        effects: Effects,
    ) -> None:
        """Carries out an erasure that was just stored, if it can be; else it may wait."""
        target_log = erased.targets[0].log_id
        if target_log != log_id:
            row = (self._numbers.of(cursor, log_id), fact.index, target_log)
            cursor.execute(_WAIT, row)
            self._try(cursor, (log_id, fact.index), effects)
            return
        found = find_targets(cursor, fact.case_id, erased.targets)
        if found.matches:
            self._carry_out(cursor, (log_id, fact.index), fact.time_ms, erased, effects)
            # Request ids of a former log count for nothing, so nothing is kept of them.
            effects.forgotten += [h.request_id for h in found.headers if h.request_id]

    def arrived(self, cursor: SQLiteCursor, place: Place, effects: Effects) -> None:
        """Carries out what waited for an entry, which is stored by now, and for nothing else."""
        for waiting in list(self._awaited.get(place, ())):
            self._try(cursor, waiting, effects)

    def settle(self, cursor: SQLiteCursor, effects: Effects) -> None:
        """Carries out all that waits and need not: at a start, or where a log counts again."""
        self._find_unread(cursor)
        for place in self._waiting(cursor):
            before = len(effects.erased)
            self._try(cursor, place, effects)
            # No entry arrives by which its case would be folded again.
            cursor.executemany(
                "INSERT INTO part_arrivals (log_no, entry_index, ordinal) VALUES (?, ?, ?)",
                [
                    (self._numbers.of(cursor, part.log_id), part.index, part.ordinal)
                    for part in effects.erased[before:]
                ],
            )

    def speaks_for(self, log_id: LogId, target_log: LogId) -> bool:
        """Whether a log is a later one of the member that wrote another one, as far as is known."""
        return target_log in (self._logs_before or {}).get(log_id, ())

    # --- inside ---------------------------------------------------------------------------------

    def _waiting(self, cursor: SQLiteCursor) -> list[Place]:
        cursor.execute(
            "SELECT l.log_id, w.entry_index, w.target_log FROM waiting_erasures w "
            "JOIN logs l ON l.log_no = w.log_no ORDER BY w.log_no, w.entry_index"
        )
        return [
            (LogId(row["log_id"]), row["entry_index"])
            for row in cursor.fetchall()
            if self.speaks_for(LogId(row["log_id"]), LogId(row["target_log"]))
        ]

    def _try(self, cursor: SQLiteCursor, place: Place, effects: Effects) -> None:
        """Carries out an erasure that waits, or notes which entry it waits for."""
        log_id, index = place
        cursor.execute(
            "SELECT w.log_no, w.target_log FROM waiting_erasures w "
            "JOIN logs l ON l.log_no = w.log_no WHERE l.log_id = ? AND w.entry_index = ? "
            "AND (l.frozen_at IS NULL OR w.entry_index < l.frozen_at)",
            (log_id, index),
        )
        row = cursor.fetchone()
        if row is None or not self.speaks_for(log_id, LogId(row["target_log"])):
            return
        (entry,) = read_entries(cursor, log_id, index, index + 1)
        header = read_header(entry)
        erased = read_control(header)
        if not isinstance(erased, ContentErased):
            return
        found = find_targets(cursor, header.case_id, erased.targets)
        if found.missing is not None:
            self._awaited.setdefault(found.missing, {})[place] = None
        elif found.matches:
            self._carry_out(cursor, place, header.time_ms, erased, effects)
            cursor.execute(
                "DELETE FROM waiting_erasures WHERE log_no = ? AND entry_index = ?",
                (row["log_no"], index),
            )

    def _carry_out(
        self,
        cursor: SQLiteCursor,
        by: Place,
        time_ms: int,
        erased: ContentErased,
        effects: Effects,
    ) -> None:
        by_no = self._numbers.of(cursor, by[0])
        for part in (ErasedPart(*target) for target in erased.targets):
            log_no = self._numbers.of(cursor, part.log_id)
            delete_part(cursor, log_no, part)
            if self._is_first(cursor, log_no, part, by):
                by_log_no = None if by_no == log_no else by_no
                cursor.execute(
                    "INSERT INTO tombstones VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) "
                    "ON CONFLICT DO UPDATE SET by_index = ?5, erased_ms = ?6, by_log_no = ?7",
                    (log_no, *part[1:], by[1], time_ms, by_log_no),
                )
            effects.erased.append(part)
        cursor.execute("INSERT INTO erasures VALUES (?, ?)", (by_no, by[1]))

    def _is_first(self, cursor: SQLiteCursor, log_no: int, part: ErasedPart, by: Place) -> bool:
        """Whether no erasure that is carried out already stands before this one."""
        cursor.execute(
            "SELECT l.log_id, t.by_index FROM tombstones t "
            "JOIN logs l ON l.log_no = ifnull(t.by_log_no, t.log_no) "
            "WHERE t.log_no = ? AND t.entry_index = ? AND t.ordinal = ? AND t.by_index >= 0",
            (log_no, part.index, part.ordinal),
        )
        row = cursor.fetchone()
        if row is None:
            return True
        return self._order(by) < self._order((LogId(row["log_id"]), row["by_index"]))

    def _order(self, by: Place) -> tuple[int, int]:
        """Where an erasure stands among those of one part: by epoch, then by index."""
        return len((self._logs_before or {}).get(by[0], ())), by[1]

    def _find_unread(self, cursor: SQLiteCursor) -> None:
        """Finds what earlier software stored without reading it; once, when the logs are known."""
        cursor.execute("SELECT 1 FROM unfinished WHERE step = ?", (FIND_WAITING,))
        if self._logs_before is None or cursor.fetchone() is None:
            return
        for log_id in self._logs_before:
            start = 0
            while entries := read_entries(cursor, log_id, start, start + _SCANNED_AT_ONCE):
                start += len(entries)
                for header in map(read_header, entries):
                    self._note_unread(cursor, header)
        cursor.execute("DELETE FROM unfinished WHERE step = ?", (FIND_WAITING,))

    def _note_unread(self, cursor: SQLiteCursor, header: Header) -> None:
        erased = read_control(header) if header.kind == EventKind.CONTENT_ERASED else None
        if isinstance(erased, ContentErased) and erased.targets[0].log_id != header.log_id:
            log_no = self._numbers.of(cursor, header.log_id)
            row = (log_no, header.index, erased.targets[0].log_id)
            cursor.execute(_WAIT, row)


class FoundTargets(NamedTuple):
    """How the entries that an erasure names stand to it."""

    matches: bool
    """Whether all are held, in its case, with the commitments that it names."""
    missing: Place | None
    """The first of them that is not held."""
    headers: tuple[Header, ...]


def find_targets(
    cursor: SQLiteCursor, case_id: CaseId, targets: Iterable[PartTarget]
) -> FoundTargets:
    """Compares what an erasure of a case names with the entries that are held."""
    headers: dict[int, Header] = {}
    for target in targets:
        if target.index not in headers:
            found = read_entries(cursor, target.log_id, target.index, target.index + 1)
            if not found:
                return FoundTargets(False, (target.log_id, target.index), ())  # noqa: FBT003 - named
            headers[target.index] = read_header(found[0])
        header = headers[target.index]
        if header.case_id != case_id or not is_at(target, header.parts):
            return FoundTargets(False, None, ())  # noqa: FBT003 - named
    return FoundTargets(True, None, tuple(headers.values()))  # noqa: FBT003 - named


def is_at(part: PartTarget | ErasedPart, held: Sequence[PartCommitment]) -> bool:
    """Whether an entry's header commits to a part where it is named."""
    return part.ordinal < len(held) and held[part.ordinal].commitment == part.commitment


def delete_part(cursor: SQLiteCursor, log_no: int, part: ErasedPart) -> bool:
    """Deletes a part, wherever it is kept; whether it was held.

    With the content of an event goes what is kept of its source.

    Rows of `part_arrivals` stay: they name places, and their numbers must not be given twice.
    """
    deleted = 0
    for table in _CONTENT_TABLES:
        cursor.execute(
            f"DELETE FROM {table} WHERE {_PLACE}",  # noqa: S608 - constants only
            (log_no, part.index, part.ordinal),
        )
        deleted += cursor.sqlite_cursor.rowcount
    if part.ordinal == 0:
        forget_source(cursor, log_no, part.index)
    return deleted > 0


def bury_where_held(
    cursor: SQLiteCursor, log_no: int, part: ErasedPart, held: Sequence[PartCommitment]
) -> bool:
    """Carries out a tombstone of the journal if its place holds what was erased.

    Args:
        cursor: inside a transaction.
        log_no: number of its log.
        part: the tombstone.
        held: what the entry at its place commits to.

    Returns:
        Whether the content was still held.
    """
    if not is_at(part, held):
        return False
    has_deleted = delete_part(cursor, log_no, part)
    cursor.execute(
        "INSERT INTO tombstones VALUES (?, ?, ?, ?, ?, 0, NULL) ON CONFLICT DO NOTHING",
        (log_no, *part[1:], BY_JOURNAL),
    )
    return has_deleted


def apply_journal(cursor: SQLiteCursor, records: Iterable[ErasedPart]) -> CarriedOut:
    """Carries out the tombstones of the journal whose entries are held."""
    cursor.execute("SELECT log_id, log_no FROM logs")
    numbers = {LogId(row["log_id"]): int(row["log_no"]) for row in cursor.fetchall()}
    has_deleted = False
    not_held: dict[Place, list[ErasedPart]] = {}
    for part in records:
        found = read_entries(cursor, part.log_id, part.index, part.index + 1)
        log_no = numbers.get(part.log_id)
        if log_no is None or not found:
            not_held.setdefault((part.log_id, part.index), []).append(part)
        elif bury_where_held(cursor, log_no, part, read_header(found[0]).parts):
            has_deleted = True
            # The case list is folded again without it.
            cursor.execute(
                "INSERT INTO part_arrivals (log_no, entry_index, ordinal) VALUES (?, ?, ?)",
                (log_no, part.index, part.ordinal),
            )
    return CarriedOut(has_deleted, not_held)
