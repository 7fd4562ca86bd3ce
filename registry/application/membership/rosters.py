"""The rosters that a joined node has taken, and the way to the next one, by files.

Somebody proposes the next version, members endorse it, and each node adopts it once enough have.
Each step can be stopped and done again. What a member endorses is kept before its signature leaves
the folder: it endorses one hash for each version, so that two proposals that compete never both
become valid. An adopted version counts from the next start of the node on.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from typing import Final

from registry.application.folder import NodeFolder, changing, replace_file
from registry.application.membership.differences import differences
from registry.application.membership.founding import load_signer, read_file, remember_endorsement
from registry.domain.identifiers import MemberId
from registry.errors import FolderError, InvalidRequest, RosterError
from registry.log.member import Cut, FormerLog, Member, MemberStatus
from registry.log.roster import (
    Roster,
    SignedRoster,
    decode_roster,
    decode_signed_roster,
    encode_roster,
    encode_signed_roster,
    endorse_roster,
    read_member_file,
)
from registry.log.roster_chain import (
    RosterChain,
    begin_chain,
    check_succession,
    verify_chain,
)
from registry.peer_errors import RosterOfAnotherRegistry

ROSTERS_MAX: Final = 10_000
WARNED_BEFORE_MS: Final = 30 * 24 * 60 * 60 * 1000


@dataclass(frozen=True, slots=True)
class Change:
    """What the next version changes.

    Attributes:
        add: member files of those that join.
        remove: where the logs of those end that leave or are removed, by slug.
        revoke: where the logs of those end that somebody else may write, by slug: they stay
            members, and take part again in a new epoch.
        new_epochs: member files of the next logs of members, and where the logs before them end.
        has_all_keys_new: whether those come with other identity keys: nothing but the words that a
            member reads out says then that they are that member's.
        addresses: new addresses, by slug.
        names: new names that people read, by slug.
        certificates: new TLS certificates, DER, by slug.
        threshold: signatures that the version after it needs; None = as many as now, or the
            smallest majority if that is more, or if so many are not left.
        expires_ms: when the members mean to renew it, milliseconds UTC; None = as now, 0 = never.
    """

    add: Sequence[Path] = ()
    remove: Mapping[str, Cut] = field(default_factory=dict)
    revoke: Mapping[str, Cut] = field(default_factory=dict)
    new_epochs: Mapping[str, tuple[Path, Cut]] = field(default_factory=dict)
    has_all_keys_new: bool = False
    addresses: Mapping[str, str] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)
    certificates: Mapping[str, bytes] = field(default_factory=dict)
    threshold: int | None = None
    expires_ms: int | None = None


def load_chain(folder: NodeFolder) -> RosterChain:
    """Reads the versions that this node has taken and verifies them again.

    Raises:
        FolderError: the node has not joined.
        RosterError: a file was changed.
    """
    try:
        chain = begin_chain((folder.rosters / "1.roster").read_bytes())
    except FileNotFoundError as error:
        msg = f"{folder.path} has not joined a registry yet; see `registry join`"
        raise FolderError(msg) from error
    for version in range(2, ROSTERS_MAX):
        path = folder.rosters / f"{version}.roster"
        if not path.exists():
            break
        chain = chain.extended(path.read_bytes())
    return chain


def load_roster(folder: NodeFolder) -> Roster:
    """The version that counts for this node; raises as `load_chain`."""
    return load_chain(folder).newest


def rival_of(folder: NodeFolder, data: bytes) -> bytes | None:
    """Looks at another roster of the version that counts here; nothing is taken.

    Args:
        folder: of a node that has joined.
        data: a SignedRoster.

    Returns:
        Its hash, 32 bytes, if it could stand in the place of the one that was taken: it follows
        the version before, and enough members have signed it. None: it is that one, or another
        version.

    Raises:
        FolderError: the node has not joined.
        RosterError: it is malformed, or a rule of the chain is broken; its reason says which.
    """
    chain = load_chain(folder)
    other = decode_signed_roster(data).roster
    if other == decode_signed_roster(chain.signed[-1]).roster:
        return None
    found = verify_chain((*chain.signed[:-1], data)).newest
    if found.registry_id != chain.newest.registry_id:
        msg = f"this is a genesis of another registry than {chain.newest.registry_name}"
        raise RosterOfAnotherRegistry(msg)
    return sha256(other).digest() if found.version == chain.newest.version else None


def propose(folder_path: Path, change: Change) -> bytes:
    """Makes the next version, which nobody has signed yet.

    Returns:
        The bytes of a SignedRoster without signatures.

    Raises:
        InvalidRequest: nothing would change, a file cannot be read, or a slug is not in the roster.
        RosterError: a member file fails, one of a new epoch has another identity key and nobody
            said so, or the version would break a rule of rosters.
        FolderError: the node has not joined.
    """
    chain = load_chain(NodeFolder(folder_path))
    before = chain.newest
    members = [_changed(member, change) for member in before.members]
    named = {*change.remove, *change.revoke, *change.new_epochs, *change.addresses}
    named |= {*change.names, *change.certificates}
    unknown = named - {member.slug for member in members}
    if unknown:
        msg = f"the roster knows no {', '.join(sorted(unknown))}"
        raise InvalidRequest(msg)
    members += _joining(before, change.add)
    after = replace(
        before,
        version=before.version + 1,
        prev_hash=sha256(decode_signed_roster(chain.signed[-1]).roster).digest(),
        members=tuple(members),
        threshold=_threshold(before, members, change.threshold),
        advisory_expiry_ms=(
            before.advisory_expiry_ms if change.expires_ms is None else change.expires_ms
        ),
    )
    if differences(before, after) == ():
        msg = "this roster would change nothing"
        raise InvalidRequest(msg)
    check_succession(before, after)
    return encode_signed_roster(SignedRoster(encode_roster(after), ()))


def endorse(folder_path: Path, roster_file: Path) -> Roster:
    """Signs the next version with this node's identity key, in place.

    Raises:
        RosterError: it does not follow the version that counts here, or another one was endorsed
            under its number; the reason says which.
        InvalidRequest: the file cannot be read.
        FolderError, KeyFileError: the folder is not usable.
    """
    folder = NodeFolder(folder_path)
    chain = load_chain(folder)
    signed = decode_signed_roster(read_file(roster_file))
    roster = decode_roster(signed.roster)
    chain.check_next(roster)
    own = chain.newest.member_by_slug(folder.mechanism)
    remember_endorsement(folder, roster.version, sha256(signed.roster).digest())
    kept = [each for each in signed.signatures if each.member_id != own.id]
    kept.append(endorse_roster(signed.roster, own.id, load_signer(folder, "identity")))
    kept.sort(key=lambda each: each.member_id)
    replace_file(roster_file, encode_signed_roster(SignedRoster(signed.roster, tuple(kept))))
    return roster


def adopt(folder_path: Path, roster_file: Path) -> Roster:
    """Takes the next version once enough members have signed it.

    Raises:
        RosterError: a rule of the chain is broken; the reason says which.
        InvalidRequest: the file cannot be read.
        FolderError: the node has not joined.
    """
    return adopt_bytes(NodeFolder(folder_path), read_file(roster_file))


def adopt_bytes(folder: NodeFolder, data: bytes) -> Roster:
    """Like `adopt`, from a signed roster's bytes."""
    with changing(folder.rosters):
        before = load_chain(folder)
        chain = before.extended(data)
        if chain is not before:
            replace_file(folder.rosters / f"{chain.newest.version}.roster", data)
        _describe(folder, chain.newest)
    return chain.newest


