"""The heads of all logs that this node offers, fault proofs, and who waits for more of them.

The store's writer thread reports what it has committed; subscribers live on the event loop. A slow
subscriber costs nothing: it takes the newest heads when it comes, not every head in between.
"""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from time import perf_counter
from typing import Final

from registry.domain.identifiers import LogId
from registry.replication.ingest import TAIL_MAX_BYTES, TAIL_MAX_ENTRIES
from registry.replication.messages import Tail

OWN_EVERY_S: Final = 0.5
"""Between two heads of its own log that a reader is told of."""


@dataclass(frozen=True, slots=True)
class OfferedHead:
    """The largest note of a log that is held in full; `tail` ends at its size."""

    log_id: LogId
    size: int
    note: bytes
    tail: Tail | None = None

    def after(self, size: int) -> "OfferedHead":
        """The same head for a reader of so many entries: with all that it lacks, or no tail."""
        tail = self.tail
        if tail is None or size == tail.start:
            return self
        if size < tail.start:
            return replace(self, tail=None)
        return replace(self, tail=Tail(size, tail.entries[size - tail.start :]))

    def following(self, earlier: "OfferedHead | None") -> "OfferedHead":
        """The same head with the entries of an earlier one before its own, within the limits."""
        if self.tail is None:
            return self
        entries = self.tail.entries
        if earlier is not None and earlier.tail is not None and earlier.size == self.tail.start:
            entries = (*earlier.tail.entries, *entries)
        kept = _last_within_limits(entries)
        return replace(self, tail=Tail(self.size - len(kept), kept) if kept else None)


class Subscription:
    """One reader's view of the heads."""

    def __init__(
        self,
        heads: Mapping[LogId, OfferedHead],
        sizes: Mapping[LogId, int],
        proofs: Mapping[LogId, bytes],
        clock_s: Callable[[], float],
    ) -> None:
        self._clock_s = clock_s
        self._heads = heads
        self._proofs = proofs
        self._told: set[bytes] = set()
        self._taken = dict(sizes)
        self._changed = asyncio.Event()
        self._own_due_s = 0.0
        self._is_own_late = False
        self._is_over = False

    def take_for(self, log_id: LogId) -> list[OfferedHead | bytes]:
        """Returns heads like `take`, and the fault proofs that this reader has not had yet.

        They are in the order in which the owner of a log is told of them: the head of its own log,
        which it waits for when it starts; proofs, since who knows where a log ends fetches nothing
        past it; all other heads. Its own log is what it has just appended itself: it is told of
        that seldom.
        """
        is_due = self._clock_s() >= self._own_due_s
        heads = [h for h in self._heads.values() if is_due or h.log_id != log_id]
        fresh = self._take(heads)
        own = [head for head in fresh if head.log_id == log_id]
        if own:
            self._own_due_s = self._clock_s() + OWN_EVERY_S
        held = self._heads.get(log_id)
        self._is_own_late = held is not None and held.size > self._taken.get(log_id, 0)
        proofs = [proof for proof in self._proofs.values() if proof not in self._told]
        self._told.update(proofs)
        return [*own, *proofs, *(head for head in fresh if head.log_id != log_id)]

    def take(self) -> list[OfferedHead]:
        """Returns the heads that are larger than what this reader has, once each."""
        return self._take(self._heads.values())

    def _take(self, heads: Iterable[OfferedHead]) -> list[OfferedHead]:
        fresh = []
        for head in heads:
            taken = self._taken.get(head.log_id, 0)
            if head.size > taken:
                fresh.append(head.after(taken))
                self._taken[head.log_id] = head.size
        return fresh

    def notify(self) -> None:
        """Tells the reader that there is something to take: a head that has grown, or a proof."""
        self._changed.set()

    def end(self) -> None:
        """Tells the reader that nothing will come any more."""
        self._is_over = True
        self._changed.set()

    async def wait(self) -> bool:
        """Waits for what comes after the last wait; returns False when the node is closing.

        All that came by then is to be taken after it, in any order.
        """
        if not self._is_over:
            with suppress(TimeoutError):
                async with asyncio.timeout(self.late_s):
                    await self._changed.wait()
            self._changed.clear()
        return not self._is_over

    @property
    def late_s(self) -> float | None:
        """So many seconds from now on the reader is told what was held back; None = nothing was."""
        return max(self._own_due_s - self._clock_s(), 0.0) if self._is_own_late else None


class HeadHub:
    """All heads; lives on one event loop."""

    def __init__(self, clock_s: Callable[[], float] = perf_counter) -> None:
        """Knows no head yet; `clock_s` is one that nobody sets."""
        self._clock_s = clock_s
        self._heads: dict[LogId, OfferedHead] = {}
        self._proofs: dict[LogId, bytes] = {}
        self._subscriptions: set[Subscription] = set()
        self._is_closed = False

    def publish(self, head: OfferedHead) -> None:
        """Takes a head that is committed; smaller ones are ignored.

        Few entries are remembered of each log, so that a reader that missed a head or two can
        still be given all that it lacks.
        """
        known = self._heads.get(head.log_id)
        # While a log is being fetched its entries grow under the note that was there before.
        if known is not None and (known.size >= head.size or known.note == head.note):
            return
        self._heads[head.log_id] = head.following(known)
        self.wake()

    def wake(self) -> None:
        """Wakes all readers: there is something to tell beside heads."""
        for subscription in self._subscriptions:
            subscription.notify()

    def publish_proof(self, log_id: LogId, proof: bytes) -> None:
        """Takes the fault proof of a log in place of the one before; empty = there is none."""
        if not proof:
            self._proofs.pop(log_id, None)
            return
        self._proofs[log_id] = proof
        self.wake()

    def proof_of(self, log_id: LogId) -> bytes:
        """The fault proof that is offered of a log; empty = none is."""
        return self._proofs.get(log_id, b"")

    def note_of(self, log_id: LogId) -> bytes | None:
        """The note that is offered of a log; None if none is."""
        head = self._heads.get(log_id)
        return None if head is None else head.note

    def close(self) -> None:
        """Ends all streams of heads: they have no end of their own and would hold up a stop."""
        self._is_closed = True
        for subscription in self._subscriptions:
            subscription.end()

    @contextmanager
    def subscribe(self, sizes: Mapping[LogId, int] | None = None) -> Iterator[Subscription]:
        """Opens a view; heads not larger than `sizes` are not repeated to it."""
        subscription = Subscription(self._heads, sizes or {}, self._proofs, self._clock_s)
        self._subscriptions.add(subscription)
        if self._is_closed:
            subscription.end()
        try:
            yield subscription
        finally:
            self._subscriptions.discard(subscription)


def _last_within_limits(entries: tuple[bytes, ...]) -> tuple[bytes, ...]:
    """As many of the last entries as one tail may have; none if the very last is too large."""
    count, size_bytes = 0, 0
    for entry in reversed(entries[-TAIL_MAX_ENTRIES:]):
        size_bytes += len(entry)
        if size_bytes > TAIL_MAX_BYTES:
            break
        count += 1
    return entries[len(entries) - count :]
