"""The mirror's decisions, without any I/O: which log is fetched from whom, and whom to leave alone.

Rules:
1. A head is verified before anything is fetched for it.
2. One fetch per log at a time; different logs from different peers side by side.
3. The log's own author is preferred, then any peer that offers more than is held: trust is in
   signatures, not in the path.
4. A peer whose bytes were wrong is dropped, longer each time; all others go on undisturbed.
5. A peer that could not be reached costs one attempt; the log is tried at the next peer.
6. A frozen log is not fetched, and nothing about a peer outlives its connection but its faults.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from registry.domain.identifiers import LogId, RegistryId, Slug
from registry.errors import EntryError
from registry.log.roster import Member, Roster
from registry.replication.effects import DropPeer, Effect, FetchEntries
from registry.replication.ingest import check_head
from registry.replication.messages import (
    FetchEnded,
    FetchFailed,
    HeadOffered,
    LogFrozen,
    LogGrew,
    Message,
    PeerCaughtUp,
    PeerDown,
    PeerUp,
)

DROP_FIRST_MS: Final = 1_000
DROP_LONGEST_MS: Final = 300_000


@dataclass(frozen=True, slots=True)
class PeerView:
    """How a peer stands, for people to see."""

    is_connected: bool
    is_caught_up: bool
    last_error: str
    offered_size: int


@dataclass(slots=True)
class _Peer:
    is_connected: bool = False
    has_sent_all: bool = False
    last_error: str = ""
    faults: int = 0
    offered: dict[LogId, int] = field(default_factory=dict)
    unreachable_for: set[LogId] = field(default_factory=set)


class Session:
    """One node's view of its peers; `handle` is called from one thread."""

    def __init__(self, roster: Roster, own: Member, held: Mapping[LogId, int]) -> None:
        """Starts with no peer connected.

        Args:
            roster: whose logs are mirrored.
            own: this node's member; its own log is not fetched here, that is recovery's work.
            held: entries held per log.
        """
        self.registry_id: RegistryId = roster.registry_id
        self._logs = {m.log_id: m for m in roster.active_members() if m.id != own.id}
        self._peers = {m.slug: _Peer() for m in roster.active_members() if m.id != own.id}
        self._held = dict(held)
        self._fetching: dict[LogId, Slug] = {}
        self._frozen: set[LogId] = set()

    def handle(self, now_ms: int, message: Message) -> tuple[Effect, ...]:
        """Takes a message; returns what is to be done now."""
        dropped: tuple[Effect, ...] = ()
        match message:
            case PeerUp(peer):
                kept = self._peers[peer]
                self._peers[peer] = _Peer(
                    is_connected=True, faults=kept.faults, last_error=kept.last_error
                )
            case PeerDown(peer, reason):
                state = self._peers[peer]
                self._peers[peer] = _Peer(
                    faults=state.faults, last_error=reason or state.last_error
                )
            case HeadOffered(peer, log_id, note):
                dropped = self._offer(now_ms, peer, log_id, note)
            case PeerCaughtUp(peer):
                self._peers[peer].has_sent_all = True
            case LogGrew(log_id, size):
                self._held[log_id] = max(self._held.get(log_id, 0), size)
            case LogFrozen(log_id):
                self._frozen.add(log_id)
            case FetchEnded(peer, log_id):
                self._fetching.pop(log_id, None)
                self._peers[peer].faults = 0
                self._peers[peer].last_error = ""
            case FetchFailed():
                dropped = self._fail(now_ms, message)
        return (*dropped, *self._fetches())

    def view_of(self, peer: Slug, log_id: LogId) -> PeerView:
        """Tells how a peer stands; `offered_size` is that of the given log."""
        state = self._peers[peer]
        has_all = all(self._held.get(log, 0) >= size for log, size in state.offered.items())
        return PeerView(
            is_connected=state.is_connected,
            is_caught_up=state.is_connected and state.has_sent_all and has_all,
            last_error=state.last_error,
            offered_size=state.offered.get(log_id, 0),
        )

    def lag(self) -> int:
        """The most entries that any connected peer offers of a log beyond what is held."""
        return max(
            (
                size - self._held.get(log_id, 0)
                for peer in self._peers.values()
                for log_id, size in peer.offered.items()
                if log_id not in self._frozen
            ),
            default=0,
        )

    def connected(self) -> tuple[Slug, ...]:
        """The peers whose streams are open."""
        return tuple(slug for slug, peer in self._peers.items() if peer.is_connected)

    def _offer(self, now_ms: int, peer: Slug, log_id: LogId, note: bytes) -> tuple[Effect, ...]:
        author = self._logs.get(log_id)
        if author is None:
            # Our own log, relayed back, or a log of a newer roster: not fetched here.
            return ()
        try:
            checkpoint = check_head(note, origin=author.origin, log_key=author.log_key)
        except EntryError as error:
            return self._drop(now_ms, peer, f"{error.reason}: {error}")
        self._peers[peer].offered[log_id] = checkpoint.size
        self._peers[peer].unreachable_for.discard(log_id)
        return ()

    def _fail(self, now_ms: int, failure: FetchFailed) -> tuple[Effect, ...]:
        self._fetching.pop(failure.log_id, None)
        peer = self._peers[failure.peer]
        peer.last_error = failure.reason
        if failure.is_peer_fault:
            return self._drop(now_ms, failure.peer, failure.reason)
        peer.unreachable_for.add(failure.log_id)
        return ()

    def _drop(self, now_ms: int, peer: Slug, reason: str) -> tuple[Effect, ...]:
        faults = self._peers[peer].faults + 1
        self._peers[peer] = _Peer(faults=faults, last_error=reason)
        wait_ms = min(DROP_FIRST_MS << min(faults - 1, 10), DROP_LONGEST_MS)
        return (DropPeer(peer, reason, now_ms + wait_ms),)

    def _fetches(self) -> tuple[Effect, ...]:
        """Starts a fetch for every log that somebody offers more of and nobody fetches."""
        effects = []
        for log_id, author in self._logs.items():
            if log_id in self._fetching or log_id in self._frozen:
                continue
            held = self._held.get(log_id, 0)
            offers = [
                (slug != author.slug, -peer.offered[log_id], slug)
                for slug, peer in self._peers.items()
                if peer.is_connected
                and peer.offered.get(log_id, 0) > held
                and log_id not in peer.unreachable_for
            ]
            if offers:
                _, size, slug = min(offers)
                self._fetching[log_id] = slug
                effects.append(FetchEntries(slug, log_id, -size))
        return tuple(effects)
