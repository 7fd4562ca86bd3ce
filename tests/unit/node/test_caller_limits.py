"""One caller cannot take all of a node: open calls are counted, threads are shared turn by turn."""

import asyncio
from contextvars import copy_context
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from registry.application.roles import Role
from registry.errors import Overloaded
from registry_node.caller_limits import OpenCalls
from registry_node.callers import Caller, set_caller
from registry_node.server import _options
from registry_node.settings import NodeSettings, calls_of_one_caller
from registry_node.threads import FairThreads


class Clock:
    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def test_caller_over_the_limit_is_refused_and_others_are_not() -> None:
    calls = OpenCalls(2, Clock())
    calls.enter("flood")
    calls.enter("flood")
    with pytest.raises(Overloaded, match="2 calls open"):
        calls.enter("flood")
    calls.enter("desk")

    calls.leave("flood")
    calls.enter("flood")
    assert calls.refused == 1


def test_nothing_is_remembered_of_a_caller_that_has_gone() -> None:
    clock = Clock()
    calls = OpenCalls(1, clock)
    for number in range(1000):
        calls.enter(f"caller {number}")
        calls.is_worth_telling(f"caller {number}")
        calls.leave(f"caller {number}")
        clock.now_s += 0.5

    assert not calls._open
    assert len(calls._told_s) <= 2


def test_refusals_of_one_caller_are_told_once_a_second() -> None:
    clock = Clock()
    calls = OpenCalls(1, clock)
    told = []
    for _ in range(100):
        told.append(calls.is_worth_telling("flood"))
        calls.enter("flood")  # and at times it has no call open
        calls.leave("flood")
    assert told.count(True) == 1
    assert calls.is_worth_telling("other flood")

    clock.now_s = 1.0
    assert calls.is_worth_telling("flood")


@pytest.mark.parametrize("members", [3, 13, 50, 65, 100, 300])
def test_mirror_with_one_peer_has_a_call_for_each_log_and_its_content(
    members: int, tmp_path: Path
) -> None:
    settings = NodeSettings(folder=tmp_path)
    heads_fence_offer, entries, content, history = 3, members, members, members
    needed = heads_fence_offer + entries + content + history
    assert calls_of_one_caller(settings, members) >= max(256, needed)
    assert dict(_options(settings, members))["grpc.max_concurrent_streams"] >= max(100, needed)


def test_limits_that_are_set_count(tmp_path: Path) -> None:
    settings = NodeSettings(folder=tmp_path, caller_calls_max=8, concurrent_streams_max=500)
    assert calls_of_one_caller(settings, 300) == 8
    assert dict(_options(settings, 3))["grpc.max_concurrent_streams"] == 500


def as_caller(name: str, threads: FairThreads, call: Any) -> Any:
    def submit() -> Any:
        set_caller(Caller(name, None, Role.OFFICER, fingerprint=name))
        return threads.submit(call)

    return copy_context().run(submit)


def test_thread_takes_turns_between_callers() -> None:
    order: list[str] = []
    started, go_on = Event(), Event()

    def hold() -> None:
        started.set()
        go_on.wait(10)

    with FairThreads(1, name="test") as threads:
        held = as_caller("flood", threads, hold)
        started.wait(10)
        jobs = [as_caller("flood", threads, lambda: order.append("flood")) for _ in range(50)]
        jobs.append(as_caller("desk", threads, lambda: order.append("desk")))
        jobs.append(threads.submit(order.append, "node"))
        go_on.set()
        for job in (held, *jobs):
            job.result(10)

    assert order.index("desk") <= 2
    assert order.index("node") <= 2
    assert order.count("flood") == 50


def test_jobs_of_one_caller_keep_their_order() -> None:
    order: list[int] = []
    with FairThreads(1, name="test") as threads:
        for number in range(100):
            threads.submit(order.append, number)
    assert order == list(range(100))


def test_error_of_a_job_is_told_to_its_asker_alone() -> None:
    with FairThreads(1, name="test") as threads:
        failing = threads.submit(lambda: 1 // 0)
        fine = threads.submit(lambda: 7)
        with pytest.raises(ZeroDivisionError):
            failing.result(10)
        assert fine.result(10) == 7


def test_job_that_was_cancelled_while_it_waited_is_not_done() -> None:
    started, go_on = Event(), Event()

    def hold() -> None:
        started.set()
        go_on.wait(10)

    done: list[int] = []
    with FairThreads(1, name="test") as threads:
        threads.submit(hold)
        started.wait(10)
        left = threads.submit(done.append, 1)
        assert left.cancel()
        go_on.set()
    assert done == []


def test_job_that_comes_after_the_end_is_refused_and_takes_no_place_of_another() -> None:
    started, go_on, done = Event(), Event(), []

    def hold() -> None:
        started.set()
        go_on.wait(10)

    threads = FairThreads(1, name="test")
    as_caller("desk", threads, hold)
    started.wait(10)
    jobs = [as_caller("desk", threads, lambda: done.append("desk")) for _ in range(2)]
    threads.shutdown(wait=False)
    for _ in range(2):
        with pytest.raises(RuntimeError, match="after shutdown"):
            as_caller("late", threads, lambda: done.append("late"))
    go_on.set()
    for job in jobs:
        job.result(10)
    threads.shutdown()
    assert done == ["desk", "desk"]


async def test_threads_of_a_loop_know_the_caller_of_its_task() -> None:
    loop = asyncio.get_running_loop()
    with FairThreads(1, name="test") as threads:
        set_caller(Caller("desk", None, Role.OFFICER, fingerprint="desk"))
        assert await loop.run_in_executor(threads, lambda: 7) == 7
