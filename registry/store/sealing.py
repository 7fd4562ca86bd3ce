"""Encryption at rest: every part under a data key of its own, data keys wrapped by the node key.

    node key   32 bytes in a file of the node, outside the database and its backups
    key id     first 4 bytes of SHA-256("registry/node-key-id/v1" || LF || node key)
    wrapped    key id[4] || nonce[12] || AES-256-GCM(node key, nonce, data key) = 64 bytes
    sealed     AES-256-GCM(data key, nonce = u96be(number), plaintext)

A data key seals the pieces of one thing, each under its number, so a counted nonce is never used
twice. What a wrapped key belongs to is authenticated with it: rows that change places do not open.
A node key wraps under random nonces of 96 bits: at most 2^32 times (NIST SP 800-38D, 8.3), then it
is rotated. Rotation writes wrapped keys anew, never what they seal. The cipher is OpenSSL's through
`cryptography`; tests run the vectors of Project Wycheproof against it.
"""

import hashlib
import struct
from collections.abc import Callable, Iterable, Sequence
from typing import Final, NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from registry.domain.identifiers import LogId
from registry.errors import CorruptDatabase, NodeKeyMissing

KEY_SIZE_BYTES: Final = 32
KEY_ID_SIZE_BYTES: Final = 4
WRAPPED_SIZE_BYTES: Final = 64
_NONCE_SIZE_BYTES: Final = 12
_KEY_ID_PREFIX: Final = b"registry/node-key-id/v1\n"
_PART_PREFIX: Final = b"registry/part-key/v1\n"
_UPLOAD_PREFIX: Final = b"registry/upload-key/v1\n"
_FIRST_NONCE: Final = bytes(_NONCE_SIZE_BYTES)
_PLACE: Final = struct.Struct(">QI")


class DataKey(NamedTuple):
    """A fresh data key, 32 bytes, and its wrapped form, 64 bytes, which may be stored."""

    key: bytes
    wrapped: bytes


class NodeKeys:
    """The node key, and older ones while a rotation is under way; for any thread."""

    def __init__(
        self,
        current: bytes,
        older: Iterable[bytes] = (),
        *,
        random_bytes: Callable[[int], bytes],
    ) -> None:
        self._current = AESGCM(current)
        self._random_bytes = random_bytes
        self.current_id = key_id(current)
        self._ciphers = {key_id(key): AESGCM(key) for key in (*older, current)}

    def opens(self, wrapped_by: bytes) -> bool:
        """Tells whether the node key of this id is here."""
        return wrapped_by in self._ciphers

    def new_key(self) -> bytes:
        """Makes a data key, 32 bytes."""
        return self._random_bytes(KEY_SIZE_BYTES)

    def new_keys(self, count: int) -> list[bytes]:
        """Makes data keys, 32 bytes each."""
        return _cut(self._random_bytes(KEY_SIZE_BYTES * count), KEY_SIZE_BYTES)

    def wrap(self, key: bytes, context: bytes) -> bytes:
        """Encrypts a data key under the current node key; `context` says what it belongs to."""
        return self.wrap_all([key], [context])[0]

    def wrap_all(self, keys: Sequence[bytes], contexts: Iterable[bytes]) -> list[bytes]:
        """Encrypts data keys, each for its context, like `wrap`."""
        head, encrypt = self.current_id, self._current.encrypt
        nonces = _cut(self._random_bytes(_NONCE_SIZE_BYTES * len(keys)), _NONCE_SIZE_BYTES)
        return [
            head + nonce + encrypt(nonce, key, context)
            for key, nonce, context in zip(keys, nonces, contexts, strict=True)
        ]

    def new_data_key(self, context: bytes) -> DataKey:
        """Makes a data key and wraps it."""
        key = self.new_key()
        return DataKey(key, self.wrap(key, context))

    def unwrap(self, wrapped: bytes, context: bytes) -> bytes:
        """Returns a data key.

        Raises:
            NodeKeyMissing: it was wrapped by a node key that is not here.
            CorruptDatabase: it was changed, or belongs to something else.
        """
        cipher = self._ciphers.get(wrapped[:KEY_ID_SIZE_BYTES])
        if len(wrapped) != WRAPPED_SIZE_BYTES:
            msg = f"a wrapped data key has {WRAPPED_SIZE_BYTES} bytes, found {len(wrapped)}"
            raise CorruptDatabase(msg)
        if cipher is None:
            msg = (
                f"content was encrypted under node key {wrapped[:KEY_ID_SIZE_BYTES].hex()}, the "
                f"one here is {self.current_id.hex()}: put the right keys/node.key back"
            )
            raise NodeKeyMissing(msg)
        nonce = wrapped[KEY_ID_SIZE_BYTES : KEY_ID_SIZE_BYTES + _NONCE_SIZE_BYTES]
        sealed = wrapped[KEY_ID_SIZE_BYTES + _NONCE_SIZE_BYTES :]
        try:
            return cipher.decrypt(nonce, sealed, context)
        except InvalidTag as error:
            msg = "a data key does not open where it stands: the database was changed"
            raise CorruptDatabase(msg) from error

    def rewrap(self, wrapped: bytes, context: bytes) -> bytes:
        """Wraps a data key anew under the current node key; the size stays.

        Raises:
            NodeKeyMissing, CorruptDatabase: as `unwrap`.
        """
        return self.wrap(self.unwrap(wrapped, context), context)


def key_id(node_key: bytes) -> bytes:
    """Names a node key without telling anything of it, 4 bytes."""
    return hashlib.sha256(_KEY_ID_PREFIX + node_key).digest()[:KEY_ID_SIZE_BYTES]


def part_context(log_id: LogId, index: int, ordinal: int) -> bytes:
    """What a part's wrapped key belongs to."""
    return _PART_PREFIX + log_id + _PLACE.pack(index, ordinal)


def upload_context(upload_id: bytes) -> bytes:
    """What an upload's wrapped key belongs to."""
    return _UPLOAD_PREFIX + upload_id


def seal(key: bytes, plaintext: bytes, *, number: int = 0, context: bytes = b"") -> bytes:
    """Encrypts one piece under a data key; a number is used once with each key.

    Args:
        key: the data key.
        plaintext: the piece.
        number: of the piece among all that this key seals.
        context: authenticated with it, not stored.
    """
    return AESGCM(key).encrypt(_nonce(number), plaintext, context or None)


def seal_whole(key: bytes, plaintext: bytes) -> bytes:
    """Encrypts all that a data key seals in one piece: `seal` with number 0 and no context."""
    return AESGCM(key).encrypt(_FIRST_NONCE, plaintext, None)


def open_sealed(key: bytes, sealed: bytes, *, number: int = 0, context: bytes = b"") -> bytes:
    """Decrypts what `seal` encrypted.

    Raises:
        CorruptDatabase: it was changed, or sealed under another key, number or context.
    """
    try:
        return AESGCM(key).decrypt(_nonce(number), sealed, context or None)
    except (InvalidTag, ValueError) as error:
        msg = "encrypted content does not open: the database was changed; run `registry fsck`"
        raise CorruptDatabase(msg) from error


def _cut(data: bytes, size: int) -> list[bytes]:
    return [data[at : at + size] for at in range(0, len(data), size)]


def _nonce(number: int) -> bytes:
    return number.to_bytes(_NONCE_SIZE_BYTES, "big") if number else _FIRST_NONCE
