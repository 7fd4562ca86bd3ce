"""Calls on questions between mechanisms, reached as `client.asking`."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

import grpc

from registry.api.v1 import asking_pb2, asking_pb2_grpc, cases_pb2, casework_pb2, content_pb2
from registry.client.casework import EventPlace
from registry.client.confidentiality import Preview, read_preview
from registry.client.content_conversion import content_from_proto, content_to_proto
from registry.client.values import Receipt, read_receipt
from registry.domain.content import MatchingReturned, PeerAnswered, PeersAsked
from registry.domain.identifiers import CaseId

Call = Callable[[Any, Any], Awaitable[Any]]
"""Makes one call with the client's deadline and errors: (method, request)."""
_PAGE: Final = 200


@dataclass(frozen=True, slots=True)
class QuestionPreview:
    """What a question would let leave: `text` is what is sent, `confirmation` stands for it.

    `matching_names` take part in a private matching; points are sent in their place.
    """

    text: str
    confirmation: str
    preview: Preview
    matching_names: tuple["MatchedName", ...] = ()


@dataclass(frozen=True, slots=True)
class AnswerPreview:
    """What an answer, or telling a result, would let leave: `text` is what is sent.

    `names` are not: of an answer those that take part in a matching, of telling those that the
    other side would learn to be held by both.
    """

    text: str
    preview: Preview
    names: tuple["MatchedName", ...] = ()


@dataclass(frozen=True, slots=True)
class QuestionAnswer:
    """An answer; `content` is None for auditors, `officer` empty at other nodes."""

    event: EventPlace
    mechanism: str
    officer: str
    recorded_ms: int
    content: PeerAnswered | None


@dataclass(frozen=True, slots=True)
class Question:
    """A question with its answers; times in milliseconds UTC.

    `content` is None for auditors, and while the question waits behind older open ones of the same
    mechanism (`is_held_back`); `open_at` are those that have not answered.
    """

    case_id: CaseId
    event: EventPlace
    mechanism: str
    officer: str
    recorded_ms: int
    received_ms: int
    content: PeersAsked | None
    open_at: tuple[str, ...]
    answers: tuple[QuestionAnswer, ...]
    is_held_back: bool


@dataclass(frozen=True, slots=True)
class MatchedName:
    """A name that both hold: of a person or of an organisation, as this side has it."""

    kind: str
    name: str


@dataclass(frozen=True, slots=True)
class MatchingResult:
    """How a private matching stands: asked, agreed or returned.

    `held_by_both` is None while this side cannot tell.
    """

    state: str
    peer: str
    names_sent: int
    held_by_both: tuple[MatchedName, ...] | None


