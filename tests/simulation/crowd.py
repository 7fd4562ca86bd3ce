"""A hundred members with a hundred logs, held in memory: what replication sends, and how much.

Each member learns everything from three relays. Sessions, intakes, heads and messages are the
node's own; logs are lists, shared by all, and messages arrive at once and in order. What is counted
is the size of the protobuf messages.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final, cast

from registry.api.v1 import replication_pb2
from registry.application.intake import EntryRun, LogIntake, ProvenHead
from registry.domain.identifiers import CaseId, LogId
from registry.log.log_keys import LogKeys
from registry.log.merkle import EMPTY_RANGE, EMPTY_ROOT
from registry.log.roster import Member
from registry.replication.effects import FetchEntries, TakeTail
from registry.replication.messages import (
    FetchEnded,
    HeadOffered,
    LogGrew,
    Message,
    PeerCaughtUp,
    PeerUp,
    Tail,
)
from registry.replication.session import Session
from registry.store.entries import EntryStore
from registry.store.values import IngestBatch, LogState
from registry_node.heads import HeadHub, OfferedHead, Subscription
from registry_node.servicers.replication import head_message
from tests.faults.honest_peer import HonestPeer
from tests.simulation.cast import REGISTRY, keys_of, roster_of, signer_of
from tests.simulation.node import InlineWriter

MEMBERS: Final = 100
RELAYS: Final = (1, 7, 31)
"""Member n follows the members n + 1, n + 7 and n + 31."""


@dataclass
class Traffic:
    """What was sent since it was last taken."""

    messages: int = 0
    size_bytes: int = 0

    def add(self, message: Any) -> None:
        self.messages += 1
        self.size_bytes += message.ByteSize()


class MemoryLogs:
    """As much of a store as an intake needs; entries come from their authors' lists."""

    def __init__(self, crowd: "Crowd", states: dict[LogId, LogState]) -> None:
        self._crowd = crowd
        self._states = states

    def log_state(self, log_id: LogId) -> LogState:
        return self._states[log_id]

    def log_states(self) -> list[LogState]:
        return list(self._states.values())

    def entries(self, log_id: LogId, start: int, end: int) -> list[bytes]:
        return self._crowd.authors[log_id].entries[start:end]

    def refs_reached(self, *_: object) -> dict[tuple[CaseId, LogId], int]:
        return {}

    def ingest(self, batch: IngestBatch) -> Any:
        def call() -> LogState:
            before, end = self._states[batch.log_id], batch.start + len(batch.entries)
            assert before.size == batch.start
            after = before._replace(size=end, root=batch.root, range=batch.range)
            if batch.note is not None:
                after = after._replace(note=batch.note, noted_size=end)
            self._states[batch.log_id] = after
            return after

        return InlineWriter(lambda _: [], lambda: None).run(call)


@dataclass
class _Follower:
    node: "CrowdNode"
    subscription: Subscription
    resources: list[Any] = field(default_factory=list)


