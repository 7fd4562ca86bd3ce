"""The rules of a witness: only what is mirrored, only upwards, only what extends what it said."""

from collections.abc import Sequence

import pytest

from registry.domain.identifiers import LeafHash, Origin, RootHash
from registry.errors import (
    BadProof,
    InvalidRequest,
    LogDiverged,
    NotCosigned,
    TryLater,
    WitnessedSizeDiffers,
)
from registry.log.checkpoint import Checkpoint
from registry.log.merkle import (
    EMPTY_RANGE,
    Subtree,
    consistency_path,
    leaf_hash,
    node_hash,
)
from registry.replication.witness import (
    NOTHING_COSIGNED,
    CheckpointRequest,
    Cosigned,
    Mirrored,
    answer_request,
    next_to_cosign,
)

LOG = Origin("testing/alpha/1")


class Tree:
    """A log of entries named by a word: two of different words are two histories."""

    def __init__(self, word: str, common: int = 0) -> None:
        self._word = word
        self._common = common

    def leaf(self, index: int) -> LeafHash:
        word = "common" if index < self._common else self._word
        return leaf_hash(f"{word} {index}".encode())

    def root(self, size: int) -> RootHash:
        return EMPTY_RANGE.extend(map(self.leaf, range(size))).root()

    def path(self, first: int, second: int) -> Sequence[bytes]:
        return consistency_path(first, second, self._subtree)

    def _subtree(self, subtree: Subtree) -> bytes:
        if subtree.level == 0:
            return self.leaf(subtree.index)
        left = Subtree(subtree.level - 1, 2 * subtree.index)
        return node_hash(self._subtree(left), self._subtree(left._replace(index=left.index + 1)))

    def checkpoint(self, size: int) -> Checkpoint:
        return Checkpoint(LOG, size, self.root(size))

    def mirrored(self, size: int, void_from: int | None = None) -> Mirrored:
        return Mirrored(self.checkpoint(size), void_from, self.root)

    def cosigned(self, size: int) -> Cosigned:
        return Cosigned(size, self.root(size))

    def request(self, old_size: int, size: int) -> CheckpointRequest:
        path = self.path(old_size, size) if 0 < old_size < size else ()
        return CheckpointRequest(old_size, self.checkpoint(size), path)


TREE = Tree("honest", common=3)
FORK = Tree("forked", common=3)


@pytest.mark.parametrize("before", [NOTHING_COSIGNED, TREE.cosigned(1), TREE.cosigned(5)])
def test_newest_checkpoint_that_extends_the_last_is_cosigned(before: Cosigned) -> None:
    assert next_to_cosign(TREE.mirrored(5), before) == TREE.checkpoint(5)


def test_empty_log_is_not_cosigned() -> None:
    assert next_to_cosign(TREE.mirrored(0), NOTHING_COSIGNED) is None


def test_smaller_size_than_was_cosigned_is_not() -> None:
    assert next_to_cosign(TREE.mirrored(4), TREE.cosigned(5)) is None


@pytest.mark.parametrize(("void_from", "is_cosigned"), [(4, False), (5, True), (9, True)])
def test_checkpoint_over_void_entries_is_not_cosigned(void_from: int, is_cosigned: bool) -> None:  # noqa: FBT001
    found = next_to_cosign(TREE.mirrored(5, void_from), TREE.cosigned(2))

    assert (found is not None) == is_cosigned


@pytest.mark.parametrize("size", [5, 6])
def test_fork_behind_what_was_cosigned_is_not_cosigned(size: int) -> None:
    with pytest.raises(LogDiverged, match="does not extend"):
        next_to_cosign(FORK.mirrored(size), TREE.cosigned(5))


def test_note_that_does_not_fit_the_entries_held_is_not_cosigned() -> None:
    mirrored = Mirrored(FORK.checkpoint(5), None, TREE.root)
    with pytest.raises(LogDiverged, match="do not lead to the root"):
        next_to_cosign(mirrored, NOTHING_COSIGNED)


@pytest.mark.parametrize(("old_size", "size"), [(0, 5), (2, 5), (2, 4), (5, 5), (4, 9)])
def test_checkpoint_that_is_brought_with_its_proof_is_cosigned(old_size: int, size: int) -> None:
    before = TREE.cosigned(old_size) if old_size else NOTHING_COSIGNED

    answer_request(TREE.request(old_size, size), TREE.mirrored(9), before)


@pytest.mark.parametrize("old_size", [0, 3, 5])
def test_other_old_size_is_answered_with_the_size_that_was_cosigned(old_size: int) -> None:
    with pytest.raises(WitnessedSizeDiffers) as differs:
        answer_request(TREE.request(old_size, 6), TREE.mirrored(9), TREE.cosigned(4))

    assert differs.value.size == 4


def test_other_root_of_the_size_that_was_cosigned_is_refused_as_another_size() -> None:
    with pytest.raises(WitnessedSizeDiffers) as differs:
        answer_request(FORK.request(5, 5), TREE.mirrored(9), TREE.cosigned(5))

    assert differs.value.size == 5


@pytest.mark.parametrize("request_", [FORK.request(4, 7), TREE.request(4, 7)._replace(path=())])
def test_proof_that_does_not_hold_is_refused(request_: CheckpointRequest) -> None:
    with pytest.raises(BadProof):
        answer_request(request_, TREE.mirrored(9), TREE.cosigned(4))


def test_proof_from_nothing_must_be_empty() -> None:
    request = TREE.request(0, 5)._replace(path=(b"h" * 32,))
    with pytest.raises(BadProof, match="empty"):
        answer_request(request, TREE.mirrored(9), NOTHING_COSIGNED)


@pytest.mark.parametrize(("old_size", "size"), [(6, 5), (0, 0)])
def test_checkpoint_that_extends_nothing_is_refused(old_size: int, size: int) -> None:
    request = CheckpointRequest(old_size, TREE.checkpoint(size), ())
    with pytest.raises(InvalidRequest):
        answer_request(request, TREE.mirrored(9), NOTHING_COSIGNED)


def test_what_is_not_mirrored_yet_is_not_cosigned_whatever_it_proves() -> None:
    with pytest.raises(TryLater, match="ask again"):
        answer_request(TREE.request(4, 7), TREE.mirrored(6), TREE.cosigned(4))


def test_void_entries_are_not_cosigned_on_request_either() -> None:
    with pytest.raises(NotCosigned, match="ended at 6"):
        answer_request(TREE.request(4, 7), TREE.mirrored(6, void_from=6), TREE.cosigned(4))


def test_fork_above_what_was_cosigned_is_refused_by_who_holds_the_other_branch() -> None:
    with pytest.raises(LogDiverged, match="another log"):
        answer_request(FORK.request(2, 7), TREE.mirrored(9), TREE.cosigned(2))
