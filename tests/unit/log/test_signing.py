"""Signatures, keys and the encoding under which bytes are signed."""

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from registry.errors import MalformedEntry
from registry.log.signing import (
    Ed25519Signer,
    check_public_key,
    pre_authentication_encoding,
    verify,
)
from tests.unit.log.log_world import NOT_A_POINT, SMALL_ORDER_KEY, signer

ORDER = 2**252 + 27742317777372353535851937790883648493


def test_pre_authentication_encoding_is_that_of_dsse() -> None:
    # The example of the DSSE v1 specification.
    assert (
        pre_authentication_encoding(b"http://example.com/HelloWorld", b"hello world")
        == b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    )


def test_type_and_payload_cannot_be_shifted_into_each_other() -> None:
    assert pre_authentication_encoding(b"a", b"b c") != pre_authentication_encoding(b"a b", b"c")


def test_another_implementation_makes_the_same_keys_and_signatures() -> None:
    seed = bytes(range(32))
    other = Ed25519PrivateKey.from_private_bytes(seed)

    assert Ed25519Signer(seed).public_key == other.public_key().public_bytes_raw()
    assert Ed25519Signer(seed).sign(b"message") == other.sign(b"message")


def test_signature_holds_for_its_message_and_key_only() -> None:
    signature = signer(1).sign(b"message")

    assert verify(signer(1).public_key, b"message", signature)
    assert not verify(signer(1).public_key, b"messages", signature)
    assert not verify(signer(2).public_key, b"message", signature)


def test_signature_with_s_not_below_the_group_order_is_refused() -> None:
    signature = signer(1).sign(b"message")
    larger = int.from_bytes(signature[32:], "little") + ORDER
    malleated = signature[:32] + larger.to_bytes(32, "little")

    assert not verify(signer(1).public_key, b"message", malleated)


@pytest.mark.parametrize("size", [0, 63, 65, 128])
def test_signature_of_another_length_is_refused(size: int) -> None:
    signature = (signer(1).sign(b"message") * 2)[:size]

    assert not verify(signer(1).public_key, b"message", signature)


def test_message_bytes_hidden_in_a_longer_signature_are_refused() -> None:
    signature = signer(1).sign(b"message")

    assert not verify(signer(1).public_key, b"sage", signature + b"mes")
    assert not verify(signer(1).public_key, signature[63:] + b"message", signature[:63])


@pytest.mark.parametrize("size", [0, 31, 33])
def test_key_of_another_length_verifies_nothing(size: int) -> None:
    key = (signer(1).public_key * 2)[:size]

    assert not verify(key, b"message", signer(1).sign(b"message"))


def test_a_good_key_is_admitted() -> None:
    check_public_key(signer(1).public_key)


@pytest.mark.parametrize(
    "key",
    [
        b"",
        signer(1).public_key[:31],
        signer(1).public_key + b"\x00",
        SMALL_ORDER_KEY,
        bytes(32),
        NOT_A_POINT,
        b"\xff" * 32,
    ],
    ids=["empty", "short", "long", "identity", "order 4", "no point", "not canonical"],
)
def test_a_weak_or_malformed_key_is_not_admitted(key: bytes) -> None:
    with pytest.raises(MalformedEntry):
        check_public_key(key)


def test_a_signer_shows_its_public_key_only() -> None:
    assert repr(signer(1)) == f"Ed25519Signer(public_key={signer(1).public_key.hex()})"
