"""Takes one log of a bundle: its note, its runs, and what its author did wrong."""

from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from registry.application.bundles.fault_intake import FaultIntake, keys_shown
from registry.application.intake import EntryRun, LogIntake, ProvenHead
from registry.application.registry import Registry
from registry.errors import BadProof, BundleGap, EntryError, LogDiverged
from registry.log.bundle import BundleEntries, BundleHead
from registry.log.checkpoint import Checkpoint, parse_checkpoint, parse_note
from registry.log.merkle import verify_consistency
from registry.log.roster import Member
from registry.replication.entry_checks import SliceResult
from registry.replication.ingest import PlannedBatch
from registry.store.values import LogState

_SMALL_RUN: Final = 16


@dataclass
class LogImport:
    """What was taken of one log: the sizes held before and now, and what was wrong with it."""

    origin: str
    before: int
    after: int
    reason: str = ""
    detail: str = ""


class LogTaking:
    """One log of a bundle."""

    def __init__(
        self, registry: Registry, head: BundleHead, pool: ThreadPoolExecutor, faults: FaultIntake
    ) -> None:
        self._registry = registry
        self._pool = pool
        self._head = head
        self._faults = faults
        self._member: Member = registry.roster.member_by_log(head.log_id)
        faults.shown(keys_shown(registry.log_keys(self._member), head))
        ends_at = registry.store.log_state(head.log_id).frozen_at
        self._ends = {} if ends_at is None else {head.log_id: ends_at}
        self._intake = LogIntake(registry, self._member, self._ends)
        self._checkpoint = parse_checkpoint(parse_note(head.note).text)
        self._proven: ProvenHead | None = None
        self._other: tuple[int, bytes] | None = None
        self._other_note: Checkpoint | None = None
        self._writing: Future[LogState] | None = None
        size = self._intake.held.size
        self.told = LogImport(self._member.origin, size, size)

    def begin(self) -> None:
        """Verifies the checkpoint, also where nothing is new: it may show another history."""
        proven = self._intake.prove_head(
            self._head.note, offered_size=0, rotations=self._head.rotations
        )
        checkpoint, store = proven.checkpoint, self._registry.store
        if checkpoint.size <= self._intake.held.size:
            if store.root_at(self._head.log_id, checkpoint.size) != checkpoint.root:
                msg = (
                    f"the bundle shows another history of {self._member.origin} than is held here, "
                    f"both signed by its author at size {checkpoint.size}"
                )
                raise LogDiverged(msg)
        elif self._head.log_id == self._registry.own.log_id:
            # Another copy of this node has written it, or this one was restored from a backup.
            store.remember_own_checkpoint(checkpoint.size, checkpoint.root).result()
        self._proven = proven

    def take(self, record: BundleEntries) -> None:
        """Takes what is new of a run, and compares what is not."""
        self._compare(record)
        held, end = self._intake.held.size, record.start + len(record.entries)
        if self._proven is None or self._intake.fault is not None:
            return
        if held >= min(end, self._ends.get(self._head.log_id, end)):
            return
        if record.start > held:  # it was frozen when the whole bundle was looked at
            self._proven = None
            self.told.reason = BundleGap.reason
            self.told.detail = f"import a bundle with entries {held} to {record.start} first"
            return
        run = EntryRun(held, record.entries[held - record.start :], record.path)
        planned = self._intake.plan(run, self._proven)
        judged = self._intake.judge(planned, self._verify(planned))
        self._settle()
        self._writing = self._intake.write(planned, judged, self._proven)

    def end(self) -> None:
        """Waits for the last write, and proves what its author did wrong."""
        self._settle()
        self._prove_other_history()
        fault, bad = self._intake.fault, self._intake.bad_entry
        if fault is None:
            return
        self.told.reason, self.told.detail = fault.reason, fault.detail
        if bad is not None:
            self._faults.prove_bad_entry(self._member, bad)

    def fail(self, error: EntryError) -> None:
        """Takes nothing more of this log; the own one never goes on after a fork."""
        self._proven = None
        self.told.reason, self.told.detail = error.reason, str(error)
        if not isinstance(error, LogDiverged):
            return
        self._other_note = self._checkpoint
        if self._head.log_id == self._registry.own.log_id:
            keys = keys_shown(self._registry.log_keys(self._member), self._head)
            # Whoever can find an old key can write such notes: they stop nobody.
            if not keys.is_retired(self._checkpoint.size):
                held, store = self._intake.held.size, self._registry.store
                store.freeze(self._head.log_id, held, error.reason, self._head.note).result()

    def _prove_other_history(self) -> None:
        """By the first entry that is another one: it stands before all that a note can show."""
        if self._other is not None:
            self._faults.prove_two_entries(self._member, *self._other)
        if self._other_note is not None:
            self._faults.prove_two_notes(self._member, self._head, self._other_note)

    def _compare(self, record: BundleEntries) -> None:
        """Finds the first entry of a bundle that is not the one that is held."""
        end = min(record.start + len(record.entries), self.told.before)
        if self._other is not None or end <= record.start or self._leads_there(record):
            return
        at = record.start
        while at < end:
            for ours in self._registry.store.entries(self._head.log_id, at, end):
                if ours != (theirs := record.entries[at - record.start]):
                    self._other = (at, theirs)
                    return
                at += 1

    def _leads_there(self, record: BundleEntries) -> bool:
        """Whether what is held up to the end of a run leads to the bundle's checkpoint."""
        end = record.start + len(record.entries)
        if end > self.told.before:
            return False
        with suppress(BadProof):
            verify_consistency(
                first_size=end,
                first_root=self._registry.store.root_at(self._head.log_id, end),
                second_size=self._checkpoint.size,
                second_root=self._checkpoint.root,
                path=record.path,
            )
            return True
        return False

    def _settle(self) -> None:
        writing, self._writing = self._writing, None
        if writing is not None:
            self.told.after = writing.result().size

    def _verify(self, planned: PlannedBatch) -> list[SliceResult]:
        count = len(planned.entries)
        if count <= _SMALL_RUN:
            return [self._intake.verify(planned, 0, count)]
        half = count // 2
        slices = [
            self._pool.submit(self._intake.verify, planned, first, end)
            for first, end in ((0, half), (half, count))
        ]
        return [each.result() for each in slices]
