"""Names a node's private keys, what each is for and how it is kept; never shows a secret."""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from registry.application.certificates import load_pair, read_certificate
from registry.application.folder import NodeFolder
from registry.application.key_care.key_files import read_private, read_secret
from registry.application.key_care.key_sealing import is_sealed
from registry.application.key_care.private_files import read_owned
from registry.application.key_care.protecting import private_key_files
from registry.application.key_care.token_file import read_token_file
from registry.application.key_care.tokens import TOKENS
from registry.application.membership.founding import KEY_SIZE_BYTES
from registry.log.signing import Ed25519Signer
from registry.store.sealing import key_id

_FINGERPRINT_DIGITS: Final = 20
_GROUP_DIGITS: Final = 4


@dataclass(frozen=True, slots=True)
class KeyReport:
    """One private key or secret of a node.

    Attributes:
        name: of its file in `keys/`, or the one that it would have there.
        purpose: for people.
        kind: such as Ed25519.
        public_key: hexadecimal, of a TLS key its certificate's DER; empty if there is none.
        fingerprint: to compare by telephone, see `fingerprint_of`; of the node key its id; empty
            for other secrets, which nobody needs to compare.
        protection: `none`, `passphrase`, or `pkcs11` for a key in a token.
        made_ms: when the file was made, of a token's key `token.json`; milliseconds since 1970 UTC.
        expires_ms: of a certificate, milliseconds since 1970 UTC; None = there is none.
    """

    name: str
    purpose: str
    kind: str
    protection: str
    made_ms: int
    public_key: str = ""
    fingerprint: str = ""
    expires_ms: int | None = None


@dataclass(frozen=True, slots=True)
class _Shown:
    """What may be shown of a key."""

    public_key: bytes = b""
    fingerprint: str = ""
    expires_ms: int | None = None


def list_keys(folder_path: Path) -> list[KeyReport]:
    """Reports every file of a node's `keys/` and every key of its token, by name.

    Raises:
        FolderError: no node is there.
        TokenUnavailable: the token does not answer.
        KeyFileError: a file is missing, damaged, readable by others, or sealed under a passphrase
            that is not given or wrong.
    """
    folder = NodeFolder(folder_path)
    folder.describe()
    return sorted((*_reports(folder), *_in_token(folder)), key=lambda report: report.name)


def fingerprint_of(public_key: bytes) -> str:
    """The first 20 hexadecimal digits of its SHA-256, in groups of four: 80 bits."""
    digits = hashlib.sha256(public_key).hexdigest()[:_FINGERPRINT_DIGITS]
    return " ".join(
        digits[at : at + _GROUP_DIGITS] for at in range(0, _FINGERPRINT_DIGITS, _GROUP_DIGITS)
    )


def _reports(folder: NodeFolder) -> Iterator[KeyReport]:
    for path in private_key_files(folder.keys):
        kind, purpose, show = _KNOWN.get(path.name, _UNKNOWN)
        shown = show(folder, path)
        yield KeyReport(
            name=path.name,
            purpose=purpose,
            kind=kind,
            protection="passphrase" if is_sealed(read_owned(path)) else "none",
            made_ms=path.stat().st_mtime_ns // 1_000_000,
            public_key=shown.public_key.hex(),
            fingerprint=shown.fingerprint,
            expires_ms=shown.expires_ms,
        )


def _in_token(folder: NodeFolder) -> Iterator[KeyReport]:
    token = read_token_file(folder.token_file)
    if token is None:
        return
    for name, key in token.keys.items():
        kind, purpose, _ = _KNOWN[f"{name}.key"]
        public_key = TOKENS.signer(token, key).public_key
        yield KeyReport(
            name=f"{name}.key",
            purpose=purpose,
            kind=kind,
            protection="pkcs11",
            made_ms=folder.token_file.stat().st_mtime_ns // 1_000_000,
            public_key=public_key.hex(),
            fingerprint=fingerprint_of(public_key),
        )


def _signing(_: NodeFolder, path: Path) -> _Shown:
    public_key = Ed25519Signer(read_secret(path, KEY_SIZE_BYTES)).public_key
    return _Shown(public_key, fingerprint_of(public_key))


def _receiving(_: NodeFolder, path: Path) -> _Shown:
    private_key = X25519PrivateKey.from_private_bytes(read_secret(path, KEY_SIZE_BYTES))
    public_key = private_key.public_key().public_bytes_raw()
    return _Shown(public_key, fingerprint_of(public_key))


def _certified(name: str) -> Callable[[NodeFolder, Path], _Shown]:
    def show(folder: NodeFolder, path: Path) -> _Shown:
        pair = load_pair(read_certificate(folder.tls / name), read_private(path))
        expires_ms = int(pair.certificate.not_valid_after_utc.timestamp()) * 1000
        return _Shown(pair.certificate_der, fingerprint_of(pair.certificate_der), expires_ms)

    return show


def _opening(_: NodeFolder, path: Path) -> _Shown:
    return _Shown(fingerprint=key_id(read_secret(path, KEY_SIZE_BYTES)).hex())


def _hidden(_: NodeFolder, path: Path) -> _Shown:
    read_private(path)
    return _Shown()


_KNOWN: Final[dict[str, tuple[str, str, Callable[[NodeFolder, Path], _Shown]]]] = {
    "identity.key": ("Ed25519", "signs rosters", _signing),
    "log.key": ("Ed25519", "signs this node's log", _signing),
    "next_log.key": ("Ed25519", "signs the log after a rotation", _signing),
    "after_next_log.key": ("Ed25519", "signs the log after the rotation after that", _signing),
    "cosigner.key": ("Ed25519", "confirms what other logs hold", _signing),
    "hpke.key": ("X25519", "opens what is sealed to this member", _receiving),
    "tls.key": ("P-256", "proves to others which node this is", _certified("node.crt")),
    "next_tls.key": ("P-256", "takes the place of tls.key", _certified("next_node.crt")),
    "client_authority.key": (
        "P-256",
        "signs the certificates of this node's clients",
        _certified("client_authority.crt"),
    ),
    "request.secret": ("secret", "keeps ids of requests unguessable", _hidden),
    "node.key": ("secret", "opens the content of the databases", _opening),
    "node.key.next": ("secret", "takes the place of node.key", _opening),
}
_UNKNOWN: Final = ("unknown", "not known to this version", _hidden)
