"""Intents between wire and application."""

from collections.abc import Mapping
from typing import Final, TypeVar

from registry.api.v1 import casework_pb2, content_pb2, intents_pb2
from registry.application.intents import Clash, ListedIntent, Standing
from registry.client.content_conversion import content_from_proto
from registry.domain.content import ActContent, IntentAnswered, IntentDeclared, IntentWithdrawn
from registry.errors import InvalidRequest
from registry.views.acting_rows import IntentAnswerRow

C = TypeVar("C", bound=ActContent)
_STANDINGS: Final[Mapping[int, Standing]] = {
    intents_pb2.INTENT_STANDING_UNSPECIFIED: "any",
    intents_pb2.INTENT_STANDING_LIVE: "live",
    intents_pb2.INTENT_STANDING_LAPSED: "lapsed",
}


def declared_of(request: intents_pb2.DeclareIntentRequest) -> IntentDeclared:
    """Reads what is meant to be done.

    Raises:
        InvalidContent: a field breaks the rules of the kind.
    """
    return _content(content_pb2.Content(intent_declared=request.content), IntentDeclared)


def answered_of(request: intents_pb2.AnswerIntentRequest) -> IntentAnswered:
    """Reads an answer; raises as `declared_of`.

    Raises:
        InvalidRequest: it says itself what it is about.
    """
    _refuse_about(request)
    return _content(content_pb2.Content(intent_answered=request.content), IntentAnswered)


def withdrawn_of(request: intents_pb2.WithdrawIntentRequest) -> IntentWithdrawn:
    """Reads a withdrawal; raises as `answered_of`."""
    _refuse_about(request)
    return _content(content_pb2.Content(intent_withdrawn=request.content), IntentWithdrawn)


def standing_of(standing: intents_pb2.IntentStanding.ValueType) -> Standing:
    """Reads which intents are asked for.

    Raises:
        InvalidRequest: it is none that is known here.
    """
    known = _STANDINGS.get(standing)
    if known is None:
        msg = "standing: live, lapsed, or none for all"
        raise InvalidRequest(msg)
    return known


def intent_to_proto(listed: ListedIntent) -> intents_pb2.Intent:
    """Converts an intent as it stands today."""
    row = listed.row
    return intents_pb2.Intent(
        case_id=row.case_id,
        case_title=row.case_title,
        event=_place(row.origin, row.index),
        mechanism=row.mechanism,
        body=row.body,
        action=row.action,
        instrument=row.instrument,
        title=row.title,
        summary=row.summary,
        states=row.states,
        themes=row.themes,
        declared=row.declared,
        planned=row.planned,
        planned_until=row.planned_until,
        lapses=row.lapses,
        state=listed.state,
        answers=map(_answer, row.answers),
        settled_by=_place(row.settled_origin, row.settled_index) if row.settled_origin else None,
        settled=row.settled,
        clashes=map(_clash, listed.clashes),
        clashes_left_out=listed.left_out,
        is_invented=row.is_invented,
    )


def _answer(row: IntentAnswerRow) -> intents_pb2.IntentAnswerGiven:
    return intents_pb2.IntentAnswerGiven(
        event=_place(row.origin, row.index),
        mechanism=row.mechanism,
        body=row.body,
        answer=row.answer,
        date=row.date,
        proposed=row.proposed,
        summary=row.summary,
        counts=row.counts,
    )


def _clash(clash: Clash) -> intents_pb2.IntentClash:
    row = clash.row
    return intents_pb2.IntentClash(
        case_id=row.case_id,
        event=_place(row.origin, row.index),
        mechanism=row.mechanism,
        body=row.body,
        action=row.action,
        instrument=row.instrument,
        title=row.title,
        states=clash.states,
        is_same_case=clash.is_same_case,
        start=clash.start,
        end=clash.end,
    )


def _content(message: content_pb2.Content, kind: type[C]) -> C:
    content = content_from_proto(message)
    assert isinstance(content, kind)  # noqa: S101 - it was put there as such
    return content


def _refuse_about(
    request: intents_pb2.AnswerIntentRequest | intents_pb2.WithdrawIntentRequest,
) -> None:
    if request.content.HasField("about"):
        msg = "about: name the intent instead, the node says what the content is about"
        raise InvalidRequest(msg)


def _place(origin: str, index: int) -> casework_pb2.EventPlace:
    return casework_pb2.EventPlace(origin=origin, index=index)
