"""Channels to other members' nodes: mutual TLS 1.3, their certificate pinned by the roster."""

from typing import Any

from registry.client.tls import require_tls13

require_tls13()

import grpc  # noqa: E402 - grpc reads the cipher setting when it is first imported
from cryptography import x509  # noqa: E402
from cryptography.hazmat.primitives import serialization  # noqa: E402

from registry.application.certificates import server_name  # noqa: E402
from registry.application.folder import NodeFolder  # noqa: E402
from registry.application.key_care.key_files import read_private  # noqa: E402
from registry.log.roster import Member  # noqa: E402
from registry_node.settings import NodeSettings  # noqa: E402

_KEEPALIVE_MS = 30_000
_LOCAL_BACKOFF_MS = 500
"""A socket of this machine is tried so often at least: looking costs nothing there."""


def pem_of(certificate_der: bytes) -> bytes:
    """Turns a DER certificate into PEM."""
    certificate = x509.load_der_x509_certificate(certificate_der)
    return certificate.public_bytes(serialization.Encoding.PEM)


def open_peer_channel(
    member: Member, folder: NodeFolder, settings: NodeSettings, *, target: str = ""
) -> grpc.aio.Channel:
    """Opens a channel to a member's node; nobody but the holder of the pinned key can answer.

    Args:
        member: whose node.
        folder: this node's keys.
        settings: limits.
        target: where it is reached, if that is not the address of the roster.
    """
    credentials = grpc.ssl_channel_credentials(
        root_certificates=pem_of(member.tls_certificate),
        private_key=read_private(folder.keys / "tls.key"),
        certificate_chain=(folder.tls / "node.crt").read_bytes(),
    )
    longest_ms = _LOCAL_BACKOFF_MS if target else int(settings.reconnect_max_s * 1000)
    options = _options(member, settings, longest_ms)
    return grpc.aio.secure_channel(target or member.address, credentials, options=options)


def _options(
    member: Member, settings: NodeSettings, longest_backoff_ms: int
) -> list[tuple[str, Any]]:
    return [
        ("grpc.ssl_target_name_override", server_name(member.slug)),
        ("grpc.max_receive_message_length", settings.message_max_bytes),
        ("grpc.max_send_message_length", settings.message_max_bytes),
        ("grpc.max_metadata_size", settings.metadata_max_bytes),
        ("grpc.keepalive_time_ms", _KEEPALIVE_MS),
        ("grpc.keepalive_timeout_ms", _KEEPALIVE_MS // 3),
        ("grpc.initial_reconnect_backoff_ms", 200),
        # Whatever it is called, this is how long a connection may take, TLS and all: not a backoff.
        ("grpc.min_reconnect_backoff_ms", int(settings.handshake_timeout_s * 1000)),
        ("grpc.max_reconnect_backoff_ms", longest_backoff_ms),
        ("grpc.enable_retries", 0),
    ]
