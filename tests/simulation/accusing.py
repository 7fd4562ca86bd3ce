"""Fault proofs in virtual time: what `registry_node.fault_following` does over gRPC."""

from contextlib import suppress
from typing import TYPE_CHECKING, Final

from registry.api.v1 import replication_pb2
from registry.application.fault_proofs import BadEntry
from registry.domain.identifiers import LogId, Slug
from registry.errors import EntryError, NotFound, RootMismatch, TryLater
from registry.log.checkpoint import parse_checkpoint, parse_note
from registry.log.fault_verdict import Verdict
from registry.log.roster import Member
from registry.replication.messages import HeadOffered, PartsRefused
from registry_node.fault_steps import FaultSteps, Parting
from registry_node.head_messages import size_of_other_history

if TYPE_CHECKING:
    from tests.simulation.node import SimNode

_ANSWER_MS: Final = 10_000


class Accusing:
    """What one life does about the faults of authors."""

    def __init__(self, node: "SimNode") -> None:
        self._node = node
        # No log rotates its key here: what that lifts is for tests of its own.
        self._steps = FaultSteps(node, lambda _: 0)
        self._asking: set[LogId] = set()

    def peer_came(self, peer: Slug) -> None:
        self._steps.peer_came(peer)

    def take(self, peer: Slug, data: bytes) -> None:
        """Takes a proof as a peer sent it."""
        if self._steps.was_seen(data):
            return
        try:
            self._steps.count_proof(peer)
            verdict = self._node.faults.judge(data)
        except (NotFound, TryLater):
            return
        except EntryError as error:
            self._node.scheduler.count("fault proofs refused")
            self._refuse(peer, f"{error.reason}: a fault proof does not hold: {error}")
            return
        self._keep(data, verdict, by=peer)
        self._steps.remember(data)

    def prove_bad_entry(self, member: Member, bad: BadEntry) -> bool:
        """Makes and keeps the proof of an author's fault; False = there is none."""
        proven = self._steps.of_bad_entry(member, bad)
        return proven is not None and self._keep(*proven, by=self._node.own.slug)

    def heard(self, head: HeadOffered, ours: bytes | None) -> None:
        """Looks at a head beside the note that was held when it came."""
        if ours is not None and (size := size_of_other_history(ours, head.note)):
            self.suspect(head.peer, head.log_id, size, head.note)

    def suspect_note(self, peer: Slug, log_id: LogId, note: bytes) -> None:
        """A peer shows a note that does not fit what is known of a log's keys."""
        with suppress(EntryError):
            self.suspect(peer, log_id, parse_checkpoint(parse_note(note).text).size)

    def suspect(
        self, peer: Slug, log_id: LogId, shown: int, note: bytes = b"", *, is_peers: bool = False
    ) -> None:
        """A peer shows another history of a log: asks it where the two part."""
        if log_id not in self._asking:
            self._asking.add(log_id)
            self._node.scheduler.count("partings searched")
            parting = Parting(self._node, log_id, shown, note)
            self._ask(peer, log_id, parting, is_peers=is_peers)

    def _ask(self, peer: Slug, log_id: LogId, parting: Parting, *, is_peers: bool) -> None:
        """Asks the next question, or ends the search."""
        node, size = self._node, parting.next_size()
        if size is None:
            self._conclude(peer, log_id, parting, is_peers=is_peers)
            return

        def take(answer: replication_pb2.GetPrefixResponse) -> None:
            call.cancel()
            try:
                parting.take(size, answer.signed_prefix, answer.last_entry)
            except EntryError as error:
                self._refuse(peer, f"{error.reason}: a prefix does not hold: {error}")
                self._conclude(peer, log_id, parting, is_peers=is_peers)
                return
            self._ask(peer, log_id, parting, is_peers=is_peers)

        def end(_reason: str) -> None:
            node.scheduler.count("partings cut short")
            self._conclude(peer, log_id, parting, is_peers=is_peers)

        member = node.roster.member_by_slug(peer)
        call = node.world.call(node, member, "prefix", node.guarded(take), node.guarded(end))
        call.request(node.world.serving(member, lambda to: to.serve_prefix(call, log_id, size)))
        node.later(_ANSWER_MS, lambda: call.end("DEADLINE_EXCEEDED"))

    def _conclude(self, peer: Slug, log_id: LogId, parting: Parting, *, is_peers: bool) -> None:
        self._asking.discard(log_id)
        if is_peers and parting.is_agreed:
            self._refuse(peer, f"{RootMismatch.reason}: its entries were not those of its log")
        proven = parting.prove()
        if proven is not None:
            self._keep(*proven, by=self._node.own.slug)

    def _keep(self, data: bytes, verdict: Verdict, *, by: Slug) -> bool:
        node = self._node
        if not self._steps.counts(verdict, by=by):
            return False
        if node.write(lambda: node.faults.keep(data, verdict).result()):
            is_own = by == node.own.slug
            node.scheduler.count("fault proofs made" if is_own else "fault proofs taken")
            where = f"{verdict.log_id.hex()[:6]} ends at {verdict.frozen_at}"
            node.scheduler.note(f"{node.host}: {where}, {verdict.reason}, by {by}")
        return True

    def _refuse(self, peer: Slug, reason: str) -> None:
        self._node.following.tell(PartsRefused(peer, reason))
