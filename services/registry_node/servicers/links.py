"""LinkService: cases of different mechanisms that belong together. For clients of this node."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, Final, TypeAlias

import grpc

from registry.api.v1 import cases_pb2, casework_pb2, links_pb2, links_pb2_grpc
from registry.application.desk import Desk
from registry.application.link_desk import LinkDesk
from registry.application.linking import LinkCommand
from registry.application.registry import Registry
from registry.domain.identifiers import LogId
from registry.store.values import Appended
from registry.views.linking import CaseLink
from registry_node import convert
from registry_node.callers import calling_client
from registry_node.threads import FairThreads, run_through

Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"
_THREADS: Final = 2
"""Links are folded there; apart from the threads that replication and the fence need."""


class LinkServicer(links_pb2_grpc.LinkServiceServicer):
    """Converts, delegates to the desk in a thread, converts back."""

    def __init__(self, registry: Registry, desk: Desk) -> None:
        self._registry = registry
        self._links = LinkDesk(registry, desk)
        self._threads = FairThreads(_THREADS, name="links")

    def close(self) -> None:
        """Waits for what runs in the threads; before the desk is closed."""
        self._threads.shutdown()

    async def ProposeLink(  # noqa: N802 - the name of the RPC
        self, request: links_pb2.ProposeLinkRequest, context: Context
    ) -> links_pb2.ProposeLinkResponse:
        """Proposes a link."""
        client = calling_client()
        command = LinkCommand(request.request_id, client.name)
        case_id = convert.case_id_of(request.case, self._registry.registry_id)
        other = convert.case_id_of(request.other_case, self._registry.registry_id)
        receipt = await self._record(lambda: self._links.propose(client, command, case_id, other))
        return links_pb2.ProposeLinkResponse(receipt=receipt)

    async def AnswerLink(  # noqa: N802
        self, request: links_pb2.AnswerLinkRequest, context: Context
    ) -> links_pb2.AnswerLinkResponse:
        """Answers a proposal."""
        client = calling_client()
        command = LinkCommand(request.request_id, client.name)
        at = request.proposal
        receipt = await self._record(
            lambda: self._links.answer(
                client, command, at.origin, at.index, accepts=request.accepts
            )
        )
        return links_pb2.AnswerLinkResponse(receipt=receipt)

    async def EndLink(  # noqa: N802
        self, request: links_pb2.EndLinkRequest, context: Context
    ) -> links_pb2.EndLinkResponse:
        """Ends a link."""
        client = calling_client()
        command = LinkCommand(request.request_id, client.name)
        at = request.proposal
        receipt = await self._record(lambda: self._links.end(client, command, at.origin, at.index))
        return links_pb2.EndLinkResponse(receipt=receipt)

    async def ListLinks(  # noqa: N802
        self, request: links_pb2.ListLinksRequest, context: Context
    ) -> links_pb2.ListLinksResponse:
        """Lists the links of a case."""
        client = calling_client()
        case_id = convert.case_id_of(request.case, self._registry.registry_id)
        found, left_out = await asyncio.get_running_loop().run_in_executor(
            self._threads, self._links.links, client, case_id
        )
        return links_pb2.ListLinksResponse(links=map(self._to_proto, found), left_out=left_out)

    async def _record(self, work: Callable[[], "Future[Appended]"]) -> cases_pb2.EventReceipt:
        appended = await run_through(self._threads, work)
        return convert.receipt_to_proto(self._registry.receipt(appended))

    def _to_proto(self, link: CaseLink) -> links_pb2.CaseLink:
        member = self._registry.roster.member_by_log(link.log_id)
        return links_pb2.CaseLink(
            proposal=casework_pb2.EventPlace(origin=member.origin, index=link.index),
            mechanism=member.slug,
            case_id=link.case_id,
            other_case_id=link.other_case_id,
            state=link.state,
            accepted_by=map(self._slug, link.accepted_by),
            declined_by=map(self._slug, link.declined_by),
            ended_by=map(self._slug, link.ended_by),
        )

    def _slug(self, log_id: LogId) -> str:
        return self._registry.roster.member_by_log(log_id).slug
