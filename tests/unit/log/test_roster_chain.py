"""The chain of rosters: each way to break it is refused with a reason of its own."""

from dataclasses import replace
from hashlib import sha256
from typing import Any

import pytest

from registry.domain.identifiers import (
    MemberId,
    Origin,
    RegistryId,
    RootHash,
    Slug,
)
from registry.errors import RosterError
from registry.log.member import Cut, Member, MemberStatus, key_hash
from registry.log.roster import (
    Roster,
    RosterSignature,
    SignedRoster,
    decode_signed_roster,
    encode_roster,
    encode_signed_roster,
    endorse_roster,
    registry_id_of,
)
from registry.log.roster_chain import RosterChain, begin_chain, endorsers, verify_chain
from registry.log.signing import Ed25519Signer
from registry.peer_errors import (
    RosterForked,
    RosterLacksNewMembers,
    RosterLacksOldMembers,
    RosterNotLinked,
    RosterOfAnotherRegistry,
    RosterRewritesMembers,
    RosterRolledBack,
    RosterSignatureRepeated,
    RosterSkipped,
)
from tests.unit.log.log_world import NAME, sample_member, sample_roster, sign_roster, signer

GENESIS = sign_roster(sample_roster())
CHAIN = begin_chain(GENESIS)
REGISTRY_ID = registry_id_of(decode_signed_roster(GENESIS).roster)
CUT = Cut(4, RootHash(b"r" * 32), "left")


def newcomer(number: int = 4, **changes: Any) -> Member:
    """Member 4 and up, with keys of its own."""
    member = replace(
        sample_member(1),
        id=MemberId(number),
        slug=Slug(f"new{number}"),
        origin=Origin(f"{NAME}/new{number}/1"),
        identity_key=signer(10 * number).public_key,
        log_key=signer(10 * number + 1).public_key,
        next_log_key_hash=key_hash(signer(10 * number + 2).public_key),
        cosigner_key=signer(10 * number + 3).public_key,
        hpke_key=bytes([number]) * 32,
        tls_certificate=b"certificate %d" % number,
    )
    return replace(member, **changes)


def following(chain: RosterChain = CHAIN, **changes: Any) -> Roster:
    """The next version, the same members unless something is changed."""
    last = chain.newest
    data = decode_signed_roster(chain.signed[-1]).roster
    roster = replace(
        last, registry_id=REGISTRY_ID, version=last.version + 1, prev_hash=sha256(data).digest()
    )
    return replace(roster, **changes)


def members(*changed: Member) -> tuple[Member, ...]:
    by_id = {m.id: m for m in CHAIN.newest.members} | {m.id: m for m in changed}
    return tuple(by_id[each] for each in sorted(by_id))


def signed(roster: Roster, *endorsers_: tuple[int, Ed25519Signer] | int) -> bytes:
    data = encode_roster(roster)
    given = [(e, signer(10 * e)) if isinstance(e, int) else e for e in endorsers_]
    signatures = tuple(endorse_roster(data, MemberId(n), key) for n, key in given)
    return encode_signed_roster(SignedRoster(data, signatures))


def test_version_that_follows_is_taken_and_the_newest_again_changes_nothing() -> None:
    second = sign_roster(following(), (1, 2))
    chain = CHAIN.extended(second)
    third = sign_roster(following(chain), (2, 3))
    longer = chain.extended(third)

    assert (chain.newest.version, longer.newest.version) == (2, 3)
    assert longer.extended(third) is longer
    assert verify_chain((GENESIS, second, third)) == longer
    assert longer.version(2) == chain.newest
    assert (longer.version(0), longer.version(4)) == (None, None)


# --- the threshold, as The Update Framework's tests have it ----------------------------------


def test_fewer_than_the_threshold_are_not_enough() -> None:
    with pytest.raises(RosterLacksOldMembers, match="1 of 2 members of version 1"):
        CHAIN.extended(sign_roster(following(), (3,)))


def test_one_key_that_signs_twice_counts_once() -> None:
    twice = signed(following(), (1, signer(10)), (2, signer(10)))

    with pytest.raises(RosterSignatureRepeated, match="1 of 2"):
        CHAIN.extended(twice)
    data = encode_roster(following())
    one = endorse_roster(data, MemberId(1), signer(10))
    with pytest.raises(RosterError, match="one signature"):
        CHAIN.extended(encode_signed_roster(SignedRoster(data, (one, one))))


