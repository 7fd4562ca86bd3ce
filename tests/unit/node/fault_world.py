"""What tests of fault proofs at a node are made of: an author whose key is at hand, fake peers."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from registry.client.tls import require_tls13

require_tls13()

import grpc  # noqa: E402 - grpc reads the cipher setting when it is first imported

from registry.api.v1 import replication_pb2 as pb  # noqa: E402
from registry.application.intake import EntryRun, LogIntake  # noqa: E402
from registry.domain.identifiers import LogId, Slug  # noqa: E402
from registry.log.fault_proof import (  # noqa: E402
    SignedPrefix,
    encode_signed_prefix,
    two_histories,
)
from registry.log.signing import Ed25519Signer  # noqa: E402
from registry.store.values import LogState  # noqa: E402
from registry_node.fault_following import FaultFollowing  # noqa: E402
from registry_node.heads import HeadHub  # noqa: E402
from tests.faults.honest_peer import HonestPeer  # noqa: E402
from tests.unit.application.federation_in_process import (  # noqa: E402
    Node,
)

HELD: Final = 11
PEER: Final = Slug("gamma")
THIEF: Final = Ed25519Signer(b"t" * 32)


def intake_at(node: Node, author: HonestPeer, ends: dict[LogId, int] | None = None) -> LogIntake:
    member = node.registry.roster.member_by_log(author.log_id)
    return LogIntake(node.registry, member, ends)


def take(intake: LogIntake, author: HonestPeer, end: int, size: int) -> None:
    """Takes the author's entries up to `end` under its checkpoint of `size`."""
    start = intake.held.size
    head = intake.prove_head(author.note_at(size), offered_size=size)
    run = EntryRun(start, author.entries[start:end], author.path(end, size))
    intake.take(run, head).result()


def state_at(node: Node, author: HonestPeer) -> LogState:
    return node.registry.store.log_state(author.log_id)


def branch_of(author: HonestPeer, at: int, size: int) -> HonestPeer:
    branch = author.fork_at(at)
    while len(branch.entries) < size:
        branch.write(f"event {len(branch.entries)} of another history")
    return branch


def prefix_of(author: HonestPeer, at: int, size: int | None = None) -> SignedPrefix:
    size = size or len(author.entries)
    root = author.range_at(at).root()
    return SignedPrefix(author.note_at(size), (), root, author.path(at, size))


def proof_of(author: HonestPeer, branch: HonestPeer, at: int) -> bytes:
    return two_histories(author.origin, at, prefix_of(author, at), prefix_of(branch, at))


@dataclass
class FakePeer:
    """Answers GetPrefix from a log; breaks off after so many answers."""

    author: HonestPeer
    patience: int = 100
    asked: list[int] = field(default_factory=list)
    twist: Callable[[SignedPrefix], SignedPrefix] = lambda prefix: prefix

    async def GetPrefix(self, request: pb.GetPrefixRequest, timeout: float) -> Any:  # noqa: ASYNC109, N802 - as the stub
        assert timeout > 0
        if len(self.asked) == self.patience or request.size > len(self.author.entries):
            metadata = grpc.aio.Metadata()
            raise grpc.aio.AioRpcError(grpc.StatusCode.UNAVAILABLE, metadata, metadata, "gone")
        self.asked.append(request.size)
        prefix = self.twist(prefix_of(self.author, request.size))
        entry = self.author.entries[request.size - 1]
        return pb.GetPrefixResponse(signed_prefix=encode_signed_prefix(prefix), last_entry=entry)


class Following(FaultFollowing):
    """With the peers that it refused, and a generation that peers have shown."""

    def __init__(self, node: Node) -> None:
        self.refused: list[tuple[Slug, str]] = []
        self.shown = 0
        self.hub = HeadHub()
        super().__init__(
            node.registry,
            timeout_s=1.0,
            shown_generation=lambda _: self.shown,
            refuse=lambda peer, reason: self.refused.append((peer, reason.partition(":")[0])),
            heads=self.hub,
        )

    async def ask(self, peer: Any, author: HonestPeer, shown: int, **more: Any) -> None:
        async with asyncio.TaskGroup() as tasks:
            self.start(tasks, {PEER: peer})
            self.suspect(PEER, author.log_id, shown, **more)
            self.suspect(PEER, author.log_id, shown)  # while the first one is asked


def alpha_member(node: Node, author: HonestPeer) -> Any:
    return node.registry.roster.member_by_log(author.log_id)
