"""Wire to domain and back, for the services that clients call."""

from collections.abc import Mapping
from typing import Final

from registry.api.v1 import audit_pb2, cases_pb2, confidentiality_pb2, content_pb2
from registry.application.cosignature_book import CosignatureBook
from registry.application.exporting import ExportPurpose
from registry.application.preview import Preview
from registry.application.recording import Receipt
from registry.application.widening_preview import WideningPreview
from registry.client.content_conversion import content_to_proto
from registry.domain.audience import (
    DEFAULT_AUDIENCE,
    EVERYONE,
    OWN_ONLY,
    AudienceChoice,
    named,
)
from registry.domain.content import PartialDate, SourceIdentity
from registry.domain.identifiers import (
    CASE_ID_SIZE_BYTES,
    CaseId,
    RegistryId,
    situation_case_id,
)
from registry.domain.release import Verdict
from registry.errors import InvalidRequest
from registry.views.attachments import AttachmentView
from registry.views.case_file import HistoryEntry, LogPlace, PartState
from registry.views.rows import CaseRow
from registry.views.timeline import TimelineItem

_PART_STATES = {
    PartState.NONE: cases_pb2.PART_STATE_UNSPECIFIED,
    PartState.PRESENT: cases_pb2.PART_STATE_PRESENT,
    PartState.NOT_HERE: cases_pb2.PART_STATE_NOT_HERE,
    PartState.WITHHELD: cases_pb2.PART_STATE_WITHHELD,
    PartState.OPAQUE: cases_pb2.PART_STATE_OPAQUE,
    PartState.EMBARGOED: cases_pb2.PART_STATE_EMBARGOED,
    PartState.ERASED: cases_pb2.PART_STATE_ERASED,
}


_PURPOSES: Final[Mapping[int, ExportPurpose]] = {
    confidentiality_pb2.EXPORT_PURPOSE_PUBLIC: "public",
    confidentiality_pb2.EXPORT_PURPOSE_STATE: "state",
    confidentiality_pb2.EXPORT_PURPOSE_MECHANISMS: "mechanisms",
}


def case_id_of(selector: cases_pb2.CaseSelector, registry_id: RegistryId) -> CaseId:
    """Reads which case is meant.

    Raises:
        InvalidRequest: none is named, or the id or code is malformed.
    """
    which = selector.WhichOneof("case")
    if which == "situation_of":
        return situation_case_id(registry_id, selector.situation_of)
    if which is None or len(selector.case_id) != CASE_ID_SIZE_BYTES:
        msg = f"a case is named by {CASE_ID_SIZE_BYTES} bytes or by a State (alpha-3)"
        raise InvalidRequest(msg)
    return CaseId(selector.case_id)


def source_of(
    request: cases_pb2.OpenCaseRequest | cases_pb2.RecordEventRequest,
) -> SourceIdentity | None:
    """Reads who the information of an event came from; None = nothing was said."""
    if isinstance(request, cases_pb2.OpenCaseRequest):
        return None
    told = request.source_identity
    if not (told.name or told.contact or told.note):
        return None
    return SourceIdentity(name=told.name, contact=told.contact, note=told.note)


def audience_of(selector: cases_pb2.AudienceSelector) -> AudienceChoice:
    """Reads who may hold an event's content.

    Raises:
        InvalidRequest: more than one of the choices is set.
    """
    if selector.everyone + selector.own_only + bool(selector.mechanisms) > 1:
        msg = "audience: everyone, own_only and mechanisms exclude each other"
        raise InvalidRequest(msg)
    if selector.mechanisms:
        return named(*selector.mechanisms)
    return EVERYONE if selector.everyone else OWN_ONLY if selector.own_only else DEFAULT_AUDIENCE


def receipt_to_proto(receipt: Receipt) -> cases_pb2.EventReceipt:
    """Converts a receipt."""
    return cases_pb2.EventReceipt(
        case_id=receipt.case_id,
        origin=receipt.origin,
        index=receipt.index,
        leaf_hash=receipt.leaf_hash,
        was_recorded_before=receipt.was_recorded_before,
        time_ms=receipt.time_ms,
    )


def summary_to_proto(row: CaseRow) -> cases_pb2.CaseSummary:
    """Converts a line of the case list."""
    return cases_pb2.CaseSummary(
        case_id=row.case_id,
        title=row.title,
        states=row.states,
        mechanisms=row.mechanisms,
        event_count=row.event_count,
        unreadable_count=row.unreadable_count,
        first_recorded_ms=row.first_recorded_ms,
        last_recorded_ms=row.last_recorded_ms,
        is_invented=row.is_invented,
        is_situation=row.is_situation,
        themes=row.themes,
        own_numbers=row.own_numbers,
        status=row.status,
        disagreement_count=row.disagreement_count,
        is_emblematic=row.is_emblematic,
    )


