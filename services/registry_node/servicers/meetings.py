"""MeetingService and BriefingService: meetings, and what is handed out there. For clients only."""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import UTC, date, datetime
from typing import Any, Final, TypeAlias, TypeVar

import grpc

from registry.api.v1 import meetings_pb2, meetings_pb2_grpc
from registry.application.briefings.making import Briefing, Briefings, Form
from registry.application.desk import Desk
from registry.application.lists import Ask
from registry.application.registry import Registry
from registry.application.roles import Client
from registry.errors import NotFound
from registry.views.briefings.order import BriefingOrder
from registry.views.meeting_rows import MeetingRow
from registry_node import convert_meetings as convert
from registry_node.callers import calling_client
from registry_node.threads import FairThreads

Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"
T = TypeVar("T")
_READING_THREADS: Final = 2
_CHUNK_BYTES: Final = 2**18


class MeetingServicer(meetings_pb2_grpc.MeetingServiceServicer):
    """Converts, reads the list in a thread, converts back."""

    def __init__(self, registry: Registry, desk: Desk) -> None:
        self._registry = registry
        self._desk = desk
        self._reading = FairThreads(_READING_THREADS, name="read-meetings")

    async def ListMeetings(  # noqa: N802 - the name of the RPC
        self, request: meetings_pb2.ListMeetingsRequest, context: Context
    ) -> meetings_pb2.ListMeetingsResponse:
        """Lists meetings."""
        client, ask = calling_client(), convert.meetings_ask(request)

        def read() -> meetings_pb2.ListMeetingsResponse:
            lists, asked = self._desk.lists_for(client, ask, "ListMeetings")
            page = lists.meetings(asked)
            today = self._today()
            return meetings_pb2.ListMeetingsResponse(
                meetings=[convert.meeting_to_proto(row, today) for row in page.rows],
                next_page_token=page.next_token,
            )

        return await self._in_thread(read)

    async def GetMeeting(  # noqa: N802
        self, request: meetings_pb2.GetMeetingRequest, context: Context
    ) -> meetings_pb2.GetMeetingResponse:
        """Reads one meeting."""
        client = calling_client()
        row = await self._in_thread(lambda: self._meeting(request, client))
        meeting = convert.meeting_to_proto(row, self._today())
        return meetings_pb2.GetMeetingResponse(meeting=meeting)

    def _meeting(self, request: meetings_pb2.GetMeetingRequest, client: Client) -> MeetingRow:
        event = request.event
        self._desk.require_event(client, event.origin, event.index)
        lists, _ = self._desk.lists_for(client, Ask(limit=1), "GetMeeting")
        member, _ = self._registry.log(event.origin)
        row = lists.meeting(member.origin, event.index)
        if row is None:
            msg = f"event {event.index} of {member.origin} is no meeting that can be read here"
            raise NotFound(msg)
        return row

    def _today(self) -> date:
        return datetime.fromtimestamp(self._registry.clock_ms() / 1000, UTC).date()

    async def _in_thread(self, call: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._reading, call)


class BriefingServicer(meetings_pb2_grpc.BriefingServiceServicer):
    """Makes briefings in one thread of their own: they are long, and keep no other call waiting."""

    def __init__(self, registry: Registry, desk: Desk) -> None:
        self._desk = desk
        self._briefings = Briefings(registry)
        self._making = FairThreads(1, name="make-briefings")

    async def MakeBriefing(  # noqa: N802 - the name of the RPC
        self, request: meetings_pb2.MakeBriefingRequest, context: Context
    ) -> AsyncIterator[meetings_pb2.MakeBriefingResponse]:
        """Streams the file."""
        client = calling_client()
        order, form = convert.order_of(request)
        made = await asyncio.get_running_loop().run_in_executor(
            self._making, lambda: self._make(client, order, form)
        )
        for start in range(0, len(made.data), _CHUNK_BYTES):
            yield meetings_pb2.MakeBriefingResponse(
                media_type="" if start else made.media_type,
                size=len(made.data),
                data=made.data[start : start + _CHUNK_BYTES],
            )

    def _make(self, client: Client, order: BriefingOrder, form: Form) -> Briefing:
        made = self._briefings.make(order, form, self._desk.hidden_from(client))
        self._desk.note_reads(client, "MakeBriefing", made.confidential)
        return made