class CrowdNode:
    """One member, its session and its heads."""

    def __init__(self, crowd: "Crowd", own: Member, states: dict[LogId, LogState]) -> None:
        self._crowd = crowd
        self.own = own
        self.roster = crowd.roster
        self._logs = MemoryLogs(crowd, states)
        self.hub = HeadHub()
        self._followers: list[_Follower] = []
        self._intakes: dict[LogId, LogIntake] = {}
        held = {state.log_id: state.size for state in states.values()}
        self.session = Session(crowd.roster, own, held, crowd.keys)
        for state in states.values():
            if state.note is not None:
                self.hub.publish(OfferedHead(state.log_id, state.noted_size, state.note))

    @property
    def store(self) -> EntryStore:
        return cast("EntryStore", self._logs)

    def log_keys(self, member: Member) -> LogKeys:
        return keys_of(member)

    def versions_of(self, _member: Member) -> range:
        return range(1, 2)

    def follow(self, peer: "CrowdNode") -> None:
        """Opens a stream of heads with a relay."""
        states = [state for state in self._logs.log_states() if state.noted_size]
        held = [
            replication_pb2.HeldLog(log_id=state.log_id, size=state.noted_size) for state in states
        ]
        self._crowd.traffic.add(replication_pb2.WatchHeadsRequest(held=held))
        self._tell(PeerUp(peer.own.slug))
        peer.serve(self, {state.log_id: state.noted_size for state in states})
        self._crowd.send(lambda: self._tell(PeerCaughtUp(peer.own.slug)))

    def serve(self, client: "CrowdNode", held: dict[LogId, int]) -> None:
        context = self.hub.subscribe(held)
        follower = _Follower(client, context.__enter__(), [context])
        self._followers.append(follower)
        self._send_heads(follower)

    def _send_heads(self, follower: _Follower) -> None:
        for head in follower.subscription.take():
            message = head_message(follower.node.own, head, ())
            self._crowd.traffic.add(message)
            self._crowd.send(partial(follower.node.take_head, self, message.head))

    def take_head(self, peer: "CrowdNode", head: replication_pb2.Head) -> None:
        tail = Tail(head.tail.start, tuple(head.tail.entries)) if head.HasField("tail") else None
        self._tell(HeadOffered(peer.own.slug, LogId(head.log_id), head.checkpoint, tail))

    def write(self) -> None:
        """Appends one event and offers it."""
        author = self._crowd.authors[self.own.log_id]
        before = self._logs.log_state(self.own.log_id)
        author.write(f"event {before.size} of {self.own.slug}")
        after = self._crowd.state_of(self.own, len(author.entries))
        self._logs._states[self.own.log_id] = after
        self._tell(LogGrew(self.own.log_id, after.size))
        tail = Tail(before.size, (author.entries[-1],))
        self._grown(after, tail)

    def _tell(self, message: Message) -> None:
        for effect in self.session.handle(0, message):
            match effect:
                case TakeTail(peer, log_id, note, checkpoint, tail):
                    run = EntryRun(tail.start, tail.entries, ())
                    self._take(peer, log_id, [run], ProvenHead(note, checkpoint))
                case FetchEntries():
                    self._crowd.send(partial(self._fetch, effect))
                case _:
                    msg = f"a crowd of honest members brought {effect}"
                    raise AssertionError(msg)

    def _fetch(self, effect: FetchEntries) -> None:
        traffic, author = self._crowd.traffic, self._crowd.authors[effect.log_id]
        intake = self._intake(effect.log_id)
        start = intake.held.size
        traffic.add(
            replication_pb2.GetEntriesRequest(log_id=effect.log_id, start=start, size=effect.size)
        )
        messages = author.messages(start, effect.size)
        for message in messages:
            traffic.add(message)
        head = intake.prove_head(messages[0].checkpoint, offered_size=effect.size)
        runs = [
            EntryRun(each.start, list(each.entries), list(each.consistency_path))
            for each in messages
        ]
        self._take(effect.peer, effect.log_id, runs, head)

    def _intake(self, log_id: LogId) -> LogIntake:
        member = self.roster.member_by_log(log_id)
        if log_id not in self._intakes:
            self._intakes[log_id] = LogIntake(self, member)
        return self._intakes[log_id]

    def _take(self, peer: Any, log_id: LogId, runs: list[EntryRun], head: ProvenHead) -> None:
        intake = self._intake(log_id)
        for run in runs:
            after = intake.take(run, head).result()
        tail = Tail(runs[-1].start, tuple(runs[-1].entries))
        self._tell(LogGrew(log_id, after.size))
        self._tell(FetchEnded(peer, log_id))
        self._grown(after, tail)

    def _grown(self, state: LogState, tail: Tail) -> None:
        assert state.note is not None
        self.hub.publish(OfferedHead(state.log_id, state.size, state.note, tail))
        for follower in self._followers:
            self._send_heads(follower)


class Crowd:
    """All members."""

    def __init__(self, held: int, *, knows_all: bool) -> None:
        """Makes members whose logs have `held` events each, known to everybody or to nobody."""
        self.roster = roster_of(MEMBERS)
        self.keys = {member.log_id: keys_of(member) for member in self.roster.members}
        self.traffic = Traffic()
        self._waiting: deque[Callable[[], None]] = deque()
        self.authors = {member.log_id: self._author(member, held) for member in self.roster.members}
        full = {member.log_id: self.state_of(member, held) for member in self.roster.members}
        empty = {member.log_id: self.state_of(member, 0) for member in self.roster.members}
        self.nodes = [
            CrowdNode(
                self,
                member,
                dict(full) if knows_all else empty | {member.log_id: full[member.log_id]},
            )
            for member in self.roster.members
        ]

    def _author(self, member: Member, held: int) -> HonestPeer:
        author = HonestPeer(member.origin, REGISTRY, signer_of(member.slug))
        for number in range(held):
            author.write(f"event {number} of {member.slug}")
        return author

    def state_of(self, member: Member, size: int) -> LogState:
        author = self.authors[member.log_id]
        held, root = EMPTY_RANGE, EMPTY_ROOT
        note = None
        if size:
            held = author.range_at(size)
            root, note = held.root(), author.note_at(size)
        return LogState(
            member.log_id, member.origin, size, root, held, note, size, None, None, size
        )

    def connect(self) -> Traffic:
        """Opens all streams; returns what that sent."""
        for number, node in enumerate(self.nodes):
            for step in RELAYS:
                node.follow(self.nodes[(number + step) % MEMBERS])
        return self.settle()

    def write(self, writers: int) -> Traffic:
        """So many members write one event each; returns what that sent."""
        for node in self.nodes[:writers]:
            node.write()
        return self.settle()

    def send(self, deliver: Callable[[], None]) -> None:
        self._waiting.append(deliver)

    def settle(self) -> Traffic:
        """Delivers until nothing waits; returns what was sent since the last time."""
        while self._waiting:
            self._waiting.popleft()()
        sent, self.traffic = self.traffic, Traffic()
        return sent

    def sizes(self) -> set[tuple[int, ...]]:
        """What the members hold; one element = all the same."""
        return {
            tuple(node.store.log_state(member.log_id).size for member in self.roster.members)
            for node in self.nodes
        }
