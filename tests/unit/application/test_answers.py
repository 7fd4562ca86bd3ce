"""Answers reach the loop that waits for them: every one, in order, with few wake-ups."""

import asyncio
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

from registry.application.answers import Answers


class Loop:
    """A loop that turns when it is told to."""

    def __init__(self) -> None:
        self.woken: deque[Callable[[], None]] = deque()

    def wake(self, call: Callable[[], None]) -> None:
        self.woken.append(call)

    def turn(self) -> None:
        while self.woken:
            self.woken.popleft()()


def test_all_answers_of_a_group_come_with_one_wake_up() -> None:
    loop, settled = Loop(), []
    answers = Answers(loop.wake)
    futures: list[Future[int]] = [Future() for _ in range(5)]
    for future in futures:
        answers.deliver(future, lambda done: settled.append(done.result()))
    for number, future in enumerate(futures):
        future.set_result(number)

    assert (len(loop.woken), settled) == (1, [])
    loop.turn()
    assert settled == [0, 1, 2, 3, 4]


def test_answer_that_comes_while_others_are_handed_out_is_not_lost() -> None:
    loop, settled = Loop(), []
    answers = Answers(loop.wake)
    first: Future[str] = Future()
    late: Future[str] = Future()
    answers.deliver(late, lambda done: settled.append(done.result()))

    def settle(done: Future[str]) -> None:
        settled.append(done.result())
        late.set_result("late")

    answers.deliver(first, settle)
    first.set_result("first")
    loop.turn()

    assert settled == ["first", "late"]


def test_future_that_is_done_already_is_answered() -> None:
    loop, settled = Loop(), []
    done: Future[int] = Future()
    done.set_result(7)
    Answers(loop.wake).deliver(done, lambda future: settled.append(future.result()))
    loop.turn()

    assert settled == [7]


async def test_many_threads_answer_one_loop() -> None:
    loop = asyncio.get_running_loop()
    answers = Answers(loop.call_soon_threadsafe)
    left = 2000
    all_settled = asyncio.Event()

    def settle(_: Future[int]) -> None:
        nonlocal left
        left -= 1
        if not left:
            all_settled.set()

    with ThreadPoolExecutor(8) as pool:
        for number in range(left):
            answers.deliver(pool.submit(abs, number), settle)
        async with asyncio.timeout(30):
            await all_settled.wait()
