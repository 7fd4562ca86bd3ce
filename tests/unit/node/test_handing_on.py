"""Handing on in a node: at once, again while the log is closed, and never at others' expense."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest

from registry.application.named_persons import WITHDRAWAL_TYPE
from registry.domain.identifiers import CaseId, LogId
from registry.errors import (
    CorruptDatabase,
    DamagedLog,
    LimitExceeded,
    RegistryError,
    RuleViolation,
    TryLater,
)
from registry.store.values import FreezeStored, PartsErased, PartsStored, StoreEvent
from registry_node import handing_on
from registry_node.handing_on import HandingOnLoop

LOG_ID = LogId(b"l" * 32)
INVENTED_TYPE = "application/vnd.registry.invented+json"
ONE, TWO = CaseId(b"1" * 16), CaseId(b"2" * 16)


def many(number: int) -> CaseId:
    return CaseId(number.to_bytes(16, "big"))


@dataclass
class FakeNode:
    """Stands for registry, store, mirror and HandingOn: keeps what was looked at."""

    closed_because: str | None = None
    before: frozenset[CaseId] = frozenset()
    without: frozenset[CaseId] = frozenset()
    unreadable: int = 0
    damaged: frozenset[int] = frozenset()
    hidden: frozenset[int] = frozenset()
    looks_refused: list[RegistryError] = field(default_factory=list)
    failures: dict[CaseId, list[RegistryError]] = field(default_factory=dict)
    handed_on: list[CaseId] = field(default_factory=list)
    looks: int = 0
    listeners: list[Callable[[StoreEvent], None]] = field(default_factory=list)
    is_open: asyncio.Event = field(default_factory=asyncio.Event)

    def add_listener(self, callback: Callable[[StoreEvent], None]) -> None:
        self.listeners.append(callback)

    def read_only_reason(self) -> str | None:
        self.looks += 1
        return self.closed_because

    def entries(self, log_id: LogId, start: int, end: int) -> list[CaseId]:
        assert (log_id, end) == (LOG_ID, start + 1)
        if start in self.hidden:
            return []
        if start in self.damaged:
            msg = "invented"
            raise DamagedLog(msg)
        if self.unreadable:
            self.unreadable -= 1
            msg = "invented"
            raise TryLater(msg)
        return [(ONE, TWO)[start] if start < 2 else many(start)]

    def cases_with_withdrawals(self) -> frozenset[CaseId]:
        if self.looks_refused:
            raise self.looks_refused.pop()
        return self.before

    def has_withdrawal(self, case_id: CaseId) -> bool:
        return case_id not in self.without

    def hand_on(self, case_id: CaseId) -> int:
        if failures := self.failures.get(case_id):
            raise failures.pop(0)
        self.handed_on.append(case_id)
        return 1

    async def wait(self) -> None:
        await self.is_open.wait()

    def comes(self, index: int, media_type: str = WITHDRAWAL_TYPE, content: bytes = b"{}") -> None:
        self.tells(PartsStored(LOG_ID, ((index, 0),), ((media_type, content),)))

    def tells(self, event: StoreEvent) -> None:
        for listener in self.listeners:
            listener(event)


@pytest.fixture
def node(monkeypatch: pytest.MonkeyPatch) -> FakeNode:
    fake = FakeNode()
    monkeypatch.setattr(handing_on, "_AGAIN_S", 0.001)
    monkeypatch.setattr(handing_on, "_PAUSE_S", 0.001)
    monkeypatch.setattr(handing_on, "HandingOn", lambda _: fake)
    monkeypatch.setattr(handing_on, "read_header", lambda case_id: SimpleNamespace(case_id=case_id))
    return fake


@asynccontextmanager
async def working(node: FakeNode, *, is_open: bool = True) -> AsyncIterator[None]:
    registry: Any = SimpleNamespace(store=node, consents=node)
    mirror: Any = SimpleNamespace(content=node)
    if is_open:
        node.is_open.set()
    async with asyncio.timeout(10), asyncio.TaskGroup() as tasks:
        task = tasks.create_task(HandingOnLoop(registry, mirror).run())
        await asyncio.sleep(0)
        yield
        task.cancel()


async def until(fact: Callable[[], bool]) -> None:
    for _ in itertools.count():
        if fact():
            return
        await asyncio.sleep(0.001)


async def test_withdrawal_is_handed_on_when_it_comes_and_other_content_is_not_looked_at(
    node: FakeNode,
) -> None:
    async with working(node):
        node.comes(0, INVENTED_TYPE)
        node.comes(1)
        await until(lambda: bool(node.handed_on))
    assert node.handed_on == [TWO]


async def test_start_looks_at_all_cases_once_content_is_open(node: FakeNode) -> None:
    node.before = frozenset({ONE})
    async with working(node, is_open=False):
        node.comes(1)  # while nobody can read it
        await asyncio.sleep(0.01)
        assert node.handed_on == []
        node.is_open.set()
        await until(lambda: len(node.handed_on) == 2)
    assert set(node.handed_on) == {ONE, TWO}


async def test_what_comes_while_a_start_looks_at_many_cases_is_handed_on_first(
    node: FakeNode,
) -> None:
    many = frozenset(CaseId(bytes([number]) * 16) for number in range(100, 200))
    node.before = many
    async with working(node):
        await until(lambda: bool(node.handed_on))
        node.comes(0)
        await until(lambda: ONE in node.handed_on)
        assert len(node.handed_on) < len(many)
        await until(lambda: len(node.handed_on) == len(many) + 1)


async def test_nobody_keeps_a_withdrawal_waiting_by_sending_many_after_it(node: FakeNode) -> None:
    async with working(node):
        for number in range(100, 150):
            node.comes(number)
        node.comes(0)
        for number in range(150, 400):
            node.comes(number)
        await until(lambda: ONE in node.handed_on)
        assert node.handed_on[:51] == [*map(many, range(100, 150)), ONE]


async def test_case_is_looked_at_again_when_a_name_comes_back_or_content_was_erased(
    node: FakeNode,
) -> None:
    node.without = frozenset({many(7)})
    async with working(node):
        # What a restore brings back: first the entry of an own event, later its content.
        node.comes(0, INVENTED_TYPE, b'{"persons":[]}')
        node.comes(7, INVENTED_TYPE, b'{"persons":[]}')
        await until(lambda: node.handed_on == [ONE])
        # A withdrawal that told somebody may be gone before it was read there.
        node.tells(PartsErased(LOG_ID, ((1, 0),)))
        await until(lambda: node.handed_on == [ONE, TWO])


async def test_after_a_freeze_and_now_and_then_all_cases_are_looked_at_again(
    node: FakeNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    node.before = frozenset({ONE})
    async with working(node):
        await until(lambda: node.handed_on == [ONE])
        node.tells(FreezeStored(LOG_ID, 3))
        await until(lambda: node.handed_on == [ONE, ONE])
    monkeypatch.setattr(handing_on, "_LOOK_S", 0.001)
    async with working(node):
        await until(lambda: len(node.handed_on) > 5)


async def test_place_that_cannot_be_read_now_keeps_its_turn(node: FakeNode) -> None:
    node.unreadable = 2
    async with working(node):
        node.comes(0)
        await until(lambda: node.handed_on == [ONE])


@pytest.mark.parametrize("failure", [TryLater("invented"), DamagedLog("invented")])
async def test_what_cannot_be_looked_at_now_is_looked_at_later_and_ends_no_node(
    node: FakeNode, failure: RegistryError
) -> None:
    node.before, node.looks_refused = frozenset({ONE}), [failure, failure]
    async with working(node):
        await until(lambda: node.handed_on == [ONE])
        node.looks_refused = [failure]
        node.tells(FreezeStored(LOG_ID, 3))
        await until(lambda: node.handed_on == [ONE, ONE])


@pytest.mark.parametrize("state", ["damaged", "hidden"])
async def test_place_that_cannot_be_told_keeps_nothing_else_from_being_looked_at(
    node: FakeNode, state: str
) -> None:
    node.before = frozenset({ONE})
    setattr(node, state, frozenset({5}))
    async with working(node, is_open=False):
        node.comes(5)
        node.comes(1)
        node.is_open.set()
        await until(lambda: node.handed_on == [TWO, ONE])
        setattr(node, state, frozenset())
        await until(lambda: node.handed_on == [TWO, ONE, many(5)])


async def test_what_came_while_the_log_was_closed_is_handed_on_when_it_opens(
    node: FakeNode,
) -> None:
    node.closed_because = "invented"
    async with working(node):
        node.comes(0)
        await until(lambda: node.looks > 3)
        assert node.handed_on == []
        node.closed_because = None
        await until(lambda: node.handed_on == [ONE])


@pytest.mark.parametrize("failure", [TryLater("invented"), DamagedLog("invented")])
async def test_case_that_cannot_be_read_now_is_tried_again_and_keeps_no_other_waiting(
    node: FakeNode, failure: RegistryError
) -> None:
    node.failures = {ONE: [failure] * 3}
    node.before = frozenset({ONE, TWO})
    async with working(node):
        await until(lambda: len(node.handed_on) == 2)
    assert set(node.handed_on) == {ONE, TWO}
    assert node.failures == {ONE: []}


@pytest.mark.parametrize("failure", [RuleViolation("invented"), LimitExceeded("invented")])
async def test_case_whose_rules_forbid_it_ends_nothing(
    node: FakeNode, failure: RegistryError
) -> None:
    node.failures = {ONE: [failure]}
    async with working(node):
        node.comes(0)
        await until(lambda: not node.failures[ONE])
        node.comes(1)
        await until(lambda: node.handed_on == [TWO])


async def test_fault_of_our_own_disk_ends_it(node: FakeNode) -> None:
    node.failures, node.before = {ONE: [CorruptDatabase("invented")]}, frozenset({ONE})
    with pytest.raises(ExceptionGroup) as ended:
        async with working(node):
            await asyncio.Event().wait()
    assert ended.group_contains(CorruptDatabase)
