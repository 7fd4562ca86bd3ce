"""Fetches all versions of a registry's roster from one node; for a member that knows nobody yet.

Who answers at an address is not known, so nothing counts for where it came from: whoever asks
verifies the versions from the registry id on, and that the node that gave them is a member's.
"""

import ssl
from dataclasses import dataclass
from typing import Any, Final

from registry.client.tls import require_tls13

require_tls13()

import grpc  # noqa: E402 - grpc reads the cipher setting when it is first imported
from cryptography import x509  # noqa: E402
from cryptography.hazmat.primitives import serialization  # noqa: E402

from registry.api.v1 import replication_pb2, replication_pb2_grpc  # noqa: E402
from registry.errors import PeerUnavailable, RosterError  # noqa: E402

_TIMEOUT_S: Final = 20.0
_VERSIONS_MAX: Final = 10_000


@dataclass(frozen=True, slots=True)
class GivenRosters:
    """Signed versions, the genesis first, and the certificate of the node that gave them, DER."""

    signed: tuple[bytes, ...]
    given_by: bytes


def fetch_rosters(address: str, *, key: bytes, certificate: bytes) -> GivenRosters:
    """Brings all versions of the roster; none of them is verified here.

    Args:
        address: `host:port` of any member's node.
        key: TLS key of the member that asks, PEM.
        certificate: its certificate, PEM.

    Raises:
        PeerUnavailable: nobody answers there, or the node does not know this member.
        RosterError: it is no node, or there is no end of versions.
    """
    answering = _certificate_at(address)
    credentials = grpc.ssl_channel_credentials(
        root_certificates=answering.encode(), private_key=key, certificate_chain=certificate
    )
    parsed, name = _named(answering)
    options = [("grpc.ssl_target_name_override", name), ("grpc.enable_retries", 0)]
    with grpc.secure_channel(address, credentials, options=options) as channel:
        signed = _fetch_all(replication_pb2_grpc.ReplicationServiceStub(channel), address)
    return GivenRosters(signed, parsed.public_bytes(serialization.Encoding.DER))


def _certificate_at(address: str) -> str:
    host, _, port = address.rpartition(":")
    try:
        return ssl.get_server_certificate((host.strip("[]"), int(port)), timeout=_TIMEOUT_S)
    except OSError as error:
        msg = f"nobody answers at {address}: {error}"
        raise PeerUnavailable(msg) from error


def _named(certificate_pem: str) -> tuple[x509.Certificate, str]:
    try:
        parsed = x509.load_pem_x509_certificate(certificate_pem.encode())
        names = parsed.extensions.get_extension_for_class(x509.SubjectAlternativeName)
        return parsed, names.value.get_values_for_type(x509.DNSName)[0]
    except (x509.ExtensionNotFound, x509.DuplicateExtension, IndexError, ValueError) as error:
        # TLS takes certificates that are no X.509 to the letter; and anybody may answer.
        msg = "the certificate that answers is none of a node"
        raise RosterError(msg) from error


def _fetch_all(stub: Any, address: str) -> tuple[bytes, ...]:  # noqa: ANN401 - a gRPC stub
    found: list[bytes] = []
    try:
        while len(found) < _VERSIONS_MAX:
            request = replication_pb2.GetRosterRequest(version=len(found) + 1)
            found.append(bytes(stub.GetRoster(request, timeout=_TIMEOUT_S).signed_roster))
    except grpc.RpcError as error:
        call: Any = error  # every error of a call has a code
        if found and call.code() is grpc.StatusCode.NOT_FOUND:
            return tuple(found)
        msg = (
            f"the node at {address} gives no roster ({call.code().name}): "
            "does it know this member yet?"
        )
        raise PeerUnavailable(msg) from error
    msg = f"the node at {address} has no end of versions, {_VERSIONS_MAX} are too many"
    raise RosterError(msg)
