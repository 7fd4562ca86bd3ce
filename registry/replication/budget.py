"""What a log may grow by, so that a member that floods is held back and nobody else is.

Rules:
1. What at least half of the other members (without the author and this node) offer is not counted.
   A node that joins, or was away, takes what the others have at full speed.
2. History is what this node held when it started, and what each peer offered before it had told
   all its heads for the first time since. Nobody but the author may stand for it, so it is taken
   at full speed up to an allowance: 64 bursts of each log, once for each start. Whatever size a
   head claims, no more than that comes in. What is over counts as new.
3. Everything else is new: a log may grow by a burst at once; what it has used comes back by the
   hour.
4. A log that has used its burst is held back: it is taken again when a minute's worth has come
   back. Nothing is lost, nothing is frozen, no peer is blamed.
5. Entries wait for entries and their own bytes only. Content waits for the bytes of both: large
   content never keeps the entry out that erases it.
6. Nothing is remembered over a restart, which gives every log its burst and its allowance again.

Counts are kept in 3,600,000ths, so that no fraction is lost at any rate: whole numbers only.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from registry.domain.identifiers import LogId, Slug

_HOUR_MS: Final = 3_600_000
_MINUTE_MS: Final = 60_000
HISTORY_BURSTS: Final = 64
"""So many bursts of each log are taken as history, that is without waiting."""


@dataclass(frozen=True, slots=True)
class BudgetLimits:
    """How much a log may grow: at once, and in an hour."""

    burst_entries: int
    burst_bytes: int
    entries_per_hour: int
    bytes_per_hour: int


@dataclass(slots=True)
class _Bucket:
    """What may still be taken of one log, in 3,600,000ths of an entry or of a byte.

    Attributes:
        history: how much more may come as history; whole entries or bytes.
    """

    burst: int
    per_hour: int
    left: int = field(init=False)
    history: int = field(init=False)
    is_spent: bool = False

    def __post_init__(self) -> None:
        self.left = self.burst * _HOUR_MS
        self.history = self.burst * HISTORY_BURSTS

    def refill(self, elapsed_ms: int) -> None:
        self.left = min(self.left + elapsed_ms * self.per_hour, self.burst * _HOUR_MS)
        if self.left >= min(self.per_hour * _MINUTE_MS, self.burst * _HOUR_MS):
            self.is_spent = False

    def take(self, old: int, new: int) -> None:
        paid = min(old, self.history)
        self.history -= paid
        # A batch that was under way when it ran out is a debt, paid back first.
        self.left -= (old - paid + new) * _HOUR_MS
        self.is_spent = self.is_spent or self.left <= 0


@dataclass(slots=True)
class _Account:
    entries: _Bucket
    entry_bytes: _Bucket
    all_bytes: _Bucket
    filled_ms: int

    def refill(self, now_ms: int) -> None:
        elapsed_ms = max(now_ms - self.filled_ms, 0)
        self.filled_ms += elapsed_ms
        for bucket in (self.entries, self.entry_bytes, self.all_bytes):
            bucket.refill(elapsed_ms)

    @property
    def is_over_entries(self) -> bool:
        return self.entries.is_spent or self.entry_bytes.is_spent

    @property
    def has_history(self) -> bool:
        return self.entries.history > 0 and self.entry_bytes.history > 0


class Budgets:
    """The budgets of all logs but the own one; times are milliseconds of one clock."""

    def __init__(
        self,
        limits: BudgetLimits | None,
        authors: Mapping[LogId, Slug],
        offers_of: Callable[[LogId], Mapping[Slug, int]],
        held: Mapping[LogId, int] = MappingProxyType({}),
    ) -> None:
        """Starts with nothing used.

        Args:
            limits: of each log; None = no log is ever held back.
            authors: who writes each log that has a budget.
            offers_of: how many entries of a log each peer offers, 0 if none; this node is none.
            held: entries of each log that are held already.
        """
        self._limits = limits
        self._authors = authors
        self._offers_of = offers_of
        self._accounts: dict[LogId, _Account] = {}
        # Heads of equal size are not repeated on a stream: what is held is known from here alone.
        self._history = dict(held)
        self._known: set[Slug] = set()

    def hear_of(self, peer: Slug, log_id: LogId, offered: int) -> None:
        """A peer offers so many entries: history, if it has not told all its heads yet."""
        if peer not in self._known:
            self._history[log_id] = max(self._history.get(log_id, 0), offered)

    def heard_all(self, peer: Slug) -> None:
        """A peer has told all its heads: what it offers from now on is no history."""
        self._known.add(peer)

    def grew(self, now_ms: int, log_id: LogId, before: int, after: int, size_bytes: int) -> None:
        """Entries [before, after) of so many bytes were stored."""
        if log_id not in self._authors or after <= before:
            return
        border = self._history.get(log_id, 0)
        start = max(before, self._vouched(log_id))
        old = max(min(after, border) - start, 0)
        new = max(after - max(start, border), 0)
        old_bytes, new_bytes = (size_bytes * count // (after - before) for count in (old, new))
        account = self._account(now_ms, log_id)
        if account is not None and (old or new):
            account.entries.take(old, new)
            account.entry_bytes.take(old_bytes, new_bytes)
            account.all_bytes.take(old_bytes, new_bytes)

    def gained_content(self, now_ms: int, log_id: LogId, sizes: Iterable[tuple[int, int]]) -> None:
        """Content of entries was stored: (index, bytes) of each."""
        if log_id not in self._authors:
            return
        border, vouched = self._history.get(log_id, 0), self._vouched(log_id)
        old = new = 0
        for index, size_bytes in sizes:
            if index >= max(border, vouched):
                new += size_bytes
            elif index >= vouched:
                old += size_bytes
        account = self._account(now_ms, log_id)
        if account is not None and (old or new):
            account.all_bytes.take(old, new)

    def is_held_back(self, now_ms: int, log_id: LogId, held: int) -> bool:
        """Whether a log has used what it may, and the entries from `held` on count."""
        account = self._accounts.get(log_id)
        if account is None:
            return False
        account.refill(now_ms)
        if not account.is_over_entries or held < self._vouched(log_id):
            return False
        return held >= self._history.get(log_id, 0) or not account.has_history

    def is_content_held_back(self, now_ms: int, log_id: LogId, held: int) -> bool:
        """Whether a log has used the bytes it may; with all of `held` at the others it goes on."""
        account = self._accounts.get(log_id)
        if account is None:
            return False
        account.refill(now_ms)
        return account.all_bytes.is_spent and held > self._vouched(log_id)

    def _vouched(self, log_id: LogId) -> int:
        """Up to which size half of the others hold a log."""
        author = self._authors[log_id]
        others = [size for slug, size in self._offers_of(log_id).items() if slug != author]
        of_half = sorted(others, reverse=True)[: (len(others) + 1) // 2]
        return min(of_half, default=0)

    def _account(self, now_ms: int, log_id: LogId) -> _Account | None:
        """The account of a log, refilled; None = it has no limits."""
        limits = self._limits
        if limits is None:
            return None
        if log_id not in self._accounts:
            self._accounts[log_id] = _Account(
                _Bucket(limits.burst_entries, limits.entries_per_hour),
                _Bucket(limits.burst_bytes, limits.bytes_per_hour),
                _Bucket(limits.burst_bytes, limits.bytes_per_hour),
                now_ms,
            )
        account = self._accounts[log_id]
        account.refill(now_ms)
        return account
