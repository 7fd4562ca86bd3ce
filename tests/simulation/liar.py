"""A member that keeps no rule, in the place of one node of the federation.

    fork            shows one history to some members and another one to the others
    short_fork      the same, and one history ends soon
    three_forks     the same with three histories, two of which part later
    bad_signature   signs a checkpoint over an entry that it has not signed
    wrong_root      signs a checkpoint that no entries lead to
    relay           offers the others' logs and changes a byte of what it serves
    framing         makes up proofs that the others have forked, and signs them with another key

What it writes is made in memory by `tests.faults.honest_peer`, under its own true key.
"""

from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Final

from registry.api.v1 import replication_pb2
from registry.domain.identifiers import LogId, RootHash, Slug
from registry.errors import NotFound
from registry.log.fault_proof import SignedPrefix, encode_signed_prefix, two_histories
from registry.log.roster import Member
from registry.log.signing import Signer
from registry_node.servicers.replication import entries_message, note_to_prove
from tests.faults.honest_peer import HonestPeer
from tests.simulation.cast import REGISTRY, signer_of
from tests.simulation.network import Call

if TYPE_CHECKING:
    from tests.simulation.world import World

LIES: Final = (
    "fork",
    "short_fork",
    "three_forks",
    "bad_signature",
    "wrong_root",
    "relay",
    "framing",
)
BEFORE: Final = 4
"""So many entries are honest."""
SIZE: Final = 9
SHORT: Final = 6
_EVERY_MS: Final = 4_000
_AT_ONCE: Final = 3


@dataclass
class _Watch:
    call: Call
    client: Member
    told: int = 0


