"""The one writer: a thread with a bounded queue; appends that wait are taken together.

Whoever asks gets a future. A group of appends is one job: one transaction, one note, one guard
advance. When that is done the listeners are told, then its futures are resolved.

There is one turn, and whoever has it writes. `append_now` that finds nobody writing and nothing
waiting takes the turn itself, in the caller's thread: waking another one and being woken by it
would cost a fifth of the append more (measured: 75 to 100 microseconds on a virtual machine).
"""

import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, Final, TypeAlias, TypeVar

from registry.errors import Overloaded, TryLater
from registry.store.values import Appended, AppendRequest

QUEUE_MAX: Final = 1024
GROUP_MAX: Final = 256
_CROWD: Final = 4
"""From so many appends in a group on, those who were just answered are likely to come again."""
_WAIT_S: Final = 0.0003
_WAITS: Final = 3
"""A crowd is waited for: as long as a group of a dozen takes, and never for a single caller."""

T = TypeVar("T")
AppendGroup = Callable[[Sequence[AppendRequest]], "Sequence[Appended | BaseException]"]


@dataclass(frozen=True, slots=True)
class _Append:
    request: AppendRequest
    future: "Future[Appended]"


@dataclass(frozen=True, slots=True)
class _Work:
    call: Callable[[], Any]
    future: "Future[Any]"


_Job: TypeAlias = _Append | _Work


class Writer:
    """Runs all writing jobs of a store: appends in groups, everything else in order."""

    def __init__(self, append_group: AppendGroup, after_job: Callable[[], None]) -> None:
        self._append_group = append_group
        self._after_job = after_job
        # Written in C: a queue.Queue wakes the writer through three locks, in Python.
        self._queue: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._waiting: deque[_Work | None] = deque()
        self._crowd = 0
        self._is_closed = False
        self._closing = threading.Lock()
        self._turn = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="store-writer", daemon=True)
        self._thread.start()

    def append(self, request: AppendRequest) -> "Future[Appended]":
        """Queues an append.

        Raises:
            Overloaded: the queue is full.
            TryLater: the store is closed.
        """
        job = _Append(request, Future())
        self._put(job)
        return job.future

    def append_now(self, request: AppendRequest) -> "Future[Appended]":
        """Appends in the caller's thread if nobody writes, otherwise queues.

        Raises:
            Overloaded: the queue is full.
            TryLater: the store is closed.
        """
        job = _Append(request, Future())
        if self._put(job, may_write=True):
            try:
                self._run_group([job])
            finally:
                self._turn.release()
        return job.future

    def run(self, call: Callable[[], T]) -> "Future[T]":
        """Queues any other job; its result or exception becomes the future's.

        Raises:
            Overloaded: the queue is full.
            TryLater: the store is closed.
        """
        future: Future[T] = Future()
        self._put(_Work(call, future))
        return future

    def close(self) -> None:
        """Finishes what waits, then ends the thread."""
        with self._closing:
            if self._is_closed:
                return
            self._is_closed = True
        self._queue.put(None)  # nothing is put after it
        self._thread.join()

    def _put(self, job: _Job, *, may_write: bool = False) -> bool:
        """Queues a job, or gives the turn to its caller; returns which."""
        with self._closing:
            if self._is_closed:
                msg = "the store is closed"
                raise TryLater(msg)
            if self._queue.qsize() >= QUEUE_MAX:
                msg = f"{QUEUE_MAX} writes are waiting already; try again in a moment"
                raise Overloaded(msg)
            if may_write and self._queue.empty() and self._turn.acquire(blocking=False):
                return True
            self._queue.put(job)
            return False

    def _run(self) -> None:
        while True:
            appends = self._take()
            with self._turn:
                if appends:
                    self._run_group(appends)
                if self._waiting:
                    job = self._waiting.popleft()
                    if job is None:
                        return
                    self._run_work(job)

    def _take(self) -> list[_Append]:
        """Takes the appends that wait, wherever they stand; the rest keeps its order.

        Appends go first: people wait for them, while batches from peers come by the hundred.
        """
        self._let_the_crowd_come()
        appends: list[_Append] = []
        is_idle = not self._waiting
        while len(appends) + len(self._waiting) < GROUP_MAX:
            try:
                job = self._queue.get(block=is_idle)
            except queue.Empty:
                break
            is_idle = False
            if isinstance(job, _Append):
                appends.append(job)
            else:
                self._waiting.append(job)
        return appends

    def _let_the_crowd_come(self) -> None:
        """Waits a moment for half as many appends as came together lately.

        A few of them would otherwise go into a commit of their own, and the writer would take turns
        at the interpreter lock with those who prepare the next ones. The other half comes while
        this one is prepared and written.
        """
        for _ in range(_WAITS if self._crowd >= _CROWD else 0):
            if self._waiting or self._queue.qsize() >= self._crowd // 2:
                return
            time.sleep(_WAIT_S)

    def _run_group(self, group: Sequence[_Append]) -> None:
        # From here on a future can no longer be cancelled; those that were are left out.
        self._crowd = max(len(group), self._crowd * 7 // 8)
        running = [job for job in group if job.future.set_running_or_notify_cancel()]
        if not running:
            return
        try:
            results = self._append_group([job.request for job in running])
        except BaseException as error:  # noqa: BLE001 - whatever failed, the askers are told
            results = [error] * len(running)
        # The news goes out first: a listener hands it on and returns, an asker takes its time.
        self._after_job()
        for job, result in zip(running, results, strict=True):
            if isinstance(result, BaseException):
                job.future.set_exception(result)
            else:
                job.future.set_result(result)

    def _run_work(self, job: _Work) -> None:
        if not job.future.set_running_or_notify_cancel():
            return
        try:
            result = job.call()
        except BaseException as error:  # noqa: BLE001 - whatever failed, the asker is told
            self._after_job()
            job.future.set_exception(error)
        else:
            self._after_job()
            job.future.set_result(result)
