"""Virtual time: an event queue, a seed, and the trace of all that happened.

Two runs of one seed give equal traces. Whatever happens at one moment happens in the order in
which it was planned; nothing here looks at a clock, and no set is ever iterated.
"""

import heapq
from collections import Counter
from collections.abc import Callable
from hashlib import sha256
from random import Random


class Scheduler:
    """The one loop that everything in a federation runs on."""

    def __init__(self, seed: int, *, keeps_lines: bool = False) -> None:
        self.now_ms = 0
        self.random = Random(seed)
        self.counts: Counter[str] = Counter()
        self.lines: list[str] | None = [] if keeps_lines else None
        self._queue: list[tuple[int, int, Callable[[], None]]] = []
        self._planned = 0
        self._hash = sha256()

    def now_s(self) -> float:
        """The time in seconds."""
        return self.now_ms / 1000

    def after(self, delay_ms: int, call: Callable[[], None]) -> None:
        self._planned += 1
        heapq.heappush(self._queue, (self.now_ms + max(delay_ms, 0), self._planned, call))

    def step(self) -> bool:
        """Does the next thing; returns whether there was one."""
        if not self._queue:
            return False
        self.now_ms, _, call = heapq.heappop(self._queue)
        self.counts["steps"] += 1
        call()
        return True

    def run_until(self, end_ms: int) -> None:
        while self._queue and self._queue[0][0] <= end_ms:
            self.step()
        self.now_ms = max(self.now_ms, end_ms)

    def note(self, text: str, data: bytes = b"") -> None:
        """Puts a line into the trace, with bytes that count in its hash only."""
        line = f"{self.now_ms:>8} {text}"
        self._hash.update(line.encode() + b"\n" + data)
        if self.lines is not None:
            self.lines.append(line)

    def count(self, name: str) -> None:
        self.counts[name] += 1

    def trace_hash(self) -> str:
        return self._hash.hexdigest()
