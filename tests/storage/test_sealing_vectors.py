"""The ciphers against vectors from outside: content at rest through our code, others plainly."""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305
from nacl.bindings import crypto_aead_xchacha20poly1305_ietf_decrypt
from nacl.exceptions import CryptoError

from registry.errors import CorruptDatabase
from registry.store import sealing
from registry.store.sealing import KEY_ID_SIZE_BYTES, NodeKeys

VECTORS = Path(__file__).resolve().parents[1] / "vectors" / "wycheproof"
KEY_SIZE: Final = 32
NONCE_SIZE: Final = 12
GCM_NONCES: Final = range(8, 129)
"""Nonces in bytes that the platform's AES-GCM takes at all; shorter and longer ones are refused."""


class Vector(NamedTuple):
    """One ciphertext, with its tag at the end, and whether it must open."""

    number: int
    key: bytes
    nonce: bytes
    context: bytes
    plaintext: bytes
    sealed: bytes
    is_valid: bool


def vectors(name: str) -> Iterator[Vector]:
    document: dict[str, Any] = json.loads((VECTORS / name).read_text())
    for group in document["testGroups"]:
        for test in group["tests"]:
            yield Vector(
                number=test["tcId"],
                key=bytes.fromhex(test["key"]),
                nonce=bytes.fromhex(test["iv"]),
                context=bytes.fromhex(test["aad"]),
                plaintext=bytes.fromhex(test["msg"]),
                sealed=bytes.fromhex(test["ct"] + test["tag"]),
                is_valid=test["result"] == "valid",
            )


def ours() -> Iterator[Vector]:
    """The vectors with keys and nonces of the sizes that content at rest has."""
    for vector in vectors("aes_gcm_test.json"):
        if (len(vector.key), len(vector.nonce)) == (KEY_SIZE, NONCE_SIZE):
            yield vector


def is_opened(vector: Vector, open_it: Callable[[Vector], bytes]) -> bool:
    """Whether a ciphertext opens; to anything but the right plaintext is worse than not."""
    try:
        found = open_it(vector)
    except (CryptoError, InvalidTag, ValueError, CorruptDatabase):
        return False
    assert found == vector.plaintext, vector.number
    return True


def wrapped_form(vector: Vector) -> bytes:
    return sealing.key_id(vector.key) + vector.nonce + vector.sealed


def unwrapped(vector: Vector) -> bytes:
    keys = NodeKeys(vector.key, random_bytes=bytes)
    return keys.unwrap(wrapped_form(vector), vector.context)


def opened(vector: Vector) -> bytes:
    return sealing.open_sealed(
        vector.key,
        vector.sealed,
        number=int.from_bytes(vector.nonce, "big"),
        context=vector.context,
    )


def test_every_wycheproof_verdict_on_sealed_pieces_is_ours() -> None:
    verdicts: Counter[bool] = Counter()
    for vector in ours():
        found = is_opened(vector, opened)
        assert found == vector.is_valid, vector.number
        verdicts[found] += 1

    assert verdicts == {True: 39, False: 27}


def test_every_wycheproof_verdict_on_wrapped_keys_is_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    verdicts: Counter[bool] = Counter()
    for vector in ours():
        # A data key has one size; the vectors have many.
        monkeypatch.setattr(sealing, "WRAPPED_SIZE_BYTES", len(wrapped_form(vector)))
        found = is_opened(vector, unwrapped)
        assert found == vector.is_valid, vector.number
        verdicts[found] += 1

    assert verdicts == {True: 39, False: 27}


def test_sealing_and_wrapping_give_the_ciphertext_of_every_valid_vector() -> None:
    count = 0
    for vector in ours():
        if not vector.is_valid:
            continue
        number = int.from_bytes(vector.nonce, "big")
        sealed = sealing.seal(vector.key, vector.plaintext, number=number, context=vector.context)
        assert sealed == vector.sealed, vector.number
        keys = NodeKeys(vector.key, random_bytes=lambda size, v=vector: v.nonce[:size])  # type: ignore[misc] # a default binds it
        wrapped = keys.wrap(vector.plaintext, vector.context)
        assert wrapped[KEY_ID_SIZE_BYTES:] == vector.nonce + vector.sealed, vector.number
        count += 1

    assert count == 39


def with_aes(vector: Vector) -> bytes:
    return AESGCM(vector.key).decrypt(vector.nonce, vector.sealed, vector.context)


def with_chacha(vector: Vector) -> bytes:
    return ChaCha20Poly1305(vector.key).decrypt(vector.nonce, vector.sealed, vector.context)


def with_xchacha(vector: Vector) -> bytes:
    return crypto_aead_xchacha20poly1305_ietf_decrypt(
        vector.sealed, vector.context, vector.nonce, vector.key
    )


@pytest.mark.parametrize(
    ("name", "open_it", "expected"),
    [
        ("aes_gcm_test.json", with_aes, {True: 202, False: 87}),
        ("chacha20_poly1305_test.json", with_chacha, {True: 256, False: 69}),
        ("xchacha20_poly1305_test.json", with_xchacha, {True: 246, False: 69}),
    ],
)
def test_every_wycheproof_verdict_on_aead_ciphers_is_that_of_the_libraries(
    name: str, open_it: Callable[[Vector], bytes], expected: dict[bool, int]
) -> None:
    verdicts: Counter[bool] = Counter()
    for vector in vectors(name):
        is_refused_by_size = open_it is with_aes and len(vector.nonce) not in GCM_NONCES
        if vector.is_valid and is_refused_by_size:
            assert not is_opened(vector, open_it)
            continue
        found = is_opened(vector, open_it)
        assert found == vector.is_valid, vector.number
        verdicts[found] += 1

    assert verdicts == expected
