"""Member files: proofs of possession, and members that are refused."""

from typing import Any

import pytest

from registry.domain.identifiers import MemberId, RootHash
from registry.errors import RosterError
from registry.format.v1 import roster_pb2
from registry.log.member import (
    MEMBER_FILE_MAX_BYTES,
    Cut,
    Member,
    MemberStatus,
    check_member,
    make_member_file,
    member_from_proto,
    member_to_proto,
    read_member_file,
)
from tests.unit.log.log_world import NOT_A_POINT, SMALL_ORDER_KEY, sample_member, signer

UNNUMBERED = sample_member(id=MemberId(0))
MEMBER = bytes.fromhex(
    "12 05 616c706861"  # slug
    "1a 14"
    + b"Invented mechanism 1".hex()  # display_name
    + "22 18"
    + b"registry.example/alpha/1".hex()  # origin
    + "2a 20 43a72e714401762df66b68c26dfbdf2682aaec9f2474eca4613e424a0fbafd3c"  # identity_key
    "32 20 66be7e332c7a453332bd9d0a7f7db055f5c5ef1a06ada66d98b39fb6810c473a"  # log_key
    "3a 20 ed23d853125a3acff2782dddf84e018ebc85942ebf328ff1287202a479964207"  # next_log_key_hash
    "42 20 91a28a0b74381593a4d9469579208926afc8ad82c8839b7644359b9eba9a4b3a"  # cosigner_key
    "4a 20"
    + "01" * 32  # hpke_key
    + "52 0d"
    + b"certificate 1".hex()  # tls_certificate
    + "58 01"  # status
    "6a 12" + b"node1.example:7443".hex()  # address
)
PROOFS = bytes.fromhex(
    "12 40 96d270fdd35286bf25a3b9759f88ff4dbdf97c9010fd70ea5c3ad4c2c6d05864"
    "cf78b4db40c9d46302038211556ca4a70ba583dedcfc3c3f684794de1a41b006"  # identity_proof
    "1a 40 156621a2932e82a6510ea99e685118460f35b979a9ad1bdf93c25ba414e79f2a"
    "fa26db26f66bbdff1e558c3d75aa2c5498ad4f2b3e2361585dc808a18feb790f"  # log_proof
    "22 40 8f0c7385bd30a0f5ed837ff4b5c877064eb4ea858600864fb0cacef9cd43d40f"
    "6f905e8e973603a3418dbe7dbdef70ea3fa7dfbe11a4d1f1c7b9089e8a255006"  # cosigner_proof
)
FILE = bytes.fromhex("0a 8602") + MEMBER + PROOFS


def make_file(member: Member = UNNUMBERED, *, identity: int = 10, log: int = 11) -> bytes:
    return make_member_file(member, identity=signer(identity), log=signer(log), cosigner=signer(13))


def test_frozen_member_file() -> None:
    assert member_to_proto(UNNUMBERED).SerializeToString(deterministic=True) == MEMBER
    assert make_file() == FILE
    assert read_member_file(FILE) == UNNUMBERED


@pytest.mark.parametrize(("identity", "log"), [(11, 11), (10, 12)])
def test_member_without_the_private_key_is_refused(identity: int, log: int) -> None:
    with pytest.raises(RosterError, match="proof"):
        read_member_file(make_file(identity=identity, log=log))


def test_proof_without_the_type_of_what_is_signed_is_refused() -> None:
    file = roster_pb2.MemberFile.FromString(FILE)
    file.log_proof = signer(11).sign(file.member)

    with pytest.raises(RosterError, match="log key"):
        read_member_file(file.SerializeToString())


def test_changed_member_is_refused() -> None:
    with pytest.raises(RosterError, match="proof"):
        read_member_file(FILE.replace(b"mechanism 1", b"mechanism 2"))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        FILE[:-1],
        FILE + b"\x01",
        b"\xff" * 64,
        FILE.replace(b"alpha", b"alph\xff"),
        bytes.fromhex("0a0101"),
    ],
    ids=["empty", "truncated", "trailing garbage", "noise", "not UTF-8", "no member inside"],
)
def test_bytes_that_are_no_member_file_are_refused(data: bytes) -> None:
    with pytest.raises(RosterError):
        read_member_file(data)


