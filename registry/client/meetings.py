"""Meetings and briefings, reached as `client.meetings`."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Final

import grpc

from registry.api.v1 import casework_pb2, meetings_pb2, meetings_pb2_grpc
from registry.client.casework import PAGE_ROWS, ActSummary, EventPlace, Filter, read_act
from registry.client.errors import translate
from registry.errors import DigestMismatch

Call = Callable[[Any, Any], Awaitable[Any]]
"""Makes one call with the client's deadline and errors: (method, request)."""
_FORMATS: Final = {
    "md": meetings_pb2.BRIEFING_FORMAT_MARKDOWN,
    "html": meetings_pb2.BRIEFING_FORMAT_HTML,
    "pdf": meetings_pb2.BRIEFING_FORMAT_PDF,
}
BRIEFING_FORMATS: Final = tuple(_FORMATS)
"""The forms of a briefing: Markdown, HTML, PDF."""


@dataclass(frozen=True, slots=True)
class AgendaItem:
    """One item of an agenda; the theme may be empty."""

    title: str
    theme: str


@dataclass(frozen=True, slots=True)
class Commitment:
    """A commitment and how it stands; days as far as known, ISO 8601."""

    event: EventPlace
    mechanism: str
    body: str
    title: str
    date: str
    bodies: tuple[str, ...]
    state: str
    due: str
    outcome: str
    met: str
    scale: str
    is_overdue: bool
    is_invented: bool


@dataclass(frozen=True, slots=True)
class Meeting:
    """A meeting: agenda, bodies that took part, and what became of its commitments."""

    act: ActSummary
    place: str
    participants: tuple[str, ...]
    agenda: tuple[AgendaItem, ...]
    commitments: tuple[Commitment, ...]


@dataclass(frozen=True, slots=True)
class BriefingOrder:
    """What briefing is asked for.

    Attributes:
        recipients: slugs of the mechanisms that will read it.
        wanted: takes states, themes, since and until.
        language: en, fr or es.
        as_of: the day as of which it tells what is open; empty = of the newest act in it.
        case_limit: cases that get a timeline; 0 = as the node has it.
    """

    recipients: tuple[str, ...]
    wanted: Filter = field(default_factory=Filter)
    language: str = "en"
    as_of: str = ""
    case_limit: int = 0


class MeetingClient:
    """The calls."""

    def __init__(self, channel: grpc.aio.Channel, call: Call, address: str) -> None:
        self._meetings: meetings_pb2_grpc.MeetingServiceAsyncStub = (
            meetings_pb2_grpc.MeetingServiceStub(channel)
        )
        self._briefings: meetings_pb2_grpc.BriefingServiceAsyncStub = (
            meetings_pb2_grpc.BriefingServiceStub(channel)
        )
        self._call = call
        self._address = address

    async def meetings(
        self,
        wanted: Filter = Filter(),  # noqa: B008 - frozen
    ) -> AsyncIterator[Meeting]:
        """Lists meetings, newest first."""
        request = meetings_pb2.ListMeetingsRequest(page_size=PAGE_ROWS, filter=wanted.to_proto())
        while True:
            page = await self._call(self._meetings.ListMeetings, request)
            for each in page.meetings:
                yield _meeting(each)
            if not page.next_page_token:
                return
            request.page_token = page.next_page_token

    async def meeting(self, event: EventPlace) -> Meeting:
        """Reads one meeting.

        Raises:
            NotFound: there is none at that place.
        """
        place = casework_pb2.EventPlace(origin=event.origin, index=event.index)
        request = meetings_pb2.GetMeetingRequest(event=place)
        return _meeting((await self._call(self._meetings.GetMeeting, request)).meeting)

    async def briefing(self, order: BriefingOrder, form: str, *, timeout_s: float = 600.0) -> bytes:
        """Makes a briefing; returns the file.

        Args:
            order: what is asked for.
            form: one of `BRIEFING_FORMATS`.
            timeout_s: until the last byte is here.

        Raises:
            DigestMismatch: the stream ended too early.
        """
        request = meetings_pb2.MakeBriefingRequest(
            filter=order.wanted.to_proto(),
            mechanisms=order.recipients,
            language=order.language,
            format=_FORMATS[form],
            as_of=order.as_of,
            case_limit=order.case_limit,
        )
        call = self._briefings.MakeBriefing(request, timeout=timeout_s)
        parts: list[bytes] = []
        size = 0
        try:
            async for message in call:
                size = message.size
                parts.append(message.data)
        except grpc.aio.AioRpcError as error:
            raise translate(error, self._address) from error
        finally:
            call.cancel()
        data = b"".join(parts)
        if len(data) != size:
            msg = f"a briefing of {size} bytes was announced, {len(data)} came"
            raise DigestMismatch(msg)
        return data


def _meeting(message: meetings_pb2.Meeting) -> Meeting:
    return Meeting(
        act=read_act(message.act),
        place=message.place,
        participants=tuple(message.participants),
        agenda=tuple(AgendaItem(each.title, each.theme) for each in message.agenda),
        commitments=tuple(_commitment(each) for each in message.commitments),
    )


def _commitment(message: meetings_pb2.MeetingCommitment) -> Commitment:
    return Commitment(
        event=EventPlace(message.event.origin, message.event.index),
        mechanism=message.mechanism,
        body=message.body,
        title=message.title,
        date=message.date,
        bodies=tuple(message.bodies),
        state=message.state,
        due=message.due,
        outcome=message.outcome,
        met=message.met,
        scale=message.scale,
        is_overdue=message.is_overdue,
        is_invented=message.is_invented,
    )
