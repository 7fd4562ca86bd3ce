"""The roster: who takes part, with which keys; a strict chain of versions signed by its members.

Version 1 (genesis) is valid if every founder signed it; registry_id and prev_hash are empty in it and
the registry id is the SHA-256 of its bytes. Signed are exact bytes, as DSSE with the payload types
below. Members are sorted by id; ids, slugs, origins and every key are unique.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from enum import IntEnum
from hashlib import sha256
from typing import Final

from google.protobuf.message import DecodeError

from registry.domain.identifiers import (
    HASH_SIZE_BYTES,
    LogId,
    MemberId,
    Origin,
    RegistryId,
    RootHash,
    Slug,
    log_id_of,
    parse_registry_name,
    parse_slug,
)
from registry.errors import InvalidRequest, MalformedEntry, NotFound, RosterError
from registry.format.v1 import roster_pb2
from registry.log.signing import (
    SIGNATURE_SIZE_BYTES,
    Signer,
    check_public_key,
    pre_authentication_encoding,
    verify,
)

ROSTER_MAX_BYTES: Final = 2**20
MEMBERS_MAX: Final = 256
DISPLAY_NAME_MAX: Final = 200
CERTIFICATE_MAX_BYTES: Final = 4096
_ADDRESS_MAX: Final = 300
_MEMBER_TYPE: Final = b"application/vnd.registry.member+protobuf;v=1"
_ROSTER_TYPE: Final = b"application/vnd.registry.roster+protobuf;v=1"


class MemberStatus(IntEnum):
    """Whether a member takes part."""

    ACTIVE = 1
    REMOVED = 2


@dataclass(frozen=True, slots=True)
class Cut:
    """The size at which a log ends for everyone; `root` is that of its first `size` entries."""

    size: int
    root: RootHash
    reason: str


@dataclass(frozen=True, slots=True)
class Member:
    """One mechanism and its keys; see protos/registry/format/v1/roster.proto for each field."""

    id: MemberId
    slug: Slug
    display_name: str
    origin: Origin
    identity_key: bytes
    log_key: bytes
    next_log_key_hash: bytes
    cosigner_key: bytes
    hpke_key: bytes
    tls_certificate: bytes
    status: MemberStatus
    cut: Cut | None
    address: str
    log_id: LogId = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "log_id", log_id_of(self.origin))


@dataclass(frozen=True, slots=True)
class Roster:
    """One version of the list of members; `registry_id` is filled in for version 1 when verified."""

    registry_id: RegistryId
    version: int
    prev_hash: bytes
    threshold: int
    members: tuple[Member, ...]
    advisory_expiry_ms: int
    registry_name: str

    def active_members(self) -> tuple[Member, ...]:
        """Those that take part."""
        return tuple(m for m in self.members if m.status is MemberStatus.ACTIVE)

    def member_by_log(self, log_id: LogId) -> Member:
        """Finds the writer of a log.

        Raises:
            NotFound: no member writes it.
        """
        return self._find(lambda member: member.log_id == log_id, f"log {log_id.hex()}")

    def member_by_slug(self, slug: str) -> Member:
        """Finds a mechanism.

        Raises:
            NotFound: no member has that name.
        """
        return self._find(lambda member: member.slug == slug, f"mechanism {slug[:80]!r}")

    def member_by_id(self, member_id: MemberId) -> Member:
        """Finds a member by its number.

        Raises:
            NotFound: no member has it.
        """
        return self._find(lambda member: member.id == member_id, f"member {member_id}")

    def _find(self, matches: Callable[[Member], bool], what: str) -> Member:
        for member in self.members:
            if matches(member):
                return member
        msg = f"the roster of {self.registry_name} knows no {what}"
        raise NotFound(msg)


@dataclass(frozen=True, slots=True)
class RosterSignature:
    """One member's endorsement, 64 bytes."""

    member_id: MemberId
    signature: bytes


@dataclass(frozen=True, slots=True)
class SignedRoster:
    """Exact roster bytes and who endorsed them."""

    roster: bytes
    signatures: tuple[RosterSignature, ...]


def registry_id_of(genesis_bytes: bytes) -> RegistryId:
    """SHA-256 of the genesis roster's bytes."""
    return RegistryId(sha256(genesis_bytes).digest())


def key_hash(public_key: bytes) -> bytes:
    """The hash by which a next key is announced before it is used."""
    return sha256(public_key).digest()


def make_member_file(member: Member, *, identity: Signer, log: Signer, cosigner: Signer) -> bytes:
    """Serializes a member with a proof of possession by each signing key."""
    data = _member_to_proto(member).SerializeToString(deterministic=True)
    message = pre_authentication_encoding(_MEMBER_TYPE, data)
    return roster_pb2.MemberFile(
        member=data,
        identity_proof=identity.sign(message),
        log_proof=log.sign(message),
        cosigner_proof=cosigner.sign(message),
    ).SerializeToString(deterministic=True)


