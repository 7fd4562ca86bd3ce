"""Rosters: frozen bytes, the rules of a version, and what a genesis needs."""

from dataclasses import replace
from hashlib import sha256
from typing import Any

import pytest

from registry.domain.identifiers import LogId, MemberId, Origin, RegistryId, log_id_of
from registry.errors import NotFound, RosterError
from registry.format.v1 import roster_pb2
from registry.log.member import MemberStatus
from registry.log.roster import (
    ROSTER_MAX_BYTES,
    Roster,
    RosterSignature,
    SignedRoster,
    decode_roster,
    decode_signed_roster,
    encode_roster,
    encode_signed_roster,
    endorse_roster,
    registry_id_of,
    verify_genesis,
)
from registry.log.signing import Ed25519Signer
from tests.unit.log.log_world import (
    NAME,
    ORIGINS,
    REGISTRY,
    sample_member,
    sample_roster,
    sign_roster,
    signer,
)
from tests.unit.log.test_member import MEMBER

ALONE = sample_roster(members=(sample_member(1),), threshold=1)
ROSTER = (
    bytes.fromhex("10 01 20 01 2a 8802 0801")  # version, threshold, a member with its id
    + MEMBER
    + bytes.fromhex("3a 10")  # registry_name
    + b"registry.example"
)
REGISTRY_ID = "20c5c056432013a6d69ff31a313ca275244f9b7aeba15da5c9c26e8cf8da0ad2"
SIGNATURE = bytes.fromhex(
    "2d3715e1973d1aa8add9d9eaf47a6522ca84977e5ee2680eb390d0e52c599e65"
    "b757ed6dcaeff10eadee57d65b0eeab24ea1e7ef96e6f3d7bc305a3507dc280b"
)
SIGNED = bytes.fromhex("0a a102") + ROSTER + bytes.fromhex("12 44 0801 1240") + SIGNATURE
SECOND = sample_roster(registry_id=REGISTRY, version=2, prev_hash=bytes(32))


def unchecked(roster: Roster, **changes: Any) -> bytes:
    """Roster bytes such as only other software makes them."""
    message = roster_pb2.Roster.FromString(encode_roster(roster))
    for name, value in changes.items():
        setattr(message, name, value)
    return message.SerializeToString()


# --- frozen bytes -----------------------------------------------------------------------------


def test_frozen_roster() -> None:
    assert encode_roster(ALONE) == ROSTER
    assert decode_roster(ROSTER) == ALONE
    assert registry_id_of(ROSTER).hex() == REGISTRY_ID == sha256(ROSTER).hexdigest()


def test_frozen_signed_roster() -> None:
    signature = endorse_roster(ROSTER, MemberId(1), signer(10))

    assert signature == RosterSignature(MemberId(1), SIGNATURE)
    assert encode_signed_roster(SignedRoster(ROSTER, (signature,))) == SIGNED
    assert decode_signed_roster(SIGNED) == SignedRoster(ROSTER, (signature,))


def test_roster_of_256_members_with_large_certificates_is_not_written_over_its_limit() -> None:
    members = tuple(
        sample_member(
            1,
            id=MemberId(number),
            slug=f"m{number}",
            origin=f"{NAME}/m{number}/1",
            identity_key=signer(number - 1).public_key,
            log_key=another_key(2 * number),
            cosigner_key=another_key(2 * number + 1),
            next_log_key_hash=sha256(b"next %d" % number).digest(),
            hpke_key=sha256(b"hpke %d" % number).digest(),
            tls_certificate=number.to_bytes(4096),
        )
        for number in range(1, 257)
    )

    with pytest.raises(RosterError, match="at most"):
        encode_roster(sample_roster(members=members, threshold=129))
    smaller = sample_roster(members=members[:200], threshold=101)
    assert decode_roster(encode_roster(smaller)) == smaller


def another_key(number: int) -> bytes:
    return Ed25519Signer(sha256(b"key %d" % number).digest()).public_key


# --- finding ----------------------------------------------------------------------------------


def test_members_are_found_by_log_slug_and_number() -> None:
    roster = sample_roster()

    assert roster.member_by_log(log_id_of(ORIGINS[1])) == roster.members[1]
    assert roster.member_by_slug("gamma") == roster.members[2]
    assert roster.member_by_id(MemberId(1)) == roster.members[0]


