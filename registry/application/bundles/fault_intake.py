"""What an import does about authors' faults: takes proofs, makes them, lets go of retired ones.

A proof is judged by the roster alone, so that nobody is believed who wrote or carried the bundle.
What no proof can be made of freezes nothing: it is told, and not taken.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

import structlog

from registry.application.fault_proofs import BadEntry
from registry.application.registry import Registry
from registry.domain.identifiers import LogId
from registry.errors import EntryError, NotFound, TryLater
from registry.log.bundle import BundleHead
from registry.log.checkpoint import Checkpoint
from registry.log.fault_proof import SignedPrefix, two_entries
from registry.log.fault_verdict import Verdict, newest_generation
from registry.log.log_keys import LogKeys
from registry.log.roster import Member
from registry.store.values import read_header

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class FaultImport:
    """A proof that is new here: entries of a log from `frozen_at` on are void by it."""

    origin: str
    frozen_at: int
    reason: str


class FaultIntake:
    """The fault proofs of one import."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._shown: dict[LogId, int] = {}
        self.told: list[FaultImport] = []
        """Those that are new here."""

    def shown(self, keys: LogKeys) -> None:
        """Learns how often a log's key was rotated: proofs of keys before that count no more.

        Raises:
            StorageError: our own disk failed.
        """
        generation, store = newest_generation(keys), self._registry.store
        self._shown[keys.log_id] = generation
        if generation and store.log_state(keys.log_id).frozen_at is not None:
            store.drop_retired_proofs(keys.log_id, generation).result()

    def take(self, data: bytes) -> None:
        """Takes a proof that a bundle carries.

        Raises:
            EntryError: it does not hold.
            NotFound, TryLater: no roster that is held here says who wrote that log.
            StorageError: our own disk failed.
        """
        self._keep(data, self._registry.faults.judge(data))

    def prove_bad_entry(self, member: Member, bad: BadEntry) -> None:
        """Makes and keeps the proof of an entry that breaks a rule, if there is one."""
        faults = self._registry.faults
        self._prove(member, lambda: faults.of_bad_entry(member, bad))

    def prove_two_entries(self, member: Member, index: int, theirs: bytes) -> None:
        """Makes and keeps the proof of another entry than is held, if its author signed it."""
        store, faults = self._registry.store, self._registry.faults

        def proof() -> bytes:
            (ours,) = store.entries(member.log_id, index, index + 1)
            rotations = faults.rotations_before(member.log_id, index + 1)
            return two_entries(member.origin, index, (ours, theirs), rotations)

        self._prove(member, proof)

    def prove_two_notes(self, member: Member, head: BundleHead, checkpoint: Checkpoint) -> None:
        """Makes and keeps the proof by the bundle's note, of a size that is held with another root.

        It needs a note of our own that goes so far.
        """
        size, faults = checkpoint.size, self._registry.faults
        if self._registry.store.log_state(member.log_id).noted_size < size:
            return
        rotations = tuple(e for e in head.rotations if read_header(e).index < size - 1)
        theirs = SignedPrefix(head.note, rotations, checkpoint.root, ())
        self._prove(member, lambda: faults.of_two_histories(member, size, theirs, b""))

    def _prove(self, member: Member, make: Callable[[], bytes]) -> None:
        try:
            data = make()
            verdict = self._registry.faults.judge(data)
        except (EntryError, NotFound, TryLater) as error:
            _log.warning("fault_not_proven", log=member.slug, reason=error.reason)
            return
        self._keep(data, verdict)

    def _keep(self, data: bytes, verdict: Verdict) -> None:
        registry, log_id = self._registry, verdict.log_id
        keys = registry.log_keys(registry.roster.member_by_log(log_id))
        if verdict.generation < max(newest_generation(keys), self._shown.get(log_id, 0)):
            return  # of a key that was replaced: whoever has found it can sign such
        if registry.faults.keep(data, verdict).result():
            self.told.append(FaultImport(verdict.origin, verdict.frozen_at, verdict.reason))


def keys_shown(keys: LogKeys, head: BundleHead) -> LogKeys:
    """The keys of a log with those that a bundle shows; as they are if what it shows is wrong."""
    with suppress(EntryError):
        return keys.learn(head.rotations)
    return keys
