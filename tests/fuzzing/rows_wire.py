"""Rows for messages of calls: what a node reads of a caller, and a client of a node."""

from collections.abc import Callable, Iterable
from typing import Final, TypeVar

import grpc
from google.protobuf.message import DecodeError, Message
from google.rpc import error_details_pb2, status_pb2

from registry.api.v1 import (
    acting_pb2,
    admin_pb2,
    asking_pb2,
    audit_pb2,
    cases_pb2,
    casework_pb2,
    confidentiality_pb2,
    content_pb2,
    detention_pb2,
    meetings_pb2,
    reprisals_pb2,
)
from registry.api.v1 import filter_pb2 as filters
from registry.client import acting, casework, detention
from registry.client import reprisal_values as reprisals
from registry.client.confidentiality import read_preview
from registry.client.content_conversion import content_from_proto, content_to_proto
from registry.client.errors import translate
from registry.client.standing import read_peer, read_status
from registry.client.values import (
    read_disagreement,
    read_event,
    read_item,
    read_place,
    read_receipt,
    read_summary,
)
from registry.domain.content.encoding import CONTENT_BY_KIND
from registry.domain.content.examples import example_of
from registry.domain.identifiers import RegistryId
from registry.domain.vocabulary import EventKind
from registry.errors import InvalidContent, InvalidRequest, RegistryError
from registry.views.briefings.order import check_order
from registry_node.convert import audience_of, case_id_of, export_purpose, source_of
from registry_node.convert_acting import question_of as question_of_acts
from registry_node.convert_asking import answer_of, question_of, telling_of
from registry_node.convert_casework import ask_of
from registry_node.convert_meetings import meetings_ask, order_of
from registry_node.errors import status_details
from tests.fuzzing.decoder import Decoder
from tests.fuzzing.messages import sample_of
from tests.fuzzing.mutation import Form

T = TypeVar("T", bound=Message)
_REGISTRY: Final = RegistryId(bytes(32))


def _parsed(kind: type[T], data: bytes) -> T | None:
    """Bytes that are no message never reach what reads messages."""
    try:
        return kind.FromString(data)
    except DecodeError:
        return None


def _on(kind: type[T], *reads: Callable[[T], object]) -> Callable[[bytes], None]:
    def read(data: bytes) -> None:
        message = _parsed(kind, data)
        if message is not None:
            for each in reads:
                each(message)

    return read


def _samples(kind: type[Message], choices: int = 1) -> tuple[bytes, ...]:
    return tuple(
        sample_of(kind.DESCRIPTOR, choice=choice).SerializeToString() for choice in range(choices)
    )


def _row(
    kind: type[T],
    *reads: Callable[[T], object],
    choices: int = 1,
    samples: Iterable[bytes] = (),
    covers: tuple[Callable[..., object], ...] = (),
    refusals: tuple[type[RegistryError], ...] = (),
) -> Decoder:
    return Decoder(
        f"message {kind.DESCRIPTOR.name}",
        _on(kind, *reads),
        (*_samples(kind, choices), *samples),
        (*reads, *covers),
        Form.PROTOBUF,
        refusals,
    )


def _content(message: content_pb2.Content) -> None:
    content = content_from_proto(message)
    assert content_from_proto(content_to_proto(content)) == content


def _asked(message: filters.Filter) -> None:
    takes = {field.name for field in filters.Filter.DESCRIPTOR.fields}
    ask_of(message, 10, "1.", takes=takes)


class _Failed(grpc.aio.AioRpcError):
    """A call that a node ended with these bytes as its rich error."""

    def __init__(self, details: bytes) -> None:
        trailers = grpc.aio.Metadata(("grpc-status-details-bin", details))
        super().__init__(
            grpc.StatusCode.INVALID_ARGUMENT, grpc.aio.Metadata(), trailers, details="invented"
        )


def _error(data: bytes) -> None:
    found = translate(_Failed(data), "node.example:1")
    assert isinstance(found, RegistryError)
    assert found.reason


def _an_error() -> bytes:
    ((_, details),) = status_details(InvalidRequest("invented"), "ab12")
    return details


def _an_info() -> bytes:
    status = status_pb2.Status(code=3, message="invented")
    status.details.add().Pack(error_details_pb2.ErrorInfo(reason="not_found", domain="invented"))
    return bytes(status.SerializeToString())


