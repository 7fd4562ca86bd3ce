"""The store on SQLite: writing. Everything here runs in the writer's thread.

An append group, step by step: take the write lock; compare (size, root) with what was last signed;
insert the entries and the rows that go with them; read the new entries back and compute the root
from what was read; sign; store the note; commit; advance the guard; only then answer. If anything
from the commit on fails, appending stops until the node is started again.
"""

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from eventsourcing.sqlite import SQLiteCursor

from registry.domain.identifiers import CaseId, LogId, Origin, RootHash, log_id_of
from registry.errors import (
    CorruptDatabase,
    GuardError,
    LogDiverged,
    LogReadOnly,
    MisplacedEntry,
    NotFound,
    StorageError,
)
from registry.log.author import Author
from registry.log.facts import EntryFacts, GuardComparison, GuardVerdict
from registry.log.merkle import EMPTY_ROOT, root_of
from registry.store.append_group import AppendGroup
from registry.store.entries import (
    Appended,
    AppendRequest,
    EntriesStored,
    HeldPart,
    IngestBatch,
    LogState,
    PartsStored,
    StoreEvent,
)
from registry.store.guard import Guard
from registry.store.recorder import DurableDatastore, LogRecorder
from registry.store.rows import (
    find_or_add_case,
    insert_parts,
    read_leaves,
    read_state,
    seal_part,
    subtree_hash,
)
from registry.store.tiles import write_tiles

_CASES_CACHED: Final = 50_000
_STARTING: Final = "the node is starting: its log opens when the start-up fence has passed"


