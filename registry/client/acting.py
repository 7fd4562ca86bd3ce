"""Has anyone acted? Reached as `client.acting`."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

import grpc

from registry.api.v1 import acting_pb2, acting_pb2_grpc
from registry.client.casework import ActSummary, read_act
from registry.domain.identifiers import CaseId

Call = Callable[[Any, Any], Awaitable[Any]]
"""Makes one call with the client's deadline and errors: (method, request)."""


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked; see `registry.api.v1.HasAnyoneActedRequest`. Empty = not asked by it."""

    reference: str = ""
    name: str = ""
    states: Sequence[str] = ()
    themes: Sequence[str] = ()
    since: str = ""
    until: str = ""
    planned_instrument: str = ""
    planned_body: str = ""
    limit: int = 0

    def to_proto(self) -> acting_pb2.HasAnyoneActedRequest:
        """The question for the wire."""
        return acting_pb2.HasAnyoneActedRequest(
            **{name: getattr(self, name) for name in self.__slots__}
        )


@dataclass(frozen=True, slots=True)
class MatchReason:
    """Why a case was found: a code, English words, and of a name how alike it is (0 to 1)."""

    code: str
    words: str
    score: float


@dataclass(frozen=True, slots=True)
class ActingAct:
    """What a body did, and the nature of the procedure (empty = not known)."""

    act: ActSummary
    nature: str


@dataclass(frozen=True, slots=True)
class MatchedCase:
    """A case that was found, why, and what bodies have done in it, newest first."""

    case_id: CaseId
    title: str
    score: float
    is_identified: bool
    reasons: tuple[MatchReason, ...]
    acts: tuple[ActingAct, ...]
    has_more_acts: bool
    mechanisms: tuple[str, ...]
    unreadable_count: int
    is_invented: bool


@dataclass(frozen=True, slots=True)
class ProcedureOverlap:
    """Two bodies on one matter; an empty code = it was not said which body."""

    bodies: tuple[str, ...]
    is_duplication: bool
    is_planned: bool


@dataclass(frozen=True, slots=True)
class LogStanding:
    """How much of a log an answer stands for; times in milliseconds UTC, 0 = never."""

    origin: str
    mechanism: str
    size: int
    root: bytes
    missing_entries: int
    missing_parts: int
    last_heard_ms: int
    is_connected: bool
    is_frozen: bool


@dataclass(frozen=True, slots=True)
class ActingAnswer:
    """What is known at the node; no cases = none known there."""

    cases: tuple[MatchedCase, ...]
    has_more: bool
    overlaps: tuple[ProcedureOverlap, ...]
    answered_ms: int
    logs: tuple[LogStanding, ...]
    projection_lag: int


class ActingClient:
    """The calls of ActingService."""

    def __init__(self, channel: grpc.aio.Channel, call: Call) -> None:
        self._stub: acting_pb2_grpc.ActingServiceAsyncStub = acting_pb2_grpc.ActingServiceStub(
            channel
        )
        self._call = call

    async def has_anyone_acted(self, question: Question) -> ActingAnswer:
        """Tells who has acted on a matter, as far as the node knows."""
        return read_answer(await self._call(self._stub.HasAnyoneActed, question.to_proto()))


def read_answer(message: acting_pb2.HasAnyoneActedResponse) -> ActingAnswer:
    """Converts an answer."""
    return ActingAnswer(
        cases=tuple(map(_case, message.cases)),
        has_more=message.has_more,
        overlaps=tuple(
            ProcedureOverlap(tuple(each.bodies), each.is_duplication, each.is_planned)
            for each in message.overlaps
        ),
        answered_ms=message.answered_ms,
        logs=tuple(
            LogStanding(**{name: getattr(each, name) for name in LogStanding.__slots__})
            for each in message.logs
        ),
        projection_lag=message.projection_lag,
    )


def _case(message: acting_pb2.MatchedCase) -> MatchedCase:
    return MatchedCase(
        case_id=CaseId(message.case_id),
        title=message.title,
        score=message.score,
        is_identified=message.is_identified,
        reasons=tuple(MatchReason(r.code, r.words, r.score) for r in message.reasons),
        acts=tuple(ActingAct(read_act(each.act), each.nature) for each in message.acts),
        has_more_acts=message.has_more_acts,
        mechanisms=tuple(message.mechanisms),
        unreadable_count=message.unreadable_count,
        is_invented=message.is_invented,
    )
