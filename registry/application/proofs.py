"""Proofs for who does not trust this node: where an entry stands, and that a log only grew."""

from collections.abc import Callable
from typing import TypeAlias

from registry.errors import NotFound
from registry.log.proof import InclusionEvidence, encode_inclusion_evidence
from registry.log.roster import Member
from registry.store.entries import EntryStore
from registry.store.values import LogState

FindLog: TypeAlias = Callable[[str], tuple[Member, LogState]]
"""Finds a log by its origin; empty = the own one."""


class Proofs:
    """Makes proofs from what is held."""

    def __init__(self, store: EntryStore, find_log: FindLog) -> None:
        self._store = store
        self._find = find_log

    def checkpoint(self, origin: str) -> bytes:
        """Returns the largest signed note of a log that is held in full.

        Raises:
            NotFound: no such log, or it is empty here.
        """
        return _held_note(*self._find(origin))

    def inclusion_evidence(self, origin: str, index: int) -> bytes:
        """Returns the proof that an entry stands at its place, as registry.format.v1 bytes.

        Raises:
            NotFound: no such log or index under its largest checkpoint.
        """
        # One look at the log: a checkpoint and a size read apart may belong to different notes.
        member, state = self._find(origin)
        note, size = _held_note(member, state), state.noted_size
        if not 0 <= index < size:
            msg = f"{member.origin} has {size} entries under its checkpoint, there is no {index}"
            raise NotFound(msg)
        evidence = InclusionEvidence(
            origin=member.origin,
            checkpoint=note,
            index=index,
            entry=self._store.entries(member.log_id, index, index + 1)[0],
            path=self._store.inclusion_path(member.log_id, index, size),
            rotations=self._store.rotations(member.log_id),
        )
        return encode_inclusion_evidence(evidence)

    def consistency_path(
        self, origin: str, first_size: int, second_size: int
    ) -> tuple[int, tuple[bytes, ...]]:
        """Returns the larger size and the RFC 6962 path that proves the smaller one its prefix.

        Args:
            origin: the log; empty = the own log.
            first_size: from 1.
            second_size: 0 = that of the largest checkpoint held.

        Raises:
            NotFound: no such log or sizes under its checkpoint.
        """
        member, state = self._find(origin)
        noted = state.noted_size
        second_size = second_size or noted
        if not 1 <= first_size <= second_size <= noted:
            msg = f"{member.origin} has sizes 1 to {noted} here, not {first_size} to {second_size}"
            raise NotFound(msg)
        return second_size, self._store.consistency_path(member.log_id, first_size, second_size)


def _held_note(member: Member, state: LogState) -> bytes:
    if state.note is None:
        msg = f"nothing of {member.origin} is held yet"
        raise NotFound(msg)
    return state.note
