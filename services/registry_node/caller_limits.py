"""How many calls one caller may have open: nobody takes all of a node.

A caller is a member's node or a client's certificate, over however many connections. What is over
the limit is refused at once, costs no thread and no database, and is logged once a second: a flood
fills no disk with lines about itself. The threads that do the work are shared turn by turn, see
`FairThreads`: a caller with a hundred calls waits for its own.
"""

from collections import Counter
from collections.abc import Callable
from typing import Final

from registry.errors import Overloaded

_TELL_EVERY_S: Final = 1.0


class OpenCalls:
    """Counts the open calls of each caller; on one loop."""

    def __init__(self, most: int, clock_s: Callable[[], float]) -> None:
        """Starts with nobody.

        Args:
            most: open calls of one caller.
            clock_s: seconds of a clock that nobody sets.
        """
        self._most = most
        self._clock_s = clock_s
        self._open: Counter[str] = Counter()
        self._told_s: dict[str, float] = {}
        self.refused = 0
        """How many calls were over the limit."""

    def enter(self, caller: str) -> None:
        """Takes a place, to be given back by `leave`.

        Raises:
            Overloaded: the caller has none left.
        """
        if self._open[caller] >= self._most:
            self.refused += 1
            msg = f"this caller has {self._most} calls open, no more are taken; end one of them"
            raise Overloaded(msg)
        self._open[caller] += 1

    def leave(self, caller: str) -> None:
        """Gives a place back."""
        self._open[caller] -= 1
        if not self._open[caller]:
            del self._open[caller]

    def is_worth_telling(self, caller: str) -> bool:
        """Whether the log is to hear of a refusal: of one caller once a second."""
        now_s = self._clock_s()
        # Not forgotten when the last call ends: a flood may have none open at times.
        lately = {c: t for c, t in self._told_s.items() if now_s - t < _TELL_EVERY_S}
        self._told_s = {**lately, caller: lately.get(caller, now_s)}
        return caller not in lately
