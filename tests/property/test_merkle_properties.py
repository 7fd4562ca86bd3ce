"""The tree against a naive recursive one, written from RFC 6962's text, for random sizes."""

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.domain.identifiers import LeafHash
from registry.errors import BadProof
from registry.log.merkle import (
    EMPTY_RANGE,
    CompactRange,
    Subtree,
    consistency_path,
    inclusion_path,
    leaf_hash,
    root_of,
    verify_consistency,
    verify_inclusion,
)

ENTRIES = [b"entry %d" % number for number in range(300)]
LEAVES = [leaf_hash(entry) for entry in ENTRIES]
SIZES = st.integers(1, len(ENTRIES))


def split(count: int) -> int:
    """The largest power of two smaller than `count` (RFC 6962, 2.1: k < n <= 2k)."""
    k = 1
    while 2 * k < count:
        k *= 2
    return k


def naive_root(entries: list[bytes]) -> bytes:
    """MTH of RFC 6962, 2.1."""
    if not entries:
        return sha256(b"").digest()
    if len(entries) == 1:
        return sha256(b"\x00" + entries[0]).digest()
    k = split(len(entries))
    return sha256(b"\x01" + naive_root(entries[:k]) + naive_root(entries[k:])).digest()


def naive_inclusion(index: int, entries: list[bytes]) -> list[bytes]:
    """PATH of RFC 6962, 2.1.1."""
    if len(entries) == 1:
        return []
    k = split(len(entries))
    if index < k:
        return [*naive_inclusion(index, entries[:k]), naive_root(entries[k:])]
    return [*naive_inclusion(index - k, entries[k:]), naive_root(entries[:k])]


def naive_consistency(first: int, entries: list[bytes], *, is_whole: bool = True) -> list[bytes]:
    """SUBPROOF of RFC 6962, 2.1.2."""
    if first == len(entries):
        return [] if is_whole else [naive_root(entries)]
    k = split(len(entries))
    if first <= k:
        below = naive_consistency(first, entries[:k], is_whole=is_whole)
        return [*below, naive_root(entries[k:])]
    below = naive_consistency(first - k, entries[k:], is_whole=False)
    return [*below, naive_root(entries[:k])]


def fetch(subtree: Subtree) -> bytes:
    start = subtree.index << subtree.level
    return naive_root(ENTRIES[start : start + (1 << subtree.level)])


def root_at(size: int) -> bytes:
    return EMPTY_RANGE.extend(LEAVES[:size]).root()


def check_inclusion(index: int, size: int, path: list[bytes], leaf: LeafHash) -> None:
    verify_inclusion(leaf=leaf, index=index, size=size, path=path, root=root_at(size))


def check_consistency(first: int, second: int, path: list[bytes]) -> None:
    verify_consistency(
        first_size=first,
        first_root=root_at(first),
        second_size=second,
        second_root=root_at(second),
        path=path,
    )


@given(st.data())
def test_flipped_bit_anywhere_in_an_inclusion_proof_is_refused(data: st.DataObject) -> None:
    size = data.draw(st.integers(2, len(ENTRIES)))
    index = data.draw(st.integers(0, size - 1))
    path = list(inclusion_path(index, size, fetch))
    step = data.draw(st.integers(0, len(path) - 1))
    path[step] = flip(path[step], data.draw(st.integers(0, 255)))

    with pytest.raises(BadProof):
        check_inclusion(index, size, path, LEAVES[index])


@given(st.data())
def test_flipped_bit_anywhere_in_a_consistency_proof_is_refused(data: st.DataObject) -> None:
    second = data.draw(st.integers(2, len(ENTRIES)))
    first = data.draw(st.integers(1, second - 1))
    path = list(consistency_path(first, second, fetch))
    step = data.draw(st.integers(0, len(path) - 1))
    path[step] = flip(path[step], data.draw(st.integers(0, 255)))

    with pytest.raises(BadProof):
        check_consistency(first, second, path)


@given(st.data())
def test_reordered_dropped_or_repeated_step_is_refused(data: st.DataObject) -> None:
    second = data.draw(st.integers(2, len(ENTRIES)))
    first = data.draw(st.integers(1, second - 1))
    sound = list(consistency_path(first, second, fetch))
    step = data.draw(st.integers(0, len(sound) - 1))
    others = [sound[:step] + sound[step + 1 :], [*sound[: step + 1], *sound[step:]]]
    if sound[::-1] != sound:
        others.append(sound[::-1])

    for path in others:
        with pytest.raises(BadProof):
            check_consistency(first, second, path)


def flip(value: bytes, bit: int) -> bytes:
    return (int.from_bytes(value) ^ (1 << bit)).to_bytes(len(value))


@given(SIZES, st.data())
def test_roots_and_paths_are_those_of_the_naive_tree(size: int, data: st.DataObject) -> None:
    entries = ENTRIES[:size]
    index = data.draw(st.integers(0, size - 1))
    first = data.draw(st.integers(1, size))
    inclusion, consistency = naive_inclusion(index, entries), naive_consistency(first, entries)

    assert root_at(size) == naive_root(entries) == root_of(0, size, fetch)
    assert list(inclusion_path(index, size, fetch)) == inclusion
    assert list(consistency_path(first, size, fetch)) == consistency
    check_inclusion(index, size, inclusion, LEAVES[index])
    check_consistency(first, size, consistency)


@given(SIZES, st.data())
def test_proof_holds_for_one_place_and_one_size_only(size: int, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, size - 1))
    path = list(inclusion_path(index, size, fetch))
    elsewhere = data.draw(st.integers(0, size - 1).filter(lambda place: place != index) | st.none())

    if elsewhere is not None:
        with pytest.raises(BadProof):
            check_inclusion(elsewhere, size, path, LEAVES[index])
        with pytest.raises(BadProof):
            check_inclusion(index, size, path, LEAVES[elsewhere])


@given(st.lists(st.integers(0, 40), max_size=6))
def test_extending_in_any_pieces_is_appending_one_by_one(pieces: list[int]) -> None:
    one_by_one = in_pieces = EMPTY_RANGE
    for count in pieces:
        start = in_pieces.size
        for leaf in LEAVES[start : start + count]:
            one_by_one = one_by_one.append(leaf)
        in_pieces = in_pieces.extend(LEAVES[start : start + count])

    assert in_pieces == one_by_one
    assert in_pieces.root() == naive_root(ENTRIES[: in_pieces.size])
    assert CompactRange.decode(in_pieces.size, in_pieces.encode()) == in_pieces


@given(SIZES, SIZES)
def test_forked_history_has_no_consistency_proof(first: int, second: int) -> None:
    first, second = sorted((first, second))
    forked = [*LEAVES[:first], *(leaf_hash(b"forked") for _ in range(second - first))]
    forked[first - 1] = leaf_hash(b"rewritten")

    with pytest.raises(BadProof):
        verify_consistency(
            first_size=first,
            first_root=root_at(first),
            second_size=second,
            second_root=EMPTY_RANGE.extend(forked).root(),
            path=consistency_path(first, second, fetch),
        )
