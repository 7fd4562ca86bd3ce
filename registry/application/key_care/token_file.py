"""`token.json` in a node's folder: which signing keys live in a PKCS#11 token, and in which one.

    {"module": "/usr/lib/softhsm/libsofthsm2.so",      the maker's library
     "token_label": "registry",                        the token's name
     "pin_file": "/etc/registry/token.pin",            optional: a file with mode 0600
     "keys": {"log": {"label": "un log 1", "id": "01"}}}

`keys` names any of identity, log, next_log and cosigner; `id` is hexadecimal and optional. The PIN
itself never stands here. Whoever may write this file may run programs as the node, so it is refused
if others can.
"""

import stat
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from registry.application.key_care.private_files import replace_owned
from registry.errors import InvalidRequest, KeyFileError

_WRITTEN_BY_OTHERS: Final = stat.S_IWGRP | stat.S_IWOTH

SigningKey = Literal["identity", "log", "next_log", "cosigner"]


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
    kept = {} if token is None else {n: key for n, key in token.keys.items() if n in names}
    if token is None or not kept:
        path.unlink(missing_ok=True)
        return
    kept_file = token.model_copy(update={"keys": kept})
    replace_owned(path, kept_file.model_dump_json(indent=2).encode() + b"\n")


def token_file_bytes(path: Path) -> bytes:
    """Reads a token file that somebody names, after it was checked.

    Raises:
        InvalidRequest: there is none.
        KeyFileError: as `read_token_file`.
    """
    if read_token_file(path) is None:
        msg = f"there is no token file {path}"
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
