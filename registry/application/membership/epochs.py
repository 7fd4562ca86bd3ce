"""A new epoch: another log of the same member, after the one before was lost, forked or stolen.

    epoch-<n>/                a node's folder of its own, until the roster begins the epoch:
    epoch-<n>/keys, tls       the keys of the epoch, those that stay among them
    epoch-<n>/<slug>.member   the member file, for whoever proposes the roster; written last
    epoch-<n>/restored        is there if a backup gave them back: they may have been used elsewhere

The member keeps its number, so that audiences follow it. The roster names the log before and where
it ends; the node takes its new keys at the next start under that roster. Its new log begins without
a guard: it opens once all other members have said what they hold of it. As a witness it begins with
an empty one, unless its keys were restored: then nobody here knows what they have cosigned.
"""

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Final

from registry.application.certificates import (
    load_pair,
    make_node_certificate,
    read_certificate,
)
from registry.application.folder import NodeFolder, replace_file
from registry.application.key_care.key_files import read_private, replace_private, write_private
from registry.application.key_care.key_rotation import forget_rotation
from registry.application.key_care.private_files import write_owned
from registry.application.key_care.protecting import private_key_files
from registry.application.key_care.tls_renewal import forget_staged
from registry.application.key_care.token_file import keep_in_token
from registry.application.membership.founding import (
    load_signer,
    new_hpke_key,
    new_signer,
    own_member,
)
from registry.application.membership.rosters import load_roster
from registry.domain.identifiers import MemberId, make_origin
from registry.errors import FolderError, RosterError
from registry.log.member import (
    Member,
    MemberStatus,
    key_hash,
    make_member_file,
    read_member_file,
)
from registry.log.roster import Roster
from registry.store.witness_guard import WitnessGuard

EPOCH_FOLDERS: Final = "epoch-*"
RESTORED_MARK: Final = "restored"

_SIGNING: Final = ("identity", "log", "cosigner")
_KEPT: Final = ("identity.key", "hpke.key", "tls.key")
"""What is the same in the next epoch, unless all keys are new."""


def begin_epoch(folder_path: Path, *, has_all_keys_new: bool) -> Path:
    """Makes the keys of this member's next log, beside those that count until the roster begins it.

    Args:
        folder_path: of a node that has joined.
        has_all_keys_new: whether also the identity, the HPKE and the TLS key are replaced: whenever
            somebody else may have the folder. Clients then need the new certificate.

    Returns:
        The member file, to be proposed by any member. Asked again, the same one.

    Raises:
        FolderError: the node has not joined, or the keys were made already, and not all new.
        KeyFileError: a key cannot be read.
    """
    folder = NodeFolder(folder_path)
    own = load_roster(folder).member_by_slug(folder.mechanism)
    staged = staged_folder(folder, own.epoch + 1)
    member_file = staged.path / f"{own.slug}.member"
    if member_file.exists():
        made = read_member_file(member_file.read_bytes())
        if has_all_keys_new and made.identity_key == own.identity_key:
            msg = (
                f"{staged.path} was made without new keys for everything, and maybe before the "
                "theft: delete it and begin again, unless the members have agreed on it already"
            )
            raise FolderError(msg)
        return member_file
    shutil.rmtree(staged.path, ignore_errors=True)
    staged.create()
    if folder.passphrase_file.exists():
        # Under the passphrase of now: no key of the epoch is ever written in clear either.
        write_owned(staged.passphrase_file, folder.passphrase_file.read_bytes())
    new = {name: new_signer(staged, name) for name in ("log", "next_log", "cosigner")}
    signers = {**new, "identity": load_signer(folder, "identity")}
    member = replace(
        own,
        id=MemberId(0),
        origin=make_origin(own.origin.split("/")[0], own.slug, own.epoch + 1),
        log_key=new["log"].public_key,
        next_log_key_hash=key_hash(new["next_log"].public_key),
        cosigner_key=new["cosigner"].public_key,
        status=MemberStatus.ACTIVE,
        cut=None,
        former_logs=(),
    )
    if has_all_keys_new:
        signers["identity"] = new_signer(staged, "identity")
        pair = make_node_certificate(own.slug)
        write_private(staged.keys / "tls.key", pair.key_pem)
        replace_file(staged.tls / "node.crt", pair.certificate_pem)
        member = replace(
            member,
            identity_key=signers["identity"].public_key,
            hpke_key=new_hpke_key(staged),
            tls_certificate=pair.certificate_der,
        )
    else:
        keep_in_token(staged.token_file, folder.token_file, "identity")
        for name in _KEPT:
            if name != "identity.key" or not staged.token_file.exists():
                write_private(staged.keys / name, read_private(folder.keys / name))
        certificate = read_certificate(folder.tls / "node.crt")
        replace_file(staged.tls / "node.crt", certificate)
        pair = load_pair(certificate, read_private(folder.keys / "tls.key"))
        member = replace(member, tls_certificate=pair.certificate_der)
    _describe(staged, folder, member)
    replace_file(member_file, make_member_file(member, **{n: signers[n] for n in _SIGNING}))
    return member_file


