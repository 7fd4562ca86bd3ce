"""The chain of roster versions: what follows what, and who must have signed it.

A version is taken only after the one before it, each rule with a reason of its own:

1. `roster_of_another_registry`: it names this registry, by id and by name.
2. `roster_skipped`: it is the next version, none is left out; `roster_rolled_back`: none that was
   taken is taken back; `roster_forked`: nor replaced by another one of the same version.
3. `roster_not_linked`: it names the hash of the version before it.
4. `roster_rewrites_members`: nobody disappears, is renamed, or takes a number that was given
   before; who is removed stays removed and cut; a log is not cut higher, and its first keys stay.
   A member that begins a new epoch has another log with keys of its own, and names the log before
   and where that one ends; its number stays, so that audiences follow it.
5. `roster_lacks_old_members`: as many active members of the version before signed it as that one
   asks; `roster_lacks_new_members`: and as many active members of its own as it asks itself.

A signature counts once for each member and only if it verifies: a key that stands twice, a member
that was removed, and one that nobody knows count for nothing (rule 5 is that of The Update
Framework for its root role, section 5.3). Where so few are left of the version before, the reason
says what did not count: `roster_signature_repeated`, `roster_signer_removed` (before this version),
`roster_signer_joins` (by this version).
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from registry.domain.identifiers import LogId, MemberId
from registry.log.member import Member, MemberStatus
from registry.log.roster import (
    ROSTER_TYPE,
    Roster,
    SignedRoster,
    decode_roster,
    decode_signed_roster,
    verify_genesis,
)
from registry.log.signing import pre_authentication_encoding, verify
from registry.peer_errors import (
    RosterForked,
    RosterLacksNewMembers,
    RosterLacksOldMembers,
    RosterNotLinked,
    RosterOfAnotherRegistry,
    RosterRewritesMembers,
    RosterRolledBack,
    RosterSignatureRepeated,
    RosterSignerJoins,
    RosterSignerRemoved,
    RosterSkipped,
)

_FIXED: Final = (
    "slug",
    "origin",
    "log_key",
    "next_log_key_hash",
    "cosigner_key",
    "registry_id",
)
"""What a member keeps as long as its log is the same one."""
_OF_A_LOG: Final = ("origin", "log_key", "next_log_key_hash", "registry_id")


@dataclass(frozen=True, slots=True)
class RosterChain:
    """All versions that were taken, from the genesis on; `signed` are their exact bytes."""

    rosters: tuple[Roster, ...]
    signed: tuple[bytes, ...]

    @property
    def newest(self) -> Roster:
        """The version that counts now."""
        return self.rosters[-1]

    def version(self, number: int) -> Roster | None:
        """A version; None = it is not here."""
        return self.rosters[number - 1] if 1 <= number <= len(self.rosters) else None

    def versions_of(self, log_id: LogId) -> range:
        """The versions under which a log's author takes part with that log: it ends but once.

        A log that never was active here belongs to the registry before: its versions are of that.
        """
        active = [
            roster.version
            for roster in self.rosters
            if any(w.log_id == log_id and w.is_active for w in roster.writers())
        ]
        return range(active[0], active[-1] + 1) if active else range(sys.maxsize)

    def extended(self, data: bytes) -> "RosterChain":
        """The chain with one more version; the newest one again changes nothing.

        Args:
            data: a SignedRoster.

        Raises:
            RosterError: malformed, or one of the rules is broken; its reason says which.
        """
        signed = decode_signed_roster(data)
        roster = decode_roster(signed.roster)
        if roster.version <= self.newest.version:
            self._compare(roster.version, signed)
            return self
        self.check_next(roster)
        _check_endorsed(self.newest, roster, signed)
        return RosterChain((*self.rosters, roster), (*self.signed, data))

    def check_next(self, roster: Roster) -> None:
        """Checks that a version follows the newest one, whoever has signed it.

        Raises:
            RosterError: one of the rules 1 to 4 is broken; its reason says which.
        """
        before = self.newest
        if roster.version != before.version + 1:
            msg = f"version {before.version + 1} comes next, not version {roster.version}"
            raise (RosterSkipped if roster.version > before.version else RosterRolledBack)(msg)
        if (roster.registry_id, roster.registry_name) != (
            before.registry_id,
            before.registry_name,
        ):
            msg = f"this is a roster of {roster.registry_name}, not of {before.registry_name}"
            raise RosterOfAnotherRegistry(msg)
        if roster.prev_hash != sha256(self._bytes(-1)).digest():
            msg = f"version {roster.version} follows another version {before.version} than ours"
            raise RosterNotLinked(msg)
        check_succession(before, roster)

    def _compare(self, version: int, signed: SignedRoster) -> None:
        """Tells an old version that was taken from another one of the same number."""
        if self._bytes(version - 1) != signed.roster:
            msg = (
                f"another roster was taken as version {version}: its hash is "
                f"{sha256(self._bytes(version - 1)).hexdigest()}, that of this one "
                f"{sha256(signed.roster).hexdigest()}"
            )
            raise RosterForked(msg)
        if version < self.newest.version:
            msg = f"version {version} is older than version {self.newest.version}, which counts now"
            raise RosterRolledBack(msg)

    def _bytes(self, at: int) -> bytes:
        return decode_signed_roster(self.signed[at]).roster


def begin_chain(genesis: bytes) -> RosterChain:
    """The chain of a genesis alone.

    Raises:
        RosterError: see `verify_genesis`.
    """
    return RosterChain((verify_genesis(genesis, registry_id=None),), (genesis,))


def verify_chain(signed: tuple[bytes, ...]) -> RosterChain:
    """Verifies all versions, the genesis first.

    Raises:
        RosterError: see `RosterChain.extended`.
    """
    chain = begin_chain(signed[0])
    for each in signed[1:]:
        chain = chain.extended(each)
    return chain


def endorsers(roster: Roster, signed: SignedRoster) -> frozenset[MemberId]:
    """The active members of a version whose signature stands under some bytes and verifies."""
    return _signers(roster.active_members(), signed)


def _signers(members: Sequence[Member], signed: SignedRoster) -> frozenset[MemberId]:
    message = pre_authentication_encoding(ROSTER_TYPE, signed.roster)
    given = {each.member_id: each.signature for each in signed.signatures}
    return frozenset(
        member.id
        for member in members
        if member.id in given and verify(member.identity_key, message, given[member.id])
    )


def check_succession(before: Roster, after: Roster) -> None:
    """Checks that a version may follow another, whoever signed it; rule 4 of this module.

    Raises:
        RosterRewritesMembers: it may not.
    """
    known = {member.id: member for member in before.members}
    missing = known.keys() - {member.id for member in after.members}
    if missing:
        _refuse(f"{known[min(missing)].slug} disappeared; a member that leaves is removed")
    highest = max(known)
    for member in after.members:
        old = known.get(member.id)
        if old is not None:
            _check_member(old, member)
        elif member.id <= highest:
            _refuse(f"{member.slug} has the number {member.id}; new ones begin after {highest}")


def _check_endorsed(before: Roster, roster: Roster, signed: SignedRoster) -> None:
    old, new = endorsers(before, signed), endorsers(roster, signed)
    if len(old) < before.threshold:
        msg = (
            f"{len(old)} of {before.threshold} members of version {before.version} "
            f"that must sign version {roster.version} have signed it"
        )
        _refuse_for_lack(msg, before, new - old, signed)
    if len(new) < roster.threshold:
        msg = f"{len(new)} of {roster.threshold} members of version {roster.version} have signed it"
        raise RosterLacksNewMembers(msg)


def _refuse_for_lack(
    msg: str, before: Roster, joining: frozenset[MemberId], signed: SignedRoster
) -> None:
    """Says which signatures did not count for the version before, if some are there."""
    if len({each.signature for each in signed.signatures}) < len(signed.signatures):
        msg = f"{msg}; one signature stands under two members, and counts for its own alone"
        raise RosterSignatureRepeated(msg)
    gone = [member for member in before.members if not member.is_active]
    signed_by = _signers(gone, signed)
    removed = sorted(member.slug for member in gone if member.id in signed_by)
    if removed:
        msg = f"{msg}; what {', '.join(removed)} signed does not count: removed before"
        raise RosterSignerRemoved(msg)
    strangers = joining - {member.id for member in before.members}
    if strangers:
        numbers = ", ".join(str(each) for each in sorted(strangers))
        msg = f"{msg}; what members {numbers} signed does not count yet: they join by this version"
        raise RosterSignerJoins(msg)
    raise RosterLacksOldMembers(msg)


def _check_member(old: Member, new: Member) -> None:
    if new.slug != old.slug:
        _refuse(f"member {old.id} is {old.slug} and not {new.slug}")
    if old.status is MemberStatus.REMOVED and new.status is not MemberStatus.REMOVED:
        _refuse(f"{old.slug} was removed; who comes back joins anew, under another number")
    if new.status is MemberStatus.REMOVED and new.cut is None:
        _refuse(f"{old.slug} is removed without saying where its log ends")
    if new.epoch != old.epoch:
        _check_epoch(old, new)
    else:
        changed = [name for name in _FIXED if getattr(new, name) != getattr(old, name)]
        if changed:
            _refuse(f"{old.slug} has another {changed[0]}")
        if len(new.former_logs) != len(old.former_logs):
            _refuse(f"{old.slug} has other former logs without a new epoch")
    _check_logs(old, new)


def _check_logs(old: Member, new: Member) -> None:
    """What was written before stays what it was, and no log comes to be longer."""
    for before, after in zip(old.as_writers(), new.as_writers(), strict=False):
        if before.cut is not None and (after.cut is None or after.cut.size > before.cut.size):
            _refuse(f"{before.origin} was cut at {before.cut.size}, and is not cut higher")
        if any(getattr(before, name) != getattr(after, name) for name in _OF_A_LOG):
            _refuse(f"{before.origin} was written with other keys")


def _check_epoch(old: Member, new: Member) -> None:
    """A new epoch: another log, whose keys are none of those before; the old one becomes former."""
    if new.epoch < old.epoch or new.status is not MemberStatus.ACTIVE:
        _refuse(f"{old.slug} goes from epoch {old.epoch} to {new.epoch}, and is {new.status.name}")
    if len(new.former_logs) != len(old.former_logs) + 1:
        _refuse(f"{old.slug} begins a new epoch and does not name where {old.origin} ends")
    keys = {old.log_key, *(each.log_key for each in old.former_logs)}
    if new.log_key in keys or new.cosigner_key == old.cosigner_key:
        _refuse(f"{old.slug} begins a new epoch with keys of an old one")


def _refuse(text: str) -> None:
    raise RosterRewritesMembers(text)
