"""Portable evidence that an entry stands at one place of a log; the roster alone verifies it.

Evidence is a protobuf registry.format.v1.InclusionEvidence of at most 1 MiB.
"""

from typing import Final, NamedTuple

from google.protobuf.message import DecodeError

from registry.domain.identifiers import Origin, log_id_of
from registry.errors import (
    BadEntrySignature,
    BadProof,
    ForeignRegistryEntry,
    LimitExceeded,
    MalformedEntry,
)
from registry.format.v1 import evidence_pb2
from registry.log.entry import Header, decode_header, signed_message, split_entry
from registry.log.log_keys import keys_of_member, verify_log_checkpoint
from registry.log.merkle import leaf_hash, verify_inclusion
from registry.log.roster import Roster
from registry.log.signing import verify

EVIDENCE_MAX_BYTES: Final = 2**20
"""Room for the largest entry and note, the longest path, and as many rotations as are looked at."""


class InclusionEvidence(NamedTuple):
    """An entry, its place, the author's checkpoint, the path between them, and who signed.

    `rotations` are the entries that rotated the log's key, in order: they verify by themselves.
    """

    origin: Origin
    checkpoint: bytes
    index: int  # type: ignore[assignment] # the field, not tuple.index
    entry: bytes
    path: tuple[bytes, ...]
    rotations: tuple[bytes, ...] = ()


def encode_inclusion_evidence(evidence: InclusionEvidence) -> bytes:
    """Serializes evidence as registry.format.v1.InclusionEvidence."""
    message = evidence_pb2.InclusionEvidence(
        origin=evidence.origin,
        checkpoint=evidence.checkpoint,
        index=evidence.index,
        entry=evidence.entry,
        inclusion_path=evidence.path,
        rotations=evidence.rotations,
    )
    return message.SerializeToString(deterministic=True)


def decode_inclusion_evidence(data: bytes) -> InclusionEvidence:
    """Reads evidence; verifies nothing.

    Raises:
        LimitExceeded: it is larger than any evidence.
        MalformedEntry: the bytes are no evidence.
    """
    if len(data) > EVIDENCE_MAX_BYTES:
        msg = f"inclusion evidence has at most {EVIDENCE_MAX_BYTES} bytes, found {len(data)}"
        raise LimitExceeded(msg)
    try:
        message = evidence_pb2.InclusionEvidence.FromString(data)
    except DecodeError as error:
        msg = "the bytes are no inclusion evidence"
        raise MalformedEntry(msg) from error
    return InclusionEvidence(
        origin=Origin(message.origin),
        checkpoint=message.checkpoint,
        index=message.index,
        entry=message.entry,
        path=tuple(message.inclusion_path),
        rotations=tuple(message.rotations),
    )


def verify_inclusion_evidence(data: bytes, roster: Roster) -> Header:
    """Checks evidence against the roster; returns the entry's header.

    Raises:
        LimitExceeded, MalformedEntry, MalformedNote, BadNoteSignature: a piece is not what it says.
        BadKeyRotation: a rotation does not verify.
        ForeignNote: the checkpoint belongs to another log.
        ForeignRegistryEntry: the entry belongs to another registry.
        BadEntrySignature: the entry is not signed by the log's key.
        BadProof: the entry does not stand at that place under the checkpoint.
        NotFound: no member writes such a log.
    """
    evidence = decode_inclusion_evidence(data)
    member = roster.member_by_log(log_id_of(evidence.origin))
    keys = keys_of_member(roster.registry_id, member).learn(evidence.rotations)
    checkpoint = verify_log_checkpoint(evidence.checkpoint, keys)
    header_bytes, signature = split_entry(evidence.entry)
    header = decode_header(header_bytes)
    if not verify(keys.at(evidence.index), signed_message(header_bytes), signature):
        msg = f"the entry is not signed by the log key of {member.origin}"
        raise BadEntrySignature(msg)
    if header.registry_id != keys.registry_id:
        msg = f"the entry belongs to registry {header.registry_id.hex()}, not to the roster's"
        raise ForeignRegistryEntry(msg)
    if header.log_id != member.log_id or header.index != evidence.index:
        msg = f"the entry's header names another place than {member.origin} {evidence.index}"
        raise BadProof(msg)
    verify_inclusion(
        leaf=leaf_hash(evidence.entry),
        index=evidence.index,
        size=checkpoint.size,
        path=evidence.path,
        root=checkpoint.root,
    )
    return header
