"""DeskService: acts that wait, who did what, restricted cases, sources, reads. For clients only."""

import asyncio
from typing import Any, Final, TypeAlias

import grpc

from registry.api.v1 import cases_pb2, confidentiality_pb2, desk_pb2, desk_pb2_grpc
from registry.application.approvals import PendingAct
from registry.application.desk import Desk
from registry.application.recording import RecordCommand
from registry.application.registry import Registry
from registry.client.content_conversion import content_from_proto
from registry.domain.content import SourceIdentity
from registry.domain.identifiers import CASE_ID_SIZE_BYTES, CaseId
from registry.errors import InvalidRequest
from registry.store.office import ReadRow
from registry_node import convert
from registry_node.callers import calling_client
from registry_node.paging import page_size, read_place, write_place
from registry_node.servicers.cases import record_command

Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"
_ACTS: Final = "acts"
_READS: Final = "reads"


class DeskServicer(desk_pb2_grpc.DeskServiceServicer):
    """Converts, delegates to the desk in a thread, converts back."""

    def __init__(self, registry: Registry, desk: Desk) -> None:
        self._registry = registry
        self._desk = desk

    async def ListPendingActs(  # noqa: N802 - the name of the RPC
        self, request: desk_pb2.ListPendingActsRequest, context: Context
    ) -> desk_pb2.ListPendingActsResponse:
        """Lists acts that wait for a second person."""
        client, size = calling_client(), page_size(request.page_size)
        after = read_place(request.page_token, sealed_by=_ACTS)
        acts, end = await asyncio.to_thread(self._desk.pending, client, after, size)
        return desk_pb2.ListPendingActsResponse(
            acts=[_act_to_proto(act) for act in acts],
            next_page_token=write_place(end, sealed_by=_ACTS) if end else "",
        )

    async def ApproveAct(  # noqa: N802
        self, request: desk_pb2.ApproveActRequest, context: Context
    ) -> desk_pb2.ApproveActResponse:
        """Approves an act as its second person and carries it out."""
        client = calling_client()
        appended = await asyncio.to_thread(
            self._desk.approve, client, request.act_id, self._read_request
        )
        receipt = convert.receipt_to_proto(self._registry.receipt(appended))
        return desk_pb2.ApproveActResponse(receipt=receipt)

    async def DeclineAct(  # noqa: N802
        self, request: desk_pb2.DeclineActRequest, context: Context
    ) -> desk_pb2.DeclineActResponse:
        """Declines an act."""
        await asyncio.to_thread(self._desk.decline, calling_client(), request.act_id)
        return desk_pb2.DeclineActResponse()

    async def GetAct(  # noqa: N802
        self, request: desk_pb2.GetActRequest, context: Context
    ) -> desk_pb2.GetActResponse:
        """Tells who did an act of the own log."""
        act, done_ms = await asyncio.to_thread(self._desk.act, calling_client(), request.index)
        return desk_pb2.GetActResponse(officer=act.officer, approver=act.approver, done_ms=done_ms)

    async def RestrictCase(  # noqa: N802
        self, request: desk_pb2.RestrictCaseRequest, context: Context
    ) -> desk_pb2.RestrictCaseResponse:
        """Limits a case to named clients."""
        case_id = convert.case_id_of(request.case, self._registry.registry_id)
        await asyncio.to_thread(self._desk.restrict, case_id, tuple(request.clients))
        return desk_pb2.RestrictCaseResponse()

    async def GetSource(  # noqa: N802
        self, request: desk_pb2.GetSourceRequest, context: Context
    ) -> desk_pb2.GetSourceResponse:
        """Tells who the information of an own event came from."""
        source = await asyncio.to_thread(self._desk.source_of, calling_client(), request.index)
        told = cases_pb2.SourceIdentity(name=source.name, contact=source.contact, note=source.note)
        return desk_pb2.GetSourceResponse(source_identity=told)

    async def ListReads(  # noqa: N802
        self, request: desk_pb2.ListReadsRequest, context: Context
    ) -> desk_pb2.ListReadsResponse:
        """Lists reads of content that is not for every member."""
        if len(request.case_id) not in (0, CASE_ID_SIZE_BYTES):
            msg = f"case_id: {CASE_ID_SIZE_BYTES} bytes, or none"
            raise InvalidRequest(msg)
        size = page_size(request.page_size)
        before = read_place(request.page_token, sealed_by=_READS) or None
        case_id = CaseId(request.case_id) if request.case_id else None
        client = calling_client()
        found = await asyncio.to_thread(self._desk.reads, client, before, size + 1, case_id)
        page = found[:size]
        token = write_place(page[-1].read_no, sealed_by=_READS) if len(found) > size else ""
        return desk_pb2.ListReadsResponse(
            reads=[_read_to_proto(read) for read in page], next_page_token=token
        )

    def _read_request(self, act: PendingAct) -> tuple[RecordCommand, SourceIdentity | None]:
        """Reads again what was asked for, in the name of whoever asked."""
        request = cases_pb2.RecordEventRequest.FromString(act.request)
        content = content_from_proto(request.content)
        command = record_command(
            request, act.officer, act.case_id, content, fingerprint=act.fingerprint
        )
        return command, convert.source_of(request)


def _act_to_proto(act: PendingAct) -> desk_pb2.PendingAct:
    told = desk_pb2.PendingAct(
        act_id=act.act_id,
        action=act.action,
        officer=act.officer,
        asked_ms=act.asked_ms,
        case_id=act.case_id,
    )
    if act.erasure is None:
        told.event.ParseFromString(act.request)
        # Who it came from is told by GetSource, which keeps who asked.
        told.event.ClearField("source_identity")
        return told
    told.erasure.request_id = act.erasure.request_id
    told.erasure.origin = act.erasure.origin
    told.erasure.targets.extend(
        confidentiality_pb2.ErasureTarget(
            index=each.index, ordinal=each.ordinal, commitment=each.commitment or b""
        )
        for each in act.erasure.targets
    )
    return told


def _read_to_proto(read: ReadRow) -> desk_pb2.ReadRecord:
    return desk_pb2.ReadRecord(
        time_ms=read.time_ms,
        client=read.client,
        method=read.method,
        case_id=read.case_id,
        events=read.events,
    )
