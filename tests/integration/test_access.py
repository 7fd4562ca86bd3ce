"""Who may call what: every method of every service, by every role, against a written table."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import grpc
import pytest
from google.protobuf import descriptor_pool
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message_factory import GetMessageClass
from grpc_health.v1 import health_pb2
from grpc_reflection.v1alpha import reflection_pb2

from registry.api.v1 import (
    acting_pb2,
    admin_pb2,
    asking_pb2,
    attachments_pb2,
    audit_pb2,
    cases_pb2,
    casework_pb2,
    confidentiality_pb2,
    desk_pb2,
    detention_pb2,
    intents_pb2,
    knowledge_pb2,
    links_pb2,
    meetings_pb2,
    practices_pb2,
    replication_pb2,
    reprisals_pb2,
    statements_pb2,
    watch_pb2,
)
from registry.application.certificates import load_pair, make_client_certificate
from registry.application.clients import add_client, remove_client, set_role
from registry.application.roles import Role
from registry_cli.federation import LocalNode
from registry_node.permissions import PERMISSIONS
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
_DENIED: Final = ("PERMISSION_DENIED", "not_allowed")
_MODULES: Final = (
    acting_pb2,
    admin_pb2,
    asking_pb2,
    attachments_pb2,
    casework_pb2,
    audit_pb2,
    cases_pb2,
    confidentiality_pb2,
    desk_pb2,
    detention_pb2,
    intents_pb2,
    knowledge_pb2,
    links_pb2,
    practices_pb2,
    meetings_pb2,
    replication_pb2,
    reprisals_pb2,
    statements_pb2,
    watch_pb2,
)
"""Every .proto file with services: a new file fails `test_table_has_a_row_for_every_method`."""
_OTHERS: Final = (health_pb2, reflection_pb2)
"""Imported, so that the descriptors of what else a node serves are found."""
COLUMNS: Final = ("viewer", "officer", "publisher", "auditor", "administrator", "member")

# + may call, - is refused; columns as above. Written by hand, from the design, not from the code.
TABLE: Final[Mapping[str, str]] = MappingProxyType(
    {
        "ActingService/HasAnyoneActed": "+++---",
        "AdminService/GetNodeStatus": "+++++-",
        "AdminService/ListPeers": "+++++-",
        "AskingService/AnswerQuestion": "-++---",
        "AskingService/AskPeers": "-++---",
        "AskingService/ListQuestions": "++++--",
        "AskingService/GetMatching": "-++---",
        "AskingService/PreviewAnswer": "-++---",
        "AskingService/PreviewQuestion": "-++---",
        "AskingService/PreviewTelling": "-++---",
        "AskingService/TellMatching": "-++---",
        "AttachmentService/BeginUpload": "-++---",
        "AttachmentService/DownloadAttachment": "+++---",
        "AttachmentService/UploadChunk": "-++---",
        "AuditService/GetCheckpoint": "++++++",
        "AuditService/GetConsistencyProof": "++++++",
        "AuditService/GetFaultProof": "++++++",
        "AuditService/GetInclusionProof": "++++++",
        "AuditService/GetNodeDigest": "++++++",
        "AuditService/ListEntries": "++++++",
        "AuditService/WatchCheckpoints": "++++++",
        "BriefingService/MakeBriefing": "-++---",
        "CaseService/GetCase": "+++---",
        "CaseService/GetHistory": "+++---",
        "CaseService/GetTimeline": "+++---",
        "CaseService/ListCases": "+++---",
        "CaseService/OpenCase": "-++---",
        "CaseService/RecordEvent": "-++---",
        "CaseworkService/FindReferences": "+++---",
        "CaseworkService/ListActs": "+++---",
        "CaseworkService/ListConcordances": "+++---",
        "CaseworkService/ListFollowUps": "+++---",
        "CaseworkService/ListMechanisms": "+++++-",
        "CaseworkService/ListObligations": "+++---",
        "ConfidentialityService/EraseContent": "-++---",
        "ConfidentialityService/ExportCase": "-++---",
        "ConfidentialityService/GetErasureStatus": "++++--",
        "ConfidentialityService/PreviewEvent": "-++---",
        "ConfidentialityService/PreviewWidening": "-++---",
        "ConfidentialityService/WidenAudience": "-++---",
        "DeskService/ApproveAct": "--+---",
        "DeskService/DeclineAct": "-++---",
        "DeskService/GetAct": "-+++--",
        "DeskService/GetSource": "-++---",
        "DeskService/ListPendingActs": "-++---",
        "DeskService/ListReads": "---+--",
        "DeskService/RestrictCase": "----+-",
        "DetentionService/GetDetentions": "+++---",
        "DetentionService/GetUntried": "+++---",
        "DetentionService/ListDetentions": "+++---",
        "IntentService/AnswerIntent": "-++---",
        "IntentService/DeclareIntent": "-++---",
        "IntentService/ListIntents": "+++---",
        "IntentService/WithdrawIntent": "-++---",
        "KnowledgeService/GetKnownHistory": "+++---",
        "LinkService/AnswerLink": "-++---",
        "LinkService/EndLink": "-++---",
        "LinkService/ListLinks": "+++---",
        "LinkService/ProposeLink": "-++---",
        "PracticeService/ListDefinitions": "+++---",
        "PracticeService/ListPractices": "+++---",
        "MeetingService/GetMeeting": "+++---",
        "MeetingService/ListMeetings": "+++---",
        "ReplicationService/AddCheckpoint": "-----+",
        "ReplicationService/ExchangeProposals": "-----+",
        "ReplicationService/GetEntries": "-----+",
        "ReplicationService/GetPartChunks": "-----+",
        "ReplicationService/GetParts": "-----+",
        "ReplicationService/GetPrefix": "-----+",
        "ReplicationService/GetRoster": "-----+",
        "ReplicationService/Offer": "-----+",
        "ReplicationService/WatchHeads": "-----+",
        "ReprisalService/ExportRegister": "-++---",
        "ReprisalService/ListAlerts": "+++---",
        "ReprisalService/ListImpunity": "+++---",
        "ReprisalService/ListReprisals": "+++---",
        "ReprisalService/MarkAlertsSeen": "-++---",
        "ReprisalService/WatchAlerts": "+++---",
        "StatementService/GetStatement": "+++---",
        "StatementService/ListStatements": "+++---",
        "WatchService/WatchCases": "+++---",
        "WatchService/WatchHistory": "+++---",
        "grpc.health.v1.Health/Check": "++++++",
        "grpc.health.v1.Health/List": "------",  # the library has no answer to it
        "grpc.health.v1.Health/Watch": "++++++",
        "grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo": "++++++",
    }
)


@pytest.fixture(autouse=True)
async def _one_event(alpha: LocalNode) -> None:
    async with client_of(alpha) as client:
        await client.open_case("access-1", opened("A case for the access table (invented)"))


@pytest.fixture(scope="session")
def profiles(
    federation: list[LocalNode], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Path]:
    """A client of alpha for each role."""
    folder = tmp_path_factory.mktemp("roles")
    for role in Role:
        add_client(federation[0].folder, f"access-{role}", folder / role, role)
    return {role: folder / role for role in Role}


async def served_methods(caller: grpc.aio.Channel) -> dict[str, MethodDescriptor]:
    """Asks the node itself what it serves."""
    call: Any = caller.stream_stream(
        "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
        reflection_pb2.ServerReflectionRequest.SerializeToString,
        reflection_pb2.ServerReflectionResponse.FromString,
    )(iter([reflection_pb2.ServerReflectionRequest(list_services="")]), timeout=60)
    names = [each.name async for r in call for each in r.list_services_response.service]
    pool = descriptor_pool.Default()
    return {
        f"{name.removeprefix(_API)}/{method.name}": method
        for name in names
        for method in pool.FindServiceByName(name).methods
    }


async def outcome(caller: grpc.aio.Channel, method: MethodDescriptor) -> tuple[str, str]:
    """Calls a method with an empty request; returns the code and the stable reason."""
    service = method.containing_service
    assert service is not None
    path = f"/{service.full_name}/{method.name}"
    request = GetMessageClass(method.input_type)()
    read = GetMessageClass(method.output_type).FromString
    write = type(request).SerializeToString
    try:
        if method.server_streaming:
            stream: Any = (
                caller.stream_stream(path, write, read)(iter([request]), timeout=60)
                if method.client_streaming
                else caller.unary_stream(path, write, read)(request, timeout=60)
            )
            async for _ in stream:
                stream.cancel()
                return "OK", ""
        else:
            unary: Any = caller.unary_unary(path, write, read)
            await unary(request, timeout=60)
    except grpc.aio.AioRpcError as error:
        return error.code().name, reason_of(error)
    return "OK", ""


def shown(found: Mapping[str, tuple[str, str]]) -> str:
    """One row of the table, from what each column was answered."""
    return "".join("-" if found[column] == _DENIED else "+" for column in COLUMNS)


async def test_table_has_a_row_for_every_method(alpha: LocalNode) -> None:
    async with channel_as_client(alpha) as caller:
        served = set(await served_methods(caller))
    written = {
        f"{service.name}/{method.name}"
        for module in _MODULES
        for service in module.DESCRIPTOR.services_by_name.values()
        for method in service.methods
    }
    assert served == set(TABLE)
    assert written == {name for name in TABLE if not name.startswith("grpc.")}
    files = Path(admin_pb2.__file__).parent.glob("*_pb2_grpc.py")
    with_services = {
        path.name.removesuffix("_grpc.py") for path in files if "class " in path.read_text()
    }
    assert {module.__name__.rpartition(".")[2] for module in _MODULES} == with_services


async def test_every_role_is_answered_as_the_table_says_for_every_method(
    alpha: LocalNode, beta: LocalNode, profiles: dict[str, Path]
) -> None:
    callers = {role: channel_as_client(alpha, path) for role, path in profiles.items()}
    callers["member"] = channel_as_member(alpha, beta)
    assert set(callers) == set(COLUMNS)
    try:
        methods = await served_methods(callers["viewer"])
        found = {
            name: {column: await outcome(caller, method) for column, caller in callers.items()}
            for name, method in methods.items()
        }
    finally:
        for caller in callers.values():
            await caller.close()
    assert {name: shown(row) for name, row in found.items()} == dict(TABLE)
    # Who may call reaches the handler, whatever it says to an empty request.
    codes = {name: {code for code, reason in row.values() if reason} for name, row in found.items()}
    expected = {"PERMISSION_DENIED", "INVALID_ARGUMENT", "NOT_FOUND"}
    # A node that has just started asks its peers first what it has cosigned.
    codes["ReplicationService/AddCheckpoint"].discard("UNAVAILABLE")
    assert {name: each - expected for name, each in codes.items() if each - expected} == {}


def test_table_of_the_node_names_the_methods_that_anybody_may_call_and_no_others() -> None:
    ours = {name for name, row in TABLE.items() if "+" in row}
    assert {name.removeprefix("/").removeprefix(_API) for name in PERMISSIONS} == ours


async def test_role_that_is_changed_counts_from_the_next_call_on(
    alpha: LocalNode, tmp_path: Path
) -> None:
    name = f"changed-{tmp_path.name}"
    add_client(alpha.folder, name, tmp_path / "profile", Role.VIEWER)
    async with channel_as_client(alpha, tmp_path / "profile") as caller:
        methods = await served_methods(caller)
        reads, listing = methods["DeskService/ListReads"], methods["CaseService/ListCases"]
        assert await outcome(caller, reads) == _DENIED
        assert (await outcome(caller, listing))[0] == "OK"
        set_role(alpha.folder, name, Role.AUDITOR)
        assert (await outcome(caller, reads))[0] == "OK"
        assert await outcome(caller, listing) == _DENIED


@pytest.fixture
def removed_client(alpha: LocalNode, tmp_path: Path) -> Path:
    """A client whose line was taken out of the list while the node runs."""
    profile = tmp_path / "removed"
    add_client(alpha.folder, f"removed-{tmp_path.name}", profile)
    remove_client(alpha.folder, f"removed-{tmp_path.name}")
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


async def test_reason_of_a_refusal_reaches_a_caller_that_streams_its_requests(
    alpha: LocalNode, removed_client: Path
) -> None:
    async with channel_as_client(alpha) as caller:
        offer = (await served_methods(caller))["ReplicationService/Offer"]
    async with channel_as_client(alpha, removed_client) as caller:
        found = {await outcome(caller, offer) for _ in range(100)}
    assert found == {("UNAUTHENTICATED", "unknown_caller")}


async def test_client_works_on_a_running_node_until_its_line_is_removed(
    alpha: LocalNode, tmp_path: Path
) -> None:
    profile = tmp_path / "fresh"
    add_client(alpha.folder, f"fresh-{tmp_path.name}", profile)
    async with channel_as_client(alpha, profile) as caller:
        method = (await served_methods(caller))["AdminService/GetNodeStatus"]
        assert (await outcome(caller, method))[0] == "OK"
        remove_client(alpha.folder, f"fresh-{tmp_path.name}")
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
