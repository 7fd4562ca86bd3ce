"""What tests of the log core are made of: invented keys, headers, members and a roster."""

from dataclasses import replace
from typing import Any

from registry.domain.identifiers import (
    CaseId,
    Commitment,
    LeafHash,
    LogId,
    MemberId,
    Origin,
    RegistryId,
    RequestKey,
    Slug,
    log_id_of,
)
from registry.log.entry import ALL_MEMBERS, EventRef, Header, PartCommitment
from registry.log.member import Member, MemberStatus, key_hash
from registry.log.roster import (
    Roster,
    SignedRoster,
    encode_roster,
    encode_signed_roster,
    endorse_roster,
)
from registry.log.signing import Ed25519Signer

NAME = "registry.example"
ORIGINS = tuple(Origin(f"{NAME}/{slug}/1") for slug in ("alpha", "beta", "gamma"))
ORIGIN = ORIGINS[0]
REGISTRY = RegistryId(b"\x01" * 32)
CASE = CaseId(b"\x03" * 16)
OTHER_LOG = LogId(b"\x04" * 32)
NOT_A_POINT = b"\x02" + bytes(31)
SMALL_ORDER_KEY = b"\x01" + bytes(31)


def signer(number: int) -> Ed25519Signer:
    return Ed25519Signer(bytes([number]) * 32)


def sample_header(**changes: Any) -> Header:
    """A header in which every field is set; `changes` replace fields."""
    return Header(
        version=1,
        registry_id=REGISTRY,
        log_id=log_id_of(ORIGIN),
        index=5,
        roster_version=1,
        case_id=CASE,
        kind=5,
        time_ms=1_700_000_000_000,
        refs=(EventRef(OTHER_LOG, 7, LeafHash(b"\x05" * 32)),),
        parts=(PartCommitment(Commitment(b"\x06" * 32), 256, 9),),
        audience=ALL_MEMBERS,
        request_id=RequestKey(b"\x07" * 16),
        control=b"\x08\x09",
    )._replace(**changes)


def sample_member(number: int = 1, **changes: Any) -> Member:
    """Member `number` with invented keys; `changes` replace fields."""
    member = Member(
        id=MemberId(number),
        slug=Slug(ORIGINS[number - 1].split("/")[1]),
        display_name=f"Invented mechanism {number}",
        origin=ORIGINS[number - 1],
        identity_key=signer(10 * number).public_key,
        log_key=signer(10 * number + 1).public_key,
        next_log_key_hash=key_hash(signer(10 * number + 2).public_key),
        cosigner_key=signer(10 * number + 3).public_key,
        hpke_key=bytes([number]) * 32,
        tls_certificate=b"certificate %d" % number,
        status=MemberStatus.ACTIVE,
        cut=None,
        address=f"node{number}.example:7443",
    )
    return replace(member, **changes)


def sample_roster(**changes: Any) -> Roster:
    """A genesis roster of three members; `changes` replace fields."""
    roster = Roster(
        registry_id=RegistryId(b""),
        version=1,
        prev_hash=b"",
        threshold=2,
        members=tuple(sample_member(number) for number in (1, 2, 3)),
        advisory_expiry_ms=0,
        registry_name=NAME,
    )
    return replace(roster, **changes)


def sign_roster(roster: Roster, endorsers: tuple[int, ...] = (1, 2, 3)) -> bytes:
    """A signed roster, endorsed by the identity keys of the numbered members."""
    data = encode_roster(roster)
    signatures = tuple(
        endorse_roster(data, MemberId(number), signer(10 * number)) for number in endorsers
    )
    return encode_signed_roster(SignedRoster(data, signatures))