def test_one_key_in_two_roles_is_no_roster() -> None:
    for changed in (
        newcomer(identity_key=signer(10).public_key),
        newcomer(log_key=signer(10).public_key),
        newcomer(cosigner_key=signer(11).public_key),
    ):
        with pytest.raises(RosterError, match=r"same identity_key|one key stands in two places"):
            encode_roster(following(members=members(changed), threshold=3))


def test_old_members_alone_do_not_bring_in_a_majority_of_new_ones() -> None:
    both = members(newcomer(4), newcomer(5), newcomer(6), newcomer(7))
    roster = following(members=both, threshold=4)

    with pytest.raises(RosterLacksNewMembers, match="3 of 4 members of version 2"):
        CHAIN.extended(signed(roster, 1, 2, 3))
    assert CHAIN.extended(signed(roster, 1, 2, 4, 5)).newest.threshold == 4


def test_new_members_alone_do_not_take_over() -> None:
    both = members(newcomer(4), newcomer(5), newcomer(6), newcomer(7))
    roster = following(members=both, threshold=4)

    with pytest.raises(RosterLacksOldMembers, match="0 of 2"):
        CHAIN.extended(signed(roster, 4, 5, 6, 7))
    with pytest.raises(RosterLacksOldMembers, match="1 of 2"):
        CHAIN.extended(signed(roster, 1, 4, 5, 6, 7))


def test_signature_of_a_stranger_or_over_other_bytes_counts_for_nothing() -> None:
    other = encode_roster(following(advisory_expiry_ms=5))
    data = encode_roster(following())
    forged = (
        endorse_roster(data, MemberId(1), signer(10)),
        RosterSignature(MemberId(2), endorse_roster(other, MemberId(2), signer(20)).signature),
        endorse_roster(data, MemberId(99), signer(99)),
    )
    with pytest.raises(RosterLacksOldMembers, match="1 of 2"):
        CHAIN.extended(encode_signed_roster(SignedRoster(data, forged)))


def test_member_that_was_removed_signs_nothing_any_more() -> None:
    gone = replace(sample_member(3), status=MemberStatus.REMOVED, cut=CUT)
    second = CHAIN.extended(sign_roster(following(members=members(gone)), (1, 2)))
    third = following(second)

    with pytest.raises(RosterLacksOldMembers, match="1 of 2"):
        second.extended(sign_roster(third, (1, 3)))
    assert endorsers(second.newest, decode_signed_roster(sign_roster(third))) == {1, 2}
    assert second.extended(sign_roster(third, (1, 2))).newest.version == 3


def test_member_that_a_version_removes_signs_for_the_version_before_alone() -> None:
    gone = replace(sample_member(3), status=MemberStatus.REMOVED, cut=CUT)
    roster = following(members=members(gone))

    with pytest.raises(RosterLacksNewMembers, match="1 of 2 members of version 2"):
        CHAIN.extended(sign_roster(roster, (1, 3)))
    assert CHAIN.extended(sign_roster(roster, (1, 2, 3))).newest == roster


def test_lower_threshold_counts_from_the_version_after_it_on() -> None:
    strict = CHAIN.extended(sign_roster(following(threshold=3)))
    looser = following(strict, threshold=2)

    with pytest.raises(RosterLacksOldMembers, match="2 of 3 members of version 2"):
        strict.extended(sign_roster(looser, (1, 2)))
    assert strict.extended(sign_roster(looser)).newest.threshold == 2


# --- versions ---------------------------------------------------------------------------------


def test_competing_version_is_a_fork_and_never_taken() -> None:
    chain = CHAIN.extended(sign_roster(following(), (1, 2)))
    other = sign_roster(following(advisory_expiry_ms=7), (2, 3))

    with pytest.raises(RosterForked, match="another roster was taken as version 2"):
        chain.extended(other)
    assert CHAIN.extended(other).newest.advisory_expiry_ms == 7


def test_skipped_version_is_refused() -> None:
    with pytest.raises(RosterSkipped, match="version 2 comes next, not version 3"):
        CHAIN.extended(sign_roster(following(version=3)))


def test_rollback_is_refused() -> None:
    chain = CHAIN.extended(sign_roster(following(), (1, 2)))

    with pytest.raises(RosterRolledBack, match="version 1 is older than version 2"):
        chain.extended(GENESIS)


def test_version_of_another_registry_or_another_chain_is_refused() -> None:
    with pytest.raises(RosterOfAnotherRegistry):
        CHAIN.extended(sign_roster(following(registry_id=RegistryId(b"o" * 32))))
    with pytest.raises(RosterNotLinked, match="another version 1 than ours"):
        CHAIN.extended(sign_roster(following(prev_hash=b"p" * 32)))


