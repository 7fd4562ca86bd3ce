"""Follows every log with its content: decides when the parts of which log are asked for.

The mirror tells of growth and of peers; part_fetching.py does the asking. When an embargo ends by
this node's clock, what was sealed is asked for at once: the times are in the database, so that a
restart loses none, and the clock is looked at again every few seconds, so that one that is set
anew does not either.
"""

import asyncio
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from math import inf
from time import perf_counter
from typing import Final

import structlog

from registry.application.registry import Registry
from registry.domain.identifiers import LogId, Slug
from registry.errors import DamagedLog, EntryError, PeerUnavailable, RegistryError, StorageError
from registry.log.roster import Member
from registry_node.fetching import ReplicationStub
from registry_node.part_fetching import PartFetcher, PartSource
from registry_node.settings import NodeSettings

_log = structlog.get_logger()
_WORTH_TELLING: Final = 1_000
_LOOK_S: Final = 5.0
_RETRY_FIRST_S: Final = 5.0
_RETRY_LAST_S: Final = 300.0
_RETRY_OPENED_S: Final = 0.1
"""After an embargo: by the clocks of the others it may end a moment later than by this node's."""
_JITTER_S: Final = 0.25
"""So long at most a node waits after an embargo has ended: not all ask at the same moment."""
_GATHER_S: Final = 0.025
"""Between two rounds of one log: what comes closer together is asked for in one call, which costs
both sides more than what it brings. What comes after a quiet time is asked for at once."""
_REST_FACTOR: Final = 20
"""A round for the sake of a few parts comes after so many times the length of the last one."""


@dataclass(slots=True)
class RetryTimes:
    """When to ask again, of one log, for all that nobody gave; times are seconds of one clock.

    A round that brings nothing doubles the wait: some parts may be given by nobody for years. The
    growth of a log alone is no reason to ask.
    """

    due_s: float = 0.0
    wait_s: float = _RETRY_FIRST_S
    started_s: float = 0.0
    took_s: float = 0.0

    def hurry_all(self) -> None:
        """A peer came, which may hold anything."""
        self.due_s, self.wait_s = 0.0, _RETRY_FIRST_S

    def hurry_opened(self) -> None:
        """An embargo has ended here; who does not see it yet is asked again, ever later."""
        self.due_s, self.wait_s = 0.0, _RETRY_OPENED_S

    def hurry_new(self, now_s: float) -> None:
        """A part is missing that was never asked for again; it may be on its way."""
        soon_s = max(_RETRY_FIRST_S, _REST_FACTOR * self.took_s)
        self.due_s = min(self.due_s, now_s + soon_s)

    def start_if_due(self, now_s: float) -> bool:
        """Tells whether to make a round now; if so, it has started."""
        if now_s < self.due_s:
            return False
        self.started_s, self.due_s = now_s, inf
        return True

    def ended(self, now_s: float, *, stored: int) -> None:
        """A round was made; a peer that came meanwhile is reason for another one."""
        self.took_s = now_s - self.started_s
        self.wait_s = _RETRY_FIRST_S if stored else min(2 * self.wait_s, _RETRY_LAST_S)
        self.due_s = min(self.due_s, now_s + self.wait_s)


class OpeningTimes:
    """When the embargoes of one log's missing parts end, by a clock that may be set anew."""

    def __init__(self, next_opening_ms: Callable[[int], int | None], jitter_s: float) -> None:
        """Knows no time yet: at the start whatever has ended is news.

        Args:
            next_opening_ms: when the next embargo after a time ends; None = never.
            jitter_s: so long it waits after the time has come.
        """
        self._next_opening_ms = next_opening_ms
        self._jitter_ms = round(jitter_s * 1000)
        self._seen_ms = 0

    def has_opened(self, now_ms: int) -> bool:
        """Tells whether an embargo has ended since this was asked last."""
        shown_ms = now_ms - self._jitter_ms
        next_ms = self._next_opening_ms(min(self._seen_ms, shown_ms))
        self._seen_ms = shown_ms
        return next_ms is not None and next_ms <= shown_ms

    def look(self, longest_s: float, now_ms: int) -> tuple[bool, float]:
        """Both of them in one reading: whether an embargo has ended, and how long to sleep then."""
        return self.has_opened(now_ms), self.wait_s(longest_s, now_ms)

    def wait_s(self, longest_s: float, now_ms: int) -> float:
        """Returns how long to sleep until the next embargo ends, never longer than asked."""
        next_ms = self._next_opening_ms(self._seen_ms)
        if next_ms is None:
            return longest_s
        return min(longest_s, max(0.0, (next_ms + self._jitter_ms - now_ms) / 1000))


