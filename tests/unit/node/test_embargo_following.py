"""Content under an embargo is asked for when its time has come: not before, and not much after."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from registry.application.recording import RecordCommand
from registry.domain.audience import EVERYONE
from registry_node.part_following import OpeningTimes
from tests.unit.application.federation_in_process import (
    START_MS,
    Node,
    carry_entries,
    open_node,
    opening,
    statement,
)
from tests.unit.node.part_world import FakePeer, two_nodes
from tests.unit.node.test_part_following import followed, until

OPENS_MS = START_MS + 3_600_000


def times(*openings_ms: int) -> Callable[[int], int | None]:
    return lambda after_ms: min((each for each in openings_ms if each > after_ms), default=None)


def test_each_embargo_is_told_of_once() -> None:
    opening_times = OpeningTimes(times(1_000, 2_000), 0)
    told = [now_ms for now_ms in range(0, 3_000, 100) if opening_times.has_opened(now_ms)]
    assert told == [1_000, 2_000]


def test_embargo_that_ended_while_the_node_was_off_is_told_of_at_the_start() -> None:
    assert OpeningTimes(times(1_000), 0).has_opened(50_000)


@pytest.mark.parametrize(
    "clock",
    [
        (0, 900, 5_000),  # forward over the time
        (0, 900, 100, 1_000),  # back, then on
        (5_000, 0, 1_000),  # started with a clock that is ahead, then set right
    ],
)
def test_clock_that_jumps_loses_no_embargo(clock: tuple[int, ...]) -> None:
    opening_times = OpeningTimes(times(1_000), 0)
    assert [opening_times.has_opened(now_ms) for now_ms in clock][-1]


def test_node_sleeps_no_longer_than_until_the_next_embargo_and_its_jitter() -> None:
    opening_times = OpeningTimes(times(10_000), 0.5)
    assert not opening_times.has_opened(8_000)
    assert opening_times.wait_s(5.0, 8_000) == 2.5
    assert opening_times.wait_s(5.0, 1_000) == 5.0
    assert not opening_times.has_opened(10_499)
    assert opening_times.has_opened(10_500)
    assert opening_times.wait_s(5.0, 10_500) == 5.0


def record_sealed(node: Node, *openings_ms: int) -> None:
    """Opens a case with one sealed event for each time; its parts are 1, 2, ..."""
    case_id = node.record(opening()).case_id
    for number, opens_ms in enumerate(openings_ms):
        text = statement(f"Sealed {number}")
        command = RecordCommand(
            f"sealed {number}", "", case_id, text, EVERYONE, not_before_ms=opens_ms
        )
        node.registry.record(command).result()


async def test_sealed_part_is_listed_with_its_time_and_asked_for_when_it_comes(
    tmp_path: Path,
) -> None:
    with two_nodes(tmp_path / "federation") as nodes:
        alpha, beta = nodes["alpha"], nodes["beta"]
        store, peer = beta.registry.store, FakePeer(alpha, beta.registry.own)
        record_sealed(alpha, OPENS_MS, OPENS_MS + 50_000)
        async with followed(beta, peer, "alpha") as following:
            carry_entries(alpha, beta, alpha.log_id)
            following.grew(alpha.log_id)
            await until(lambda: store.log_state(alpha.log_id).parts_below == 3, "asked")
            assert store.wanted_parts(alpha.log_id, 10) == [(1, 0), (2, 0)]
            assert store.next_opening_ms(alpha.log_id, 0) == OPENS_MS
            assert store.next_opening_ms(alpha.log_id, OPENS_MS) == OPENS_MS + 50_000
            # Whatever reason there is to ask again, nobody is asked for a sealed part.
            following.peer_came()
            await asyncio.sleep(0)
            for node in nodes.values():
                node.clock.time_ms = OPENS_MS
            following.grew(alpha.log_id)
            await until(lambda: store.part(alpha.log_id, 1, 0) is not None, "it is open")
            assert store.wanted_parts(alpha.log_id, 10) == [(2, 0)]
        assert peer.asked == [[(0, 0)], [(1, 0)]]


async def test_embargo_ends_at_its_time_without_any_other_reason_to_look(tmp_path: Path) -> None:
    with two_nodes(tmp_path / "federation") as nodes:
        alpha, beta = nodes["alpha"], nodes["beta"]
        store, peer = beta.registry.store, FakePeer(alpha, beta.registry.own)
        record_sealed(alpha, OPENS_MS)
        carry_entries(alpha, beta, alpha.log_id)
        loop = asyncio.get_running_loop()
        started_s = loop.time()
        # Both clocks run, and have 0.3 s to go: far less than the node looks round anyway.
        now_ms = lambda: OPENS_MS - 300 + round((loop.time() - started_s) * 1000)  # noqa: E731
        for node in nodes.values():
            node.registry._now_ms = now_ms
        async with followed(beta, peer, "alpha") as following:
            following.grew(alpha.log_id)
            await until(lambda: store.part(alpha.log_id, 1, 0) is not None, "it is open")
        assert peer.asked == [[(0, 0)], [(1, 0)]]
        assert 0.3 <= loop.time() - started_s < 4.0


async def test_restarted_node_asks_for_what_opened_while_it_was_off(tmp_path: Path) -> None:
    folder = tmp_path / "federation"
    with two_nodes(folder) as nodes:
        alpha, beta = nodes["alpha"], nodes["beta"]
        record_sealed(alpha, OPENS_MS)
        async with followed(beta, FakePeer(alpha, beta.registry.own), "alpha") as following:
            carry_entries(alpha, beta, alpha.log_id)
            following.grew(alpha.log_id)
            store = beta.registry.store
            await until(lambda: store.log_state(alpha.log_id).parts_below == 2, "asked")
    alpha, beta = open_node(folder, "alpha"), open_node(folder, "beta")
    alpha.clock.time_ms = beta.clock.time_ms = OPENS_MS + 7
    store = beta.registry.store
    async with followed(beta, FakePeer(alpha, beta.registry.own), "alpha") as following:
        following.grew(alpha.log_id)
        await until(lambda: store.part(alpha.log_id, 1, 0) is not None, "it is open")
    alpha.registry.close()
    beta.registry.close()


async def test_author_whose_clock_is_behind_is_asked_again(
    tmp_path: Path,
) -> None:
    with two_nodes(tmp_path / "federation") as nodes:
        alpha, beta = nodes["alpha"], nodes["beta"]
        store, peer = beta.registry.store, FakePeer(alpha, beta.registry.own)
        record_sealed(alpha, OPENS_MS)
        carry_entries(alpha, beta, alpha.log_id)
        beta.clock.time_ms = OPENS_MS
        async with followed(beta, peer, "alpha") as following:
            following.grew(alpha.log_id)
            await until(lambda: [(1, 0)] in peer.asked, "asked in vain")
            following.peer_came()
            await until(lambda: peer.asked.count([(1, 0)]) > 1, "asked again")
            assert store.wanted_parts(alpha.log_id, 10) == [(1, 0)]
            alpha.clock.time_ms = OPENS_MS
            following.peer_came()
            await until(lambda: store.part(alpha.log_id, 1, 0) is not None, "it is open")


async def test_author_whose_clock_is_a_little_behind_is_asked_again_within_a_second(
    tmp_path: Path,
) -> None:
    with two_nodes(tmp_path / "federation") as nodes:
        alpha, beta = nodes["alpha"], nodes["beta"]
        store, peer = beta.registry.store, FakePeer(alpha, beta.registry.own)
        record_sealed(alpha, OPENS_MS)
        carry_entries(alpha, beta, alpha.log_id)
        loop = asyncio.get_running_loop()
        started_s = loop.time()

        def runs(behind_ms: int) -> Callable[[], int]:
            return lambda: OPENS_MS - behind_ms + round((loop.time() - started_s) * 1000)

        beta.registry._now_ms, alpha.registry._now_ms = runs(200), runs(700)
        async with followed(beta, peer, "alpha") as following:
            following.grew(alpha.log_id)
            await until(lambda: store.part(alpha.log_id, 1, 0) is not None, "it is open")
        # Asked in vain at least once; a round that is not hurried comes after ten seconds.
        assert peer.asked.count([(1, 0)]) > 1
        assert 0.7 <= loop.time() - started_s < 5.0
