"""Private key files: mode 0600 or refused, written once and whole, never printed.

A key file holds one line of lower-case hexadecimal (raw keys and secrets) or PEM (TLS keys). In a
folder with a passphrase it holds that sealed (`key_sealing`); who reads it here need not know.
"""

from pathlib import Path

from registry.application.key_care.key_sealing import is_sealed, open_key, seal_key
from registry.application.key_care.passphrases import PASSPHRASE_FILE, UNLOCKED
from registry.application.key_care.private_files import read_owned, replace_owned, write_owned
from registry.errors import KeyFileError


def write_private(path: Path, data: bytes) -> None:
    """Writes a new file that only its owner can read, and makes it durable with its folder.

    A crash leaves the whole file or none.

    Raises:
        FolderError: the file exists; keys are never overwritten.
        KeyFileError: its folder has a passphrase that is not given, or wrong.
    """
    write_owned(path, _as_kept(path, data))


def replace_private(path: Path, data: bytes, *, time_ns: int) -> None:
    """Writes a key file anew so that a crash leaves either the old or the new content.

    Args:
        path: the file.
        data: what it holds, not sealed.
        time_ns: when the key was made, nanoseconds since 1970.

    Raises:
        KeyFileError: its folder has a passphrase that is not given, or wrong.
    """
    replace_owned(path, _as_kept(path, data), time_ns=time_ns)


def read_private(path: Path) -> bytes:
    """Reads a private file, opened if it is sealed.

    Raises:
        KeyFileError: it is missing, not a file, or group or others may read it; it is sealed, and
            was changed, or the passphrase is missing or wrong.
    """
    kept = read_owned(path)
    return open_key(UNLOCKED.folder_keys(path.parent), kept, path) if is_sealed(kept) else kept


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


def _as_kept(path: Path, data: bytes) -> bytes:
    if not (path.parent / PASSPHRASE_FILE).exists():
        return data
    return seal_key(UNLOCKED.folder_keys(path.parent)[0], data)