def staged_folder(folder: NodeFolder, epoch: int) -> NodeFolder:
    """Where the keys of an epoch stand until it is begun."""
    return NodeFolder(folder.path / f"epoch-{epoch}")


def staged_epochs(folder: NodeFolder) -> list[NodeFolder]:
    """Folders of the epochs whose keys wait, all of them; one that was cut short is none."""
    mechanism = folder.mechanism
    found = sorted(folder.path.glob(EPOCH_FOLDERS))
    return [NodeFolder(path) for path in found if (path / f"{mechanism}.member").exists()]


def settle_epoch(folder: NodeFolder, roster: Roster) -> None:
    """Takes the keys of the epoch that the roster has begun; nothing if it is the folder's.

    Cut short, it goes on at the next start: the staged keys stay until all of them are taken.

    Raises:
        FolderError: the keys of that epoch are not in this folder; nothing was changed.
        RosterError: the roster has begun it with other keys than this folder has made for it.
        KeyFileError, TokenUnavailable: a key cannot be read.
    """
    own = roster.member_by_slug(folder.mechanism)
    staged = staged_folder(folder, own.epoch)
    if folder.origin == own.origin:
        shutil.rmtree(staged.path, ignore_errors=True)
        return
    if not (staged.path / f"{own.slug}.member").exists():
        msg = (
            f"the roster has begun {own.origin}, and its keys are not in {folder.path}: "
            "they are in the folder that the member file was made in"
        )
        raise FolderError(msg)
    _check_staged(staged, own, roster)
    if folder.guard_file.exists():
        folder.guard_file.replace(folder.guard_file.with_name(f"guard.before-{own.epoch}.bin"))
    if not (staged.path / RESTORED_MARK).exists():
        # Its cosigner key is new: until this is done nothing can have been cosigned with it.
        WitnessGuard.create(folder.witness_file, own.cosigner_key, {})
    for each in private_key_files(staged.keys):
        # Read and written: another passphrase may have been set since.
        made_ns = each.stat().st_mtime_ns
        replace_private(folder.keys / each.name, read_private(each), time_ns=made_ns)
    # Keys that were made for the log before are known to whoever has it.
    forget_rotation(folder)
    forget_staged(folder)
    is_kept = staged.token_file.exists()
    keep_in_token(folder.token_file, folder.token_file, *(("identity",) if is_kept else ()))
    for each in sorted(staged.tls.iterdir()):
        replace_file(folder.tls / each.name, each.read_bytes())
    _describe(folder, folder, own)
    shutil.rmtree(staged.path)


def _check_staged(staged: NodeFolder, own: Member, roster: Roster) -> None:
    """Somebody may have changed the member file on its way, and have the keys of the roster."""
    try:
        own_member(staged, roster)
    except RosterError as error:
        if (staged.path / RESTORED_MARK).exists():
            msg = (
                f"the roster has begun {own.origin}, and the keys that a backup put into "
                f"{staged.path} are others, which were given up since: the ones of the roster are "
                "in the folder that its member file was made in"
            )
            raise FolderError(msg) from error
        msg = (
            f"the roster has begun {own.origin} with other keys than those in {staged.path} "
            f"({error}): the member file was not the one that was made here. Somebody else may "
            "have those keys: tell the others by telephone, so that they revoke this member, and "
            "make keys of another epoch"
        )
        raise RosterError(msg) from error


def _describe(folder: NodeFolder, like: NodeFolder, own: Member) -> None:
    described = like.describe().model_copy(update={"origin": str(own.origin)})
    replace_file(folder.description_file, described.model_dump_json(indent=2).encode() + b"\n")
