"""A running node: what it tells Prometheus, and how it bears a caller that takes all it can get."""

import asyncio
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from time import monotonic, perf_counter
from typing import Final
from unittest.mock import patch

import grpc
import pytest
from prometheus_client.parser import text_string_to_metric_families

from registry.api.v1 import admin_pb2, admin_pb2_grpc, audit_pb2, audit_pb2_grpc
from registry.application.clients import add_client
from registry.application.roles import Role
from registry_cli.federation import LocalNode
from tests.counts import tell
from tests.integration.federation_world import (
    channel_as_client,
    client_of,
    found,
    opened,
    scraped,
    start_all,
    stop_all,
    until,
)

MOST: Final = 8
FLOOD: Final = Path(__file__).with_name("flood_of_calls.py")
FLOOD_CONNECTIONS: Final = 3
FLOOD_AT_ONCE: Final = 200
FLOOD_S: Final = 3
CALLS: Final = 100


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[LocalNode]]:
    nodes = found(tmp_path_factory.mktemp("metrics"), "alpha", "beta")
    settings = {
        "REGISTRY_NODE_METRICS_LISTEN": "127.0.0.1:0",
        "REGISTRY_NODE_CALLER_CALLS_MAX": str(MOST),
    }
    try:
        with patch.dict(os.environ, settings):
            start_all(nodes)
        yield nodes
    finally:
        stop_all(nodes)


def value(node: LocalNode, name: str, **labels: str) -> float | None:
    """A sample of what a node tells now; None if it is not told."""
    for family in text_string_to_metric_families(scraped(node)):
        for sample in family.samples:
            if sample.name == name and sample.labels == labels:
                return sample.value
    return None


async def test_what_happens_shows_in_the_metrics_of_both_nodes(nodes: list[LocalNode]) -> None:
    alpha, beta = nodes
    async with client_of(alpha) as client:
        for number in range(3):
            await client.open_case(f"request {number}", opened(f"case {number}"))

    async def has_come() -> bool:
        held = await asyncio.to_thread(value, beta, "registry_log_entries", log="testing/alpha/1")
        return held == 3

    await until(has_come, "three entries of alpha at beta")
    assert value(alpha, "registry_appended_entries_total") == 3
    assert value(beta, "registry_ingested_entries_total", log="testing/alpha/1") == 3
    assert value(beta, "registry_peer_connected", peer="alpha") == 1
    assert value(beta, "registry_peer_lag_entries", peer="alpha", log="testing/alpha/1") == 0
    assert (value(beta, "registry_peer_last_heard_timestamp_seconds", peer="alpha") or 0) > 1e9
    assert value(alpha, "registry_own_log_state", state="open") == 1
    labels = {"grpc_service": "registry.api.v1.CaseService", "grpc_method": "OpenCase"}
    assert (
        value(alpha, "grpc_server_handled_total", **labels, grpc_type="unary", grpc_code="OK") == 3
    )
    assert (value(alpha, "process_resident_memory_bytes") or 0) > 1e6


async def test_streams_of_one_caller_are_bounded_and_given_back(nodes: list[LocalNode]) -> None:
    alpha = nodes[0]
    async with channel_as_client(alpha) as channel:
        stub = audit_pb2_grpc.AuditServiceStub(channel)
        streams = [
            stub.WatchCheckpoints(audit_pb2.WatchCheckpointsRequest(), timeout=60)
            for _ in range(2 * MOST)
        ]
        first = [asyncio.ensure_future(stream.read()) for stream in streams]
        done = await asyncio.gather(*first, return_exceptions=True)
        refused = [each for each in done if isinstance(each, grpc.aio.AioRpcError)]
        assert len(refused) == MOST
        assert {each.code() for each in refused} == {grpc.StatusCode.RESOURCE_EXHAUSTED}
        for stream in streams:
            stream.cancel()

    async def is_free() -> bool:
        async with client_of(alpha, patience_s=0) as client:
            await client.node_status()
        return True

    await until(is_free, "the places are given back")


async def test_flood_of_one_caller_leaves_room_for_another(nodes: list[LocalNode]) -> None:
    alpha = nodes[0]
    profile = alpha.folder / "clients" / "flood"
    add_client(alpha.folder, "flood", profile, Role.VIEWER)
    seen, started_s = len(alpha.log_file.read_text().splitlines()), monotonic()
    before = await asyncio.to_thread(value, alpha, "registry_calls_over_limit_total") or 0
    flood = await asyncio.create_subprocess_exec(
        sys.executable,
        str(FLOOD),
        *map(str, (profile, FLOOD_CONNECTIONS, FLOOD_AT_ONCE, FLOOD_S)),
        stdout=asyncio.subprocess.PIPE,
    )
    assert flood.stdout is not None
    try:
        assert await flood.stdout.readline() == b"flooding\n"
        times = await well_behaved(alpha)
    finally:
        rest = await flood.stdout.read()
        await flood.wait()
    outcomes = json.loads(rest)
    p99_ms = sorted(times)[int(len(times) * 0.99)] * 1000
    tell(
        f"a well-behaved caller beside a flood of {sum(outcomes.values())} calls ({outcomes}): "
        f"p99 of {len(times)} calls {p99_ms:.0f} ms"
    )
    # Not one of its calls was refused. gRPC itself resets streams over its own limit: UNAVAILABLE.
    assert len(times) == CALLS
    assert set(outcomes) <= {"OK", "RESOURCE_EXHAUSTED", "UNAVAILABLE"}
    after = await asyncio.to_thread(value, alpha, "registry_calls_over_limit_total") or 0
    assert after - before == outcomes.get("RESOURCE_EXHAUSTED", 0)
    # A flood of refusals is no flood of log lines: one a second.
    lines = [json.loads(line) for line in alpha.log_file.read_text().splitlines()[seen:]]
    told = [each for each in lines if each.get("reason") == "overloaded"]
    assert len(told) <= monotonic() - started_s + 1


async def well_behaved(node: LocalNode) -> list[float]:
    """Calls one after the other, none of which is refused; the time of each, in seconds."""
    times = []
    async with channel_as_client(node) as channel:
        stub = admin_pb2_grpc.AdminServiceStub(channel)
        for _ in range(CALLS):
            started = perf_counter()
            await stub.GetNodeStatus(admin_pb2.GetNodeStatusRequest(), timeout=30)
            times.append(perf_counter() - started)
    return times