def _describe(folder: NodeFolder, roster: Roster) -> None:
    """Keeps what the folder says of its node as the roster has it: profiles carry the address.

    A node that takes no calls from others stays where its own clients find it.
    """
    own, said = roster.member_by_slug(folder.mechanism), folder.describe()
    address = own.address if own.takes_calls else said.address
    told = said.model_copy(update={"address": address, "display_name": own.display_name})
    if told != said:
        replace_file(folder.description_file, told.model_dump_json(indent=2).encode() + b"\n")


def is_due(roster: Roster, now_ms: int) -> bool:
    """Whether the day by which a roster is to be renewed is near or past; it counts anyway."""
    expiry_ms = roster.advisory_expiry_ms
    return bool(expiry_ms) and now_ms >= expiry_ms - WARNED_BEFORE_MS


def _changed(member: Member, change: Change) -> Member:
    if (cut := change.remove.get(member.slug)) is not None:
        member = replace(member, status=MemberStatus.REMOVED, cut=cut)
    if (cut := change.revoke.get(member.slug)) is not None:
        member = replace(member, cut=cut)
    if (begun := change.new_epochs.get(member.slug)) is not None:
        member = _in_new_epoch(member, *begun, has_all_keys_new=change.has_all_keys_new)
    if (address := change.addresses.get(member.slug)) is not None:
        member = replace(member, address=address)
    if (name := change.names.get(member.slug)) is not None:
        member = replace(member, display_name=name)
    if (certificate := change.certificates.get(member.slug)) is not None:
        member = replace(member, tls_certificate=certificate)
    return member


def _in_new_epoch(member: Member, file: Path, cut: Cut, *, has_all_keys_new: bool) -> Member:
    """The member with its next log; one that was revoked before ends where that was said.

    Its identity key has signed the member file: if that key goes on, the file is that member's.
    """
    before = FormerLog(member.origin, member.log_key, member.next_log_key_hash, member.cut or cut)
    new = read_member_file(read_file(file))
    if not has_all_keys_new and new.identity_key != member.identity_key:
        msg = (
            f"{file} has another identity key than {member.slug} has in the roster: somebody may "
            f"have changed it on its way. If {member.slug} made all keys new, and reads the words "
            "of this file to you by telephone, say --all-keys"
        )
        raise RosterError(msg)
    return replace(
        new,
        id=member.id,
        address=member.address,
        display_name=member.display_name,
        former_logs=(*member.former_logs, before),
    )


def _joining(before: Roster, files: Sequence[Path]) -> list[Member]:
    first = max(member.id for member in before.members) + 1
    return [
        replace(read_member_file(read_file(path)), id=MemberId(number))
        for number, path in enumerate(files, first)
    ]


def _threshold(before: Roster, members: Sequence[Member], asked: int | None) -> int:
    if asked is not None:
        return asked
    active = sum(member.is_active for member in members)
    return before.threshold if active // 2 < before.threshold <= active else active // 2 + 1
