"""What must hold in every federation, checked while it runs and once it has healed.

The observer knows everything at once, which no node does: what every disk holds, who can reach
whom, and what was ever published. A broken rule raises `Violation` at the step that broke it.
"""

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from registry.domain.identifiers import LeafHash, LogId, RequestKey, RootHash, Slug
from registry.errors import RegistryError, RootMismatch
from registry.log.checkpoint import parse_checkpoint, parse_note
from registry.log.merkle import EMPTY_RANGE, EMPTY_ROOT, CompactRange, leaf_hash
from registry.store.guard import Guard
from registry.store.values import Appended
from registry_node.heads import OfferedHead

if TYPE_CHECKING:
    from tests.simulation.node import SimNode
    from tests.simulation.world import World


class Violation(AssertionError):
    """A rule was broken."""


@dataclass
class History:
    """What was published of a log by its author.

    Attributes:
        leaves: of its entries, in order; of the first branch if it forked.
        roots: by size, from 0.
        is_at_risk: a restore or a clone has put it where a fork cannot be excluded.
        has_forked: two histories of it were published.
        is_of_liar: its author keeps no rule.
        parted_at: the first index at which two histories of it have other entries; None = one.
        kept_below: what is at or past this was destroyed by a restore; None = nothing was.
    """

    leaves: list[LeafHash] = field(default_factory=list)
    roots: list[RootHash] = field(default_factory=lambda: [EMPTY_ROOT])
    range: CompactRange = EMPTY_RANGE
    is_at_risk: bool = False
    has_forked: bool = False
    is_of_liar: bool = False
    parted_at: int | None = None
    kept_below: int | None = None

    @property
    def size(self) -> int:
        return len(self.leaves)

    @property
    def may_be_contradicted(self) -> bool:
        return self.has_forked or self.is_of_liar


