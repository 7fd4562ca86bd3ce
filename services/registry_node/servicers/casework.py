"""CaseworkService: what was done, what is due, and what came of it. For clients of this node."""

import asyncio
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any, Final, TypeAlias, TypeVar

import grpc

from registry.api.v1 import casework_pb2, casework_pb2_grpc
from registry.application.desk import Desk
from registry.application.lists import Ask, Lists
from registry.application.registry import Registry
from registry_node import convert_casework as convert
from registry_node.callers import calling_client
from registry_node.paging import page_size
from registry_node.threads import FairThreads

Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"
T = TypeVar("T")
_READING_THREADS: Final = 2
_ABOUT_ACTS: Final = frozenset(
    {"states", "themes", "mechanisms", "instruments", "bodies", "since", "until"}
)
ACTS_TAKE: Final = _ABOUT_ACTS | {"kinds", "topics", "text", "case_id"}
OBLIGATIONS_TAKE: Final = _ABOUT_ACTS | {"statuses", "matters"}
FOLLOW_UPS_TAKE: Final = _ABOUT_ACTS | {"kinds", "statuses", "text"}
CONCORDANCES_TAKE: Final = frozenset({"mechanisms", "statuses"})


class CaseworkServicer(casework_pb2_grpc.CaseworkServiceServicer):
    """Converts, reads the lists in a thread, converts back."""

    def __init__(self, registry: Registry, desk: Desk) -> None:
        self._registry = registry
        self._desk = desk
        self._reading = FairThreads(_READING_THREADS, name="read-lists")

    async def ListActs(  # noqa: N802 - the name of the RPC
        self, request: casework_pb2.ListActsRequest, context: Context
    ) -> casework_pb2.ListActsResponse:
        """Lists readable acts."""
        ask = convert.ask_of(request.filter, request.page_size, request.page_token, takes=ACTS_TAKE)
        page = await self._read("ListActs", ask, lambda lists, asked: lists.acts(asked))
        return casework_pb2.ListActsResponse(
            acts=[convert.act_to_proto(row) for row in page.rows], next_page_token=page.next_token
        )

    async def ListObligations(  # noqa: N802
        self, request: casework_pb2.ListObligationsRequest, context: Context
    ) -> casework_pb2.ListObligationsResponse:
        """Lists what is due."""
        ask = convert.ask_of(
            request.filter, request.page_size, request.page_token, takes=OBLIGATIONS_TAKE
        )
        today = self._today()
        page = await self._read(
            "ListObligations",
            ask,
            lambda lists, asked: (
                lists.overdue(asked, today) if request.overdue_only else lists.obligations(asked)
            ),
        )
        return casework_pb2.ListObligationsResponse(
            obligations=[convert.obligation_to_proto(row, today) for row in page.rows],
            next_page_token=page.next_token,
        )

    async def ListFollowUps(  # noqa: N802
        self, request: casework_pb2.ListFollowUpsRequest, context: Context
    ) -> casework_pb2.ListFollowUpsResponse:
        """Lists what came of recommendations, commitments and decisions."""
        ask = convert.ask_of(
            request.filter, request.page_size, request.page_token, takes=FOLLOW_UPS_TAKE
        )
        page = await self._read("ListFollowUps", ask, lambda lists, asked: lists.follow_ups(asked))
        return casework_pb2.ListFollowUpsResponse(
            follow_ups=[convert.follow_up_to_proto(row) for row in page.rows],
            next_page_token=page.next_token,
        )

    async def ListConcordances(  # noqa: N802
        self, request: casework_pb2.ListConcordancesRequest, context: Context
    ) -> casework_pb2.ListConcordancesResponse:
        """Lists what is said to ask the same."""
        ask = convert.ask_of(
            request.filter, request.page_size, request.page_token, takes=CONCORDANCES_TAKE
        )
        if request.HasField("event"):
            event = f"{request.event.origin}#{request.event.index}"
            ask = Ask(ask.limit, ask.token, (*ask.facets, ("event", (event,))))
        page = await self._read(
            "ListConcordances", ask, lambda lists, asked: lists.concordances(asked)
        )
        return casework_pb2.ListConcordancesResponse(
            concordances=[convert.concordance_to_proto(row) for row in page.rows],
            next_page_token=page.next_token,
        )

    async def FindReferences(  # noqa: N802
        self, request: casework_pb2.FindReferencesRequest, context: Context
    ) -> casework_pb2.FindReferencesResponse:
        """Finds a reference in any spelling."""
        text = convert.reference_text(request.text)
        ask = Ask(page_size(request.page_size), request.page_token)
        parsed, page = await self._read(
            "FindReferences", ask, lambda lists, asked: lists.references(text, asked)
        )
        return casework_pb2.FindReferencesResponse(
            parsed=convert.parsed_to_proto(parsed),
            places=[convert.reference_to_proto(row) for row in page.rows],
            next_page_token=page.next_token,
        )

    async def ListMechanisms(  # noqa: N802
        self, request: casework_pb2.ListMechanismsRequest, context: Context
    ) -> casework_pb2.ListMechanismsResponse:
        """Returns the profiles of the mechanisms."""
        del request
        profiles = self._registry.profiles
        return casework_pb2.ListMechanismsResponse(
            mechanisms=[
                convert.profile_to_proto(name, profile, is_overridden=name in profiles.overridden)
                for name, profile in sorted(profiles.by_name.items())
            ]
        )

    def _today(self) -> date:
        return datetime.fromtimestamp(self._registry.clock_ms() / 1000, UTC).date()

    async def _read(self, method: str, ask: Ask, read: Callable[[Lists, Ask], T]) -> T:
        client = calling_client()
        return await asyncio.get_running_loop().run_in_executor(
            self._reading, lambda: read(*self._desk.lists_for(client, ask, method))
        )
