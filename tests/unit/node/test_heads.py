"""The hub of heads: readers see what is larger than what they have, and are let go at the end."""

import asyncio
from time import perf_counter

import pytest

from registry.domain.identifiers import LogId
from registry.replication.ingest import TAIL_MAX_BYTES, TAIL_MAX_ENTRIES
from registry.replication.messages import Tail
from registry_node.heads import OWN_EVERY_S, HeadHub, OfferedHead

ONE, TWO = LogId(b"1" * 32), LogId(b"2" * 32)


def head(log_id: LogId, size: int) -> OfferedHead:
    return OfferedHead(log_id, size, b"note %d" % size)


def entry(index: int) -> bytes:
    return b"entry %d" % index


def head_with(start: int, size: int) -> OfferedHead:
    """A head of log ONE with the entries [start, size)."""
    entries = tuple(map(entry, range(start, size)))
    return OfferedHead(ONE, size, b"note %d" % size, Tail(start, entries))


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


async def test_proof_that_comes_while_heads_are_taken_wakes_the_reader_again(hub: HeadHub) -> None:
    with hub.subscribe() as reader:
        assert reader.take_for(ONE) == [head(ONE, 5), head(TWO, 7)]
        hub.publish_proof(ONE, b"a proof")
        reader.take()
        async with asyncio.timeout(10):
            assert await reader.wait()
        assert reader.take_for(ONE) == [b"a proof"]
        assert reader.take_for(ONE) == []


def test_owner_of_a_log_gets_its_own_head_then_proofs_then_other_heads(hub: HeadHub) -> None:
    hub.publish_proof(ONE, b"a proof")
    with hub.subscribe() as reader:
        assert reader.take_for(TWO) == [head(TWO, 7), b"a proof", head(ONE, 5)]
    with hub.subscribe() as stranger:
        assert stranger.take_for(LogId(bytes(32))) == [b"a proof", head(ONE, 5), head(TWO, 7)]


async def test_owner_of_a_log_is_told_of_its_own_growth_seldom_but_of_the_last_of_it(
    hub: HeadHub,
) -> None:
    with hub.subscribe() as reader:
        assert reader.take_for(ONE) == [head(ONE, 5), head(TWO, 7)]
        told: list[OfferedHead | bytes] = []
        started = perf_counter()
        for size in range(6, 20):
            hub.publish(head(ONE, size))
            hub.publish(head(TWO, size + 2))
            assert await reader.wait()
            told += reader.take_for(ONE)
        assert perf_counter() - started < OWN_EVERY_S, "the machine is too slow for this test"
        # All of the other log as it comes, of its own nothing yet: it has appended that itself.
        assert told == [head(TWO, size + 2) for size in range(6, 20)]
        async with asyncio.timeout(10):
            assert await reader.wait()
        assert reader.take_for(ONE) == [head(ONE, 19)]
        assert perf_counter() - started >= OWN_EVERY_S * 0.9


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


def test_reader_that_has_all_before_gets_the_last_entries_with_the_head(hub: HeadHub) -> None:
    with hub.subscribe({ONE: 5, TWO: 7}) as reader:
        hub.publish(head_with(5, 6))
        assert reader.take() == [head_with(5, 6)]


def test_reader_that_missed_heads_gets_all_that_it_lacks_in_one_tail(hub: HeadHub) -> None:
    with hub.subscribe({ONE: 5, TWO: 7}) as reader:
        for size in range(6, 10):
            hub.publish(head_with(size - 1, size))
        assert reader.take() == [head_with(5, 9)]
        hub.publish(head_with(9, 10))
        assert reader.take() == [head_with(9, 10)]


def test_reader_that_lacks_more_than_is_remembered_gets_no_tail(hub: HeadHub) -> None:
    hub.publish(head_with(5, 6))
    with hub.subscribe({ONE: 4, TWO: 7}) as reader:
        assert reader.take() == [head(ONE, 6)]


def test_entries_that_were_stored_without_a_tail_break_what_is_remembered(hub: HeadHub) -> None:
    with hub.subscribe({ONE: 5, TWO: 7}) as reader:
        hub.publish(head_with(5, 6))
        hub.publish(head(ONE, 600))
        hub.publish(head_with(600, 601))
        assert reader.take() == [head(ONE, 601)]
    with hub.subscribe({ONE: 600, TWO: 7}) as reader:
        assert reader.take() == [head_with(600, 601)]


def test_tails_that_do_not_touch_are_never_joined(hub: HeadHub) -> None:
    hub.publish(head_with(5, 6))
    hub.publish(head_with(600, 601))
    with hub.subscribe({ONE: 599, TWO: 7}) as reader:
        assert reader.take() == [head(ONE, 601)]


def test_no_more_entries_are_remembered_than_one_tail_may_have(hub: HeadHub) -> None:
    for size in range(6, 100):
        hub.publish(head_with(size - 1, size))
    first = 99 - TAIL_MAX_ENTRIES
    with hub.subscribe({ONE: first, TWO: 7}) as reader:
        assert reader.take() == [head_with(first, 99)]
    with hub.subscribe({ONE: first - 1, TWO: 7}) as reader:
        assert reader.take() == [head(ONE, 99)]


def test_no_more_bytes_are_remembered_than_one_tail_may_have(hub: HeadHub) -> None:
    half = bytes(TAIL_MAX_BYTES // 2)
    for size in (6, 7):
        hub.publish(OfferedHead(ONE, size, b"note %d" % size, Tail(size - 1, (half,))))
    hub.publish(head_with(7, 8))
    with hub.subscribe({ONE: 6, TWO: 7}) as reader:
        assert reader.take() == [OfferedHead(ONE, 8, b"note 8", Tail(6, (half, entry(7))))]


def test_entry_that_is_too_large_for_a_tail_is_not_sent_along(hub: HeadHub) -> None:
    large = Tail(5, (bytes(TAIL_MAX_BYTES + 1),))
    with hub.subscribe({ONE: 5, TWO: 7}) as reader:
        hub.publish(OfferedHead(ONE, 6, b"note 6", large))
        assert reader.take() == [head(ONE, 6)]


def test_growth_under_the_same_note_is_no_new_head(hub: HeadHub) -> None:
    """While a log is fetched its entries grow, and its note is the one it had before."""
    with hub.subscribe() as reader:
        reader.take()
        hub.publish(OfferedHead(ONE, 505, b"note 5", Tail(5, (entry(5),))))
        assert reader.take() == []
