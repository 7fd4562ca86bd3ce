"""Fault proofs: portable bytes that show what the author of a log did against its rules.

A proof is a protobuf registry.format.v1.FaultProof of at most 1 MiB, in the deterministic encoding
and without unknown fields, so that one fault cannot be told in endlessly many ways. What is read
here is believed by nobody: `fault_verdict` says what it proves.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple, TypeAlias, assert_never

from google.protobuf.message import DecodeError

from registry.domain.identifiers import Origin, RootHash
from registry.errors import LimitExceeded, MalformedEntry
from registry.format.v1 import evidence_pb2

FAULT_PROOF_MAX_BYTES: Final = 2**20
"""Room for two of the largest entries and notes, and all rotations that a log can have."""


class SignedPrefix(NamedTuple):
    """The root that a signed checkpoint has at a smaller size, and the path between them.

    `rotations` are the entries that rotated the log's key, in order: they verify by themselves.
    """

    checkpoint: bytes
    rotations: tuple[bytes, ...]
    root: RootHash
    path: tuple[bytes, ...]


class TwoHistories(NamedTuple):
    """Two checkpoints with different roots at the size `parted_by`: no log begins with both."""

    parted_by: int
    first: SignedPrefix
    second: SignedPrefix


class TwoEntries(NamedTuple):
    """Two entries of one place whose headers differ."""

    first: bytes
    second: bytes
    rotations: tuple[bytes, ...] = ()


class EarlierEntry(NamedTuple):
    """An entry, and its audit path in the tree of the entries before a later one."""

    index: int  # type: ignore[assignment] # the field, not tuple.index
    entry: bytes
    path: tuple[bytes, ...]


class InvalidEntry(NamedTuple):
    """An entry under a signed checkpoint which breaks the rules, alone or behind `earlier`."""

    checkpoint: bytes
    rotations: tuple[bytes, ...]
    index: int  # type: ignore[assignment] # the field, not tuple.index
    entry: bytes
    path: tuple[bytes, ...]
    earlier: EarlierEntry | None = None


Fault: TypeAlias = TwoHistories | TwoEntries | InvalidEntry


class FaultProof(NamedTuple):
    """A fault, the log, and the first index that is void by it: named, to be recomputed."""

    origin: Origin
    frozen_at: int
    fault: Fault


def two_histories(origin: Origin, parted_by: int, *prefixes: SignedPrefix) -> bytes:
    """Makes the proof that two checkpoints have different roots at a size."""
    first, second = sorted(prefixes, key=lambda each: each.root)
    fault = TwoHistories(parted_by, first, second)
    return encode_fault_proof(FaultProof(origin, parted_by - 1, fault))


def two_entries(
    origin: Origin, index: int, entries: Sequence[bytes], rotations: tuple[bytes, ...]
) -> bytes:
    """Makes the proof that two entries were signed for one place."""
    first, second = sorted(entries)
    return encode_fault_proof(FaultProof(origin, index, TwoEntries(first, second, rotations)))


def invalid_entry(origin: Origin, invalid: InvalidEntry) -> bytes:
    """Makes the proof that a checkpoint stands over an entry that breaks the rules."""
    return encode_fault_proof(FaultProof(origin, invalid.index, invalid))


def encode_fault_proof(proof: FaultProof) -> bytes:
    """Serializes a proof as registry.format.v1.FaultProof."""
    message = evidence_pb2.FaultProof(origin=proof.origin, frozen_at=proof.frozen_at)
    match proof.fault:
        case TwoHistories(parted_by, first, second):
            message.two_histories.parted_by = parted_by
            message.two_histories.first.CopyFrom(_prefix_message(first))
            message.two_histories.second.CopyFrom(_prefix_message(second))
        case TwoEntries(first, second, rotations):
            message.two_entries.first, message.two_entries.second = first, second
            message.two_entries.rotations.extend(rotations)
        case InvalidEntry():
            _put_invalid(message.invalid_entry, proof.fault)
        case _:
            assert_never(proof.fault)
    return message.SerializeToString(deterministic=True)


def decode_fault_proof(data: bytes) -> FaultProof:
    """Reads a proof; verifies nothing.

    Raises:
        LimitExceeded: it is larger than any proof.
        MalformedEntry: the bytes are no proof, or not in the one encoding that counts.
    """
    if len(data) > FAULT_PROOF_MAX_BYTES:
        msg = f"a fault proof has at most {FAULT_PROOF_MAX_BYTES} bytes, found {len(data)}"
        raise LimitExceeded(msg)
    try:
        message = evidence_pb2.FaultProof.FromString(data)
    except DecodeError as error:
        msg = "the bytes are no fault proof"
        raise MalformedEntry(msg) from error
    fault = _fault_of(message)
    if fault is None:
        msg = "a fault proof names no fault that this software knows"
        raise MalformedEntry(msg)
    proof = FaultProof(Origin(message.origin), message.frozen_at, fault)
    if encode_fault_proof(proof) != data:
        msg = "a fault proof is not in its one encoding"
        raise MalformedEntry(msg)
    return proof


def encode_signed_prefix(prefix: SignedPrefix) -> bytes:
    """Serializes a prefix as registry.format.v1.SignedPrefix."""
    return _prefix_message(prefix).SerializeToString(deterministic=True)


def decode_signed_prefix(data: bytes) -> SignedPrefix:
    """Reads a prefix; verifies nothing.

    Raises:
        LimitExceeded: it is larger than a proof that would hold it.
        MalformedEntry: the bytes are none.
    """
    if len(data) > FAULT_PROOF_MAX_BYTES:
        msg = f"a signed prefix has at most {FAULT_PROOF_MAX_BYTES} bytes, found {len(data)}"
        raise LimitExceeded(msg)
    try:
        return _prefix_of(evidence_pb2.SignedPrefix.FromString(data))
    except DecodeError as error:
        msg = "the bytes are no signed prefix"
        raise MalformedEntry(msg) from error


def _prefix_message(prefix: SignedPrefix) -> evidence_pb2.SignedPrefix:
    return evidence_pb2.SignedPrefix(
        checkpoint=prefix.checkpoint,
        rotations=prefix.rotations,
        root=prefix.root,
        consistency_path=prefix.path,
    )


def _prefix_of(message: evidence_pb2.SignedPrefix) -> SignedPrefix:
    return SignedPrefix(
        message.checkpoint,
        tuple(message.rotations),
        RootHash(message.root),
        tuple(message.consistency_path),
    )


def _put_invalid(message: evidence_pb2.InvalidEntry, fault: InvalidEntry) -> None:
    message.checkpoint, message.index, message.entry = fault.checkpoint, fault.index, fault.entry
    message.rotations.extend(fault.rotations)
    message.inclusion_path.extend(fault.path)
    message.SetInParent()
    if fault.earlier is not None:
        earlier = message.earlier
        earlier.index, earlier.entry = fault.earlier.index, fault.earlier.entry
        earlier.inclusion_path.extend(fault.earlier.path)
        earlier.SetInParent()


def _fault_of(message: evidence_pb2.FaultProof) -> Fault | None:
    match message.WhichOneof("fault"):
        case "two_histories":
            histories = message.two_histories
            first, second = _prefix_of(histories.first), _prefix_of(histories.second)
            return TwoHistories(histories.parted_by, first, second)
        case "two_entries":
            entries = message.two_entries
            return TwoEntries(entries.first, entries.second, tuple(entries.rotations))
        case "invalid_entry":
            return _invalid_of(message.invalid_entry)
    return None


def _invalid_of(message: evidence_pb2.InvalidEntry) -> InvalidEntry:
    earlier = None
    if message.HasField("earlier"):
        each = message.earlier
        earlier = EarlierEntry(each.index, each.entry, tuple(each.inclusion_path))
    return InvalidEntry(
        message.checkpoint,
        tuple(message.rotations),
        message.index,
        message.entry,
        tuple(message.inclusion_path),
        earlier,
    )
