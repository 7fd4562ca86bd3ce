"""Who gets past TLS: members of this registry and clients of this node, over TLS 1.3, nobody else.

Python's own ssl module calls, so that a mistake in grpc's settings cannot hide on both sides.
"""

import socket
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from registry.application.certificates import (
    KeyPair,
    make_client_authority,
    make_client_certificate,
    make_node_certificate,
    server_name,
)
from registry.client import load_profile
from registry.domain.identifiers import Slug
from registry_cli.federation import LocalNode
from tests.integration.federation_world import found, member_key, node_certificate

_PREFACE: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes([0, 0, 0, 4, 0, 0, 0, 0, 0])
_SETTINGS: Final = 4
"""The first frame of an HTTP/2 server: what a caller sees once TLS has let it in."""


@dataclass(frozen=True)
class Credentials:
    certificate: bytes
    key: bytes


def call(
    node: LocalNode,
    folder: Path,
    credentials: Credentials | None,
    *,
    version: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3,
) -> bool:
    """Connects and sends the HTTP/2 preface; returns whether the node answers with its own."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cadata=node_certificate(node).decode())
    context.minimum_version = context.maximum_version = version
    context.set_alpn_protocols(["h2"])
    if credentials is not None:
        file = folder / "caller.pem"
        file.write_bytes(credentials.key + credentials.certificate)
        context.load_cert_chain(file)
    host, port = node.address.split(":")
    try:
        with (
            socket.create_connection((host, int(port)), timeout=5) as raw,
            context.wrap_socket(raw, server_hostname=server_name(node.mechanism.slug)) as secure,
        ):
            assert secure.version() == version.name.replace("_", ".")
            secure.sendall(_PREFACE)
            return _is_settings(secure.recv(9))
    except (ssl.SSLError, ConnectionResetError, BrokenPipeError):
        return False


def _is_settings(frame: bytes) -> bool:
    return len(frame) == 9 and frame[3] == _SETTINGS


def of_member(node: LocalNode) -> Credentials:
    return Credentials(node_certificate(node), member_key(node))


def of_client(node: LocalNode) -> Credentials:
    profile = load_profile(node.profile)
    return Credentials(profile.certificate, profile.key)


def of_pair(pair: KeyPair) -> Credentials:
    return Credentials(pair.certificate_pem, pair.key_pem)


def test_members_and_own_clients_get_in(alpha: LocalNode, beta: LocalNode, tmp_path: Path) -> None:
    assert call(alpha, tmp_path, of_member(beta))
    assert call(alpha, tmp_path, of_client(alpha))


def test_caller_without_certificate_is_refused(alpha: LocalNode, tmp_path: Path) -> None:
    assert not call(alpha, tmp_path, None)


def test_member_of_another_registry_is_refused(alpha: LocalNode, tmp_path: Path) -> None:
    others = found(tmp_path / "other", "alpha", "beta", name="testing")
    assert not call(alpha, tmp_path, of_member(others[0]))
    assert not call(alpha, tmp_path, of_member(others[1]))
    assert not call(alpha, tmp_path, of_client(others[0]))


def test_client_of_another_node_is_refused(
    alpha: LocalNode, beta: LocalNode, tmp_path: Path
) -> None:
    assert call(beta, tmp_path, of_client(beta))
    assert not call(alpha, tmp_path, of_client(beta))


def test_forged_authority_with_the_same_name_is_refused(alpha: LocalNode, tmp_path: Path) -> None:
    authority = make_client_authority(Slug("alpha"))
    assert not call(alpha, tmp_path, of_pair(make_client_certificate(authority, "desk")))


def test_forged_member_certificate_with_the_same_name_is_refused(
    alpha: LocalNode, tmp_path: Path
) -> None:
    assert not call(alpha, tmp_path, of_pair(make_node_certificate(Slug("beta"))))


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2])
def test_tls_1_2_is_refused_to_callers_who_are_known(
    alpha: LocalNode, beta: LocalNode, tmp_path: Path, version: ssl.TLSVersion
) -> None:
    assert not call(alpha, tmp_path, of_member(beta), version=version)
    assert not call(alpha, tmp_path, of_client(alpha), version=version)


def test_plaintext_is_refused(alpha: LocalNode) -> None:
    host, port = alpha.address.split(":")
    with socket.create_connection((host, int(port)), timeout=5) as raw:
        raw.sendall(_PREFACE)
        try:
            answer = raw.recv(9)
        except ConnectionResetError:
            answer = b""
    assert not _is_settings(answer)
