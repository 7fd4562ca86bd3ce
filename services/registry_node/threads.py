"""From the event loop to a thread, from there to the writer, and back with one wake-up of the loop.

Waking an idle core takes 50 to 100 microseconds here, and a loop that is woken only to wait again
takes the interpreter lock from the writer it waits for.
"""

import asyncio
from collections import OrderedDict, deque
from collections.abc import Callable
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from functools import partial
from threading import Lock
from typing import TypeVar

from registry.application.answers import Answers
from registry_node.callers import caller_name

T = TypeVar("T")


async def run_through(executor: Executor, start: Callable[[], "Future[T]"]) -> T:
    """Runs `start` in a thread and waits for the future that it returns.

    What was started goes on if the caller is cancelled.
    """
    return await asyncio.wrap_future(_begin(executor, start))


class Crossing:
    """Calls that come side by side from one loop: one wake-up brings back all that are answered."""

    def __init__(self, executor: Executor) -> None:
        """Starts nothing yet; made where its loop runs."""
        self._executor = executor
        self._loop = asyncio.get_running_loop()
        self._answers = Answers(self._loop.call_soon_threadsafe)

    async def run_through(self, start: Callable[[], "Future[T]"]) -> T:
        """Does what the function of this name does."""
        waiter: asyncio.Future[T] = self._loop.create_future()
        self._answers.deliver(
            _begin(self._executor, start), lambda outcome: _settle(waiter, outcome)
        )
        return await waiter


def _settle(waiter: "asyncio.Future[T]", outcome: "Future[T]") -> None:
    """Called in the loop's thread; whoever asked may have gone."""
    error = outcome.exception()
    if waiter.done():
        return
    if error is None:
        waiter.set_result(outcome.result())
    else:
        waiter.set_exception(error)


def _begin(executor: Executor, start: Callable[[], "Future[T]"]) -> "Future[T]":
    outcome: Future[T] = Future()
    outcome.set_running_or_notify_cancel()
    executor.submit(_start, start, outcome)
    return outcome


def _start(start: Callable[[], "Future[T]"], outcome: "Future[T]") -> None:
    try:
        started = start()
    except BaseException as error:  # noqa: BLE001 - whatever it is, the caller is told
        outcome.set_exception(error)
        return
    started.add_done_callback(lambda done: _hand_on(done, outcome))


def _hand_on(done: "Future[T]", outcome: "Future[T]") -> None:
    error = done.exception()
    if error is None:
        outcome.set_result(done.result())
    else:
        outcome.set_exception(error)


class FairThreads(ThreadPoolExecutor):
    """Threads that callers share turn by turn: who asks for a hundred things waits for its own.

    A job belongs to the caller for whom it is submitted; what the node does for itself counts as
    one caller more. Each thread takes the oldest job of the caller whose turn it is.
    """

    def __init__(self, threads: int, *, name: str) -> None:
        super().__init__(threads, thread_name_prefix=name)
        self._waiting: OrderedDict[str, deque[Callable[[], None]]] = OrderedDict()
        self._turns = Lock()

    def submit(self, call: Callable[..., T], /, *arguments: object, **named: object) -> "Future[T]":
        """Queues a job behind the others of its caller.

        Raises:
            RuntimeError: the threads were told to end.
        """
        outcome: Future[T] = Future()
        job = partial(_settle_with, outcome, partial(call, *arguments, **named))
        with self._turns:
            # First the turn: a job that nobody comes for would be done in the place of another.
            super().submit(self._take_turn)
            self._waiting.setdefault(caller_name(), deque()).append(job)
        return outcome

    def _take_turn(self) -> None:
        with self._turns:
            caller, jobs = self._waiting.popitem(last=False)
            job = jobs.popleft()
            if jobs:
                self._waiting[caller] = jobs  # behind all others
        job()


def _settle_with(outcome: "Future[T]", call: Callable[[], T]) -> None:
    if not outcome.set_running_or_notify_cancel():
        return
    try:
        result = call()
    except BaseException as error:  # noqa: BLE001 - whatever it is, the asker is told
        outcome.set_exception(error)
    else:
        outcome.set_result(result)