_KINDS: Final = len(CONTENT_BY_KIND)
_CONTENTS: Final = tuple(
    content_to_proto(example_of(kind)).SerializeToString() for kind in CONTENT_BY_KIND
)
_REQUEST: Final = (InvalidRequest,)
_OF_POLAND: Final = filters.Filter(states=["POL"], since="2014-06", until="2015")
_A_BRIEFING: Final = meetings_pb2.MakeBriefingRequest(
    filter=_OF_POLAND,
    mechanisms=["alpha"],
    as_of="2014-06-14",
    language="fr",
    format=meetings_pb2.BRIEFING_FORMAT_MARKDOWN,
    case_limit=3,
)
_ASKED: Final = asking_pb2.AskPeersRequest(
    case=cases_pb2.CaseSelector(case_id=bytes(16)),
    question=content_to_proto(example_of(EventKind.PEERS_ASKED)).peers_asked,
)
_ANSWERED: Final = asking_pb2.AnswerQuestionRequest(
    answer=content_to_proto(example_of(EventKind.PEER_ANSWERED)).peer_answered
)
_TOLD: Final = asking_pb2.TellMatchingRequest(
    content=content_to_proto(example_of(EventKind.MATCHING_RETURNED)).matching_returned
)

ROWS: Final = (
    _row(
        content_pb2.Content,
        _content,
        samples=_CONTENTS,
        covers=(content_from_proto,),
        refusals=(InvalidContent,),
    ),
    _row(
        cases_pb2.CaseSelector,
        lambda each: case_id_of(each, _REGISTRY),
        choices=2,
        refusals=_REQUEST,
    ),
    _row(
        cases_pb2.AudienceSelector,
        audience_of,
        refusals=_REQUEST,
        samples=(b"\x08\x01", b"\x10\x01"),
    ),
    _row(cases_pb2.RecordEventRequest, source_of),
    _row(
        confidentiality_pb2.ExportCaseRequest,
        lambda each: export_purpose(each.purpose),
        refusals=_REQUEST,
    ),
    _row(filters.Filter, _asked, refusals=_REQUEST),
    _row(
        meetings_pb2.MakeBriefingRequest,
        lambda each: check_order(order_of(each)[0]),
        refusals=_REQUEST,
        samples=(_A_BRIEFING.SerializeToString(),),
    ),
    _row(
        meetings_pb2.ListMeetingsRequest,
        meetings_ask,
        refusals=_REQUEST,
        samples=(meetings_pb2.ListMeetingsRequest(filter=_OF_POLAND).SerializeToString(),),
    ),
    _row(cases_pb2.EventReceipt, read_receipt),
    _row(cases_pb2.CaseSummary, read_summary),
    _row(cases_pb2.Disagreement, read_disagreement),
    _row(cases_pb2.HistoryEvent, read_event, choices=_KINDS),
    _row(cases_pb2.TimelineItem, read_item, choices=2),
    _row(cases_pb2.HistoryPlace, read_place),
    _row(audit_pb2.LogPlace, read_place),
    _row(admin_pb2.GetNodeStatusResponse, read_status),
    _row(admin_pb2.PeerStatus, read_peer),
    _row(casework_pb2.ActSummary, casework.read_act),
    _row(detention_pb2.Detention, detention.read_detention),
    _row(reprisals_pb2.Reprisal, reprisals.read_reprisal),
    _row(reprisals_pb2.ImpunityItem, reprisals.read_impunity),
    _row(reprisals_pb2.Alert, reprisals.read_alert),
    _row(reprisals_pb2.RegisterEntry, reprisals.read_entry),
    _row(acting_pb2.HasAnyoneActedRequest, question_of_acts, refusals=_REQUEST),
    _row(acting_pb2.HasAnyoneActedResponse, acting.read_answer),
    _row(confidentiality_pb2.PreviewEventResponse, read_preview),
    _row(
        asking_pb2.AskPeersRequest,
        lambda each: question_of(each, _REGISTRY),
        samples=(_ASKED.SerializeToString(),),
        refusals=(InvalidContent, InvalidRequest),
    ),
    _row(
        asking_pb2.AnswerQuestionRequest,
        answer_of,
        samples=(_ANSWERED.SerializeToString(),),
        refusals=(InvalidContent,),
    ),
    _row(
        asking_pb2.TellMatchingRequest,
        telling_of,
        samples=(_TOLD.SerializeToString(),),
        refusals=(InvalidContent,),
    ),
    Decoder("rich error", _error, (_an_error(), _an_info()), (translate,), Form.PROTOBUF),
)
