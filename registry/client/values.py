"""What the client returns: plain values, no protobuf."""

from contextlib import suppress
from dataclasses import dataclass, field

from pydantic import ValidationError

from registry.api.v1 import audit_pb2, cases_pb2
from registry.client.content_conversion import content_from_proto
from registry.domain.content import ActContent, PartialDate
from registry.domain.identifiers import NO_CASE, CaseId
from registry.errors import InvalidContent


@dataclass(frozen=True, slots=True)
class Receipt:
    """Where a recorded event stands; time in milliseconds UTC."""

    case_id: CaseId
    origin: str
    index: int
    leaf_hash: bytes
    was_recorded_before: bool
    time_ms: int


@dataclass(frozen=True, slots=True)
class CaseSummary:
    """One line on a case; times in milliseconds UTC."""

    case_id: CaseId
    title: str
    states: tuple[str, ...]
    mechanisms: tuple[str, ...]
    event_count: int
    unreadable_count: int
    first_recorded_ms: int
    last_recorded_ms: int
    is_invented: bool
    is_situation: bool
    themes: tuple[str, ...] = ()
    own_numbers: tuple[str, ...] = ()
    status: str = ""
    disagreement_count: int = 0
    is_emblematic: bool = False


@dataclass(frozen=True, slots=True)
class Claim:
    """What a mechanism, or one of its bodies, says, and the event that says it."""

    mechanism: str
    value: str
    origin: str
    index: int


@dataclass(frozen=True, slots=True)
class Disagreement:
    """Acts of different bodies on one matter that say different things.

    `about` is the event that they are about as (origin, index), None = the case;
    `is_concurrent` tells whether two that differ acted without knowing of each other.
    """

    matter: str
    about: tuple[str, int] | None
    claims: tuple[Claim, ...]
    is_concurrent: bool


@dataclass(frozen=True, slots=True)
class LogPlace:
    """How much of one log counted: `size` entries with root `root`."""

    origin: str
    size: int
    root: bytes


@dataclass(frozen=True, slots=True)
class AttachmentSummary:
    """One file of an event; name and type are claims, for display only."""

    ordinal: int
    file_name: str
    media_type: str
    size: int
    sha256: bytes
    state: str


@dataclass(frozen=True, slots=True)
class HistoryEvent:
    """One event; `content_state` is none, present, not_here, withheld, opaque or embargoed.

    `witnessed_by` of the `witnesses` that there are have cosigned its log up to it, as far as the
    node that was asked knows.
    """

    position: int
    mechanism: str
    origin: str
    index: int
    leaf_hash: bytes
    kind: str
    recorded_ms: int
    content: ActContent | None
    content_state: str
    remarks: tuple[str, ...]
    not_before_ms: int = 0
    attachments: tuple[AttachmentSummary, ...] = ()
    case_id: CaseId = NO_CASE
    witnessed_by: int = field(default=0, compare=False)
    witnesses: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class History:
    """A whole history, its digest and the vector it stands for."""

    case_id: CaseId
    events: tuple[HistoryEvent, ...]
    digest: bytes
    vector: tuple[LogPlace, ...]


@dataclass(frozen=True, slots=True)
class TimelineItem:
    """One act: its date (None = unknown), the event, and when this node received it."""

    act_date: PartialDate | None
    event: HistoryEvent
    received_ms: int


@dataclass(frozen=True, slots=True)
class NodeDigest:
    """One hash over all cases of a node and the vector it stands for."""

    digest: bytes
    case_count: int
    vector: tuple[LogPlace, ...]


_STATES = {
    cases_pb2.PART_STATE_UNSPECIFIED: "none",
    cases_pb2.PART_STATE_PRESENT: "present",
    cases_pb2.PART_STATE_NOT_HERE: "not_here",
    cases_pb2.PART_STATE_WITHHELD: "withheld",
    cases_pb2.PART_STATE_OPAQUE: "opaque",
    cases_pb2.PART_STATE_EMBARGOED: "embargoed",
    cases_pb2.PART_STATE_ERASED: "erased",
}


def read_receipt(message: cases_pb2.EventReceipt) -> Receipt:
    """Converts a receipt."""
    return Receipt(
        CaseId(message.case_id),
        message.origin,
        message.index,
        message.leaf_hash,
        message.was_recorded_before,
        message.time_ms,
    )


def read_summary(message: cases_pb2.CaseSummary) -> CaseSummary:
    """Converts a line of the case list."""
    return CaseSummary(
        case_id=CaseId(message.case_id),
        title=message.title,
        states=tuple(message.states),
        mechanisms=tuple(message.mechanisms),
        event_count=message.event_count,
        unreadable_count=message.unreadable_count,
        first_recorded_ms=message.first_recorded_ms,
        last_recorded_ms=message.last_recorded_ms,
        is_invented=message.is_invented,
        is_situation=message.is_situation,
        themes=tuple(message.themes),
        own_numbers=tuple(message.own_numbers),
        status=message.status,
        disagreement_count=message.disagreement_count,
        is_emblematic=message.is_emblematic,
    )


def read_disagreement(message: cases_pb2.Disagreement) -> Disagreement:
    """Converts acts that say different things."""
    about = message.about if message.HasField("about") else None
    return Disagreement(
        matter=message.matter,
        about=None if about is None else (about.origin, about.index),
        claims=tuple(
            Claim(each.mechanism, each.value, each.event.origin, each.event.index)
            for each in message.claims
        ),
        is_concurrent=message.is_concurrent,
    )


def read_event(message: cases_pb2.HistoryEvent) -> HistoryEvent:
    """Converts an event of a history.

    Content of a kind or with a field that this client does not know makes the event opaque, and
    does not keep the rest of the history from being read.
    """
    content, content_state = None, _STATES.get(message.content_state, "opaque")
    if message.HasField("content"):
        try:
            content = content_from_proto(message.content)
        except InvalidContent:
            content_state = "opaque"
    return HistoryEvent(
        position=message.position,
        mechanism=message.mechanism,
        origin=message.origin,
        index=message.index,
        leaf_hash=message.leaf_hash,
        kind=message.kind,
        recorded_ms=message.recorded_ms,
        content=content,
        content_state=content_state,
        remarks=tuple(message.remarks),
        not_before_ms=message.not_before_ms,
        case_id=CaseId(message.case_id),
        witnessed_by=message.witnessed_by,
        witnesses=message.witnesses,
        attachments=tuple(
            AttachmentSummary(
                each.ordinal,
                each.file_name,
                each.media_type,
                each.size,
                each.sha256,
                _STATES.get(each.state, "opaque"),
            )
            for each in message.attachments
        ),
    )


def read_item(message: cases_pb2.TimelineItem) -> TimelineItem:
    """Converts an act of a timeline; a date in a form that this client does not know is unknown."""
    date = None
    if message.HasField("act_date"):
        with suppress(ValidationError):
            date = PartialDate(value=message.act_date.value)
    return TimelineItem(date, read_event(message.event), message.received_ms)


def read_place(message: cases_pb2.HistoryPlace | audit_pb2.LogPlace) -> LogPlace:
    """Converts a place of a vector."""
    return LogPlace(message.origin, message.size, message.root)
