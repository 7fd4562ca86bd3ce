"""The rows of a batch of checked entries: entries, cases, refs, own requests, tiles.

Everything is inserted inside the caller's transaction. Case numbers are remembered between batches,
because nearly every batch is about cases that were seen before.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from eventsourcing.sqlite import SQLiteCursor

from registry.domain.identifiers import CaseId
from registry.errors import BackwardEntry
from registry.log.facts import EntryFacts
from registry.store.failpoints import Step, reach
from registry.store.recorder import LogRecorder, insert_rows
from registry.store.rows import read_leaves
from registry.store.tiles import write_tiles
from registry.store.values import IngestBatch

_CASES_REMEMBERED: Final = 50_000


class BatchInserter:
    """Inserts batches, one after the other; used by the writer's thread alone."""

    def __init__(self, recorder: LogRecorder) -> None:
        self._recorder = recorder
        self._cases: dict[CaseId, int] = {}

    def forget(self) -> None:
        """Must be called after a rollback: numbers given inside it are not there any more."""
        self._cases.clear()

    def insert(
        self,
        cursor: SQLiteCursor,
        log_no: int,
        batch: IngestBatch,
        *,
        received_ms: int,
        is_own: bool,
    ) -> None:
        """Inserts all rows of a batch but the head of its log.

        Args:
            cursor: inside the transaction.
            log_no: the log's number.
            batch: checked entries.
            received_ms: this node's clock, milliseconds UTC.
            is_own: whether these are own entries that come back: then their request ids are kept.

        Raises:
            BackwardEntry: a ref goes back behind one of an earlier entry.
        """
        self._recorder.insert_entries(cursor, batch.log_id.hex(), batch.start, batch.entries)
        numbers = self._case_numbers(cursor, batch.facts)
        cases = [
            (numbers[fact.case_id], log_no, fact.index, received_ms)
            for fact in batch.facts
            if fact.case_id
        ]
        insert_rows(cursor, "INSERT INTO case_entries", cases)
        _insert_refs(cursor, log_no, batch.facts, numbers)
        if is_own:
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
        reach(Step.INGEST_INSERTED)

    def _case_numbers(
        self, cursor: SQLiteCursor, facts: Sequence[EntryFacts]
    ) -> Mapping[CaseId, int]:
        """Numbers the cases of a batch, in one statement for those that are known here already."""
        if len(self._cases) >= _CASES_REMEMBERED:
            self._cases.clear()
        wanted = dict.fromkeys(f.case_id for f in facts if f.case_id)
        missing = [case_id for case_id in wanted if case_id not in self._cases]
        if missing:
            marks = ",".join("?" * len(missing))
            cursor.execute(
                f"SELECT case_id, case_no FROM case_ids WHERE case_id IN ({marks})",  # noqa: S608 - placeholders only
                missing,
            )
            self._cases.update((CaseId(row[0]), row[1]) for row in cursor.fetchall())
            new = [case_id for case_id in missing if case_id not in self._cases]
            cursor.execute("SELECT coalesce(max(case_no), 0) FROM case_ids")
            rows = list(enumerate(new, cursor.fetchone()[0] + 1))
            insert_rows(cursor, "INSERT INTO case_ids", rows)
            self._cases.update((case_id, number) for number, case_id in rows)
        return self._cases


def _insert_refs(
    cursor: SQLiteCursor,
    log_no: int,
    facts: Sequence[EntryFacts],
    numbers: Mapping[CaseId, int],
) -> None:
    """Moves the refs of each case forward; a smaller one changes no row and is noticed by that."""
    for fact in facts:
        for ref in fact.refs:
            cursor.execute(
                "INSERT INTO case_refs VALUES (?, ?, ?, ?) "
                "ON CONFLICT DO UPDATE SET max_index = excluded.max_index "
                "WHERE excluded.max_index >= max_index",
                (log_no, numbers[fact.case_id], ref.log_id, ref.index),
            )
            if not cursor.sqlite_cursor.rowcount:
                msg = f"a ref to event {ref.index} of log {ref.log_id.hex()} goes back"
                raise BackwardEntry(msg)
