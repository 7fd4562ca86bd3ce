"""CaseService: record events, read cases. For clients of this node only."""

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Final, TypeAlias, TypeVar

import grpc

from registry.api.v1 import cases_pb2, cases_pb2_grpc, content_pb2
from registry.application.attachments import upload_ref
from registry.application.desk import Desk, Order, Waiting, confidential_count
from registry.application.link_desk import LinkDesk
from registry.application.lists import Listed
from registry.application.recording import RecordCommand
from registry.application.registry import Registry
from registry.application.roles import Client
from registry.client.content_conversion import content_from_proto
from registry.domain.content import ActContent
from registry.domain.disagreements import disagreements_of
from registry.domain.identifiers import CaseId
from registry.store.values import Appended
from registry.views.acts import acts_of
from registry.views.case_file import HistoryEntry
from registry.views.rows import CaseRow
from registry_node import convert
from registry_node.callers import calling_client, current_fingerprint
from registry_node.convert_casework import ask_of, disagreement_to_proto
from registry_node.history_pages import slice_of
from registry_node.threads import Crossing, FairThreads

Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"
T = TypeVar("T")
_RECORDING_THREADS: Final = 4
"""The rules of an event are checked there; apart from the threads that reads may keep busy."""
_READING_THREADS: Final = 4
"""Histories are folded there; apart from the threads that replication and the fence need."""


CASES_TAKE: Final = frozenset(
    {
        "states",
        "themes",
        "mechanisms",
        "instruments",
        "bodies",
        "statuses",
        "marks",
        "since",
        "until",
        "text",
    }
)
"""Fields of the filter that the list of cases knows."""


