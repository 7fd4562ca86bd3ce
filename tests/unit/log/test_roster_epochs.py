"""New epochs in the chain of rosters: another log of a member, and where the one before ends."""

from dataclasses import replace
from typing import Any

import pytest

from registry.domain.identifiers import Origin, log_id_of
from registry.errors import RosterError
from registry.log.member import FormerLog, Member, MemberStatus, key_hash
from registry.log.roster import encode_roster
from registry.peer_errors import RosterLacksOldMembers, RosterRewritesMembers
from tests.unit.log.log_world import NAME, sample_member, signer
from tests.unit.log.test_roster_chain import CHAIN, CUT, following, members, newcomer, signed

FIRST_LOG = FormerLog(
    sample_member(2).origin, sample_member(2).log_key, sample_member(2).next_log_key_hash, CUT
)

FORGED_LOG = replace(FIRST_LOG, log_key=signer(94).public_key)


def next_epoch(**changes: Any) -> Member:
    """Member 2 with another log and keys, and the log before as a former one."""
    member = replace(
        sample_member(2),
        origin=Origin(f"{NAME}/{sample_member(2).slug}/2"),
        log_key=signer(91).public_key,
        next_log_key_hash=key_hash(signer(92).public_key),
        cosigner_key=signer(93).public_key,
        former_logs=(FIRST_LOG,),
    )
    return replace(member, **changes)


def test_member_begins_a_new_epoch_and_both_its_logs_are_known() -> None:
    chain = CHAIN.extended(signed(following(members=members(next_epoch())), 1, 3))
    roster = chain.newest
    before, now = (roster.member_by_log(log_id_of(e.origin)) for e in (FIRST_LOG, next_epoch()))

    assert (before.id, before.slug, before.cut) == (now.id, now.slug, CUT)
    assert (before.log_key, now.log_key) == (FIRST_LOG.log_key, signer(91).public_key)
    assert not before.is_active
    assert now.is_active
    assert [each.origin for each in roster.writers()][1:3] == [before.origin, now.origin]


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        (next_epoch(former_logs=()), "does not name where"),
        (next_epoch(origin=sample_member(2).origin, former_logs=()), "another log_key"),
        (replace(sample_member(2), former_logs=(FIRST_LOG,)), "malformed"),
        (next_epoch(log_key=sample_member(2).log_key, former_logs=()), "does not name where"),
        (next_epoch(cosigner_key=sample_member(2).cosigner_key), "keys of an old one"),
        (next_epoch(former_logs=(FORGED_LOG,)), "other keys"),
        (next_epoch(status=MemberStatus.REMOVED, cut=CUT), "goes from epoch 1 to 2"),
    ],
)
def test_epoch_that_hides_the_log_before_or_keeps_its_keys_is_refused(
    changed: Member, told: str
) -> None:
    with pytest.raises(RosterError, match=told):
        CHAIN.extended(signed(following(members=members(changed)), 1, 3))


def test_key_of_a_former_log_is_nobodys_key_again() -> None:
    chain = CHAIN.extended(signed(following(members=members(next_epoch())), 1, 3))
    again = newcomer(4, log_key=FIRST_LOG.log_key)
    known = {m.id: m for m in chain.newest.members} | {again.id: again}

    with pytest.raises(RosterError, match="one key stands in two places"):
        encode_roster(following(chain, members=tuple(known.values())))


def test_former_log_is_cut_lower_and_never_higher() -> None:
    chain = CHAIN.extended(signed(following(members=members(next_epoch())), 1, 3))

    def cut_at(size: int) -> bytes:
        former = replace(FIRST_LOG, cut=replace(CUT, size=size))
        return signed(following(chain, members=members(next_epoch(former_logs=(former,)))), 1, 3)

    assert chain.extended(cut_at(CUT.size - 1)).newest.members[1].former_logs[0].cut.size == 3
    with pytest.raises(RosterRewritesMembers, match="is not cut higher"):
        chain.extended(cut_at(CUT.size + 1))


def test_revoked_member_signs_nothing_until_its_new_epoch() -> None:
    revoked = replace(sample_member(2), cut=CUT)
    chain = CHAIN.extended(signed(following(members=members(revoked)), 1, 3))
    assert [m.id for m in chain.newest.active_members()] == [1, 3]
    with pytest.raises(RosterLacksOldMembers):
        chain.extended(signed(following(chain, members=members(next_epoch())), 1, 2))

    back = chain.extended(signed(following(chain, members=members(next_epoch())), 1, 3))
    assert [m.id for m in back.newest.active_members()] == [1, 2, 3]
    with pytest.raises(RosterRewritesMembers, match="is not cut higher"):
        chain.extended(signed(following(chain, members=members(sample_member(2))), 1, 3))


def test_log_is_written_under_the_versions_in_which_its_author_takes_part_with_it() -> None:
    revoked = replace(sample_member(2), cut=CUT)
    roster = following(members=members(newcomer()), threshold=3)
    chain = CHAIN.extended(signed(roster, 1, 2, 3, 4))
    for change, endorsers_ in ((revoked, (1, 3, 4)), (next_epoch(), (1, 3, 4))):
        changed = {m.id: m for m in chain.newest.members} | {change.id: change}
        roster = following(chain, members=tuple(changed[n] for n in sorted(changed)))
        chain = chain.extended(signed(roster, *endorsers_))
    found = {
        writer.origin.removeprefix(f"{NAME}/"): chain.versions_of(writer.log_id)
        for writer in chain.newest.writers()
    }

    assert found["alpha/1"] == range(1, 5)
    assert found["beta/1"] == range(1, 3)
    assert found["beta/2"] == range(4, 5)
    assert found["new4/1"] == range(2, 5)
    assert 7 in chain.versions_of(log_id_of(Origin("of/another/1")))
