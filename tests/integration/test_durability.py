"""What was acknowledged stays: a whole node killed again and again, and one that ends cleanly."""

import asyncio
import json
import os
import signal
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from time import monotonic
from typing import Any, Final

import grpc
import pytest
from grpc_health.v1 import health_pb2

from registry.client import RegistryClient, case, load_profile
from registry.domain.identifiers import CaseId
from registry.store.failpoints import Step
from registry_cli.federation import LocalNode, running
from tests.counts import tell
from tests.faults import node_with_failpoint
from tests.forking import Forked
from tests.integration.durable_logs import leaves_of
from tests.integration.federation_world import (
    channel_as_client,
    client_of,
    found,
    opened,
    statement,
    until,
    until_equal,
)

KILLS: Final = int(os.environ.get("SOAK_NODE_KILLS", "40"))
TURNS: Final = (KILLS - 8) // 4
"""Of each of two nodes, two kills a turn; eight more kills come after them."""
CLIENTS: Final = 4
ACKNOWLEDGED_BETWEEN_KILLS: Final = 25
FALLS_WITHIN_S: Final = 120.0
WRITING: Final = (
    (Step.APPEND_INSERTED, 9),
    (Step.APPEND_SIGNED, 9),
    (Step.APPEND_NOTED, 9),
    (Step.APPEND_COMMITTED, 9),
    (Step.GUARD_WRITTEN, 9),
    (Step.GUARD_SYNCED, 9),
    (Step.APPEND_GUARDED, 9),
)
MIRRORING: Final = (
    (Step.INGEST_NOTED, 2),
    (Step.INGEST_COMMITTED, 2),
    (Step.PARTS_INSERTED, 1),
    (Step.PARTS_COMMITTED, 1),
)
"""What a node comes to while it runs, and which time it falls there; the second ones while the
other node is left alone. All steps: tests/faults/test_kills_at_every_step.py."""
ENDS_WITHIN_S: Final = 10.0


@dataclass
class Ledger:
    """What clients were told: the leaf hash that stands at each index."""

    acknowledged: dict[int, bytes] = field(default_factory=dict)

    def note(self, index: int, leaf_hash: bytes) -> None:
        assert self.acknowledged.setdefault(index, leaf_hash) == leaf_hash


async def keep_appending(client: RegistryClient, case_id: CaseId, name: str, book: Ledger) -> None:
    """Records for ever; the client itself repeats what was not answered, with the same id."""
    for number in count():
        request_id = f"{name}-{number}"
        receipt = await client.record(request_id, case(case_id), statement(request_id))
        book.note(receipt.index, receipt.leaf_hash)


async def until_more(book: Ledger, more: int) -> None:
    goal = len(book.acknowledged) + more

    async def is_reached() -> bool:
        return len(book.acknowledged) >= goal

    await until(is_reached, f"{more} more events acknowledged")


@dataclass(slots=True)
class FallingNode(LocalNode):
    """A node that can be started so that it ends with SIGKILL at a step."""

    def start_to_fall(self, step: Step, hit: int) -> None:
        script = node_with_failpoint.__file__
        self.process = Forked([script, str(self.folder), step, str(hit)], self.log_file)

    async def wait_until_fallen(self) -> None:
        assert self.process is not None
        status = await asyncio.to_thread(self.process.wait, FALLS_WITHIN_S)
        assert status == -signal.SIGKILL
        self.process = None


async def keep_killing(
    node: FallingNode, book: Ledger, steps: Sequence[tuple[Step, int]], turns: int
) -> list[float]:
    """Kills a node in turn at any moment and at a step; returns how long it did not serve, in s."""
    away_s = []
    for number in range(turns):
        await until_more(book, ACKNOWLEDGED_BETWEEN_KILLS)
        node.kill()
        node.start_to_fall(*steps[number % len(steps)])
        await node.wait_until_fallen()
        fallen = monotonic()
        node.start()
        await node.wait_until_open()
        away_s.append(monotonic() - fallen)
    await until_more(book, ACKNOWLEDGED_BETWEEN_KILLS)
    return away_s


@asynccontextmanager
async def clients_that_append(node: LocalNode, book: Ledger) -> AsyncIterator[None]:
    profile = load_profile(node.profile)
    async with AsyncExitStack() as stack:
        clients = [
            await stack.enter_async_context(RegistryClient(profile, patience_s=300.0))
            for _ in range(CLIENTS)
        ]
        receipt = await clients[0].open_case("case", opened("A case under fire (invented)"))
        book.note(receipt.index, receipt.leaf_hash)
        async with asyncio.TaskGroup() as tasks:
            appending = [
                tasks.create_task(keep_appending(client, receipt.case_id, f"client-{n}", book))
                for n, client in enumerate(clients)
            ]
            yield
            for task in appending:
                task.cancel()