class CaseServicer(cases_pb2_grpc.CaseServiceServicer):
    """Converts, delegates to the registry in a thread, converts back."""

    def __init__(self, registry: Registry, desk: Desk) -> None:
        self._registry = registry
        self._desk = desk
        self._links = LinkDesk(registry, desk)
        self._recording = Crossing(FairThreads(_RECORDING_THREADS, name="record"))
        self._reading = FairThreads(_READING_THREADS, name="read-cases")

    async def OpenCase(  # noqa: N802 - the name of the RPC
        self, request: cases_pb2.OpenCaseRequest, context: Context
    ) -> cases_pb2.OpenCaseResponse:
        """Opens a case."""
        content = content_from_proto(content_pb2.Content(case_opened=request.content))
        outcome = await self._record(request, None, content)
        assert not isinstance(outcome, Waiting)  # noqa: S101 - a case that is opened never waits
        receipt = convert.receipt_to_proto(self._registry.receipt(outcome))
        return cases_pb2.OpenCaseResponse(receipt=receipt)

    async def RecordEvent(  # noqa: N802
        self, request: cases_pb2.RecordEventRequest, context: Context
    ) -> cases_pb2.RecordEventResponse:
        """Records an event."""
        content = content_from_proto(request.content)
        case_id = convert.case_id_of(request.case, self._registry.registry_id)
        outcome = await self._record(request, case_id, content)
        if isinstance(outcome, Waiting):
            return cases_pb2.RecordEventResponse(pending_act_id=outcome.act_id)
        receipt = convert.receipt_to_proto(self._registry.receipt(outcome))
        return cases_pb2.RecordEventResponse(receipt=receipt)

    async def GetCase(  # noqa: N802
        self, request: cases_pb2.GetCaseRequest, context: Context
    ) -> cases_pb2.GetCaseResponse:
        """Reads one case."""
        client = calling_client()
        return await self._read(lambda: self._case(request, client))

    async def ListCases(  # noqa: N802
        self, request: cases_pb2.ListCasesRequest, context: Context
    ) -> cases_pb2.ListCasesResponse:
        """Lists cases."""
        client = calling_client()
        ask = ask_of(
            request.filter,
            request.page_size,
            request.page_token,
            takes=CASES_TAKE,
            statuses="status",
        )
        narrow = (("state", request.state), ("mechanism", request.mechanism))
        further = tuple((name, (value,)) for name, value in narrow if value)
        ask = replace(ask, facets=(*ask.facets, *further))

        def read() -> Listed[CaseRow]:
            lists, asked = self._desk.lists_for(client, ask, "ListCases")
            return lists.cases(asked)

        page = await self._read(read)
        return cases_pb2.ListCasesResponse(
            cases=[convert.summary_to_proto(row) for row in page.rows],
            next_page_token=page.next_token,
        )

    async def GetHistory(  # noqa: N802
        self, request: cases_pb2.GetHistoryRequest, context: Context
    ) -> cases_pb2.GetHistoryResponse:
        """Reads a page of a history."""
        client = calling_client()
        return await self._read(lambda: self._history_page(request, client))

    async def GetTimeline(  # noqa: N802
        self, request: cases_pb2.GetTimelineRequest, context: Context
    ) -> cases_pb2.GetTimelineResponse:
        """Reads a page of a timeline."""
        client = calling_client()
        return await self._read(lambda: self._timeline_page(request, client))

    async def _read(self, read: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._reading, read)

    async def _record(
        self,
        request: cases_pb2.OpenCaseRequest | cases_pb2.RecordEventRequest,
        case_id: CaseId | None,
        content: ActContent,
    ) -> Appended | Waiting:
        client = calling_client()
        command = record_command(
            request, client.name, case_id, content, fingerprint=current_fingerprint()
        )
        order = Order(
            source=convert.source_of(request),
            request=request.SerializeToString,
            fingerprint=current_fingerprint(),
        )
        return await self._recording.run_through(lambda: self._desk.record(client, command, order))

    def _case(self, request: cases_pb2.GetCaseRequest, client: Client) -> cases_pb2.GetCaseResponse:
        case_id = convert.case_id_of(request.case, self._registry.registry_id)
        self._desk.require_case(client, case_id)
        history = self._registry.history(case_id)
        row = self._registry.summary(history)
        self._desk.note_read(client, "GetCase", case_id, confidential_count(history.events))
        return cases_pb2.GetCaseResponse(
            case=convert.summary_to_proto(row),
            disagreements=map(disagreement_to_proto, disagreements_of(acts_of(history))),
        )

    def _history_page(
        self, request: cases_pb2.GetHistoryRequest, client: Client
    ) -> cases_pb2.GetHistoryResponse:
        case_id = convert.case_id_of(request.case, self._registry.registry_id)
        self._desk.require_case(client, case_id)
        if request.with_linked:
            history = self._links.history(client, case_id)
        else:
            history = self._registry.history(case_id)
        start, end, token = slice_of(history, request.page_size, request.page_token)
        self._note_reads(client, "GetHistory", history.events[start:end])
        book = self._registry.witness.book
        return cases_pb2.GetHistoryResponse(
            case_id=history.case_id,
            events=[convert.event_to_proto(event, book) for event in history.events[start:end]],
            next_page_token=token,
            digest=history.digest,
            event_count=len(history.events),
            vector=[convert.history_place(place) for place in history.vector],
        )

    def _timeline_page(
        self, request: cases_pb2.GetTimelineRequest, client: Client
    ) -> cases_pb2.GetTimelineResponse:
        case_id = convert.case_id_of(request.case, self._registry.registry_id)
        self._desk.require_case(client, case_id)
        history = self._registry.history(case_id)
        start, end, token = slice_of(history, request.page_size, request.page_token)
        items = self._registry.timeline(history)[start:end]
        shown = confidential_count(item.event for item in items)
        self._desk.note_read(client, "GetTimeline", case_id, shown)
        return cases_pb2.GetTimelineResponse(
            case_id=case_id,
            items=[convert.item_to_proto(item, self._registry.witness.book) for item in items],
            next_page_token=token,
        )

    def _note_reads(self, client: Client, method: str, shown: Sequence[HistoryEntry]) -> None:
        """Keeps who read what, case by case; a page may show several that are linked."""
        counts = Counter(event.case_id for event in shown if event.is_confidential)
        self._desk.note_reads(client, method, counts)


def record_command(
    request: cases_pb2.OpenCaseRequest | cases_pb2.RecordEventRequest,
    client: str,
    case_id: CaseId | None,
    content: ActContent,
    *,
    fingerprint: str,
) -> RecordCommand:
    """Reads what is asked to be recorded, or to be previewed.

    Args:
        request: what came.
        client: name of whoever asks.
        case_id: the case; None = a new one.
        content: what happened.
        fingerprint: of the asking client's certificate: it owns the uploads.

    Raises:
        InvalidRequest: the audience says two things.
        NotFound: an upload id cannot be one.
    """
    owner = bytes.fromhex(fingerprint)
    is_shared = request.scope == cases_pb2.REQUEST_SCOPE_NODE
    return RecordCommand(
        request_id=request.request_id,
        scope="" if is_shared else client,
        case_id=case_id,
        content=content,
        audience=convert.audience_of(request.audience),
        confirmed_person_ids=tuple(request.confirmed_person_ids),
        # A case is opened for all that may hold it at once: its request has no such field.
        not_before_ms=getattr(request, "not_before_ms", 0),
        attachments=tuple(upload_ref(owner, each) for each in getattr(request, "upload_ids", ())),
    )
