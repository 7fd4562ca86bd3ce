"""A fault of our own disk ends a node cleanly; a mistake of ours costs one call, tells nothing."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final

import grpc
import pytest

from registry.api.v1 import cases_pb2, cases_pb2_grpc
from registry.application.folder import NodeFolder
from registry.application.membership.rosters import load_roster
from registry_cli.federation import LocalNode
from registry_node.interceptors import CallInterceptor
from registry_node.server import NodeServer
from registry_node.servicers.acting import ActingServicer
from registry_node.servicers.admin import AdminServicer
from registry_node.servicers.attachments import AttachmentServicer
from registry_node.servicers.audit import AuditServicer
from registry_node.servicers.cases import CaseServicer
from registry_node.servicers.casework import CaseworkServicer
from registry_node.servicers.confidentiality import ConfidentialityServicer
from registry_node.servicers.desk import DeskServicer
from registry_node.servicers.intents import IntentServicer
from registry_node.servicers.knowledge import KnowledgeServicer
from registry_node.servicers.links import LinkServicer
from registry_node.servicers.practices import PracticeServicer
from registry_node.servicers.replication import ReplicationServicer
from registry_node.servicers.statements import StatementServicer
from registry_node.servicers.watch import WatchServicer
from registry_node.settings import NodeSettings
from tests.forking import Forked
from tests.integration.federation_world import (
    channel_as_client,
    client_of,
    found,
    opened,
    reason_of,
    start_all,
    stop_all,
    until,
    until_refused,
)

_SCRIPT: Final = Path(__file__).with_name("node_with_failing_disk.py")
_CANARY: Final = "secret words that no log may hold"
EXIT_STORAGE: Final = 5


@dataclass(frozen=True)
class Pair:
    """An author that serves one case, and a mirror that is not running."""

    author: LocalNode
    mirror: LocalNode

    def start_broken_mirror(self, fault: str) -> None:
        command = [str(_SCRIPT), str(self.mirror.folder), fault]
        self.mirror.process = Forked(command, self.mirror.log_file)

    def facts(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.mirror.log_file.read_text().splitlines()]


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    author, mirror = found(tmp_path, "author", "mirror")
    try:
        start_all([author])
        yield Pair(author, mirror)
    finally:
        stop_all([author, mirror])


async def record_one(node: LocalNode) -> None:
    async with client_of(node) as client:
        await client.open_case("one", opened("One (invented)"))


@pytest.mark.parametrize("fault", ["ingest", "parts"])
async def test_disk_that_fails_while_mirroring_ends_the_node_with_its_own_status(
    pair: Pair, fault: str
) -> None:
    await record_one(pair.author)
    pair.start_broken_mirror(fault)
    assert pair.mirror.process is not None
    assert await asyncio.to_thread(pair.mirror.process.wait, 90) == EXIT_STORAGE
    facts = pair.facts()
    (failed,) = [fact for fact in facts if fact["event"] == "node_failed"]
    assert failed["reason"] == "durability_error"
    assert ".py:" in failed["at"]
    assert "the disk is full" not in pair.mirror.log_file.read_text()
    assert "node_stopped" in {fact["event"] for fact in facts}
    # What was not stored is fetched by the next start.
    pair.mirror.start()
    await pair.mirror.wait_until_open()


async def test_mistake_that_a_peers_bytes_bring_out_costs_the_peer_and_not_the_node(
    pair: Pair,
) -> None:
    await record_one(pair.author)
    pair.start_broken_mirror("mistake")
    await until_refused(pair.mirror, "author", "internal_error")
    await record_one(pair.mirror)

    async def is_folded() -> bool:
        async with client_of(pair.mirror) as client:
            return [row.title async for row in client.list_cases()] == ["One (invented)"]

    await until(is_folded, "the node goes on with its own log")
    broken = {fact["at"] for fact in pair.facts() if fact["event"] == "fetch_broke"}
    assert {at.partition(":")[0] for at in broken} == {"node_with_failing_disk.py"}
    assert _CANARY not in pair.mirror.log_file.read_text()


# --- one call -------------------------------------------------------------------------------------


class BrokenRegistry:
    """Stands for a registry with a mistake in it."""

    store: Any = None

    def lists_for(self, *_: object, **__: object) -> None:
        raise KeyError(_CANARY)


@pytest.fixture
async def broken(tmp_path: Path) -> AsyncIterator[LocalNode]:
    """A served node with a broken service, in this process."""
    node = found(tmp_path, "alpha", "beta")[0]
    folder = NodeFolder(node.folder)
    settings = NodeSettings(folder=node.folder, shutdown_grace_s=0)
    server = NodeServer(settings, folder, load_roster(folder))
    registry: Any = BrokenRegistry()
    nothing: Any = None
    server.add_services(
        (
            CaseServicer(registry, registry),
            ReplicationServicer(registry, *[nothing] * 4),
            AuditServicer(registry, nothing),
            AdminServicer(registry, nothing, nothing),
            ConfidentialityServicer(registry, registry, nothing),
            DeskServicer(registry, registry),
            AttachmentServicer(registry, registry),
            CaseworkServicer(registry, registry),
            ActingServicer(registry, registry, registry),
            KnowledgeServicer(registry, registry),
            LinkServicer(registry, registry),
            StatementServicer(registry, registry),
            WatchServicer(registry, registry),
            IntentServicer(registry, registry),
            PracticeServicer(registry, registry),
        )
    )
    await server.start(node.address)
    try:
        yield node
    finally:
        await server.stop()


async def test_internal_error_never_shows_its_text(
    broken: LocalNode, capfd: pytest.CaptureFixture[str]
) -> None:
    async with channel_as_client(broken) as channel:
        stub: Any = cases_pb2_grpc.CaseServiceStub(channel)
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await stub.ListCases(cases_pb2.ListCasesRequest(), timeout=60)
    assert refused.value.code() is grpc.StatusCode.INTERNAL
    assert _CANARY not in str(refused.value)
    assert reason_of(refused.value) == "internal_error"
    shown = capfd.readouterr()
    assert "KeyError" in shown.out + shown.err
    assert _CANARY not in shown.out + shown.err


async def test_call_that_would_pass_the_interceptor_by_is_not_served() -> None:
    """Calls that stream requests and answer once are not wrapped: a new one must fail at once."""

    async def handler_of(_: Any) -> Any:
        return grpc.stream_unary_rpc_method_handler(lambda *_: None)

    callers: Any = None
    details: Any = SimpleNamespace(method="/x/Upload", invocation_metadata=())
    interceptor = CallInterceptor(callers, open_methods=frozenset())
    with pytest.raises(AssertionError, match="Upload"):
        await interceptor.intercept_service(handler_of, details)