def test_unknown_member_is_not_found() -> None:
    roster = sample_roster()

    with pytest.raises(NotFound, match="ff" * 32):
        roster.member_by_log(LogId(b"\xff" * 32))
    with pytest.raises(NotFound, match="delta"):
        roster.member_by_slug("delta")
    with pytest.raises(NotFound, match="member 4"):
        roster.member_by_id(MemberId(4))


def test_removed_member_stays_known_but_takes_no_part() -> None:
    removed = sample_member(2, status=MemberStatus.REMOVED)
    roster = replace(SECOND, members=(sample_member(1), removed, sample_member(3)))

    assert [member.id for member in roster.active_members()] == [1, 3]
    assert decode_roster(encode_roster(roster)).member_by_slug("beta") == removed


# --- rules of a version -----------------------------------------------------------------------


def test_later_version_names_registry_and_predecessor() -> None:
    assert decode_roster(encode_roster(SECOND)) == SECOND


def test_verified_genesis_is_written_as_it_was_read() -> None:
    verified = verify_genesis(SIGNED, registry_id=None)

    assert verified.registry_id.hex() == REGISTRY_ID
    assert encode_roster(verified) == ROSTER


@pytest.mark.parametrize("threshold", [2, 3])
def test_threshold_above_half_of_the_active_members_is_kept(threshold: int) -> None:
    assert decode_roster(encode_roster(sample_roster(threshold=threshold))).threshold == threshold


BROKEN_RULES: dict[str, dict[str, Any]] = {
    "threshold of half": {"threshold": 1},
    "threshold of none": {"threshold": 0},
    "threshold over all": {"threshold": 4},
    "threshold counts removed members": {
        "members": (
            sample_member(1),
            *(sample_member(n, status=MemberStatus.REMOVED) for n in (2, 3)),
        )
    },
    "nobody is active": {
        "members": tuple(sample_member(n, status=MemberStatus.REMOVED) for n in (1, 2, 3)),
        "threshold": 0,
    },
    "no members": {"members": (), "threshold": 0},
    "unsorted members": {"members": (sample_member(2), sample_member(1), sample_member(3))},
    "same id": {"members": (sample_member(1), sample_member(2, id=MemberId(1)))},
    "member 0": {"members": (sample_member(1, id=MemberId(0)), sample_member(2))},
    "version 0": {"version": 0},
    "first version with a predecessor": {"prev_hash": bytes(32)},
    "later version without one": {"version": 2, "registry_id": REGISTRY},
    "predecessor's hash too short": {
        "version": 2,
        "registry_id": REGISTRY,
        "prev_hash": bytes(31),
    },
    "same slug": {
        "members": (
            sample_member(1),
            sample_member(2, slug="alpha", origin=f"{NAME}/alpha/2"),
        )
    },
    "same identity key": {
        "members": (sample_member(1), sample_member(2, identity_key=signer(10).public_key))
    },
    "one's log key is another's identity key": {
        "members": (sample_member(1), sample_member(2, log_key=signer(10).public_key))
    },
    "same next key": {
        "members": (
            sample_member(1),
            sample_member(2, next_log_key_hash=sample_member(1).next_log_key_hash),
        )
    },
    "same HPKE key": {"members": (sample_member(1), sample_member(2, hpke_key=b"\x01" * 32))},
    "same certificate": {
        "members": (sample_member(1), sample_member(2, tls_certificate=b"certificate 1"))
    },
    "member of another registry": {"registry_name": "other.example"},
    "malformed member": {"members": (sample_member(1), sample_member(2, hpke_key=b""))},
}


@pytest.mark.parametrize("changes", BROKEN_RULES.values(), ids=BROKEN_RULES)
def test_roster_that_breaks_a_rule_is_not_written(changes: dict[str, Any]) -> None:
    with pytest.raises(RosterError):
        encode_roster(sample_roster(**changes))


@pytest.mark.parametrize(
    ("roster", "changes"),
    [
        (sample_roster(), {"threshold": 1}),
        (sample_roster(), {"prev_hash": bytes(32)}),
        (sample_roster(), {"registry_id": bytes(32)}),
        (sample_roster(), {"version": 0}),
        (sample_roster(), {"version": 2}),
        (SECOND, {"registry_id": b""}),
        (SECOND, {"registry_id": bytes(31)}),
        (SECOND, {"prev_hash": b""}),
        (SECOND, {"registry_name": "other.example"}),
    ],
)
def test_roster_that_breaks_a_rule_is_not_read(roster: Roster, changes: dict[str, Any]) -> None:
    with pytest.raises(RosterError):
        decode_roster(unchecked(roster, **changes))


