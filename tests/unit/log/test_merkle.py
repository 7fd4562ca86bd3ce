"""The tree: known roots, the frozen compact range, and proofs that must be refused."""

from hashlib import sha256

import pytest

from registry.domain.identifiers import LeafHash
from registry.errors import BadProof, CorruptDatabase
from registry.log.merkle import (
    EMPTY_RANGE,
    EMPTY_ROOT,
    CompactRange,
    Subtree,
    consistency_path,
    inclusion_path,
    leaf_hash,
    node_hash,
    range_subtrees,
    root_of,
    verify_consistency,
    verify_inclusion,
)

LEAVES = [leaf_hash(bytes([number])) for number in range(5)]
RANGE = "9bcd51240af4005168f033121ba85be5a6ed4f0e6a5fac262066729b8fbfdecb" + LEAVES[4].hex()
ROOT = "b855b42d6c30f5b087e05266783fbd6e394f7b926013ccaa67700a8b0c5a596f"


def fetch(subtree: Subtree) -> bytes:
    """Hashes of the tree over LEAVES, as a store would give them."""
    start = subtree.index << subtree.level
    if subtree.level == 0:
        return LEAVES[start]
    below, left = subtree.level - 1, subtree.index * 2
    return node_hash(fetch(Subtree(below, left)), fetch(Subtree(below, left + 1)))


def root_at(size: int) -> bytes:
    return EMPTY_RANGE.extend(LEAVES[:size]).root()


def check_consistency(
    first: int,
    second: int,
    path: tuple[bytes, ...],
    *,
    first_root: bytes | None = None,
    second_root: bytes | None = None,
) -> None:
    verify_consistency(
        first_size=first,
        first_root=root_at(first) if first_root is None else first_root,
        second_size=second,
        second_root=root_at(second) if second_root is None else second_root,
        path=path,
    )


def check_inclusion(index: int, size: int, path: tuple[bytes, ...], leaf: LeafHash) -> None:
    verify_inclusion(leaf=leaf, index=index, size=size, path=path, root=root_at(size))


def test_hashes_are_those_of_rfc_6962() -> None:
    assert EMPTY_ROOT.hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert (
        leaf_hash(b"").hex() == "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"
    )
    assert node_hash(b"l" * 32, b"r" * 32) == sha256(b"\x01" + b"l" * 32 + b"r" * 32).digest()


def test_a_node_cannot_be_taken_for_an_entry() -> None:
    assert leaf_hash(LEAVES[0] + LEAVES[1]) != node_hash(LEAVES[0], LEAVES[1])


def test_frozen_compact_range() -> None:
    found = EMPTY_RANGE.extend(LEAVES)

    assert found.encode().hex() == RANGE
    assert found.root().hex() == ROOT
    assert CompactRange.decode(5, bytes.fromhex(RANGE)) == found


def test_empty_range_has_the_empty_root() -> None:
    assert EMPTY_RANGE.root() == EMPTY_ROOT
    assert CompactRange.decode(0, b"") == EMPTY_RANGE


@pytest.mark.parametrize(("size", "hashes"), [(5, 1), (5, 3), (0, 1), (4, 2), (1, 0)])
def test_stored_range_with_another_number_of_hashes_is_corrupt(size: int, hashes: int) -> None:
    with pytest.raises(CorruptDatabase):
        CompactRange.decode(size, bytes(32 * hashes))


def test_stored_range_that_lost_a_byte_is_corrupt() -> None:
    with pytest.raises(CorruptDatabase):
        CompactRange.decode(5, bytes.fromhex(RANGE)[:-1])


def test_range_is_covered_by_perfect_subtrees() -> None:
    assert range_subtrees(0, 7) == [Subtree(2, 0), Subtree(1, 2), Subtree(0, 6)]
    assert range_subtrees(4, 7) == [Subtree(1, 2), Subtree(0, 6)]
    assert range_subtrees(3, 3) == []


def test_roots_of_parts_of_the_tree() -> None:
    assert root_of(0, 5, fetch) == root_at(5)
    assert root_of(4, 5, fetch) == LEAVES[4]


def test_paths_of_a_small_tree_are_those_of_rfc_6962() -> None:
    pair, four = node_hash(LEAVES[2], LEAVES[3]), EMPTY_RANGE.extend(LEAVES[:4]).root()

    assert inclusion_path(0, 5, fetch) == (LEAVES[1], pair, LEAVES[4])
    assert inclusion_path(4, 5, fetch) == (four,)
    assert inclusion_path(0, 1, fetch) == ()
    assert consistency_path(4, 5, fetch) == (LEAVES[4],)
    assert consistency_path(3, 5, fetch) == (LEAVES[2], LEAVES[3], fetch(Subtree(1, 0)), LEAVES[4])
    assert consistency_path(5, 5, fetch) == ()


