"""`registry keys show`: every key by name, what it is for and how it is kept; never a secret."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from typer.testing import CliRunner

from registry.application.folder import NodeFolder
from registry.application.key_care.key_files import write_secret
from registry.application.key_care.key_listing import fingerprint_of, list_keys
from registry.application.key_care.protecting import protect_keys
from registry.application.membership.rosters import load_roster
from registry.errors import FolderError, KeyFileError, PassphraseNeeded
from registry_cli.main import app
from tests.unit.application.passphrase_world import WORDS, contents, given, quick_scrypt

RUNNER = CliRunner(env={"COLUMNS": "80", "NO_COLOR": "1"})


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    quick_scrypt(monkeypatch)


@pytest.fixture
def alpha(folder: Path) -> Path:
    return folder / "alpha"


def shown(alpha: Path) -> dict[str, Any]:
    result = RUNNER.invoke(app, ["keys", "show", str(alpha), "--json"], catch_exceptions=False)
    document = json.loads(result.output)
    return {each["name"]: each for each in document["keys"]}


def test_public_keys_are_those_of_the_roster(alpha: Path) -> None:
    own = load_roster(NodeFolder(alpha)).member_by_slug("alpha")

    keys = shown(alpha)

    assert keys["identity.key"]["public_key"] == own.identity_key.hex()
    assert keys["log.key"]["public_key"] == own.log_key.hex()
    assert keys["cosigner.key"]["public_key"] == own.cosigner_key.hex()
    assert keys["hpke.key"]["public_key"] == own.hpke_key.hex()
    assert keys["tls.key"]["public_key"] == own.tls_certificate.hex()
    next_key = bytes.fromhex(keys["next_log.key"]["public_key"])
    assert hashlib.sha256(next_key).digest() == own.next_log_key_hash


def test_certificates_tell_when_they_expire(alpha: Path) -> None:
    keys = shown(alpha)

    for name in ("tls.key", "client_authority.key"):
        certificate = x509.load_der_x509_certificate(bytes.fromhex(keys[name]["public_key"]))
        expected_ms = certificate.not_valid_after_utc.timestamp() * 1000
        assert keys[name]["expires_ms"] == expected_ms
    assert "expires_ms" not in keys["log.key"] or keys["log.key"]["expires_ms"] is None


def test_no_secret_is_shown_whether_sealed_or_not(alpha: Path) -> None:
    secrets = {line for data in contents(alpha).values() for line in data.decode().splitlines()}

    for passphrase in (None, WORDS):
        with given(passphrase):
            contents(alpha)  # so that the command line need not ask
            plain = RUNNER.invoke(app, ["keys", "show", str(alpha)], catch_exceptions=False).output
            told = plain + json.dumps(shown(alpha))
        assert not any(line in told for line in secrets if "-----" not in line)
        assert all(f"{name} " in plain for name in ("identity.key", "request.secret", "node.key"))
        with given(passphrase):
            protect_keys(alpha, WORDS)


def test_what_keeps_a_key_and_since_when_is_told(alpha: Path) -> None:
    before = shown(alpha)
    with given(WORDS):
        protect_keys(alpha, WORDS)
        after = shown(alpha)

    assert {each["protection"] for each in before.values()} == {"none"}
    assert {each["protection"] for each in after.values()} == {"passphrase"}
    assert {name: each["made_ms"] for name, each in before.items()} == {
        name: each["made_ms"] for name, each in after.items()
    }


def test_keys_of_which_some_are_sealed_are_noticed(alpha: Path) -> None:
    plain = (alpha / "keys" / "tls.key").read_bytes()
    with given(WORDS):
        protect_keys(alpha, WORDS)
        (alpha / "keys" / "tls.key").write_bytes(plain)
        told = RUNNER.invoke(app, ["keys", "show", str(alpha)], catch_exceptions=False).output

    assert "run `registry keys protect` again" in told
    assert "no passphrase, since" in told
    assert "a passphrase, since" in told


def test_fingerprint_can_be_read_aloud() -> None:
    assert fingerprint_of(b"abc") == "ba78 16bf 8f01 cfea 4141"


def test_file_that_this_version_does_not_know_is_named(alpha: Path) -> None:
    write_secret(alpha / "keys" / "later.key", b"k" * 32)

    report = next(each for each in list_keys(alpha) if each.name == "later.key")

    assert (report.kind, report.public_key, report.fingerprint) == ("unknown", "", "")


def test_keys_that_cannot_be_read_are_told(alpha: Path) -> None:
    with pytest.raises(FolderError):
        list_keys(alpha.parent)
    (alpha / "keys" / "request.secret").chmod(0o640)
    with pytest.raises(KeyFileError, match="0640"):
        list_keys(alpha)
    (alpha / "keys" / "request.secret").chmod(0o600)
    with given(None):
        protect_keys(alpha, WORDS)
    with given(None), pytest.raises(PassphraseNeeded):
        list_keys(alpha)
