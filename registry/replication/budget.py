"""What a log may grow by, so that a member that floods is held back and nobody else is.

Rules:
1. Only what is new is counted: entries beyond what at least half of the other members (without the
   author and this node) offer, and beyond what was offered when this node first heard of a log of
   which it held nothing. A node that joins, or was away, takes what the others have at full speed.
2. A log may grow by a burst at once; what it has used comes back by the hour.
3. A log that has used its burst is held back: it is taken again when a minute's worth has come
   back. Nothing is lost, nothing is frozen, no peer is blamed.
4. Content of new entries counts in bytes like the entries themselves.
5. Nothing is remembered over a restart, which gives every log its burst again.

Counts are kept in 3,600,000ths, so that no fraction is lost at any rate: whole numbers only.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from registry.domain.identifiers import LogId, Slug

_HOUR_MS: Final = 3_600_000
_MINUTE_MS: Final = 60_000


@dataclass(frozen=True, slots=True)
class BudgetLimits:
    """How much a log may grow: at once, and in an hour."""

    burst_entries: int
    burst_bytes: int
    entries_per_hour: int
    bytes_per_hour: int


@dataclass(slots=True)
class _Bucket:
    """What may still be taken of one log, in 3,600,000ths of an entry or of a byte."""

    burst: int
    per_hour: int
    left: int = field(init=False)

    def __post_init__(self) -> None:
        self.left = self.burst * _HOUR_MS

    def refill(self, elapsed_ms: int) -> None:
        self.left = min(self.left + elapsed_ms * self.per_hour, self.burst * _HOUR_MS)

    def take(self, count: int) -> None:
        # A batch that was under way when it ran out is a debt, paid back first.
        self.left -= count * _HOUR_MS

    def has_minute(self) -> bool:
        return self.left >= min(self.per_hour * _MINUTE_MS, self.burst * _HOUR_MS)


@dataclass(slots=True)
class _Account:
    entries: _Bucket
    bytes: _Bucket
    filled_ms: int
    is_spent: bool = False

    def refill(self, now_ms: int) -> None:
        elapsed_ms = max(now_ms - self.filled_ms, 0)
        self.filled_ms += elapsed_ms
        for bucket in (self.entries, self.bytes):
            bucket.refill(elapsed_ms)
        if self.is_spent and self.entries.has_minute() and self.bytes.has_minute():
            self.is_spent = False

    def take(self, entries: int, size_bytes: int) -> None:
        self.entries.take(entries)
        self.bytes.take(size_bytes)
        if self.entries.left <= 0 or self.bytes.left <= 0:
            self.is_spent = True


class Budgets:
    """The budgets of all logs but the own one; times are milliseconds of one clock."""

    def __init__(
        self,
        limits: BudgetLimits | None,
        authors: Mapping[LogId, Slug],
        offers_of: Callable[[LogId], Mapping[Slug, int]],
    ) -> None:
        """Starts with nothing used.

        Args:
            limits: of each log; None = no log is ever held back.
            authors: who writes each log that has a budget.
            offers_of: how many entries of a log each peer offers, 0 if none; this node is none.
        """
        self._limits = limits
        self._authors = authors
        self._offers_of = offers_of
        self._accounts: dict[LogId, _Account] = {}
        self._first: dict[LogId, int] = {}

    def hear_of(self, log_id: LogId, held: int, offered: int) -> None:
        """Takes down what was offered when nothing of a log was held: that is history."""
        if not held:
            self._first.setdefault(log_id, offered)

    def grew(self, now_ms: int, log_id: LogId, before: int, after: int, size_bytes: int) -> None:
        """Entries [before, after) of so many bytes were stored."""
        if log_id in self._authors and (new := after - max(before, self._history(log_id))) > 0:
            self._take(now_ms, log_id, new, size_bytes * new // (after - before))

    def gained_content(self, now_ms: int, log_id: LogId, sizes: Iterable[tuple[int, int]]) -> None:
        """Content of entries was stored: (index, bytes) of each."""
        if log_id in self._authors:
            history = self._history(log_id)
            new = sum(size_bytes for index, size_bytes in sizes if index >= history)
            self._take(now_ms, log_id, 0, new)

    def is_held_back(self, now_ms: int, log_id: LogId, held: int) -> bool:
        """Whether a log has used what it may, and the entries from `held` on are new."""
        account = self._accounts.get(log_id)
        if account is None:
            return False
        account.refill(now_ms)
        return account.is_spent and held >= self._history(log_id)

    def _history(self, log_id: LogId) -> int:
        """Up to which size the entries of a log are not new."""
        author = self._authors[log_id]
        others = [size for slug, size in self._offers_of(log_id).items() if slug != author]
        of_half = sorted(others, reverse=True)[: (len(others) + 1) // 2]
        return max(self._first.get(log_id, 0), min(of_half, default=0))

    def _take(self, now_ms: int, log_id: LogId, entries: int, size_bytes: int) -> None:
        if self._limits is None or not (entries or size_bytes):
            return
        account = self._account(now_ms, self._limits, log_id)
        account.refill(now_ms)
        account.take(entries, size_bytes)

    def _account(self, now_ms: int, limits: BudgetLimits, log_id: LogId) -> _Account:
        if log_id not in self._accounts:
            self._accounts[log_id] = _Account(
                _Bucket(limits.burst_entries, limits.entries_per_hour),
                _Bucket(limits.burst_bytes, limits.bytes_per_hour),
                now_ms,
            )
        return self._accounts[log_id]
