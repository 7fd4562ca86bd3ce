"""Moves signing keys of a stopped node from files into a PKCS#11 token; they stay the same keys.

First each key is put into the token and signs there, then `token.json` says that it counts, then
the files go. Cut short, it is done again: until `token.json` is there the files count, and from
then on the token. A disk that keeps old blocks may keep the files, and so do backups of before.
"""

from pathlib import Path

from registry.application.folder import NodeFolder, replace_file
from registry.application.key_care.key_files import read_secret
from registry.application.key_care.key_rotation import is_rotation_asked_for
from registry.application.key_care.token_file import (
    TokenFile,
    TokenKey,
    read_token_file,
    token_file_bytes,
)
from registry.application.key_care.tokens import TOKENS
from registry.application.membership.founding import KEY_SIZE_BYTES
from registry.errors import FolderError, KeyFileError
from registry.log.signing import Ed25519Signer
from registry.store.folder_sync import sync_folder


def move_to_token(folder_path: Path, token_file: Path) -> list[str]:
    """Puts the keys that a token file names into its token, and deletes their files.

    Returns:
        The names of the files that are gone now.

    Raises:
        InvalidRequest: there is no such token file, or it names what only a rotation makes.
        FolderError: no node is there, it is running, it has another token, or its log key waits
            to be rotated.
        KeyFileError: a key or the token file cannot be read, or the token holds another key under
            the same label; the PIN is missing or wrong.
        TokenUnavailable: the token does not answer, or takes no keys from outside.
    """
    folder = NodeFolder(folder_path)
    folder.describe()
    data = token_file_bytes(token_file)
    with folder.held():
        if folder.token_file.exists() and folder.token_file.read_bytes() != data:
            msg = f"{folder.token_file} names a token already; this is another one"
            raise FolderError(msg)
        token = read_token_file(token_file)
        assert token is not None  # noqa: S101 - its bytes were checked
        if is_rotation_asked_for(folder) and {"log", "next_log"} & token.keys.keys():
            msg = "a rotation of the log key was asked for: the node carries it out first, start it"
            raise FolderError(msg)
        for name, key in token.keys.items():
            _take_over(token, key, folder.keys / f"{name}.key")
        replace_file(folder.token_file, data)
        gone = [path for name in token.keys if (path := folder.keys / f"{name}.key").exists()]
        for path in gone:
            path.unlink()
        sync_folder(folder.keys)
    return [path.name for path in gone]


def _take_over(token: TokenFile, key: TokenKey, path: Path) -> None:
    """Puts one key into the token and lets it sign there; a second time it does nothing."""
    if not path.exists():
        TOKENS.signer(token, key)  # it went before
        return
    seed = read_secret(path, KEY_SIZE_BYTES)
    session, own = TOKENS.session(token), Ed25519Signer(seed).public_key
    if session.public_key(key) in {None, own}:
        session.take_over(key, seed)
    if TOKENS.signer(token, key).public_key != own:
        msg = f"the token holds another key under {key.label!r} than {path}: choose another label"
        raise KeyFileError(msg)
