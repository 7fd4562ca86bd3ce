"""PracticeService: good practices and working definitions. For clients of this node."""

import asyncio
from collections.abc import Callable
from typing import Any, Final, TypeAlias, TypeVar

import grpc

from registry.api.v1 import practices_pb2, practices_pb2_grpc
from registry.application.desk import Desk
from registry.application.practices import PracticeDesk
from registry.application.registry import Registry
from registry.errors import InvalidRequest
from registry_node import convert
from registry_node import convert_practices as convert_own
from registry_node.callers import calling_client
from registry_node.convert_casework import ask_of
from registry_node.threads import FairThreads

Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"
T = TypeVar("T")
_THREADS: Final = 2
_TERM_MAX: Final = 500
PRACTICES_TAKE: Final = frozenset(
    {"states", "themes", "mechanisms", "instruments", "bodies", "since", "until", "text"}
)
DEFINITIONS_TAKE: Final = frozenset({"themes", "mechanisms", "bodies", "text"})


class PracticeServicer(practices_pb2_grpc.PracticeServiceServicer):
    """Converts, reads in a thread, converts back."""

    def __init__(self, registry: Registry, desk: Desk) -> None:
        self._registry = registry
        self._practices = PracticeDesk(registry, desk)
        self._threads = FairThreads(_THREADS, name="practices")

    async def ListPractices(  # noqa: N802 - the name of the RPC
        self, request: practices_pb2.ListPracticesRequest, context: Context
    ) -> practices_pb2.ListPracticesResponse:
        """Lists good practices, for a case if one is named."""
        client = calling_client()
        ask = ask_of(request.filter, request.page_size, request.page_token, takes=PRACTICES_TAKE)
        if not request.HasField("case"):
            page = await self._run(lambda: self._practices.practices(client, ask))
            return practices_pb2.ListPracticesResponse(
                practices=map(convert_own.practice_to_proto, page.rows),
                next_page_token=page.next_token,
            )
        if ask.token:
            msg = "page_token: the practices that fit a case come in one page"
            raise InvalidRequest(msg)
        case_id = convert.case_id_of(request.case, self._registry.registry_id)
        found, left_out = await self._run(
            lambda: self._practices.practices_for(client, ask, case_id)
        )
        return practices_pb2.ListPracticesResponse(
            practices=map(convert_own.practice_to_proto, found), left_out=left_out
        )

    async def ListDefinitions(  # noqa: N802
        self, request: practices_pb2.ListDefinitionsRequest, context: Context
    ) -> practices_pb2.ListDefinitionsResponse:
        """Lists working definitions."""
        client = calling_client()
        ask = ask_of(request.filter, request.page_size, request.page_token, takes=DEFINITIONS_TAKE)
        if len(request.term) > _TERM_MAX:
            msg = f"term: at most {_TERM_MAX} characters"
            raise InvalidRequest(msg)
        page = await self._run(lambda: self._practices.definitions(client, ask, request.term))
        return practices_pb2.ListDefinitionsResponse(
            definitions=map(convert_own.definition_to_proto, page.rows),
            next_page_token=page.next_token,
        )

    async def _run(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)
