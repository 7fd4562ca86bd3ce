r"""Private keys under a passphrase: the bytes, without any file.

What the passphrase opens is a random folder key, and that opens the keys: another passphrase is one
small file written anew. Primitives are those of `cryptography`: scrypt (RFC 7914), AES-256-GCM.

    passphrase.json   {"version": 1, "salt": 16 bytes, "n": 2^17, "r": 8, "p": 1, "sealed": ...}
                      sealed = box(scrypt(passphrase, salt, n, r, p, 32 bytes), folder keys)
                      bytes in lower-case hexadecimal; folder keys of 32 bytes each, the first one
                      seals, all of them open
    a sealed key      "registry-sealed-key/v1\n" || base64(box(folder key, what the file held)) "\n"

    box(key, text) = nonce(12) || AES-256-GCM(key, nonce, text, "registry-sealed-key/v1\n")

The passphrase is taken in Unicode's form NFKC, UTF-8. A sealed key does not name its file: keys are
renamed when they are rotated, and whatever signs is compared with the roster anyway.
"""

import base64
import binascii
import os
import unicodedata
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from registry.errors import KeyFileError, WrongPassphrase

FOLDER_KEY_SIZE_BYTES: Final = 32
SCRYPT_N: Final = 2**17
"""128 MiB and about a third of a second for each guess: the first of OWASP's equal choices."""

_SCRYPT_N_MAX: Final = 2**20
"""A damaged file must not ask for all memory."""
_MAGIC: Final = b"registry-sealed-key/v1\n"
_NONCE_BYTES: Final = 12
_SALT_BYTES: Final = 16

_Hex = Annotated[str, Field(pattern=r"^([0-9a-f]{2})+$", max_length=2048)]


class Cover(BaseModel):
    """What `passphrase.json` holds; see the module."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")

    version: int = Field(ge=1, le=1)
    salt: _Hex
    n: int = Field(ge=2, le=_SCRYPT_N_MAX)
    r: int = Field(ge=8, le=8)
    p: int = Field(ge=1, le=1)
    sealed: _Hex


def new_folder_key() -> bytes:
    """Makes a folder key, 32 random bytes."""
    return os.urandom(FOLDER_KEY_SIZE_BYTES)


def make_cover(passphrase: str, folder_keys: Sequence[bytes], *, n: int = SCRYPT_N) -> bytes:
    """Returns the bytes of `passphrase.json`.

    Args:
        passphrase: what opens it.
        folder_keys: 32 bytes each, the one that seals first.
        n: scrypt's cost, a power of two.
    """
    salt = os.urandom(_SALT_BYTES)
    sealed = _box(_stretched(passphrase, salt, n), b"".join(folder_keys))
    cover = Cover(version=1, salt=salt.hex(), n=n, r=8, p=1, sealed=sealed.hex())
    return cover.model_dump_json(indent=2).encode() + b"\n"


def open_cover(data: bytes, passphrase: str, path: Path) -> tuple[bytes, ...]:
    """Returns the folder keys, the one that seals first.

    Args:
        data: the bytes of `passphrase.json`.
        passphrase: what opens it.
        path: the file, to be named in errors.

    Raises:
        KeyFileError: the file is damaged.
        WrongPassphrase: it does not open.
    """
    try:
        cover = Cover.model_validate_json(data)
        stretched = _stretched(passphrase, bytes.fromhex(cover.salt), cover.n)
    except (ValidationError, ValueError) as error:
        msg = f"{path} is damaged: put it back from a copy, or restore the keys from their backup"
        raise KeyFileError(msg) from error
    try:
        keys = _unbox(stretched, bytes.fromhex(cover.sealed))
    except InvalidTag as error:
        msg = f"the passphrase does not open {path}: it is another one, or the file was changed"
        raise WrongPassphrase(msg) from error
    size = FOLDER_KEY_SIZE_BYTES
    return tuple(keys[at : at + size] for at in range(0, len(keys), size))


def is_sealed(data: bytes) -> bool:
    """Tells whether a key file's bytes are sealed."""
    return data.startswith(_MAGIC)


def seal_key(folder_key: bytes, data: bytes) -> bytes:
    """Returns the bytes of a sealed key file."""
    return _MAGIC + base64.b64encode(_box(folder_key, data)) + b"\n"


def open_key(folder_keys: Sequence[bytes], sealed: bytes, path: Path) -> bytes:
    """Returns what a sealed key file holds.

    Args:
        folder_keys: any of them may open it.
        sealed: the file's bytes.
        path: the file, to be named in errors.

    Raises:
        KeyFileError: it was cut short or changed, or is sealed under another folder's passphrase.
    """
    try:
        box = base64.b64decode(sealed[len(_MAGIC) :].strip(), validate=True)
    except binascii.Error:
        box = b""
    for key in folder_keys:
        try:
            return _unbox(key, box)
        except InvalidTag:
            continue
    msg = (
        f"{path} is sealed and does not open: it was cut short or changed, or belongs to another "
        "folder; put it back from a copy, or restore the keys from their backup"
    )
    raise KeyFileError(msg)


def _stretched(passphrase: str, salt: bytes, n: int) -> bytes:
    text = unicodedata.normalize("NFKC", passphrase).encode()
    return Scrypt(salt=salt, length=FOLDER_KEY_SIZE_BYTES, n=n, r=8, p=1).derive(text)


def _box(key: bytes, text: bytes) -> bytes:
    nonce = os.urandom(_NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, text, _MAGIC)


def _unbox(key: bytes, box: bytes) -> bytes:
    """Raises InvalidTag for whatever does not open."""
    if len(box) <= _NONCE_BYTES:
        raise InvalidTag
    return AESGCM(key).decrypt(box[:_NONCE_BYTES], box[_NONCE_BYTES:], _MAGIC)
