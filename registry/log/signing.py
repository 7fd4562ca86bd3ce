"""Ed25519, with one verdict everywhere: PyNaCl's (libsodium).

Accepted: S < L, cofactorless equation, canonical encodings, no small-order A or R. The interpreter
lock is released while a signature is made or checked.
"""

from typing import Final, Protocol

from nacl import bindings
from nacl.exceptions import BadSignatureError

from registry.errors import MalformedEntry

PUBLIC_KEY_SIZE_BYTES: Final = 32
SIGNATURE_SIZE_BYTES: Final = 64
SEED_SIZE_BYTES: Final = 32


class Signer(Protocol):
    """Whoever can sign with one key: a file's key, or a token that never shows it."""

    @property
    def public_key(self) -> bytes:
        """32 bytes."""

    def sign(self, message: bytes) -> bytes:
        """Returns a signature of 64 bytes."""


class Ed25519Signer:
    """Signs with a key held in memory."""

    def __init__(self, seed: bytes) -> None:
        self._public_key, self._secret_key = bindings.crypto_sign_seed_keypair(seed)

    @property
    def public_key(self) -> bytes:
        """32 bytes."""
        return self._public_key

    def sign(self, message: bytes) -> bytes:
        """Returns a signature of 64 bytes."""
        return bindings.crypto_sign(message, self._secret_key)[:SIGNATURE_SIZE_BYTES]

    def __repr__(self) -> str:
        return f"Ed25519Signer(public_key={self._public_key.hex()})"


def verify(public_key: bytes, message: bytes, signature: bytes) -> bool:
    """Tells whether a signature holds."""
    if len(signature) != SIGNATURE_SIZE_BYTES or len(public_key) != PUBLIC_KEY_SIZE_BYTES:
        return False
    try:
        bindings.crypto_sign_open(signature + message, public_key)
    except BadSignatureError:
        return False
    return True


def check_public_key(public_key: bytes) -> None:
    """Refuses keys that are no canonical point of the prime-order group.

    Raises:
        MalformedEntry: the key is not 32 bytes of such a point.
    """
    if len(public_key) != PUBLIC_KEY_SIZE_BYTES or not bindings.crypto_core_ed25519_is_valid_point(
        public_key
    ):
        msg = "a public key must be a canonical Ed25519 point of large order (32 bytes)"
        raise MalformedEntry(msg)


def pre_authentication_encoding(payload_type: bytes, payload: bytes) -> bytes:
    """DSSE v1 PAE: what is signed is a payload together with its type.

    `"DSSEv1" SP len(type) SP type SP len(payload) SP payload`, lengths in decimal.
    """
    return b"DSSEv1 %d %b %d %b" % (len(payload_type), payload_type, len(payload), payload)
