"""Entries: the signed header of an event, framed as a log stores it.

    entry          u32be(len(header)) || header || signature[64]
    header         protobuf registry.format.v1.EventHeader, at most 64 KiB
    signed bytes   DSSE PAE, type `application/vnd.registry.event-header+protobuf;v=1`, over header

Sizes are checked before parsing. What a header may look like is checked here; what an event may say
is its author's business. An unknown kind is kept; of a newer version only the fields of version 1
are read.
"""

from itertools import pairwise
from typing import Final, NamedTuple

from google.protobuf.message import DecodeError

from registry.domain.identifiers import (
    CASE_ID_SIZE_BYTES,
    HASH_SIZE_BYTES,
    CaseId,
    Commitment,
    LeafHash,
    LogId,
    MemberId,
    RegistryId,
    RequestKey,
)
from registry.domain.vocabulary import EventKind
from registry.errors import LimitExceeded, MalformedEntry
from registry.format.v1 import event_pb2
from registry.log.signing import SIGNATURE_SIZE_BYTES, pre_authentication_encoding

HEADER_MAX_BYTES: Final = 65_536
ENTRY_MAX_BYTES: Final = 4 + HEADER_MAX_BYTES + SIGNATURE_SIZE_BYTES
REFS_MAX: Final = 256
PARTS_MAX: Final = 64
AUDIENCE_MAX: Final = 256
CONTROL_MAX_BYTES: Final = 2048
INDEX_MAX: Final = 2**63 - 1
TIME_MIN_MS: Final = -62_135_596_800_000
"""0001-01-01T00:00:00Z."""
TIME_MAX_MS: Final = 253_402_300_799_999
"""9999-12-31T23:59:59.999Z."""
PAYLOAD_TYPE: Final = b"application/vnd.registry.event-header+protobuf;v=1"


class EventRef(NamedTuple):
    """A pointer to an event of another log, bound to its bytes."""

    log_id: LogId
    index: int  # type: ignore[assignment] # the field, not tuple.index
    leaf_hash: LeafHash


class PartCommitment(NamedTuple):
    """A commitment to one part, its size class in bytes, and the time before which it is sealed."""

    commitment: Commitment
    padded_size: int
    not_before_ms: int


class Audience(NamedTuple):
    """Who may hold the parts: every active member, or the named ones (ascending)."""

    is_all: bool
    member_ids: tuple[MemberId, ...]

    def admits(self, member_id: MemberId) -> bool:
        """Tells whether a member may hold the parts."""
        return self.is_all or member_id in self.member_ids


ALL_MEMBERS: Final = Audience(is_all=True, member_ids=())


class Header(NamedTuple):
    """An event header; see protos/registry/format/v1/event.proto for each field."""

    version: int
    registry_id: RegistryId
    log_id: LogId
    index: int  # type: ignore[assignment] # the field, not tuple.index
    roster_version: int
    case_id: CaseId
    kind: int
    time_ms: int
    refs: tuple[EventRef, ...]
    parts: tuple[PartCommitment, ...]
    audience: Audience
    request_id: RequestKey
    control: bytes


def encode_header(header: Header) -> bytes:
    """Serializes a header that an author is about to sign.

    Raises:
        MalformedEntry, LimitExceeded: the header breaks its own format.
    """
    _check(header)
    message = event_pb2.EventHeader(
        version=header.version,
        registry_id=header.registry_id,
        log_id=header.log_id,
        index=header.index,
        roster_version=header.roster_version,
        case_id=header.case_id,
        kind=header.kind,  # type: ignore[arg-type] # unknown numbers are kept
        time_ms=header.time_ms,
        request_id=header.request_id,
        control=header.control,
    )
    # Messages inside are made in place: to make and copy them takes twice as long.
    for ref in header.refs:
        message.refs.add(log_id=ref.log_id, index=ref.index, leaf_hash=ref.leaf_hash)
    for part in header.parts:
        message.parts.add(
            commitment=part.commitment,
            padded_size=part.padded_size,
            not_before_ms=part.not_before_ms,
        )
    message.audience.all = header.audience.is_all
    message.audience.member_ids.extend(header.audience.member_ids)
    data = message.SerializeToString(deterministic=True)
    if len(data) > HEADER_MAX_BYTES:
        msg = f"a header has at most {HEADER_MAX_BYTES} bytes, this one {len(data)}"
        raise LimitExceeded(msg)
    return data


