"""The services that a node offers: of each the base class that our servicer extends.

Who may call what of them stands in permissions.py.
"""

from collections.abc import Callable
from typing import Any, Final, NamedTuple

from registry.api.v1 import (
    acting_pb2,
    acting_pb2_grpc,
    admin_pb2,
    admin_pb2_grpc,
    asking_pb2,
    asking_pb2_grpc,
    attachments_pb2,
    attachments_pb2_grpc,
    audit_pb2,
    audit_pb2_grpc,
    cases_pb2,
    cases_pb2_grpc,
    casework_pb2,
    casework_pb2_grpc,
    confidentiality_pb2,
    confidentiality_pb2_grpc,
    desk_pb2,
    desk_pb2_grpc,
    detention_pb2,
    detention_pb2_grpc,
    intents_pb2,
    intents_pb2_grpc,
    knowledge_pb2,
    knowledge_pb2_grpc,
    links_pb2,
    links_pb2_grpc,
    meetings_pb2,
    meetings_pb2_grpc,
    practices_pb2,
    practices_pb2_grpc,
    replication_pb2,
    replication_pb2_grpc,
    reprisals_pb2,
    reprisals_pb2_grpc,
    statements_pb2,
    statements_pb2_grpc,
    watch_pb2,
    watch_pb2_grpc,
)


class OfferedService(NamedTuple):
    """A service: the full name of it, its base class, and how grpc is given it."""

    name: str
    base: type[Any]
    add: Callable[[Any, Any], None]


def _service(messages: Any, stubs: Any, name: str) -> OfferedService:  # noqa: ANN401 - modules that protoc makes
    return OfferedService(
        messages.DESCRIPTOR.services_by_name[name].full_name,
        getattr(stubs, f"{name}Servicer"),
        getattr(stubs, f"add_{name}Servicer_to_server"),
    )


SERVICES: Final = (
    _service(cases_pb2, cases_pb2_grpc, "CaseService"),
    _service(replication_pb2, replication_pb2_grpc, "ReplicationService"),
    _service(audit_pb2, audit_pb2_grpc, "AuditService"),
    _service(admin_pb2, admin_pb2_grpc, "AdminService"),
    _service(confidentiality_pb2, confidentiality_pb2_grpc, "ConfidentialityService"),
    _service(desk_pb2, desk_pb2_grpc, "DeskService"),
    _service(attachments_pb2, attachments_pb2_grpc, "AttachmentService"),
    _service(casework_pb2, casework_pb2_grpc, "CaseworkService"),
    _service(detention_pb2, detention_pb2_grpc, "DetentionService"),
    _service(acting_pb2, acting_pb2_grpc, "ActingService"),
    _service(knowledge_pb2, knowledge_pb2_grpc, "KnowledgeService"),
    _service(links_pb2, links_pb2_grpc, "LinkService"),
    _service(statements_pb2, statements_pb2_grpc, "StatementService"),
    _service(watch_pb2, watch_pb2_grpc, "WatchService"),
    _service(intents_pb2, intents_pb2_grpc, "IntentService"),
    _service(practices_pb2, practices_pb2_grpc, "PracticeService"),
    _service(reprisals_pb2, reprisals_pb2_grpc, "ReprisalService"),
    _service(meetings_pb2, meetings_pb2_grpc, "MeetingService"),
    _service(meetings_pb2, meetings_pb2_grpc, "BriefingService"),
    _service(asking_pb2, asking_pb2_grpc, "AskingService"),
)


def of_servicer(servicer: object) -> OfferedService:
    """Finds the service that a servicer carries out.

    Raises:
        LookupError: it is none of ours.
    """
    for service in SERVICES:
        if isinstance(servicer, service.base):
            return service
    msg = f"{type(servicer).__name__} carries out no service of a node"
    raise LookupError(msg)
