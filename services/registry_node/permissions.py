"""Who may call what: one table from the full name of each method to those that may call it.

It is asked before any handler runs. A method without a row is refused for everybody, whoever adds
it; Health/List, which the library serves without an answer, is one. A member's node is no client:
it has rows where members meet, and no others.
"""

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final

from registry.application.roles import Role
from registry.errors import NotAllowed
from registry_node.callers import Caller

MEMBER: Final = "member"
"""Stands beside the roles for the nodes of the registry's members."""

_VIEWER, _OFFICER, _PUBLISHER, _AUDITOR, _ADMINISTRATOR = Role
_CLIENTS: Final = frozenset[str](Role)
_MEMBERS: Final = frozenset({MEMBER})
_EVERYBODY: Final = _CLIENTS | _MEMBERS
_READERS: Final = frozenset[str]({_VIEWER, _OFFICER, _PUBLISHER})
_OFFICERS: Final = frozenset[str]({_OFFICER, _PUBLISHER})
_PUBLISHERS: Final = frozenset[str]({_PUBLISHER})
_AUDITORS: Final = frozenset[str]({_AUDITOR})
_ADMINISTRATORS: Final = frozenset[str]({_ADMINISTRATOR})


def _rows(service: str, methods: Mapping[str, Iterable[str]]) -> dict[str, frozenset[str]]:
    return {f"/{service}/{method}": frozenset(allowed) for method, allowed in methods.items()}


