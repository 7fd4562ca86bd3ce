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
from typing import Final

import grpc
import structlog

from registry.api.v1 import replication_pb2
from registry.application.fault_proofs import BadEntry
from registry.application.registry import Registry
from registry.domain.identifiers import LogId, Slug
from registry.errors import (
    DamagedLog,
    EntryError,
    NotFound,
    RegistryError,
    RootMismatch,
    StorageError,
    TryLater,
)
from registry.log.checkpoint import parse_checkpoint, parse_note
from registry.log.fault_verdict import Verdict
from registry.log.roster import Member
from registry.replication.effects import FetchEntries, TakeTail
from registry.replication.messages import HeadOffered
from registry_node.fault_steps import FaultSteps, Parting
from registry_node.fetching import ReplicationStub, require_message, written
from registry_node.head_messages import size_of_other_history
from registry_node.heads import HeadHub
from registry_node.observability import place_of

_log = structlog.get_logger()
_BUSY_S: Final = 0.2
_SEARCH_CALLS: Final = 3
"""A whole search may take as long as so many of its questions at their slowest."""


class FaultFollowing:
    """What one node does about the faults of authors."""

    def __init__(
        self,
        registry: Registry,
        *,
        timeout_s: float,
        shown_generation: Callable[[LogId], int],
        refuse: Callable[[Slug, str], None],
        heads: HeadHub,
    ) -> None:
        """Does nothing yet.

        Args:
            registry: where proofs are kept.
            timeout_s: for each question to a peer.
            shown_generation: how often peers have shown the key of a log to be rotated.
            refuse: drops a peer for a reason.
            heads: offers proofs to peers.
        """
        self._registry = registry
        self._timeout_s = timeout_s
        self._shown_generation = shown_generation
        self._refuse = refuse
        self._heads = heads
        self._steps = FaultSteps(registry, shown_generation)
        self._asking: set[tuple[Slug, LogId]] = set()
        self._dropped: dict[LogId, int] = {}
        self._dropping: set[LogId] = set()
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
        except StorageError:
            raise
        except Exception as error:  # noqa: BLE001 - the outermost handler of a peer's proof
            self._broke(peer, error)
            return
        await self._keep(data, verdict, by=peer)
        self._steps.remember(data)

    async def end_log(self, member: Member, bad: BadEntry) -> bool:
        """Ends a log at an entry that breaks a rule, by a proof that others take.

        Without one it goes on: whoever has found two keys of a log can sign what others have no
        proof of, and only a proof is let go when it turns out that they were replaced.

        Returns:
            False if it does not end: there is no proof, or its key was replaced.

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
        is_asked = (peer, log_id) in self._asking
        if self._tasks is not None and not is_asked and peer in self._stubs:
            self._asking.add((peer, log_id))
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
        if self._tasks is not None and self._is_outdated(log_id) and log_id not in self._dropping:
            self._dropping.add(log_id)
            self._tasks.create_task(self._drop_until_shown(log_id))

    def _is_outdated(self, log_id: LogId) -> bool:
        """Whether a newer key was shown than the proofs were looked at for."""
        return self._shown_generation(log_id) > self._dropped.get(log_id, 0)

    async def _drop_until_shown(self, log_id: LogId) -> None:
        """One write for each rotation, however often heads repeat it."""
        try:
            while self._is_outdated(log_id):
                generation = self._shown_generation(log_id)
                await self._drop_retired(log_id, generation)
                self._dropped[log_id] = generation
        finally:
            self._dropping.discard(log_id)

    async def _drop_retired(self, log_id: LogId, generation: int) -> None:
        store = self._registry.store
        is_lifted = await written(lambda: store.drop_retired_proofs(log_id, generation))
        await self._offer_kept(log_id)
        if is_lifted:
            member = self._registry.roster.member_by_log(log_id)
            _log.warning("freeze_lifted", log=member.slug)

    async def _offer_kept(self, log_id: LogId) -> None:
        """Offers the proof of a log that is kept now, if any, in place of one that is not."""
        offered = self._heads.proof_of(log_id)
        while True:
            try:
                kept = await asyncio.to_thread(self._registry.faults.kept)
                break
            except TryLater:
                await asyncio.sleep(_BUSY_S)
        if self._heads.proof_of(log_id) == offered:  # else a newer one came meanwhile
            left = [each.proof for each in kept if each.log_id == log_id]
            self._heads.publish_proof(log_id, left[-1] if left else b"")

    async def _keep(self, data: bytes, verdict: Verdict, *, by: Slug) -> bool:
        if not self._steps.counts(verdict, by=by):
            return False
        faults = self._registry.faults
        is_new = await written(lambda: faults.keep(data, verdict))
        if is_new:
            at, reason = verdict.frozen_at, verdict.reason
            log = self._registry.roster.member_by_log(verdict.log_id).slug
            _log.error("log_frozen", log=log, at=at, reason=reason, peer=by)
        if (shown := self._shown_generation(verdict.log_id)) > verdict.generation:
            # A rotation was heard of while the proof waited for its turn to be written.
            await self._drop_retired(verdict.log_id, shown)
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
        except StorageError:
            raise
        except Exception as error:  # noqa: BLE001 - the outermost handler of a search
            self._broke(peer, error)
        finally:
            self._asking.discard((peer, log_id))

    def _broke(self, peer: Slug, error: Exception) -> None:
        """A mistake of ours that a peer's bytes bring out costs that peer, not the node."""
        _log.error("fault_handling_broke", peer=peer, at=place_of(error))
        self._refuse(peer, f"internal_error: {type(error).__name__}")

    async def _ask_all(self, peer: Slug, log_id: LogId, parting: Parting) -> None:
        """Asks until nothing is left, or the peer fails or takes too long over it all."""
        loop = asyncio.get_running_loop()
        ends_s = loop.time() + _SEARCH_CALLS * self._timeout_s
        try:
            while (size := parting.next_size()) is not None:
                left_s = ends_s - loop.time()
                if left_s <= 0:
                    _log.warning("parting_cut_short", peer=peer, outcome="DEADLINE_EXCEEDED")
                    return
                request = replication_pb2.GetPrefixRequest(log_id=log_id, size=size)
                timeout_s = min(self._timeout_s, left_s)
                call = self._stubs[peer].GetPrefix(request, timeout=timeout_s)
                answer = require_message(await call)
                prefix, entry = answer.signed_prefix, answer.last_entry
                await asyncio.to_thread(parting.take, size, prefix, entry)
        except grpc.aio.AioRpcError as error:
            _log.warning("parting_cut_short", peer=peer, outcome=error.code().name)
        except EntryError as error:
            self._refuse(peer, f"{error.reason}: a prefix does not hold: {error}")
