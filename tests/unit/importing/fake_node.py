"""A node in memory behind the client's surface: request ids and cases as a real node keeps them.

A request id stands for the content and the case that it first came with: again the same is known,
anything else is refused, as is what the domain's rules refuse. It can fail from a chosen call on,
and answer slowly in any order that is asked for.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from registry.api.v1 import cases_pb2
from registry.client import Receipt, case
from registry.domain.content import ActContent, CaseOpened, encode_content
from registry.domain.decisions import check_new_event
from registry.domain.identifiers import CaseId
from registry.domain.rules import CaseFacts
from registry.errors import NotFound, RegistryError, RequestIdReused


@dataclass(frozen=True, slots=True)
class Recorded:
    """One event of the fake log; `state` is empty outside situations."""

    request_id: str
    state: str
    content: ActContent


@dataclass(slots=True)
class FakeNode:
    """Takes the calls that an import makes.

    Attributes:
        log: what was recorded, in order.
        calls: request ids as they came.
        failure: gives the error of the n-th call from 0, or None.
        turns: how many times a call lets others go first.
    """

    log: list[Recorded] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    failure: Callable[[int], BaseException | None] = lambda _: None
    turns: Callable[[int], int] = lambda _: 0
    running: int = 0
    most_running: int = 0
    _known: dict[str, tuple[bytes, bytes, Receipt]] = field(default_factory=dict)
    _cases: set[bytes] = field(default_factory=set)

    async def open_case(
        self, request_id: str, content: CaseOpened, *, is_shared: bool = False
    ) -> Receipt:
        """Opens a case under an id that follows from the request id."""
        case_id = CaseId(request_id.encode()[:16].ljust(16, b"."))
        receipt = await self._append(request_id, case(case_id), content, is_shared=is_shared)
        self._cases.add(case_id)
        return receipt

    async def record(
        self,
        request_id: str,
        selector: cases_pb2.CaseSelector,
        content: ActContent,
        *,
        is_shared: bool = False,
    ) -> Receipt:
        """Records an event in a situation or in a case that was opened."""
        if selector.case_id and selector.case_id not in self._cases:
            msg = "no such case is known here"
            raise NotFound(msg)
        return await self._append(request_id, selector, content, is_shared=is_shared)

    async def _append(
        self,
        request_id: str,
        selector: cases_pb2.CaseSelector,
        content: ActContent,
        *,
        is_shared: bool,
    ) -> Receipt:
        assert is_shared, "an import shares its request ids with all clients of the node"
        assert 1 <= len(request_id) <= 200
        number = len(self.calls)
        self.calls.append(request_id)
        self.running += 1
        self.most_running = max(self.most_running, self.running)
        try:
            for _ in range(self.turns(number)):
                await asyncio.sleep(0)
            error = self.failure(number)
            if error is not None:
                raise error
            check_new_event(content, is_for_all=True, case=_facts(selector, content))
            return self._store(request_id, selector, content)
        finally:
            self.running -= 1

    def _store(
        self, request_id: str, selector: cases_pb2.CaseSelector, content: ActContent
    ) -> Receipt:
        facts = (selector.SerializeToString(), encode_content(content))
        if request_id in self._known:
            *before, receipt = self._known[request_id]
            if tuple(before) != facts:
                msg = "the request id was used before with other content"
                raise RequestIdReused(msg)
            return replace(receipt, was_recorded_before=True)
        case_id = CaseId(selector.case_id or selector.situation_of.encode().ljust(16, b"-"))
        receipt = Receipt(
            case_id=case_id,
            origin="defenders.example/un/1",
            index=len(self.log),
            leaf_hash=bytes(32),
            was_recorded_before=False,
            time_ms=0,
        )
        self._known[request_id] = (*facts, receipt)
        self.log.append(Recorded(request_id, selector.situation_of, content))
        return receipt


def failing_from(start: int, error: RegistryError) -> Callable[[int], RegistryError | None]:
    """A node that stops answering."""
    return lambda number: error if number >= start else None


def _facts(selector: cases_pb2.CaseSelector, content: ActContent) -> CaseFacts:
    return CaseFacts(
        exists=True,
        is_new=isinstance(content, CaseOpened),
        is_situation=bool(selector.situation_of),
        own_origin="invented.example/un/1",
        event_at=lambda _origin, _index: None,
        own_acts=list,
    )
