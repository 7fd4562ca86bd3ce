"""The one writer: a thread with a bounded queue; appends that wait are taken together.

Whoever asks gets a future. A group of appends is one job: one transaction, one note, one guard advance.
"""

import queue
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from registry.errors import Overloaded, StorageError
from registry.store.entries import Appended, AppendRequest

QUEUE_MAX: Final = 1024
GROUP_MAX: Final = 256
_STOP: Final = object()

T = TypeVar("T")
AppendGroup = Callable[[Sequence[AppendRequest]], "list[Appended | Exception]"]


@dataclass(frozen=True, slots=True)
class _Append:
    request: AppendRequest
    future: "Future[Appended]"


@dataclass(frozen=True, slots=True)
class _Work:
    call: Callable[[], Any]
    future: "Future[Any]"


class Writer:
    """Runs all writing jobs of a store, in the order they came."""

    def __init__(self, append_group: AppendGroup) -> None:
        self._append_group = append_group
        self._queue: queue.Queue[Any] = queue.Queue(QUEUE_MAX)
        self._held_back: _Work | object | None = None
        self._is_closed = False
        self._thread = threading.Thread(target=self._run, name="store-writer", daemon=True)
        self._thread.start()

    def append(self, request: AppendRequest) -> "Future[Appended]":
        """Queues an append.

        Raises:
            Overloaded: the queue is full.
            StorageError: the store is closed.
        """
        future: Future[Appended] = Future()
        self._put(_Append(request, future))
        return future

    def run(self, call: Callable[[], T]) -> "Future[T]":
        """Queues any other job; its result or exception becomes the future's.

        Raises:
            Overloaded: the queue is full.
            StorageError: the store is closed.
        """
        future: Future[T] = Future()
        self._put(_Work(call, future))
        return future

    def close(self) -> None:
        """Finishes what waits, then ends the thread."""
        if not self._is_closed:
            self._is_closed = True
            self._queue.put(_STOP)
            self._thread.join()

    def _put(self, job: _Append | _Work) -> None:
        if self._is_closed:
            msg = "the store is closed"
            raise StorageError(msg)
        try:
            self._queue.put_nowait(job)
        except queue.Full:
            msg = f"{QUEUE_MAX} writes are waiting already; try again in a moment"
            raise Overloaded(msg) from None

    def _run(self) -> None:
        while True:
            job = self._held_back or self._queue.get()
            self._held_back = None
            if job is _STOP:
                return
            if isinstance(job, _Append):
                self._run_group([job, *self._waiting_appends()])
            else:
                _run_work(job)

    def _waiting_appends(self) -> list[_Append]:
        group: list[_Append] = []
        while len(group) < GROUP_MAX - 1:
            try:
                job = self._queue.get_nowait()
            except queue.Empty:
                break
            if not isinstance(job, _Append):
                self._held_back = job
                break
            group.append(job)
        return group

    def _run_group(self, group: Sequence[_Append]) -> None:
        try:
            results = self._append_group([job.request for job in group])
        except Exception as error:  # noqa: BLE001 - whatever failed, the askers are told
            results = [error] * len(group)
        for job, result in zip(group, results, strict=True):
            if isinstance(result, Exception):
                job.future.set_exception(result)
            else:
                job.future.set_result(result)


def _run_work(job: _Work) -> None:
    try:
        result = job.call()
    except Exception as error:  # noqa: BLE001 - whatever failed, the asker is told
        job.future.set_exception(error)
    else:
        job.future.set_result(result)
