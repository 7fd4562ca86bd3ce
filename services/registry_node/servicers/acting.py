"""ActingService: has anyone acted? From this node's mirror alone. For clients of this node."""

import asyncio
from collections.abc import Mapping
from typing import Any, Final, NamedTuple, TypeAlias

import grpc

from registry.api.v1 import acting_pb2, acting_pb2_grpc
from registry.application.acting import Acting, Question
from registry.application.desk import Desk
from registry.application.registry import Registry
from registry.application.roles import Client
from registry.domain.identifiers import Origin
from registry.log.roster import Member
from registry.views.case_file import read_vector
from registry_node.callers import calling_client
from registry_node.convert_acting import answer_to_proto, question_of
from registry_node.mirror import Mirror
from registry_node.threads import FairThreads

Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"
_THREADS: Final = 2


class _Heard(NamedTuple):
    """How the mirror stands with who writes a log."""

    missing_entries: int
    last_heard_ms: int
    is_connected: bool


class ActingServicer(acting_pb2_grpc.ActingServiceServicer):
    """Converts, searches in a thread, converts back."""

    def __init__(self, registry: Registry, desk: Desk, mirror: Mirror) -> None:
        self._registry = registry
        self._acting = Acting(registry, desk)
        self._mirror = mirror
        self._threads = FairThreads(_THREADS, name="acting")

    def close(self) -> None:
        """Waits for what runs in the threads; before the desk is closed."""
        self._threads.shutdown()

    async def HasAnyoneActed(  # noqa: N802 - the name of the RPC
        self, request: acting_pb2.HasAnyoneActedRequest, context: Context
    ) -> acting_pb2.HasAnyoneActedResponse:
        """Tells who has acted, as far as it is known here."""
        client = calling_client()
        question = question_of(request)
        # The mirror lives on this loop, so its view is read here.
        heard = {member.origin: self._heard(member) for member in self._registry.roster.writers()}
        return await asyncio.get_running_loop().run_in_executor(
            self._threads, self._answer, client, question, heard
        )

    def _heard(self, member: Member) -> _Heard:
        if member.id == self._registry.own.id:
            return _Heard(0, self._registry.clock_ms(), is_connected=True)
        return _Heard(
            self._mirror.session.lag_of(member.log_id),
            self._mirror.last_heard_ms(member.slug),
            self._mirror.status_of(member).is_connected,
        )

    def _answer(
        self, client: Client, question: Question, heard: Mapping[Origin, _Heard]
    ) -> acting_pb2.HasAnyoneActedResponse:
        registry = self._registry
        # Before the search: what it stands for was there when it began.
        logs, lag = self._logs(heard), registry.projector.lag()
        answer = answer_to_proto(self._acting.answer(client, question))
        answer.answered_ms = registry.clock_ms()
        answer.projection_lag = lag
        answer.logs.extend(logs)
        return answer

    def _logs(self, heard: Mapping[Origin, _Heard]) -> list[acting_pb2.LogStanding]:
        registry = self._registry
        states = {state.log_id: state for state in registry.store.log_states()}
        vector = read_vector(registry.store, registry.roster, states)
        roots = {place.origin: place.root for place in vector}
        found = []
        for member in registry.roster.writers():
            state, of_mirror = states[member.log_id], heard[member.origin]
            found.append(
                acting_pb2.LogStanding(
                    origin=member.origin,
                    mechanism=member.slug,
                    size=state.valid_size,
                    root=roots.get(member.origin, b""),
                    missing_parts=registry.parts_missing(state),
                    is_frozen=state.frozen_at is not None,
                    **of_mirror._asdict(),
                )
            )
        return found
