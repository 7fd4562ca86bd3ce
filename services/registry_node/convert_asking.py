"""Questions and answers between wire and application."""

from typing import cast

from registry.api.v1 import asking_pb2, casework_pb2, content_pb2
from registry.application.asking import (
    AnswerCommand,
    Question,
    QuestionCommand,
    QuestionPreview,
    Told,
)
from registry.application.matching import MatchingResult
from registry.application.matching_desk import TellCommand
from registry.application.preview import AnswerPreview
from registry.client.content_conversion import content_from_proto, content_to_proto
from registry.domain.content import MatchingReturned, PeerAnswered, PeersAsked
from registry.domain.identifiers import RegistryId
from registry.domain.matching import MatchedName
from registry_node import convert


def question_of(
    request: asking_pb2.PreviewQuestionRequest | asking_pb2.AskPeersRequest,
    registry_id: RegistryId,
) -> QuestionCommand:
    """Reads what is asked.

    Raises:
        InvalidRequest, InvalidContent: the case, or a field of the question.
    """
    content = content_from_proto(content_pb2.Content(peers_asked=request.question))
    return QuestionCommand(
        request_id=getattr(request, "request_id", "preview"),
        case_id=convert.case_id_of(request.case, registry_id),
        content=cast("PeersAsked", content),
        confirmed_person_ids=tuple(request.confirmed_person_ids),
    )


def answer_of(
    request: asking_pb2.PreviewAnswerRequest | asking_pb2.AnswerQuestionRequest,
) -> AnswerCommand:
    """Reads what is answered.

    Raises:
        InvalidContent: a field of the answer.
    """
    content = content_from_proto(content_pb2.Content(peer_answered=request.answer))
    return AnswerCommand(
        request_id=getattr(request, "request_id", "preview"),
        content=cast("PeerAnswered", content),
        confirmed_person_ids=tuple(request.confirmed_person_ids),
    )


def telling_of(
    request: asking_pb2.PreviewTellingRequest | asking_pb2.TellMatchingRequest,
) -> TellCommand:
    """Reads which result is told.

    Raises:
        InvalidContent: a field of what is recorded with it.
    """
    content = content_from_proto(content_pb2.Content(matching_returned=request.content))
    at = request.question
    request_id = getattr(request, "request_id", "preview")
    return TellCommand(request_id, at.origin, at.index, cast("MatchingReturned", content))


def matching_to_proto(found: MatchingResult) -> asking_pb2.GetMatchingResponse:
    """Converts how a matching stands."""
    return asking_pb2.GetMatchingResponse(
        state=found.state,
        peer=found.peer,
        names_sent=found.names_sent,
        is_known=found.held_by_both is not None,
        held_by_both=map(_name, found.held_by_both or ()),
    )


def preview_to_proto(preview: QuestionPreview) -> asking_pb2.PreviewQuestionResponse:
    """Converts what would leave."""
    return asking_pb2.PreviewQuestionResponse(
        text=preview.text,
        confirmation=preview.confirmation,
        preview=convert.preview_to_proto(preview.preview),
        matching_names=map(_name, preview.matching_names),
    )


def answer_preview_to_proto(found: AnswerPreview) -> asking_pb2.PreviewAnswerResponse:
    """Converts what an answer would let leave."""
    return asking_pb2.PreviewAnswerResponse(
        text=found.text,
        preview=convert.preview_to_proto(found.preview),
        matching_names=map(_name, found.names),
    )


def telling_preview_to_proto(found: AnswerPreview) -> asking_pb2.PreviewTellingResponse:
    """Converts what telling a result would let leave."""
    return asking_pb2.PreviewTellingResponse(
        text=found.text,
        preview=convert.preview_to_proto(found.preview),
        held_by_both=map(_name, found.names),
    )


def question_to_proto(question: Question, *, shows_content: bool) -> asking_pb2.Question:
    """Converts a question; what it and its answers say is left out for who may not read it."""
    asked = question.question.event
    is_shown = shows_content and not question.is_held_back
    content = asked.content if is_shown else None
    return asking_pb2.Question(
        case_id=asked.case_id,
        event=_place(question.question),
        mechanism=asked.mechanism,
        officer=question.question.officer,
        recorded_ms=asked.recorded_ms,
        received_ms=asked.received_ms,
        content=None if content is None else content_to_proto(content).peers_asked,
        open_at=question.open_at,
        answers=[_answer_to_proto(each, is_shown=is_shown) for each in question.answers],
        is_held_back=question.is_held_back,
    )


def _answer_to_proto(answer: Told, *, is_shown: bool) -> asking_pb2.QuestionAnswer:
    content = answer.event.content if is_shown else None
    return asking_pb2.QuestionAnswer(
        event=_place(answer),
        mechanism=answer.event.mechanism,
        officer=answer.officer,
        recorded_ms=answer.event.recorded_ms,
        content=None if content is None else content_to_proto(content).peer_answered,
    )


def _name(name: MatchedName) -> asking_pb2.MatchedName:
    return asking_pb2.MatchedName(kind=name.kind, name=name.name)


def _place(told: Told) -> casework_pb2.EventPlace:
    return casework_pb2.EventPlace(origin=told.event.origin, index=told.event.index)
