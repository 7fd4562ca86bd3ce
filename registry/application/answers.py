"""Hands the answers of the writer's thread to an event loop, all that are there with one wake-up.

The writer answers a whole group of requests at once. Waking the loop for each of them costs more
than the answers: a loop that is woken by the first one takes the interpreter lock from the writer,
which still has the others to give. Knows no event loop itself: how one is woken is an argument.
"""

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

T = TypeVar("T")


class Answers:
    """One loop's answers; `deliver` is for the loop's own thread."""

    def __init__(self, wake: Callable[[Callable[[], None]], object]) -> None:
        """Starts with none.

        Args:
            wake: has the loop call a function soon, from any thread, such as an asyncio loop's
                `call_soon_threadsafe`.
        """
        self._wake = wake
        self._is_woken = False
        self._ready: deque[tuple[Callable[[Future[Any]], None], Future[Any]]] = deque()

    def deliver(self, future: "Future[T]", settle: "Callable[[Future[T]], None]") -> None:
        """Has `settle` called in the loop's thread with the future, once that is done."""
        future.add_done_callback(lambda done: self._put(settle, done))

    def _put(self, settle: "Callable[[Future[T]], None]", done: "Future[T]") -> None:
        """Called in the thread that answers, or at once if the future is done already."""
        self._ready.append((settle, done))
        if not self._is_woken:
            self._is_woken = True
            self._wake(self._settle_all)

    def _settle_all(self) -> None:
        # The flag goes down first: what is put from then on is seen below, or wakes the loop again.
        self._is_woken = False
        while self._ready:
            settle, done = self._ready.popleft()
            settle(done)
