"""The roster: who takes part, with which keys; a strict chain of versions signed by its members.

Version 1 (genesis) is valid if every founder signed it; registry_id and prev_hash are empty in it
and the registry id is the SHA-256 of its bytes. Signed are exact bytes, as DSSE with the payload
type below. Members are sorted by id; ids, slugs, origins and every key are unique.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Final

from google.protobuf.message import DecodeError

from registry.domain.identifiers import HASH_SIZE_BYTES, LogId, LogsBefore, MemberId, RegistryId
from registry.errors import NotFound, RosterError
from registry.format.v1 import roster_pb2
from registry.log.member import (
    CERTIFICATE_MAX_BYTES,
    DISPLAY_NAME_MAX,
    THIS_REGISTRY,
    Cut,
    Member,
    MemberStatus,
    check_member,
    key_hash,
    make_member_file,
    member_from_proto,
    member_to_proto,
    read_member_file,
)
from registry.log.signing import (
    SIGNATURE_SIZE_BYTES,
    Signer,
    pre_authentication_encoding,
    verify,
)
from registry.peer_errors import RosterKeyRepeated, RosterSignatureRepeated

__all__ = [
    "CERTIFICATE_MAX_BYTES",
    "DISPLAY_NAME_MAX",
    "MEMBERS_MAX",
    "ROSTER_MAX_BYTES",
    "ROSTER_TYPE",
    "Cut",
    "Member",
    "MemberStatus",
    "Roster",
    "RosterSignature",
    "SignedRoster",
    "decode_roster",
    "decode_signed_roster",
    "encode_roster",
    "encode_signed_roster",
    "endorse_roster",
    "key_hash",
    "make_member_file",
    "read_member_file",
    "registry_id_of",
    "verify_genesis",
]

ROSTER_MAX_BYTES: Final = 2**20
MEMBERS_MAX: Final = 256
ROSTER_TYPE: Final = b"application/vnd.registry.roster+protobuf;v=1"


@dataclass(frozen=True, slots=True)
class Roster:
    """One version of the list of members.

    `registry_id` is empty in version 1 until it is verified, which fills it in.
    """

    registry_id: RegistryId
    version: int
    prev_hash: bytes
    threshold: int
    members: tuple[Member, ...]
    advisory_expiry_ms: int
    registry_name: str

    def active_members(self) -> tuple[Member, ...]:
        """Those that take part: not those that were removed, nor those whose log was ended.

        Whose log ends while it stays a member was revoked: it takes part again in a new epoch.
        """
        return tuple(m for m in self.members if m.is_active)

    def writers(self) -> tuple[Member, ...]:
        """Who writes or wrote each log: each member, before it the same with its former logs."""
        return tuple(writer for member in self.members for writer in member.as_writers())

    def logs_before(self) -> LogsBefore:
        """For each log that followed others of the same member: those before it, oldest first.

        A later log speaks for those before it: never the other way, nor for another member's.
        """
        found: dict[LogId, tuple[LogId, ...]] = {}
        for member in self.members:
            logs = tuple(writer.log_id for writer in member.as_writers())
            found |= {log_id: logs[:place] for place, log_id in enumerate(logs) if place}
        return found

    def member_by_log(self, log_id: LogId) -> Member:
        """Finds the writer of a log, as such: with the origin and the keys of that log.

        Raises:
            NotFound: no member writes or wrote it.
        """
        for member in self.members:
            if member.log_id == log_id:
                return member
        for writer in self.writers():
            if writer.log_id == log_id:
                return writer
        msg = f"the roster of {self.registry_name} knows no log {log_id.hex()}"
        raise NotFound(msg)

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

    def registry_ids(self) -> tuple[RegistryId, ...]:
        """This registry, and those that it was founded anew out of."""
        before = {w.registry_id for w in self.writers()} - {THIS_REGISTRY}
        return (self.registry_id, *sorted(before))

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


def encode_roster(roster: Roster) -> bytes:
    """Serializes a roster version that members are going to sign.

    Raises:
        RosterError: it breaks a rule of rosters, or a member the form of members.
    """
    for member in roster.members:
        check_member(member, is_numbered=True)
    _check_roster(roster)
    data = roster_pb2.Roster(
        registry_id=roster.registry_id if roster.version > 1 else b"",
        version=roster.version,
        prev_hash=roster.prev_hash,
        threshold=roster.threshold,
        members=[member_to_proto(member) for member in roster.members],
        advisory_expiry_ms=roster.advisory_expiry_ms,
        registry_name=roster.registry_name,
    ).SerializeToString(deterministic=True)
    _check_size(data)
    return data


def decode_roster(data: bytes) -> Roster:
    """Parses a roster and checks its rules, but no signature.

    Raises:
        RosterError: malformed, or it breaks a rule.
    """
    _check_size(data)
    try:
        message = roster_pb2.Roster.FromString(data)
    except DecodeError as error:
        msg = "the bytes are no roster"
        raise RosterError(msg) from error
    if len(message.registry_id) != (0 if message.version == 1 else HASH_SIZE_BYTES):
        msg = "all versions but the first name the registry's id, 32 bytes"
        raise RosterError(msg)
    roster = Roster(
        registry_id=RegistryId(message.registry_id),
        version=message.version,
        prev_hash=message.prev_hash,
        threshold=message.threshold,
        members=tuple(member_from_proto(member, is_numbered=True) for member in message.members),
        advisory_expiry_ms=message.advisory_expiry_ms,
        registry_name=message.registry_name,
    )
    _check_roster(roster)
    return roster


def endorse_roster(roster_bytes: bytes, member_id: MemberId, identity: Signer) -> RosterSignature:
    """Signs exact roster bytes with a member's identity key."""
    message = pre_authentication_encoding(ROSTER_TYPE, roster_bytes)
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
        RosterSignatureRepeated: a member signed twice.
        RosterError: malformed, or the signatures are not sorted by member.
    """
    if len(data) > 2 * ROSTER_MAX_BYTES:
        msg = f"a signed roster has at most {2 * ROSTER_MAX_BYTES} bytes, found {len(data)}"
        raise RosterError(msg)
    try:
        message = roster_pb2.SignedRoster.FromString(data)
    except DecodeError as error:
        msg = "the bytes are no signed roster"
        raise RosterError(msg) from error
    signatures = tuple(
        RosterSignature(MemberId(entry.member_id), entry.signature) for entry in message.signatures
    )
    ids = [entry.member_id for entry in signatures]
    if len(set(ids)) != len(ids):
        msg = "a signed roster has one signature per member: one member's stands twice"
        raise RosterSignatureRepeated(msg)
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
    message = pre_authentication_encoding(ROSTER_TYPE, signed.roster)
    by_member = {entry.member_id: entry.signature for entry in signed.signatures}
    missing = [
        member.slug
        for member in roster.active_members()
        if not verify(member.identity_key, message, by_member.pop(member.id, b""))
    ]
    if missing or by_member:
        msg = f"the genesis roster needs a valid signature of every founder, not of {missing}"
        raise RosterError(msg)
    return replace(roster, registry_id=found)


def _check_roster(roster: Roster) -> None:
    members = roster.members
    ids = [member.id for member in members]
    if not 1 <= len(members) <= MEMBERS_MAX or ids != sorted(set(ids)):
        msg = f"a roster has 1 to {MEMBERS_MAX} members, sorted by ids, each once"
        raise RosterError(msg)
    prev_size = 0 if roster.version == 1 else HASH_SIZE_BYTES
    if roster.version < 1 or len(roster.prev_hash) != prev_size:
        msg = "versions count from 1, and all but the first name the hash of the one before"
        raise RosterError(msg)
    for name in _UNIQUE_FIELDS:
        if len({getattr(member, name) for member in members}) != len(members):
            msg = f"two members of the roster have the same {name}"
            raise (RosterError if name in _NAMES else RosterKeyRepeated)(msg)
    _check_keys(members)
    if roster.version == 1:
        _check_founding(roster)
    active = len(roster.active_members())
    if not active // 2 < roster.threshold <= active:
        msg = f"the threshold of {active} members is {active // 2 + 1} to {active}"
        raise RosterError(msg)
    if any(member.origin.split("/")[0] != roster.registry_name for member in members):
        msg = f"every origin in the roster must begin with {roster.registry_name}/"
        raise RosterError(msg)


def _check_founding(roster: Roster) -> None:
    """What a genesis says of earlier logs is of another registry: in its own nothing was before."""
    for writer in roster.writers():
        if not writer.is_active and writer.registry_id == THIS_REGISTRY:
            msg = f"a registry is not founded with {writer.origin}, which ended in it already"
            raise RosterError(msg)


def _check_keys(members: Sequence[Member]) -> None:
    """No key stands in two places, of whatever log; no two logs are one."""
    former = [each for member in members for each in member.former_logs]
    keys = [getattr(m, name) for m in members for name in _KEYS] + [f.log_key for f in former]
    if len(set(keys)) != len(keys):
        msg = "one key stands in two places of the roster"
        raise RosterKeyRepeated(msg)
    logs = [(m.origin, m.next_log_key_hash) for m in members]
    logs += [(each.origin, each.next_log_key_hash) for each in former]
    if any(len(set(column)) != len(logs) for column in zip(*logs, strict=True)):
        msg = "two logs in the roster have the same origin or next key"
        raise RosterError(msg)


_KEYS: Final = ("identity_key", "log_key", "cosigner_key")
_NAMES: Final = ("slug", "origin")
_UNIQUE_FIELDS: Final = (
    *_NAMES,
    *_KEYS,
    "next_log_key_hash",
    "hpke_key",
    "tls_certificate",
)


def _check_size(data: bytes) -> None:
    if len(data) > ROSTER_MAX_BYTES:
        msg = f"a roster has at most {ROSTER_MAX_BYTES} bytes, found {len(data)}"
        raise RosterError(msg)
