"""The store on SQLite: writing. Everything here runs in the writer's thread.

An append group, step by step: take the write lock; compare (size, root) with what was last signed;
insert the entries and the rows that go with them; read the new entries back and compute the root
from what was read; sign; store the note; commit; advance the guard; only then answer. If anything
from the commit on fails, appending stops until the node is started again.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Final

import structlog
from eventsourcing.sqlite import SQLiteCursor

from registry.domain.identifiers import LogId, LogsBefore, MemberId, Origin, RootHash
from registry.errors import (
    CorruptDatabase,
    DamagedLog,
    GuardError,
    LogDiverged,
    LogReadOnly,
    MisplacedEntry,
    NodeKeyMissing,
    RegistryError,
    StorageError,
)
from registry.log.author import Author
from registry.log.facts import GuardComparison, GuardVerdict
from registry.log.merkle import EMPTY_RANGE, EMPTY_ROOT
from registry.store.append_group import AppendGroup
from registry.store.batch_inserter import BatchInserter
from registry.store.connections import DurableDatastore
from registry.store.erasing import Erasing
from registry.store.failpoints import Step, reach
from registry.store.freezes import FreezeChange
from registry.store.guard import Guard
from registry.store.own_log import compare_own_log, may_be_shown
from registry.store.parts import mark_asked, parts_stored, store_parts
from registry.store.recent import RecentAppends
from registry.store.recorder import LogRecorder, Visibility
from registry.store.rotations import Rotations
from registry.store.rows import (
    LogNumbers,
    check_unchanged,
    insert_logs,
    read_state,
    refuse_if_frozen,
    write_head,
)
from registry.store.sealing import NodeKeys
from registry.store.tombstone_journal import TombstoneJournal
from registry.store.values import (
    Appended,
    AppendRequest,
    AskedParts,
    EntriesStored,
    HeldPart,
    IngestBatch,
    LogState,
    StoreEvent,
)

_log = structlog.get_logger()
_STARTING: Final = "the node is starting: its log opens when the start-up fence has passed"


class SqliteWriting:
    """The writing half of a store."""

    def __init__(  # noqa: PLR0913 - what a node has, each by its name
        self,
        datastore: DurableDatastore,
        recorder: LogRecorder,
        *,
        author: Author | None,
        guard: Guard | None,
        node_keys: NodeKeys | None,
        now_ms: Callable[[], int],
        journal: TombstoneJournal | None = None,
        member_id: MemberId | None = None,
        logs_before: LogsBefore | None = None,
    ) -> None:
        self._datastore = datastore
        self._recorder = recorder
        self._author = author
        self._guard = guard
        self._node_keys = node_keys
        self._now_ms = now_ms
        self._batches = BatchInserter(recorder)
        self._numbers = LogNumbers()
        self._recent = RecentAppends()
        self.rotations = Rotations(self._numbers)
        self._erasing = Erasing(
            datastore, self._numbers, self._recent, journal, member_id, logs_before
        )
        self.listeners: list[Callable[[StoreEvent], None]] = []
        self.published: LogState | None = None
        self.read_only_reason: str | None = _STARTING
        self._failure: str | None = None
        self.events: list[StoreEvent] = []
        self.comparison = GuardComparison(GuardVerdict.GUARD_MISSING, 0, 0)

    def load(self, cursor: SQLiteCursor) -> None:
        """Reads what the writer remembers; called once, when the tables are there."""
        self._erasing.take_over(cursor)
        self._recent.load(cursor, None if self._author is None else self._author.log_id)
        self.rotations.load(cursor)

    def settle(self) -> None:
        """Compares guard and database; a database that extends the guard advances it."""
        if self._author is None:
            return
        with self._datastore.reading() as cursor:
            cursor.execute("SELECT 1 FROM logs WHERE log_id = ?", (self._author.log_id,))
            if cursor.fetchone() is None:
                return
            state = read_state(cursor, self._author.log_id)
            self.comparison = compare_own_log(cursor, self._numbers, self._guard, state)
        self._publish(state)

    def close(self) -> None:
        """Closes the guard."""
        if self._guard is not None:
            self._guard.close()
        self._erasing.close()

    def finish_erasures(self) -> bool:
        """Takes what was erased out of the WAL; returns whether nothing is left to do."""
        return self._erasing.truncate()

    # --- appends --------------------------------------------------------------------------------

    def use_author(self, author: Author) -> None:
        """Signs with another key of the own log from now on."""
        self._author = author

    def rotate_key(self, request: Callable[[int], AppendRequest], after: Author) -> Appended:
        """Appends a rotation, alone and under a note of its own; `after` signs what follows."""
        size = 0 if self.published is None else self.published.size
        (outcome,) = self.append_group([request(size)], after)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    def append_group(
        self, requests: Sequence[AppendRequest], after_rotation: Author | None = None
    ) -> list[Appended | Exception]:
        """Appends all requests that can be appended; each gets its result or its own error."""
        if (
            self.read_only_reason is not None
            or self._author is None
            or self._node_keys is None
            or self.published is None
        ):
            raise LogReadOnly(self.read_only_reason or "this store has no log of its own")
        before = self.published
        refuse_if_frozen(before)
        group: AppendGroup | None = None
        try:
            with self._datastore.writing() as cursor:
                check_unchanged(cursor, before)
                group = AppendGroup(
                    cursor,
                    self._recorder,
                    author=self._author,
                    log_no=self._numbers.of(cursor, before.log_id),
                    before=before,
                    recent=self._recent,
                    node_keys=self._node_keys,
                    received_ms=self._now_ms(),
                )
                group.add_all(requests)
                after = group.store()
                if after_rotation is not None and group.entries:
                    start = before.size
                    self.rotations.insert(cursor, after.log_id, start, group.entries, start)
                self._erasing.apply(cursor, after.log_id, group.control_facts(), is_own=True)
            group.committed()
            if after_rotation is not None:
                self.rotations.committed()
                self._author = after_rotation
            events = self._erasing.committed()
            self._advance_guard(after)
            reach(Step.APPEND_GUARDED)
        except BaseException as error:
            # Before a note was signed nothing happened: the next append may try again, unless the
            # database is not what it was.
            is_changed = isinstance(error, CorruptDatabase) and not isinstance(error, DamagedLog)
            if is_changed or (group is not None and group.is_signed):
                self._stop(error)
            if isinstance(error, RegistryError) or not isinstance(error, Exception):
                raise
            msg = f"the event could not be stored: {error}"
            raise StorageError(msg) from error
        self.published = after
        if after.size > before.size:
            self._tell_entries(after, before.size, group.entries)
            self.events += [*group.parts_stored(), *events]
        return group.results()

    # --- everything else ------------------------------------------------------------------------

    def ingest(self, batch: IngestBatch) -> LogState:
        """Stores a checked batch, all or nothing; a batch of the own log advances the guard."""
        end = batch.start + len(batch.entries)
        is_own = self._author is not None and batch.log_id == self._author.log_id
        with self._writing() as cursor:
            state = read_state(cursor, batch.log_id)
            if state.size != batch.start:
                msg = f"{state.origin} has {state.size} entries, the batch starts at {batch.start}"
                raise MisplacedEntry(msg)
            if state.frozen_at is not None and end > state.frozen_at:
                msg = f"{state.origin} is frozen at {state.frozen_at}"
                raise LogDiverged(msg)
            log_no = self._numbers.of(cursor, batch.log_id)
            self._batches.insert(cursor, log_no, batch, received_ms=self._now_ms(), is_own=is_own)
            after = write_head(cursor, log_no, state, batch)
            entries, places = batch.entries, batch.rotations
            self.rotations.insert(cursor, batch.log_id, batch.start, entries, *places)
            if is_own:
                self._check_recovered(cursor, after)
            # Last: it writes to the journal, which does not roll back.
            self._erasing.apply(cursor, batch.log_id, batch.facts, is_own=is_own)
        reach(Step.INGEST_COMMITTED)
        self.rotations.committed()
        if is_own:
            self._recover(after, batch)
            reach(Step.RECOVERY_GUARDED)
        self._tell_entries(after, batch.start, batch.entries)
        self.events += self._erasing.committed()
        return after

    def put_parts(self, parts: Sequence[HeldPart], asked: AskedParts | None) -> None:
        """Stores parts, wanted no more from then on, and moves the watermark with them."""
        if parts and self._node_keys is None:
            msg = "this store was opened without its node key: it takes no content"
            raise NodeKeyMissing(msg)
        with self._writing() as cursor:
            parts = self._erasing.allowed(cursor, parts)
            if self._node_keys is not None:
                store_parts(cursor, self._numbers, parts, self._node_keys)
            if asked is not None:
                before = read_state(cursor, asked.log_id).parts_below
                mark_asked(cursor, self._numbers, asked)
                self._erasing.passed(cursor, asked.log_id, before, asked.below)
        reach(Step.PARTS_COMMITTED)
        own = self.published
        if asked is not None and own is not None and own.log_id == asked.log_id:
            self.published = own._replace(parts_below=max(own.parts_below, asked.below))
        self.events += parts_stored(parts)

    def remember_own_checkpoint(self, size: int, root: RootHash) -> None:
        """Advances the guard to a checkpoint of the own log that somebody else still holds."""
        if self._guard is not None and size > self._guard.read().size:
            self._guard.advance(size, root)
            self.settle()

    def change_freeze(self, log_id: LogId, change: FreezeChange) -> bool:
        """Moves where a log ends; returns whether that changed anything."""
        with self._writing() as cursor:
            event = change(cursor, self._numbers.of(cursor, log_id), log_id)
            if event is not None:
                self._erasing.settle(cursor)
        if self.published is not None and self.published.log_id == log_id:
            self.settle()
        self.events += [event, *self._erasing.committed()] if event is not None else []
        return event is not None

    def register_logs(self, origins: Sequence[Origin]) -> None:
        """Makes logs known."""
        with self._writing() as cursor:
            insert_logs(cursor, origins)
            self._erasing.take_over(cursor)
        self.settle()

    def attach_guard(self, guard: Guard) -> None:
        """Takes a guard that was made anew and brings it to the size of the own log."""
        self._guard = guard
        self.settle()

    def allow_appends(self) -> None:
        """Opens the own log if guard and database allow it."""
        if self._failure is not None:
            raise LogReadOnly(self._failure)
        if self.comparison.kind is GuardVerdict.DATABASE_DAMAGED:
            self.settle()  # it may be repaired
        verdict = self.comparison.kind
        if verdict not in (GuardVerdict.EQUAL, GuardVerdict.DATABASE_AHEAD):
            msg = f"the own log cannot be opened: guard and database are {verdict.value}"
            raise LogReadOnly(msg)
        if self.published is not None:
            refuse_if_frozen(self.published)
        self.read_only_reason = None

    def tell(self) -> None:
        """Calls the listeners for what was stored and wakes the library's subscriptions."""
        events, self.events = self.events, []
        if events:
            self._recorder.notify()
        for event in events:
            for listener in self.listeners:
                try:
                    listener(event)
                except Exception:  # noqa: BLE001 - what is stored is stored, whoever fails to hear
                    _log.exception("store_listener_failed", kind=type(event).__name__)
        self._erasing.after_job()

    def visibility(self, log_id_hex: str, index: int) -> Visibility:
        """Tells whether readers may see an entry: of the own log only what the guard covers."""
        own = self.published
        if own is None or log_id_hex != own.log_id.hex() or index < own.size:
            return Visibility.SHOWN
        if self.comparison.kind is GuardVerdict.INCONSISTENT:
            return Visibility.HIDDEN
        return Visibility.PENDING

    def compare_now(self) -> GuardComparison:
        """Compares guard and database as they stand."""
        if self._author is None or self.published is None:
            return self.comparison
        with self._datastore.reading() as cursor:
            state = read_state(cursor, self._author.log_id)
            return compare_own_log(cursor, self._numbers, self._guard, state)

    # --- inside ---------------------------------------------------------------------------------

    @contextmanager
    def _writing(self) -> Iterator[SQLiteCursor]:
        try:
            with self._datastore.writing() as cursor:
                yield cursor
        except BaseException:
            self._batches.forget()
            raise

    def _advance_guard(self, after: LogState) -> None:
        if self._guard is None:
            msg = "the guard is missing"
            raise GuardError(msg)
        self._guard.advance(after.size, after.root)

    def _tell_entries(self, after: LogState, start: int, entries: Sequence[bytes]) -> None:
        end = start + len(entries)
        self.events.append(
            EntriesStored(
                after.log_id, start, end, after.note, after.noted_size, entries, after.parts_below
            )
        )

    def _stop(self, error: BaseException) -> None:
        # Told to every caller from now on: the error's own text may name files of this node.
        reason = error.reason if isinstance(error, RegistryError) else type(error).__name__
        self._failure = f"an append failed ({reason}); start the node again"
        self.read_only_reason = self._failure

    def _check_recovered(self, cursor: SQLiteCursor, after: LogState) -> None:
        """Refuses own entries that contradict what this node once signed."""
        if self._guard is None:
            return
        verdict = compare_own_log(cursor, self._numbers, self._guard, after).kind
        if verdict is GuardVerdict.DATABASE_DAMAGED:
            msg = "own entries before those of a peer are damaged on this disk"
            raise LogReadOnly(msg)
        if verdict is GuardVerdict.INCONSISTENT:
            msg = (
                f"own entries from a peer do not lead to the root signed at size "
                f"{self._guard.read().size}: the log has forked, a new epoch is needed"
            )
            raise GuardError(msg)

    def _recover(self, after: LogState, batch: IngestBatch) -> None:
        """Own entries came back from a peer: the guard follows where it is behind.

        It goes to the checkpoint that is being fetched: if this node stops halfway, a start
        without peers must not go on from there.
        """
        if self._guard is not None and after.size >= self._guard.read().size:
            size, root = after.size, after.root
            if batch.target is not None and batch.target.size > size:
                size, root = batch.target.size, batch.target.root
            self._guard.advance(size, root)
        self.settle()

    def _publish(self, state: LogState) -> None:
        verdict = self.comparison.kind
        if verdict is GuardVerdict.DATABASE_AHEAD and self._failure is not None:
            return  # a write failed: only a restart decides what counts
        if verdict is GuardVerdict.DATABASE_AHEAD:
            self._advance_guard(state)
        if not may_be_shown(self.comparison, self._guard, state):
            # Which of two histories counts is not known: none of the own log is shown.
            state = state._replace(
                size=0, root=EMPTY_ROOT, range=EMPTY_RANGE, note=None, noted_size=0
            )
        self.published = state
