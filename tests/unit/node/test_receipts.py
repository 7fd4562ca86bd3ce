"""Receipts of erasures: signed when no file holds the content any more, and not earlier."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Future
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest

from registry.domain.identifiers import LogId
from registry.errors import RegistryError, StorageError, TryLater
from registry.store.values import PartsErased, StoreEvent
from registry_node import receipts
from registry_node.receipts import ErasureReceipts

LOG_ID = LogId(b"l" * 32)


@dataclass
class FakeNode:
    """Stands for registry, store and projector: tells what is clean, keeps what was confirmed."""

    newest_id: int = 7
    forgotten_id: int = 7
    busy_tries: int = 0
    closed_because: str | None = None
    failures: list[RegistryError] = field(default_factory=list)
    confirmed_up_to: list[int] = field(default_factory=list)
    tries: int = 0
    listeners: list[Callable[[StoreEvent], None]] = field(default_factory=list)
    on_try: Callable[["FakeNode"], None] = lambda _: None

    def add_listener(self, callback: Callable[[StoreEvent], None]) -> None:
        self.listeners.append(callback)

    def newest_change_id(self) -> int:
        return self.newest_id

    def read_only_reason(self) -> str | None:
        return self.closed_because

    def finish_erasures(self) -> "Future[bool]":
        self.tries += 1
        done: Future[bool] = Future()
        done.set_result(self.tries > self.busy_tries)
        self.on_try(self)
        return done

    def confirm_erasures(self, last_change_id: int) -> int:
        if self.failures:
            raise self.failures.pop(0)
        self.confirmed_up_to.append(last_change_id)
        return 1


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(receipts, "_AGAIN_S", 0.001)


def receipts_of(node: FakeNode) -> ErasureReceipts:
    registry: Any = SimpleNamespace(
        store=node, projector=node, confirm_erasures=node.confirm_erasures
    )
    return ErasureReceipts(registry)


@asynccontextmanager
async def working(node: FakeNode) -> AsyncIterator[None]:
    async with asyncio.timeout(10), asyncio.TaskGroup() as tasks:
        task = tasks.create_task(receipts_of(node).run())
        yield
        task.cancel()


async def until(fact: Callable[[], bool]) -> None:
    for _ in itertools.count():
        if fact():
            return
        await asyncio.sleep(0.001)


async def test_reader_of_the_database_puts_the_receipt_off() -> None:
    node = FakeNode(busy_tries=3)
    seen: list[tuple[int, int]] = []
    node.on_try = lambda self: seen.append((self.tries, len(self.confirmed_up_to)))
    async with working(node):
        await until(lambda: bool(node.confirmed_up_to))
    assert seen == [(1, 0), (2, 0), (3, 0), (4, 0)]


async def test_erasure_that_the_case_list_has_not_forgotten_is_not_confirmed() -> None:
    node = FakeNode(newest_id=7, forgotten_id=4)

    def forget(self: FakeNode) -> None:
        if self.tries == 3:
            self.forgotten_id = 7

    node.on_try = forget
    async with working(node):
        await until(lambda: 7 in node.confirmed_up_to)
        assert node.tries == 4
    assert node.confirmed_up_to == [4, 4, 4, 7]


async def test_log_that_trickles_for_ever_keeps_no_erasure_unconfirmed() -> None:
    node = FakeNode(newest_id=7, forgotten_id=4)

    def trickle(self: FakeNode) -> None:
        self.newest_id += 10
        self.forgotten_id = self.newest_id - 10

    node.on_try = trickle
    working_on = receipts_of(node)
    done = [await working_on._finish() for _ in range(2)]
    assert done == [False, True]  # done with what had come when it began
    assert node.confirmed_up_to == [4, 7]


async def test_node_whose_log_takes_no_events_is_cleaned_all_the_same() -> None:
    node = FakeNode(busy_tries=2, closed_because="invented")
    async with working(node):
        await until(lambda: node.tries > 3)
    assert node.confirmed_up_to == []


async def test_erasure_of_the_own_log_is_cleaned_as_soon_as_its_reader_is_gone() -> None:
    node = FakeNode()
    async with working(node):
        await until(lambda: node.tries == 1)
        node.busy_tries = 4
        for listener in node.listeners:
            listener(PartsErased(LOG_ID, ((0, 0),)))
        await until(lambda: node.tries == 5)


async def test_busy_moment_puts_the_receipt_off_and_ends_nothing() -> None:
    node = FakeNode(failures=[TryLater("invented")])
    async with working(node):
        await until(lambda: node.confirmed_up_to == [7])
    assert node.tries == 2


async def test_fault_of_our_own_disk_ends_it() -> None:
    with pytest.raises(ExceptionGroup) as ended:
        async with working(FakeNode(failures=[StorageError("invented")])):
            await asyncio.Event().wait()
    assert ended.group_contains(StorageError)
