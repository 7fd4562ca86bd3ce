"""Files for their owner alone: mode 0600 or refused, written whole and durably.

What is written here is written as it comes; `key_files` seals private keys first if their folder
has a passphrase.
"""

import os
import stat
from pathlib import Path
from typing import Final

from registry.errors import FolderError, KeyFileError
from registry.store.folder_sync import sync_folder

_PRIVATE_MODE: Final = 0o600
_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO
DRAFT_SUFFIX: Final = ".new"
"""Of a file that is being written; one that a crash left is written anew."""


def write_owned(path: Path, data: bytes) -> None:
    """Writes a new file that only its owner can read, and makes it durable with its folder.

    A crash leaves the whole file or none.

    Raises:
        FolderError: the file exists; keys are never overwritten.
    """
    draft = _write_draft(path, data)
    try:
        os.link(draft, path)  # unlike a rename it never replaces a key
    except FileExistsError as error:
        msg = f"{path} exists; keys are never overwritten, choose another folder"
        raise FolderError(msg) from error
    finally:
        draft.unlink()
    sync_folder(path.parent)


def replace_owned(path: Path, data: bytes, *, time_ns: int | None = None) -> None:
    """Writes a private file so that a crash leaves either the old or the new content.

    Args:
        path: the file; need not exist.
        data: its content.
        time_ns: when what it holds was made, nanoseconds since 1970; None = now.
    """
    draft = _write_draft(path, data)
    if time_ns is not None:
        os.utime(draft, ns=(time_ns, time_ns))
    draft.replace(path)
    sync_folder(path.parent)


def read_owned(path: Path) -> bytes:
    """Reads a private file.

    Raises:
        KeyFileError: it is missing, not a file, or group or others may read it.
    """
    try:
        # Not blocking: a pipe in place of a key must not hold up whoever opens it.
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        msg = f"cannot open the key file {path}: {error.strerror}"
        raise KeyFileError(msg) from error
    mode = os.fstat(handle).st_mode
    if not stat.S_ISREG(mode) or mode & _OTHERS:
        os.close(handle)
        msg = f"{path} must be a file with mode 0600, found {stat.S_IMODE(mode):04o}: chmod 600"
        raise KeyFileError(msg)
    with os.fdopen(handle, "rb") as file:
        return file.read()


def _write_draft(path: Path, data: bytes) -> Path:
    draft = path.with_name(path.name + DRAFT_SUFFIX)
    draft.unlink(missing_ok=True)
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _PRIVATE_MODE)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        draft.unlink()
        raise
    return draft
