"""Five nodes in five network namespaces: a slow link, resets, a one-way cut, then healed."""

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from unittest.mock import patch

import pytest

from registry.application.benchmark.filling import EVENTS_PER_CASE, fill_log
from registry_cli.federation import LocalNode, Mechanism, found_federation
from tests.counts import tell
from tests.faults.network_namespaces import Namespace, bridged
from tests.integration.federation_world import (
    client_of,
    opened,
    sizes_at,
    start_all,
    stop_all,
    until,
    until_equal,
)

SLUGS: Final = ("slow", "beta", "gamma", "hidden", "epsilon")
EVENTS: Final = 600
PORT: Final = 7443
LINE_PORT: Final = 7444
RATE_BYTES_PER_S: Final = 60_000
ROOT: Final = Path(__file__).parents[2]
NOBODY_CALLS: Final = f"tcp dport {PORT} tcp flags & (syn|ack) == syn ip saddr != {{ours}} drop"


@dataclass(frozen=True)
class World:
    """The nodes by slug, each in its namespace."""

    nodes: dict[str, LocalNode]
    places: dict[str, Namespace]

    def address(self, slug: str) -> str:
        return self.places[slug].address

    async def record(self, slug: str, *names: str) -> None:
        async with client_of(self.nodes[slug]) as client:
            for name in names:
                await client.open_case(name, opened(f"Case {name} (invented)"))

    async def is_connected(self, slug: str, peer: str) -> bool:
        async with client_of(self.nodes[slug]) as client:
            return {each.mechanism: each for each in await client.peers()}[peer].is_connected


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """All are running: `slow` is reached over a slow line, `hidden` by nobody."""
    with ExitStack() as stack:
        places = stack.enter_context(bridged(len(SLUGS)))
        nodes = found_federation(
            tmp_path,
            "testing",
            [Mechanism(slug, f"The {slug} (invented)", slug != "hidden") for slug in SLUGS],
            [f"{p.address}:{LINE_PORT if s == 'slow' else PORT}" for s, p in zip_(places)],
        )[1]
        world = World(dict(zip(SLUGS, nodes, strict=True)), dict(zip_(places)))
        for node, place in zip(nodes, places, strict=True):
            node.launcher = place.command()
        _fill(nodes[0])
        _lead_over_a_slow_line(stack, nodes[0], places[0])
        ours = f"{places[0].address.rpartition('.')[0]}.254"
        world.places["hidden"].filter(NOBODY_CALLS.format(ours=ours))
        stack.callback(stop_all, nodes)
        quick = {"REGISTRY_NODE_RECONNECT_MAX_S": "1", "REGISTRY_NODE_CALL_TIMEOUT_S": "5"}
        with patch.dict(os.environ, quick):
            listening = f"{places[0].address}:{PORT}"
            with patch.dict(os.environ, REGISTRY_NODE_LISTEN=listening):
                nodes[0].start()
            start_all(nodes[1:])
        asyncio.run(nodes[0].wait_until_open())
        yield world


def zip_(places: list[Namespace]) -> "zip[tuple[str, Namespace]]":
    return zip(SLUGS, places, strict=True)


def _fill(node: LocalNode) -> None:
    fill_log(
        node.folder,
        events=EVENTS,
        content_bytes=600,
        now_ms=lambda: time.time_ns() // 1_000_000,
        random_bytes=os.urandom,
        progress=lambda _done, _all: None,
    )


def _lead_over_a_slow_line(stack: ExitStack, node: LocalNode, place: Namespace) -> None:
    """Others reach a node over the line; its own client does not."""
    module = (sys.executable, "-m", "tests.faults.tcp_proxy")
    ends = (f"{place.address}:{LINE_PORT}", f"{place.address}:{PORT}")
    line = subprocess.Popen(
        place.command(*module, *ends, "--rate", str(RATE_BYTES_PER_S), "--delay", "0.02"), cwd=ROOT
    )
    stack.callback(line.wait)
    stack.callback(line.terminate)
    description = node.profile / "profile.json"
    told = json.loads(description.read_text()) | {"address": ends[1]}
    description.write_text(json.dumps(told))


def fetches_that_failed(node: LocalNode) -> list[dict[str, str]]:
    lines = [json.loads(line) for line in node.log_file.read_text().splitlines()]
    return [line for line in lines if line["event"] == "fetch_failed"]


async def test_five_nodes_are_equal_after_a_slow_link_resets_and_a_one_way_cut(
    world: World,
) -> None:
    nodes, started = list(world.nodes.values()), time.monotonic()

    held = 0

    async def has_begun() -> bool:
        nonlocal held
        held = (await sizes_at(world.nodes["beta"]))["slow"]
        return held > 0

    # Connections are reset in the middle of a fetch.
    await until(has_begun, "beta fetches over the slow line")
    world.places["beta"].filter(
        f"ip saddr {world.address('slow')} ip protocol tcp reject with tcp reset"
    )

    async def is_reset() -> bool:
        return not await world.is_connected("beta", "slow")

    await until(is_reset, "beta has lost the slow node")
    broken = fetches_that_failed(world.nodes["beta"])
    assert held < EVENTS
    assert {"slow"} == {line["peer"] for line in broken if line["log"] == "slow"}
    # Nothing of beta reaches gamma; gamma still reaches beta, and hears of it from others.
    world.places["beta"].filter()
    world.places["gamma"].filter(f"ip saddr {world.address('beta')} drop")
    await world.record("beta", "b1", "b2")
    await world.record("gamma", "g1", "g2")
    await world.record("hidden", "h1")
    cases = EVENTS // EVENTS_PER_CASE + 5
    await until_equal(nodes, case_count=cases)
    cut_s = time.monotonic() - started

    world.places["gamma"].filter()
    await world.record("epsilon", "e1")
    digest = await until_equal(nodes, case_count=cases + 1)
    for slug, node in world.nodes.items():
        async with client_of(node) as client:

            async def is_complete() -> bool:
                return not any(log.parts_wanted for log in (await client.node_status()).logs)

            await until(is_complete, f"all content is at {slug}")
    tell(
        f"5 namespaces: reset at {held} of {EVENTS} events, equal under a one-way cut after "
        f"{cut_s:.1f} s, healed and complete after {time.monotonic() - started:.1f} s, "
        f"digest {digest.hex()[:16]}"
    )
    assert await world.is_connected("gamma", "hidden"), "over the connection that it offered"
    await asyncio.to_thread(stop_all, nodes)
