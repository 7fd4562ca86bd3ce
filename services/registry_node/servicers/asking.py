"""AskingService: questions to other mechanisms, and answers. For clients of this node."""

import asyncio
from collections.abc import Callable
from typing import Any, Final, TypeAlias, TypeVar

import grpc

from registry.api.v1 import asking_pb2, asking_pb2_grpc
from registry.application.asking import AskingDesk
from registry.application.asking_limits import AskingLimits
from registry.application.desk import Desk
from registry.application.lists import Ask
from registry.application.matching import Matching
from registry.application.matching_desk import MatchingDesk
from registry.application.registry import Registry
from registry.application.roles import Role
from registry.domain.identifiers import CASE_ID_SIZE_BYTES
from registry.errors import InvalidRequest
from registry_node import convert, convert_asking
from registry_node.callers import calling_client
from registry_node.paging import page_size
from registry_node.threads import FairThreads

Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"
T = TypeVar("T")
_THREADS: Final = 2
"""Cases are read there; apart from the threads that replication and the fence need."""


class AskingServicer(asking_pb2_grpc.AskingServiceServicer):
    """Converts, delegates to the desk in a thread, converts back."""

    def __init__(
        self,
        registry: Registry,
        desk: Desk,
        matching: Matching,
        limits: AskingLimits | None = None,
    ) -> None:
        self._registry = registry
        self._asking = AskingDesk(registry, desk, matching, limits)
        self._matching = MatchingDesk(registry, desk, matching)
        self._threads = FairThreads(_THREADS, name="asking")

    def close(self) -> None:
        """Waits for what runs in the threads; before the desk is closed."""
        self._threads.shutdown()

    async def PreviewQuestion(  # noqa: N802 - the name of the RPC
        self, request: asking_pb2.PreviewQuestionRequest, context: Context
    ) -> asking_pb2.PreviewQuestionResponse:
        """Tells exactly what a question would send."""
        client = calling_client()
        command = convert_asking.question_of(request, self._registry.registry_id)
        preview = await self._run(
            lambda: self._asking.preview(client, command, matches=request.matches)
        )
        return convert_asking.preview_to_proto(preview)

    async def AskPeers(  # noqa: N802
        self, request: asking_pb2.AskPeersRequest, context: Context
    ) -> asking_pb2.AskPeersResponse:
        """Asks what was previewed."""
        client = calling_client()
        command = convert_asking.question_of(request, self._registry.registry_id)
        appended = await self._run(
            lambda: self._asking.ask(client, command, request.confirmation, matches=request.matches)
        )
        receipt = convert.receipt_to_proto(self._registry.receipt(appended))
        return asking_pb2.AskPeersResponse(receipt=receipt)

    async def PreviewAnswer(  # noqa: N802
        self, request: asking_pb2.PreviewAnswerRequest, context: Context
    ) -> asking_pb2.PreviewAnswerResponse:
        """Tells exactly what an answer would send."""
        client, command = calling_client(), convert_asking.answer_of(request)
        found = await self._run(
            lambda: self._asking.preview_answer(client, command, matches=request.matches)
        )
        return convert_asking.answer_preview_to_proto(found)

    async def AnswerQuestion(  # noqa: N802
        self, request: asking_pb2.AnswerQuestionRequest, context: Context
    ) -> asking_pb2.AnswerQuestionResponse:
        """Answers a question."""
        client, command = calling_client(), convert_asking.answer_of(request)
        appended = await self._run(
            lambda: self._asking.answer(client, command, matches=request.matches)
        )
        receipt = convert.receipt_to_proto(self._registry.receipt(appended))
        return asking_pb2.AnswerQuestionResponse(receipt=receipt)

    async def ListQuestions(  # noqa: N802
        self, request: asking_pb2.ListQuestionsRequest, context: Context
    ) -> asking_pb2.ListQuestionsResponse:
        """Lists questions with their answers."""
        client = calling_client()
        if len(request.case_id) not in (0, CASE_ID_SIZE_BYTES):
            msg = f"case_id: {CASE_ID_SIZE_BYTES} bytes, or none"
            raise InvalidRequest(msg)
        facets = (("case", (request.case_id.hex(),)),) if request.case_id else ()
        ask = Ask(page_size(request.page_size), request.page_token, facets)
        shows_content = client.role is not Role.AUDITOR
        page = await self._run(
            lambda: self._asking.questions(
                client,
                ask,
                "sent" if request.sent else "received",
                only_open=request.open_only,
                shows_content=shows_content,
            )
        )
        return asking_pb2.ListQuestionsResponse(
            questions=[
                convert_asking.question_to_proto(each, shows_content=shows_content)
                for each in page.rows
            ],
            next_page_token=page.next_token,
        )

    async def GetMatching(  # noqa: N802
        self, request: asking_pb2.GetMatchingRequest, context: Context
    ) -> asking_pb2.GetMatchingResponse:
        """Tells what came of a matching."""
        client, at = calling_client(), request.question
        found = await self._run(lambda: self._matching.result(client, at.origin, at.index))
        return convert_asking.matching_to_proto(found)

    async def PreviewTelling(  # noqa: N802
        self, request: asking_pb2.PreviewTellingRequest, context: Context
    ) -> asking_pb2.PreviewTellingResponse:
        """Tells exactly what telling the other side would send."""
        client, command = calling_client(), convert_asking.telling_of(request)
        found = await self._run(lambda: self._matching.preview(client, command))
        return convert_asking.telling_preview_to_proto(found)

    async def TellMatching(  # noqa: N802
        self, request: asking_pb2.TellMatchingRequest, context: Context
    ) -> asking_pb2.TellMatchingResponse:
        """Lets the other side learn it."""
        client, command = calling_client(), convert_asking.telling_of(request)
        appended = await self._run(lambda: self._matching.tell(client, command))
        receipt = convert.receipt_to_proto(self._registry.receipt(appended))
        return asking_pb2.TellMatchingResponse(receipt=receipt)

    async def _run(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)
