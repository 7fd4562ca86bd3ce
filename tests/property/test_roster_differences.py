"""What people read before they sign is all that a version changes: no field changes without a line.

Members, former logs and the places where logs end are changed in every field; a field that comes to
the format later fails here until the words know it.
"""

from dataclasses import fields, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.application.membership.differences import differences
from registry.domain.identifiers import MemberId, Origin, RegistryId, RootHash, Slug
from registry.log.member import Cut, FormerLog, Member, MemberStatus
from registry.log.roster import Roster
from tests.unit.log.log_world import NAME, REGISTRY, sample_member, sample_roster

CUT = Cut(4, RootHash(b"r" * 32), "stolen")
FORMER = tuple(
    FormerLog(Origin(f"{NAME}/gamma/{n}"), bytes([n]) * 32, bytes([n + 9]) * 32, CUT)
    for n in (1, 2)
)
BEFORE = sample_roster(
    registry_id=REGISTRY,
    version=2,
    members=(
        sample_member(1),
        sample_member(2, status=MemberStatus.REMOVED, cut=CUT),
        sample_member(3, origin=Origin(f"{NAME}/gamma/3"), former_logs=FORMER),
    ),
)
OTHER_CUT: dict[str, Any] = {"size": 0, "root": RootHash(b"s" * 32), "reason": "forked"}
OTHER_LOG: dict[str, Any] = {
    "origin": Origin(f"{NAME}/gamma/7"),
    "log_key": b"l" * 32,
    "next_log_key_hash": b"n" * 32,
    "cut": Cut(5, RootHash(b"t" * 32), "lost"),
    "registry_id": RegistryId(b"i" * 32),
}
OTHER_MEMBER: dict[str, Any] = {
    "id": MemberId(70),
    "slug": Slug("delta"),
    "display_name": "Another name",
    "origin": Origin(f"{NAME}/delta/5"),
    "identity_key": b"i" * 32,
    "log_key": b"l" * 32,
    "next_log_key_hash": b"n" * 32,
    "cosigner_key": b"c" * 32,
    "hpke_key": b"h" * 32,
    "tls_certificate": b"t",
    "status": None,
    "cut": None,
    "address": "none",
    "former_logs": None,
    "registry_id": RegistryId(b"i" * 32),
}
OTHER_ROSTER: dict[str, Any] = {
    "registry_id": RegistryId(b"o" * 32),
    "threshold": 3,
    "members": None,
    "advisory_expiry_ms": 86_400_000,
    "registry_name": "elsewhere.example",
}
UNTOLD = {"version", "prev_hash"}
"""They differ between all versions."""


def cut_changed(cut: Cut, names: set[str]) -> Cut:
    return replace(cut, **{name: OTHER_CUT[name] for name in names})


def log_changed(log: FormerLog, names: set[str]) -> FormerLog:
    return replace(log, **{name: OTHER_LOG[name] for name in names})


def member_changed(member: Member, names: set[str]) -> Member:
    others = OTHER_MEMBER | {
        "id": MemberId(OTHER_MEMBER["id"] + member.id),
        "status": next(each for each in MemberStatus if each is not member.status),
        "cut": CUT if member.cut is None else None,
        "former_logs": () if member.former_logs else FORMER[:1],
    }
    return replace(member, **{name: others[name] for name in names})


def roster_changed(names: set[str]) -> Roster:
    others = OTHER_ROSTER | {"members": BEFORE.members[:2]}
    return replace(BEFORE, **{name: others[name] for name in names})


@st.composite
def after(draw: st.DrawFn) -> Roster:
    """The roster with any of its fields changed, in any of its members and logs, or with none."""

    def some_of(others: dict[str, Any]) -> set[str]:
        return draw(st.sets(st.sampled_from(sorted(others)), max_size=2))

    def any_cut(cut: Cut) -> Cut:
        return cut_changed(cut, some_of(OTHER_CUT))

    members = []
    for member in BEFORE.members:
        former = [
            log_changed(replace(each, cut=any_cut(each.cut)), some_of(OTHER_LOG))
            for each in draw(st.permutations(member.former_logs))
        ]
        cut = None if member.cut is None else any_cut(member.cut)
        new = replace(member, former_logs=tuple(former), cut=cut)
        members.append(member_changed(new, some_of(OTHER_MEMBER)))
    roster = replace(BEFORE, members=tuple(members))
    names = some_of(OTHER_ROSTER) - {"members"}
    return replace(roster, **{name: OTHER_ROSTER[name] for name in names})


@given(after=st.one_of(st.just(BEFORE), after()))
def test_nothing_is_told_if_and_only_if_nothing_changes(after: Roster) -> None:
    assert (differences(BEFORE, after) == ()) == (after == BEFORE)
    assert (differences(after, BEFORE) == ()) == (after == BEFORE)


def changed_alone() -> list[tuple[str, Roster]]:
    """The roster with one field changed, each field of each part of it."""
    removed, gamma = BEFORE.members[1:]
    found = [(f"roster {name}", roster_changed({name})) for name in OTHER_ROSTER]

    def with_member(number: int, member: Member) -> Roster:
        members = (*BEFORE.members[:number], member, *BEFORE.members[number + 1 :])
        return replace(BEFORE, members=members)

    for number, member in enumerate(BEFORE.members):
        found += [
            (f"{member.slug} {name}", with_member(number, member_changed(member, {name})))
            for name in OTHER_MEMBER
        ]
    assert removed.cut is not None
    for name in OTHER_CUT:
        cut = cut_changed(removed.cut, {name})
        found.append((f"cut {name}", with_member(1, replace(removed, cut=cut))))
    for at, log in enumerate(FORMER):
        logs = [log_changed(log, {name}) for name in OTHER_LOG]
        logs += [replace(log, cut=cut_changed(log.cut, {name})) for name in OTHER_CUT]
        for each in logs:
            former = (*FORMER[:at], each, *FORMER[at + 1 :])
            found.append((f"former {at}", with_member(2, replace(gamma, former_logs=former))))
    return found


@pytest.mark.parametrize("after", [pytest.param(each, id=name) for name, each in changed_alone()])
def test_each_field_that_changes_alone_is_told(after: Roster) -> None:
    assert after != BEFORE
    assert differences(BEFORE, after)
    assert all("\n" not in line for line in differences(BEFORE, after))


def test_no_field_of_the_format_is_left_out_here() -> None:
    for kind, others in (
        (Cut, OTHER_CUT),
        (FormerLog, OTHER_LOG),
        (Member, OTHER_MEMBER),
        (Roster, OTHER_ROSTER),
    ):
        assert others.keys() == {each.name for each in fields(kind) if each.compare} - UNTOLD
