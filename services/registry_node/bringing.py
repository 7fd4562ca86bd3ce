"""Brings entries that the session asks for, and says what came of it."""

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping
from functools import partial
from time import perf_counter
from typing import Final

import structlog

from registry.application.registry import Registry
from registry.domain.identifiers import LogId, Slug
from registry.errors import DamagedLog, LogDiverged, RegistryError, StorageError
from registry.log.roster import Member
from registry.peer_errors import RosterNotHeld
from registry.replication.effects import FetchEntries, TakeTail
from registry.replication.messages import (
    Blame,
    FetchEnded,
    FetchFailed,
    LogFrozen,
    LogGrew,
    Message,
    blame_of,
)
from registry.replication.session import Session
from registry_node.fault_following import FaultFollowing
from registry_node.fetching import EntryFetcher, Fetched, ReplicationStub
from registry_node.observability import place_of

_log = structlog.get_logger()
BULK_ENTRIES: Final = 1_000
"""So many at once are worth a line in the log, and make other work wait."""


class Bringing:
    """Carries out fetches and tails; one log is under way once, which the session sees to."""

    def __init__(
        self,
        registry: Registry,
        session: Session,
        entries: EntryFetcher,
        faults: FaultFollowing,
        tell: Callable[[Message], None],
        refusals: Counter[str],
        ask_roster: Callable[[Slug], None],
    ) -> None:
        """Starts nothing.

        Args:
            registry: whose store is filled.
            session: decides; is asked for budgets and retired keys only.
            entries: fetches.
            faults: makes proofs of what an author did.
            tell: takes messages to the session.
            refusals: counts what was refused, by reason.
            ask_roster: asks a peer for the next roster.
        """
        self._registry = registry
        self._session = session
        self._entries = entries
        self._faults = faults
        self._tell = tell
        self._refusals = refusals
        self._ask_roster = ask_roster

    async def bring(
        self, effect: FetchEntries | TakeTail, stubs: Mapping[Slug, ReplicationStub]
    ) -> None:
        """Carries an effect out, and tells the session how it ended.

        Raises:
            StorageError: our own disk failed.
        """
        member = self._registry.roster.member_by_log(effect.log_id)
        started = perf_counter()
        try:
            if isinstance(effect, TakeTail):
                fetched = await self._entries.take_tail(member, effect)
            else:
                stub = stubs[effect.peer]
                is_stopped = partial(self._is_held_back, effect.log_id)
                fetched = await self._entries.fetch(stub, member, effect.size, is_stopped)
        except RegistryError as error:
            self._failed(effect, member, error)
            return
        except Exception as error:  # noqa: BLE001 - the outermost handler of a fetch
            # A mistake of ours that a peer's bytes bring out costs that peer, not the node.
            at = place_of(error)
            _log.error("fetch_broke", peer=effect.peer, log=member.slug, at=at)
            reason = f"internal_error: {type(error).__name__}"
            self._tell(FetchFailed(effect.peer, effect.log_id, reason, Blame.PEER))
            return
        await self._settle(effect, member, fetched)
        if fetched.size - fetched.before >= BULK_ENTRIES:
            _log.info(
                "entries_fetched",
                log=member.slug,
                peer=effect.peer,
                entries=fetched.size - fetched.before,
                duration_ms=round((perf_counter() - started) * 1000, 1),
            )

    def _failed(
        self, effect: FetchEntries | TakeTail, member: Member, error: RegistryError
    ) -> None:
        """Tells the session whose fault it is; a damaged log here waits for the scrub.

        Raises:
            StorageError: our own disk failed.
        """
        if isinstance(error, StorageError) and not isinstance(error, DamagedLog):
            # Nothing a peer does can mend it, and going on could hide it.
            raise error
        _log.warning("fetch_failed", peer=effect.peer, log=member.slug, reason=error.reason)
        if isinstance(error, RosterNotHeld):
            self._ask_roster(effect.peer)
        reason, blame = f"{error.reason}: {error}", blame_of(error)
        if isinstance(error, LogDiverged) and effect.log_id in self._entries.ends:
            blame = Blame.NOBODY  # it was frozen meanwhile: what is before that is fetched
        elif blame is Blame.AUTHOR:
            self._faults.suspect_fetch(effect, error)
        self._tell(FetchFailed(effect.peer, effect.log_id, reason, blame))

    def end_if_whole(self, log_id: LogId, size: int) -> None:
        """A log that ends somewhere is fetched up to there, by who joins later too."""
        if size >= self._entries.ends.get(log_id, size + 1):
            self._tell(LogFrozen(log_id))

    async def _settle(
        self, effect: FetchEntries | TakeTail, member: Member, fetched: Fetched
    ) -> None:
        self._tell(LogGrew(effect.log_id, fetched.size))
        self.end_if_whole(effect.log_id, fetched.size)
        if fetched.fault is not None:
            fault = fetched.fault
            if self._session.is_retired(effect.log_id, fetched.fault_under):
                # Whoever has found an old key can sign such notes: they freeze nothing.
                reason = f"{fault.reason}: under a note of a retired key"
                self._tell(FetchFailed(effect.peer, effect.log_id, reason, Blame.AUTHOR))
                return
            bad = fetched.bad_entry
            if bad is None or not await self._faults.end_log(member, bad):
                # Nobody is blamed for what cannot be shown: another peer is asked.
                reason = f"{fault.reason}: not shown to be its author's"
                self._tell(FetchFailed(effect.peer, effect.log_id, reason, Blame.NOBODY))
                return
            self._refusals[fault.reason] += 1
            self._tell(LogFrozen(effect.log_id))
        self._tell(FetchEnded(effect.peer, effect.log_id))

    def _is_held_back(self, log_id: LogId) -> bool:
        now_ms = int(asyncio.get_running_loop().time() * 1000)
        return self._session.is_held_back(now_ms, log_id)