PERMISSIONS: Final[Mapping[str, frozenset[str]]] = MappingProxyType(
    _rows(
        "registry.api.v1.CaseService",
        {
            "OpenCase": _OFFICERS,
            "RecordEvent": _OFFICERS,
            "GetCase": _READERS,
            "ListCases": _READERS,
            "GetHistory": _READERS,
            "GetTimeline": _READERS,
        },
    )
    | _rows(
        "registry.api.v1.CaseworkService",
        {
            "ListActs": _READERS,
            "ListObligations": _READERS,
            "ListFollowUps": _READERS,
            "ListConcordances": _READERS,
            "FindReferences": _READERS,
            "ListMechanisms": _CLIENTS,
        },
    )
    | _rows("registry.api.v1.ActingService", {"HasAnyoneActed": _READERS})
    | _rows("registry.api.v1.KnowledgeService", {"GetKnownHistory": _READERS})
    | _rows(
        "registry.api.v1.DetentionService",
        {
            "ListDetentions": _READERS,
            "GetDetentions": _READERS,
            "GetUntried": _READERS,
        },
    )
    | _rows(
        "registry.api.v1.LinkService",
        {
            "ProposeLink": _OFFICERS,
            "AnswerLink": _OFFICERS,
            "EndLink": _OFFICERS,
            "ListLinks": _READERS,
        },
    )
    | _rows("registry.api.v1.MeetingService", {"ListMeetings": _READERS, "GetMeeting": _READERS})
    | _rows("registry.api.v1.BriefingService", {"MakeBriefing": _OFFICERS})
    | _rows(
        "registry.api.v1.ReprisalService",
        {
            "ListReprisals": _READERS,
            "ListImpunity": _READERS,
            "ListAlerts": _READERS,
            "WatchAlerts": _READERS,
            "MarkAlertsSeen": _OFFICERS,
            "ExportRegister": _OFFICERS,
        },
    )
    | _rows(
        "registry.api.v1.StatementService",
        {
            "ListStatements": _READERS,
            "GetStatement": _READERS,
        },
    )
    | _rows(
        "registry.api.v1.AskingService",
        {
            "PreviewQuestion": _OFFICERS,
            "AskPeers": _OFFICERS,
            "PreviewAnswer": _OFFICERS,
            "AnswerQuestion": _OFFICERS,
            "ListQuestions": _READERS | _AUDITORS,
            "GetMatching": _OFFICERS,
            "PreviewTelling": _OFFICERS,
            "TellMatching": _OFFICERS,
        },
    )
    | _rows(
        "registry.api.v1.WatchService",
        {
            "WatchHistory": _READERS,
            "WatchCases": _READERS,
        },
    )
    | _rows(
        "registry.api.v1.IntentService",
        {
            "DeclareIntent": _OFFICERS,
            "AnswerIntent": _OFFICERS,
            "WithdrawIntent": _OFFICERS,
            "ListIntents": _READERS,
        },
    )
    | _rows(
        "registry.api.v1.PracticeService",
        {
            "ListPractices": _READERS,
            "ListDefinitions": _READERS,
        },
    )
    | _rows(
        "registry.api.v1.ConfidentialityService",
        {
            "PreviewEvent": _OFFICERS,
            "PreviewWidening": _OFFICERS,
            "WidenAudience": _OFFICERS,
            "EraseContent": _OFFICERS,
            "GetErasureStatus": _READERS | _AUDITORS,
            "ExportCase": _OFFICERS,
        },
    )
    | _rows(
        "registry.api.v1.AttachmentService",
        {
            "BeginUpload": _OFFICERS,
            "UploadChunk": _OFFICERS,
            "DownloadAttachment": _READERS,
        },
    )
    | _rows(
        "registry.api.v1.DeskService",
        {
            "ListPendingActs": _OFFICERS,
            "ApproveAct": _PUBLISHERS,
            "DeclineAct": _OFFICERS,
            "GetAct": _OFFICERS | _AUDITORS,
            "RestrictCase": _ADMINISTRATORS,
            "GetSource": _OFFICERS,
            "ListReads": _AUDITORS,
        },
    )
    | _rows(
        "registry.api.v1.AuditService",
        {
            "GetCheckpoint": _EVERYBODY,
            "WatchCheckpoints": _EVERYBODY,
            "GetInclusionProof": _EVERYBODY,
            "GetConsistencyProof": _EVERYBODY,
            "GetFaultProof": _EVERYBODY,
            "ListEntries": _EVERYBODY,
            "GetNodeDigest": _EVERYBODY,
        },
    )
    | _rows(
        "registry.api.v1.AdminService",
        {
            "GetNodeStatus": _CLIENTS,
            "ListPeers": _CLIENTS,
        },
    )
    | _rows(
        "registry.api.v1.ReplicationService",
        {
            "WatchHeads": _MEMBERS,
            "GetEntries": _MEMBERS,
            "GetPrefix": _MEMBERS,
            "GetParts": _MEMBERS,
            "GetPartChunks": _MEMBERS,
            "GetRoster": _MEMBERS,
            "ExchangeProposals": _MEMBERS,
            "AddCheckpoint": _MEMBERS,
            "Offer": _MEMBERS,
        },
    )
    | _rows("grpc.health.v1.Health", {"Check": _EVERYBODY, "Watch": _EVERYBODY})
    | _rows("grpc.reflection.v1alpha.ServerReflection", {"ServerReflectionInfo": _EVERYBODY})
)


def check_permitted(
    method: str, caller: Caller, table: Mapping[str, frozenset[str]] = PERMISSIONS
) -> None:
    """Refuses a call that the table does not allow.

    Args:
        method: full name, such as `/registry.api.v1.CaseService/GetCase`.
        caller: who calls.
        table: the table.

    Raises:
        NotAllowed: the caller's role has no place in the method's row, or there is no row.
    """
    allowed = table.get(method, frozenset())
    if caller.member is not None:
        if MEMBER not in allowed:
            msg = "members' nodes may not call this; use a client certificate of this node"
            raise NotAllowed(msg)
        return
    if caller.role is None or caller.role not in allowed:
        role = caller.role or "unknown"
        needed = ", ".join(sorted(allowed - {MEMBER})) or "no client"
        msg = f"this call is for {needed}; the role of this certificate is {role}"
        raise NotAllowed(msg)
