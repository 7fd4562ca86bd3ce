"""What erasure needs around a transaction: the journal before its commit, the WAL after it.

    apply      control of new entries, inside their transaction; the journal is on disk afterwards
    settle     the same of erasures that waited for a log to count again
    committed  what listeners are told, once it is committed
    after_job  takes what this job erased out of the WAL too
    truncate   the same later, as long as a reader holds the WAL

At the start the journal and the database take over each other's tombstones, so that an older
database that was put in place of this one loses the content again before anybody sees it.
"""

from collections.abc import Iterable, Sequence
from typing import Final

import structlog
from eventsourcing.sqlite import SQLiteCursor

from registry.domain.identifiers import LogId, LogsBefore, MemberId
from registry.errors import StorageError
from registry.log.facts import EntryFacts
from registry.store.connections import READER_WAIT_MS, DurableDatastore, empty_wal
from registry.store.control import (
    ControlWriter,
    all_tombstones,
    drop_erased_wants,
    forget_digests,
    want_widened,
    without_erased,
)
from registry.store.erasures import Effects, Erasures, apply_journal, bury_where_held
from registry.store.failpoints import Step, reach
from registry.store.recent import RecentAppends
from registry.store.rows import LogNumbers
from registry.store.tombstone_journal import ErasedPart, TombstoneJournal
from registry.store.values import AudienceStored, HeldPart, PartsErased, StoreEvent

_log = structlog.get_logger()
_AGAIN_WAIT_MS: Final = 20
"""So long another try waits for readers, a second later; appends wait with it."""


class Erasing:
    """Used by the writer alone."""

    def __init__(
        self,
        datastore: DurableDatastore,
        numbers: LogNumbers,
        recent: RecentAppends,
        journal: TombstoneJournal | None,
        member_id: MemberId | None,
        logs_before: LogsBefore | None,
    ) -> None:
        self._datastore = datastore
        self._numbers = numbers
        self._recent = recent
        self._journal = journal
        self._member_id = member_id
        self._erasures = Erasures(numbers, logs_before)
        self._effects = Effects()
        self._not_held: dict[tuple[LogId, int], list[ErasedPart]] = {}
        # The node may have stopped between the commit of an erasure and the truncation.
        self._must_truncate = True
        self._has_just_erased = False

    def take_over(self, cursor: SQLiteCursor) -> None:
        """Brings journal and database to the same tombstones, inside a transaction."""
        if self._journal is not None:
            self._journal.append(all_tombstones(cursor))
            carried_out = apply_journal(cursor, self._journal.records)
            self._not_held = carried_out.not_held
            reach(Step.TOMBSTONES_TAKEN_OVER)
            self._note_erased(has_erased=carried_out.has_deleted)
        self.settle(cursor)
        self._note_erased(has_erased=bool(self._effects.erased))

    def settle(self, cursor: SQLiteCursor) -> None:
        """Carries out the erasures that wait and need not, inside a transaction.

        Raises:
            GuardError: the journal could not be written.
        """
        self._effects = Effects()
        self._erasures.settle(cursor, self._effects)
        self._keep()

    def apply(
        self, cursor: SQLiteCursor, log_id: LogId, facts: Iterable[EntryFacts], *, is_own: bool
    ) -> None:
        """Carries out the control of entries that were just stored.

        Raises:
            GuardError: the journal could not be written.
        """
        self._effects = Effects()
        with_control: list[EntryFacts] = []
        for fact in facts:
            if fact.control:
                with_control.append(fact)
            if self._not_held:
                self._bury(cursor, log_id, fact)
            self._erasures.arrived(cursor, (log_id, fact.index), self._effects)
        if with_control:
            self._apply(cursor, log_id, with_control)
        if not is_own:
            # A request id in another log's header may be copied from here.
            self._effects.forgotten.clear()
        forget_digests(cursor, self._effects.forgotten)
        self._keep()

    def committed(self) -> list[StoreEvent]:
        """Tells what the last `apply` or `settle` did, once it is committed."""
        effects, self._effects = self._effects, Effects()
        self._recent.forget_digests(effects.forgotten)
        self._note_erased(has_erased=bool(effects.erased))
        if effects.erased:
            reach(Step.ERASE_COMMITTED)
        events: list[StoreEvent] = []
        for log_id in dict.fromkeys(part.log_id for part in effects.erased):
            keys = tuple((p.index, p.ordinal) for p in effects.erased if p.log_id == log_id)
            events.append(PartsErased(log_id, keys))
        widened = dict.fromkeys(log_id for log_id, _ in effects.widened)
        return [*events, *(AudienceStored(log_id) for log_id in widened)]

    def allowed(self, cursor: SQLiteCursor, parts: Sequence[HeldPart]) -> list[HeldPart]:
        """Leaves out parts that were erased."""
        return without_erased(cursor, self._numbers, parts)

    def passed(self, cursor: SQLiteCursor, log_id: LogId, before: int, below: int) -> None:
        """The watermark of a log moved: what a widening admitted meanwhile is wanted."""
        if self._member_id is not None and before < below:
            log_no = self._numbers.of(cursor, log_id)
            want_widened(cursor, log_no, log_id, self._member_id, before, below)
        drop_erased_wants(cursor, self._numbers.of(cursor, log_id))

    def after_job(self) -> None:
        """Empties the WAL if this job erased something; later jobs do not wait for it again."""
        if not self._has_just_erased:
            return
        self._has_just_erased = False
        try:
            self.truncate(READER_WAIT_MS)
        except StorageError as error:
            # What was asked for is committed, and its asker waits. `truncate` is called again.
            _log.error("erased_content_left_in_wal", reason=error.reason)

    def truncate(self, wait_ms: int = _AGAIN_WAIT_MS) -> bool:
        """Empties the WAL if something was erased; returns whether nothing is left to do."""
        if self._must_truncate:
            with self._datastore.outside_transaction() as cursor:
                self._must_truncate = not empty_wal(cursor, wait_ms)
            reach(Step.ERASE_TRUNCATED)
        return not self._must_truncate

    def close(self) -> None:
        """Closes the journal."""
        if self._journal is not None:
            self._journal.close()

    def _apply(self, cursor: SQLiteCursor, log_id: LogId, facts: Iterable[EntryFacts]) -> None:
        writer = ControlWriter(
            cursor, self._numbers, log_id, self._member_id, self._erasures, self._effects
        )
        for fact in facts:
            writer.apply(fact)

    def _keep(self) -> None:
        """Takes what was erased to the journal, before the commit."""
        if self._effects.erased and self._journal is not None:
            reach(Step.ERASE_APPLIED)
            self._journal.append(self._effects.erased)

    def _bury(self, cursor: SQLiteCursor, log_id: LogId, fact: EntryFacts) -> None:
        """Carries out what the journal says of an entry that was not held until now."""
        for part in self._not_held.get((log_id, fact.index), ()):
            bury_where_held(cursor, self._numbers.of(cursor, log_id), part, fact.parts)

    def _note_erased(self, *, has_erased: bool) -> None:
        self._must_truncate = self._must_truncate or has_erased
        self._has_just_erased = self._has_just_erased or has_erased
