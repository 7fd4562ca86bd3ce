"""What this node knows of authors' faults: proofs that it makes, judges, keeps and hands out.

A proof is judged by the roster alone, so that nobody is believed; whether it counts here depends
on the rotations of the log's key that this node knows too (see `log.fault_verdict`).
"""

from collections.abc import Callable
from concurrent.futures import Future
from typing import NamedTuple

from registry.domain.identifiers import LogId
from registry.errors import EntryError, NotFound
from registry.log.checkpoint import parse_checkpoint, parse_note
from registry.log.entry import Header
from registry.log.entry_rules import check_entry, goes_back
from registry.log.fault_proof import (
    EarlierEntry,
    InvalidEntry,
    SignedPrefix,
    invalid_entry,
    two_entries,
    two_histories,
)
from registry.log.fault_verdict import Verdict, verify_fault_proof
from registry.log.log_keys import LogKeys, keys_of_member
from registry.log.roster import Member, Roster
from registry.store.entries import EntryStore
from registry.store.values import KeptProof, LogState, read_header


class BadEntry(NamedTuple):
    """An entry that breaks a rule under its author's checkpoint, as a receiver met it.

    Attributes:
        index, entry: its place and exact bytes.
        path: RFC 6962 inclusion path under the checkpoint.
        note: the checkpoint.
        rotations: as its sender showed them.
    """

    index: int  # type: ignore[assignment] # the field, not tuple.index
    entry: bytes
    path: tuple[bytes, ...]
    note: bytes
    rotations: tuple[bytes, ...]


class FaultProofs:
    """All fault proofs of one node."""

    def __init__(
        self, store: EntryStore, roster: Roster, versions_of: Callable[[LogId], range]
    ) -> None:
        self._store = store
        self._roster = roster
        self._versions_of = versions_of

    def judge(self, data: bytes) -> Verdict:
        """Says what a proof proves; raises as `verify_fault_proof`."""
        return verify_fault_proof(data, self._roster, self._versions_of)

    def keep(self, data: bytes, verdict: Verdict) -> "Future[bool]":
        """Keeps a proof that was judged, and freezes its log; False = another says as much."""
        log_id, _, frozen_at, reason, generation = verdict
        return self._store.keep_fault_proof(KeptProof(log_id, generation, frozen_at, reason, data))

    def kept(self) -> list[KeptProof]:
        """All that are kept, by log."""
        return self._store.fault_proofs()

    def of(self, member: Member) -> KeptProof:
        """The proof by which a log is frozen.

        Raises:
            NotFound: none is held.
        """
        found = [each for each in self.kept() if each.log_id == member.log_id]
        if not found:
            msg = f"no proof of a fault of {member.origin} is held here"
            raise NotFound(msg)
        return min(found, key=lambda each: each.frozen_at)

    def prefix(self, log_id: LogId, size: int) -> tuple[SignedPrefix, bytes]:
        """What the largest checkpoint of a log has at a smaller size, and the last entry there.

        Raises:
            NotFound: no such log, or fewer entries under a checkpoint.
        """
        state = self._store.log_state(log_id)
        if state.note is None or not 1 <= size <= state.noted_size:
            msg = f"{state.origin} has {state.noted_size} entries under a checkpoint, not {size}"
            raise NotFound(msg)
        return self._prefix(state, state.note, size), self._entry(log_id, size - 1)

    def of_two_histories(
        self, member: Member, parted_by: int, theirs: SignedPrefix, their_entry: bytes
    ) -> bytes:
        """Makes a proof of what is held here and what a peer showed.

        By two checkpoints where the own one reaches so far, else by the two entries.

        Args:
            member: the author.
            parted_by: a size at which the roots differ.
            theirs: what the peer has there, verified.
            their_entry: its last entry there.

        Raises:
            NotFound: the log is not held so far.
        """
        state = self._store.log_state(member.log_id)
        if state.note is not None and parted_by <= state.noted_size:
            ours = self._prefix(state, state.note, parted_by)
            return two_histories(member.origin, parted_by, ours, theirs)
        own_entry = self._entry(member.log_id, parted_by - 1)
        rotations = self.rotations_before(member.log_id, parted_by)
        return two_entries(member.origin, parted_by - 1, (own_entry, their_entry), rotations)

    def of_bad_entry(self, member: Member, bad: BadEntry) -> bytes:
        """Makes a proof of an entry that breaks a rule; all entries before it are held.

        Raises:
            NotFound: no earlier entry is found that it must not stand behind.
        """
        earlier = None
        keys = self._keys_before(member, bad.index)
        try:
            header = check_entry(keys, bad.entry, bad.index)
        except EntryError:
            header = None
        if header is not None and header.roster_version in self._versions_of(member.log_id):
            earlier = self._earlier(header)
        rotations = self._rotations_with(member, bad)
        fault = InvalidEntry(bad.note, rotations, bad.index, bad.entry, bad.path, earlier)
        return invalid_entry(member.origin, fault)

    def rotations_before(self, log_id: LogId, size: int) -> tuple[bytes, ...]:
        """Those that say who signs up to a size: its last entry is signed by the key before."""
        shown = self._store.rotations(log_id)
        return tuple(each for each in shown if read_header(each).index < size - 1)

    def _earlier(self, header: Header) -> EarlierEntry:
        """The entry before that another one must not stand behind."""
        log_id, index = header.log_id, header.index
        places = [index - 1] if index else []
        places += [
            each.index
            for each in self._store.case_entries(header.case_id)
            if each.log_id == log_id and each.index < index
        ]
        for place in places:
            entry = self._entry(log_id, place)
            if goes_back(read_header(entry), header):
                path = self._store.inclusion_path(log_id, place, index)
                return EarlierEntry(place, entry, path)
        msg = f"entry {index} goes back behind none that is held"
        raise NotFound(msg)

    def _prefix(self, state: LogState, note: bytes, size: int) -> SignedPrefix:
        log_id, noted = state.log_id, state.noted_size
        path = self._store.consistency_path(log_id, size, noted) if size < noted else ()
        root = self._store.root_at(log_id, size)
        return SignedPrefix(note, self.rotations_before(log_id, noted), root, path)

    def _rotations_with(self, member: Member, bad: BadEntry) -> tuple[bytes, ...]:
        """Those that are held before a bad entry, and those that were shown of what follows it."""
        size = parse_checkpoint(parse_note(bad.note).text).size
        held = self.rotations_before(member.log_id, bad.index + 1)
        later = [e for e in bad.rotations if bad.index <= read_header(e).index < size - 1]
        return (*held, *later)

    def _keys_before(self, member: Member, size: int) -> LogKeys:
        rotations = map(read_header, self._store.rotations(member.log_id))
        return keys_of_member(self._roster.registry_id, member, rotations).before(size)

    def _entry(self, log_id: LogId, index: int) -> bytes:
        found = self._store.entries(log_id, index, index + 1)
        if not found:
            msg = f"entry {index} is not held"
            raise NotFound(msg)
        return found[0]
