"""What tests of content are made of: two nodes in one process, and a peer that answers GetParts."""

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

import grpc

from registry.api.v1 import replication_pb2 as pb
from registry.domain.identifiers import CaseId, Commitment, LogId, RequestKey, Slug
from registry.domain.vocabulary import EventKind
from registry.errors import EntryError, PeerUnavailable
from registry.log.author import PartDraft, draft_event
from registry.log.entry import ALL_MEMBERS
from registry.log.roster import Member
from registry.store.values import AppendRequest
from registry_node.part_fetching import PartFetcher, PartSource
from tests.unit.application.federation_in_process import (
    Node,
    Nodes,
    carry_entries,
    found_federation,
    open_federation,
)

Place = tuple[int, int]


@contextmanager
def two_nodes(folder: Path) -> Iterator[Nodes]:
    """alpha writes, beta follows."""
    found_federation(folder, ("alpha", "beta"))
    with open_federation(folder, ("alpha", "beta")) as nodes:
        yield nodes


def write(node: Node, *contents: bytes, claimed: int | None = None) -> int:
    """Writes one event with these parts, past the application's rules; returns its index.

    With `claimed` the header says that each part has so many bytes, held or not.
    """
    store = node.registry.store
    parts = tuple(PartDraft(sha256(text).digest(), "text/plain", text) for text in contents)
    draft = draft_event(
        log_id=node.log_id,
        case_id=CaseId(b"c" * 16),
        kind=EventKind.STATEMENT_ISSUED,
        time_ms=1_700_000_000_000,
        parts=parts,
        audience=ALL_MEMBERS,
        request_id=RequestKey(b""),
    )
    if claimed is not None:
        commitments = tuple(replace_claim(part, claimed) for part in draft.commitments)
        draft = draft._replace(commitments=commitments)
    return store.append(AppendRequest(draft, b"d" * 32)).result().index


def replace_claim(part: Any, claimed: int) -> Any:
    return type(part)(part.commitment, claimed, part.not_before_ms)


class FakeCall:
    """A call as grpc gives it: it is read, and it can be cancelled."""

    def __init__(self, messages: AsyncIterator[pb.GetPartsResponse]) -> None:
        self._messages = messages
        self.is_cancelled = False

    def __aiter__(self) -> AsyncIterator[pb.GetPartsResponse]:
        return self._messages

    def cancel(self) -> None:
        self.is_cancelled = True


@dataclass
class FakePeer:
    """A peer that gives what its node may give, one part a message, until it breaks off."""

    node: Node
    caller: Member
    breaks_after: int | None = None
    code: grpc.StatusCode = grpc.StatusCode.DEADLINE_EXCEEDED
    withheld: set[int] = field(default_factory=set)
    asked: list[list[Place]] = field(default_factory=list)
    timeouts: list[float] = field(default_factory=list)

    def GetParts(self, request: pb.GetPartsRequest, *, timeout: float) -> FakeCall:  # noqa: N802 - as grpc's stubs
        self.asked.append([(part.index, part.ordinal) for part in request.part_ids])
        self.timeouts.append(timeout)
        return FakeCall(self._answer(request))

    async def _answer(self, request: pb.GetPartsRequest) -> AsyncIterator[pb.GetPartsResponse]:
        wanted = {
            (LogId(p.log_id), p.index, p.ordinal): Commitment(p.commitment)
            for p in request.part_ids
            if p.index not in self.withheld
        }
        sent = 0
        for key, commitment in wanted.items():
            for part in self.node.registry.parts_for(self.caller, {key: commitment}):
                if sent == self.breaks_after:
                    raise broken(self.code)
                place = pb.PartId(log_id=part.log_id, index=part.index, ordinal=part.ordinal)
                content = pb.PartContent(
                    part_id=place, salt=part.salt, media_type=part.media_type, content=part.content
                )
                yield pb.GetPartsResponse(parts=[content])
                sent += 1
        if not sent:
            raise broken(grpc.StatusCode.NOT_FOUND)


def broken(code: grpc.StatusCode) -> grpc.aio.AioRpcError:
    nothing = grpc.aio.Metadata()
    return grpc.aio.AioRpcError(code, nothing, nothing, "as the test wants it")


@dataclass
class Following:
    """beta's fetcher for alpha's log, with what it reported."""

    alpha: Node
    beta: Node
    faults: list[tuple[Slug, EntryError | PeerUnavailable]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.fetcher = PartFetcher(
            self.beta.registry,
            5.0,
            lambda peer, error: self.faults.append((peer, error)),
        )

    @property
    def author(self) -> Member:
        return self.alpha.registry.own

    def peer(self, **behaviour: Any) -> FakePeer:
        """alpha's node, as beta calls it."""
        return FakePeer(self.alpha, self.beta.registry.own, **behaviour)

    async def catch_up(self, *peers: FakePeer) -> int:
        """Brings entries, then the content that these peers give; returns how many parts."""
        carry_entries(self.alpha, self.beta, self.alpha.log_id)
        brought = await self.fetcher.catch_up(
            self.author, sources_of(*peers), is_stopped=lambda: False
        )
        return brought.stored

    def held(self) -> list[Place]:
        """The parts of alpha's log that beta holds."""
        changes = self.beta.registry.store.part_changes(0, 10_000)
        return sorted((c.index, c.ordinal) for c in changes if c.log_id == self.alpha.log_id)

    def wanted(self) -> list[Place]:
        return self.beta.registry.store.wanted_parts(self.alpha.log_id, 10_000)

    def watermark(self) -> int:
        return self.beta.registry.store.log_state(self.alpha.log_id).parts_below


def sources_of(*peers: FakePeer) -> list[PartSource]:
    stubs: list[Any] = list(peers)
    return [PartSource(Slug(f"peer-{number}"), stub) for number, stub in enumerate(stubs)]
