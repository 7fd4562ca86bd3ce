"""X.509 certificates of a node and of its clients.

One self-signed P-256 certificate per node, which the roster pins, and one client authority per
node, which signs the certificates of that node's own clients.

Names end in `.invalid` (RFC 2606): they are matched by TLS and never looked up.
"""

import datetime as dt
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from registry.domain.identifiers import Slug
from registry.errors import KeyFileError

_NOT_BEFORE: Final = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
_NOT_AFTER: Final = dt.datetime(2049, 12, 31, tzinfo=dt.UTC)
"""Fixed dates: validity is decided by the roster and the client list, not by a clock that may be
wrong for years in a small office."""

_COMMON_NAME_MAX: Final = 64
"""X.520 ub-common-name; TLS matches the alternative name, which has no such limit."""


@dataclass(frozen=True, slots=True)
class KeyPair:
    """A certificate with its private key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @property
    def certificate_pem(self) -> bytes:
        """The certificate as PEM."""
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    @property
    def certificate_der(self) -> bytes:
        """The certificate as DER."""
        return self.certificate.public_bytes(serialization.Encoding.DER)

    @property
    def key_pem(self) -> bytes:
        """The private key as unencrypted PKCS 8 PEM; goes into files with mode 0600 only."""
        return self.key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )


def server_name(mechanism: Slug | str) -> str:
    """The name in a node's certificate, which callers ask TLS to match."""
    return f"{mechanism}.registry.invalid"


def make_node_certificate(mechanism: Slug) -> KeyPair:
    """Makes a node's self-signed certificate; it can sign no other."""
    return _make(server_name(mechanism), issuer=None, is_authority=False)


def make_client_authority(mechanism: Slug) -> KeyPair:
    """Makes the authority that signs the certificates of a node's clients."""
    return _make(f"clients.{server_name(mechanism)}", issuer=None, is_authority=True)


def make_client_certificate(authority: KeyPair, client_name: str) -> KeyPair:
    """Makes a certificate for one client of the authority's node."""
    return _make(client_name, issuer=authority, is_authority=False)


def load_pair(certificate_pem: bytes, key_pem: bytes) -> KeyPair:
    """Reads a certificate and its key.

    Raises:
        KeyFileError: they are malformed, not P-256, or do not belong together.
    """
    try:
        certificate = x509.load_pem_x509_certificate(certificate_pem)
        certified = certificate.public_key()
        key = serialization.load_pem_private_key(key_pem, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        msg = "a TLS certificate or key is malformed; restore the folder's tls/ and keys/"
        raise KeyFileError(msg) from error
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
        msg = "a TLS key is not one on the curve P-256; restore the folder's tls/ and keys/"
        raise KeyFileError(msg)
    if key.public_key() != certified:
        msg = "a TLS certificate and its key do not belong together; restore tls/ and keys/"
        raise KeyFileError(msg)
    return KeyPair(certificate=certificate, key=key)


def read_certificate(path: Path) -> bytes:
    """Reads a certificate file.

    Raises:
        KeyFileError: it is missing or cannot be read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        msg = f"cannot read the certificate {path}: {error.strerror}"
        raise KeyFileError(msg) from error


def _make(name: str, *, issuer: KeyPair | None, is_authority: bool) -> KeyPair:
    key = ec.generate_private_key(ec.SECP256R1())
    common_name = name[:_COMMON_NAME_MAX]
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.certificate.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(_NOT_BEFORE)
        .not_valid_after(_NOT_AFTER)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
        # TLS takes any listed certificate for a trust anchor: a node's own may sign no other.
        .add_extension(_usage(is_authority=is_authority), critical=True)
        .sign(issuer.key if issuer else key, hashes.SHA256())
    )
    return KeyPair(certificate=certificate, key=key)


def _usage(*, is_authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=is_authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )
