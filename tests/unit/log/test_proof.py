"""Inclusion evidence: what an auditor checks with the roster alone."""

from typing import Any

import pytest

from registry.domain.identifiers import RootHash
from registry.errors import (
    BadEntrySignature,
    BadNoteSignature,
    BadProof,
    ForeignNote,
    ForeignRegistryEntry,
    LimitExceeded,
    MalformedEntry,
    MalformedNote,
    NotFound,
)
from registry.log.checkpoint import Checkpoint, sign_checkpoint
from registry.log.entry import (
    ENTRY_MAX_BYTES,
    Header,
    encode_header,
    frame_entry,
    signed_message,
)
from registry.log.merkle import leaf_hash, node_hash
from registry.log.proof import (
    EVIDENCE_MAX_BYTES,
    InclusionEvidence,
    decode_inclusion_evidence,
    encode_inclusion_evidence,
    verify_inclusion_evidence,
)
from tests.unit.log.log_world import ORIGIN, ORIGINS, REGISTRY, sample_header, sample_roster, signer

ROSTER = sample_roster(registry_id=REGISTRY)
HEADER = sample_header(index=1)
BEFORE = leaf_hash(b"the entry before")


def sign_entry(header: Header = HEADER, *, key: int = 11) -> bytes:
    data = encode_header(header)
    return frame_entry(data, signer(key).sign(signed_message(data)))


def sign_note(entry: bytes, *, key: int = 11, size: int = 2) -> bytes:
    root = RootHash(node_hash(BEFORE, leaf_hash(entry)))
    return sign_checkpoint(Checkpoint(ORIGIN, size, root), signer(key))


def evidence(entry: bytes | None = None, **changes: Any) -> bytes:
    """Evidence for an entry at index 1 of a log of two; `changes` replace pieces."""
    shown = sign_entry() if entry is None else entry
    sound = InclusionEvidence(
        origin=ORIGIN, checkpoint=sign_note(shown), index=1, entry=shown, path=(BEFORE,)
    )
    return encode_inclusion_evidence(sound._replace(**changes))


def test_sound_evidence_gives_the_header() -> None:
    assert verify_inclusion_evidence(evidence(), ROSTER) == HEADER


def test_frozen_evidence() -> None:
    pieces = InclusionEvidence(ORIGIN, b"note", 1, b"entry", (b"p" * 32,))
    frozen = (
        bytes.fromhex("0a 18")
        + b"registry.example/alpha/1"
        + bytes.fromhex("12 04 6e6f7465 18 01 22 05 656e747279 2a 20" + "70" * 32)
    )

    assert encode_inclusion_evidence(pieces) == frozen
    assert decode_inclusion_evidence(frozen) == pieces


def test_entry_signed_by_another_key_is_refused() -> None:
    with pytest.raises(BadEntrySignature):
        verify_inclusion_evidence(evidence(sign_entry(key=21)), ROSTER)


def test_changed_entry_is_refused() -> None:
    entry = sign_entry()

    with pytest.raises(BadEntrySignature):
        verify_inclusion_evidence(evidence(entry[:-1] + bytes([entry[-1] ^ 1])), ROSTER)


def test_entry_of_another_registry_is_refused() -> None:
    entry = sign_entry(sample_header(index=1, registry_id=b"\x0f" * 32))

    with pytest.raises(ForeignRegistryEntry):
        verify_inclusion_evidence(evidence(entry), ROSTER)


def test_entry_of_an_earlier_epoch_is_refused() -> None:
    entry = sign_entry(sample_header(index=1, log_id=b"\x0f" * 32))

    with pytest.raises(BadProof):
        verify_inclusion_evidence(evidence(entry), ROSTER)


def test_entry_shown_at_another_index_is_refused() -> None:
    with pytest.raises(BadProof):
        verify_inclusion_evidence(evidence(index=0), ROSTER)


def test_entry_that_the_checkpoint_does_not_hold_is_refused() -> None:
    for changes in ({"path": ()}, {"path": (BEFORE, BEFORE)}, {"path": (bytes(32),)}):
        with pytest.raises(BadProof):
            verify_inclusion_evidence(evidence(**changes), ROSTER)


def test_checkpoint_of_another_log_is_refused() -> None:
    with pytest.raises(ForeignNote):
        verify_inclusion_evidence(evidence(origin=ORIGINS[1]), ROSTER)


def test_checkpoint_signed_by_another_key_is_refused() -> None:
    with pytest.raises(BadNoteSignature):
        verify_inclusion_evidence(evidence(checkpoint=sign_note(sign_entry(), key=21)), ROSTER)


def test_log_that_no_member_writes_is_not_found() -> None:
    with pytest.raises(NotFound):
        verify_inclusion_evidence(evidence(origin="registry.example/delta/1"), ROSTER)


def test_malformed_pieces_are_refused() -> None:
    with pytest.raises(MalformedNote):
        verify_inclusion_evidence(evidence(checkpoint=b""), ROSTER)
    with pytest.raises(MalformedEntry):
        verify_inclusion_evidence(evidence(b""), ROSTER)
    with pytest.raises(MalformedEntry):
        verify_inclusion_evidence(b"\xff", ROSTER)


def test_largest_evidence_is_read_and_a_larger_one_is_not() -> None:
    path = (bytes(32),) * 64
    largest = InclusionEvidence(ORIGIN, bytes(16_384), 2**63, bytes(ENTRY_MAX_BYTES), path)

    assert decode_inclusion_evidence(encode_inclusion_evidence(largest)) == largest
    with pytest.raises(LimitExceeded):
        decode_inclusion_evidence(bytes(EVIDENCE_MAX_BYTES + 1))
