"""The mirror: drives the replication session over gRPC, one task per peer, one fetch per log.

Holds no rule of its own: `registry.replication` decides, this carries out. One slow or hostile peer
holds up nothing but the calls to itself.
"""

import asyncio
from collections import Counter
from collections.abc import Callable
from functools import partial
from time import perf_counter
from typing import Final

import grpc
import structlog

from registry.api.v1 import replication_pb2, replication_pb2_grpc
from registry.application import Registry
from registry.domain.identifiers import LogId, Slug
from registry.errors import EntryError, LogDiverged, RegistryError, StorageError, TryLater
from registry.log.roster import Member
from registry.replication.effects import (
    AskFenceAgain,
    DropPeer,
    Effect,
    FetchEntries,
    FindParting,
    TakeTail,
)
from registry.replication.ingest import TAIL_MAX_ENTRIES
from registry.replication.messages import (
    Blame,
    ContentStored,
    FetchEnded,
    FetchFailed,
    HeadOffered,
    LogFrozen,
    LogGrew,
    LogThawed,
    Message,
    PartsRefused,
    PeerCaughtUp,
    PeerDown,
    PeerUp,
    Tail,
    Tick,
    blame_of,
)
from registry.replication.session import PeerView, Session
from registry.store.values import (
    AudienceStored,
    EntriesStored,
    FreezeStored,
    PartsStored,
    StoreEvent,
)
from registry_node.content_gate import ContentGate
from registry_node.fault_following import FaultFollowing
from registry_node.fence import StartUpFence
from registry_node.fetching import EntryFetcher, Fetched, ReplicationStub, require_message, written
from registry_node.head_messages import read_head, watch_request
from registry_node.heads import HeadHub, OfferedHead
from registry_node.holding_back import why_held_back
from registry_node.observability import place_of
from registry_node.offering import Offering
from registry_node.offers import OfferedConnections
from registry_node.part_following import PartFollowing
from registry_node.peer_tls import open_peer_channel
from registry_node.rosters import RosterFollowing
from registry_node.settings import NodeSettings, budget_limits
from registry_node.witnessing import Witnessing

_log = structlog.get_logger()
_BULK_ENTRIES: Final = 1_000
_RECONNECT_FIRST_S: Final = 0.1
_TICK_S: Final = 1.0
_STALL_S: Final = 3.0
"""A log that is far behind and did not grow for so long is no reason to let other work wait."""


