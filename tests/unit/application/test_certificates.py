"""Certificates: what they are for, and which files are not taken for one."""

from pathlib import Path

import pytest
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

from registry.application.certificates import (
    KeyPair,
    load_pair,
    make_client_authority,
    make_client_certificate,
    make_node_certificate,
    read_certificate,
    server_name,
)
from registry.domain.identifiers import Slug
from registry.errors import KeyFileError

ALPHA = Slug("alpha")


def dns_names(pair: KeyPair) -> list[str]:
    extension = pair.certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    return extension.value.get_values_for_type(x509.DNSName)


def is_authority(pair: KeyPair) -> bool:
    return pair.certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca


def test_node_certificate_is_its_own_issuer_and_signs_no_other() -> None:
    pair = make_node_certificate(ALPHA)

    pair.certificate.verify_directly_issued_by(pair.certificate)
    assert dns_names(pair) == [server_name(ALPHA)] == ["alpha.registry.invalid"]
    assert not is_authority(pair)


def test_client_certificate_is_issued_by_its_authority_alone() -> None:
    authority, stranger = make_client_authority(ALPHA), make_client_authority(ALPHA)
    client = make_client_certificate(authority, "desk@example")

    client.certificate.verify_directly_issued_by(authority.certificate)
    with pytest.raises(InvalidSignature):
        client.certificate.verify_directly_issued_by(stranger.certificate)
    assert is_authority(authority)
    assert not is_authority(client)
    assert dns_names(client) == ["desk@example"]


def test_longest_mechanism_and_client_names_fit() -> None:
    slug = Slug("m" * 63)

    assert dns_names(make_node_certificate(slug)) == [f"{slug}.registry.invalid"]
    assert dns_names(make_client_certificate(make_client_authority(slug), "c" * 63)) == ["c" * 63]


def test_pair_is_read_back_as_it_was_written() -> None:
    pair = make_node_certificate(ALPHA)
    read = load_pair(pair.certificate_pem, pair.key_pem)

    assert read.certificate_der == pair.certificate_der
    assert read.key_pem == pair.key_pem


def pem(key: PrivateKeyTypes, passphrase: bytes = b"") -> bytes:
    form: serialization.KeySerializationEncryption = serialization.NoEncryption()
    if passphrase:
        form = serialization.BestAvailableEncryption(passphrase)
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, form)


def test_key_that_does_not_belong_to_the_certificate_is_refused() -> None:
    first, second = make_node_certificate(ALPHA), make_node_certificate(ALPHA)

    with pytest.raises(KeyFileError, match="belong together"):
        load_pair(first.certificate_pem, second.key_pem)


@pytest.mark.parametrize(
    "key",
    [pem(ec.generate_private_key(ec.SECP384R1())), pem(ed25519.Ed25519PrivateKey.generate())],
    ids=["P-384", "Ed25519"],
)
def test_key_on_another_curve_is_refused(key: bytes) -> None:
    with pytest.raises(KeyFileError, match="P-256"):
        load_pair(make_node_certificate(ALPHA).certificate_pem, key)


def test_certificate_with_its_key_on_another_curve_is_refused() -> None:
    key = ec.generate_private_key(ec.SECP384R1())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ec, "generate_private_key", lambda _: key)
        made = make_node_certificate(ALPHA)

    with pytest.raises(KeyFileError, match="P-256"):
        load_pair(made.certificate_pem, made.key_pem)


@pytest.mark.parametrize("junk", [b"", b"junk", b"-----BEGIN CERTIFICATE-----\nAAAA\n"])
def test_file_that_is_no_certificate_or_key_is_refused(junk: bytes) -> None:
    pair = make_node_certificate(ALPHA)

    with pytest.raises(KeyFileError, match="malformed"):
        load_pair(junk, pair.key_pem)
    with pytest.raises(KeyFileError, match="malformed"):
        load_pair(pair.certificate_pem, junk)


def test_key_under_a_passphrase_is_refused_with_words() -> None:
    pair = make_node_certificate(ALPHA)

    with pytest.raises(KeyFileError, match="malformed"):
        load_pair(pair.certificate_pem, pem(pair.key, b"passphrase"))


def test_missing_certificate_is_named(tmp_path: Path) -> None:
    with pytest.raises(KeyFileError, match=r"node\.crt"):
        read_certificate(tmp_path / "node.crt")
