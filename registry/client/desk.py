"""Calls about who does and reads what at one node, reached as `client.desk`."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import grpc

from registry.api.v1 import cases_pb2, desk_pb2, desk_pb2_grpc
from registry.client.content_conversion import content_from_proto
from registry.client.values import Receipt, read_receipt
from registry.domain.content import ActContent, SourceIdentity
from registry.domain.identifiers import CaseId
from registry.errors import InvalidContent, NeedsApproval

Call = Callable[[Any, Any], Awaitable[Any]]
"""Makes one call with the client's deadline and errors: (method, request)."""
_PAGE: Final = 200


@dataclass(frozen=True, slots=True)
class PendingAct:
    """An act that waits for a second person.

    Attributes:
        act_id: names it.
        action: publish or erase.
        officer: who asked.
        asked_ms: when, milliseconds UTC.
        case_id: the case.
        content: of publish: what would be recorded; None if this client cannot read it.
        parts: of erase: (index, ordinal) of what would be erased.
        parts_origin: of erase: the former log that holds it; empty = the node's own.
    """

    act_id: str
    action: str
    officer: str
    asked_ms: int
    case_id: CaseId
    content: ActContent | None
    parts: tuple[tuple[int, int], ...]
    parts_origin: str = ""


@dataclass(frozen=True, slots=True)
class Act:
    """Who did an act, and who approved it (empty = nobody had to)."""

    officer: str
    approver: str
    done_ms: int


@dataclass(frozen=True, slots=True)
class ReadRecord:
    """A read of content that is not for every member."""

    time_ms: int
    client: str
    method: str
    case_id: CaseId
    events: int


class DeskClient:
    """A client's calls of DeskService."""

    def __init__(self, channel: grpc.aio.Channel, call: Call, patiently_call: Call) -> None:
        """Uses the client's channel.

        Args:
            channel: of the client.
            call: makes one call.
            patiently_call: makes a call that is safe to repeat while the node is not reachable.
        """
        self._stub: desk_pb2_grpc.DeskServiceAsyncStub = desk_pb2_grpc.DeskServiceStub(channel)
        self._call = call
        self._patiently_call = patiently_call

    async def pending(self) -> AsyncIterator[PendingAct]:
        """Lists acts that wait, oldest first, page by page."""
        token = ""
        while True:
            request = desk_pb2.ListPendingActsRequest(page_size=_PAGE, page_token=token)
            page = await self._call(self._stub.ListPendingActs, request)
            for act in page.acts:
                yield _pending(act)
            token = page.next_page_token
            if not token:
                return

    async def approve(self, act_id: str) -> Receipt:
        """Approves an act as its second person."""
        request = desk_pb2.ApproveActRequest(act_id=act_id)
        return read_receipt((await self._call(self._stub.ApproveAct, request)).receipt)

    async def decline(self, act_id: str) -> None:
        """Declines an act."""
        await self._call(self._stub.DeclineAct, desk_pb2.DeclineActRequest(act_id=act_id))

    async def act(self, index: int) -> Act:
        """Tells who did an act of the node's own log."""
        response = await self._call(self._stub.GetAct, desk_pb2.GetActRequest(index=index))
        return Act(response.officer, response.approver, response.done_ms)

    async def restrict(self, selector: cases_pb2.CaseSelector, clients: Sequence[str]) -> None:
        """Limits a case to named clients; none = the limit is lifted."""
        request = desk_pb2.RestrictCaseRequest(case=selector, clients=clients)
        await self._patiently_call(self._stub.RestrictCase, request)

    async def source(self, index: int) -> SourceIdentity:
        """Tells who the information of an own event came from."""
        response = await self._call(self._stub.GetSource, desk_pb2.GetSourceRequest(index=index))
        told = response.source_identity
        return SourceIdentity(name=told.name, contact=told.contact, note=told.note)

    async def reads(self, case_id: CaseId | None = None) -> AsyncIterator[ReadRecord]:
        """Lists reads, newest first, page by page."""
        token = ""
        while True:
            request = desk_pb2.ListReadsRequest(
                page_size=_PAGE, page_token=token, case_id=case_id or b""
            )
            page = await self._call(self._stub.ListReads, request)
            for read in page.reads:
                yield ReadRecord(
                    read.time_ms, read.client, read.method, CaseId(read.case_id), read.events
                )
            token = page.next_page_token
            if not token:
                return


def done_or_waiting(response: cases_pb2.RecordEventResponse) -> Receipt:
    """Reads where an event stands.

    Raises:
        NeedsApproval: nowhere yet.
    """
    if response.WhichOneof("outcome") == "pending_act_id":
        waiting = NeedsApproval(
            f"this waits for a second person: act {response.pending_act_id}; nothing is recorded "
            "until somebody else approves it"
        )
        waiting.act_id = response.pending_act_id
        raise waiting
    return read_receipt(response.receipt)


def source_to_proto(source: SourceIdentity | None) -> cases_pb2.SourceIdentity | None:
    """Writes a source for the node that receives it, and for nobody else."""
    if source is None:
        return None
    return cases_pb2.SourceIdentity(name=source.name, contact=source.contact, note=source.note)


def _pending(act: desk_pb2.PendingAct) -> PendingAct:
    content = None
    if act.HasField("event"):
        try:
            content = content_from_proto(act.event.content)
        except InvalidContent:
            content = None
    return PendingAct(
        act_id=act.act_id,
        action=act.action,
        officer=act.officer,
        asked_ms=act.asked_ms,
        case_id=CaseId(act.case_id),
        content=content,
        parts=tuple((each.index, each.ordinal) for each in act.erasure.targets),
        parts_origin=act.erasure.origin,
    )
