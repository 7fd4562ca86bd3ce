"""A receiver of entries: what the node's fetcher does with the ingest core, without a network.

The steps and their order are those of `registry_node.fetching`; only threads and the overlap of its
stages are left out. A `Keeper` is where batches go: memory, or a real store.
"""

import sqlite3
from collections.abc import Hashable, Iterable
from contextlib import closing
from pathlib import Path
from typing import Protocol

from registry.api.v1 import replication_pb2
from registry.domain.identifiers import CaseId, LogId
from registry.errors import EntryError, TruncatedStream
from registry.log.checkpoint import Checkpoint
from registry.log.entry import decode_header, split_entry
from registry.log.log_keys import LogKeys
from registry.log.merkle import EMPTY_RANGE
from registry.peer_errors import StaleCheckpoint
from registry.replication.entry_checks import (
    EntryFault,
    SliceResult,
    judge_slices,
    verify_slice,
)
from registry.replication.ingest import (
    HeldLog,
    PlannedBatch,
    check_head,
    cut_batch,
    diagnose,
    plan_batch,
)
from registry.store.entries import EntryStore
from registry.store.values import IngestBatch

SLICES = 4


class Keeper(Protocol):
    """Where checked batches of one log go."""

    def held(self) -> HeldLog: ...

    def last_roster_version(self) -> int: ...

    def refs_reached(self, case_id: CaseId, target: LogId) -> int | None: ...

    def ingest(self, batch: IngestBatch) -> None: ...

    def picture(self) -> Hashable:
        """All that is kept, to be compared."""


class MemoryKeeper:
    """Keeps a log in lists."""

    def __init__(self, author: LogKeys) -> None:
        self.batches: list[IngestBatch] = []
        self._held = HeldLog(author.log_id, author.origin, 0, EMPTY_RANGE)

    def held(self) -> HeldLog:
        return self._held

    def entries(self) -> list[bytes]:
        return [entry for batch in self.batches for entry in batch.entries]

    def last_roster_version(self) -> int:
        return self.batches[-1].facts[-1].roster_version if self.batches else 0

    def refs_reached(self, case_id: CaseId, target: LogId) -> int | None:
        return max(
            (
                ref.index
                for batch in self.batches
                for fact in batch.facts
                for ref in fact.refs
                if (fact.case_id, ref.log_id) == (case_id, target)
            ),
            default=None,
        )

    def ingest(self, batch: IngestBatch) -> None:
        assert batch.start == self._held.size
        self.batches.append(batch)
        end = batch.start + len(batch.entries)
        self._held = HeldLog(batch.log_id, self._held.origin, end, batch.range)

    def picture(self) -> Hashable:
        notes = tuple((batch.note, batch.target) for batch in self.batches)
        return (tuple(self.entries()), self._held, notes)


class StoreKeeper:
    """Keeps a log in a store on SQLite."""

    def __init__(self, author: LogKeys, store: EntryStore, database: Path) -> None:
        self._log_id = author.log_id
        self._store = store
        self._database = database

    def held(self) -> HeldLog:
        state = self._store.log_state(self._log_id)
        return HeldLog(state.log_id, state.origin, state.size, state.range)

    def last_roster_version(self) -> int:
        size = self._store.log_state(self._log_id).size
        last = self._store.entries(self._log_id, size - 1, size) if size else []
        return decode_header(split_entry(last[0])[0]).roster_version if last else 0

    def refs_reached(self, case_id: CaseId, target: LogId) -> int | None:
        key = (case_id, target)
        return self._store.refs_reached(self._log_id, [key]).get(key)

    def ingest(self, batch: IngestBatch) -> None:
        self._store.ingest(batch).result()

    def picture(self) -> Hashable:
        return dump(self._database)


def dump(database: Path) -> str:
    """Every table of a database as text."""
    with closing(sqlite3.connect(database)) as connection:
        return "\n".join(connection.iterdump())


class Receiver:
    """Takes one stream of messages about one log."""

    def __init__(
        self, author: LogKeys, keeper: Keeper, *, offered_size: int = 0, roster_version: int = 1
    ) -> None:
        """Starts a fetch.

        Args:
            author: who must have written the log.
            keeper: where batches go.
            offered_size: what the peer promised.
            roster_version: the newest that the receiver holds.
        """
        self._author = author
        self._keeper = keeper
        self._offered_size = offered_size
        self._roster_version = roster_version
        self._note = b""
        self._checkpoint: Checkpoint | None = None
        self.fault: EntryFault | None = None

    def take_all(self, messages: Iterable[replication_pb2.GetEntriesResponse]) -> None:
        """Takes messages until the checkpoint or an author's fault is met.

        Raises:
            EntryError: a message was refused, or the stream ended too soon.
        """
        for message in messages:
            self.take(message)
            if self.is_done:
                return
        msg = "the stream ended before the checkpoint was reached"
        raise TruncatedStream(msg)

    @property
    def is_done(self) -> bool:
        if self.fault is not None or self._checkpoint is None:
            return self.fault is not None
        return self._keeper.held().size == self._checkpoint.size

    def take(self, message: replication_pb2.GetEntriesResponse) -> None:
        """Takes one message: all of it, what is before an author's fault, or nothing."""
        held = self._keeper.held()
        checkpoint = self._checkpoint or self._check_note(message.checkpoint, held)
        entries = list(message.entries)
        try:
            planned = plan_batch(
                held=held,
                start=message.start,
                entries=entries,
                path=list(message.consistency_path),
                checkpoint=checkpoint,
            )
        except EntryError as error:
            raise diagnose(
                error, keys=self._author, held_size=held.size, entries=entries
            ) from error
        facts, self.fault, self._author = self._verify(planned)
        if self.fault is not None:
            planned = cut_batch(planned, held, len(facts))
        if planned.entries:
            self._keeper.ingest(
                IngestBatch(
                    log_id=planned.log_id,
                    start=planned.start,
                    entries=planned.entries,
                    facts=facts,
                    leaf_hashes=planned.leaf_hashes,
                    range=planned.range,
                    root=planned.root,
                    note=self._note if planned.ends_at_checkpoint else None,
                    target=checkpoint,
                )
            )

    def _check_note(self, note: bytes, held: HeldLog) -> Checkpoint:
        checkpoint = check_head(note, self._author, held)
        if checkpoint.size < self._offered_size:
            msg = f"a stale checkpoint of {checkpoint.size}, {self._offered_size} were offered"
            raise StaleCheckpoint(msg)
        self._note, self._checkpoint = note, checkpoint
        return checkpoint

    def _verify(self, planned: PlannedBatch) -> SliceResult:
        count = len(planned.entries)
        step = -(-count // SLICES)
        return judge_slices(
            [
                verify_slice(
                    self._author, planned.entries, planned.start, first, min(first + step, count)
                )
                for first in range(0, count, step)
            ],
            last_roster_version=self._keeper.last_roster_version(),
            newest_roster_version=self._roster_version,
            active_versions=range(1, self._roster_version + 1),
            refs_reached=self._keeper.refs_reached,
        )