class AskingClient:
    """The calls; recording is repeated with the same request id while the node is away."""

    def __init__(self, channel: grpc.aio.Channel, call: Call, patient_call: Call) -> None:
        self._stub: asking_pb2_grpc.AskingServiceAsyncStub = asking_pb2_grpc.AskingServiceStub(
            channel
        )
        self._call = call
        self._patient_call = patient_call

    async def preview(
        self,
        case: cases_pb2.CaseSelector,
        question: PeersAsked,
        *,
        confirmed_person_ids: Sequence[str] = (),
        matches: bool = False,
    ) -> QuestionPreview:
        """Tells exactly what a question would send; sends nothing; `matches`: of a matching."""
        request = asking_pb2.PreviewQuestionRequest(
            case=case,
            question=content_to_proto(question).peers_asked,
            confirmed_person_ids=confirmed_person_ids,
            matches=matches,
        )
        answer = await self._call(self._stub.PreviewQuestion, request)
        names = tuple(MatchedName(each.kind, each.name) for each in answer.matching_names)
        return QuestionPreview(
            answer.text, answer.confirmation, read_preview(answer.preview), names
        )

    async def ask(
        self,
        request_id: str,
        case: cases_pb2.CaseSelector,
        question: PeersAsked,
        *,
        confirmation: str,
        confirmed_person_ids: Sequence[str] = (),
        matches: bool = False,
    ) -> Receipt:
        """Asks what was previewed."""
        request = asking_pb2.AskPeersRequest(
            request_id=request_id,
            case=case,
            question=content_to_proto(question).peers_asked,
            confirmed_person_ids=confirmed_person_ids,
            confirmation=confirmation,
            matches=matches,
        )
        return read_receipt((await self._patient_call(self._stub.AskPeers, request)).receipt)

    async def preview_answer(
        self,
        answer: PeerAnswered,
        *,
        confirmed_person_ids: Sequence[str] = (),
        matches: bool = False,
    ) -> AnswerPreview:
        """Tells exactly what an answer would send; sends nothing; `matches`: to its matching."""
        request = asking_pb2.PreviewAnswerRequest(
            answer=content_to_proto(answer).peer_answered,
            confirmed_person_ids=confirmed_person_ids,
            matches=matches,
        )
        found = await self._call(self._stub.PreviewAnswer, request)
        names = tuple(MatchedName(each.kind, each.name) for each in found.matching_names)
        return AnswerPreview(found.text, read_preview(found.preview), names)

    async def answer(
        self,
        request_id: str,
        answer: PeerAnswered,
        *,
        confirmed_person_ids: Sequence[str] = (),
        matches: bool = False,
    ) -> Receipt:
        """Answers another mechanism's question, `answer.about`; `matches`: to its matching."""
        request = asking_pb2.AnswerQuestionRequest(
            request_id=request_id,
            answer=content_to_proto(answer).peer_answered,
            confirmed_person_ids=confirmed_person_ids,
            matches=matches,
        )
        return read_receipt((await self._patient_call(self._stub.AnswerQuestion, request)).receipt)

    async def questions(
        self, *, sent: bool = False, open_only: bool = False, case_id: CaseId | None = None
    ) -> AsyncIterator[Question]:
        """Lists questions to this mechanism, or `sent` by it, newest first, page by page."""
        request = asking_pb2.ListQuestionsRequest(
            page_size=_PAGE, sent=sent, open_only=open_only, case_id=case_id or b""
        )
        while True:
            page = await self._call(self._stub.ListQuestions, request)
            for each in page.questions:
                yield _question(each)
            request.page_token = page.next_page_token
            if not page.next_page_token:
                return

    async def matching(self, question: EventPlace) -> MatchingResult:
        """Tells what came of the private matching that a question began."""
        request = asking_pb2.GetMatchingRequest(question=_place_to_proto(question))
        found = await self._call(self._stub.GetMatching, request)
        names = tuple(MatchedName(each.kind, each.name) for each in found.held_by_both)
        return MatchingResult(
            found.state, found.peer, found.names_sent, names if found.is_known else None
        )

    async def preview_telling(
        self, question: EventPlace, content: MatchingReturned
    ) -> AnswerPreview:
        """Tells exactly what telling a result would send; sends nothing."""
        request = asking_pb2.PreviewTellingRequest(
            question=_place_to_proto(question),
            content=content_to_proto(content).matching_returned,
        )
        found = await self._call(self._stub.PreviewTelling, request)
        names = tuple(MatchedName(each.kind, each.name) for each in found.held_by_both)
        return AnswerPreview(found.text, read_preview(found.preview), names)

    async def tell_matching(
        self, request_id: str, question: EventPlace, content: MatchingReturned
    ) -> Receipt:
        """Lets the mechanism that agreed to a matching learn its result too."""
        request = asking_pb2.TellMatchingRequest(
            request_id=request_id,
            question=_place_to_proto(question),
            content=content_to_proto(content).matching_returned,
        )
        return read_receipt((await self._patient_call(self._stub.TellMatching, request)).receipt)


def _question(message: asking_pb2.Question) -> Question:
    content = None
    if message.HasField("content"):
        content = content_from_proto(content_pb2.Content(peers_asked=message.content))
    return Question(
        case_id=CaseId(message.case_id),
        event=_place(message.event),
        mechanism=message.mechanism,
        officer=message.officer,
        recorded_ms=message.recorded_ms,
        received_ms=message.received_ms,
        content=cast("PeersAsked | None", content),
        open_at=tuple(message.open_at),
        answers=tuple(map(_answer, message.answers)),
        is_held_back=message.is_held_back,
    )


def _answer(message: asking_pb2.QuestionAnswer) -> QuestionAnswer:
    content = None
    if message.HasField("content"):
        content = content_from_proto(content_pb2.Content(peer_answered=message.content))
    return QuestionAnswer(
        event=_place(message.event),
        mechanism=message.mechanism,
        officer=message.officer,
        recorded_ms=message.recorded_ms,
        content=cast("PeerAnswered | None", content),
    )


def _place(message: casework_pb2.EventPlace) -> EventPlace:
    return EventPlace(message.origin, message.index)


def _place_to_proto(place: EventPlace) -> casework_pb2.EventPlace:
    return casework_pb2.EventPlace(origin=place.origin, index=place.index)
