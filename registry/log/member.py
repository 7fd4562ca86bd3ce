"""One member of the roster: who it is, with which keys; and the file by which it asks to take part.

A member file holds the member's exact bytes with a proof of possession by each signing key: Ed25519
over their DSSE encoding with the payload type below. Refused are keys that are no canonical points
of large order, an origin that does not belong to the slug, fields of another length.
"""

import re
from dataclasses import dataclass, field, replace
from enum import IntEnum
from hashlib import sha256
from typing import Final

from google.protobuf.message import DecodeError

from registry.domain.identifiers import (
    HASH_SIZE_BYTES,
    NO_INBOUND,
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
from registry.errors import InvalidRequest, MalformedEntry, RosterError
from registry.format.v1 import roster_pb2
from registry.log.signing import Signer, check_public_key, pre_authentication_encoding, verify
from registry.peer_errors import RosterKeyRepeated

MEMBER_FILE_MAX_BYTES: Final = 16_384
DISPLAY_NAME_MAX: Final = 200
CERTIFICATE_MAX_BYTES: Final = 4096
_ADDRESS_MAX: Final = 300
FORMER_LOGS_MAX: Final = 64
THIS_REGISTRY: Final = RegistryId(b"")
"""Stands for the registry whose roster it is."""
_REGISTRY_ID_SIZES: Final = (0, HASH_SIZE_BYTES)
_CUT_SIZE_MAX: Final = 2**63 - 1
_EPOCH = re.compile(r"[1-9][0-9]{0,8}")
_MEMBER_TYPE: Final = b"application/vnd.registry.member+protobuf;v=1"


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
class FormerLog:
    """A log that a member wrote before its present one; it counts up to its cut.

    `registry_id` names its registry, if this one was founded anew out of another.
    """

    origin: Origin
    log_key: bytes
    next_log_key_hash: bytes
    cut: Cut
    registry_id: RegistryId = THIS_REGISTRY


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
    former_logs: tuple[FormerLog, ...] = ()
    registry_id: RegistryId = THIS_REGISTRY
    log_id: LogId = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "log_id", log_id_of(self.origin))

    @property
    def is_active(self) -> bool:
        """Whether it takes part: it was neither removed nor was its log ended."""
        return self.status is MemberStatus.ACTIVE and self.cut is None

    @property
    def takes_calls(self) -> bool:
        """Whether its node is reached at its address; else it opens all connections itself."""
        return self.address != NO_INBOUND

    @property
    def epoch(self) -> int:
        """Which of its logs this is, counted from 1."""
        return epoch_of(self.origin)

    def as_writers(self) -> "tuple[Member, ...]":
        """This member as the writer of each of its logs, oldest first: those before have a cut."""
        before = [
            replace(
                self,
                origin=each.origin,
                log_key=each.log_key,
                next_log_key_hash=each.next_log_key_hash,
                status=MemberStatus.REMOVED,
                cut=each.cut,
                former_logs=(),
                registry_id=each.registry_id,
            )
            for each in self.former_logs
        ]
        return (*before, self)


def epoch_of(origin: Origin) -> int:
    """The number at the end of an origin."""
    return int(origin.rsplit("/", 1)[1])


def key_hash(public_key: bytes) -> bytes:
    """The hash by which a next key is announced before it is used."""
    return sha256(public_key).digest()


def make_member_file(member: Member, *, identity: Signer, log: Signer, cosigner: Signer) -> bytes:
    """Serializes a member with a proof of possession by each signing key.

    Raises:
        RosterError: the member breaks the form of members.
    """
    check_member(member, is_numbered=False)
    data = member_to_proto(member).SerializeToString(deterministic=True)
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
    if len(data) > MEMBER_FILE_MAX_BYTES:
        msg = f"a member file has at most {MEMBER_FILE_MAX_BYTES} bytes, found {len(data)}"
        raise RosterError(msg)
    try:
        file = roster_pb2.MemberFile.FromString(data)
        member = member_from_proto(roster_pb2.Member.FromString(file.member), is_numbered=False)
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


