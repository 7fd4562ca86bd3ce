"""A member whose log floods is held back at the others; who writes little is not, and it shows."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import patch

import pytest

from registry_cli.federation import LocalNode
from tests.counts import tell
from tests.integration.federation_world import (
    client_of,
    found,
    opened,
    sizes_at,
    start_all,
    stop_all,
    until,
)

BURST = 40
FLOOD = 300
CLI = "from registry_cli.main import main; main()"


@pytest.fixture
def nodes(tmp_path: Path) -> Iterator[list[LocalNode]]:
    nodes = found(tmp_path, "alpha", "beta")
    settings = {
        "REGISTRY_NODE_BUDGET_ENTRIES": str(BURST),
        "REGISTRY_NODE_BUDGET_ENTRIES_PER_HOUR": "60",
    }
    try:
        with patch.dict(os.environ, settings):
            start_all(nodes)
        yield nodes
    finally:
        stop_all(nodes)


async def record_many(node: LocalNode, label: str, count: int) -> None:
    async with client_of(node) as client:
        for start in range(0, count, 50):
            await asyncio.gather(
                *(
                    client.open_case(f"{label} {number}", opened(f"{label} {number}"))
                    for number in range(start, min(start + 50, count))
                )
            )


async def test_flooding_log_is_held_back_and_nothing_else(nodes: list[LocalNode]) -> None:
    alpha, beta = nodes
    await record_many(alpha, "first", 1)

    async def has_first() -> bool:
        return (await sizes_at(beta))["alpha"] == 1

    await until(has_first, "the first event of alpha at beta")
    await record_many(alpha, "flood", FLOOD)

    async def is_held_back() -> bool:
        async with client_of(beta) as client:
            (peer,) = await client.peers()
        return peer.held_back.startswith("over_budget:") and peer.size_offered == FLOOD + 1

    await until(is_held_back, "alpha is held back at beta")
    held = (await sizes_at(beta))["alpha"]
    assert BURST <= held < FLOOD
    # The node itself goes on: it records, and what it records reaches the one who floods.
    await record_many(beta, "own", 10)

    async def has_own() -> bool:
        return (await sizes_at(alpha))["beta"] == 10

    await until(has_own, "ten events of beta at alpha")
    async with client_of(beta) as client:
        (peer,) = await client.peers()
    assert peer.is_connected
    assert not peer.last_error
    tell(f"a flood of {FLOOD} events: {held} taken of a burst of {BURST}, then held back")
    shown = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-c", CLI, "peers", "--profile", str(beta.profile)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert f"held back: over_budget: more than {BURST} new entries" in shown.stdout
