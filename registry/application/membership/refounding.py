"""A registry founded anew: the way out of a roster that is locked or lost.

A roster is locked when so many endorsed proposals that compete, or lost their keys, that no
version can be signed by enough any more. Then those that go on sign a new genesis. It names every
log of the registry before and where it ends, so that what was written stays, is relayed and
verifies; numbers stay too, so that audiences mean whom they meant. Who does not go on is a member
that was removed.

Each takes part with the keys of its next epoch, which stand beside those of now; its log, content
and clients stay in its folder.

    roster/              becomes roster-before-<first digits of the old registry id>/
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from registry.application.folder import NodeFolder, replace_file
from registry.application.membership.cuts import check_own_ends, cut_here
from registry.application.membership.epochs import staged_folder
from registry.application.membership.founding import own_member, read_file
from registry.application.membership.rosters import load_roster
from registry.domain.identifiers import MemberId, RegistryId, Slug
from registry.errors import FolderError, InvalidRequest
from registry.log.member import FormerLog, Member, MemberStatus, read_member_file
from registry.log.roster import (
    Roster,
    SignedRoster,
    encode_roster,
    encode_signed_roster,
    verify_genesis,
)
from registry.store.folder_sync import sync_folder

_ID_DIGITS: Final = 8


def found_anew(
    folder_path: Path, member_files: Sequence[Path], reason: str, *, threshold: int | None = None
) -> bytes:
    """Makes a genesis out of the roster that a node holds, which nobody has signed yet.

    Args:
        folder_path: of any member's node, running or not: logs end where it holds them.
        member_files: of those that go on, by `registry new-epoch`, and of others that join.
        reason: why the logs end, for people to read; no names.
        threshold: signatures that the next version will need; None = the smallest majority.

    Returns:
        The bytes of a SignedRoster without signatures.

    Raises:
        InvalidRequest: fewer than two go on, the reason is too long, or a file cannot be read.
        RosterError: a member file fails, or the roster would break a rule.
        FolderError: the node has not joined.
    """
    before = load_roster(NodeFolder(folder_path))
    files = {each.slug: each for each in map(read_member_file, map(read_file, member_files))}
    if len(files) < 2:  # noqa: PLR2004 - a registry is between two at least
        msg = f"a registry is founded by two or more members, found {len(files)}"
        raise InvalidRequest(msg)
    members = [_carried_over(each, files, before, folder_path, reason) for each in before.members]
    known = {member.slug for member in members}
    joining = [each for slug, each in files.items() if slug not in known]
    first = max(member.id for member in members) + 1
    members += [replace(e, id=MemberId(n)) for n, e in enumerate(joining, first)]
    active = sum(member.is_active for member in members)
    roster = Roster(
        registry_id=RegistryId(b""),
        version=1,
        prev_hash=b"",
        threshold=active // 2 + 1 if threshold is None else threshold,
        members=tuple(members),
        advisory_expiry_ms=0,
        registry_name=before.registry_name,
    )
    return encode_signed_roster(SignedRoster(encode_roster(roster), ()))


def check_ends(epoch_folder: Path, roster: Roster) -> None:
    """Checks for who endorses that none of its own events becomes void.

    Args:
        epoch_folder: `epoch-<n>` in the node's folder; any other folder holds no logs of before.
        roster: of a registry founded anew, or for the first time.

    Raises:
        RosterCutsOwnLog: see `check_own_ends`.
    """
    node = NodeFolder(epoch_folder.absolute().parent)
    if (node.rosters / "1.roster").exists():
        check_own_ends(node.path, roster)


def join_anew(
    folder_path: Path, roster_file: Path, registry_id: RegistryId, *, accepts_void: bool = False
) -> Roster:
    """Goes over to a registry that was founded anew; the node is stopped.

    Cut short, it is done again. The node takes the keys of its epoch at its next start.

    Args:
        folder_path: of the node.
        roster_file: the new genesis, signed by all that go on.
        registry_id: as it was told by another way.
        accepts_void: events of this node that the roster leaves out are given up.

    Raises:
        RosterCutsOwnLog: it leaves some out, and nobody said that they are given up.
        RosterError: a founder's signature is missing or wrong, the registry id is another, or the
            roster does not hold this node with exactly the keys of its next epoch.
        InvalidRequest: the roster file cannot be read.
        FolderError: the node is running, has not joined before, or has no such keys.
    """
    folder = NodeFolder(folder_path)
    data = read_file(roster_file)
    with folder.held():
        roster = verify_genesis(data, registry_id=registry_id)
        own = roster.member_by_slug(folder.mechanism)
        fresh = folder.path / "roster.anew"
        if folder.rosters.exists():
            before = load_roster(folder)
            if before.registry_id == registry_id:
                return before
            own_member(staged_folder(folder, own.epoch), roster)
            if not accepts_void:
                check_own_ends(folder_path, roster)
            fresh.mkdir(mode=0o700, exist_ok=True)
            replace_file(fresh / "1.roster", data)
            name = f"roster-before-{before.registry_id.hex()[:_ID_DIGITS]}"
            folder.rosters.rename(folder.path / name)
        if not fresh.exists():
            msg = f"{folder.path} has not joined a registry yet; see `registry join`"
            raise FolderError(msg)
        replace_file(fresh / "1.roster", data)
        fresh.rename(folder.rosters)
        sync_folder(folder.path)
        return roster


def _carried_over(
    member: Member, files: Mapping[Slug, Member], before: Roster, folder: Path, reason: str
) -> Member:
    """A member as the new genesis names it, under its number and with all that it wrote."""
    former = tuple(
        replace(each, registry_id=each.registry_id or before.registry_id)
        for each in member.former_logs
    )
    cut = member.cut or cut_here(folder, member.slug, reason)
    if (new := files.get(member.slug)) is None or member.status is MemberStatus.REMOVED:
        return replace(
            member,
            status=MemberStatus.REMOVED,
            cut=cut,
            former_logs=former,
            registry_id=member.registry_id or before.registry_id,
        )
    last = FormerLog(
        member.origin, member.log_key, member.next_log_key_hash, cut, before.registry_id
    )
    return replace(new, id=member.id, former_logs=(*former, last))