@pytest.mark.parametrize(("index", "size"), [(5, 5), (-1, 5), (0, 0), (2**64, 5)])
def test_inclusion_outside_the_tree_is_refused(index: int, size: int) -> None:
    with pytest.raises(BadProof):
        check_inclusion(index, size, (), LEAVES[4])


def test_inclusion_of_another_leaf_or_place_is_refused() -> None:
    path = inclusion_path(2, 5, fetch)

    check_inclusion(2, 5, path, LEAVES[2])
    for index, leaf in ((2, LEAVES[3]), (3, LEAVES[2]), (0, LEAVES[2]), (4, LEAVES[2])):
        with pytest.raises(BadProof):
            check_inclusion(index, 5, path, leaf)


def test_inclusion_path_of_another_length_is_refused() -> None:
    path = inclusion_path(2, 5, fetch)

    for wrong in (path[:-1], path[1:], (*path, bytes(32)), ()):
        with pytest.raises(BadProof):
            check_inclusion(2, 5, wrong, LEAVES[2])


def test_inclusion_step_that_is_no_hash_is_refused() -> None:
    # The step's bytes are right, but cut so that two neighbours could share them.
    path = inclusion_path(2, 5, fetch)

    for step in (path[0][:-1], path[0] + b"\x00", b""):
        with pytest.raises(BadProof):
            check_inclusion(2, 5, (step, *path[1:]), LEAVES[2])


def test_consistency_is_accepted_between_all_sizes() -> None:
    for second in range(1, 6):
        for first in range(1, second + 1):
            check_consistency(first, second, consistency_path(first, second, fetch))


def test_rolled_back_tree_is_refused() -> None:
    with pytest.raises(BadProof):
        check_consistency(5, 4, consistency_path(4, 5, fetch))


def test_negative_size_is_refused() -> None:
    with pytest.raises(BadProof):
        check_consistency(-1, 5, (), first_root=EMPTY_ROOT)


def test_forked_tree_is_refused() -> None:
    forked = EMPTY_RANGE.extend([LEAVES[1], *LEAVES[1:3]]).root()

    with pytest.raises(BadProof):
        check_consistency(3, 5, consistency_path(3, 5, fetch), first_root=forked)


def test_two_roots_of_one_size_are_refused() -> None:
    with pytest.raises(BadProof):
        check_consistency(5, 5, (), second_root=root_at(4))


def test_two_roots_of_the_empty_tree_are_refused() -> None:
    check_consistency(0, 0, ())
    for first_root, second_root in ((EMPTY_ROOT, LEAVES[0]), (LEAVES[0], LEAVES[0])):
        with pytest.raises(BadProof):
            check_consistency(0, 0, (), first_root=first_root, second_root=second_root)


def test_proof_from_the_empty_tree_is_refused_because_it_proves_nothing() -> None:
    with pytest.raises(BadProof):
        check_consistency(0, 5, ())


def test_consistency_path_where_none_belongs_is_refused() -> None:
    with pytest.raises(BadProof):
        check_consistency(5, 5, (LEAVES[0],))


def test_consistency_path_of_another_length_is_refused() -> None:
    for first in (3, 4):
        path = consistency_path(first, 5, fetch)
        for wrong in (path[:-1], path[1:], (*path, bytes(32)), ()):
            with pytest.raises(BadProof):
                check_consistency(first, 5, wrong)


def test_consistency_step_that_is_no_hash_is_refused() -> None:
    path = consistency_path(3, 5, fetch)

    with pytest.raises(BadProof):
        check_consistency(3, 5, (path[0][:-1], *path[1:]))


# --- roots that an author made up so that a malformed path leads to them --------------------------


def test_made_up_root_over_a_step_that_is_no_hash_is_refused() -> None:
    for step in (b"x" * 31, b"x" * 33, b""):
        with pytest.raises(BadProof):
            verify_inclusion(
                leaf=LEAVES[1], index=1, size=2, path=(step,), root=node_hash(step, LEAVES[1])
            )


def test_made_up_roots_over_a_path_that_is_too_long_are_refused() -> None:
    start, right, left, extra = (bytes([number]) * 32 for number in range(4))
    first = node_hash(left, start)
    second = node_hash(left, node_hash(start, right))

    check_consistency(3, 4, (start, right, left), first_root=first, second_root=second)
    with pytest.raises(BadProof):
        check_consistency(
            3,
            4,
            (start, right, left, extra),
            first_root=node_hash(extra, first),
            second_root=node_hash(extra, second),
        )


def test_made_up_roots_over_a_path_that_is_too_short_are_refused() -> None:
    with pytest.raises(BadProof):
        check_consistency(3, 5, (bytes(32),), first_root=bytes(32), second_root=bytes(32))