class SqliteWriting:
    """The writing half of a store."""

    def __init__(
        self,
        datastore: DurableDatastore,
        recorder: LogRecorder,
        *,
        author: Author | None,
        guard: Guard | None,
        now_ms: Callable[[], int],
    ) -> None:
        self._datastore = datastore
        self._recorder = recorder
        self._author = author
        self._guard = guard
        self._now_ms = now_ms
        self._cases: dict[CaseId, int] = {}
        self._numbers: dict[LogId, int] = {}
        self.listeners: list[Callable[[StoreEvent], None]] = []
        self.published: LogState | None = None
        self.read_only_reason: str | None = _STARTING
        self._failure: str | None = None
        self.comparison = GuardComparison(GuardVerdict.GUARD_MISSING, 0, 0)

    def settle(self) -> None:
        """Compares guard and database; a database that extends the guard advances it."""
        if self._author is None:
            return
        with self._datastore.transaction(commit=False) as cursor:
            cursor.execute("SELECT 1 FROM logs WHERE log_id = ?", (self._author.log_id,))
            if cursor.fetchone() is None:
                return
            state = read_state(cursor, self._author.log_id)
            root_at_guard = self._guarded_root(cursor, state)
        self._compare(state, root_at_guard)

    def close(self) -> None:
        """Closes the guard."""
        if self._guard is not None:
            self._guard.close()

    # --- appends --------------------------------------------------------------------------------

    def append_group(self, requests: Sequence[AppendRequest]) -> list[Appended | Exception]:
        """Appends all requests that can be appended; each gets its result or its own error."""
        if self.read_only_reason is not None or self._author is None or self.published is None:
            raise LogReadOnly(self.read_only_reason or "this store has no log of its own")
        before = self.published
        try:
            with self._datastore.writing() as cursor:
                self._check_unchanged(cursor, before)
                group = AppendGroup(
                    cursor,
                    self._recorder,
                    author=self._author,
                    log_no=self._log_no(cursor, before.log_id),
                    before=before,
                )
                group.add_all(requests)
                after = group.store(self._now_ms())
            self._advance_guard(after)
        except Exception as error:
            self._failure = f"an append failed ({error}); start the node again"
            self.read_only_reason = self._failure
            if isinstance(error, StorageError):
                raise
            msg = f"the event could not be stored: {error}"
            raise StorageError(msg) from error
        self.published = after
        if after.size > before.size:
            self.tell(EntriesStored(after.log_id, before.size, after.size, after.note))
            if group.part_keys:
                self.tell(PartsStored(after.log_id, tuple(group.part_keys)))
        return group.results()

    # --- everything else ------------------------------------------------------------------------

    def ingest(self, batch: IngestBatch) -> LogState:
        """Stores a checked batch, all or nothing; a batch of the own log advances the guard."""
        end = batch.start + len(batch.entries)
        with self._writing() as cursor:
            state = read_state(cursor, batch.log_id)
            if state.size != batch.start:
                msg = f"{state.origin} has {state.size} entries here, the batch starts at {batch.start}"
                raise MisplacedEntry(msg)
            if state.frozen_at is not None and end > state.frozen_at:
                msg = f"{state.origin} is frozen at {state.frozen_at}"
                raise LogDiverged(msg)
            log_no = self._log_no(cursor, batch.log_id)
            self._insert_batch(cursor, log_no, batch)
            root = batch.root
            cursor.execute(
                "UPDATE logs SET size = ?, root = ?, range = ?, target_note = ? WHERE log_no = ?",
                (end, root, batch.range.encode(), batch.target_note, log_no),
            )
            if batch.note is not None:
                cursor.execute(
                    "UPDATE logs SET note = ?, noted_size = ? WHERE log_no = ?",
                    (batch.note, end, log_no),
                )
            after = read_state(cursor, batch.log_id)
        if self._author is not None and batch.log_id == self._author.log_id:
            self._recover(after)
        self.tell(EntriesStored(batch.log_id, batch.start, end, batch.note))
        return after

    def put_parts(self, parts: Sequence[HeldPart]) -> None:
        """Stores parts; what was wanted of them is wanted no more."""
        with self._writing() as cursor:
            rows = [
                (
                    self._log_no(cursor, part.log_id),
                    part.index,
                    part.ordinal,
                    seal_part(part.salt, part.media_type, part.content),
                )
                for part in parts
            ]
            insert_parts(cursor, rows)
            cursor.executemany(
                "INSERT INTO part_arrivals (log_no, entry_index, ordinal) VALUES (?, ?, ?)",
                [row[:3] for row in rows],
            )
            cursor.executemany(
                "DELETE FROM wanted_parts WHERE log_no = ? AND entry_index = ? AND ordinal = ?",
                [row[:3] for row in rows],
            )
        for log_id in dict.fromkeys(part.log_id for part in parts):
            keys = tuple((p.index, p.ordinal) for p in parts if p.log_id == log_id)
            self.tell(PartsStored(log_id, keys))

    def set_parts_below(self, log_id: LogId, index: int, wanted: Sequence[tuple[int, int]]) -> None:
        """Moves the watermark of parts forward."""
        with self._writing() as cursor:
            log_no = self._log_no(cursor, log_id)
            cursor.execute(
                "UPDATE logs SET parts_below = max(parts_below, ?) WHERE log_no = ?",
                (index, log_no),
            )
            cursor.executemany(
                "INSERT INTO wanted_parts VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
                [(log_no, *place) for place in wanted],
            )

    def freeze(self, log_id: LogId, at: int, reason: str, evidence: bytes) -> None:
        """Freezes a log; a later freeze can only lower the size."""
        with self._writing() as cursor:
            cursor.execute(
                "UPDATE logs SET frozen_at = ?, frozen_reason = ?, evidence = ? "
                "WHERE log_id = ? AND (frozen_at IS NULL OR frozen_at > ?)",
                (at, reason, evidence, log_id, at),
            )

    def register_logs(self, origins: Sequence[Origin]) -> None:
        """Makes logs known."""
        with self._writing() as cursor:
            cursor.executemany(
                "INSERT INTO logs (log_id, origin, size, root, range, noted_size, parts_below) "
                "VALUES (?, ?, 0, ?, x'', 0, 0) ON CONFLICT DO NOTHING",
                [(log_id_of(origin), origin, EMPTY_ROOT) for origin in origins],
            )
        self.settle()

    def attach_guard(self, guard: Guard) -> None:
        """Takes a guard that was made anew and brings it to the size of the own log."""
        self._guard = guard
        self.settle()

    def allow_appends(self, *, reason: str | None) -> None:
        """Opens the own log (reason None) if guard and database allow it, or closes it."""
        if reason is None:
            if self._failure is not None:
                raise LogReadOnly(self._failure)
            verdict = self.comparison.kind
            if verdict not in (GuardVerdict.EQUAL, GuardVerdict.DATABASE_AHEAD):
                msg = f"the own log cannot be opened: guard and database are {verdict.value}"
                raise LogReadOnly(msg)
        self.read_only_reason = reason

    def tell(self, event: StoreEvent) -> None:
        """Calls the listeners and wakes the library's subscriptions."""
        if isinstance(event, EntriesStored):
            self._recorder.notify()
        for listener in self.listeners:
            listener(event)

    # --- inside ---------------------------------------------------------------------------------

    @contextmanager
    def _writing(self) -> Iterator[SQLiteCursor]:
        try:
            with self._datastore.writing() as cursor:
                yield cursor
        except sqlite3.Error as error:
            # Numbers that were given inside the transaction are not there any more.
            self._cases.clear()
            msg = f"the database could not be written: {error}"
            raise StorageError(msg) from error

    def _log_no(self, cursor: SQLiteCursor, log_id: LogId) -> int:
        number = self._numbers.get(log_id)
        if number is None:
            cursor.execute("SELECT log_no FROM logs WHERE log_id = ?", (log_id,))
            row = cursor.fetchone()
            if row is None:
                msg = f"no log {log_id.hex()} is known here"
                raise NotFound(msg)
            number = self._numbers[log_id] = int(row["log_no"])
        return number

    def _check_unchanged(self, cursor: SQLiteCursor, before: LogState) -> None:
        state = read_state(cursor, before.log_id)
        if (state.size, state.root) != (before.size, before.root):
            msg = (
                f"the own log stands at {state.size}, what was last signed at {before.size}: "
                "another process has written to the database, or it was replaced"
            )
            raise CorruptDatabase(msg)

    def _advance_guard(self, after: LogState) -> None:
        if self._guard is None:
            msg = "the guard is missing"
            raise GuardError(msg)
        self._guard.advance(after.size, after.root)

    def _recover(self, after: LogState) -> None:
        """Own entries came back from a peer: the guard follows where it is behind."""
        if self._guard is not None and after.size > self._guard.read().size:
            self._guard.advance(after.size, after.root)
        self.settle()

    def _insert_batch(self, cursor: SQLiteCursor, log_no: int, batch: IngestBatch) -> None:
        self._recorder.insert_entries(cursor, batch.log_id.hex(), batch.start, batch.entries)
        received_ms = self._now_ms()
        cases = [
            (self._case_no(cursor, fact.case_id), log_no, fact.index, received_ms)
            for fact in batch.facts
            if fact.case_id
        ]
        cursor.executemany("INSERT INTO case_entries VALUES (?, ?, ?, ?)", cases)
        self._insert_refs(cursor, log_no, batch.facts)
        if self._author is not None and batch.log_id == self._author.log_id:
            cursor.executemany(
                "INSERT INTO own_requests VALUES (?, NULL, ?) ON CONFLICT DO NOTHING",
                [(fact.request_id, fact.index) for fact in batch.facts if fact.request_id],
            )
        write_tiles(
            cursor,
            log_no,
            batch.start,
            batch.leaf_hashes,
            lambda start, end: read_leaves(cursor, batch.log_id, start, end),
        )

    def _insert_refs(self, cursor: SQLiteCursor, log_no: int, facts: Sequence[EntryFacts]) -> None:
        rows = [
            (log_no, self._case_no(cursor, fact.case_id), ref.log_id, ref.index)
            for fact in facts
            for ref in fact.refs
        ]
        # Refs to logs that are not known here are kept in the entry and impose nothing.
        cursor.executemany(
            "INSERT INTO case_refs SELECT ?, ?, log_no, ?4 FROM logs WHERE log_id = ?3 "
            "ON CONFLICT DO UPDATE SET max_index = max(max_index, excluded.max_index)",
            rows,
        )

    def _case_no(self, cursor: SQLiteCursor, case_id: CaseId) -> int:
        number = self._cases.get(case_id)
        if number is None:
            number, _ = find_or_add_case(cursor, case_id)
            if len(self._cases) >= _CASES_CACHED:
                self._cases.clear()
            self._cases[case_id] = number
        return number

    def _guarded_root(self, cursor: SQLiteCursor, state: LogState) -> RootHash | None:
        """The root of the own log at the guard's size; None if it is not that long."""
        size = self._guard.read().size if self._guard is not None else 0
        if size > state.size:
            return None
        log_no = self._log_no(cursor, state.log_id)
        if size == 0:
            return EMPTY_ROOT
        return RootHash(
            root_of(0, size, lambda tree: subtree_hash(cursor, log_no, state.log_id, tree))
        )

    def _compare(self, state: LogState, root_at_guard: RootHash | None) -> None:
        if self._guard is None:
            self.comparison = GuardComparison(GuardVerdict.GUARD_MISSING, 0, state.size)
            self.published = state
            return
        guard = self._guard.read()
        verdict = GuardVerdict.EQUAL
        if root_at_guard is None:
            verdict = GuardVerdict.GUARD_AHEAD
        elif root_at_guard != guard.root:
            verdict = GuardVerdict.INCONSISTENT
        elif state.size > guard.size:
            verdict = GuardVerdict.DATABASE_AHEAD
            self._guard.advance(state.size, state.root)
        self.comparison = GuardComparison(verdict, guard.size, state.size)
        self.published = state
