"""How one peer stands with this node: what it offers, and what could not be had from it."""

from dataclasses import dataclass, field
from typing import Final

from registry.domain.identifiers import LogId

RETRY_FIRST_MS: Final = 1_000
RETRY_LONGEST_MS: Final = 60_000
CONTRADICTED_MS: Final = 300_000
"""For so long a log is not taken from a peer that gave another history of it."""


@dataclass(frozen=True, slots=True)
class PeerView:
    """How a peer stands, for people to see."""

    is_connected: bool
    is_caught_up: bool
    last_error: str
    offered_size: int


@dataclass(frozen=True, slots=True)
class Setback:
    """A fetch of one log from one peer that could not be finished.

    Attributes:
        retry_ms: not tried again before.
        tries: how many in a row brought nothing; 0 if the last one brought something.
        asked: the most entries that were asked for; an offer of more is worth another attempt.
        is_contradiction: then it is not.
    """

    retry_ms: int
    tries: int
    asked: int
    is_contradiction: bool = False


@dataclass(slots=True)
class PeerStanding:
    """What a session knows of one peer."""

    is_connected: bool = False
    has_sent_all: bool = False
    last_error: str = ""
    faults: int = 0
    forgiven_ms: int = 0
    offered: dict[LogId, int] = field(default_factory=dict)
    setbacks: dict[LogId, Setback] = field(default_factory=dict)

    def note_offer(self, log_id: LogId, size: int) -> None:
        """Takes down what is offered; more than before ends the wait after a setback."""
        self.offered[log_id] = size
        setback = self.setbacks.get(log_id)
        if setback is not None and not setback.is_contradiction and size > setback.asked:
            del self.setbacks[log_id]

    def note_setback(self, now_ms: int, log_id: LogId, asked: int, *, has_brought: bool) -> None:
        """Takes down that a fetch broke off."""
        before = self.setbacks.get(log_id, Setback(0, 0, 0))
        tries = 0 if has_brought else before.tries + 1
        wait_ms = min(RETRY_FIRST_MS << min(tries - 1, 10), RETRY_LONGEST_MS) if tries else 0
        self.setbacks[log_id] = Setback(now_ms + wait_ms, tries, max(before.asked, asked))

    def note_contradiction(self, now_ms: int, log_id: LogId) -> None:
        """Takes down that another history of a log came from here."""
        self.setbacks[log_id] = Setback(now_ms + CONTRADICTED_MS, 1, 0, is_contradiction=True)

    def is_contradicting(self, now_ms: int, log_id: LogId) -> bool:
        """Whether another history of a log came from here not long ago."""
        setback = self.setbacks.get(log_id)
        return setback is not None and setback.is_contradiction and now_ms < setback.retry_ms

    def is_source(self, now_ms: int, log_id: LogId) -> bool:
        """Whether a log may be fetched from here now."""
        setback = self.setbacks.get(log_id)
        is_ready = setback is None or now_ms >= setback.retry_ms
        return self.is_connected and log_id in self.offered and is_ready

    def is_promising(self, log_id: LogId) -> bool:
        """Whether it offers a log and its last fetch from here brought something."""
        setback = self.setbacks.get(log_id)
        has_failed = setback is not None and setback.tries > 0
        return self.is_connected and log_id in self.offered and not has_failed

    def anew(self, *, is_connected: bool, last_error: str) -> "PeerStanding":
        """What outlives a connection: the faults."""
        return PeerStanding(
            is_connected=is_connected,
            last_error=last_error,
            faults=self.faults,
            forgiven_ms=self.forgiven_ms,
        )