def test_each_broken_rule_has_a_reason_that_stays_and_is_its_own() -> None:
    chain = CHAIN.extended(sign_roster(following(), (1, 2)))
    many = members(newcomer(4), newcomer(5), newcomer(6), newcomer(7))
    broken = {
        "roster_lacks_old_members": (CHAIN, sign_roster(following(), (1,))),
        "roster_lacks_new_members": (CHAIN, signed(following(members=many, threshold=4), 1, 2)),
        "roster_forked": (chain, sign_roster(following(advisory_expiry_ms=7), (2, 3))),
        "roster_skipped": (CHAIN, sign_roster(following(version=3))),
        "roster_rolled_back": (chain, GENESIS),
        "roster_not_linked": (CHAIN, sign_roster(following(prev_hash=b"p" * 32))),
        "roster_of_another_registry": (
            CHAIN,
            sign_roster(following(registry_id=RegistryId(b"o" * 32))),
        ),
        "roster_rewrites_members": (
            CHAIN,
            sign_roster(following(members=CHAIN.newest.members[:2]), (1, 2)),
        ),
        "roster_error": (CHAIN, b"no roster"),
    }
    for reason, (before, data) in broken.items():
        with pytest.raises(RosterError) as refused:
            before.extended(data)
        assert refused.value.reason == reason


# --- members ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        (
            (replace(sample_member(3), slug=Slug("delta"), origin=Origin(f"{NAME}/delta/1")),),
            "is gamma",
        ),
        ((replace(sample_member(3), origin=Origin(f"{NAME}/gamma/2")),), "does not name where"),
        ((replace(sample_member(3), log_key=signer(99).public_key),), "another log_key"),
        ((replace(sample_member(3), next_log_key_hash=b"n" * 32),), "another next_log_key_hash"),
        ((replace(sample_member(3), status=MemberStatus.REMOVED),), "where its log ends"),
    ],
)
def test_no_version_rewrites_a_member(changed: tuple[Member, ...], told: str) -> None:
    with pytest.raises(RosterRewritesMembers, match=told):
        CHAIN.extended(sign_roster(following(members=members(*changed))))


def test_member_does_not_disappear_and_a_number_is_given_once() -> None:
    with pytest.raises(RosterRewritesMembers, match="gamma disappeared"):
        CHAIN.extended(sign_roster(following(members=CHAIN.newest.members[:2]), (1, 2)))
    chain = CHAIN.extended(sign_roster(following(members=members(newcomer(7)), threshold=3)))
    late = (*chain.newest.members[:3], newcomer(5), chain.newest.members[3])
    with pytest.raises(
        RosterRewritesMembers, match="new5 has the number 5; new ones begin after 7"
    ):
        chain.extended(sign_roster(following(chain, members=late)))


def test_removed_member_stays_removed_and_its_log_is_not_cut_higher() -> None:
    gone = replace(sample_member(3), status=MemberStatus.REMOVED, cut=CUT)
    chain = CHAIN.extended(sign_roster(following(members=members(gone)), (1, 2)))
    for changed, told in (
        (sample_member(3), "was removed"),
        (replace(gone, cut=replace(CUT, size=5)), "cut at 4, and is not cut higher"),
        (replace(gone, cut=None), "without saying where"),
    ):
        with pytest.raises(RosterRewritesMembers, match=told):
            chain.extended(sign_roster(following(chain, members=members(changed)), (1, 2)))
    lower = replace(gone, cut=replace(CUT, size=2))
    longer = chain.extended(sign_roster(following(chain, members=members(lower)), (1, 2)))
    assert longer.newest.members[2].cut == replace(CUT, size=2)


def test_address_certificate_name_and_identity_key_may_change() -> None:
    changed = replace(
        sample_member(3),
        address="elsewhere.example:7443",
        tls_certificate=b"renewed",
        display_name="Another name",
        identity_key=signer(77).public_key,
    )
    roster = following(members=members(changed))
    # The new key signs for the new version alone, the old one for the old version alone.
    with pytest.raises(RosterLacksOldMembers):
        CHAIN.extended(signed(roster, 1, (3, signer(77))))
    with pytest.raises(RosterLacksNewMembers):
        CHAIN.extended(signed(roster, 1, 3))
    assert CHAIN.extended(signed(roster, 1, 2)).newest.members[2] == changed
