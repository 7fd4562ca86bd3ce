"""ConfidentialityService: wider audiences, erasure and who has confirmed it. For clients only."""

import asyncio
from collections.abc import Callable
from typing import Any, TypeAlias

import grpc

from registry.api.v1 import cases_pb2, confidentiality_pb2, confidentiality_pb2_grpc
from registry.application.desk import Desk, Waiting, confidential_count
from registry.application.erasing import (
    EraseCommand,
    ErasureStatus,
    ErasureTarget,
    WidenCommand,
)
from registry.application.recording import RecordCommand
from registry.application.registry import Registry
from registry.application.roles import Client
from registry.client.content_conversion import content_from_proto
from registry.domain.identifiers import HASH_SIZE_BYTES, Commitment, Slug
from registry.domain.vocabulary import EventKind
from registry.errors import InvalidRequest
from registry_node import convert
from registry_node.callers import calling_client, current_fingerprint
from registry_node.servicers.cases import record_command

Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"
LastHeard: TypeAlias = Callable[[Slug], int]
"""When this node last heard from a mechanism, milliseconds UTC; 0 = not since it started."""


class ConfidentialityServicer(confidentiality_pb2_grpc.ConfidentialityServiceServicer):
    """Converts, delegates to the registry in a thread, converts back."""

    def __init__(self, registry: Registry, desk: Desk, last_heard_ms: LastHeard) -> None:
        self._registry = registry
        self._desk = desk
        self._last_heard_ms = last_heard_ms

    async def PreviewEvent(  # noqa: N802 - the name of the RPC
        self, request: confidentiality_pb2.PreviewEventRequest, context: Context
    ) -> confidentiality_pb2.PreviewEventResponse:
        """Tells what recording an event would let leave this node; records nothing."""
        client = calling_client()
        event = request.event
        content = content_from_proto(event.content)
        is_opening = content.kind is EventKind.CASE_OPENED and not event.HasField("case")
        registry_id = self._registry.registry_id
        case_id = None if is_opening else convert.case_id_of(event.case, registry_id)
        command = record_command(
            event, client.name, case_id, content, fingerprint=current_fingerprint()
        )
        return await asyncio.to_thread(self._preview, client, command)

    async def ExportCase(  # noqa: N802
        self, request: confidentiality_pb2.ExportCaseRequest, context: Context
    ) -> confidentiality_pb2.ExportCaseResponse:
        """Returns what may be used of a case for a purpose."""
        client = calling_client()
        return await asyncio.to_thread(self._export, request, client)

    def _preview(
        self, client: Client, command: RecordCommand
    ) -> confidentiality_pb2.PreviewEventResponse:
        if command.case_id is not None:
            self._desk.require_case(client, command.case_id)
        told = convert.preview_to_proto(self._registry.preview(command))
        told.needs_approval = self._desk.second_person.is_needed(command)
        return told

    def _export(
        self, request: confidentiality_pb2.ExportCaseRequest, client: Client
    ) -> confidentiality_pb2.ExportCaseResponse:
        case_id = convert.case_id_of(request.case, self._registry.registry_id)
        purpose = convert.export_purpose(request.purpose)
        self._desk.require_case(client, case_id)
        export = self._registry.export(case_id, purpose, tuple(request.mechanisms))
        shown = confidential_count(export.events)
        self._desk.note_read(client, "ExportCase", case_id, shown)
        return confidentiality_pb2.ExportCaseResponse(
            events=[convert.event_to_proto(event) for event in export.events],
            left_out=export.left_out,
            names_taken_out=export.names_taken_out,
        )

    async def PreviewWidening(  # noqa: N802
        self, request: confidentiality_pb2.PreviewWideningRequest, context: Context
    ) -> confidentiality_pb2.PreviewWideningResponse:
        """Tells what widening would let leave this node; records nothing."""
        client = calling_client()
        command = _widening("preview", client, request.index, request.audience)
        found = await asyncio.to_thread(self._desk.preview_widening, client, command)
        return convert.widening_to_proto(found)

    async def WidenAudience(  # noqa: N802 - the name of the RPC
        self, request: confidentiality_pb2.WidenAudienceRequest, context: Context
    ) -> confidentiality_pb2.WidenAudienceResponse:
        """Lets more members hold the content of an own event."""
        client = calling_client()
        command = _widening(request.request_id, client, request.index, request.audience)
        future = await asyncio.to_thread(self._desk.widen, client, command)
        appended = await asyncio.wrap_future(future)
        receipt = convert.receipt_to_proto(self._registry.receipt(appended))
        return confidentiality_pb2.WidenAudienceResponse(receipt=receipt)

    async def EraseContent(  # noqa: N802
        self, request: confidentiality_pb2.EraseContentRequest, context: Context
    ) -> confidentiality_pb2.EraseContentResponse:
        """Erases content of own events, also of a former log, at every holder."""
        client = calling_client()
        targets = tuple(_target(target) for target in request.targets)
        command = EraseCommand(request.request_id, client.name, targets, request.origin)
        fingerprint = current_fingerprint()
        future = await asyncio.to_thread(self._desk.erase, client, command, fingerprint)
        outcome = await asyncio.wrap_future(future)
        if isinstance(outcome, Waiting):
            return confidentiality_pb2.EraseContentResponse(pending_act_id=outcome.act_id)
        receipt = convert.receipt_to_proto(self._registry.receipt(outcome))
        return confidentiality_pb2.EraseContentResponse(receipt=receipt)

    async def GetErasureStatus(  # noqa: N802
        self, request: confidentiality_pb2.GetErasureStatusRequest, context: Context
    ) -> confidentiality_pb2.GetErasureStatusResponse:
        """Tells who has confirmed an erasure."""
        client = calling_client()
        status = await asyncio.to_thread(self._status, request, client)
        return confidentiality_pb2.GetErasureStatusResponse(
            erased_ms=status.erased_ms,
            confirmations=[
                confidentiality_pb2.ErasureConfirmation(
                    mechanism=each.member.slug,
                    is_confirmed=each.confirmed_ms is not None,
                    confirmed_ms=each.confirmed_ms or 0,
                    last_heard_ms=self._last_heard_ms(each.member.slug),
                    takes_part_no_more=not each.member.is_active,
                )
                for each in status.confirmations
            ],
        )

    def _status(
        self, request: confidentiality_pb2.GetErasureStatusRequest, client: Client
    ) -> ErasureStatus:
        self._desk.require_event(client, request.origin, request.index)
        return self._registry.erasure_status(request.origin, request.index)


def _widening(
    request_id: str, client: Client, index: int, audience: cases_pb2.AudienceSelector
) -> WidenCommand:
    choice = convert.audience_of(audience)
    if choice.kind not in ("all", "named"):
        msg = "audience: everyone, or the mechanisms that may hold the content besides"
        raise InvalidRequest(msg)
    return WidenCommand(request_id, client.name, index, choice.mechanisms)


def _target(target: confidentiality_pb2.ErasureTarget) -> ErasureTarget:
    if len(target.commitment) not in (0, HASH_SIZE_BYTES):
        msg = f"commitment: {HASH_SIZE_BYTES} bytes, or none"
        raise InvalidRequest(msg)
    commitment = Commitment(target.commitment) if target.commitment else None
    return ErasureTarget(target.index, target.ordinal, commitment)
