"""Catch-up over bad lines: connections cut again and again, delay, a byte at a time."""

import asyncio
import json
import os
import shutil
import time
from pathlib import Path
from typing import Final
from unittest.mock import patch

import pytest

from registry.application.benchmark.filling import EVENTS_PER_CASE, fill_log
from registry_cli.federation import LocalNode, free_addresses
from tests.counts import tell
from tests.faults.tcp_proxy import Line, TcpProxy
from tests.integration.federation_world import client_of, found, stop_all, until, until_equal

EVENTS: Final = 300
KIB: Final = 1024
LINES: Final = {
    "cut at every 64th kilobyte": Line(cut_after_bytes=64 * KIB),
    "delayed by up to 60 ms": Line(delay_s=0.06),
    "one byte at a time": Line(piece_bytes=1),
}


@pytest.fixture(scope="module")
def founded(tmp_path_factory: pytest.TempPathFactory) -> list[LocalNode]:
    """A node with a log and one with nothing; never started."""
    nodes = found(tmp_path_factory.mktemp("founded"), "alpha", "beta")
    fill_log(
        nodes[0].folder,
        events=EVENTS,
        content_bytes=600,
        now_ms=lambda: time.time_ns() // 1_000_000,
        random_bytes=os.urandom,
        progress=lambda _done, _all: None,
    )
    return nodes


@pytest.fixture
def filled(founded: list[LocalNode], tmp_path: Path) -> list[LocalNode]:
    """Copies of the two; not started."""
    copies = [
        LocalNode(node.mechanism, tmp_path / node.folder.name, node.address) for node in founded
    ]
    for node, copy in zip(founded, copies, strict=True):
        shutil.copytree(node.folder, copy.folder)
    return copies


@pytest.mark.parametrize("name", LINES)
async def test_fresh_node_catches_up_over_a_bad_line(filled: list[LocalNode], name: str) -> None:
    alpha, _ = filled
    (listening,) = free_addresses(1)
    host, _, port = listening.rpartition(":")
    proxy = TcpProxy((host, int(port)), LINES[name], seed=6)
    at_host, _, at_port = alpha.address.rpartition(":")
    _call_past_the_line(alpha, listening)
    started = time.monotonic()
    async with proxy.listening(at_host, int(at_port)):
        try:
            await _start(filled, listening)
            await until_equal_and_complete(filled)
        finally:
            await asyncio.to_thread(stop_all, filled)
    tell(
        f"{name}: {EVENTS} events and their content, {proxy.connections} connections, "
        f"{proxy.cuts} cut, {proxy.passed_bytes // KIB} KiB, {time.monotonic() - started:.1f} s"
    )
    assert proxy.passed_bytes > EVENTS * 600
    if LINES[name].cut_after_bytes:
        assert proxy.cuts > 2


def _call_past_the_line(node: LocalNode, address: str) -> None:
    """The node's own client does not go over the line."""
    description = node.profile / "profile.json"
    description.write_text(json.dumps(json.loads(description.read_text()) | {"address": address}))


async def _start(nodes: list[LocalNode], listening: str) -> None:
    alpha, beta = nodes
    with patch.dict(os.environ, REGISTRY_NODE_RECONNECT_MAX_S="0.5"):
        with patch.dict(os.environ, REGISTRY_NODE_LISTEN=listening):
            alpha.start()
        beta.start()
    await asyncio.gather(beta.wait_until_open(), alpha.wait_until_open())


async def until_equal_and_complete(nodes: list[LocalNode]) -> None:
    await until_equal(nodes, case_count=EVENTS // EVENTS_PER_CASE)
    async with client_of(nodes[1]) as client:

        async def is_complete() -> bool:
            return not any(log.parts_wanted for log in (await client.node_status()).logs)

        await until(is_complete, "all content is here")
