"""Fault proofs at a node: takes them from peers, makes them where it meets a fault, lets them go.

A peer's proof is judged by the roster before anything else is done with it. One that does not hold
costs the peer its stream, and nothing else happens. One that holds and is of a key that was
replaced since is left: an honest peer may not know of that yet.

Who meets another history of a log than is held asks the peer that showed it where the two part, and
proves it. If the peer vanishes in the middle, what was found by then is proven; a later proof can
only move the end of the log forward.
"""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress

import grpc
import structlog

from registry.api.v1 import replication_pb2
from registry.application import Registry
from registry.application.fault_proofs import BadEntry
from registry.domain.identifiers import LogId, Slug
from registry.errors import DamagedLog, EntryError, NotFound, RegistryError, RootMismatch, TryLater
from registry.log.checkpoint import parse_checkpoint, parse_note
from registry.log.fault_verdict import Verdict
from registry.log.roster import Member
from registry.replication.effects import FetchEntries, TakeTail
from registry.replication.messages import HeadOffered
from registry_node.fault_steps import FaultSteps, Parting
from registry_node.fetching import ReplicationStub, require_message, written
from registry_node.head_messages import size_of_other_history

_log = structlog.get_logger()


class FaultFollowing:
    """What one node does about the faults of authors."""

    def __init__(
        self,
        registry: Registry,
        *,
        timeout_s: float,
        shown_generation: Callable[[LogId], int],
        refuse: Callable[[Slug, str], None],
    ) -> None:
        """Does nothing yet.

        Args:
            registry: where proofs are kept.
            timeout_s: for each question to a peer.
            shown_generation: how often peers have shown the key of a log to be rotated.
            refuse: drops a peer for a reason.
        """
        self._registry = registry
        self._timeout_s = timeout_s
        self._shown_generation = shown_generation
        self._refuse = refuse
        self._steps = FaultSteps(registry, shown_generation)
        self._asking: set[LogId] = set()
        self._tasks: asyncio.TaskGroup | None = None
        self._stubs: Mapping[Slug, ReplicationStub] = {}

    def start(self, tasks: asyncio.TaskGroup, stubs: Mapping[Slug, ReplicationStub]) -> None:
        """From now on peers can be asked."""
        self._tasks, self._stubs = tasks, stubs

    def peer_came(self, peer: Slug) -> None:
        """A stream was opened: its proofs are counted anew."""
        self._steps.peer_came(peer)

    async def take(self, peer: Slug, data: bytes) -> None:
        """Takes a proof as a peer sent it; one that was judged before costs nothing.

        Raises:
            StorageError: our own disk failed.
        """
        if self._steps.was_seen(data):
            return
        try:
            self._steps.count_proof(peer)
            verdict = await asyncio.to_thread(self._registry.faults.judge, data)
        except (NotFound, TryLater):
            return  # of a newer roster: it comes again on the next stream
        except EntryError as error:
            self._refuse(peer, f"{error.reason}: a fault proof does not hold: {error}")
            return
        await self._keep(data, verdict, by=peer)
        self._steps.remember(data)

    async def prove_bad_entry(self, member: Member, bad: BadEntry) -> bool:
        """Makes and keeps the proof of an author's fault; False = there is none that others take.

        Raises:
            StorageError: our own disk failed.
        """
        proven = await asyncio.to_thread(self._steps.of_bad_entry, member, bad)
        return proven is not None and await self._keep(*proven, by=self._registry.own.slug)

    def suspect(
        self, peer: Slug, log_id: LogId, shown: int, note: bytes = b"", *, is_peers: bool = False
    ) -> None:
        """A peer shows another history of a log: asks it where the two part.

        Args:
            peer: who shows it.
            log_id: the log.
            shown: size of the checkpoint by which it does.
            note: that checkpoint, where it is of a size that is held: it proves by itself.
            is_peers: it is the peer's own fault if there is no other history.
        """
        if self._tasks is not None and log_id not in self._asking and peer in self._stubs:
            self._asking.add(log_id)
            self._tasks.create_task(
                self._find_parting(peer, log_id, shown, note, is_peers=is_peers)
            )

    def suspect_fetch(self, effect: FetchEntries | TakeTail, error: RegistryError) -> None:
        """What a peer sent of a log contradicts what is held of it."""
        is_peers = isinstance(error, RootMismatch)
        self.suspect(effect.peer, effect.log_id, effect.size, is_peers=is_peers)

    def suspect_own_log(self, peer: Slug, shown: int) -> None:
        """A peer shows another history of this node's own log."""
        self.suspect(peer, self._registry.own.log_id, shown)

    def suspect_note(self, peer: Slug, log_id: LogId, note: bytes) -> None:
        """A peer shows a note, or rotations, that do not fit what is known of a log's keys."""
        with suppress(EntryError):
            self.suspect(peer, log_id, parse_checkpoint(parse_note(note).text).size)

    def heard(self, head: HeadOffered, ours: bytes | None) -> None:
        """Looks at a head beside the note that was held when it came."""
        if head.rotations:
            self.rotated(head.log_id)
        if ours is not None and (size := size_of_other_history(ours, head.note)):
            self.suspect(head.peer, head.log_id, size, head.note)

    def rotated(self, log_id: LogId) -> None:
        """A peer has shown a rotation of a log's key: proofs of keys before it count no more."""
        if self._tasks is not None:
            self._tasks.create_task(self._drop_retired(log_id))

    async def _drop_retired(self, log_id: LogId) -> None:
        generation = self._shown_generation(log_id)
        store = self._registry.store
        if not generation:
            return
        is_lifted = await written(lambda: store.drop_retired_proofs(log_id, generation))
        if is_lifted:
            member = self._registry.roster.member_by_log(log_id)
            _log.warning("freeze_lifted", log=member.slug)

    async def _keep(self, data: bytes, verdict: Verdict, *, by: Slug) -> bool:
        if not self._steps.counts(verdict, by=by):
            return False
        faults = self._registry.faults
        is_new = await written(lambda: faults.keep(data, verdict))
        if is_new:
            at, reason = verdict.frozen_at, verdict.reason
            log = self._registry.roster.member_by_log(verdict.log_id).slug
            _log.error("log_frozen", log=log, at=at, reason=reason, peer=by)
        return True

    async def _find_parting(
        self, peer: Slug, log_id: LogId, shown: int, note: bytes, *, is_peers: bool
    ) -> None:
        member = self._registry.roster.member_by_log(log_id)
        try:
            parting = await asyncio.to_thread(Parting, self._registry, log_id, shown, note)
            await self._ask_all(peer, log_id, parting)
            if is_peers and parting.is_agreed:
                reason = RootMismatch.reason
                self._refuse(peer, f"{reason}: its log is the one held here, its entries were not")
            proven = await asyncio.to_thread(parting.prove)
            if proven is not None:
                await self._keep(*proven, by=self._registry.own.slug)
        except (TryLater, NotFound, DamagedLog) as error:
            # Not found: what is held of the own log is shown no more once it is stopped.
            _log.warning("parting_not_found", log=member.slug, peer=peer, reason=error.reason)
        finally:
            self._asking.discard(log_id)

    async def _ask_all(self, peer: Slug, log_id: LogId, parting: Parting) -> None:
        """Asks until nothing is left, or the peer fails."""
        try:
            while (size := parting.next_size()) is not None:
                request = replication_pb2.GetPrefixRequest(log_id=log_id, size=size)
                call = self._stubs[peer].GetPrefix(request, timeout=self._timeout_s)
                answer = require_message(await call)
                prefix, entry = answer.signed_prefix, answer.last_entry
                await asyncio.to_thread(parting.take, size, prefix, entry)
        except grpc.aio.AioRpcError as error:
            _log.warning("parting_cut_short", peer=peer, outcome=error.code().name)
        except EntryError as error:
            self._refuse(peer, f"{error.reason}: a prefix does not hold: {error}")
