"""Puts a node's private keys back from their backup, into an empty folder or one that lost them.

Nothing is written unless everything fits: a folder of another node, or one that holds any other
key, is refused. Cut short, it is done again. `node.json` comes last: until then no node is there.
So does the member file of an epoch whose keys wait: until then no epoch is staged.

What the node has signed is in no backup. Where the guard is gone too, the start-up fence keeps the
log closed until all other members have answered and given back what they hold of it
(`registry.replication.recovery`).
"""

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from registry.application.folder import NodeFolder, replace_file
from registry.application.key_care.key_backup import KeptFile, KeyBackup, open_backup
from registry.application.key_care.key_files import read_private, write_private
from registry.application.key_care.private_files import read_owned, write_owned
from registry.application.key_care.protecting import private_key_files
from registry.application.key_care.shares import OfficerShare
from registry.application.membership.epochs import RESTORED_MARK
from registry.errors import FolderError, InvalidRequest

_NAME: Final = re.compile(
    r"(?:(?:keys|tls|roster)/|epoch-[1-9][0-9]*/(?:(?:keys|tls)/)?)?[A-Za-z0-9_-][A-Za-z0-9._-]*"
)


@dataclass(frozen=True, slots=True)
class Restored:
    """What was put back.

    Attributes:
        mechanism: whose keys they are.
        key_files: how many there are in `keys/`.
        knows_what_it_signed: whether the folder has a guard.
        needs_token: whether some of its signing keys are in a token.
        staged: folders of the epochs whose keys wait for the roster, such as `epoch-2`.
    """

    mechanism: str
    key_files: int
    knows_what_it_signed: bool
    needs_token: bool
    staged: tuple[str, ...] = ()


def restore_keys(folder_path: Path, backup: KeyBackup, shares: Sequence[OfficerShare]) -> Restored:
    """Puts the keys of a backup into a folder, the same to the byte, mode 0600.

    In a folder with a passphrase they are sealed under it. What the folder has beside keys is kept
    as it is, and so is an epoch that waits there and not in the backup. An epoch of the backup is
    marked as restored: its keys may have been used since.

    Raises:
        InvalidRequest: see `open_backup`.
        FolderError: the folder is another node's, holds other keys, or is in use.
        KeyFileError: a key that is there cannot be read.
    """
    files = open_backup(backup, shares)
    if not all(_NAME.fullmatch(file.name) for file in files):
        msg = "the backup names files outside a node's folder"
        raise InvalidRequest(msg)
    folder = NodeFolder(folder_path)
    if folder.description_file.exists() and folder.origin != backup.header.origin:
        msg = f"{folder.path} is the folder of {folder.origin}, and the backup of another node"
        raise FolderError(msg)
    folder.make_folders()
    with folder.held():
        epochs = sorted({file.epoch for file in files if file.epoch})
        for epoch in ("", *epochs):
            _refuse_other_keys(NodeFolder(folder.path / epoch), _of_epoch(files, epoch))
        for epoch in epochs:
            _make_epoch(folder, epoch, _of_epoch(files, epoch))
        for file in sorted(files, key=lambda file: _turn(folder, file)):
            _put(folder, file)
    return Restored(
        mechanism=backup.header.mechanism,
        key_files=sum(file.is_key and not file.epoch for file in files),
        knows_what_it_signed=folder.guard_file.exists(),
        needs_token=folder.token_file.exists(),
        staged=tuple(epochs),
    )


def _of_epoch(files: Sequence[KeptFile], epoch: str) -> list[KeptFile]:
    return [file for file in files if file.epoch == epoch]


def _refuse_other_keys(folder: NodeFolder, files: Sequence[KeptFile]) -> None:
    """Compares what is there, in the node's folder or that of an epoch, with the backup's files."""
    kept = {file.path.name: file.data for file in files if file.is_key}
    for path in private_key_files(folder.keys) if folder.keys.exists() else ():
        if kept.get(path.name) != read_private(path):
            msg = (
                f"{path} is another key than the backup's: keys are never overwritten. Restore "
                "into an empty folder, or move that key away if you are certain that it is wrong"
            )
            raise FolderError(msg)


def _make_epoch(folder: NodeFolder, name: str, files: Sequence[KeptFile]) -> None:
    """Makes the folder of an epoch that is not whole here, marked before any key is in it."""
    if all((folder.path / file.name).exists() for file in files):
        return
    staged = NodeFolder(folder.path / name)
    staged.make_folders()
    replace_file(staged.path / RESTORED_MARK, b"")
    if folder.passphrase_file.exists() and not staged.passphrase_file.exists():
        write_owned(staged.passphrase_file, read_owned(folder.passphrase_file))


def _turn(folder: NodeFolder, file: KeptFile) -> int:
    """When a file is written: those that say that something is there come last."""
    if file.name == folder.description_file.name:
        return 2
    return 1 if file.path.suffix == ".member" else 0


def _put(folder: NodeFolder, file: KeptFile) -> None:
    path = folder.path / file.name
    if path.exists():
        return
    if file.is_key:
        write_private(path, file.data)
    else:
        replace_file(path, file.data)
    os.utime(path, ns=(file.time_ns, file.time_ns))
