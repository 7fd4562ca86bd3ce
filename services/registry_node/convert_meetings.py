"""Meetings and briefings between wire and application."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from typing import Final

from registry.api.v1 import casework_pb2, content_pb2, meetings_pb2
from registry.application.briefings.making import Form
from registry.application.lists import Ask
from registry.domain.deadlines import is_overdue
from registry.errors import InvalidRequest
from registry.views.briefings.order import CASES_DEFAULT, BriefingOrder
from registry.views.meeting_rows import CommitmentRow, MeetingRow
from registry_node.convert_casework import ask_of

MEETINGS_TAKE: Final = frozenset(
    {"states", "themes", "mechanisms", "bodies", "since", "until", "text"}
)
BRIEFINGS_TAKE: Final = frozenset({"states", "themes", "since", "until"})
_FORMS: Final[Mapping[int, Form]] = {
    meetings_pb2.BRIEFING_FORMAT_MARKDOWN: "md",
    meetings_pb2.BRIEFING_FORMAT_HTML: "html",
    meetings_pb2.BRIEFING_FORMAT_PDF: "pdf",
}


def meetings_ask(request: meetings_pb2.ListMeetingsRequest) -> Ask:
    """Reads what page of meetings is asked for.

    Raises:
        InvalidRequest: see `ask_of`.
    """
    return ask_of(request.filter, request.page_size, request.page_token, takes=MEETINGS_TAKE)


def order_of(request: meetings_pb2.MakeBriefingRequest) -> tuple[BriefingOrder, Form]:
    """Reads what briefing is asked for, and in which form.

    Raises:
        InvalidRequest: a field of the filter, or the form.
    """
    form = _FORMS.get(request.format)
    if form is None:
        msg = "format: markdown, html or pdf"
        raise InvalidRequest(msg)
    ask = ask_of(request.filter, 0, "", takes=BRIEFINGS_TAKE)
    facets = dict(ask.facets)
    order = BriefingOrder(
        recipients=tuple(dict.fromkeys(request.mechanisms)),
        themes=facets.get("theme", ()),
        states=facets.get("state", ()),
        since=ask.since,
        until=ask.until,
        as_of=request.as_of,
        language=request.language or "en",
    )
    return replace(order, case_limit=request.case_limit or CASES_DEFAULT), form


def meeting_to_proto(row: MeetingRow, today: date) -> meetings_pb2.Meeting:
    """Converts a meeting; what is overdue follows from the day of the call."""
    return meetings_pb2.Meeting(
        act=casework_pb2.ActSummary(
            case_id=row.case_id,
            event=_place(row.origin, row.index),
            mechanism=row.mechanism,
            kind="meeting_held",
            body=row.body,
            date=row.date,
            title=row.title,
            states=row.states,
            themes=row.themes,
            references=row.references,
            is_invented=row.is_invented,
        ),
        place=row.place,
        participants=row.participants,
        agenda=[content_pb2.AgendaItem(title=item.title, theme=item.theme) for item in row.agenda],
        commitments=[_commitment(each, today) for each in row.commitments],
    )


def _commitment(row: CommitmentRow, today: date) -> meetings_pb2.MeetingCommitment:
    return meetings_pb2.MeetingCommitment(
        event=_place(row.origin, row.index),
        mechanism=row.mechanism,
        body=row.body,
        title=row.title,
        date=row.date,
        bodies=row.bodies,
        state=row.state,
        due=row.due,
        outcome=row.outcome,
        met=row.met,
        scale=row.scale,
        is_overdue=bool(row.due) and is_overdue("followup_due", row.outcome, row.due, today),
        is_invented=row.is_invented,
    )


def _place(origin: str, index: int) -> casework_pb2.EventPlace:
    return casework_pb2.EventPlace(origin=origin, index=index)
