"""An author that shows two histories to two members: all end its log at one place, and prove it.

Real nodes over loopback. The author's folder is copied, as a cloned machine would be, and each copy
writes on; no two members that hold different histories have met before.
"""

import asyncio
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import pytest

from registry.api.v1 import replication_pb2, replication_pb2_grpc
from registry.application.folder import NodeFolder
from registry.application.intake import EntryRun, LogIntake
from registry.application.membership.rosters import load_chain
from registry.application.recording import RecordCommand
from registry.client.standing import LogStatus
from registry.domain.identifiers import log_id_of
from registry.log.fault_verdict import Verdict, verify_fault_proof
from registry_cli.federation import LocalNode
from tests.integration.federation_world import (
    channel_as_member,
    client_of,
    found,
    opened,
    until,
    until_equal,
)
from tests.integration.parts_world import open_registry

COMMON: Final = 5
ORIGIN: Final = "testing/author/1"


@dataclass(frozen=True)
class Stage:
    """one and two hold what each of the author's selves wrote; late holds nothing."""

    author: LocalNode
    other_self: LocalNode
    one: LocalNode
    two: LocalNode
    late: LocalNode

    @property
    def nodes(self) -> list[LocalNode]:
        return [self.author, self.other_self, self.one, self.two, self.late]


def record(node: LocalNode, count: int, text: str) -> None:
    registry = open_registry(node)
    try:
        registry.open_log()
        for number in range(count):
            content = opened(f"{text} {number} (invented)")
            registry.record(RecordCommand(f"{text}-{number}", "", None, content)).result()
    finally:
        registry.close()


def show(author: LocalNode, reader: LocalNode) -> None:
    """Lets one member take what one self of the author has written, as if they had met."""
    written = open_registry(author)
    try:
        store, log_id = written.store, written.own.log_id
        state = store.log_state(log_id)
        assert state.note is not None
        entries = store.entries(log_id, 0, state.size)
    finally:
        written.close()
    registry = open_registry(reader)
    try:
        intake = LogIntake(registry, registry.roster.member_by_log(log_id))
        head = intake.prove_head(state.note, offered_size=state.size)
        intake.take(EntryRun(0, entries, ()), head).result()
    finally:
        registry.close()


@pytest.fixture(params=[(3, 4), (2, 2), (6, 1)], ids=["shorter", "equal", "longer"])
def stage(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Stage]:
    author, one, two, late = found(tmp_path / "nodes", "author", "one", "two", "late")
    record(author, COMMON, "common")
    other_self = replace(author, folder=tmp_path / "other_self")
    shutil.copytree(author.folder, other_self.folder)
    first, second = request.param
    record(author, first, "one history")
    record(other_self, second, "another history")
    stage = Stage(author, other_self, one, two, late)
    try:
        show(author, one)
        show(other_self, two)
        yield stage
    finally:
        for node in stage.nodes:
            node.kill()


async def log_at(node: LocalNode) -> LogStatus:
    async with client_of(node) as client:
        logs = {log.mechanism: log for log in (await client.node_status()).logs}
    return logs["author"]


async def until_frozen(*nodes: LocalNode) -> None:
    async def are_frozen() -> bool:
        found = [await log_at(node) for node in nodes]
        return all((log.frozen_at, log.has_fault_proof) == (COMMON, True) for log in found)

    await until(are_frozen, f"the author's log ends at {COMMON} on {len(nodes)} nodes")


async def proof_of(node: LocalNode) -> Verdict:
    """What the proof proves that a node hands out, by the roster alone."""
    async with client_of(node) as client:
        proof = await client.fault_proof(ORIGIN)
    chain = load_chain(NodeFolder(node.folder))
    return verify_fault_proof(proof, chain.newest, chain.versions_of)


async def first_shown(node: LocalNode, member: LocalNode) -> str | None:
    """What a node tells first on the stream of heads that a member opens."""
    async with channel_as_member(node, member) as channel:
        stub = replication_pb2_grpc.ReplicationServiceStub(channel)
        async for response in stub.WatchHeads(replication_pb2.WatchHeadsRequest(), timeout=10):
            if response.head.log_id == log_id_of(ORIGIN):
                return "head of the author"
            return str(response.WhichOneof("item"))
    return None


def test_log_with_two_histories_ends_where_they_part_on_every_node(stage: Stage) -> None:
    asyncio.run(check_all_freeze(stage))


async def check_all_freeze(stage: Stage) -> None:
    for node in (stage.one, stage.two):
        node.start()
    await until_frozen(stage.one, stage.two)
    await until_equal([stage.one, stage.two], case_count=COMMON)
    for node in (stage.one, stage.two):
        verdict = await proof_of(node)
        assert (verdict.frozen_at, verdict.reason) == (COMMON, "two_histories")
        assert (await log_at(node)).frozen_reason == "two_histories"

    assert await first_shown(stage.one, stage.author) == "head of the author"
    assert await first_shown(stage.one, stage.late) == "evidence"

    # Only a relay is left to tell who joins later.
    stage.two.kill()
    stage.late.start()
    await until_frozen(stage.late)
    await until_equal([stage.one, stage.late], case_count=COMMON)
    assert (await log_at(stage.late)).size == COMMON
    assert (await proof_of(stage.late)).frozen_at == COMMON

    # The author's own node is told, and writes nothing any more.
    stage.author.start()
    await until_frozen(stage.author)

    async def is_stopped() -> bool:
        async with client_of(stage.author) as client:
            status = await client.node_status()
        return not status.is_open and f"frozen at {COMMON}" in status.mode_detail

    await until(is_stopped, "the author's node takes nothing any more")
