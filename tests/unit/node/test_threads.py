"""From the loop to a thread and on to the writer: the result, or the error of either of them."""

import asyncio
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from registry.errors import MisplacedEntry, StorageError
from registry_node.threads import run_through


@pytest.fixture
def executor() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(1) as executor:
        yield executor


def ended(result: int | Exception) -> "Future[int]":
    future: Future[int] = Future()
    if isinstance(result, Exception):
        future.set_exception(result)
    else:
        future.set_result(result)
    return future


async def test_result_of_the_future_that_was_started_comes_back(
    executor: ThreadPoolExecutor,
) -> None:
    assert await run_through(executor, lambda: ended(7)) == 7


async def test_future_that_ends_later_is_waited_for(executor: ThreadPoolExecutor) -> None:
    later: Future[int] = Future()
    was_started = asyncio.Event()
    loop = asyncio.get_running_loop()

    def start() -> "Future[int]":
        loop.call_soon_threadsafe(was_started.set)
        return later

    async with asyncio.TaskGroup() as tasks:
        waiting = tasks.create_task(run_through(executor, start))
        await was_started.wait()
        assert not waiting.done()
        later.set_result(7)
    assert waiting.result() == 7


async def test_error_of_the_start_comes_back(executor: ThreadPoolExecutor) -> None:
    def start() -> "Future[int]":
        msg = "invented"
        raise MisplacedEntry(msg)

    with pytest.raises(MisplacedEntry, match="invented"):
        await run_through(executor, start)


async def test_error_of_the_future_comes_back(executor: ThreadPoolExecutor) -> None:
    with pytest.raises(StorageError, match="invented"):
        await run_through(executor, lambda: ended(StorageError("invented")))


async def test_what_was_started_goes_on_when_nobody_waits_any_more(
    executor: ThreadPoolExecutor, caplog: pytest.LogCaptureFixture
) -> None:
    later: Future[int] = Future()
    was_started = asyncio.Event()
    loop = asyncio.get_running_loop()

    def start() -> "Future[int]":
        loop.call_soon_threadsafe(was_started.set)
        return later

    waiting = asyncio.ensure_future(run_through(executor, start))
    await was_started.wait()
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert not later.cancelled()
    later.set_result(7)
    # A callback that fails is only logged.
    assert not caplog.records
