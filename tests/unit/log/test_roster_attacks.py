"""The attacks on a chain of rosters, after The Update Framework's: each has a reason of its own."""

from dataclasses import replace
from typing import Final

import pytest

from registry.errors import RosterError
from registry.format.v1 import roster_pb2
from registry.log.member import MemberStatus
from registry.log.roster import encode_roster
from registry.log.roster_chain import RosterChain
from tests.unit.log.log_world import sample_member, sign_roster, signer
from tests.unit.log.test_roster_chain import (
    CHAIN,
    CUT,
    GENESIS,
    following,
    members,
    newcomer,
    signed,
)
from tests.unit.log.test_roster_epochs import next_epoch

MANY = following(members=members(*(newcomer(n) for n in (4, 5, 6, 7))), threshold=4)
SECOND = CHAIN.extended(sign_roster(following(), (1, 2)))
GONE = replace(sample_member(3), status=MemberStatus.REMOVED, cut=CUT)
WITHOUT_GAMMA = CHAIN.extended(sign_roster(following(members=members(GONE)), (1, 2)))
REVOKED = CHAIN.extended(
    signed(following(members=members(replace(sample_member(2), cut=CUT))), 1, 3)
)


def with_one_key_in_two_roles() -> bytes:
    """Alpha's identity key is its log key too; written by hand, as nothing here writes it."""
    roster = roster_pb2.Roster.FromString(encode_roster(following()))
    roster.members[0].log_key = roster.members[0].identity_key
    return roster_pb2.SignedRoster(roster=roster.SerializeToString()).SerializeToString()


ATTACKS: Final[dict[str, tuple[RosterChain, bytes, str]]] = {
    "fewer than the threshold": (CHAIN, signed(following(), 1), "roster_lacks_old_members"),
    "one key that signs for two": (
        CHAIN,
        signed(following(), (1, signer(10)), (2, signer(10))),
        "roster_signature_repeated",
    ),
    "one key in two roles": (CHAIN, with_one_key_in_two_roles(), "roster_key_repeated"),
    "the old members alone": (CHAIN, signed(MANY, 1, 2, 3), "roster_lacks_new_members"),
    "the new members alone": (CHAIN, signed(MANY, 4, 5, 6, 7), "roster_signer_joins"),
    "a version that competes": (
        SECOND,
        sign_roster(following(advisory_expiry_ms=7), (2, 3)),
        "roster_forked",
    ),
    "a version that is skipped": (CHAIN, sign_roster(following(version=3)), "roster_skipped"),
    "a rollback": (SECOND, GENESIS, "roster_rolled_back"),
    "a signer that was removed": (
        WITHOUT_GAMMA,
        signed(following(WITHOUT_GAMMA), 1, 3),
        "roster_signer_removed",
    ),
}


@pytest.mark.parametrize(("chain", "data", "reason"), ATTACKS.values(), ids=ATTACKS)
def test_attack_is_refused_with_its_reason(chain: RosterChain, data: bytes, reason: str) -> None:
    with pytest.raises(RosterError) as refused:
        chain.extended(data)
    assert refused.value.reason == reason


def test_no_two_attacks_have_one_reason_or_one_text() -> None:
    found = []
    for chain, data, _ in ATTACKS.values():
        with pytest.raises(RosterError) as refused:
            chain.extended(data)
        found.append((refused.value.reason, str(refused.value)))

    assert len(found) == 9
    assert all(len(set(column)) == 9 for column in zip(*found, strict=True))


def test_texts_say_whose_signature_does_not_count() -> None:
    for chain, data, text in (
        (WITHOUT_GAMMA, signed(following(WITHOUT_GAMMA), 1, 3), "what gamma signed does not"),
        (REVOKED, signed(following(REVOKED, members=members(next_epoch())), 1, 2), "what beta"),
        (CHAIN, signed(MANY, 1, 4, 5), "members 4, 5 signed does not count yet"),
        (CHAIN, signed(following(), (1, signer(10)), (2, signer(10))), "under two members"),
    ):
        with pytest.raises(RosterError, match=text):
            chain.extended(data)


def test_signature_of_a_removed_member_that_does_not_verify_is_not_laid_to_it() -> None:
    forged = signed(following(WITHOUT_GAMMA), 1, (3, signer(99)))

    with pytest.raises(RosterError) as refused:
        WITHOUT_GAMMA.extended(forged)
    assert refused.value.reason == "roster_lacks_old_members"


def test_one_signature_twice_does_no_harm_where_enough_have_signed() -> None:
    data = signed(following(), (1, signer(10)), 2, (3, signer(10)))

    assert CHAIN.extended(data).newest.version == 2


def test_member_whose_signature_stands_twice_is_refused() -> None:
    roster = encode_roster(following())
    file = roster_pb2.SignedRoster.FromString(signed(following(), 1))
    file.signatures.append(file.signatures[0])
    assert file.roster == roster

    with pytest.raises(RosterError) as refused:
        CHAIN.extended(file.SerializeToString())
    assert refused.value.reason == "roster_signature_repeated"
