"""Rotations inside a batch: the key of its place judges each entry, however slices are cut."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from registry.domain.identifiers import NO_CASE
from registry.domain.vocabulary import EventKind
from registry.log.entry import encode_header, frame_entry, signed_message
from registry.log.log_keys import LogKey, LogKeys, keys_of_member, make_rotation
from registry.log.member import key_hash
from registry.log.signing import Ed25519Signer
from registry.replication.entry_checks import (
    SliceResult,
    follow_rotations,
    judge_slices,
    rotations_in,
    verify_slice,
)
from tests.unit.log.log_world import REGISTRY, sample_header, sample_member

SIZE = 12
KEYRING = [Ed25519Signer(bytes([number]) * 32) for number in range(1, 20)]
AUTHOR = replace(
    keys_of_member(REGISTRY, sample_member(1)),
    keys=(LogKey(0, KEYRING[0].public_key, key_hash(KEYRING[1].public_key)),),
)


def written(rotations: Sequence[int], forged: int | None = None) -> list[bytes]:
    """A log that rotates at some places; at `forged` the key before the present one signs."""
    entries, at = [], 0
    for index in range(SIZE):
        is_rotation = index in rotations
        header = sample_header(index=index, refs=())
        if is_rotation:
            control = make_rotation(
                AUTHOR.log_id, index, KEYRING[at + 1], key_hash(KEYRING[at + 2].public_key)
            )
            header = header._replace(
                kind=EventKind.KEY_ROTATED, case_id=NO_CASE, parts=(), control=control
            )
        data = encode_header(header)
        signer = KEYRING[at - 1] if index == forged else KEYRING[at]
        entries.append(frame_entry(data, signer.sign(signed_message(data))))
        at += is_rotation and index != forged
    return entries


def judged(keys: LogKeys, entries: Sequence[bytes], start: int, cuts: Sequence[int]) -> SliceResult:
    """Verifies entries[0:] as a batch from `start` on, in slices that end at the cuts."""
    bounds = [0, *sorted({cut for cut in cuts if 0 < cut < len(entries)}), len(entries)]
    slices = [verify_slice(keys, entries, start, a, b) for a, b in pairwise(bounds)]
    return judge_slices(
        follow_rotations(slices, entries, start),
        last_roster_version=1,
        newest_roster_version=1,
        active_versions=range(1, 2),
        refs_reached=lambda *_: None,
    )


places = st.lists(st.integers(0, SIZE - 1), unique=True, max_size=5)


@given(places, places, st.integers(1, SIZE - 1))
def test_every_entry_is_taken_in_one_batch_and_in_two(
    rotations: list[int], cuts: list[int], second: int
) -> None:
    entries = written(rotations)
    whole = judged(AUTHOR, entries, 0, cuts)
    assert whole.fault is None
    assert len(whole.facts) == SIZE
    assert rotations_in(AUTHOR, whole) == tuple(sorted(rotations))

    first = judged(AUTHOR, entries[:second], 0, cuts)
    rest = judged(first.keys, entries[second:], second, cuts)
    assert (first.fault, rest.fault, rest.keys) == (None, None, whole.keys)


@given(st.lists(st.integers(0, SIZE - 2), unique=True, min_size=1, max_size=4), places, st.data())
def test_entry_by_a_retired_key_stops_the_log_exactly_there(
    rotations: list[int], cuts: list[int], data: st.DataObject
) -> None:
    forged = data.draw(st.integers(min(rotations) + 1, SIZE - 1))
    found = judged(AUTHOR, written(rotations, forged), 0, cuts)

    assert found.fault is not None
    assert (found.fault.place, found.fault.reason) == (forged, "bad_entry_signature")
    assert [fact.index for fact in found.facts] == list(range(forged))
    assert rotations_in(AUTHOR, found) == tuple(sorted(r for r in rotations if r < forged))
