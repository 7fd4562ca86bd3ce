"""A change of the roster as one act of this node that can be stopped and taken up again.

A ceremony is about one change (`Wish`). `standing` tells how far it is, whoever began it: whether
it counts already, or which proposal asks for it, who has signed that and who is still to. So the
same command, given again, goes on with the proposal that is there and makes no second one that
would compete with it. Two proposals ask for the same if they differ only in where and why the log
of a removed member ends: that is for those who sign to read.

What this node signs is kept before it signs, in the order draft, endorsement, proposal:

    roster/<version>.draft    the proposal while it is being endorsed and shared; if the process
                              ended in between, the next call finishes that first
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from typing import Final

from registry.application.folder import NodeFolder, replace_file
from registry.application.membership.proposals import (
    Proposal,
    adopt_complete,
    endorse_pending,
    pending,
    share,
)
from registry.application.membership.rosters import Change, endorse, load_chain, propose
from registry.log.member import Cut, MemberStatus
from registry.log.merkle import EMPTY_ROOT
from registry.log.roster import Roster, decode_roster, decode_signed_roster
from registry.log.roster_chain import RosterChain, endorsers

_ANYWHERE: Final = Cut(0, EMPTY_ROOT, "anywhere")
"""Stands for the end of a log while two proposals are compared."""


@dataclass(frozen=True, slots=True)
class Wish:
    """One change of the roster.

    Attributes:
        remove: slug of one that leaves or is removed; None = nobody.
        addresses: new addresses, by slug.
        names: new names that people read, by slug.
    """

    remove: str | None = None
    addresses: Mapping[str, str] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)

    def is_met_by(self, roster: Roster) -> bool:
        """Whether a version says so already.

        Raises:
            NotFound: it knows no such member.
        """
        gone = roster.member_by_slug(self.remove) if self.remove else None
        return (
            (gone is None or gone.status is MemberStatus.REMOVED)
            and all(roster.member_by_slug(s).address == at for s, at in self.addresses.items())
            and all(roster.member_by_slug(s).display_name == n for s, n in self.names.items())
        )

    def change(self, cut: Cut | None) -> Change:
        """The change to propose, with the place where the log of the removed member ends."""
        remove = {self.remove: cut} if self.remove and cut is not None else {}
        return Change(remove=remove, addresses=self.addresses, names=self.names)


@dataclass(frozen=True, slots=True)
class Standing:
    """How far a change is, as this node knows.

    Attributes:
        roster: the version that counts here.
        is_met: it says what was wished.
        proposal: one that asks for it; None = nobody has proposed it.
        others: the proposals of the same version that ask for something else.
        is_signed_here: this node has signed `proposal`.
        missing: signatures that `proposal` still needs.
        waiting_for: members that may give them.
    """

    roster: Roster
    is_met: bool
    proposal: Proposal | None = None
    others: tuple[Proposal, ...] = ()
    is_signed_here: bool = False
    missing: int = 0
    waiting_for: tuple[str, ...] = ()


def standing(folder_path: Path, wish: Wish) -> Standing:
    """Tells how far a change is; first finishes an endorsement that was cut off.

    Raises:
        NotFound: the roster knows no such member.
        FolderError, RosterError, KeyFileError: the folder is not usable.
    """
    folder = NodeFolder(folder_path)
    chain = load_chain(folder)
    _finish(folder, chain)
    if wish.is_met_by(chain.newest):
        return Standing(chain.newest, is_met=True)
    wanted = decode_roster(decode_signed_roster(draft(folder_path, wish, _ANYWHERE)).roster)
    kept = pending(folder)
    same = [each for each in kept if _is_same(wanted, each.roster, wish.remove)]
    others = tuple(each for each in kept if each not in same)
    if not same:
        return Standing(chain.newest, is_met=False, others=others)
    # One that this node has signed is the only one that it may sign.
    proposal = min(same, key=lambda each: (folder.mechanism not in each.signed_by, each.name))
    missing, waiting_for = _still_needed(chain.newest, proposal)
    return Standing(
        chain.newest,
        is_met=False,
        proposal=proposal,
        others=others,
        is_signed_here=folder.mechanism in proposal.signed_by,
        missing=missing,
        waiting_for=waiting_for,
    )


def draft(folder_path: Path, wish: Wish, cut: Cut | None) -> bytes:
    """The bytes of a new proposal, a SignedRoster that nobody has signed; raises as `propose`."""
    return propose(folder_path, wish.change(cut))


def sign_draft(folder_path: Path, data: bytes) -> None:
    """Endorses a new proposal and keeps it for the others; adopts it if that is enough.

    Raises:
        RosterError: another one was endorsed under its version, or it does not follow.
        InvalidRequest: no place is left for it.
        FolderError, KeyFileError: the folder is not usable.
    """
    folder = NodeFolder(folder_path)
    version = decode_roster(decode_signed_roster(data).roster).version
    file = folder.rosters / f"{version}.draft"
    replace_file(file, data)
    _sign(folder, file)
    adopt_complete(folder)


def sign_pending(folder_path: Path, proposal: Proposal) -> None:
    """Endorses a proposal that is kept here; adopts it if that is enough.

    Raises:
        RosterError: another one was endorsed under its version.
    """
    endorse_pending(folder_path, proposal.name)
    adopt_complete(NodeFolder(folder_path))


def is_leaving(folder: NodeFolder) -> bool:
    """Whether this node has signed a proposal that ends its own log: it records nothing more.

    One whose endorsement was cut off counts: the next call of `standing` finishes it.
    """
    signed = [each.roster for each in pending(folder) if folder.mechanism in each.signed_by]
    if any(folder.rosters.glob("*.draft")):
        draft_file = _endorsed_draft(folder, load_chain(folder))
        if draft_file is not None:
            signed.append(decode_roster(decode_signed_roster(draft_file.read_bytes()).roster))
    return any(
        each.member_by_slug(folder.mechanism).status is MemberStatus.REMOVED for each in signed
    )


def _finish(folder: NodeFolder, chain: RosterChain) -> None:
    file = _endorsed_draft(folder, chain)
    if file is not None:
        _sign(folder, file)


def _endorsed_draft(folder: NodeFolder, chain: RosterChain) -> Path | None:
    """The draft of the next version, if this node has endorsed it already."""
    version = chain.newest.version + 1
    file, endorsed = folder.rosters / f"{version}.draft", folder.rosters / f"{version}.endorsed"
    if not (file.exists() and endorsed.exists()):
        return None
    name = sha256(decode_signed_roster(file.read_bytes()).roster).hexdigest()
    return file if endorsed.read_text().strip() == name else None


def _sign(folder: NodeFolder, file: Path) -> None:
    endorse(folder.path, file)
    share(folder.path, file)
    file.unlink()


def _is_same(wanted: Roster, proposed: Roster, removed: str | None) -> bool:
    return _with_any_cut(wanted, removed) == _with_any_cut(proposed, removed)


def _with_any_cut(roster: Roster, removed: str | None) -> Roster:
    members = (replace(m, cut=_ANYWHERE) if m.slug == removed else m for m in roster.members)
    return replace(roster, members=tuple(members))


def _still_needed(before: Roster, proposal: Proposal) -> tuple[int, tuple[str, ...]]:
    """How many signatures are missing, and who may give them."""
    after, signed = proposal.roster, decode_signed_roster(proposal.data)
    missing_old = before.threshold - len(endorsers(before, signed))
    missing_new = after.threshold - len(endorsers(after, signed))
    may_sign = {m.slug for m in (*before.active_members(), *after.active_members())}
    return max(missing_old, missing_new, 0), tuple(sorted(may_sign - set(proposal.signed_by)))