class Checks:
    """The observer of one federation."""

    def __init__(self, world: "World") -> None:
        self._world = world
        self._counts: Counter[str] = world.scheduler.counts
        self.logs = {member.log_id: History() for member in world.roster.writers()}
        self.acked: dict[tuple[LogId, RequestKey], tuple[int, LeafHash]] = {}
        self.held: dict[tuple[str, LogId], int] = {}
        self._restored: dict[str, str] = {}
        self._shown_by: dict[str, tuple[int, dict[Slug, int]]] = {}

    # --- a node's life ----------------------------------------------------------------------------

    def restored(self, node: "SimNode", kind: str) -> None:
        """A node's disk was replaced; it starts later."""
        self._restored[node.host] = kind
        self._counts[f"restores: {kind}"] += 1

    def started(self, node: "SimNode") -> None:
        kind = self._restored.pop(node.host, None)
        for state in node.store.log_states():
            place = (node.host, state.log_id)
            if kind is None and state.size < self.held.get(place, 0):
                self._fail(f"{node.host} lost entries of {state.origin} without a restore")
            self.held[place] = state.size
        if kind is not None:
            self._look_at_restore(node)

    def _look_at_restore(self, node: "SimNode") -> None:
        log = self.logs[node.own.log_id]
        best = max(
            (size for (_, log_id), size in self.held.items() if log_id == node.own.log_id),
            default=0,
        )
        if best < log.size:
            log.is_at_risk = True
            log.kept_below = min(best, best if log.kept_below is None else log.kept_below)
            self._counts["restores that destroyed events"] += 1
        elif any(size >= log.size for size in self._reachable(node).values()):
            self._counts["restores beside an up-to-date peer"] += 1

    def fence_asks(self, node: "SimNode") -> None:
        """The fence's question goes out: whoever can answer it is known here."""
        self._shown_by[node.host] = (self._world.scheduler.now_ms, self._reachable(node))

    def opened(self, node: "SimNode") -> None:
        """A log was opened: nobody who can be reached may hold more of it."""
        log = self.logs[node.own.log_id]
        size = node.store.log_state(node.own.log_id).size
        self._counts["logs opened"] += 1
        if size >= log.size:
            return
        since_ms, shown = self._shown_by[node.host]
        still = self._reachable(node, since_ms=since_ms)
        for slug, held in shown.items():
            if slug in still and held > size:
                self._fail(f"{node.host} opens its log at {size}, {slug} held {held} in reach")
        log.is_at_risk = True
        self._counts["logs opened behind what was published"] += 1

    def _reachable(self, node: "SimNode", since_ms: int | None = None) -> dict[Slug, int]:
        """Peers in quick and certain reach, and how much of the node's own log each offers."""
        since_ms = self._world.scheduler.now_ms if since_ms is None else since_ms
        network, found = self._world.network, {}
        for member in node.peers:
            if not self._world.is_honest(member.slug):
                continue
            peer = self._world.at[member.slug]
            ways = ((node.host, peer.host), (peer.host, node.host))
            is_reached = all(network.is_open(*way, since_ms=since_ms) for way in ways)
            if is_reached and peer.is_up and peer.up_since_ms <= since_ms:
                found[member.slug] = self.held_of(peer, node.own.log_id)
        return found

    def held_of(self, peer: "SimNode", log_id: LogId) -> int:
        return peer.store.log_state(log_id).noted_size

    # --- what is published ------------------------------------------------------------------------

    def published(self, node: "SimNode", head: OfferedHead) -> None:
        """A node offers a head from now on."""
        log, log_id = self.logs[head.log_id], head.log_id
        self.held[node.host, log_id] = max(self.held.get((node.host, log_id), 0), head.size)
        root = parse_checkpoint(parse_note(head.note).text).root
        if log_id == node.own.log_id:
            self.served(node, log_id, head.size)
            if head.size > log.size and not log.has_forked:
                self._extend(node, log, head.size)
        if head.size <= log.size and log.roots[head.size] == root:
            return
        if node.store.root_at(log_id, head.size) != root:
            self._fail(f"{node.host} offers a note that its entries do not lead to")
        if log.is_of_liar:
            return
        self._note_parting(node, log, head)
        if log.has_forked:
            return
        if not log.is_at_risk:
            self._fail(f"{node.host} offers another history of {log_id.hex()[:6]} at {head.size}")
        log.has_forked = True
        self._counts["logs forked where nobody could tell"] += 1

    def _note_parting(self, node: "SimNode", log: History, head: OfferedHead) -> None:
        """The smallest over all heads: two later branches do not part before the first ones."""
        size = 1
        while size < min(head.size, log.size) and log.roots[size] == node.store.root_at(
            head.log_id, size
        ):
            size += 1
        log.parted_at = size - 1 if log.parted_at is None else min(log.parted_at, size - 1)

    def _extend(self, node: "SimNode", log: History, size: int) -> None:
        entries = node.store.entries(node.own.log_id, log.size, size)
        for entry in entries:
            log.leaves.append(leaf_hash(entry))
            log.range = log.range.extend([log.leaves[-1]])
            log.roots.append(log.range.root())

    def served(self, node: "SimNode", log_id: LogId, end: int) -> None:
        """Entries below `end` leave a node: of its own log none above what its guard says."""
        if log_id != node.own.log_id:
            return
        if not node.disk.guard_file.exists():
            return  # lost by a restore; what the database holds is shown until it is made anew
        guard = Guard.open(node.disk.guard_file, node.own.origin)
        size = guard.read().size
        guard.close()
        if end > size:
            self._fail(f"{node.host} serves {end} of its own events, its guard stands at {size}")

    def acknowledged(self, node: "SimNode", request: RequestKey, appended: Appended) -> None:
        """A client was told where its event stands."""
        log, key = self.logs[node.own.log_id], (node.own.log_id, request)
        place = (appended.index, appended.leaf_hash)
        self._counts["events acknowledged"] += 1
        if appended.was_recorded_before:
            self._counts["events found recorded before"] += 1
        if log.is_at_risk:
            self.acked.setdefault(key, place)
            return
        if log.leaves[appended.index : appended.index + 1] != [appended.leaf_hash]:
            self._fail(f"{node.host} acknowledged an event that it did not publish")
        if self.acked.setdefault(key, place) != place:
            self._fail(f"{node.host} recorded one request twice")

    # --- accusations ----------------------------------------------------------------------------

    def frozen(self, node: "SimNode", log_id: LogId, at: int) -> None:
        self._counts["freezes"] += 1
        if not self.logs[log_id].may_be_contradicted:
            self._fail(f"{node.host} froze an honest log, {log_id.hex()[:6]}, at {at}")

    def contradicted(self, node: "SimNode", log_id: LogId, error: RegistryError) -> None:
        self._counts["contradictions"] += 1
        if not self.logs[log_id].may_be_contradicted:
            self._fail(f"{node.host} holds an honest log for contradicted: {error}")

    def dropped(self, node: "SimNode", peer: Slug, reason: str) -> None:
        self._counts["peers dropped"] += 1
        if reason.startswith(RootMismatch.reason) and self._has_copy(peer):
            # What one copy sent was compared with what the other one answered (seed 257).
            self._counts["members that run twice dropped for a moment"] += 1
        elif self._world.is_honest(peer):
            self._fail(f"{node.host} dropped the honest {peer}: {reason}")

    def _has_copy(self, slug: Slug) -> bool:
        """Whether two hosts have run with one member's keys."""
        return sum(node.own.slug == slug for node in self._world.nodes) > 1

    def _fail(self, text: str) -> None:
        msg = f"seed {self._world.seed}, {self._world.scheduler.now_ms} ms: {text}"
        self._world.scheduler.note(f"VIOLATION {text}")
        raise Violation(msg)
