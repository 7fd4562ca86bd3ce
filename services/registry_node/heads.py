"""The heads of all logs that this node offers, and who waits for them to grow.

The store's writer thread reports what it has committed; subscribers live on the event loop. A slow
subscriber costs nothing: it takes the newest heads when it comes, not every head in between.
"""

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from registry.domain.identifiers import LogId


@dataclass(frozen=True, slots=True)
class OfferedHead:
    """The largest note of a log that is held in full."""

    log_id: LogId
    size: int
    note: bytes


class Subscription:
    """One reader's view of the heads."""

    def __init__(self, heads: Mapping[LogId, OfferedHead], sizes: Mapping[LogId, int]) -> None:
        self._heads = heads
        self._taken = dict(sizes)
        self._changed = asyncio.Event()
        self._is_over = False

    def take(self) -> list[OfferedHead]:
        """Returns the heads that are larger than what this reader has, once each."""
        self._changed.clear()
        fresh = [h for h in self._heads.values() if h.size > self._taken.get(h.log_id, 0)]
        self._taken.update((head.log_id, head.size) for head in fresh)
        return fresh

    def notify(self) -> None:
        """Tells the reader that some head has grown."""
        self._changed.set()

    def end(self) -> None:
        """Tells the reader that nothing will come any more."""
        self._is_over = True
        self._changed.set()

    async def wait(self) -> bool:
        """Waits until some head has grown; returns False when the node is closing."""
        if not self._is_over:
            await self._changed.wait()
        return not self._is_over


class HeadHub:
    """All heads; lives on one event loop."""

    def __init__(self) -> None:
        self._heads: dict[LogId, OfferedHead] = {}
        self._subscriptions: set[Subscription] = set()
        self._is_closed = False

    def publish(self, head: OfferedHead) -> None:
        """Takes a head that is committed; smaller ones are ignored."""
        known = self._heads.get(head.log_id)
        if known is not None and known.size >= head.size:
            return
        self._heads[head.log_id] = head
        for subscription in self._subscriptions:
            subscription.notify()

    def close(self) -> None:
        """Ends all streams of heads: they have no end of their own and would hold up a stop."""
        self._is_closed = True
        for subscription in self._subscriptions:
            subscription.end()

    @contextmanager
    def subscribe(self, sizes: Mapping[LogId, int] | None = None) -> Iterator[Subscription]:
        """Opens a view; heads not larger than `sizes` are not repeated to it."""
        subscription = Subscription(self._heads, sizes or {})
        self._subscriptions.add(subscription)
        if self._is_closed:
            subscription.end()
        try:
            yield subscription
        finally:
            self._subscriptions.discard(subscription)
