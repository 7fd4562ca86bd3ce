"""`token.json` in a node's folder: which signing keys live in a PKCS#11 token, and in which one.

    {"module": "/usr/lib/softhsm/libsofthsm2.so",      the maker's library
     "token_label": "registry",                        the token's name
     "pin_file": "/etc/registry/token.pin",            optional: a file with mode 0600
     "keys": {"log": {"label": "un log 1", "id": "01"}}}

`keys` names any of identity, log, next_log and cosigner; `id` is hexadecimal and optional. While a
rotation of the log key waits, the registry itself names after_next_log too; once it is carried out,
each of the three has the label that the one after it had. The PIN itself never stands here. Whoever
may write this file may run programs as the node, so it is refused if others can.
"""

import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from registry.application.key_care.private_files import replace_owned
from registry.errors import InvalidRequest, KeyFileError
from registry.store.folder_sync import sync_folder

_WRITTEN_BY_OTHERS: Final = stat.S_IWGRP | stat.S_IWOTH

SigningKey = Literal["identity", "log", "next_log", "after_next_log", "cosigner"]


class TokenKey(BaseModel):
    """One key in the token.

    Attributes:
        label: CKA_LABEL, 1 to 64 characters.
        id: CKA_ID in hexadecimal; empty = any.
    """

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")

    label: str = Field(min_length=1, max_length=64)
    id: Annotated[str, Field(pattern=r"^([0-9a-f]{2}){0,32}$")] = ""


class TokenFile(BaseModel):
    """A token and what it holds; see the module."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")

    module: str = Field(min_length=1)
    token_label: str = Field(min_length=1, max_length=32)
    pin_file: str | None = None
    keys: dict[SigningKey, TokenKey] = Field(min_length=1)

    def key_of(self, name: str) -> TokenKey | None:
        """The key of a name; None if it is a file."""
        return next((key for each, key in self.keys.items() if each == name), None)


def keep_in_token(path: Path, source: Path, *names: str) -> None:
    """Writes a token file for those of some keys that another one names; none = there is none.

    Args:
        path: the file to write; whatever is there goes.
        source: the other one.
        names: keys that stay in the token, as far as they are there.

    Raises:
        KeyFileError: as `read_token_file`.
    """
    token = read_token_file(source)
    if token is None:
        path.unlink(missing_ok=True)
        return
    write_token_keys(path, token, {n: key for n, key in token.keys.items() if n in names})


def write_token_keys(path: Path, token: TokenFile, keys: Mapping[SigningKey, TokenKey]) -> None:
    """Writes a token file anew, of the same token with other keys; a crash leaves either of them.

    Args:
        path: the file to write.
        token: what it was.
        keys: all that it is to name; none = the file goes.
    """
    if not keys:
        path.unlink(missing_ok=True)
        sync_folder(path.parent)
        return
    changed = token.model_copy(update={"keys": dict(keys)})
    replace_owned(path, changed.model_dump_json(indent=2).encode() + b"\n")


def token_file_bytes(path: Path) -> bytes:
    """Reads a token file that somebody names, after it was checked.

    Raises:
        InvalidRequest: there is none, or it names a key that only a rotation makes.
        KeyFileError: as `read_token_file`.
    """
    token = read_token_file(path)
    if token is None:
        msg = f"there is no token file {path}"
        raise InvalidRequest(msg)
    if token.key_of("after_next_log") is not None:
        msg = f"{path} names after_next_log, which `registry keys rotate-log-key` alone makes"
        raise InvalidRequest(msg)
    return path.read_bytes()


def read_token_file(path: Path) -> TokenFile | None:
    """Reads a token file; None if there is none.

    Raises:
        KeyFileError: it is malformed, or others may write it.
    """
    try:
        data = path.read_bytes()
        mode = path.stat().st_mode
    except FileNotFoundError:
        return None
    except OSError as error:
        msg = f"cannot read {path}: {error.strerror}"
        raise KeyFileError(msg) from error
    if mode & _WRITTEN_BY_OTHERS:
        msg = f"{path} must be writable by its owner alone, found {stat.S_IMODE(mode):04o}"
        raise KeyFileError(msg)
    try:
        return TokenFile.model_validate_json(data)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"])) or "the whole"
        msg = f"{path} is no token file: {where}: {first['msg']}"
        raise KeyFileError(msg) from error
