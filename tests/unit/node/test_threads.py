"""From the loop to a thread and on to the writer: the result, or the error of either of them."""

import asyncio
import functools
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest

from registry.errors import MisplacedEntry, StorageError
from registry_node.threads import Crossing, run_through


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


def giving(future: "Future[int]") -> "Callable[[], Future[int]]":
    return lambda: future


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


# --- many side by side ----------------------------------------------------------------------------


async def test_each_of_many_callers_gets_its_own_result(executor: ThreadPoolExecutor) -> None:
    crossing = Crossing(executor)
    calls = [crossing.run_through(functools.partial(ended, number)) for number in range(50)]
    assert await asyncio.gather(*calls) == list(range(50))


async def test_answers_given_at_once_wake_the_loop_once(
    executor: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    loop = asyncio.get_running_loop()
    wake = loop.call_soon_threadsafe
    wakes: list[object] = []

    def counted(*call: Any) -> asyncio.Handle:
        wakes.append(call)
        return wake(*call)

    monkeypatch.setattr(loop, "call_soon_threadsafe", counted)
    crossing = Crossing(executor)
    later: list[Future[int]] = [Future() for _ in range(32)]
    calls = [asyncio.ensure_future(crossing.run_through(giving(each))) for each in later]
    await asyncio.sleep(0)
    executor.submit(int).result()  # all of them have been started
    for number, each in enumerate(later):
        each.set_result(number)
    assert len(wakes) == 1
    assert await asyncio.gather(*calls) == list(range(32))


async def test_errors_of_start_and_future_come_back_to_their_own_caller(
    executor: ThreadPoolExecutor,
) -> None:
    def start() -> "Future[int]":
        msg = "at the start"
        raise MisplacedEntry(msg)

    crossing = Crossing(executor)
    found = await asyncio.gather(
        crossing.run_through(start),
        crossing.run_through(lambda: ended(StorageError("later"))),
        crossing.run_through(lambda: ended(7)),
        return_exceptions=True,
    )
    assert [str(each) for each in found] == ["at the start", "later", "7"]


async def test_answer_to_a_caller_who_left_disturbs_nobody(
    executor: ThreadPoolExecutor, caplog: pytest.LogCaptureFixture
) -> None:
    later: list[Future[int]] = [Future(), Future(), Future()]
    crossing = Crossing(executor)
    calls = [asyncio.ensure_future(crossing.run_through(giving(each))) for each in later]
    await asyncio.sleep(0)
    executor.submit(int).result()
    calls[0].cancel()
    calls[1].cancel()
    later[0].set_result(0)
    later[1].set_exception(StorageError("invented"))
    later[2].set_result(2)
    assert await calls[2] == 2
    assert [call.cancelled() for call in calls[:2]] == [True, True]
    assert not caplog.records
