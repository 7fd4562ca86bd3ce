"""Certificates of a damaged folder, and of whoever answers at an address."""

import base64

import pytest

from registry.application.certificates import KeyPair, load_pair, make_node_certificate
from registry.client import peer_rosters
from registry.domain.identifiers import Slug
from registry.errors import KeyFileError, RosterError

_P256 = bytes.fromhex("06082a8648ce3d030107")
_NO_CURVE = bytes.fromhex("06082a8648ce3d030117")
_NAMES = bytes.fromhex("0603551d11")
_NO_NAMES = bytes.fromhex("0603551d0e")


@pytest.fixture(scope="module")
def pair() -> KeyPair:
    return make_node_certificate(Slug("alpha"))


def pem(der: bytes) -> bytes:
    text = base64.encodebytes(der)
    return b"-----BEGIN CERTIFICATE-----\n" + text + b"-----END CERTIFICATE-----\n"


def test_certificate_on_a_curve_that_nobody_knows_is_refused(pair: KeyPair) -> None:
    changed = pem(pair.certificate_der.replace(_P256, _NO_CURVE))

    with pytest.raises(KeyFileError, match="malformed"):
        load_pair(changed, pair.key_pem)


@pytest.mark.parametrize(
    "found",
    [lambda der: der.replace(_NAMES, _NO_NAMES), lambda der: der[:40] + b"\xff" * 9 + der[49:]],
    ids=["without_a_name", "no_certificate"],
)
def test_who_answers_with_another_certificate_is_no_node(
    pair: KeyPair, found: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = pem(found(pair.certificate_der)).decode()  # type: ignore[operator]
    monkeypatch.setattr(peer_rosters, "_certificate_at", lambda _: answer)

    with pytest.raises(RosterError, match="none of a node"):
        peer_rosters.fetch_rosters("node.example:1", key=b"", certificate=b"")