def event_to_proto(
    event: HistoryEntry, book: CosignatureBook | None = None
) -> cases_pb2.HistoryEvent:
    """Converts one event of a history; with what `book` knows of who has witnessed it."""
    message = cases_pb2.HistoryEvent(
        position=event.position,
        mechanism=event.mechanism,
        origin=event.origin,
        index=event.index,
        leaf_hash=event.leaf_hash,
        kind=event.kind,
        recorded_ms=event.recorded_ms,
        content=None if event.content is None else content_to_proto(event.content),
        content_state=_PART_STATES[event.content_state],
        remarks=event.remarks,
        not_before_ms=event.not_before_ms,
        attachments=[attachment_to_proto(each) for each in event.attachments],
        case_id=event.case_id,
    )
    if book is not None:
        message.witnessed_by, message.witnesses = book.witnessed(event.log_id, event.index + 1)
        earlier = book.earlier_than(event.log_id, event.index, event.recorded_ms)
        if earlier:
            remark = f"recorded, by its author's clock, after it was cosigned by {earlier[0]}"
            message.remarks.append(f"{remark}: one of the two clocks is wrong")
    return message


def attachment_to_proto(attachment: AttachmentView) -> cases_pb2.AttachmentSummary:
    """Converts an attachment of an event."""
    state = PartState.PRESENT if attachment.is_here else PartState.NOT_HERE
    return cases_pb2.AttachmentSummary(
        ordinal=attachment.ordinal,
        file_name=attachment.file_name,
        media_type=attachment.media_type,
        size=attachment.size,
        sha256=bytes.fromhex(attachment.sha256),
        state=_PART_STATES[PartState.ERASED if attachment.is_erased else state],
    )


def item_to_proto(item: TimelineItem, book: CosignatureBook) -> cases_pb2.TimelineItem:
    """Converts one act of a timeline, as `event_to_proto`."""
    return cases_pb2.TimelineItem(
        act_date=None if item.act_date is None else date_to_proto(item.act_date),
        event=event_to_proto(item.event, book),
        received_ms=item.event.received_ms,
    )


def export_purpose(purpose: confidentiality_pb2.ExportPurpose.ValueType) -> ExportPurpose:
    """Reads what an export is for.

    Raises:
        InvalidRequest: none is named.
    """
    known = _PURPOSES.get(purpose)
    if known is None:
        msg = "purpose: public, state or mechanisms"
        raise InvalidRequest(msg)
    return known


def preview_to_proto(preview: Preview) -> confidentiality_pb2.PreviewEventResponse:
    """Converts a preview; whether a second person is needed is for the desk to say."""
    return confidentiality_pb2.PreviewEventResponse(
        visible_kind=preview.visible_kind,
        visible_to_all=preview.visible_to_all,
        recipients=preview.recipients,
        is_for_everyone=preview.is_for_everyone,
        size_classes=preview.size_classes,
        not_before_ms=preview.not_before_ms,
        persons=[_verdict(each) for each in preview.release.persons],
        names_in_text=[_verdict(each) for each in preview.release.names_in_text],
        needs_approval=preview.is_publishing,
        refusals=preview.refusals,
        warnings=preview.warnings,
        add_to_audience=preview.add_to_audience,
    )


def widening_to_proto(found: WideningPreview) -> confidentiality_pb2.PreviewWideningResponse:
    """Converts the preview of a widening."""
    return confidentiality_pb2.PreviewWideningResponse(
        case_id=found.case_id,
        kind=found.kind,
        title=found.title,
        new_recipients=found.new_recipients,
        attachments=[
            confidentiality_pb2.AttachmentToLeave(
                ordinal=each.ordinal, file_name=each.file_name, size=each.size
            )
            for each in found.attachments
        ],
        preview=preview_to_proto(found.preview),
    )


def _verdict(verdict: Verdict) -> confidentiality_pb2.PersonUse:
    return confidentiality_pb2.PersonUse(
        person_id=verdict.person_id,
        name=verdict.name,
        use=verdict.use,
        is_permitted=not verdict.why_not,
        why_not=verdict.why_not,
    )


def date_to_proto(date: PartialDate) -> content_pb2.ActDate:
    """Converts a date with its precision."""
    return content_pb2.ActDate(value=date.value or "", precision=date.precision)


def history_place(place: LogPlace) -> cases_pb2.HistoryPlace:
    """Converts one place of a history's vector."""
    return cases_pb2.HistoryPlace(origin=place.origin, size=place.size, root=place.root)


def log_place(place: LogPlace) -> audit_pb2.LogPlace:
    """Converts one place of a node digest's vector."""
    return audit_pb2.LogPlace(origin=place.origin, size=place.size, root=place.root)
