"""The hub of heads: readers see what is larger than what they have, and are let go at the end."""

import asyncio

import pytest

from registry.domain.identifiers import LogId
from registry_node.heads import HeadHub, OfferedHead

ONE, TWO = LogId(b"1" * 32), LogId(b"2" * 32)


def head(log_id: LogId, size: int) -> OfferedHead:
    return OfferedHead(log_id, size, b"note %d" % size)


@pytest.fixture
def hub() -> HeadHub:
    hub = HeadHub()
    hub.publish(head(ONE, 5))
    hub.publish(head(TWO, 7))
    return hub


def test_reader_takes_each_head_once(hub: HeadHub) -> None:
    with hub.subscribe() as reader:
        assert reader.take() == [head(ONE, 5), head(TWO, 7)]
        assert reader.take() == []


def test_heads_that_are_not_larger_than_what_a_reader_holds_are_not_sent(hub: HeadHub) -> None:
    with hub.subscribe({ONE: 5, TWO: 6}) as reader:
        assert reader.take() == [head(TWO, 7)]


def test_slow_reader_takes_the_newest_head_only(hub: HeadHub) -> None:
    with hub.subscribe({TWO: 7}) as reader:
        for size in range(6, 1000):
            hub.publish(head(ONE, size))
        assert reader.take() == [head(ONE, 999)]


def test_smaller_head_is_ignored(hub: HeadHub) -> None:
    hub.publish(head(ONE, 4))
    with hub.subscribe() as reader:
        assert reader.take()[0] == head(ONE, 5)


async def test_waiting_reader_is_woken_by_a_larger_head(hub: HeadHub) -> None:
    with hub.subscribe() as reader:
        reader.take()
        async with asyncio.TaskGroup() as tasks:
            woken = tasks.create_task(reader.wait())
            hub.publish(head(ONE, 6))
        assert woken.result()
        assert reader.take() == [head(ONE, 6)]


async def test_closing_lets_every_reader_go_those_that_come_later_too(hub: HeadHub) -> None:
    with hub.subscribe() as reader:
        reader.take()
        async with asyncio.TaskGroup() as tasks:
            waiting = tasks.create_task(reader.wait())
            hub.close()
        assert not waiting.result()
        reader.take()
        assert not await reader.wait()
    with hub.subscribe() as late:
        late.take()
        assert not await late.wait()
