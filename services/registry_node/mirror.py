"""The mirror: drives the replication session over gRPC, one task per peer, one fetch per log.

Holds no rule of its own: `registry.replication` decides, this carries out. One slow or hostile peer
holds up nothing but the calls to itself.
"""

import asyncio
from collections import Counter
from collections.abc import Callable
from typing import Final

import grpc
import structlog

from registry.api.v1 import replication_pb2, replication_pb2_grpc
from registry.application.registry import Registry
from registry.domain.identifiers import LogId, Slug
from registry.errors import EntryError, TryLater
from registry.log.roster import Member
from registry.replication.effects import (
    AskFenceAgain,
    DropPeer,
    Effect,
    FetchEntries,
    FindParting,
    JudgeOwnNote,
    TakeTail,
)
from registry.replication.ingest import TAIL_MAX_ENTRIES
from registry.replication.messages import (
    Blame,
    ContentStored,
    FetchFailed,
    HeadOffered,
    LogGrew,
    LogThawed,
    Message,
    PartsRefused,
    PeerCaughtUp,
    PeerDown,
    PeerUp,
    Tail,
    Tick,
)
from registry.replication.peer_standing import PeerView
from registry.replication.session import Session
from registry.store.values import (
    AudienceStored,
    EntriesStored,
    FreezeStored,
    PartsStored,
    StoreEvent,
)
from registry_node.bringing import BULK_ENTRIES, Bringing
from registry_node.content_gate import ContentGate
from registry_node.fault_following import FaultFollowing
from registry_node.fence import StartUpFence
from registry_node.fetching import EntryFetcher, ReplicationStub, require_message
from registry_node.first_sync import FirstSync
from registry_node.head_messages import read_head, watch_request
from registry_node.heads import HeadHub, OfferedHead
from registry_node.holding_back import why_held_back
from registry_node.offering import Offering
from registry_node.offers import OfferedConnections
from registry_node.part_fetching import PartSource
from registry_node.part_following import PartFollowing
from registry_node.peer_tls import open_peer_channel
from registry_node.rosters import RosterFollowing
from registry_node.settings import NodeSettings, budget_limits
from registry_node.witnessing import Witnessing

_log = structlog.get_logger()
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
            heads=heads,
        )
        self.refusals: Counter[str] = Counter()
        self.rosters = RosterFollowing(registry)
        self._bringing = Bringing(
            registry,
            self.session,
            self._entries,
            self._faults,
            self._tell,
            self.refusals,
            self.rosters.ask,
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
        self.first_sync = FirstSync(registry, self.session.lag_of)
        self.content = ContentGate(
            registry,
            answered=lambda: None if self._fence is None else self._fence.answered,
            is_connected=lambda peer: self.status_of(self._members[peer]).is_connected,
            is_caught_up=lambda peer: self.status_of(self._members[peer]).is_caught_up,
            first_sync=self.first_sync,
        )
        self._grew_at_s = {m.log_id: self._loop.time() for m in registry.roster.writers()}
        for proof in registry.faults.kept():
            heads.publish_proof(proof.log_id, proof.proof)
        for state in states:
            if state.note is not None:
                heads.publish(OfferedHead(state.log_id, state.noted_size, state.note))
            if state.frozen_at is not None:
                self._entries.ends[state.log_id] = state.frozen_at
                self._bringing.end_if_whole(state.log_id, state.size)
        self._has_room = registry.store.disk.has_room_for_others()
        """As of the last tick; what is stored asks the disk itself."""
        self._heard_ms: dict[Slug, int] = {}
        self.witnessing = Witnessing(registry, heads)
        registry.store.add_listener(self._notice)

    @property
    def is_catching_up(self) -> bool:
        """Whether some log, or its content, is behind by thousands and is being filled."""
        is_filling = any(self._is_filling(member.log_id) for member in self.peers)
        return is_filling or self._parts.entries_left > BULK_ENTRIES

    def _is_filling(self, log_id: LogId) -> bool:
        is_moving = self._loop.time() - self._grew_at_s[log_id] < _STALL_S
        return is_moving and self.session.lag_of(log_id) > BULK_ENTRIES

    def is_held_back(self, log_id: LogId) -> bool:
        """Whether a log, or its content, is over its budget now."""
        now_ms, session = self._now_ms(), self.session
        return session.is_held_back(now_ms, log_id) or session.is_content_held_back(now_ms, log_id)

    def why_held_back(self, log_id: LogId) -> str:
        """Reason code and words if less of a log is taken than is offered; empty if not."""
        disk = self._registry.store.disk
        return why_held_back(self._settings, disk, is_over_budget=self.is_held_back(log_id))

    def must_wait(self, log_id: LogId) -> bool:
        """Whether no content of a log is taken now: it is over its budget, or the disk is."""
        return not self._has_room or self.session.is_content_held_back(self._now_ms(), log_id)

    def _now_ms(self) -> int:
        """Only differences count here: a clock that nobody sets."""
        return int(self._loop.time() * 1000)

    def status_of(self, member: Member) -> PeerView:
        """Tells how replication with a member stands."""
        return self.session.view_of(member.slug, member.log_id)

    def sources(self) -> list[PartSource]:
        """The peers that are connected."""
        connected = self.session.connected()
        return [PartSource(slug, stub) for slug, stub in self._stubs.items() if slug in connected]

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
            self._registry, self._stubs, self._entries, forked=self._faults.suspect_own_log
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
                tasks.create_task(self.rosters.run(self._stubs, self.session.connected))
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
            case "caught_up":
                self.witnessing.met(peer)
                self._tell(PeerCaughtUp(peer))
                self.first_sync.shown(peer)
                self.rosters.told(peer, response.caught_up)

    def _take_head(self, offered: HeadOffered) -> None:
        ours = self._heads.note_of(offered.log_id)
        self._tell(offered)
        self._faults.heard(offered, ours)

    async def _tick(self) -> None:
        """Tells the session that time passes: what failed is tried again."""
        while True:
            await asyncio.sleep(_TICK_S)
            self._has_room = self._registry.store.disk.has_room_for_others()
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
                    self._tasks.create_task(self._bringing.bring(effect, self._stubs))
            case DropPeer(peer, reason, until_ms):
                self.refusals[reason.partition(":")[0]] += 1
                _log.warning("peer_dropped", peer=peer, reason=reason.partition(":")[0])
                self._blocked_until_ms[peer] = until_ms
                if peer in self._watching:
                    self._watching[peer].cancel()
            case FindParting(peer, log_id, note):
                self._faults.suspect_note(peer, log_id, note)
            case AskFenceAgain() | JudgeOwnNote():
                if self._fence is not None:
                    self._fence.hear(effect, self._tasks)

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
        self._entries.ends.pop(log_id, None)
        self._tell(LogThawed(log_id))
        if event.at is not None:
            self._entries.ends[log_id] = event.at
            self._bringing.end_if_whole(log_id, self.session.held_of(log_id))
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
        if event.parts_below < event.end:
            self._parts.grew(event.log_id)
        self.witnessing.grew(event.log_id)
