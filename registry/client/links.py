"""Calls on links between cases, reached as `client.links`."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import grpc

from registry.api.v1 import cases_pb2, casework_pb2, links_pb2, links_pb2_grpc
from registry.client.casework import EventPlace
from registry.client.values import Receipt, read_receipt
from registry.domain.identifiers import CaseId

Call = Callable[[Any, Any], Awaitable[Any]]
"""Makes one call with the client's deadline and errors: (method, request)."""


@dataclass(frozen=True, slots=True)
class CaseLink:
    """A proposal that two cases belong together, and how it stands."""

    proposal: EventPlace
    mechanism: str
    case_id: CaseId
    other_case_id: CaseId
    state: str
    accepted_by: tuple[str, ...]
    declined_by: tuple[str, ...]
    ended_by: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ListedLinks:
    """The links of a case, those that were answered first, and how many more there are."""

    links: tuple[CaseLink, ...]
    left_out: int


class LinkClient:
    """The calls; recording is repeated with the same request id while the node is away."""

    def __init__(self, channel: grpc.aio.Channel, call: Call, patient_call: Call) -> None:
        self._stub: links_pb2_grpc.LinkServiceAsyncStub = links_pb2_grpc.LinkServiceStub(channel)
        self._call = call
        self._patient_call = patient_call

    async def propose(
        self, request_id: str, case: cases_pb2.CaseSelector, other: cases_pb2.CaseSelector
    ) -> Receipt:
        """Proposes that two cases belong together."""
        request = links_pb2.ProposeLinkRequest(request_id=request_id, case=case, other_case=other)
        return read_receipt((await self._patient_call(self._stub.ProposeLink, request)).receipt)

    async def answer(self, request_id: str, proposal: EventPlace, *, accepts: bool) -> Receipt:
        """Accepts or declines a proposal of another mechanism."""
        request = links_pb2.AnswerLinkRequest(
            request_id=request_id, proposal=_place(proposal), accepts=accepts
        )
        return read_receipt((await self._patient_call(self._stub.AnswerLink, request)).receipt)

    async def end(self, request_id: str, proposal: EventPlace) -> Receipt:
        """Ends a link that the own mechanism proposed or accepted."""
        request = links_pb2.EndLinkRequest(request_id=request_id, proposal=_place(proposal))
        return read_receipt((await self._patient_call(self._stub.EndLink, request)).receipt)

    async def list_links(self, case: cases_pb2.CaseSelector) -> "ListedLinks":
        """Lists the proposals from and to a case."""
        answer = await self._call(self._stub.ListLinks, links_pb2.ListLinksRequest(case=case))
        found = tuple(
            CaseLink(
                proposal=EventPlace(each.proposal.origin, each.proposal.index),
                mechanism=each.mechanism,
                case_id=CaseId(each.case_id),
                other_case_id=CaseId(each.other_case_id),
                state=each.state,
                accepted_by=tuple(each.accepted_by),
                declined_by=tuple(each.declined_by),
                ended_by=tuple(each.ended_by),
            )
            for each in answer.links
        )
        return ListedLinks(found, answer.left_out)


def _place(place: EventPlace) -> casework_pb2.EventPlace:
    return casework_pb2.EventPlace(origin=place.origin, index=place.index)
