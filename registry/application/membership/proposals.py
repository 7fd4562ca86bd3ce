"""Proposed rosters on their way between members: kept in the folder, merged, adopted when complete.

What comes from elsewhere is kept only if it may follow the version that counts here and a member of
that version has signed it; of its signatures, those that verify. Signatures of the same bytes are
put together. Nobody's signature is made here: that is `registry roster endorse`.

A member endorses one proposal of a version, so each has one place to give: a proposal is kept if
one of its signers has signed no other that more members have signed. Whoever signs many fills no
place but its own, and what an honest member has signed always finds one.

    roster/proposals/<version>-<first 16 digits of the SHA-256 of the roster's bytes>.roster
"""

from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final

from registry.application.folder import NodeFolder, changing, replace_file
from registry.application.membership.rosters import adopt_bytes, endorse, load_chain
from registry.domain.identifiers import MemberId
from registry.errors import InvalidRequest, RosterError
from registry.log.roster import (
    MEMBERS_MAX,
    Roster,
    RosterSignature,
    SignedRoster,
    decode_roster,
    decode_signed_roster,
    encode_signed_roster,
)
from registry.log.roster_chain import RosterChain, endorsers

_NAME_DIGITS: Final = 16
_PREFIX_MIN: Final = 6


@dataclass(frozen=True, slots=True)
class Proposal:
    """A proposed version: its name (the first digits of its hash), bytes, and who has signed it."""

    name: str
    roster: Roster
    data: bytes
    signed_by: tuple[str, ...]


def pending(folder: NodeFolder) -> list[Proposal]:
    """The proposals for the version that comes next, by name.

    Raises:
        FolderError: the node has not joined.
    """
    # The chain is verified only where there is something to judge by it.
    is_empty = not any(_folder_of(folder).glob("*.roster"))
    return [] if is_empty else _pending(folder, load_chain(folder))


def stamp(folder: NodeFolder) -> frozenset[tuple[str, int, int]]:
    """What changes whenever a proposal comes, goes or is signed by more members."""
    found = set()
    for path in _folder_of(folder).glob("*.roster"):
        try:
            state = path.stat()
        except FileNotFoundError:
            continue
        found.add((path.name, state.st_ino, state.st_mtime_ns))
    return frozenset(found)


def share(folder_path: Path, roster_file: Path) -> Proposal:
    """Keeps a proposal that this node has endorsed, so that a running node gives it to the others.

    Raises:
        RosterError: it does not follow the version that counts here, or no member has signed it.
        InvalidRequest: the file cannot be read, or too many proposals are kept.
    """
    folder = NodeFolder(folder_path)
    try:
        data = roster_file.read_bytes()
    except OSError as error:
        msg = f"{roster_file} cannot be read: {error.strerror}"
        raise InvalidRequest(msg) from error
    return _keep(folder, data)


def endorse_pending(folder_path: Path, name: str) -> Proposal:
    """Endorses a proposal that is kept here, by the first digits of its name.

    Raises:
        InvalidRequest: no proposal, or more than one, begins so.
        RosterError: another one was endorsed under its version.
    """
    folder = NodeFolder(folder_path)
    found = [each for each in pending(folder) if each.name.startswith(name.lower())]
    if len(name) < _PREFIX_MIN or len(found) != 1:
        msg = f"{len(found)} proposals begin with {name!r}; write {_PREFIX_MIN} digits or more"
        raise InvalidRequest(msg)
    signed = _folder_of(folder) / f"{found[0].name}.signing"
    replace_file(signed, found[0].data)
    try:
        endorse(folder_path, signed)
        return _keep(folder, signed.read_bytes())
    finally:
        signed.unlink(missing_ok=True)


def take(folder: NodeFolder, offered: Iterable[bytes]) -> bool:
    """Merges what another member offers; adopts a version for which enough have signed.

    What breaks a rule is left out: it is some member's mistake, and none of this node's business.

    Returns:
        Whether a version was adopted.
    """
    for data in list(offered)[:MEMBERS_MAX]:
        try:
            _keep(folder, data)
        except (RosterError, InvalidRequest):
            continue
    return adopt_complete(folder)


def adopt_complete(folder: NodeFolder) -> bool:
    """Adopts the next version if enough members have signed one of the proposals."""
    for proposal in pending(folder):
        try:
            adopt_bytes(folder, proposal.data)
        except RosterError:
            continue
        return True
    return False


def _keep(folder: NodeFolder, data: bytes) -> Proposal:
    chain = load_chain(folder)
    offered = decode_signed_roster(data)
    chain.check_next(decode_roster(offered.roster))
    with changing(folder.rosters):
        kept = {each.name: each for each in _pending(folder, chain)}
        name = _name_of(offered.roster)
        both = [offered]
        if name in kept:
            both.append(decode_signed_roster(kept[name].data))
        proposal = _merged(chain, both)
        if not endorsers(chain.newest, decode_signed_roster(proposal.data)):
            msg = "no member of the version that counts now has signed this proposal"
            raise RosterError(msg)
        kept[name] = proposal
        placed = _placed(chain, kept.values())
        if name not in placed:
            msg = "those that signed this proposal have signed others of its version too"
            raise InvalidRequest(msg)
        _folder_of(folder).mkdir(mode=0o700, exist_ok=True)
        for each in kept.values():
            path = _folder_of(folder) / f"{each.roster.version}-{each.name}.roster"
            if each.name not in placed:
                path.unlink(missing_ok=True)
            elif each.name == name:
                replace_file(path, each.data)
    return proposal


def _placed(chain: RosterChain, kept: Iterable[Proposal]) -> set[str]:
    """The names of the proposals that have a signer of their own, best supported first."""
    signers = {each.name: endorsers(chain.newest, decode_signed_roster(each.data)) for each in kept}
    placed: set[str] = set()
    taken: set[MemberId] = set()
    for name in sorted(signers, key=lambda each: (-len(signers[each]), each)):
        if signers[name] - taken:
            placed.add(name)
            taken |= signers[name]
    return placed


def _pending(folder: NodeFolder, chain: RosterChain) -> list[Proposal]:
    found = []
    for path in sorted(_folder_of(folder).glob("*.roster")):
        try:
            signed = decode_signed_roster(path.read_bytes())
            chain.check_next(decode_roster(signed.roster))
        except (RosterError, FileNotFoundError):
            # Of a version that was decided meanwhile.
            path.unlink(missing_ok=True)
            continue
        found.append(_merged(chain, [signed]))
    return found


def _merged(chain: RosterChain, both: list[SignedRoster]) -> Proposal:
    """One proposal with the signatures that verify, of the same bytes."""
    data = both[0].roster
    roster = decode_roster(data)
    signatures: dict[MemberId, RosterSignature] = {}
    for signed in both:
        valid = endorsers(chain.newest, signed) | endorsers(roster, signed)
        signatures |= {s.member_id: s for s in signed.signatures if s.member_id in valid}
    merged = SignedRoster(data, tuple(signatures[each] for each in sorted(signatures)))
    slugs = {member.id: str(member.slug) for member in roster.members}
    return Proposal(
        _name_of(data),
        roster,
        encode_signed_roster(merged),
        tuple(slugs[each] for each in sorted(signatures)),
    )


def _name_of(roster_bytes: bytes) -> str:
    return sha256(roster_bytes).hexdigest()[:_NAME_DIGITS]


def _folder_of(folder: NodeFolder) -> Path:
    return folder.rosters / "proposals"