def check_member(member: Member, *, is_numbered: bool) -> None:
    """Checks a member's form; only a roster numbers its members.

    Raises:
        RosterError: a field is not as the format says.
    """
    signing_keys = (member.identity_key, member.log_key, member.cosigner_key)
    try:
        parse_slug(member.slug)
        registry, slug, epoch = member.origin.split("/")
        parse_registry_name(registry)
        for key in signing_keys:
            check_public_key(key)
    except (InvalidRequest, MalformedEntry, ValueError) as error:
        msg = f"member {member.slug[:80]!r} is malformed: {error}"
        raise RosterError(msg) from error
    if len({*signing_keys}) != len(signing_keys):
        msg = f"member {member.slug} is malformed: one key of it has two purposes"
        raise RosterKeyRepeated(msg)
    is_well_formed = (
        slug == member.slug
        and _EPOCH.fullmatch(epoch) is not None
        and len(member.next_log_key_hash) == HASH_SIZE_BYTES
        and len(member.hpke_key) == HASH_SIZE_BYTES
        and 0 < len(member.tls_certificate) <= CERTIFICATE_MAX_BYTES
        and 0 < len(member.display_name) <= DISPLAY_NAME_MAX
        and len(member.address) <= _ADDRESS_MAX
        and (member.id > 0) == is_numbered
        and (member.cut is None or _is_well_formed(member.cut))
        and len(member.former_logs) <= FORMER_LOGS_MAX
        and all(_is_former(each, member) for each in member.former_logs)
        and (is_numbered or not member.former_logs)
        and len(member.registry_id) in _REGISTRY_ID_SIZES
        and (member.status is MemberStatus.REMOVED or member.registry_id == THIS_REGISTRY)
    )
    if not is_well_formed:
        msg = f"member {member.slug} is malformed: a field has another length or form"
        raise RosterError(msg)


def member_to_proto(member: Member) -> roster_pb2.Member:
    """Puts a member into the message that rosters and member files carry."""
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
        registry_id=member.registry_id,
    )
    if member.cut is not None:
        message.cut.CopyFrom(_cut_to_proto(member.cut))
    for each in member.former_logs:
        message.former_logs.add(
            origin=each.origin,
            log_key=each.log_key,
            next_log_key_hash=each.next_log_key_hash,
            cut=_cut_to_proto(each.cut),
            registry_id=each.registry_id,
        )
    return message


def member_from_proto(message: roster_pb2.Member, *, is_numbered: bool) -> Member:
    """Reads a member and checks its form.

    Raises:
        RosterError: a field is not as the format says.
    """
    try:
        status = MemberStatus(message.status)
    except ValueError as error:
        msg = f"member {message.slug[:80]!r} has the unknown status {message.status}"
        raise RosterError(msg) from error
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
        cut=_cut_from_proto(message.cut) if message.HasField("cut") else None,
        address=message.address,
        former_logs=tuple(
            FormerLog(
                Origin(each.origin),
                each.log_key,
                each.next_log_key_hash,
                _cut_from_proto(each.cut),
                RegistryId(each.registry_id),
            )
            for each in message.former_logs
        ),
        registry_id=RegistryId(message.registry_id),
    )
    check_member(member, is_numbered=is_numbered)
    return member


def _cut_to_proto(cut: Cut) -> roster_pb2.Cut:
    return roster_pb2.Cut(size=cut.size, root=cut.root, reason=cut.reason)


def _cut_from_proto(message: roster_pb2.Cut) -> Cut:
    return Cut(message.size, RootHash(message.root), message.reason)


def _is_former(former: FormerLog, member: Member) -> bool:
    """Whether a log may stand as one that a member wrote before."""
    start, _, epoch = former.origin.rpartition("/")
    try:
        check_public_key(former.log_key)
    except MalformedEntry:
        return False
    return (
        start == member.origin.rpartition("/")[0]
        and _EPOCH.fullmatch(epoch) is not None
        and int(epoch) < member.epoch
        and len(former.next_log_key_hash) == HASH_SIZE_BYTES
        and _is_well_formed(former.cut)
        and len(former.registry_id) in _REGISTRY_ID_SIZES
    )


def _is_well_formed(cut: Cut) -> bool:
    return len(cut.root) == HASH_SIZE_BYTES and cut.size <= _CUT_SIZE_MAX
