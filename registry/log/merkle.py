"""The RFC 6962 Merkle tree: hashes, a compact range, inclusion and consistency proofs.

    leaf hash  SHA-256(0x00 || entry)
    node hash  SHA-256(0x01 || left || right)
    empty root SHA-256("")

Proofs are built from perfect subtrees that a callback fetches, so a store decides how to keep them.
"""

from collections.abc import Callable, Iterable, Sequence
from hashlib import sha256
from typing import Final, NamedTuple

from registry.domain.identifiers import HASH_SIZE_BYTES, LeafHash, RootHash
from registry.errors import BadProof, CorruptDatabase

EMPTY_ROOT: Final = RootHash(sha256(b"").digest())


class Subtree(NamedTuple):
    """The node over leaves [index << level, (index + 1) << level)."""

    level: int
    index: int  # type: ignore[assignment] # the field, not tuple.index


FetchSubtree = Callable[[Subtree], bytes]


def leaf_hash(entry: bytes) -> LeafHash:
    """Hashes an entry's bytes."""
    return LeafHash(sha256(b"\x00" + entry).digest())


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hashes two neighbouring nodes."""
    return sha256(b"\x01" + left + right).digest()


class CompactRange(NamedTuple):
    """The hashes of the perfect subtrees that cover [0, size), left (largest) to right."""

    size: int
    hashes: tuple[bytes, ...]

    def append(self, leaf: LeafHash) -> "CompactRange":
        """Adds one leaf."""
        return self.extend((leaf,))

    def extend(self, leaves: Iterable[LeafHash]) -> "CompactRange":
        """Adds leaves; about one hash per leaf."""
        stack = list(self.hashes)
        size = self.size
        for leaf in leaves:
            node: bytes = leaf
            bit = size
            while bit & 1:
                node = sha256(b"\x01" + stack.pop() + node).digest()
                bit >>= 1
            stack.append(node)
            size += 1
        return CompactRange(size, tuple(stack))

    def root(self) -> RootHash:
        """The root over all leaves."""
        if not self.hashes:
            return EMPTY_ROOT
        node = self.hashes[-1]
        for left in reversed(self.hashes[:-1]):
            node = node_hash(left, node)
        return RootHash(node)

    def encode(self) -> bytes:
        """The hashes, concatenated."""
        return b"".join(self.hashes)

    @classmethod
    def decode(cls, size: int, data: bytes) -> "CompactRange":
        """Reads what `encode` wrote.

        Raises:
            CorruptDatabase: the number of hashes is not the one that the size demands.
        """
        if len(data) != size.bit_count() * HASH_SIZE_BYTES:
            msg = f"a compact range of size {size} has {size.bit_count()} hashes of 32 bytes"
            raise CorruptDatabase(msg)
        steps = range(0, len(data), HASH_SIZE_BYTES)
        return cls(size, tuple(data[at : at + HASH_SIZE_BYTES] for at in steps))


EMPTY_RANGE: Final = CompactRange(0, ())


def range_subtrees(start: int, end: int) -> list[Subtree]:
    """The perfect subtrees that cover [start, end), left to right.

    `start` must be aligned as RFC 6962 splits demand (a multiple of the first subtree's width).
    """
    found: list[Subtree] = []
    while start < end:
        level = (end - start).bit_length() - 1
        if start:
            level = min(level, (start & -start).bit_length() - 1)
        found.append(Subtree(level, start >> level))
        start += 1 << level
    return found


def root_of(start: int, end: int, fetch: FetchSubtree) -> bytes:
    """The RFC 6962 hash over leaves [start, end) from perfect subtrees."""
    subtrees = range_subtrees(start, end)
    node = fetch(subtrees[-1])
    for subtree in reversed(subtrees[:-1]):
        node = node_hash(fetch(subtree), node)
    return node


def inclusion_path(index: int, size: int, fetch: FetchSubtree) -> tuple[bytes, ...]:
    """The audit path of a leaf in the tree of `size` leaves, leaf to root (RFC 6962 2.1.1).

    0 <= index < size.
    """
    path: list[bytes] = []
    start, end = 0, size
    while end - start > 1:
        split = start + _split(end - start)
        if index < split:
            path.append(root_of(split, end, fetch))
            end = split
        else:
            path.append(root_of(start, split, fetch))
            start = split
    return tuple(reversed(path))


def consistency_path(first: int, second: int, fetch: FetchSubtree) -> tuple[bytes, ...]:
    """Proves the tree of `first` leaves to be a prefix of that of `second` (RFC 6962 2.1.2).

    0 < first <= second.
    """
    path: list[bytes] = []
    start, end, is_whole = 0, second, True
    while first != end:
        split = start + _split(end - start)
        if first <= split:
            path.append(root_of(split, end, fetch))
            end = split
        else:
            path.append(root_of(start, split, fetch))
            start = split
            is_whole = False
    if not is_whole:
        path.append(root_of(start, end, fetch))
    return tuple(reversed(path))


def verify_inclusion(
    *, leaf: LeafHash, index: int, size: int, path: Sequence[bytes], root: bytes
) -> None:
    """Checks an audit path (RFC 9162 2.1.3.2).

    Raises:
        BadProof: the path does not lead from the leaf to the root.
    """
    if not 0 <= index < size or len(leaf) != HASH_SIZE_BYTES:
        msg = f"an inclusion proof for index {index} in a tree of size {size} cannot be"
        raise BadProof(msg)
    position, last, node = index, size - 1, bytes(leaf)
    for step in path:
        if last == 0 or len(step) != HASH_SIZE_BYTES:
            msg = "an inclusion path is too long or holds something that is no hash"
            raise BadProof(msg)
        if position & 1 or position == last:
            node = node_hash(step, node)
            while not position & 1 and position:
                position >>= 1
                last >>= 1
        else:
            node = node_hash(node, step)
        position >>= 1
        last >>= 1
    if last != 0 or node != root:
        msg = f"the inclusion path of index {index} does not lead to the root of size {size}"
        raise BadProof(msg)


def prefix_in_path(index: int, size: int, path: Sequence[bytes]) -> CompactRange:
    """The range over the leaves before one, which its audit path contains: its left steps.

    The path must have been verified.
    """
    left: list[bytes] = []
    start, end = 0, size
    for step in reversed(path):
        split = start + _split(end - start)
        if index < split:
            end = split
        else:
            left.append(step)
            start = split
    return CompactRange(index, tuple(left))


def verify_consistency(
    *,
    first_size: int,
    first_root: bytes,
    second_size: int,
    second_root: bytes,
    path: Sequence[bytes],
) -> None:
    """Checks that one tree is a prefix of another (RFC 9162 2.1.4.2).

    Nothing can be proven from the empty tree to a larger one: that is refused.

    Raises:
        BadProof: it is not, or the path does not show it.
    """
    if not 0 <= first_size <= second_size or any(len(step) != HASH_SIZE_BYTES for step in path):
        msg = f"no consistency proof leads from size {first_size} to {second_size}"
        raise BadProof(msg)
    if first_size == second_size:
        is_agreed = first_root == second_root and (first_size > 0 or first_root == EMPTY_ROOT)
        if path or not is_agreed:
            msg = f"equal sizes ({first_size}) need no path and roots that agree"
            raise BadProof(msg)
        return
    if first_size == 0:
        msg = f"no consistency proof leads from the empty tree to size {second_size}"
        raise BadProof(msg)
    _walk_consistency(first_size, first_root, second_size, second_root, path)


def _walk_consistency(
    first_size: int, first_root: bytes, second_size: int, second_root: bytes, path: Sequence[bytes]
) -> None:
    steps = list(path)
    if first_size & (first_size - 1) == 0:
        steps.insert(0, first_root)
    # The walk begins at the largest subtree that ends the first tree.
    level = (first_size & -first_size).bit_length() - 1
    position, last = (first_size - 1) >> level, (second_size - 1) >> level
    if not steps:
        msg = "a consistency path is empty where it must not be"
        raise BadProof(msg)
    first = second = steps[0]
    for step in steps[1:]:
        if last == 0:
            msg = "a consistency path is too long"
            raise BadProof(msg)
        if position & 1 or position == last:
            first, second = node_hash(step, first), node_hash(step, second)
            while not position & 1 and position:
                position >>= 1
                last >>= 1
        else:
            second = node_hash(second, step)
        position >>= 1
        last >>= 1
    if last != 0 or first != first_root or second != second_root:
        msg = f"the log of size {second_size} does not extend the one of size {first_size}"
        raise BadProof(msg)


def _split(count: int) -> int:
    """The largest power of two smaller than `count`."""
    return 1 << ((count - 1).bit_length() - 1)
