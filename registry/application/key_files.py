"""Private key files: mode 0600 or refused, written once and whole, never printed.

A key file holds one line of lower-case hexadecimal (raw keys and secrets) or PEM (TLS keys).
"""

import os
import stat
from pathlib import Path

from registry.errors import FolderError, KeyFileError

_PRIVATE_MODE = 0o600
_OTHERS = stat.S_IRWXG | stat.S_IRWXO


def write_private(path: Path, data: bytes) -> None:
    """Writes a new file that only its owner can read, and makes it durable with its folder.

    A crash leaves the whole file or none.

    Raises:
        FolderError: the file exists; keys are never overwritten.
    """
    draft = path.with_name(path.name + ".new")
    draft.unlink(missing_ok=True)
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _PRIVATE_MODE)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.link(draft, path)  # unlike a rename it never replaces a key
    except FileExistsError as error:
        msg = f"{path} exists; keys are never overwritten, choose another folder"
        raise FolderError(msg) from error
    finally:
        draft.unlink()
    sync_folder(path.parent)


def sync_folder(path: Path) -> None:
    """Makes the names in a folder durable."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def read_private(path: Path) -> bytes:
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


def write_secret(path: Path, secret: bytes) -> None:
    """Writes raw key bytes as one line of hexadecimal; see `write_private`."""
    write_private(path, secret.hex().encode() + b"\n")


def read_secret(path: Path, size_bytes: int) -> bytes:
    """Reads raw key bytes of an exact size.

    Raises:
        KeyFileError: as `read_private`, or the content is not that many hexadecimal bytes.
    """
    text = read_private(path).strip()
    try:
        secret = bytes.fromhex(text.decode("ascii"))
    except ValueError as error:
        msg = f"{path} must hold {2 * size_bytes} hexadecimal digits"
        raise KeyFileError(msg) from error
    if len(secret) != size_bytes:
        msg = f"{path} must hold {2 * size_bytes} hexadecimal digits, found {2 * len(secret)}"
        raise KeyFileError(msg)
    return secret
