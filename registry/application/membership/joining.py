"""Joining: a node takes all versions of the roster, verified from the registry id on.

One that joins a registry of others has its first sync before it: a file says so until its node has
caught up with what enough members show.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from registry.application.certificates import read_certificate
from registry.application.folder import NodeFolder, replace_file
from registry.application.key_care.key_files import read_private
from registry.application.membership.founding import own_member, read_file
from registry.application.membership.rosters import load_roster
from registry.domain.identifiers import LogId, RegistryId
from registry.errors import FolderError, RosterError
from registry.log.roster import Roster, verify_genesis
from registry.log.roster_chain import verify_chain
from registry.store.guard import Guard
from registry.store.sqlite import open_sqlite_store
from registry.store.witness_guard import WitnessGuard


@dataclass(frozen=True, slots=True)
class Joined:
    """How far a node is that has joined: its roster, and the entries held of each other log."""

    roster: Roster
    held: Mapping[LogId, int]
    is_first_sync: bool


def joined(folder_path: Path, registry_id: RegistryId) -> Joined | None:
    """Tells how far a node is that has joined already; None = it has not.

    Raises:
        FolderError: it has joined another registry, or there is no node.
        RosterError: a file of its rosters was changed.
    """
    folder = NodeFolder(folder_path)
    folder.describe()
    if not (folder.rosters / "1.roster").exists():
        return None
    roster = load_roster(folder)
    if roster.registry_id != registry_id:
        msg = f"{folder.path} has joined {roster.registry_name}, which is another registry"
        raise FolderError(msg)
    own = own_member(folder, roster)
    others = [each.log_id for each in roster.writers() if each.log_id != own.log_id]
    held = dict.fromkeys(others, 0)
    if folder.database.exists():
        # Read only: a node that runs beside it goes on.
        store = open_sqlite_store(
            folder.database,
            author=None,
            guard=None,
            node_keys=None,
            now_ms=lambda: 0,
            is_read_only=True,
        )
        try:
            held |= {log_id: store.log_state(log_id).size for log_id in others}
        finally:
            store.close()
    return Joined(roster, held, folder.first_sync_file.exists())


def join(
    folder_path: Path,
    roster_file: Path,
    registry_id: RegistryId,
    later: Sequence[Path] = (),
) -> Roster:
    """Takes the signed genesis roster, and the versions after it, from files.

    Raises:
        InvalidRequest: a roster file cannot be read.
        RosterError, FolderError, KeyFileError: see `join_signed`.
    """
    return join_signed(
        folder_path, [read_file(each) for each in (roster_file, *later)], registry_id
    )


def join_signed(folder_path: Path, signed: Sequence[bytes], registry_id: RegistryId) -> Roster:
    """Takes all versions of the roster, the genesis first, and makes the guards of log and witness.

    The first version is kept last: a join that was cut off is done again, with the guards that
    it made.

    Raises:
        RosterError: a founder's signature is missing or wrong, the registry id is another, a later
            version breaks a rule of the chain, or the newest roster does not hold this node with
            exactly its keys.
        FolderError, KeyFileError: the folder has joined already, or is not usable.
    """
    folder = NodeFolder(folder_path)
    verify_genesis(signed[0], registry_id=registry_id)
    chain = verify_chain(tuple(signed))
    roster = chain.newest
    member = own_member(folder, roster)
    kept = folder.rosters / "1.roster"
    if kept.exists() or folder.database.exists():
        msg = f"{folder.path} has joined a registry already"
        raise FolderError(msg)
    if not folder.guard_file.exists():
        Guard.create(folder.guard_file, member.origin)
    if not folder.witness_file.exists():
        WitnessGuard.create(folder.witness_file, member.cosigner_key, {})
    if all(each.slug != member.slug for each in chain.rosters[0].members):
        replace_file(folder.first_sync_file, b"")
    for version, each in reversed(tuple(enumerate(chain.signed, 1))):
        replace_file(folder.rosters / f"{version}.roster", each)
    return roster


def join_given(
    folder_path: Path, signed: Sequence[bytes], registry_id: RegistryId, *, given_by: bytes
) -> Roster:
    """Like `join_signed`, of versions that a node gave over the network.

    Args:
        folder_path: the node's folder.
        signed: all versions, the genesis first.
        registry_id: as it was told by another way.
        given_by: the certificate of the node that gave them, DER.

    Raises:
        RosterError: as `join_signed`, or not an active member's node gave them.
        FolderError, KeyFileError: as `join_signed`.
    """
    verify_genesis(signed[0], registry_id=registry_id)
    newest = verify_chain(tuple(signed)).newest
    if all(member.tls_certificate != given_by for member in newest.active_members()):
        msg = "what gave these rosters is not the node of a member"
        raise RosterError(msg)
    return join_signed(folder_path, signed, registry_id)


def tls_of(folder_path: Path) -> tuple[bytes, bytes]:
    """The TLS key and certificate by which a node asks others, PEM.

    Raises:
        FolderError: there is no node.
        KeyFileError: one of them cannot be read.
    """
    folder = NodeFolder(folder_path)
    folder.describe()
    return read_private(folder.keys / "tls.key"), read_certificate(folder.tls / "node.crt")
