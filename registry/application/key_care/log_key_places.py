"""Where the log keys of a node live: each in a file of `keys/`, or in the token of `token.json`.

What `token.json` names counts, whatever file of that name is there. A key that takes the place of
another is found in its old or its new place after each step, and the one before it never counts
again once the new one does:

    a file, in place of a file           one rename
    in the token, in place of either     token.json written anew; then the file there before goes
    a file, in place of one in a token   a copy of the file, which does not count yet; token.json
                                         without the name; then the file of before goes

A key whose place was taken stays in its token, under its label, until somebody deletes it there.
"""

import os
from pathlib import Path
from typing import Final

from registry.application.folder import NodeFolder, changing
from registry.application.key_care.key_files import read_private, replace_private, write_secret
from registry.application.key_care.token_file import (
    SigningKey,
    TokenFile,
    TokenKey,
    read_token_file,
    write_token_keys,
)
from registry.application.key_care.tokens import TOKENS
from registry.application.membership.founding import KEY_SIZE_BYTES
from registry.store.failpoints import Step, reach
from registry.store.folder_sync import sync_folder

CURRENT: Final = "log"
NEXT: Final = "next_log"
AFTER_NEXT: Final = "after_next_log"

_ID_SIZE_BYTES: Final = 8
_LABEL_OF_MECHANISM_MAX: Final = 32


def log_key_file(folder: NodeFolder, name: SigningKey) -> Path:
    """The file of a log key, which need not be there."""
    return folder.keys / f"{name}.key"


def is_log_key_here(folder: NodeFolder, name: SigningKey) -> bool:
    """Whether a file or the token holds a log key.

    Raises:
        KeyFileError: `token.json` is malformed.
    """
    return log_key_file(folder, name).exists() or is_in_token(folder, name)


def is_in_token(folder: NodeFolder, name: SigningKey) -> bool:
    """Whether a log key lives in the token.

    Raises:
        KeyFileError: `token.json` is malformed.
    """
    token = read_token_file(folder.token_file)
    return token is not None and token.key_of(name) is not None


def make_after_next(folder: NodeFolder) -> None:
    """Makes the key after the next one: in the token, if the log key or the next one lives there.

    Its label in the token is new each time: whatever a crash left there counts for nothing. It
    counts once `token.json` names it, which is after it has signed there.

    Raises:
        FolderError: there is one.
        KeyFileError: `token.json` is malformed; the PIN, or the passphrase, is missing or wrong.
        TokenUnavailable: the token does not answer, or cannot make such keys.
    """
    token = read_token_file(folder.token_file)
    if token is None or not (token.key_of(CURRENT) or token.key_of(NEXT)):
        write_secret(log_key_file(folder, AFTER_NEXT), os.urandom(KEY_SIZE_BYTES))
        return
    number = os.urandom(_ID_SIZE_BYTES).hex()
    label = f"{folder.mechanism[:_LABEL_OF_MECHANISM_MAX]} log {number}"
    key = TokenKey(label=label, id=number)
    session = TOKENS.session(token)
    session.make(key)
    session.signer(key)
    write_token_keys(folder.token_file, token, {**token.keys, AFTER_NEXT: key})


def move_log_key(folder: NodeFolder, name: SigningKey, to: SigningKey) -> None:
    """Puts a log key in the place of another one, which counts no more.

    Raises:
        KeyFileError: `token.json` is malformed, or a file cannot be read.
    """
    with changing(folder.keys):
        token = read_token_file(folder.token_file)
        if token is not None and (key := token.key_of(name)) is not None:
            write_token_keys(folder.token_file, token, {**_without(token, name), to: key})
            reach(Step.LOG_KEY_MOVED)
            log_key_file(folder, to).unlink(missing_ok=True)
        elif token is not None and token.key_of(to) is not None:
            file = log_key_file(folder, name)
            made_ns = file.stat().st_mtime_ns
            replace_private(log_key_file(folder, to), read_private(file), time_ns=made_ns)
            write_token_keys(folder.token_file, token, _without(token, to))
            reach(Step.LOG_KEY_MOVED)
            file.unlink()
        else:
            log_key_file(folder, name).replace(log_key_file(folder, to))
            reach(Step.LOG_KEY_MOVED)
        sync_folder(folder.keys)


def drop_log_key(folder: NodeFolder, name: SigningKey) -> None:
    """Takes a log key out of the folder, if it is there; what a token holds stays in it.

    Raises:
        KeyFileError: `token.json` is malformed.
    """
    with changing(folder.keys):
        log_key_file(folder, name).unlink(missing_ok=True)
        token = read_token_file(folder.token_file)
        if token is not None and token.key_of(name) is not None:
            write_token_keys(folder.token_file, token, _without(token, name))


def _without(token: TokenFile, name: SigningKey) -> dict[SigningKey, TokenKey]:
    return {each: key for each, key in token.keys.items() if each != name}