def test_two_members_that_write_one_log_are_refused() -> None:
    # Only the same slug can have the same origin; so the slugs' rule catches it first.
    twins = (sample_member(1), sample_member(2, slug="alpha", origin=Origin(ORIGINS[0])))

    with pytest.raises(RosterError, match="same slug"):
        encode_roster(sample_roster(members=twins))


@pytest.mark.parametrize("data", [b"\xff", ROSTER[:-1], ROSTER + b"\x01", b"\x2a\x05"])
def test_bytes_that_are_no_roster_are_refused(data: bytes) -> None:
    with pytest.raises(RosterError):
        decode_roster(data)


def test_oversized_roster_is_refused_before_it_is_parsed() -> None:
    with pytest.raises(RosterError, match="at most"):
        decode_roster(ROSTER + b"\x42\x80\x80\x40" + bytes(ROSTER_MAX_BYTES))
    with pytest.raises(RosterError, match="at most"):
        decode_signed_roster(SIGNED + b"\x42\x80\x80\x80\x01" + bytes(2 * ROSTER_MAX_BYTES))


# --- signatures -------------------------------------------------------------------------------


def test_genesis_signed_by_every_founder_is_verified() -> None:
    data = sign_roster(sample_roster())
    registry_id = registry_id_of(decode_signed_roster(data).roster)

    assert verify_genesis(data, registry_id=registry_id) == sample_roster(registry_id=registry_id)


def test_genesis_of_another_registry_is_refused() -> None:
    with pytest.raises(RosterError, match="expected"):
        verify_genesis(SIGNED, registry_id=RegistryId(bytes(32)))


def test_missing_endorsement_is_named() -> None:
    with pytest.raises(RosterError, match="beta"):
        verify_genesis(sign_roster(sample_roster(), (1, 3)), registry_id=None)


def test_endorsement_of_a_stranger_is_refused() -> None:
    with pytest.raises(RosterError):
        verify_genesis(sign_roster(sample_roster(), (1, 2, 3, 4)), registry_id=None)


@pytest.mark.parametrize(
    "signature",
    [
        endorse_roster(ROSTER, MemberId(1), signer(11)),
        endorse_roster(ROSTER + b"\x00", MemberId(1), signer(10)),
        RosterSignature(MemberId(1), signer(10).sign(ROSTER)),
        RosterSignature(MemberId(2), SIGNATURE),
    ],
    ids=["another key of the member", "another roster", "bare bytes", "another member"],
)
def test_endorsement_that_does_not_hold_is_refused(signature: RosterSignature) -> None:
    data = encode_signed_roster(SignedRoster(ROSTER, (signature,)))

    with pytest.raises(RosterError):
        verify_genesis(data, registry_id=None)


def test_later_version_is_no_genesis() -> None:
    with pytest.raises(RosterError, match="version 1"):
        verify_genesis(sign_roster(SECOND), registry_id=None)


@pytest.mark.parametrize(
    "signatures",
    [
        (RosterSignature(MemberId(2), SIGNATURE), RosterSignature(MemberId(1), SIGNATURE)),
        (RosterSignature(MemberId(1), SIGNATURE),) * 2,
        (RosterSignature(MemberId(1), SIGNATURE[:-1]),),
        (RosterSignature(MemberId(1), SIGNATURE + b"\x00"),),
    ],
    ids=["unsorted", "duplicate", "short", "long"],
)
def test_malformed_list_of_signatures_is_refused(signatures: tuple[RosterSignature, ...]) -> None:
    with pytest.raises(RosterError):
        decode_signed_roster(encode_signed_roster(SignedRoster(ROSTER, signatures)))


@pytest.mark.parametrize("data", [b"\xff", SIGNED[:-1], SIGNED + b"\x01"])
def test_bytes_that_are_no_signed_roster_are_refused(data: bytes) -> None:
    with pytest.raises(RosterError):
        decode_signed_roster(data)
