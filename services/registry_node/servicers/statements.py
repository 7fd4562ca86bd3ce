"""StatementService: how joint statements stand. For clients of this node."""

import asyncio
from collections.abc import Callable
from typing import Any, Final, TypeAlias, TypeVar

import grpc

from registry.api.v1 import statements_pb2, statements_pb2_grpc
from registry.application.desk import Desk
from registry.application.registry import Registry
from registry.application.statement_desk import StatementDesk
from registry_node.callers import calling_client
from registry_node.convert_casework import ask_of
from registry_node.convert_statements import statement_read_to_proto, statement_to_proto
from registry_node.threads import FairThreads

Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"
T = TypeVar("T")
_READING_THREADS: Final = 2
STATEMENTS_TAKE: Final = frozenset(
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


class StatementServicer(statements_pb2_grpc.StatementServiceServicer):
    """Converts, reads in a thread, converts back."""

    def __init__(self, registry: Registry, desk: Desk) -> None:
        self._registry = registry
        self._desk = desk
        self._statements = StatementDesk(registry, desk)
        self._reading = FairThreads(_READING_THREADS, name="read-statements")

    async def ListStatements(  # noqa: N802 - the name of the RPC
        self, request: statements_pb2.ListStatementsRequest, context: Context
    ) -> statements_pb2.ListStatementsResponse:
        """Lists statements."""
        client = calling_client()
        ask = ask_of(request.filter, request.page_size, request.page_token, takes=STATEMENTS_TAKE)

        def read() -> statements_pb2.ListStatementsResponse:
            lists, asked = self._desk.lists_for(client, ask, "ListStatements")
            page = lists.statements(asked)
            now_ms = self._registry.clock_ms()
            return statements_pb2.ListStatementsResponse(
                statements=[statement_to_proto(row, now_ms) for row in page.rows],
                next_page_token=page.next_token,
            )

        return await self._in_thread(read)

    async def GetStatement(  # noqa: N802
        self, request: statements_pb2.GetStatementRequest, context: Context
    ) -> statements_pb2.GetStatementResponse:
        """Reads one statement."""
        client, at = calling_client(), request.event

        def read() -> statements_pb2.GetStatementResponse:
            found = self._statements.read(client, at.origin, at.index)
            return statement_read_to_proto(found, self._registry.clock_ms())

        return await self._in_thread(read)

    async def _in_thread(self, read: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._reading, read)