class Mirror:
    """Replicates all other members' logs into the store."""

    def __init__(
        self,
        registry: Registry,
        heads: HeadHub,
        settings: NodeSettings,
        *,
        uniform: Callable[[float, float], float],
    ) -> None:
        """Starts nothing yet.

        Args:
            registry: whose store is filled.
            heads: what this node offers.
            settings: deadlines and waits.
            uniform: a random number between two; spreads out what many nodes do at once.
        """
        self._registry = registry
        self._heads = heads
        self._settings = settings
        self._uniform = uniform
        self._loop = asyncio.get_running_loop()
        self.peers = [m for m in registry.roster.active_members() if m.id != registry.own.id]
        self._members = {member.slug: member for member in self.peers}
        states = registry.store.log_states()
        held = {state.log_id: state.size for state in states}
        keys = {member.log_id: registry.log_keys(member) for member in registry.roster.writers()}
        limits = budget_limits(settings)
        self.session = Session(registry.roster, registry.own, held, keys, limits)
        self._entries = EntryFetcher(registry, settings.call_timeout_s)
        self._parts = PartFollowing(
            registry,
            settings,
            connected=self.session.connected,
            is_filling=lambda log_id: self._is_filling(log_id) or self.must_wait(log_id),
            stored=lambda log_id, index, size: self._tell(ContentStored(log_id, ((index, size),))),
            refuse=lambda peer, reason: self._tell(PartsRefused(peer, reason)),
            uniform=uniform,
        )
        self._faults = FaultFollowing(
            registry,
            timeout_s=settings.call_timeout_s,
            shown_generation=self.session.generation_of,
            refuse=lambda peer, reason: self._tell(PartsRefused(peer, reason)),
        )
        self.offers = OfferedConnections(self.peers)
        self.offering = Offering(
            registry.own, reconnect_max_s=settings.reconnect_max_s, uniform=uniform
        )
        self._stubs: dict[Slug, ReplicationStub] = {}
        self._blocked_until_ms: dict[Slug, int] = {}
        self._watching: dict[Slug, asyncio.Task[str]] = {}
        self._tasks: asyncio.TaskGroup | None = None
        self._fence: StartUpFence | None = None
        self.content = ContentGate(
            registry,
            answered=lambda: None if self._fence is None else self._fence.answered,
            is_connected=lambda peer: self.status_of(self._members[peer]).is_connected,
            is_caught_up=lambda peer: self.status_of(self._members[peer]).is_caught_up,
        )
        self._grew_at_s = {m.log_id: self._loop.time() for m in registry.roster.writers()}
        self._ends = self._entries.ends
        for proof in registry.faults.kept():
            heads.publish_proof(proof.log_id, proof.proof)
        for state in states:
            if state.note is not None:
                heads.publish(OfferedHead(state.log_id, state.noted_size, state.note))
            if state.frozen_at is not None:
                self._ends[state.log_id] = state.frozen_at
                self._end_if_whole(state.log_id, state.size)
        self._heard_ms: dict[Slug, int] = {}
        self.refusals: Counter[str] = Counter()
        self.rosters = RosterFollowing(registry)
        self.witnessing = Witnessing(registry, heads)
        registry.store.add_listener(self._notice)

    @property
    def is_catching_up(self) -> bool:
        """Whether some log, or its content, is behind by thousands and is being filled."""
        is_filling = any(self._is_filling(member.log_id) for member in self.peers)
        return is_filling or self._parts.entries_left > _BULK_ENTRIES

    def _is_filling(self, log_id: LogId) -> bool:
        is_moving = self._loop.time() - self._grew_at_s[log_id] < _STALL_S
        return is_moving and self.session.lag_of(log_id) > _BULK_ENTRIES

    def is_held_back(self, log_id: LogId) -> bool:
        """Whether a log is over its budget now."""
        return self.session.is_held_back(self._now_ms(), log_id)

    def why_held_back(self, log_id: LogId) -> str:
        """Reason code and words if less of a log is taken than is offered; empty if not."""
        disk = self._registry.store.disk
        return why_held_back(self._settings, disk, is_over_budget=self.is_held_back(log_id))

    def must_wait(self, log_id: LogId) -> bool:
        """Whether nothing more of a log is taken now: it is over its budget, or the disk is."""
        has_room = self._registry.store.disk.has_room_for_others()
        return not has_room or self.is_held_back(log_id)

    def _now_ms(self) -> int:
        """Only differences count here: a clock that nobody sets."""
        return int(self._loop.time() * 1000)

    def status_of(self, member: Member) -> PeerView:
        """Tells how replication with a member stands."""
        return self.session.view_of(member.slug, member.log_id)

    def last_heard_ms(self, peer: Slug) -> int:
        """When a peer was last connected, milliseconds UTC; 0 = not since this node started."""
        if peer in self.session.connected():
            self._heard_ms[peer] = self._registry.clock_ms()
        return self._heard_ms.get(peer, 0)

    async def run(self) -> None:
        """Runs until cancelled."""
        channels = {
            member.slug: open_peer_channel(
                member, self._registry.folder, self._settings, target=self.offers.target(member)
            )
            for member in self.peers
        }
        self._stubs = {
            slug: replication_pb2_grpc.ReplicationServiceStub(channel)
            for slug, channel in channels.items()
        }
        self._fence = StartUpFence(
            self._registry,
            self._stubs,
            self._entries,
            forked=self._faults.suspect_own_log,
        )
        try:
            async with asyncio.TaskGroup() as tasks:
                self._tasks = tasks
                tasks.create_task(self.offers.run())
                tasks.create_task(self.offering.run(self._members, self._stubs))
                tasks.create_task(self._fence.run())
                tasks.create_task(self.content.run())
                tasks.create_task(self.witnessing.run())
                tasks.create_task(self._tick())
                tasks.create_task(self.rosters.exchange(self._stubs, self.session.connected))
                for member in self.peers:
                    tasks.create_task(self._follow(member))
                self._parts.start(tasks, self._stubs)
                self._faults.start(tasks, self._stubs)
                try:
                    await asyncio.Event().wait()
                finally:
                    # The group ends: news of the store starts nothing any more.
                    self._tasks = None
        finally:
            self._entries.close()
            for channel in channels.values():
                await channel.close()

    # --- heads --------------------------------------------------------------------------------

    async def _follow(self, member: Member) -> None:
        """Watches one peer's heads for ever, waiting longer after each failure."""
        wait_s = _RECONNECT_FIRST_S
        while True:
            blocked_ms = self._blocked_until_ms.get(member.slug, 0) - self._now_ms()
            if blocked_ms > 0:
                await asyncio.sleep(blocked_ms / 1000)
            started = self._loop.time()
            async with asyncio.TaskGroup() as tasks:
                watching = tasks.create_task(self._watch(member))
                self._watching[member.slug] = watching
            # It is cancelled alone when its peer is dropped.
            self._tell(PeerDown(member.slug, "" if watching.cancelled() else watching.result()))
            lasted_s = self._loop.time() - started
            wait_s = (
                _RECONNECT_FIRST_S
                if lasted_s > self._settings.reconnect_max_s
                else min(wait_s * 2, self._settings.reconnect_max_s)
            )
            # Jitter keeps nodes that lost each other at once from calling at once.
            await asyncio.sleep(wait_s * self._uniform(0.5, 1.0))

    async def _watch(self, member: Member) -> str:
        """Reads one stream of heads; returns why it ended, empty for an ordinary renewal."""
        try:
            states = await asyncio.to_thread(self._registry.store.log_states)
        except TryLater as error:
            return f"{error.reason}: {error}"
        request = watch_request(states, self._registry.witness.book.summary)
        period_s = self._settings.watch_period_s * self._uniform(0.8, 1.2)
        call = self._stubs[member.slug].WatchHeads(request, timeout=period_s, wait_for_ready=True)
        try:
            await call.wait_for_connection()
            self._tell(PeerUp(member.slug))
            self._heard_ms[member.slug] = self._registry.clock_ms()
            self._parts.peer_came()
            self._faults.peer_came(member.slug)
            if self._tasks is not None and self._fence is not None:
                self._tasks.create_task(self._fence.meet(member.slug))
            _log.info("peer_connected", peer=member.slug)
            async for response in call:
                self._heard_ms[member.slug] = self._registry.clock_ms()
                await self._hear(member.slug, require_message(response))
        except grpc.aio.AioRpcError as error:
            is_renewal = error.code() is grpc.StatusCode.DEADLINE_EXCEEDED
            return "" if is_renewal else f"{error.code().name}: {error.details()}"
        except EntryError as error:
            return f"{error.reason}: {error}"
        finally:
            call.cancel()
        return ""

    async def _hear(self, peer: Slug, response: replication_pb2.WatchHeadsResponse) -> None:
        match response.WhichOneof("item"):
            case "head":
                self.witnessing.shown(peer, response.head.cosignatures)
                if response.head.checkpoint or not response.head.cosignatures:
                    self._take_head(read_head(peer, response.head))
            case "evidence":
                await self._faults.take(peer, response.evidence)
            case _:
                self.witnessing.met(peer)
                self._tell(PeerCaughtUp(peer))
                self._learn_roster(peer, response.caught_up.roster_version)

    def _take_head(self, offered: HeadOffered) -> None:
        ours = self._heads.note_of(offered.log_id)
        self._tell(offered)
        self._faults.heard(offered, ours)

    def _learn_roster(self, peer: Slug, newest: int) -> None:
        if self._tasks is not None and newest > self._registry.roster.version:
            self._tasks.create_task(self.rosters.learn(peer, self._stubs[peer], newest))

    async def _tick(self) -> None:
        """Tells the session that time passes: what failed is tried again."""
        while True:
            await asyncio.sleep(_TICK_S)
            self._tell(Tick())

    # --- effects ------------------------------------------------------------------------------

    def _tell(self, message: Message) -> None:
        if isinstance(message, FetchFailed) and message.blame is Blame.AUTHOR:
            self.refusals[message.reason.partition(":")[0]] += 1
        for effect in self.session.handle(self._now_ms(), message):
            self._carry_out(effect)

    def _carry_out(self, effect: Effect) -> None:
        match effect:
            case FetchEntries() | TakeTail():
                if self._tasks is not None:
                    self._tasks.create_task(self._bring(effect))
            case DropPeer(peer, reason, until_ms):
                self.refusals[reason.partition(":")[0]] += 1
                _log.warning("peer_dropped", peer=peer, reason=reason.partition(":")[0])
                self._blocked_until_ms[peer] = until_ms
                if peer in self._watching:
                    self._watching[peer].cancel()
            case FindParting(peer, log_id, note):
                self._faults.suspect_note(peer, log_id, note)
            case AskFenceAgain(peer, checkpoint):
                _log.error("own_log_larger_elsewhere", peer=peer, size=checkpoint.size)
                if self._fence is not None:
                    self._fence.ask_again(checkpoint)

    async def _bring(self, effect: FetchEntries | TakeTail) -> None:
        member = self._registry.roster.member_by_log(effect.log_id)
        started = perf_counter()
        try:
            if isinstance(effect, TakeTail):
                fetched = await self._entries.take_tail(member, effect)
            else:
                stub = self._stubs[effect.peer]
                is_stopped = partial(self.is_held_back, effect.log_id)
                fetched = await self._entries.fetch(stub, member, effect.size, is_stopped)
        except StorageError:
            # Our own disk: nothing a peer does can mend it, and going on could hide it.
            raise
        except RegistryError as error:
            _log.warning("fetch_failed", peer=effect.peer, log=member.slug, reason=error.reason)
            reason, blame = f"{error.reason}: {error}", blame_of(error)
            if isinstance(error, LogDiverged) and effect.log_id in self._ends:
                blame = Blame.NOBODY  # it was frozen meanwhile: what is before that is fetched
            elif blame is Blame.AUTHOR:
                self._faults.suspect_fetch(effect, error)
            self._tell(FetchFailed(effect.peer, effect.log_id, reason, blame))
            return
        except Exception as error:  # noqa: BLE001 - the outermost handler of a fetch
            # A mistake of ours that a peer's bytes bring out costs that peer, not the node.
            at = place_of(error)
            _log.error("fetch_broke", peer=effect.peer, log=member.slug, at=at)
            reason = f"internal_error: {type(error).__name__}"
            self._tell(FetchFailed(effect.peer, effect.log_id, reason, Blame.PEER))
            return
        await self._settle_fetch(effect, member, fetched)
        if fetched.size - fetched.before >= _BULK_ENTRIES:
            _log.info(
                "entries_fetched",
                log=member.slug,
                peer=effect.peer,
                entries=fetched.size - fetched.before,
                duration_ms=round((perf_counter() - started) * 1000, 1),
            )

    def _end_if_whole(self, log_id: LogId, size: int) -> None:
        """A log that ends somewhere is fetched up to there, by who joins later too."""
        if size >= self._ends.get(log_id, size + 1):
            self._tell(LogFrozen(log_id))

    async def _settle_fetch(
        self, effect: FetchEntries | TakeTail, member: Member, fetched: Fetched
    ) -> None:
        self._tell(LogGrew(effect.log_id, fetched.size))
        self._end_if_whole(effect.log_id, fetched.size)
        if fetched.fault is not None:
            fault = fetched.fault
            if self.session.is_retired(effect.log_id, fetched.fault_under):
                # Whoever has found an old key can sign such notes: they freeze nothing.
                reason = f"{fault.reason}: under a note of a retired key"
                self._tell(FetchFailed(effect.peer, effect.log_id, reason, Blame.AUTHOR))
                return
            self.refusals[fault.reason] += 1
            bad = fetched.bad_entry
            if bad is None or not await self._faults.prove_bad_entry(member, bad):
                _log.error("log_frozen", log=member.slug, at=fault.place, reason=fault.reason)
                store = self._registry.store
                await written(lambda: store.freeze(effect.log_id, fault.place, fault.reason, b""))
            self._tell(LogFrozen(effect.log_id))
        self._tell(FetchEnded(effect.peer, effect.log_id))

    # --- the store's news -----------------------------------------------------------------------

    def _notice(self, event: StoreEvent) -> None:
        """Called in the writer's thread after each commit."""
        if isinstance(event, EntriesStored):
            self._loop.call_soon_threadsafe(self._grew, event)
        elif isinstance(event, PartsStored):
            self._loop.call_soon_threadsafe(self._tell_content, event)
        elif isinstance(event, AudienceStored):
            self._loop.call_soon_threadsafe(self._parts.widened, event.log_id)
        elif isinstance(event, FreezeStored):
            self._loop.call_soon_threadsafe(self._froze, event)

    def _froze(self, event: FreezeStored) -> None:
        """A log ends elsewhere now, or no more."""
        log_id = event.log_id
        self._ends.pop(log_id, None)
        self._tell(LogThawed(log_id))
        if event.at is not None:
            self._ends[log_id] = event.at
            self._end_if_whole(log_id, self.session.held_of(log_id))
        if event.proof or event.at is None:
            self._heads.publish_proof(log_id, event.proof)
        if log_id == self._registry.own.log_id and self._fence is not None:
            self._fence.look_again()

    def _tell_content(self, event: PartsStored) -> None:
        keyed = zip(event.keys, event.contents, strict=True)
        sizes = tuple((index, len(content)) for (index, _), (_, content) in keyed if content)
        if sizes:
            self._tell(ContentStored(event.log_id, sizes))

    def _grew(self, event: EntriesStored) -> None:
        if event.log_id in self._grew_at_s:
            self._grew_at_s[event.log_id] = self._loop.time()
        # In the middle of a fetch entries are held that the note does not stand for yet.
        if event.note is not None and event.noted_size == event.end:
            is_small = len(event.entries) <= TAIL_MAX_ENTRIES
            tail = Tail(event.start, tuple(event.entries)) if is_small else None
            self._heads.publish(OfferedHead(event.log_id, event.end, event.note, tail))
        self._tell(LogGrew(event.log_id, event.end, sum(map(len, event.entries))))
        self._parts.grew(event.log_id)
        self.witnessing.grew(event.log_id)