def test_oversized_member_file_is_refused_before_it_is_parsed() -> None:
    # A field that nobody knows fills the file up; what stands before it would be a member file.
    filler = b"\x7a\x80\x80\x01" + bytes(MEMBER_FILE_MAX_BYTES)

    with pytest.raises(RosterError, match="at most"):
        read_member_file(FILE + filler)


MALFORMED: dict[str, dict[str, Any]] = {
    "numbered by itself": {"id": MemberId(1)},
    "no slug": {"slug": ""},
    "slug in capitals": {"slug": "Alpha", "origin": "registry.example/Alpha/1"},
    "origin of another slug": {"origin": "registry.example/beta/1"},
    "origin without an epoch": {"origin": "registry.example/alpha"},
    "origin with a further part": {"origin": "registry.example/alpha/1/2"},
    "origin of no registry": {"origin": "/alpha/1"},
    "registry's name with a space": {"origin": "a b/alpha/1"},
    "epoch 0": {"origin": "registry.example/alpha/0"},
    "epoch with leading zeros": {"origin": "registry.example/alpha/01"},
    "epoch with a sign": {"origin": "registry.example/alpha/+1"},
    "epoch in other digits": {"origin": "registry.example/alpha/\u0661"},
    "epoch with a newline": {"origin": "registry.example/alpha/1\n"},
    "epoch too long for a number": {"origin": "registry.example/alpha/" + "1" * 5000},
    "small-order identity key": {"identity_key": SMALL_ORDER_KEY},
    "log key that is no point": {"log_key": NOT_A_POINT},
    "short cosigner key": {"cosigner_key": bytes(31)},
    "one key for two purposes": {"cosigner_key": signer(11).public_key},
    "next key instead of its hash": {"next_log_key_hash": b"key"},
    "short HPKE key": {"hpke_key": bytes(31)},
    "no certificate": {"tls_certificate": b""},
    "certificate over 4 KiB": {"tls_certificate": bytes(4097)},
    "no name": {"display_name": ""},
    "name of 201 characters": {"display_name": "x" * 201},
    "address of 301 characters": {"address": "x" * 301},
    "cut with a short root": {"cut": Cut(1, RootHash(bytes(31)), "")},
    "cut over 63 bits": {"cut": Cut(2**63, RootHash(bytes(32)), "")},
}


@pytest.mark.parametrize("changes", MALFORMED.values(), ids=MALFORMED)
def test_malformed_member_is_neither_read_nor_written(changes: dict[str, Any]) -> None:
    member = sample_member(**{"id": MemberId(0)} | changes)

    with pytest.raises(RosterError):
        make_file(member)
    with pytest.raises(RosterError):
        member_from_proto(member_to_proto(member), is_numbered=False)


@pytest.mark.parametrize("status", [0, 3])
def test_unknown_status_is_refused(status: int) -> None:
    message = member_to_proto(UNNUMBERED)
    message.status = status  # type: ignore[assignment] # a number that has no name

    with pytest.raises(RosterError, match="status"):
        member_from_proto(message, is_numbered=False)


def test_largest_member_is_read() -> None:
    member = sample_member(
        id=MemberId(2**32 - 1),
        display_name="\U0001f54a" * 200,
        tls_certificate=bytes(4096),
        address="x" * 300,
        origin="registry.example/alpha/999999999",
        status=MemberStatus.REMOVED,
        cut=Cut(2**63 - 1, RootHash(b"\x01" * 32), "invented"),
    )

    check_member(member, is_numbered=True)
    assert member_from_proto(member_to_proto(member), is_numbered=True) == member


def test_member_of_a_roster_has_a_number() -> None:
    with pytest.raises(RosterError):
        check_member(UNNUMBERED, is_numbered=True)
