"""Puts a node's private keys under a passphrase, changes it, or takes it away.

A crash at any step leaves every key readable, under the passphrase of before or the new one:

    set      passphrase.json first, then each key sealed
    change   passphrase.json with a fresh folder key beside the old one (from here on the new
             passphrase counts), then each key sealed anew, then without the old one
    remove   each key opened, passphrase.json last

Whatever was cut short is finished by doing it again. A disk that keeps old blocks may keep what a
key file held before.
"""

from pathlib import Path
from typing import Final

from registry.application.folder import NodeFolder
from registry.application.key_care.key_files import read_private, replace_private
from registry.application.key_care.key_sealing import make_cover, new_folder_key
from registry.application.key_care.passphrases import PASSPHRASE_FILE, SECRET_MAX_BYTES, UNLOCKED
from registry.application.key_care.private_files import DRAFT_SUFFIX, replace_owned
from registry.errors import InvalidRequest
from registry.store.folder_sync import sync_folder

PASSPHRASE_MIN_CHARACTERS: Final = 12
"""Whoever takes the files guesses as fast as scrypt lets them: a few words, not one."""


def protect_keys(folder_path: Path, passphrase: str) -> int:
    """Seals the private keys of a stopped node under a new passphrase.

    Returns:
        How many key files are sealed.

    Raises:
        InvalidRequest: the passphrase is too short or too long, or keys of an epoch wait.
        FolderError: no node is there, or it is running.
        KeyFileError: a key cannot be read: nothing was changed.
    """
    check_new_passphrase(passphrase)
    folder = NodeFolder(folder_path)
    folder.describe()
    with folder.held():
        _refuse_staged(folder)
        keys = _readable(folder.keys)
        known = UNLOCKED.folder_keys(folder.keys) if is_protected(folder.keys) else ()
        fresh = new_folder_key()
        _put_cover(folder.keys, passphrase, (fresh, *known))
        _write_all(keys)
        if known:
            _put_cover(folder.keys, passphrase, (fresh,))
    return len(keys)


def unprotect_keys(folder_path: Path) -> int:
    """Takes the passphrase away from the private keys of a stopped node.

    Returns:
        How many key files can be read without it.

    Raises:
        InvalidRequest: there is no passphrase, or keys of an epoch wait.
        FolderError: no node is there, or it is running.
        KeyFileError: a key cannot be read: nothing was changed.
    """
    folder = NodeFolder(folder_path)
    folder.describe()
    with folder.held():
        _refuse_staged(folder)
        if not is_protected(folder.keys):
            msg = f"the keys in {folder.keys} have no passphrase"
            raise InvalidRequest(msg)
        keys = _readable(folder.keys)
        for path, (data, time_ns) in keys.items():
            replace_owned(path, data, time_ns=time_ns)
        folder.passphrase_file.unlink()
        sync_folder(folder.keys)
    return len(keys)


def _refuse_staged(folder: NodeFolder) -> None:
    """The keys of the next epoch are sealed as those of now were when they were made."""
    staged = [path.name for path in folder.path.glob("epoch-*")]
    if staged:
        msg = (
            f"the keys in {staged[0]} wait for the next roster: change the passphrase once they "
            "are taken, or delete them and make them again afterwards"
        )
        raise InvalidRequest(msg)


def begin_protection(keys: Path, passphrase: str) -> None:
    """Gives an empty folder of keys a passphrase: no key is ever written there in clear.

    Raises:
        InvalidRequest: the passphrase is too short or too long.
    """
    check_new_passphrase(passphrase)
    _put_cover(keys, passphrase, (new_folder_key(),))


def check_new_passphrase(passphrase: str) -> None:
    """Refuses what is quickly guessed.

    Raises:
        InvalidRequest: it is too short, too long, or has a line break.
    """
    is_fitting = (
        len(passphrase) >= PASSPHRASE_MIN_CHARACTERS
        and len(passphrase.encode()) < SECRET_MAX_BYTES
        and "\n" not in passphrase
    )
    if not is_fitting:
        msg = (
            f"a passphrase has {PASSPHRASE_MIN_CHARACTERS} characters or more, on one line: "
            "take five or six words that do not belong together"
        )
        raise InvalidRequest(msg)


def is_protected(keys: Path) -> bool:
    """Tells whether a folder of private keys has a passphrase."""
    return (keys / PASSPHRASE_FILE).exists()


def private_key_files(keys: Path) -> list[Path]:
    """The files that hold private keys, by name."""
    ours = (path for path in keys.iterdir() if path.name != PASSPHRASE_FILE)
    return sorted(path for path in ours if path.suffix not in {DRAFT_SUFFIX, ".lock"})


def _readable(keys: Path) -> dict[Path, tuple[bytes, int]]:
    """What each key file holds and when it was made; drops drafts that a crash left."""
    for draft in keys.glob(f"*{DRAFT_SUFFIX}"):
        draft.unlink()
    return {path: (read_private(path), path.stat().st_mtime_ns) for path in private_key_files(keys)}


def _put_cover(keys: Path, passphrase: str, folder_keys: tuple[bytes, ...]) -> None:
    cover = make_cover(passphrase, folder_keys)
    replace_owned(keys / PASSPHRASE_FILE, cover)
    UNLOCKED.remember(cover, folder_keys)


def _write_all(keys: dict[Path, tuple[bytes, int]]) -> None:
    for path, (data, time_ns) in keys.items():
        replace_private(path, data, time_ns=time_ns)