@pytest.mark.timeout(300 + 5 * KILLS)
async def test_forty_kills_of_two_nodes_that_append_lose_nothing_and_fork_nothing(
    tmp_path: Path,
) -> None:
    nodes = [
        FallingNode(node.mechanism, node.folder, node.address)
        for node in found(tmp_path, "alpha", "beta")
    ]
    books = [Ledger(), Ledger()]
    async with running(nodes), AsyncExitStack() as stack:
        for node, book in zip(nodes, books, strict=True):
            await stack.enter_async_context(clients_that_append(node, book))
        both = await asyncio.gather(
            keep_killing(nodes[0], books[0], WRITING, TURNS),
            keep_killing(nodes[1], books[1], WRITING[::-1], TURNS),
        )
        both_s = [each for away_s in both for each in away_s]
        both_s += await keep_killing(nodes[1], books[1], MIRRORING, len(MIRRORING))
        await stack.aclose()
        await until_equal([*nodes], case_count=2)
    both_s.sort()
    acknowledged = sum(len(book.acknowledged) for book in books)
    tell(
        f"{2 * len(both_s)} kills of a node, {len(both_s)} of them at a step, {acknowledged} "
        f"events acknowledged, 0 lost; serves again after {both_s[0]:.2f} to {both_s[-1]:.2f} s, "
        "the start of an interpreter not counted"
    )
    for node, other, book in zip(nodes, nodes[::-1], books, strict=True):
        origin = f"testing/{node.mechanism.slug}/1"
        leaves = leaves_of(node, origin)
        assert len(book.acknowledged) > TURNS * ACKNOWLEDGED_BETWEEN_KILLS
        assert {index: leaves[index] for index in book.acknowledged} == book.acknowledged
        assert leaves_of(other, origin) == leaves


@pytest.fixture
async def node(tmp_path: Path) -> AsyncIterator[LocalNode]:
    """One of two members, with nobody to talk to."""
    alone = found(tmp_path, "alone", "absent")[0]
    async with running([alone]):
        yield alone


def facts_of(node: LocalNode) -> list[dict[str, object]]:
    """The node's log lines."""
    return [json.loads(line) for line in node.log_file.read_text().splitlines()]


async def health_of(channel: grpc.aio.Channel) -> AsyncGenerator[str, None]:
    watch: Any = channel.unary_stream(
        "/grpc.health.v1.Health/Watch",
        health_pb2.HealthCheckRequest.SerializeToString,
        health_pb2.HealthCheckResponse.FromString,
    )
    call = watch(health_pb2.HealthCheckRequest(service=""), timeout=90)
    try:
        async for response in call:
            yield health_pb2.HealthCheckResponse.ServingStatus.Name(response.status)
    finally:
        call.cancel()


async def test_sigterm_ends_a_busy_node_cleanly_and_loses_nothing(node: LocalNode) -> None:
    book = Ledger()
    statuses = []
    async with (
        client_of(node, patience_s=0) as client,
        channel_as_client(node) as channel,
    ):
        receipt = await client.open_case("case", opened("A case at closing time (invented)"))
        health = health_of(channel)
        statuses.append(await anext(health))
        appending = [
            asyncio.ensure_future(keep_appending(client, receipt.case_id, f"client-{n}", book))
            for n in range(CLIENTS)
        ]
        await until_more(book, 50)
        assert node.process is not None
        asked = monotonic()
        node.process.send_signal(signal.SIGTERM)
        statuses.append(await anext(health))
        status = await asyncio.to_thread(node.process.wait, 90)
        took_s = monotonic() - asked
        ends = await asyncio.gather(*appending, return_exceptions=True)
        await health.aclose()
    tell(f"ended {took_s:.2f} s after SIGTERM with {len(book.acknowledged)} acknowledged")
    assert statuses == ["SERVING", "NOT_SERVING"]
    assert status == 0
    assert took_s < ENDS_WITHIN_S
    assert all(isinstance(end, Exception) for end in ends)
    assert facts_of(node)[-1]["event"] == "node_stopped"
    stored = leaves_of(node, "testing/alone/1")
    assert {index: stored[index] for index in book.acknowledged} == book.acknowledged


async def test_second_process_on_the_same_folder_is_refused(node: LocalNode) -> None:
    second = LocalNode(node.mechanism, node.folder, node.address)
    second.start()
    assert second.process is not None
    assert await asyncio.to_thread(second.process.wait, 90) == 5
    (failed,) = [fact for fact in facts_of(node) if fact["event"] == "node_failed"]
    assert failed["reason"] == "folder_error"
    async with client_of(node) as client:
        assert (await client.node_status()).is_open
