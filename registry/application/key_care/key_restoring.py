"""Puts a node's private keys back from their backup, into an empty folder or one that lost them.

Nothing is written unless everything fits: a folder of another node, or one that holds any other
key, is refused. Cut short, it is done again. `node.json` comes last: until then no node is there.

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
from registry.application.key_care.protecting import private_key_files
from registry.application.key_care.shares import OfficerShare
from registry.errors import FolderError, InvalidRequest

_NAME: Final = re.compile(r"(?:(?:keys|tls|roster)/)?[A-Za-z0-9_-][A-Za-z0-9._-]*")


@dataclass(frozen=True, slots=True)
class Restored:
    """What was put back.

    Attributes:
        mechanism: whose keys they are.
        key_files: how many there are.
        knows_what_it_signed: whether the folder has a guard.
        needs_token: whether some of its signing keys are in a token.
    """

    mechanism: str
    key_files: int
    knows_what_it_signed: bool
    needs_token: bool


def restore_keys(folder_path: Path, backup: KeyBackup, shares: Sequence[OfficerShare]) -> Restored:
    """Puts the keys of a backup into a folder, the same to the byte, mode 0600.

    In a folder with a passphrase they are sealed under it. What the folder has beside keys is kept
    as it is.

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
        _refuse_other_keys(folder, files)
        for file in sorted(files, key=lambda file: file.name == folder.description_file.name):
            _put(folder, file)
    return Restored(
        mechanism=backup.header.mechanism,
        key_files=sum(file.is_key for file in files),
        knows_what_it_signed=folder.guard_file.exists(),
        needs_token=folder.token_file.exists(),
    )


def _refuse_other_keys(folder: NodeFolder, files: Sequence[KeptFile]) -> None:
    kept = {file.name: file.data for file in files}
    for path in private_key_files(folder.keys):
        if kept.get(f"keys/{path.name}") != read_private(path):
            msg = (
                f"{path} is another key than the backup's: keys are never overwritten. Restore "
                "into an empty folder, or move that key away if you are certain that it is wrong"
            )
            raise FolderError(msg)


def _put(folder: NodeFolder, file: KeptFile) -> None:
    path = folder.path / file.name
    if path.exists():
        return
    if file.is_key:
        write_private(path, file.data)
    else:
        replace_file(path, file.data)
    os.utime(path, ns=(file.time_ns, file.time_ns))
