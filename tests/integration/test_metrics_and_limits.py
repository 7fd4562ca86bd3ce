"""A running node: what it tells Prometheus, and how it bears a caller that takes all it can get."""

import asyncio
import json
import os
from collections import Counter
from collections.abc import Iterator
from time import perf_counter
from typing import Final
from unittest.mock import patch

import grpc
import pytest
from prometheus_client.parser import text_string_to_metric_families

from registry.api.v1 import admin_pb2, admin_pb2_grpc, audit_pb2, audit_pb2_grpc
from registry.application.clients import add_client
from registry.application.roles import Role
from registry_cli.federation import LocalNode
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

MOST: Final = 24
FLOOD_AT_ONCE: Final = 400
FLOOD_ROUNDS: Final = 4
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
    before = value(alpha, "registry_calls_over_limit_total") or 0
    outcomes: Counter[str] = Counter()
    async with channel_as_client(alpha, profile) as one, channel_as_client(alpha, profile) as two:
        stubs = [admin_pb2_grpc.AdminServiceStub(each) for each in (one, two)]

        async def flood(number: int) -> None:
            for _ in range(FLOOD_ROUNDS):
                try:
                    request = admin_pb2.GetNodeStatusRequest()
                    await stubs[number % 2].GetNodeStatus(request, timeout=60)
                    outcomes["OK"] += 1
                except grpc.aio.AioRpcError as error:
                    outcomes[error.code().name] += 1

        flooding = asyncio.gather(*(flood(number) for number in range(FLOOD_AT_ONCE)))
        times = await well_behaved(alpha)
        was_over_first = not flooding.done()
        await flooding
    p99_ms = sorted(times)[int(len(times) * 0.99)] * 1000
    print(  # noqa: T201
        f"a well-behaved caller beside a flood of {outcomes.total()} calls ({dict(outcomes)}): "
        f"p99 of {len(times)} calls {p99_ms:.0f} ms, still flooding at the end: {was_over_first}"
    )
    assert len(times) == CALLS
    assert set(outcomes) == {"OK", "RESOURCE_EXHAUSTED"}
    assert outcomes.total() == FLOOD_AT_ONCE * FLOOD_ROUNDS
    refused = (value(alpha, "registry_calls_over_limit_total") or 0) - before
    assert refused == outcomes["RESOURCE_EXHAUSTED"]
    # A flood of refusals is no flood of log lines.
    lines = [json.loads(line) for line in alpha.log_file.read_text().splitlines()]
    told = [each for each in lines if each.get("reason") == "overloaded"]
    assert len(told) < refused / 10


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
