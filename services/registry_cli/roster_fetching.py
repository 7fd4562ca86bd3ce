"""The rosters of a registry, fetched from one of its nodes by a member that knows nobody yet.

Who answers at an address is not known, so nothing counts for where it came from: the versions are
verified from the registry id on, which was told by another way, and then the node that gave them
must be the one of an active member, by the TLS key that the newest version gives it.
"""

import ssl
from pathlib import Path
from typing import Any, Final

from registry.client.tls import require_tls13

require_tls13()

import grpc  # noqa: E402 - grpc reads the cipher setting when it is first imported
from cryptography import x509  # noqa: E402
from cryptography.hazmat.primitives import serialization  # noqa: E402

from registry.api.v1 import replication_pb2, replication_pb2_grpc  # noqa: E402
from registry.application.folder import NodeFolder  # noqa: E402
from registry.application.founding import check_address  # noqa: E402
from registry.application.key_files import read_private  # noqa: E402
from registry.application.rosters import ROSTERS_MAX  # noqa: E402
from registry.domain.identifiers import RegistryId  # noqa: E402
from registry.errors import PeerUnavailable, RosterError  # noqa: E402
from registry.log.roster import decode_roster, decode_signed_roster, verify_genesis  # noqa: E402
from registry.log.roster_chain import verify_chain  # noqa: E402

_TIMEOUT_S: Final = 20.0


def fetch_rosters(folder_path: Path, address: str, registry_id: RegistryId) -> list[bytes]:
    """Brings all versions of the roster, the genesis first.

    Args:
        folder_path: of a node that the newest version names and that has not joined yet.
        address: `host:port` of any member's node.
        registry_id: as it was told by another way.

    Raises:
        InvalidRequest: the address is malformed.
        PeerUnavailable: nobody answers there, or the node does not know this member.
        RosterError: what was given does not verify, or not a member's node gave it.
        FolderError, KeyFileError: the folder is not usable.
    """
    check_address(address)
    folder = NodeFolder(folder_path)
    folder.describe()
    certificate = _certificate_at(address)
    credentials = grpc.ssl_channel_credentials(
        root_certificates=certificate.encode(),
        private_key=read_private(folder.keys / "tls.key"),
        certificate_chain=(folder.tls / "node.crt").read_bytes(),
    )
    parsed = x509.load_pem_x509_certificate(certificate.encode())
    options = [("grpc.ssl_target_name_override", _name_in(parsed)), ("grpc.enable_retries", 0)]
    with grpc.secure_channel(address, credentials, options=options) as channel:
        signed = _fetch_all(replication_pb2_grpc.ReplicationServiceStub(channel), address)
    verify_genesis(signed[0], registry_id=registry_id)
    newest = verify_chain(tuple(signed)).newest
    given_by = parsed.public_bytes(serialization.Encoding.DER)
    if all(member.tls_certificate != given_by for member in newest.active_members()):
        msg = f"the node at {address} is not that of a member"
        raise RosterError(msg)
    return signed


def _certificate_at(address: str) -> str:
    host, _, port = address.rpartition(":")
    try:
        return ssl.get_server_certificate((host.strip("[]"), int(port)), timeout=_TIMEOUT_S)
    except OSError as error:
        msg = f"nobody answers at {address}: {error}"
        raise PeerUnavailable(msg) from error


def _name_in(certificate: x509.Certificate) -> str:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
        return names.value.get_values_for_type(x509.DNSName)[0]
    except (x509.ExtensionNotFound, IndexError) as error:
        msg = "the certificate that answers is none of a node"
        raise RosterError(msg) from error


def _fetch_all(stub: Any, address: str) -> list[bytes]:  # noqa: ANN401 - a gRPC stub
    try:
        newest = decode_roster(decode_signed_roster(_fetch(stub, 0)).roster).version
        if newest > ROSTERS_MAX:
            msg = f"the node at {address} speaks of {newest} versions, at most {ROSTERS_MAX} count"
            raise RosterError(msg)
        return [_fetch(stub, version) for version in range(1, newest + 1)]
    except grpc.RpcError as error:
        code: Any = error  # every error of a call has one
        msg = (
            f"the node at {address} gives no roster ({code.code().name}): "
            "does it know this member yet?"
        )
        raise PeerUnavailable(msg) from error


def _fetch(stub: Any, version: int) -> bytes:  # noqa: ANN401
    request = replication_pb2.GetRosterRequest(version=version)
    return bytes(stub.GetRoster(request, timeout=_TIMEOUT_S).signed_roster)
