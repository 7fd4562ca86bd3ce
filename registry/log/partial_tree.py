"""A tree of which only some nodes are known: enough to prove an entry under a larger checkpoint.

Who receives a batch knows the range before it, its leaves, and the consistency path from its end
to the checkpoint. Every node that an audit path of one of these leaves needs is one of them, or is
made of them.
"""

from collections.abc import Sequence
from typing import Final

from registry.domain.identifiers import LeafHash
from registry.errors import BadProof
from registry.log.merkle import CompactRange, node_hash, range_subtrees

_LEAF: Final = 1


class PartialTree:
    """The tree over `size` leaves, as far as it is known."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._known: dict[tuple[int, int], bytes] = {}

    def add_range(self, held: CompactRange) -> None:
        """Learns the nodes over the first leaves."""
        for tree, node in zip(range_subtrees(0, held.size), held.hashes, strict=True):
            self._known[tree.index << tree.level, (tree.index + 1) << tree.level] = node

    def add_leaves(self, start: int, leaves: Sequence[LeafHash]) -> None:
        """Learns leaves from `start` on."""
        for index, leaf in enumerate(leaves, start):
            self._known[index, index + 1] = leaf

    def add_consistency(self, first: int, path: Sequence[bytes]) -> None:
        """Learns the nodes behind `first` leaves from a verified path to the whole tree.

        0 < first <= size of the tree.
        """
        steps = list(reversed(path))
        start, end = 0, self._size
        while first != end:
            split = _split(start, end)
            if first <= split:
                self._known[split, end] = steps.pop(0)
                end = split
            else:
                self._known[start, split] = steps.pop(0)
                start = split

    def inclusion_path(self, index: int) -> tuple[bytes, ...]:
        """The audit path of a leaf, leaf to root.

        Raises:
            BadProof: a node that it needs is not known.
        """
        path: list[bytes] = []
        start, end = 0, self._size
        while end - start > _LEAF:
            split = _split(start, end)
            if index < split:
                path.append(self._node(split, end))
                end = split
            else:
                path.append(self._node(start, split))
                start = split
        return tuple(reversed(path))

    def _node(self, start: int, end: int) -> bytes:
        known = self._known.get((start, end))
        if known is not None:
            return known
        if end - start == _LEAF:
            msg = f"leaf {start} of a tree of {self._size} is not known"
            raise BadProof(msg)
        split = _split(start, end)
        return node_hash(self._node(start, split), self._node(split, end))


def _split(start: int, end: int) -> int:
    """Where RFC 6962 splits a node: the left side is the largest power of two below its width."""
    return start + (1 << ((end - start - 1).bit_length() - 1))
