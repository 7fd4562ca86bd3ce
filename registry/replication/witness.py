"""The rules of a witness, without any I/O: which checkpoint of a log this member cosigns.

Rules:
1. Only what it has mirrored in full: the largest checkpoint whose entries it holds, and no entry of
   which is void. Never a checkpoint of its own log.
2. Sizes only grow, and what is cosigned extends what was cosigned before: never a smaller size,
   never another root at the same size. What was cosigned last outlives a restart and a restored
   database; the caller keeps it, and writes it down before anything is signed.
3. Whoever asks for a cosignature says from which size its proof leads (C2SP tlog-witness): another
   size than was cosigned last is answered with that one (409), a proof that does not hold is
   refused (422). Both say nothing of what this member holds.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from registry.domain.identifiers import RootHash
from registry.errors import (
    BadProof,
    InvalidRequest,
    LogDiverged,
    NotCosigned,
    TryLater,
    WitnessedSizeDiffers,
)
from registry.log.checkpoint import Checkpoint
from registry.log.merkle import verify_consistency


class Cosigned(NamedTuple):
    """Size and root of the largest checkpoint of a log that was cosigned; size 0 = none was."""

    size: int
    root: RootHash


NOTHING_COSIGNED = Cosigned(0, RootHash(b""))


class Mirrored(NamedTuple):
    """How much of a log is held under its author's note.

    Attributes:
        checkpoint: the largest that is held in full.
        void_from: entries from here on are void, past a cut or a freeze; None = none is.
        root_at: the root over the first entries, of any number that is held.
    """

    checkpoint: Checkpoint
    void_from: int | None
    root_at: Callable[[int], RootHash]

    def is_void(self, size: int) -> bool:
        """Whether a checkpoint of so many entries covers one that is void."""
        return self.void_from is not None and size > self.void_from


class CheckpointRequest(NamedTuple):
    """A checkpoint that its log's key has signed, and the proof from a smaller size to it."""

    old_size: int
    checkpoint: Checkpoint
    path: Sequence[bytes]


def next_to_cosign(mirrored: Mirrored, before: Cosigned) -> Checkpoint | None:
    """What is to be cosigned now; None = nothing new, or nothing that counts.

    A checkpoint that was cosigned last is returned again: its cosignature may have been lost.

    Raises:
        LogDiverged: what is held does not extend what was cosigned.
    """
    checkpoint = mirrored.checkpoint
    is_old = checkpoint.size == 0 or checkpoint.size < before.size
    if is_old or mirrored.is_void(checkpoint.size):
        return None
    check_extends(mirrored, before)
    if mirrored.root_at(checkpoint.size) != checkpoint.root:
        msg = f"{checkpoint.origin}: the entries held do not lead to the root that was signed"
        raise LogDiverged(msg)
    return checkpoint


def answer_request(request: CheckpointRequest, mirrored: Mirrored, before: Cosigned) -> None:
    """Decides whether a checkpoint that somebody brings is cosigned.

    Raises:
        InvalidRequest: the old size is larger than the checkpoint, or nothing is to be cosigned.
        WitnessedSizeDiffers: another size was cosigned last, or another root of the same size.
        BadProof: the proof does not hold.
        NotCosigned: the log ended before that size.
        TryLater: this member has not mirrored so much yet.
        LogDiverged: this member holds another log of that size.
    """
    checkpoint = request.checkpoint
    _check_sizes(request, before)
    _check_path(request, before)
    if mirrored.is_void(checkpoint.size):
        msg = f"{checkpoint.origin} ended at {mirrored.void_from}: nothing past it is cosigned"
        raise NotCosigned(msg)
    if checkpoint.size > mirrored.checkpoint.size:
        msg = (
            f"{checkpoint.origin} is held here up to {mirrored.checkpoint.size}, a member cosigns "
            f"what it has mirrored in full: ask again when it has {checkpoint.size} entries"
        )
        raise TryLater(msg)
    check_extends(mirrored, before)
    if mirrored.root_at(checkpoint.size) != checkpoint.root:
        msg = f"another log {checkpoint.origin} of {checkpoint.size} entries is held here"
        raise LogDiverged(msg)


def check_extends(mirrored: Mirrored, before: Cosigned) -> None:
    """Checks that what is held extends what was cosigned, which must not be larger.

    Raises:
        LogDiverged: it does not: the author has written two logs, or this node's disk lies.
    """
    if before.size and mirrored.root_at(before.size) != before.root:
        msg = (
            f"{mirrored.checkpoint.origin} as held here does not extend what this member cosigned "
            f"at {before.size}: nothing of it is cosigned any more"
        )
        raise LogDiverged(msg)


def _check_sizes(request: CheckpointRequest, before: Cosigned) -> None:
    size, root = request.checkpoint.size, request.checkpoint.root
    if size == 0 or request.old_size > size:
        msg = f"a checkpoint of {size} entries cannot extend one of {request.old_size}"
        raise InvalidRequest(msg)
    if request.old_size != before.size or (size == before.size and root != before.root):
        msg = (
            f"{request.checkpoint.origin} was cosigned here at {before.size}, "
            f"not at {request.old_size} with a root that leads to the given one"
        )
        differs = WitnessedSizeDiffers(msg)
        differs.size = before.size
        raise differs


def _check_path(request: CheckpointRequest, before: Cosigned) -> None:
    if before.size == 0:
        if request.path:
            msg = "nothing leads from the empty log to a larger one: the proof must be empty"
            raise BadProof(msg)
        return
    verify_consistency(
        first_size=before.size,
        first_root=before.root,
        second_size=request.checkpoint.size,
        second_root=request.checkpoint.root,
        path=request.path,
    )