def decode_header(data: bytes) -> Header:
    """Parses and checks the form of a header.

    Raises:
        LimitExceeded: it is larger than 64 KiB or a list is too long.
        MalformedEntry: it is no header, or a field is not as the format says.
    """
    if len(data) > HEADER_MAX_BYTES:
        msg = f"a header has at most {HEADER_MAX_BYTES} bytes, this one {len(data)}"
        raise LimitExceeded(msg)
    try:
        message = event_pb2.EventHeader.FromString(data)
    except DecodeError as error:
        msg = f"{len(data)} bytes are no event header"
        raise MalformedEntry(msg) from error
    audience = message.audience
    header = Header(
        message.version,
        RegistryId(message.registry_id),
        LogId(message.log_id),
        message.index,
        message.roster_version,
        CaseId(message.case_id),
        message.kind,
        message.time_ms,
        tuple([EventRef(r.log_id, r.index, r.leaf_hash) for r in message.refs])  # type: ignore[arg-type]
        if message.refs
        else (),
        tuple(
            [PartCommitment(p.commitment, p.padded_size, p.not_before_ms) for p in message.parts]  # type: ignore[arg-type]
        ),
        ALL_MEMBERS
        if audience.all and not audience.member_ids
        else Audience(audience.all, tuple(audience.member_ids)),  # type: ignore[arg-type]
        RequestKey(message.request_id),
        message.control,
    )
    _check(header)
    if header.kind == EventKind.KEY_ROTATED and encode_header(header) != data:
        msg = "a rotation of a key travels with heads: its header holds nothing but known fields"
        raise MalformedEntry(msg)
    return header


def signed_message(header: bytes) -> bytes:
    """The bytes that an event signature covers."""
    return pre_authentication_encoding(PAYLOAD_TYPE, header)


def frame_entry(header: bytes, signature: bytes) -> bytes:
    """Joins a header and its signature into an entry."""
    return len(header).to_bytes(4, "big") + header + signature


def split_entry(entry: bytes) -> tuple[bytes, bytes]:
    """Splits an entry into header and signature.

    Raises:
        MalformedEntry: the length does not fit the bytes.
    """
    size = int.from_bytes(entry[:4], "big")
    if size > HEADER_MAX_BYTES or len(entry) != 4 + size + SIGNATURE_SIZE_BYTES:
        msg = f"an entry of {len(entry)} bytes cannot hold a header of {size} and a signature"
        raise MalformedEntry(msg)
    return entry[4 : 4 + size], entry[4 + size :]


def _check(header: Header) -> None:
    if min(header.version, header.roster_version) < 1 or (
        len(header.registry_id) != HASH_SIZE_BYTES
        or len(header.log_id) != HASH_SIZE_BYTES
        or len(header.case_id) not in (0, CASE_ID_SIZE_BYTES)
        or len(header.request_id) not in (0, 16)
    ):
        msg = "an id in the header does not have its exact length, or a version is 0"
        raise MalformedEntry(msg)
    if not 0 <= header.index <= INDEX_MAX or not TIME_MIN_MS <= header.time_ms <= TIME_MAX_MS:
        msg = "the header's index or time is out of range"
        raise MalformedEntry(msg)
    if len(header.control) > CONTROL_MAX_BYTES:
        msg = f"control has at most {CONTROL_MAX_BYTES} bytes, found {len(header.control)}"
        raise LimitExceeded(msg)
    if header.refs:
        _check_refs(header)
    _check_parts(header.parts)
    if header.audience is not ALL_MEMBERS:
        _check_audience(header.audience)


def _check_refs(header: Header) -> None:
    if len(header.refs) > REFS_MAX:
        msg = f"a header has at most {REFS_MAX} refs, found {len(header.refs)}"
        raise LimitExceeded(msg)
    before = b""
    for ref in header.refs:
        if (
            len(ref.log_id) != HASH_SIZE_BYTES
            or len(ref.leaf_hash) != HASH_SIZE_BYTES
            or ref.log_id <= before
            or ref.log_id == header.log_id
            or ref.index > INDEX_MAX
        ):
            msg = "refs must be sorted by log id, once per other log, with hashes of 32 bytes"
            raise MalformedEntry(msg)
        before = ref.log_id
    if not header.case_id:
        msg = "an event outside any case has no refs"
        raise MalformedEntry(msg)


def _check_parts(parts: tuple[PartCommitment, ...]) -> None:
    if len(parts) > PARTS_MAX:
        msg = f"a header has at most {PARTS_MAX} parts, found {len(parts)}"
        raise LimitExceeded(msg)
    for part in parts:
        if len(part.commitment) != HASH_SIZE_BYTES or part.not_before_ms < 0:
            msg = "a part has a commitment of 32 bytes and a time of 0 or later"
            raise MalformedEntry(msg)


def _check_audience(audience: Audience) -> None:
    ids = audience.member_ids
    if len(ids) > AUDIENCE_MAX:
        msg = f"an audience names at most {AUDIENCE_MAX} members, found {len(ids)}"
        raise LimitExceeded(msg)
    is_ascending = all(a < b for a, b in pairwise(ids))
    if audience.is_all == bool(ids) or not is_ascending or 0 in ids:
        msg = "an audience is all members or an ascending list of member ids, exactly one of them"
        raise MalformedEntry(msg)