def read_member_file(data: bytes) -> Member:
    """Reads a member file and checks its proofs of possession.

    Raises:
        RosterError: malformed, or a proof fails.
    """
    try:
        file = roster_pb2.MemberFile.FromString(data[: ROSTER_MAX_BYTES + 1])
        member = _member_from_proto(roster_pb2.Member.FromString(file.member), is_numbered=False)
    except DecodeError as error:
        msg = "the file is no member file; it is made by `registry init`"
        raise RosterError(msg) from error
    message = pre_authentication_encoding(_MEMBER_TYPE, file.member)
    for name, key, proof in (
        ("identity", member.identity_key, file.identity_proof),
        ("log", member.log_key, file.log_proof),
        ("cosigner", member.cosigner_key, file.cosigner_proof),
    ):
        if not verify(key, message, proof):
            msg = f"the member file of {member.slug} has no valid proof for its {name} key"
            raise RosterError(msg)
    return member


def encode_roster(roster: Roster) -> bytes:
    """Serializes a roster version that members are going to sign.

    Raises:
        RosterError: it breaks a rule of rosters.
    """
    _check_roster(roster)
    return roster_pb2.Roster(
        registry_id=roster.registry_id if roster.version > 1 else b"",
        version=roster.version,
        prev_hash=roster.prev_hash,
        threshold=roster.threshold,
        members=[_member_to_proto(member) for member in roster.members],
        advisory_expiry_ms=roster.advisory_expiry_ms,
        registry_name=roster.registry_name,
    ).SerializeToString(deterministic=True)


def decode_roster(data: bytes) -> Roster:
    """Parses a roster and checks its rules, but no signature.

    Raises:
        RosterError: malformed, or it breaks a rule.
    """
    if len(data) > ROSTER_MAX_BYTES:
        msg = f"a roster has at most {ROSTER_MAX_BYTES} bytes, found {len(data)}"
        raise RosterError(msg)
    try:
        message = roster_pb2.Roster.FromString(data)
    except DecodeError as error:
        msg = "the bytes are no roster"
        raise RosterError(msg) from error
    roster = Roster(
        registry_id=RegistryId(message.registry_id),
        version=message.version,
        prev_hash=message.prev_hash,
        threshold=message.threshold,
        members=tuple(_member_from_proto(member, is_numbered=True) for member in message.members),
        advisory_expiry_ms=message.advisory_expiry_ms,
        registry_name=message.registry_name,
    )
    _check_roster(roster)
    return roster


def endorse_roster(roster_bytes: bytes, member_id: MemberId, identity: Signer) -> RosterSignature:
    """Signs exact roster bytes with a member's identity key."""
    message = pre_authentication_encoding(_ROSTER_TYPE, roster_bytes)
    return RosterSignature(member_id, identity.sign(message))


def encode_signed_roster(signed: SignedRoster) -> bytes:
    """Serializes a roster with its endorsements."""
    return roster_pb2.SignedRoster(
        roster=signed.roster,
        signatures=[
            roster_pb2.RosterSignature(member_id=entry.member_id, signature=entry.signature)
            for entry in signed.signatures
        ],
    ).SerializeToString(deterministic=True)


def decode_signed_roster(data: bytes) -> SignedRoster:
    """Splits a signed roster; verifies nothing.

    Raises:
        RosterError: malformed, or the signatures are not sorted once per member.
    """
    try:
        message = roster_pb2.SignedRoster.FromString(data[: 2 * ROSTER_MAX_BYTES + 1])
    except DecodeError as error:
        msg = "the bytes are no signed roster"
        raise RosterError(msg) from error
    signatures = tuple(
        RosterSignature(MemberId(entry.member_id), entry.signature) for entry in message.signatures
    )
    ids = [entry.member_id for entry in signatures]
    if ids != sorted(set(ids)) or any(
        len(entry.signature) != SIGNATURE_SIZE_BYTES for entry in signatures
    ):
        msg = "a signed roster has one signature of 64 bytes per member, sorted by member"
        raise RosterError(msg)
    return SignedRoster(roster=message.roster, signatures=signatures)


def verify_genesis(data: bytes, *, registry_id: RegistryId | None) -> Roster:
    """Checks a signed genesis roster: every founder must have signed it.

    Args:
        data: a SignedRoster.
        registry_id: the id that was told out of band; None where it was checked before.

    Returns:
        The roster, with its registry id filled in.

    Raises:
        RosterError: not a genesis, another registry, or a signature is missing or wrong.
    """
    signed = decode_signed_roster(data)
    found = registry_id_of(signed.roster)
    if registry_id is not None and found != registry_id:
        msg = f"this roster founds registry {found.hex()}, expected {registry_id.hex()}"
        raise RosterError(msg)
    roster = decode_roster(signed.roster)
    if roster.version != 1:
        msg = f"a genesis roster has version 1, found {roster.version}"
        raise RosterError(msg)
    message = pre_authentication_encoding(_ROSTER_TYPE, signed.roster)
    by_member = {entry.member_id: entry.signature for entry in signed.signatures}
    missing = [
        member.slug
        for member in roster.members
        if not verify(member.identity_key, message, by_member.pop(member.id, b""))
    ]
    if missing or by_member:
        msg = f"the genesis roster needs a valid signature of every founder, not of {missing}"
        raise RosterError(msg)
    return replace(roster, registry_id=found)