class Liar:
    """One dishonest member; it answers, and never asks."""

    def __init__(self, world: "World", own: Member, lie: str) -> None:
        self._world = world
        self.own = own
        self.host = str(own.slug)
        self.lie = lie
        self._size = 0
        self._watches: list[_Watch] = []
        first = HonestPeer(own.origin, REGISTRY, signer_of(own.slug))
        for number in range(BEFORE):
            first.write(f"event {number}")
        self._branches = [first]
        other = first.fork_at(BEFORE)
        for number in range(BEFORE, SIZE):
            first.write(f"event {number}")
        if lie.endswith(("fork", "forks")):
            size = SHORT if lie == "short_fork" else SIZE
            self._branches.append(_grown(other, size, "another"))
        if lie == "three_forks":
            self._branches.append(_grown(first.fork_at(SHORT), SIZE, "a third"))
        if lie == "bad_signature":
            first.entries[BEFORE] = first.entries[BEFORE][:-1] + b"\x00"
            first.subtrees.clear()

    def start(self) -> None:
        """Grows its log by an event now and then."""
        self._size = min(self._size + 1, SIZE)
        for watch in self._watches:
            self._tell(watch)
        self._world.scheduler.after(_EVERY_MS, self.start)

    def serve_watch(
        self, call: Call, client: Member, request: replication_pb2.WatchHeadsRequest
    ) -> None:
        told = [log.size for log in request.held if log.log_id == self.own.log_id]
        watch = _Watch(call, client, max(told, default=0))
        self._watches = [each for each in self._watches if not each.call.is_dead] + [watch]
        self._tell(watch)
        if self.lie == "relay":
            self._offer_others(watch)
        if self.lie == "framing":
            self._accuse_others(watch)
        caught_up = replication_pb2.CaughtUp(roster_version=1)
        call.answer(replication_pb2.WatchHeadsResponse(caught_up=caught_up))

    def serve_entries(self, call: Call, log_id: LogId, start: int, size: int) -> None:
        if log_id != self.own.log_id:
            self._relay(call, log_id, start, size)
            return
        peer = self._history_for(call.client)
        shown = max(size, self._shown(peer))
        if not start < shown <= len(peer.entries):
            call.finish("NOT_FOUND")
            return
        for message in peer.messages(start, shown, at_once=_AT_ONCE):
            if message.checkpoint:
                message.checkpoint = self._note(peer, shown)
            call.answer(message)

    def serve_prefix(self, call: Call, log_id: LogId, size: int) -> None:
        """GetPrefix: of the history that this client is shown, or of others' logs as they are."""
        if log_id != self.own.log_id:
            author = self._world.at[self._world.roster.member_by_log(log_id).slug]
            if author.is_up:
                author.serve_prefix(call, log_id, size)
            else:
                call.break_off("UNAVAILABLE")
            return
        peer = self._history_for(call.client)
        shown = self._shown(peer)
        if size > shown:
            call.finish("NOT_FOUND")
            return
        root = peer.range_at(size).root()
        prefix = SignedPrefix(self._note(peer, shown), (), root, peer.path(size, shown))
        call.answer(
            replication_pb2.GetPrefixResponse(
                signed_prefix=encode_signed_prefix(prefix), last_entry=peer.entries[size - 1]
            )
        )

    def _history_for(self, client: str) -> HonestPeer:
        member = self._world.roster.member_by_slug(Slug(client.rstrip("'")))
        return self._branches[member.id % len(self._branches)]

    def _shown(self, peer: HonestPeer) -> int:
        """How much of a history is shown by now."""
        return min(self._size, len(peer.entries))

    def _tell(self, watch: _Watch) -> None:
        peer = self._history_for(watch.client.slug)
        if self._shown(peer) <= watch.told or watch.call.is_dead:
            return
        watch.told = self._shown(peer)
        note = self._note(peer, watch.told)
        head = replication_pb2.Head(log_id=self.own.log_id, checkpoint=note)
        watch.call.answer(replication_pb2.WatchHeadsResponse(head=head))

    def _note(self, peer: HonestPeer, size: int) -> bytes:
        if self.lie == "wrong_root" and size > BEFORE:
            return peer.note_at(size, RootHash(sha256(b"a root of nothing").digest()))
        return peer.note_at(size)

    def _accuse_others(self, watch: _Watch) -> None:
        for node in self._world.honest_nodes():
            proof = made_up_proof(node.own, signer_of(self.own.slug))
            watch.call.answer(replication_pb2.WatchHeadsResponse(evidence=proof))

    # --- other members' logs --------------------------------------------------------------------

    def _offer_others(self, watch: _Watch) -> None:
        for node in self._world.honest_nodes():
            if not node.is_up or node.own.slug == watch.client.slug:
                continue
            state = node.store.log_state(node.own.log_id)
            if state.note is not None:
                head = replication_pb2.Head(log_id=state.log_id, checkpoint=state.note)
                watch.call.answer(replication_pb2.WatchHeadsResponse(head=head))

    def _relay(self, call: Call, log_id: LogId, start: int, size: int) -> None:
        node = self._world.at[self._world.roster.member_by_log(log_id).slug]
        if not node.is_up:
            call.break_off("UNAVAILABLE")
            return
        try:
            note, size = note_to_prove(node.store, log_id, start, size)
        except NotFound:
            call.finish("NOT_FOUND")
            return
        message = entries_message(node.store, log_id, start, size)
        entry = bytearray(message.entries[-1])
        entry[-70] ^= 1
        message.entries[-1] = bytes(entry)
        message.checkpoint = note
        call.answer(message)
        self._world.scheduler.count("entries changed by a relay")


def _grown(peer: HonestPeer, size: int, name: str) -> HonestPeer:
    while len(peer.entries) < size:
        peer.write(f"{name} event {len(peer.entries)}")
    return peer


class Forger:
    """Names a key that it does not have."""

    def __init__(self, public_key: bytes, own: Signer) -> None:
        self.public_key = public_key
        self._own = own

    def sign(self, message: bytes) -> bytes:
        return self._own.sign(message)


def made_up_proof(victim: Member, own: Signer) -> bytes:
    """A proof of two histories that somebody else wrote in a member's name."""
    forger = Forger(victim.log_key, own)
    first, second = (HonestPeer(victim.origin, REGISTRY, forger) for _ in range(2))
    prefixes = []
    for number, peer in enumerate((first, second)):
        peer.write(f"event of history {number}")
        prefixes.append(SignedPrefix(peer.note_at(1), (), peer.range_at(1).root(), ()))
    return two_histories(victim.origin, 1, prefixes[0], prefixes[1])
