"""Streams of what changes: a reader waits on the loop until the store has written something.

Who watches one case wakes up for the end of its next embargo too. If the node's clock is set
forward meanwhile, that is told late by as much, or with the next thing that is written.

A stream ends by itself after a while, so that a certificate that was taken back does not read on
for ever; whoever watches opens it again from the last cursor. A slow reader costs nothing: it takes
what is new when it comes. A client has a few streams and no more.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from typing import Final

from registry.application.watching import Changes, Watch
from registry.errors import Overloaded
from registry.store.entries import EntryStore
from registry.store.values import StoreEvent

STREAM_MAX_S: Final = 600.0
STREAMS_MAX: Final = 8
"""Open streams of one client: each reads again with every change, which costs all others time."""


class OpenStreams:
    """Counts the open streams of each client; on one loop."""

    def __init__(self) -> None:
        self._open: Counter[str] = Counter()

    @contextmanager
    def one_more(self, client: str) -> Iterator[None]:
        """Holds a place for a stream.

        Raises:
            Overloaded: the client has `STREAMS_MAX` already.
        """
        if self._open[client] >= STREAMS_MAX:
            msg = f"{STREAMS_MAX} streams of this client are open, no more are; end one of them"
            raise Overloaded(msg)
        self._open[client] += 1
        try:
            yield
        finally:
            self._open[client] -= 1
            if not self._open[client]:
                del self._open[client]


class ChangeSignal:
    """Wakes those who watch whenever the store has written something."""

    def __init__(self, store: EntryStore, threads: Executor) -> None:
        """Wakes nobody yet.

        Args:
            store: what is watched.
            threads: where it is read.
        """
        self._store = store
        self._threads = threads
        self._waiting: set[asyncio.Event] = set()
        self._loop: asyncio.AbstractEventLoop | None = None

    async def changes(self, watch: Watch) -> AsyncGenerator[Changes, None]:
        """Yields what changed, as it comes; an item without changes says that all was told.

        Ends after `STREAM_MAX_S`.

        Raises:
            NotFound: all events of the watched case became void.
            StorageError: our own disk failed.
        """
        loop = asyncio.get_running_loop()
        deadline_s = loop.time() + STREAM_MAX_S
        was_told = False
        with self._waking() as changed:
            while loop.time() < deadline_s:
                changed.clear()
                found = await loop.run_in_executor(self._threads, watch.step)
                if found.changed or (found.is_caught_up and not was_told):
                    was_told = found.is_caught_up
                    yield found
                if found.is_caught_up:
                    await _wait(changed, min(found.wait_s, deadline_s - loop.time()))

    @contextmanager
    def _waking(self) -> Iterator[asyncio.Event]:
        if self._loop is None:
            self._loop = asyncio.get_running_loop()
            self._store.add_listener(self._notice)
        changed = asyncio.Event()
        self._waiting.add(changed)
        try:
            yield changed
        finally:
            self._waiting.discard(changed)

    def _notice(self, event: StoreEvent) -> None:
        """Called in the writer's thread after a commit."""
        del event
        if self._waiting and self._loop is not None:
            self._loop.call_soon_threadsafe(self._wake)

    def _wake(self) -> None:
        for each in self._waiting:
            each.set()


async def _wait(changed: asyncio.Event, longest_s: float) -> None:
    try:
        async with asyncio.timeout(max(longest_s, 0)):
            await changed.wait()
    except TimeoutError:
        return