def _check_roster(roster: Roster) -> None:
    members = roster.members
    ids = [member.id for member in members]
    if not 1 <= len(members) <= MEMBERS_MAX or ids != sorted(set(ids)) or ids[0] < 1:
        msg = f"a roster has 1 to {MEMBERS_MAX} members, sorted by ids from 1"
        raise RosterError(msg)
    if roster.version < 1 or (roster.version == 1) == bool(roster.prev_hash):
        msg = "versions count from 1, and all but the first name the hash of the one before"
        raise RosterError(msg)
    for name in _UNIQUE_FIELDS:
        if len({getattr(member, name) for member in members}) != len(members):
            msg = f"two members of the roster have the same {name}"
            raise RosterError(msg)
    active = len(roster.active_members())
    if not active // 2 < roster.threshold <= active:
        msg = f"the threshold of {active} members is {active // 2 + 1} to {active}"
        raise RosterError(msg)
    if any(member.origin.split("/")[0] != roster.registry_name for member in members):
        msg = f"every origin in the roster must begin with {roster.registry_name}/"
        raise RosterError(msg)


_UNIQUE_FIELDS: Final = (
    "slug",
    "origin",
    "identity_key",
    "log_key",
    "next_log_key_hash",
    "cosigner_key",
    "hpke_key",
    "tls_certificate",
)


def _check_member(member: Member, *, is_numbered: bool) -> None:
    try:
        parse_slug(member.slug)
        registry, slug, epoch = member.origin.split("/")
        parse_registry_name(registry)
        for key in (member.identity_key, member.log_key, member.cosigner_key):
            check_public_key(key)
    except (InvalidRequest, MalformedEntry, ValueError) as error:
        msg = f"member {member.slug[:80]!r} is malformed: {error}"
        raise RosterError(msg) from error
    is_well_formed = (
        slug == member.slug
        and epoch.isascii()
        and epoch.isdigit()
        and epoch == str(int(epoch))
        and epoch != "0"
        and len({member.identity_key, member.log_key, member.cosigner_key}) == 3  # noqa: PLR2004
        and len(member.next_log_key_hash) == HASH_SIZE_BYTES
        and len(member.hpke_key) == HASH_SIZE_BYTES
        and 0 < len(member.tls_certificate) <= CERTIFICATE_MAX_BYTES
        and 0 < len(member.display_name) <= DISPLAY_NAME_MAX
        and len(member.address) <= _ADDRESS_MAX
        and (member.id > 0) == is_numbered
    )
    if not is_well_formed:
        msg = f"member {member.slug} is malformed: a field has another length or form"
        raise RosterError(msg)


def _member_to_proto(member: Member) -> roster_pb2.Member:
    message = roster_pb2.Member(
        id=member.id,
        slug=member.slug,
        display_name=member.display_name,
        origin=member.origin,
        identity_key=member.identity_key,
        log_key=member.log_key,
        next_log_key_hash=member.next_log_key_hash,
        cosigner_key=member.cosigner_key,
        hpke_key=member.hpke_key,
        tls_certificate=member.tls_certificate,
        status=int(member.status),  # type: ignore[arg-type] # the numbers are the same
        address=member.address,
    )
    if member.cut is not None:
        message.cut.size = member.cut.size
        message.cut.root = member.cut.root
        message.cut.reason = member.cut.reason
    return message


def _member_from_proto(message: roster_pb2.Member, *, is_numbered: bool) -> Member:
    try:
        status = MemberStatus(message.status)
    except ValueError as error:
        msg = f"member {message.slug[:80]!r} has the unknown status {message.status}"
        raise RosterError(msg) from error
    cut = message.cut
    member = Member(
        id=MemberId(message.id),
        slug=Slug(message.slug),
        display_name=message.display_name,
        origin=Origin(message.origin),
        identity_key=message.identity_key,
        log_key=message.log_key,
        next_log_key_hash=message.next_log_key_hash,
        cosigner_key=message.cosigner_key,
        hpke_key=message.hpke_key,
        tls_certificate=message.tls_certificate,
        status=status,
        cut=Cut(cut.size, RootHash(cut.root), cut.reason) if message.HasField("cut") else None,
        address=message.address,
    )
    _check_member(member, is_numbered=is_numbered)
    return member
