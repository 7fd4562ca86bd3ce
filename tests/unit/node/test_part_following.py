"""When content is asked for: growth brings what is new, and only time or a peer what is missing."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from time import monotonic
from typing import Any

import pytest

from registry.domain.identifiers import Slug
from registry_node import part_following
from registry_node.part_following import PartFollowing, RetryTimes
from registry_node.settings import NodeSettings
from tests.unit.application.federation_in_process import Node, carry_entries, carry_parts, open_node
from tests.unit.node.part_world import FakePeer, two_nodes, write

PATIENCE_S = 90.0


def test_rounds_that_bring_nothing_come_ever_more_seldom_up_to_a_limit() -> None:
    retry, now_s, waits = RetryTimes(), 100.0, []
    for _ in range(8):
        assert retry.start_if_due(now_s)
        assert not retry.start_if_due(now_s)
        retry.ended(now_s, stored=0)
        waits.append(retry.due_s - now_s)
        assert not retry.start_if_due(retry.due_s - 0.001)
        now_s = retry.due_s

    assert waits == [10, 20, 40, 80, 160, 300, 300, 300]


def test_round_that_brought_something_is_followed_by_another_soon() -> None:
    retry = RetryTimes()
    for stored in (0, 0, 0, 7):
        retry.due_s = 0
        assert retry.start_if_due(50)
        retry.ended(50, stored=stored)

    assert retry.due_s == 55


def test_peer_that_comes_while_a_round_runs_is_reason_for_another() -> None:
    retry = RetryTimes()
    assert retry.start_if_due(10)
    retry.hurry_all()
    retry.ended(12, stored=0)

    assert retry.start_if_due(12)


def test_new_missing_part_is_asked_for_soon_but_rounds_never_fill_the_time() -> None:
    retry = RetryTimes(due_s=1_000)
    retry.hurry_new(100)
    assert retry.due_s == 105
    assert retry.start_if_due(105)
    retry.ended(115, stored=0)
    retry.due_s = 1_000
    retry.hurry_new(115)

    assert retry.due_s == 115 + 20 * 10


async def until(fact: Callable[[], bool], what: str) -> None:
    deadline = monotonic() + PATIENCE_S
    while True:
        if fact():
            return
        assert monotonic() < deadline, f"did not happen within {PATIENCE_S} s: {what}"
        await asyncio.sleep(0.005)


@asynccontextmanager
async def followed(node: Node, peer: FakePeer, slug: str) -> AsyncIterator[PartFollowing]:
    """A node that follows content, with one peer connected."""
    stub: Any = peer
    following = PartFollowing(
        node.registry,
        NodeSettings(folder=Path("not-read")),
        connected=lambda: [Slug(slug)],
        is_filling=lambda _: False,
        refuse=lambda *_: None,
    )

    async def run() -> None:
        async with asyncio.TaskGroup() as tasks:
            following.start(tasks, {Slug(slug): stub})
            await asyncio.Event().wait()

    running = asyncio.create_task(run())
    try:
        yield following
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running


async def test_growth_brings_new_content_and_asks_for_nothing_that_was_asked_before(
    tmp_path: Path,
) -> None:
    with two_nodes(tmp_path / "federation") as nodes:
        alpha, beta = nodes["alpha"], nodes["beta"]
        store, peer = beta.registry.store, FakePeer(alpha, beta.registry.own, withheld={0})
        async with followed(beta, peer, "alpha") as following:
            for number in range(10):
                index = write(alpha, b"content %d" % number)
                carry_entries(alpha, beta, alpha.log_id)
                following.grew(alpha.log_id)
                await until(lambda: store.log_state(alpha.log_id).parts_below == index + 1, "asked")  # noqa: B023 - done in this turn
        assert store.wanted_parts(alpha.log_id, 10) == [(0, 0)]
        # Once with its entry, and once in the first round.
        assert sum((0, 0) in request for request in peer.asked) <= 2


async def test_what_comes_close_together_is_asked_for_in_one_call(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(part_following, "_GATHER_S", 1.0)
    with two_nodes(tmp_path / "federation") as nodes:
        alpha, beta = nodes["alpha"], nodes["beta"]
        store, peer = beta.registry.store, FakePeer(alpha, beta.registry.own)
        async with followed(beta, peer, "alpha") as following:
            for number in range(5):
                index = write(alpha, b"content %d" % number)
                carry_entries(alpha, beta, alpha.log_id)
                following.grew(alpha.log_id)
                if not number:
                    await until(lambda: store.log_state(alpha.log_id).parts_below == 1, "the first")
                await asyncio.sleep(0.01)  # long enough for a round to begin
            await until(lambda: store.log_state(alpha.log_id).parts_below == index + 1, "all")
        assert peer.asked == [[(0, 0)], [(1, 0), (2, 0), (3, 0), (4, 0)]]


async def test_peer_that_comes_is_asked_for_what_nobody_gave(tmp_path: Path) -> None:
    with two_nodes(tmp_path / "federation") as nodes:
        alpha, beta = nodes["alpha"], nodes["beta"]
        store, peer = beta.registry.store, FakePeer(alpha, beta.registry.own, withheld={0})
        async with followed(beta, peer, "alpha") as following:
            write(alpha, b"late")
            carry_entries(alpha, beta, alpha.log_id)
            following.grew(alpha.log_id)
            await until(lambda: len(peer.asked) == 2, "asked in vain, twice")
            assert store.wanted_parts(alpha.log_id, 10) == [(0, 0)]
            peer.withheld.clear()
            following.peer_came()
            await until(lambda: not store.wanted_count(alpha.log_id), "the content is here")
        assert store.part(alpha.log_id, 0, 0) is not None


async def test_own_log_is_followed_too_so_content_comes_back_after_a_loss(tmp_path: Path) -> None:
    folder = tmp_path / "federation"
    with two_nodes(folder) as nodes:
        alpha, beta = nodes["alpha"], nodes["beta"]
        write(alpha, b"kept by beta")
        carry_entries(alpha, beta, alpha.log_id)
        carry_parts(alpha, beta, alpha.log_id)
    for file in (folder / "alpha").glob("log.db*"):
        file.unlink()
    alpha, beta = open_node(folder, "alpha", opens_log=False), open_node(folder, "beta")
    carry_entries(beta, alpha, alpha.log_id)
    store = alpha.registry.store
    async with followed(alpha, FakePeer(beta, alpha.registry.own), "beta") as following:
        following.peer_came()
        await until(lambda: store.part(alpha.log_id, 0, 0) is not None, "the content is back")
    assert store.log_state(alpha.log_id).parts_below == 1
    alpha.registry.close()
    beta.registry.close()
