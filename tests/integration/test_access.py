"""Who may call what: every method of every served service, against a written table."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import grpc
import pytest
from google.protobuf import descriptor_pool
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message_factory import GetMessageClass
from grpc_reflection.v1alpha import reflection_pb2

from registry.api.v1 import admin_pb2, audit_pb2, cases_pb2, replication_pb2
from registry.application.certificates import load_pair, make_client_certificate
from registry.application.clients import add_client, read_clients, write_clients
from registry.application.folder import NodeFolder
from registry_cli.federation import LocalNode
from tests.integration.federation_world import (
    channel,
    channel_as_client,
    channel_as_member,
    client_of,
    member_key,
    node_certificate,
    opened,
    reason_of,
)

_API: Final = "registry.api.v1."
_DENIED: Final = "PERMISSION_DENIED"
_KNOWN: Final = (admin_pb2, audit_pb2, cases_pb2, replication_pb2)
"""Imported, so that the descriptors of what a node serves are found; another file must be added."""

# What an empty request is answered with: (to a client of the node, to a member of the registry).
# The node's own log is not empty.
TABLE: Final[Mapping[str, tuple[str, str]]] = {
    "AdminService/GetNodeStatus": ("OK", _DENIED),
    "AdminService/ListPeers": ("OK", _DENIED),
    "AuditService/GetCheckpoint": ("OK", "OK"),
    "AuditService/GetConsistencyProof": ("NOT_FOUND", "NOT_FOUND"),
    "AuditService/GetInclusionProof": ("OK", "OK"),
    "AuditService/GetNodeDigest": ("OK", "OK"),
    "AuditService/ListEntries": ("OK", "OK"),
    "AuditService/WatchCheckpoints": ("OK", "OK"),
    "CaseService/GetCase": ("INVALID_ARGUMENT", _DENIED),
    "CaseService/GetHistory": ("INVALID_ARGUMENT", _DENIED),
    "CaseService/GetTimeline": ("INVALID_ARGUMENT", _DENIED),
    "CaseService/ListCases": ("OK", _DENIED),
    "CaseService/OpenCase": ("INVALID_ARGUMENT", _DENIED),
    "CaseService/RecordEvent": ("INVALID_ARGUMENT", _DENIED),
    "ReplicationService/GetEntries": (_DENIED, "INVALID_ARGUMENT"),
    "ReplicationService/GetParts": (_DENIED, "NOT_FOUND"),
    "ReplicationService/GetRoster": (_DENIED, "OK"),
    "ReplicationService/WatchHeads": (_DENIED, "OK"),
}


@pytest.fixture(autouse=True)
async def _one_event(alpha: LocalNode) -> None:
    async with client_of(alpha) as client:
        await client.open_case("access-1", opened("A case for the access table (invented)"))


async def served_methods(caller: grpc.aio.Channel) -> dict[str, MethodDescriptor]:
    """Asks the node itself what it serves."""
    call: Any = caller.stream_stream(
        "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
        reflection_pb2.ServerReflectionRequest.SerializeToString,
        reflection_pb2.ServerReflectionResponse.FromString,
    )(iter([reflection_pb2.ServerReflectionRequest(list_services="")]), timeout=5)
    names = [each.name async for r in call for each in r.list_services_response.service]
    pool = descriptor_pool.Default()
    return {
        f"{name.removeprefix(_API)}/{method.name}": method
        for name in names
        if name.startswith(_API)
        for method in pool.FindServiceByName(name).methods
    }


async def outcome(caller: grpc.aio.Channel, method: MethodDescriptor) -> tuple[str, str]:
    """Calls a method with an empty request; returns the code and the stable reason."""
    service = method.containing_service
    assert service is not None
    path = f"/{service.full_name}/{method.name}"
    request = GetMessageClass(method.input_type)()
    read = GetMessageClass(method.output_type).FromString
    try:
        if method.server_streaming:
            stream: Any = caller.unary_stream(path, type(request).SerializeToString, read)
            call = stream(request, timeout=5)
            async for _ in call:
                call.cancel()
                return "OK", ""
        else:
            unary: Any = caller.unary_unary(path, type(request).SerializeToString, read)
            await unary(request, timeout=5)
    except grpc.aio.AioRpcError as error:
        return error.code().name, reason_of(error)
    return "OK", ""


async def test_every_served_method_has_a_row_in_the_table(alpha: LocalNode) -> None:
    async with channel_as_client(alpha) as caller:
        assert set(await served_methods(caller)) == set(TABLE)


async def test_each_kind_of_caller_gets_what_the_table_says(
    alpha: LocalNode, beta: LocalNode
) -> None:
    async with channel_as_client(alpha) as client, channel_as_member(alpha, beta) as member:
        methods = await served_methods(client)
        found = {
            name: (await outcome(client, method), await outcome(member, method))
            for name, method in methods.items()
        }
    assert {name: (c[0], m[0]) for name, (c, m) in found.items()} == dict(TABLE)
    denied = [told for pair in found.values() for told in pair if told[0] == _DENIED]
    assert denied
    assert {reason for _, reason in denied} == {"not_allowed"}


def remove_line(node: LocalNode, fingerprint: str) -> None:
    folder = NodeFolder(node.folder)
    clients = read_clients(folder)
    del clients[fingerprint]
    write_clients(folder, clients)


@pytest.fixture
def removed_client(alpha: LocalNode, tmp_path: Path) -> Path:
    """A client whose line was taken out of the list while the node runs."""
    profile = tmp_path / "removed"
    fingerprint = add_client(alpha.folder, f"removed-{tmp_path.name}", profile)
    remove_line(alpha, fingerprint)
    return profile


async def test_client_whose_line_was_removed_may_call_nothing(
    alpha: LocalNode, removed_client: Path
) -> None:
    async with channel_as_client(alpha) as caller:
        methods = await served_methods(caller)
    async with channel_as_client(alpha, removed_client) as caller:
        found = {await outcome(caller, method) for method in methods.values()}
        assert found == {("UNAUTHENTICATED", "unknown_caller")}
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await served_methods(caller)
    assert refused.value.code() is grpc.StatusCode.UNAUTHENTICATED


async def test_client_works_on_a_running_node_until_its_line_is_removed(
    alpha: LocalNode, tmp_path: Path
) -> None:
    profile = tmp_path / "fresh"
    fingerprint = add_client(alpha.folder, f"fresh-{tmp_path.name}", profile)
    async with channel_as_client(alpha, profile) as caller:
        method = (await served_methods(caller))["AdminService/GetNodeStatus"]
        assert (await outcome(caller, method))[0] == "OK"
        remove_line(alpha, fingerprint)
        assert (await outcome(caller, method))[0] == "UNAUTHENTICATED"


async def test_certificate_that_a_member_issued_itself_reaches_no_handler(
    alpha: LocalNode, beta: LocalNode
) -> None:
    authority = load_pair(node_certificate(beta), member_key(beta))
    issued = make_client_certificate(authority, "desk")
    chain = issued.certificate_pem + node_certificate(beta)
    async with channel_as_client(alpha) as known, channel(alpha, issued.key_pem, chain) as forged:
        methods = await served_methods(known)
        found = {(await outcome(forged, method))[0] for method in methods.values()}
    # Refused at the handshake, or by the list of fingerprints behind it.
    assert found <= {"UNAVAILABLE", "UNAUTHENTICATED"}
