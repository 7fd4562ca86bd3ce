"""The loop that folds: it gives way, but not for ever, and a busy moment does not end it."""

import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import pytest

from registry.domain.identifiers import LogId
from registry.errors import DamagedLog, Overloaded, RegistryError, StorageError, TryLater
from registry.store.disk_room import DiskRoom
from registry.store.values import PartsErased, StoreEvent
from registry.views.projector import Progress
from registry_node import projection
from registry_node.projection import ProjectionLoop

DONE = Progress(changes=1, is_behind=False)
BEHIND = Progress(changes=0, is_behind=True)


class Folder:
    """Stands for store and projector: tells what is folded, and fails as it is told."""

    disk = DiskRoom.without_end()

    def __init__(self, *batches: Sequence[Progress | RegistryError]) -> None:
        self._batches = iter(batches)
        self._loop = asyncio.get_running_loop()
        self.listeners: list[Callable[[StoreEvent], None]] = []
        self.steps_done = 0
        self.folded = asyncio.Event()

    def steps(self) -> Iterator[Progress]:
        for step in next(self._batches, [Progress(changes=0, is_behind=False)]):
            if isinstance(step, RegistryError):
                raise step
            self.steps_done += 1
            yield step
        self._loop.call_soon_threadsafe(self.folded.set)

    def add_listener(self, callback: Callable[[StoreEvent], None]) -> None:
        self.listeners.append(callback)

    def store_something(self, event: Any = None) -> None:
        for callback in self.listeners:
            callback(event)


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("_QUIET_S", "_LONGEST_S", "_CATCHING_UP_S", "_POSTPONED_S", "_DAMAGED_S"):
        monkeypatch.setattr(projection, name, 0.001)


@asynccontextmanager
async def looping(folder: Folder, mirror: Any) -> AsyncIterator["asyncio.Task[None]"]:
    registry: Any = SimpleNamespace(store=folder, projector=folder)
    async with asyncio.timeout(10), asyncio.TaskGroup() as tasks:
        task = tasks.create_task(ProjectionLoop(registry, mirror).run())
        yield task
        task.cancel()


async def be_open() -> None:
    """The gate of a node whose content is open."""


IDLE = SimpleNamespace(is_catching_up=False, content=SimpleNamespace(wait=be_open))


async def test_all_steps_of_a_batch_are_done() -> None:
    folder = Folder([BEHIND, BEHIND, DONE])
    async with looping(folder, IDLE):
        await folder.folded.wait()
    assert folder.steps_done == 3


async def test_fold_goes_on_until_nothing_is_behind() -> None:
    folder = Folder([BEHIND], [BEHIND], [DONE])
    async with looping(folder, IDLE):
        while folder.steps_done < 3:
            folder.folded.clear()
            await folder.folded.wait()
    assert folder.steps_done == 3


async def test_what_is_stored_later_is_folded_too() -> None:
    folder = Folder([DONE], [DONE])
    async with looping(folder, IDLE):
        await folder.folded.wait()
        folder.folded.clear()
        folder.store_something()
        await folder.folded.wait()
    assert folder.steps_done == 2


async def test_fold_that_took_long_is_followed_by_a_rest() -> None:
    """A case that changes all the time is not folded all the time."""
    step_s, loop = 0.03, asyncio.get_running_loop()
    began_s: list[float] = []

    class Slow(Folder):
        def steps(self) -> Iterator[Progress]:
            began_s.append(loop.time())
            time.sleep(step_s)  # in a thread, as a fold
            yield from super().steps()

    folder = Slow([DONE], [DONE])
    async with looping(folder, IDLE):
        while len(began_s) < 2:
            folder.store_something()
            await asyncio.sleep(0.001)
    assert began_s[1] - began_s[0] >= 3.9 * step_s


async def test_what_was_erased_does_not_wait_for_the_end_of_a_rest(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(projection, "_SHARE", 1e9)
    monkeypatch.setattr(projection, "_LONGEST_PAUSE_S", 600.0)
    folder = Folder([DONE], [DONE])
    async with looping(folder, IDLE):
        await folder.folded.wait()
        folder.folded.clear()
        folder.store_something(PartsErased(LogId(bytes(32)), ((0, 0),)))
        await folder.folded.wait()
    assert folder.steps_done == 2


async def test_events_without_a_pause_do_not_stop_a_fold_between_its_steps() -> None:
    folder = Folder([BEHIND] * 5 + [DONE])
    async with looping(folder, IDLE):
        while not folder.folded.is_set():
            folder.store_something()
            await asyncio.sleep(0)
    assert folder.steps_done >= 6


async def test_log_that_trickles_for_ever_does_not_keep_the_list_back_for_ever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(projection, "_LONGEST_CATCHING_UP_S", 0.01)
    folder = Folder([BEHIND], [DONE])
    async with looping(folder, SimpleNamespace(is_catching_up=True, content=IDLE.content)):
        while folder.steps_done < 2:
            folder.folded.clear()
            await folder.folded.wait()
    assert folder.steps_done == 2


async def test_list_waits_while_thousands_of_entries_come() -> None:
    folder = Folder([DONE])
    looks = itertools.count()
    seen: list[int] = []

    class Filling:
        content = IDLE.content

        @property
        def is_catching_up(self) -> bool:
            seen.append(folder.steps_done)
            return next(looks) < 5

    async with looping(folder, Filling()):
        await folder.folded.wait()
    assert seen[:6] == [0] * 6
    assert all(seen[6:])


@pytest.mark.parametrize("is_catching_up", [True, False])
async def test_fold_rests_after_each_step_in_its_turn_beside_catching_up(
    monkeypatch: pytest.MonkeyPatch, *, is_catching_up: bool
) -> None:
    monkeypatch.setattr(projection, "_LONGEST_CATCHING_UP_S", 0.01)
    monkeypatch.setattr(projection, "_RESTS", 1_000_000.0)
    pause, rests = asyncio.sleep, list[float]()

    async def rest(delay_s: float) -> None:
        rests.append(delay_s)
        await pause(0)

    monkeypatch.setattr(asyncio, "sleep", rest)
    folder = Folder([BEHIND, BEHIND, DONE])
    mirror = SimpleNamespace(is_catching_up=is_catching_up, content=IDLE.content)
    async with looping(folder, mirror):
        await folder.folded.wait()
    # A step of a few microseconds makes the longest rest.
    assert (max(rests, default=0.0) == projection._LONGEST_REST_S) == is_catching_up


@pytest.mark.parametrize(
    "error", [Overloaded("invented"), TryLater("invented"), DamagedLog("invented")]
)
async def test_busy_moment_postpones_the_fold_and_ends_nothing(error: RegistryError) -> None:
    folder = Folder([BEHIND, error], [DONE])
    async with looping(folder, IDLE):
        await folder.folded.wait()
    assert folder.steps_done == 2


async def test_fault_of_our_own_disk_ends_it() -> None:
    folder = Folder([StorageError("invented")])
    with pytest.raises(ExceptionGroup) as ended:
        async with looping(folder, IDLE):
            await asyncio.Event().wait()
    assert ended.group_contains(StorageError)


async def test_list_that_could_not_forget_an_erasure_is_looked_at_again_though_nothing_comes() -> (
    None
):
    held = Progress(changes=0, is_behind=False, has_forgotten=False)
    folder = Folder([held], [held], [DONE])
    async with looping(folder, IDLE):
        while folder.steps_done < 3:
            folder.folded.clear()
            await folder.folded.wait()
    assert folder.steps_done == 3
