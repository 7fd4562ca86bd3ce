"""Every decoder of the log core, on noise and on mutations: it reads or it refuses, nothing else.

What is signed is never read as something else: a mutation is refused or means the same.
"""

from collections.abc import Callable
from io import BytesIO

import pytest
from hypothesis import given, settings

from registry.domain.identifiers import (
    MemberId,
    log_id_of,
)
from registry.errors import RegistryError
from registry.log.bundle import decode_record, read_bundle
from registry.log.bundle_content import decode_content
from registry.log.checkpoint import (
    note_text,
    parse_checkpoint,
    parse_note,
    verify_checkpoint,
)
from registry.log.commitment import check_commitment
from registry.log.entry import (
    decode_header,
    signed_message,
    split_entry,
)
from registry.log.fault_proof import decode_signed_prefix, encode_signed_prefix
from registry.log.fault_verdict import verify_fault_proof
from registry.log.member import read_member_file
from registry.log.merkle import CompactRange
from registry.log.proof import (
    decode_inclusion_evidence,
    verify_inclusion_evidence,
)
from registry.log.roster import (
    decode_roster,
    decode_signed_roster,
    registry_id_of,
    verify_genesis,
)
from registry.log.signing import check_public_key, verify
from tests.faults.two_faced import ROSTER as FAULT_ROSTER
from tests.faults.two_faced import forked, histories_proof, versions_of, written
from tests.property.hostile_bytes import EXAMPLES, hostile
from tests.property.signed_samples import (
    BUNDLE,
    BUNDLE_CONTENT,
    BUNDLE_RECORD,
    CHECKPOINT,
    ENTRY,
    EVIDENCE,
    HEADER,
    MEMBER_FILE,
    NOTE,
    RANGE,
    ROSTER,
    SIGNED_ROSTER,
    VERIFIED_ROSTER,
)
from tests.unit.log.log_world import (
    ORIGIN,
    sample_header,
    sample_member,
    sample_roster,
    signer,
)

Decoder = Callable[[bytes], object]
FAULT_PROOF = histories_proof(written(6), forked(written(6), 2, 7), 4)
DECODERS: dict[str, tuple[Decoder, bytes]] = {
    "entry": (split_entry, ENTRY),
    "header": (decode_header, HEADER),
    "note": (parse_note, NOTE),
    "checkpoint": (
        lambda data: parse_checkpoint(data.decode("latin-1")),
        note_text(CHECKPOINT).encode(),
    ),
    "compact range": (lambda data: CompactRange.decode(7, data), RANGE),
    "roster": (decode_roster, ROSTER),
    "signed roster": (decode_signed_roster, SIGNED_ROSTER),
    "member file": (read_member_file, MEMBER_FILE),
    "evidence": (decode_inclusion_evidence, EVIDENCE),
    "fault proof": (
        lambda data: verify_fault_proof(data, FAULT_ROSTER, versions_of),
        FAULT_PROOF,
    ),
    "signed prefix": (decode_signed_prefix, encode_signed_prefix(written(5).prefix(3, 5))),
    "public key": (check_public_key, signer(11).public_key),
    "bundle": (lambda data: list(read_bundle(BytesIO(data).read)), BUNDLE),
    "bundle record": (decode_record, BUNDLE_RECORD),
    "bundle content": (decode_content, BUNDLE_CONTENT),
    "media type": (
        lambda data: check_commitment(
            bytes(32),
            log_id=log_id_of(ORIGIN),
            salt=data[:32],
            media_type=data.hex() * 200,
            content=b"",
        ),
        bytes(200),
    ),
}


def refusal(decode: Decoder, data: bytes) -> str | None:
    """The words of a refusal, or None if the bytes were read; other errors pass through."""
    try:
        decode(data)
    except RegistryError as error:
        return str(error)
    return None


@pytest.mark.parametrize("name", DECODERS)
def test_decoder_reads_or_refuses(name: str) -> None:
    decode, sample = DECODERS[name]

    @settings(max_examples=EXAMPLES)
    @given(hostile(sample))
    def reads_or_refuses(data: bytes) -> None:
        assert refusal(decode, data) != ""

    reads_or_refuses()


@settings(max_examples=EXAMPLES)
@given(hostile(NOTE))
def test_mutated_note_is_refused_or_means_the_same(data: bytes) -> None:
    try:
        found = verify_checkpoint(data, origin=ORIGIN, log_key=signer(11).public_key)
    except RegistryError:
        return
    assert found == CHECKPOINT


@settings(max_examples=EXAMPLES)
@given(hostile(SIGNED_ROSTER))
def test_mutated_genesis_is_refused_or_means_the_same(data: bytes) -> None:
    registry_id = registry_id_of(ROSTER)
    try:
        found = verify_genesis(data, registry_id=registry_id)
    except RegistryError:
        return
    assert found == sample_roster(registry_id=registry_id)


@settings(max_examples=EXAMPLES)
@given(hostile(MEMBER_FILE))
def test_mutated_member_file_is_refused_or_means_the_same(data: bytes) -> None:
    try:
        found = read_member_file(data)
    except RegistryError:
        return
    assert found == sample_member(id=MemberId(0))


@settings(max_examples=EXAMPLES)
@given(hostile(EVIDENCE))
def test_mutated_evidence_is_refused_or_means_the_same(data: bytes) -> None:
    try:
        found = verify_inclusion_evidence(data, VERIFIED_ROSTER)
    except RegistryError:
        return
    assert found == sample_header(index=0)


@settings(max_examples=EXAMPLES)
@given(hostile(ENTRY))
def test_mutated_entry_is_refused_or_is_the_same_bytes(data: bytes) -> None:
    try:
        header, signature = split_entry(data)
        decode_header(header)
    except RegistryError:
        return
    is_signed = verify(signer(11).public_key, signed_message(header), signature)
    assert is_signed == (data == ENTRY)
