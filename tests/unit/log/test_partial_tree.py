"""A tree of which little is known proves the same as the whole tree."""

from hashlib import sha256

import pytest

from registry.domain.identifiers import LeafHash
from registry.errors import BadProof
from registry.log.merkle import (
    EMPTY_RANGE,
    Subtree,
    consistency_path,
    inclusion_path,
    node_hash,
    prefix_in_path,
)
from registry.log.partial_tree import PartialTree

LEAVES = [LeafHash(sha256(bytes([number])).digest()) for number in range(21)]


def node(tree: Subtree) -> bytes:
    level, index = tree
    if not level:
        return LEAVES[index]
    return node_hash(node(Subtree(level - 1, 2 * index)), node(Subtree(level - 1, 2 * index + 1)))


@pytest.mark.parametrize("size", [1, 2, 7, 8, 13, 21])
def test_leaf_of_a_batch_is_proven_under_a_larger_checkpoint(size: int) -> None:
    for start in range(size):
        for end in {start + 1, (start + size + 1) // 2, size}:
            tree = PartialTree(size)
            tree.add_range(EMPTY_RANGE.extend(LEAVES[:start]))
            tree.add_leaves(start, LEAVES[start:end])
            tree.add_consistency(end, consistency_path(end, size, node))
            for index in range(start, end):
                assert tree.inclusion_path(index) == inclusion_path(index, size, node)


def test_leaf_that_is_not_known_cannot_be_proven() -> None:
    tree = PartialTree(5)
    tree.add_leaves(0, LEAVES[:2])

    with pytest.raises(BadProof):
        tree.inclusion_path(0)


@pytest.mark.parametrize("size", range(1, len(LEAVES) + 1))
def test_path_of_a_leaf_holds_the_range_before_it(size: int) -> None:
    for index in range(size):
        path = inclusion_path(index, size, node)

        assert prefix_in_path(index, size, path) == EMPTY_RANGE.extend(LEAVES[:index])