class PartFollowing:
    """Keeps the content of the followed logs complete, one task per log."""

    def __init__(
        self,
        registry: Registry,
        settings: NodeSettings,
        *,
        connected: Callable[[], Collection[Slug]],
        is_filling: Callable[[LogId], bool],
        refuse: Callable[[Slug, str], None],
        stored: Callable[[LogId, int, int], None] = lambda _log, _index, _bytes: None,
        uniform: Callable[[float, float], float] = lambda low, _: low,
    ) -> None:
        """Asks nobody yet.

        Args:
            registry: whose store is filled.
            settings: deadlines and limits.
            connected: the peers that may be asked now.
            is_filling: whether a log's entries come in bulk now, which go first, or it must wait.
            refuse: told of a peer that sent wrong parts, and why.
            stored: told of each large part that was stored: log, index, bytes.
            uniform: a random number between two; spreads what all nodes do at the same time.
        """
        self._registry = registry
        self._connected = connected
        self._is_filling = is_filling
        self._refuse = refuse
        self._own_log = registry.own.log_id
        self._loop = asyncio.get_running_loop()
        self._parts = PartFetcher(
            registry,
            settings.call_timeout_s,
            self._report,
            stored,
        )
        # The own log too: after a restore its entries come from the others, and so does content.
        self._members = registry.roster.writers()
        self._retries = {member.log_id: RetryTimes() for member in self._members}
        self._openings = {
            member.log_id: OpeningTimes(
                partial(registry.store.next_opening_ms, member.log_id), uniform(0, _JITTER_S)
            )
            for member in self._members
        }
        self._look_s = {member.log_id: 0.0 for member in self._members}
        """When the clock is compared with the ends of embargoes again, by the loop's clock."""
        self._wake = {member.log_id: asyncio.Event() for member in self._members}

    @property
    def entries_left(self) -> int:
        """How many entries of any log have still to be asked the content of, while it is asked."""
        return self._parts.entries_left

    def start(self, tasks: asyncio.TaskGroup, stubs: Mapping[Slug, ReplicationStub]) -> None:
        """Starts one task per log, which runs until cancelled."""
        for member in self._members:
            tasks.create_task(self._follow(member, stubs))

    def grew(self, log_id: LogId) -> None:
        """A log has new entries, so there may be new parts to ask for."""
        if log_id in self._wake:
            self._wake[log_id].set()

    def widened(self, log_id: LogId) -> None:
        """More members may hold parts of a log: this node may be one of them."""
        if log_id in self._wake:
            self._retries[log_id].hurry_all()
            self._look_s[log_id] = 0.0
            self._wake[log_id].set()

    def peer_came(self) -> None:
        """A peer is connected that may hold what nobody gave before."""
        for log_id, event in self._wake.items():
            self._retries[log_id].hurry_all()
            event.set()

    async def _follow(self, member: Member, stubs: Mapping[Slug, ReplicationStub]) -> None:
        """Follows a log with its content; asks again now and then for what nobody gave."""
        wake = self._wake[member.log_id]
        while True:
            next_s = self._loop.time() + _GATHER_S
            with suppress(TimeoutError):
                async with asyncio.timeout_at(self._next_reason_s(member)):
                    await wake.wait()
            await asyncio.sleep(next_s - self._loop.time())
            wake.clear()
            if self._look_s[member.log_id] <= self._loop.time():
                await self._look_at_embargoes(member)
            sources = self._sources(member, stubs)
            if not sources or self._must_wait(member):
                continue
            started = perf_counter()
            try:
                count = await self._bring(member, sources)
            except DamagedLog as error:
                # Asked again when the scrub has repaired it.
                _log.error("parts_failed", log=member.slug, reason=error.reason)
                continue
            except StorageError:
                raise
            except RegistryError as error:
                _log.warning("parts_failed", log=member.slug, reason=error.reason)
                continue
            if count >= _WORTH_TELLING:
                _log.info(
                    "parts_fetched",
                    log=member.slug,
                    parts=count,
                    duration_ms=round((perf_counter() - started) * 1000, 1),
                )

    def _next_reason_s(self, member: Member) -> float:
        """When time alone is reason for a round, by the loop's clock."""
        look_s, due_s = self._look_s[member.log_id], self._retries[member.log_id].due_s
        # What is due already waits for a peer, or for entries: these wake it.
        return min(look_s, due_s) if due_s > self._loop.time() else look_s

    async def _look_at_embargoes(self, member: Member) -> None:
        opening, now_ms = self._openings[member.log_id], self._registry.clock_ms()
        has_opened, wait_s = await asyncio.to_thread(opening.look, _LOOK_S, now_ms)
        if has_opened:
            self._retries[member.log_id].hurry_opened()
        self._look_s[member.log_id] = self._loop.time() + wait_s

    async def _bring(self, member: Member, sources: list[PartSource]) -> int:
        retry = self._retries[member.log_id]
        brought = await self._parts.catch_up(
            member, sources, is_stopped=lambda: self._must_wait(member)
        )
        if brought.missing:
            retry.hurry_new(self._loop.time())
            self._look_s[member.log_id] = 0.0  # some of it may be under an embargo
        again = 0
        if sources and retry.start_if_due(self._loop.time()):
            try:
                again = await self._parts.retry(
                    member, sources, is_stopped=lambda: self._must_wait(member)
                )
            finally:
                retry.ended(self._loop.time(), stored=again)
        # New entries and their content go first: a large part goes on where it was.
        wake = self._wake[member.log_id]
        large = await self._parts.bring_large(
            member, sources, is_stopped=lambda: wake.is_set() or self._must_wait(member)
        )
        return brought.stored + again + large

    def _must_wait(self, member: Member) -> bool:
        """Entries go first; those of the own log come in before it opens, while little is asked."""
        return member.log_id != self._own_log and self._is_filling(member.log_id)

    def _report(self, peer: Slug, error: EntryError | PeerUnavailable) -> None:
        """A peer that sent wrong parts is left alone for a while; one that failed is not."""
        if isinstance(error, EntryError):
            self._refuse(peer, f"{error.reason}: {error}")
        else:
            _log.warning("parts_failed", peer=peer, reason=error.reason)

    def _sources(self, member: Member, stubs: Mapping[Slug, ReplicationStub]) -> list[PartSource]:
        """Whom to ask for a log's content: its author first, then the others that are there."""
        ordered = sorted(self._connected(), key=lambda slug: (slug != member.slug, slug))
        return [PartSource(slug, stubs[slug]) for slug in ordered]
