"""Takes messages about one log: plans, verifies, judges, and hands to the writer.

One path for everything that peers send, whether it was fetched or came along with a head. Nothing
here waits: a method is called in a verification thread, and the write ends when its future says so.

A peer's fault raises and stores nothing of its message. An author's fault (a bad entry under a
valid checkpoint) is kept in `fault`; the valid entries before it are stored.
"""

from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Protocol

import structlog

from registry.application.fault_proofs import BadEntry
from registry.domain.identifiers import CaseId, LogId
from registry.errors import EntryError, LogDiverged, RootMismatch
from registry.log.checkpoint import Checkpoint
from registry.log.facts import EntryFacts
from registry.log.log_keys import LogKeys
from registry.log.partial_tree import PartialTree
from registry.log.roster import Member, Roster
from registry.peer_errors import OtherThanRoster, StaleCheckpoint
from registry.replication.entry_checks import (
    EntryFault,
    SliceResult,
    follow_rotations,
    judge_slices,
    rotations_in,
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
from registry.store.values import IngestBatch, LogState, read_header

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class ProvenHead:
    """A checkpoint that was verified, and its note."""

    note: bytes
    checkpoint: Checkpoint
    rotations: tuple[bytes, ...] = ()
    """Entries that rotated the key, as its sender showed them with it."""


@dataclass(frozen=True, slots=True)
class EntryRun:
    """Neighbouring entries as a peer sent them, and their consistency path to its checkpoint."""

    start: int
    entries: Sequence[bytes]
    path: Sequence[bytes]


class IntakeHome(Protocol):
    """What taking entries needs of a node: a `Registry`, or the simulator's node."""

    @property
    def store(self) -> EntryStore:
        """Where entries go."""

    @property
    def roster(self) -> Roster:
        """The newest one."""

    def log_keys(self, member: Member) -> LogKeys:
        """The keys of a member's log, as far as what is held of it tells."""

    def versions_of(self, member: Member) -> range:
        """The roster versions under which a member takes part with its log."""


class LogIntake:
    """What is held of one log while messages about it are taken, one after the other."""

    def __init__(
        self, home: IntakeHome, member: Member, ends: Mapping[LogId, int] | None = None
    ) -> None:
        """Reads what is held.

        Args:
            home: whose store is filled.
            member: the author.
            ends: where logs end, as it changes: nothing is taken past that.

        Raises:
            StorageError: our own disk failed.
        """
        self._home = home
        self._ends = {} if ends is None else ends
        self._keys = home.log_keys(member)
        self._active_versions = home.versions_of(member)
        self._cut = member.cut
        state = home.store.log_state(member.log_id)
        self.held = HeldLog(member.log_id, member.origin, state.size, state.range)
        self._roster_version = self._last_roster_version() if state.size else 0
        self._refs_written: dict[tuple[CaseId, LogId], int] = {}
        self.fault: EntryFault | None = None
        self.fault_under = 0
        """Size of the checkpoint that the fault stands under."""
        self.bad_entry: BadEntry | None = None
        """What the fault is about, for a proof."""

    def prove_head(
        self, note: bytes, *, offered_size: int, rotations: Sequence[bytes] = ()
    ) -> ProvenHead:
        """Verifies the note that a stream proves to; a smaller one than was offered is stale.

        Args:
            note: as the peer sent it.
            offered_size: what was asked for.
            rotations: entries by which the key was rotated, also such that are not held yet.

        Raises:
            EntryError: it is not the author's, contradicts what is held, or is stale.
        """
        keys = self._keys.learn(rotations)
        try:
            checkpoint = check_head(note, keys, self.held)
        except LogDiverged:
            self._log_contradiction(check_head(note, keys))
            raise
        if checkpoint.size < offered_size:
            msg = (
                f"a peer offered {offered_size} entries of {keys.origin} and "
                f"proves to a stale checkpoint of {checkpoint.size}"
            )
            raise StaleCheckpoint(msg)
        return ProvenHead(note, checkpoint, tuple(rotations))

    def take(self, run: EntryRun, head: ProvenHead) -> "Future[LogState]":
        """Does all steps for a few entries; the write before must be over.

        Raises:
            EntryError: the peer's bytes are wrong.
            TryLater: a newer roster must be fetched first.
            StorageError: our own disk failed.
        """
        planned = self.plan(run, head)
        judged = self.judge(planned, [self.verify(planned, 0, len(planned.entries))])
        return self.write(planned, judged, head)

    def plan(self, run: EntryRun, head: ProvenHead) -> PlannedBatch:
        """Checks the limits and the root; says what is wrong with the entries if it is not this.

        Raises:
            EntryError: the peer's bytes are wrong.
            OtherThanRoster: they are another history than that with which the roster ends the log.
        """
        try:
            planned = plan_batch(
                held=self.held,
                start=run.start,
                entries=run.entries,
                path=run.path,
                checkpoint=head.checkpoint,
            )
        except EntryError as error:
            found = diagnose(error, keys=self._keys, held_size=self.held.size, entries=run.entries)
            if isinstance(found, RootMismatch):
                self._log_contradiction(head.checkpoint)
            if found is error:
                raise
            raise found from error
        self._check_cut(planned, head.checkpoint)
        return planned

    def verify(self, planned: PlannedBatch, first: int, end: int) -> SliceResult:
        """Checks the form, place and signature of entries [first, end) of a batch."""
        return verify_slice(self._keys, planned.entries, planned.start, first, end)

    def judge(self, planned: PlannedBatch, slices: Sequence[SliceResult]) -> SliceResult:
        """Joins the slices of a batch, follows rotations in it, checks the order of its entries.

        Raises:
            TryLater: a newer roster must be fetched first.
            StorageError: our own disk failed.
        """
        return judge_slices(
            follow_rotations(slices, planned.entries, planned.start),
            last_roster_version=self._roster_version,
            newest_roster_version=self._home.roster.version,
            active_versions=self._active_versions,
            refs_reached=self._refs_reached,
        )

    def write(
        self, planned: PlannedBatch, judged: SliceResult, head: ProvenHead
    ) -> "Future[LogState]":
        """Hands what is valid of a batch to the writer; the write before must be over."""
        store = self._home.store
        facts, fault = self._up_to_the_end(judged)
        self.fault, self.fault_under = fault, head.checkpoint.size
        if fault is not None:
            self.bad_entry = self._bad_entry(planned, fault.place, head)
        if len(facts) < len(planned.entries):
            planned = cut_batch(planned, self.held, len(facts))
        if not planned.entries:
            nothing: Future[LogState] = Future()
            nothing.set_result(store.log_state(self.held.log_id))
            return nothing
        # What lies past the cut may count later: it is judged then, and its rotations noted.
        keys = judged.keys.before(planned.range.size)
        rotations = rotations_in(self._keys, judged._replace(keys=keys))
        self._keys, self._roster_version = keys, facts[-1].roster_version
        self._refs_written = {
            (fact.case_id, ref.log_id): ref.index for fact in facts for ref in fact.refs
        }
        writing = store.ingest(
            IngestBatch(
                log_id=planned.log_id,
                start=planned.start,
                entries=planned.entries,
                facts=facts,
                leaf_hashes=planned.leaf_hashes,
                range=planned.range,
                root=planned.root,
                note=head.note if planned.ends_at_checkpoint else None,
                target=head.checkpoint,
                rotations=rotations,
            )
        )
        end = planned.start + len(planned.entries)
        self.held = HeldLog(planned.log_id, self.held.origin, end, planned.range)
        return writing

    @property
    def is_whole(self) -> bool:
        """Whether the log ends, and all of it is held."""
        return self.held.size >= self._ends.get(self.held.log_id, self.held.size + 1)

    def _up_to_the_end(self, judged: SliceResult) -> tuple[list[EntryFacts], EntryFault | None]:
        """What counts of a batch of a log that ends somewhere."""
        end = self._ends.get(self.held.log_id)
        if end is None:
            return judged.facts, judged.fault
        fault = judged.fault if judged.fault is not None and judged.fault.place < end else None
        return [fact for fact in judged.facts if fact.index < end], fault

    def _check_cut(self, planned: PlannedBatch, checkpoint: Checkpoint) -> None:
        cut = self._cut
        if cut is None or not planned.start < cut.size <= planned.range.size:
            return
        reached = self.held.range.extend(planned.leaf_hashes[: cut.size - planned.start])
        if reached.root() != cut.root:
            self._log_contradiction(checkpoint)
            msg = (
                f"a peer sent {self.held.origin} with another history up to {cut.size} than that "
                "with which the roster ends it: others are asked"
            )
            raise OtherThanRoster(msg)

    def _bad_entry(self, planned: PlannedBatch, place: int, head: ProvenHead) -> BadEntry:
        tree = PartialTree(head.checkpoint.size)
        tree.add_range(self.held.range)
        tree.add_leaves(planned.start, planned.leaf_hashes)
        tree.add_consistency(planned.start + len(planned.entries), planned.path)
        entry = planned.entries[place - planned.start]
        return BadEntry(place, entry, tree.inclusion_path(place), head.note, head.rotations)

    def _log_contradiction(self, checkpoint: Checkpoint) -> None:
        """Writes down both sides of a contradiction, by size and root alone."""
        _log.error(
            "log_contradicted",
            log=self.held.origin,
            held_size=self.held.size,
            held_root=self.held.range.root().hex(),
            signed_size=checkpoint.size,
            signed_root=checkpoint.root.hex(),
        )

    def _last_roster_version(self) -> int:
        last = self._home.store.entries(self.held.log_id, self.held.size - 1, self.held.size)
        return read_header(last[0]).roster_version

    def _refs_reached(self, case_id: CaseId, target: LogId) -> int | None:
        """Reads what is stored; what is being written right now is remembered apart."""
        key = (case_id, target)
        if key in self._refs_written:
            return self._refs_written[key]
        return self._home.store.refs_reached(self.held.log_id, [key]).get(key)
