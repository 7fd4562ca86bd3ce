"""Calls about who may hold what, reached as `client.confidentiality`."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

import grpc

from registry.api.v1 import cases_pb2, confidentiality_pb2, confidentiality_pb2_grpc
from registry.client.content_conversion import audience_to_proto, content_to_proto
from registry.client.values import HistoryEvent, Receipt, read_event, read_receipt
from registry.domain.audience import DEFAULT_AUDIENCE, AudienceChoice
from registry.domain.content import ActContent
from registry.domain.identifiers import CaseId

Call = Callable[[Any, Any], Awaitable[Any]]
"""Makes one call with the client's deadline and errors: (method, request)."""


@dataclass(frozen=True, slots=True)
class PartToErase:
    """One part of an own event; no commitment = whatever stands there."""

    index: int
    ordinal: int
    commitment: bytes = b""


@dataclass(frozen=True, slots=True)
class Erasure:
    """What was erased, or the id of the act that waits for a second person."""

    receipt: Receipt | None
    pending_act_id: str


@dataclass(frozen=True, slots=True)
class ErasureConfirmation:
    """How one mechanism stands to an erasure; times in milliseconds UTC, 0 = not yet.

    Of one that takes part no more nobody will ever be told that it erased what it held.
    """

    mechanism: str
    is_confirmed: bool
    confirmed_ms: int
    last_heard_ms: int
    takes_part_no_more: bool


@dataclass(frozen=True, slots=True)
class ErasureStatus:
    """Who has confirmed an erasure."""

    erased_ms: int
    confirmations: tuple[ErasureConfirmation, ...]


@dataclass(frozen=True, slots=True)
class PersonUse:
    """One person and one use; `why_not` is empty if a consent covers it."""

    person_id: str
    name: str
    use: str
    is_permitted: bool
    why_not: str


@dataclass(frozen=True, slots=True)
class Preview:
    """What recording an event would let leave the node, and to whom."""

    visible_kind: str
    visible_to_all: tuple[str, ...]
    recipients: tuple[str, ...]
    is_for_everyone: bool
    size_classes: tuple[int, ...]
    not_before_ms: int
    persons: tuple[PersonUse, ...]
    names_in_text: tuple[PersonUse, ...]
    needs_approval: bool
    refusals: tuple[str, ...]
    warnings: tuple[str, ...] = ()
    add_to_audience: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AttachmentToLeave:
    """A file that would leave with its event; `size` in bytes."""

    ordinal: int
    file_name: str
    size: int


@dataclass(frozen=True, slots=True)
class WideningPreview:
    """What widening would let leave the node; `preview` tells who may hold it then."""

    case_id: CaseId
    kind: str
    title: str
    new_recipients: tuple[str, ...]
    attachments: tuple[AttachmentToLeave, ...]
    preview: Preview


@dataclass(frozen=True, slots=True)
class Export:
    """What may be used of a case for a purpose; all else is left out and counted."""

    events: tuple[HistoryEvent, ...]
    left_out: int
    names_taken_out: int


