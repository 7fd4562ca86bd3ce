"""IntentService: what mechanisms mean to do, and who answers. For clients of this node."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Future
from datetime import UTC, date, datetime
from typing import Any, Final, TypeAlias

import grpc

from registry.api.v1 import cases_pb2, intents_pb2, intents_pb2_grpc
from registry.application.desk import Desk
from registry.application.intents import IntentCommand, IntentDesk
from registry.application.registry import Registry
from registry.store.values import Appended
from registry_node import convert
from registry_node import convert_intents as convert_own
from registry_node.callers import calling_client
from registry_node.convert_casework import ask_of
from registry_node.threads import FairThreads, run_through

Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"
_THREADS: Final = 2
"""Intents are recorded and listed there; apart from the threads that replication needs."""
INTENTS_TAKE: Final = frozenset(
    {
        "states",
        "themes",
        "mechanisms",
        "instruments",
        "bodies",
        "statuses",
        "since",
        "until",
        "text",
        "case_id",
    }
)


class IntentServicer(intents_pb2_grpc.IntentServiceServicer):
    """Converts, delegates to the desk in a thread, converts back."""

    def __init__(self, registry: Registry, desk: Desk) -> None:
        self._registry = registry
        self._intents = IntentDesk(registry, desk)
        self._threads = FairThreads(_THREADS, name="intents")

    def close(self) -> None:
        """Waits for what runs in the threads; before the desk is closed."""
        self._threads.shutdown()

    async def DeclareIntent(  # noqa: N802 - the name of the RPC
        self, request: intents_pb2.DeclareIntentRequest, context: Context
    ) -> intents_pb2.DeclareIntentResponse:
        """Declares an intent."""
        command = _command(request, tuple(request.mechanisms))
        case_id = convert.case_id_of(request.case, self._registry.registry_id)
        content = convert_own.declared_of(request)
        receipt = await self._record(lambda: self._intents.declare(command, case_id, content))
        return intents_pb2.DeclareIntentResponse(receipt=receipt)

    async def AnswerIntent(  # noqa: N802
        self, request: intents_pb2.AnswerIntentRequest, context: Context
    ) -> intents_pb2.AnswerIntentResponse:
        """Answers an intent."""
        command = _command(request, tuple(request.mechanisms))
        content = convert_own.answered_of(request)
        at = request.intent
        receipt = await self._record(
            lambda: self._intents.answer(command, at.origin, at.index, content)
        )
        return intents_pb2.AnswerIntentResponse(receipt=receipt)

    async def WithdrawIntent(  # noqa: N802
        self, request: intents_pb2.WithdrawIntentRequest, context: Context
    ) -> intents_pb2.WithdrawIntentResponse:
        """Withdraws an own intent."""
        command = _command(request)
        content = convert_own.withdrawn_of(request)
        at = request.intent
        receipt = await self._record(
            lambda: self._intents.withdraw(command, at.origin, at.index, content)
        )
        return intents_pb2.WithdrawIntentResponse(receipt=receipt)

    async def ListIntents(  # noqa: N802
        self, request: intents_pb2.ListIntentsRequest, context: Context
    ) -> intents_pb2.ListIntentsResponse:
        """Lists intents as they stand today."""
        client = calling_client()
        ask = ask_of(request.filter, request.page_size, request.page_token, takes=INTENTS_TAKE)
        standing = convert_own.standing_of(request.standing)
        page = await asyncio.get_running_loop().run_in_executor(
            self._threads,
            lambda: self._intents.listed(client, ask, self._today(), standing),
        )
        return intents_pb2.ListIntentsResponse(
            intents=map(convert_own.intent_to_proto, page.rows), next_page_token=page.next_token
        )

    async def _record(self, work: Callable[[], "Future[Appended]"]) -> cases_pb2.EventReceipt:
        appended = await run_through(self._threads, work)
        return convert.receipt_to_proto(self._registry.receipt(appended))

    def _today(self) -> date:
        return datetime.fromtimestamp(self._registry.clock_ms() / 1000, UTC).date()


def _command(
    request: intents_pb2.DeclareIntentRequest
    | intents_pb2.AnswerIntentRequest
    | intents_pb2.WithdrawIntentRequest,
    mechanisms: tuple[str, ...] = (),
) -> IntentCommand:
    return IntentCommand(
        request_id=request.request_id,
        client=calling_client(),
        mechanisms=mechanisms,
        confirmed_person_ids=tuple(request.confirmed_person_ids),
    )
