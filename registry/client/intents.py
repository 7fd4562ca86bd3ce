"""Calls on intents, reached as `client.intents`: declare, answer, withdraw, list."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias

import grpc

from registry.api.v1 import cases_pb2, casework_pb2, intents_pb2, intents_pb2_grpc
from registry.client.casework import PAGE_ROWS, EventPlace, Filter
from registry.client.content_conversion import content_to_proto
from registry.client.values import Receipt, read_receipt
from registry.domain.content import IntentAnswered, IntentDeclared, IntentWithdrawn
from registry.domain.identifiers import CaseId

Call = Callable[[Any, Any], Awaitable[Any]]
"""Makes one call with the client's deadline and errors: (method, request)."""
Standing: TypeAlias = Literal["any", "live", "lapsed"]
_STANDINGS: Final = {
    "any": intents_pb2.INTENT_STANDING_UNSPECIFIED,
    "live": intents_pb2.INTENT_STANDING_LIVE,
    "lapsed": intents_pb2.INTENT_STANDING_LAPSED,
}

_ALL: Final = Filter()


@dataclass(frozen=True, slots=True)
class IntentAnswerGiven:
    """One answer; `counts` = it is the last one of its body. Dates as far as they are known."""

    event: EventPlace
    mechanism: str
    body: str
    answer: str
    date: str
    proposed: str
    summary: str
    counts: bool


@dataclass(frozen=True, slots=True)
class IntentClash:
    """A live intent of another mechanism on the same State or case, with days in common."""

    case_id: CaseId
    event: EventPlace
    mechanism: str
    body: str
    action: str
    instrument: str
    title: str
    states: tuple[str, ...]
    is_same_case: bool
    start: str
    end: str


@dataclass(frozen=True, slots=True)
class Intent:
    """A declared intent as it stands today; see `registry.api.v1.Intent`."""

    case_id: CaseId
    case_title: str
    event: EventPlace
    mechanism: str
    body: str
    action: str
    instrument: str
    title: str
    summary: str
    states: tuple[str, ...]
    themes: tuple[str, ...]
    declared: str
    planned: str
    planned_until: str
    lapses: str
    state: str
    answers: tuple[IntentAnswerGiven, ...]
    settled_by: EventPlace | None
    settled: str
    clashes: tuple[IntentClash, ...]
    clashes_left_out: int
    is_invented: bool


class IntentClient:
    """The calls; recording is repeated with the same request id while the node is away."""

    def __init__(self, channel: grpc.aio.Channel, call: Call, patient_call: Call) -> None:
        self._stub: intents_pb2_grpc.IntentServiceAsyncStub = intents_pb2_grpc.IntentServiceStub(
            channel
        )
        self._call = call
        self._patient_call = patient_call

    async def declare(
        self,
        request_id: str,
        case: cases_pb2.CaseSelector,
        content: IntentDeclared,
        mechanisms: Sequence[str],
        *,
        confirmed_person_ids: Sequence[str] = (),
    ) -> Receipt:
        """Declares an intent to named mechanisms, and to nobody else."""
        request = intents_pb2.DeclareIntentRequest(
            request_id=request_id,
            case=case,
            content=content_to_proto(content).intent_declared,
            mechanisms=mechanisms,
            confirmed_person_ids=confirmed_person_ids,
        )
        return read_receipt((await self._patient_call(self._stub.DeclareIntent, request)).receipt)

    async def answer(
        self,
        request_id: str,
        intent: EventPlace,
        content: IntentAnswered,
        mechanisms: Sequence[str] = (),
        *,
        confirmed_person_ids: Sequence[str] = (),
    ) -> Receipt:
        """Answers another mechanism's intent; none named = for all that may hold the intent."""
        request = intents_pb2.AnswerIntentRequest(
            request_id=request_id,
            intent=_place(intent),
            content=content_to_proto(content).intent_answered,
            mechanisms=mechanisms,
            confirmed_person_ids=confirmed_person_ids,
        )
        return read_receipt((await self._patient_call(self._stub.AnswerIntent, request)).receipt)

    async def withdraw(
        self,
        request_id: str,
        intent: EventPlace,
        content: IntentWithdrawn,
        *,
        confirmed_person_ids: Sequence[str] = (),
    ) -> Receipt:
        """Withdraws an own intent, for all that may hold it."""
        request = intents_pb2.WithdrawIntentRequest(
            request_id=request_id,
            intent=_place(intent),
            content=content_to_proto(content).intent_withdrawn,
            confirmed_person_ids=confirmed_person_ids,
        )
        return read_receipt((await self._patient_call(self._stub.WithdrawIntent, request)).receipt)

    async def list_intents(
        self, wanted: Filter = _ALL, *, standing: Standing = "any"
    ) -> AsyncIterator[Intent]:
        """Lists intents by the day on which they lapse, earliest first."""
        request = intents_pb2.ListIntentsRequest(
            page_size=PAGE_ROWS, filter=wanted.to_proto(), standing=_STANDINGS[standing]
        )
        while True:
            page = await self._call(self._stub.ListIntents, request)
            for each in page.intents:
                yield _intent(each)
            if not page.next_page_token:
                return
            request.page_token = page.next_page_token


def _intent(message: intents_pb2.Intent) -> Intent:
    settled_by = message.settled_by if message.HasField("settled_by") else None
    return Intent(
        case_id=CaseId(message.case_id),
        case_title=message.case_title,
        event=EventPlace(message.event.origin, message.event.index),
        mechanism=message.mechanism,
        body=message.body,
        action=message.action,
        instrument=message.instrument,
        title=message.title,
        summary=message.summary,
        states=tuple(message.states),
        themes=tuple(message.themes),
        declared=message.declared,
        planned=message.planned,
        planned_until=message.planned_until,
        lapses=message.lapses,
        state=message.state,
        answers=tuple(map(_answer, message.answers)),
        settled_by=None if settled_by is None else EventPlace(settled_by.origin, settled_by.index),
        settled=message.settled,
        clashes=tuple(map(_clash, message.clashes)),
        clashes_left_out=message.clashes_left_out,
        is_invented=message.is_invented,
    )


def _answer(message: intents_pb2.IntentAnswerGiven) -> IntentAnswerGiven:
    return IntentAnswerGiven(
        event=EventPlace(message.event.origin, message.event.index),
        mechanism=message.mechanism,
        body=message.body,
        answer=message.answer,
        date=message.date,
        proposed=message.proposed,
        summary=message.summary,
        counts=message.counts,
    )


def _clash(message: intents_pb2.IntentClash) -> IntentClash:
    return IntentClash(
        case_id=CaseId(message.case_id),
        event=EventPlace(message.event.origin, message.event.index),
        mechanism=message.mechanism,
        body=message.body,
        action=message.action,
        instrument=message.instrument,
        title=message.title,
        states=tuple(message.states),
        is_same_case=message.is_same_case,
        start=message.start,
        end=message.end,
    )


def _place(place: EventPlace) -> casework_pb2.EventPlace:
    return casework_pb2.EventPlace(origin=place.origin, index=place.index)