class ConfidentialityClient:
    """A client's calls of ConfidentialityService."""

    def __init__(self, channel: grpc.aio.Channel, call: Call, patiently_call: Call) -> None:
        """Uses the client's channel.

        Args:
            channel: of the client.
            call: makes one call.
            patiently_call: makes a call that is safe to repeat while the node is not reachable.
        """
        self._stub: confidentiality_pb2_grpc.ConfidentialityServiceAsyncStub = (
            confidentiality_pb2_grpc.ConfidentialityServiceStub(channel)
        )
        self._call = call
        self._patiently_call = patiently_call

    async def preview(
        self,
        selector: cases_pb2.CaseSelector | None,
        content: ActContent,
        *,
        audience: AudienceChoice = DEFAULT_AUDIENCE,
        not_before_ms: int = 0,
        confirmed_person_ids: Sequence[str] = (),
    ) -> Preview:
        """Tells what recording would let leave the node; no selector = a new case."""
        event = cases_pb2.RecordEventRequest(
            case=selector,
            content=content_to_proto(content),
            audience=audience_to_proto(audience),
            not_before_ms=not_before_ms,
            confirmed_person_ids=confirmed_person_ids,
        )
        request = confidentiality_pb2.PreviewEventRequest(event=event)
        response = await self._call(self._stub.PreviewEvent, request)
        return read_preview(response)

    async def export(
        self, selector: cases_pb2.CaseSelector, purpose: str, mechanisms: Sequence[str] = ()
    ) -> Export:
        """Returns what may be used of a case; purpose is public, state or mechanisms."""
        request = confidentiality_pb2.ExportCaseRequest(
            case=selector,
            purpose=confidentiality_pb2.ExportPurpose.Value(f"EXPORT_PURPOSE_{purpose.upper()}"),
            mechanisms=mechanisms,
        )
        response = await self._call(self._stub.ExportCase, request)
        events = tuple(read_event(event) for event in response.events)
        return Export(events, response.left_out, response.names_taken_out)

    async def preview_widening(self, index: int, audience: AudienceChoice) -> WideningPreview:
        """Tells what widening would let leave the node; records nothing."""
        request = confidentiality_pb2.PreviewWideningRequest(
            index=index, audience=audience_to_proto(audience)
        )
        response = await self._call(self._stub.PreviewWidening, request)
        return WideningPreview(
            case_id=CaseId(response.case_id),
            kind=response.kind,
            title=response.title,
            new_recipients=tuple(response.new_recipients),
            attachments=tuple(
                AttachmentToLeave(each.ordinal, each.file_name, each.size)
                for each in response.attachments
            ),
            preview=read_preview(response.preview),
        )

    async def widen(self, request_id: str, index: int, audience: AudienceChoice) -> Receipt:
        """Lets more mechanisms hold the content of an event of the node's own log."""
        request = confidentiality_pb2.WidenAudienceRequest(
            request_id=request_id, index=index, audience=audience_to_proto(audience)
        )
        response = await self._patiently_call(self._stub.WidenAudience, request)
        return read_receipt(response.receipt)

    async def erase(
        self, request_id: str, parts: Sequence[PartToErase], *, origin: str = ""
    ) -> Erasure:
        """Erases parts of events of one log, all of one case; cannot be undone.

        Args:
            request_id: chosen by the caller; the same one erases once.
            parts: 1 to 16.
            origin: of a former log of the node's member that holds them; empty = the node's own.
        """
        request = confidentiality_pb2.EraseContentRequest(
            request_id=request_id,
            targets=[
                confidentiality_pb2.ErasureTarget(
                    index=part.index, ordinal=part.ordinal, commitment=part.commitment
                )
                for part in parts
            ],
            origin=origin,
        )
        response = await self._patiently_call(self._stub.EraseContent, request)
        is_done = response.WhichOneof("outcome") == "receipt"
        return Erasure(
            receipt=read_receipt(response.receipt) if is_done else None,
            pending_act_id=response.pending_act_id,
        )

    async def erasure_status(self, index: int, *, origin: str = "") -> ErasureStatus:
        """Tells who has confirmed an erasure; no origin = of the node's own log."""
        request = confidentiality_pb2.GetErasureStatusRequest(origin=origin, index=index)
        response = await self._call(self._stub.GetErasureStatus, request)
        return ErasureStatus(
            erased_ms=response.erased_ms,
            confirmations=tuple(
                ErasureConfirmation(
                    each.mechanism,
                    each.is_confirmed,
                    each.confirmed_ms,
                    each.last_heard_ms,
                    each.takes_part_no_more,
                )
                for each in response.confirmations
            ),
        )


def read_preview(response: confidentiality_pb2.PreviewEventResponse) -> Preview:
    """Converts a preview."""
    return Preview(
        visible_kind=response.visible_kind,
        visible_to_all=tuple(response.visible_to_all),
        recipients=tuple(response.recipients),
        is_for_everyone=response.is_for_everyone,
        size_classes=tuple(response.size_classes),
        not_before_ms=response.not_before_ms,
        persons=tuple(_person_use(each) for each in response.persons),
        names_in_text=tuple(_person_use(each) for each in response.names_in_text),
        needs_approval=response.needs_approval,
        refusals=tuple(response.refusals),
        warnings=tuple(response.warnings),
        add_to_audience=tuple(response.add_to_audience),
    )


def _person_use(message: confidentiality_pb2.PersonUse) -> PersonUse:
    return PersonUse(
        message.person_id, message.name, message.use, message.is_permitted, message.why_not
    )
