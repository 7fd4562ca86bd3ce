"""Fault proofs: keys that were replaced, and the form of a proof."""

from hashlib import sha256

import pytest

from registry.domain.identifiers import MemberId, Origin
from registry.errors import (
    BadKeyRotation,
    BadNoteSignature,
    BadProof,
    EntryError,
    LimitExceeded,
    MalformedEntry,
    NotFound,
)
from registry.log.fault_proof import (
    FAULT_PROOF_MAX_BYTES,
    InvalidEntry,
    decode_fault_proof,
    decode_signed_prefix,
    encode_fault_proof,
    encode_signed_prefix,
    invalid_entry,
    two_entries,
    two_histories,
)
from registry.log.fault_verdict import verify_signed_prefix
from registry.log.log_keys import keys_of_member
from tests.faults.two_faced import (
    KEYS,
    LOG,
    ROSTER,
    entries_proof,
    forked,
    histories_proof,
    invalid_proof,
    written,
)
from tests.unit.log.fault_world import (
    ONE,
    OTHER,
    PARTED,
    SIZE,
    THIEF,
    bad_signature,
    going_back,
    judged,
    refused,
    verdict,
)
from tests.unit.log.log_world import (
    ORIGIN,
    REGISTRY,
    sample_header,
    sample_member,
)

# --- keys that were replaced --------------------------------------------------------------------


def test_proof_carries_the_rotations_that_it_needs() -> None:
    one = written(SIZE, rotations=(2, 4))
    other = forked(one, 6, SIZE + 2)
    assert judged(histories_proof(one, other, 7)) == verdict(6, "two_histories", 2)
    assert judged(entries_proof(one, other, 6)) == verdict(6, "two_entries", 2)
    broken = one.fork_at(6)
    broken.add(bad_signature(broken))
    assert judged(invalid_proof(broken, 6, 7)) == verdict(6, "bad_entry_signature", 2)


def test_two_histories_with_rotations_of_their_own_are_proven() -> None:
    one, other = written(SIZE, rotations=(5,)), forked(written(4), 3, 6)
    other.rotate()
    other.write("on")
    assert judged(histories_proof(one, other, 4)) == verdict(3, "two_histories", 1)


def test_notes_of_a_key_that_the_proof_shows_to_be_replaced_prove_nothing() -> None:
    one = written(SIZE, rotations=(6,))
    other = forked(one, 3, 6)
    rotations = one.rotations()
    early = [each.prefix(5, 5)._replace(rotations=rotations) for each in (one, other)]
    refused(two_histories(ORIGIN, 5, *early))
    refused(two_histories(ORIGIN, 5, one.prefix(5, SIZE), other.prefix(5, 5)))
    refused(two_entries(ORIGIN, 4, (one.entries[4], other.entries[4]), rotations))
    bad = one.fork_at(3)
    bad.add(bad_signature(bad))
    invalid = bad.invalid(3, 4)._replace(rotations=rotations)
    refused(invalid_entry(ORIGIN, invalid))


def test_rotation_that_does_not_verify_is_refused() -> None:
    prefix = ONE.prefix(4, SIZE)._replace(rotations=(ONE.entries[0],))
    refused(two_histories(ORIGIN, 4, prefix, OTHER.prefix(4, SIZE)), BadKeyRotation)


def test_two_old_keys_do_not_make_honest_entries_look_badly_signed() -> None:
    """Who found the first two keys shows the first rotation at another place of an honest log."""
    honest = written(SIZE + 3, rotations=(2, 8))
    moved = written(6)
    moved.rotate()
    shown = (moved.entries[6], honest.entries[8])
    size = len(honest.entries)
    invalid = honest.invalid(4, size)._replace(rotations=shown)
    refused(invalid_entry(ORIGIN, invalid))


# --- the form -----------------------------------------------------------------------------------


def test_every_kind_is_read_as_it_was_written() -> None:
    author = going_back("refs")
    for data in (
        histories_proof(ONE, OTHER, SIZE),
        entries_proof(ONE, OTHER, PARTED),
        invalid_proof(author, 4, 6, 2),
        invalid_proof(author, 4, 6),
    ):
        assert encode_fault_proof(decode_fault_proof(data)) == data
    prefix = ONE.prefix(4, SIZE)
    assert decode_signed_prefix(encode_signed_prefix(prefix)) == prefix


def test_frozen_fault_proofs() -> None:
    """What a release has written stays what it is."""
    author = going_back("refs")
    found = [
        sha256(data).hexdigest()[:16]
        for data in (
            histories_proof(ONE, OTHER, SIZE),
            entries_proof(ONE, OTHER, PARTED),
            invalid_proof(author, 4, 6, 2),
        )
    ]
    assert found == ["11b60169eba79ccb", "3f9b57e844cbd331", "0ae6066e7d410fd8"]


@pytest.mark.parametrize("data", [b"", b"\xff", b"\x10\x05"])
def test_anything_else_is_no_proof(data: bytes) -> None:
    refused(data, MalformedEntry)


def test_proof_with_more_in_it_than_it_says_is_refused() -> None:
    refused(histories_proof(ONE, OTHER, SIZE) + b"\x92\x7d\x01x", MalformedEntry)


def test_largest_proof_and_prefix_have_limits() -> None:
    for read in (decode_fault_proof, decode_signed_prefix):
        with pytest.raises(LimitExceeded):
            read(bytes(FAULT_PROOF_MAX_BYTES + 1))
    with pytest.raises(MalformedEntry):
        decode_signed_prefix(b"\xff")


def test_proof_about_an_unknown_log_is_nobodys_fault() -> None:
    proof = decode_fault_proof(histories_proof(ONE, OTHER, SIZE))
    with pytest.raises(NotFound):
        judged(encode_fault_proof(proof._replace(origin=Origin("registry.example/delta/1"))))


def test_every_changed_byte_is_noticed() -> None:
    for data in (entries_proof(ONE, OTHER, PARTED), histories_proof(ONE, OTHER, PARTED + 1)):
        for place in range(len(data)):
            changed = bytearray(data)
            changed[place] ^= 1
            with pytest.raises((EntryError, NotFound)):
                judged(bytes(changed))


def test_prefix_is_verified_by_the_keys_of_its_author_alone() -> None:
    keys = keys_of_member(REGISTRY, sample_member(1))
    assert verify_signed_prefix(ONE.prefix(4, SIZE), 4, keys).size == SIZE
    with pytest.raises(BadProof):
        verify_signed_prefix(ONE.prefix(4, SIZE), 5, keys)
    with pytest.raises(BadNoteSignature):
        verify_signed_prefix(ONE.prefix(4, SIZE, by=THIEF), 4, keys)


def test_world_of_these_tests_is_the_one_of_the_roster() -> None:
    assert KEYS[0].public_key == ROSTER.member_by_id(MemberId(1)).log_key
    assert sample_header().log_id == LOG
    assert isinstance(ONE.invalid(1, 2), InvalidEntry)
