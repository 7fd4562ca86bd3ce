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
from hashlib import sha256
from typing import Final

import grpc
import structlog

from registry.api.v1 import replication_pb2
from registry.application import Registry
from registry.application.fault_proofs import BadEntry
from registry.domain.identifiers import LogId, Slug
from registry.errors import (
    EntryError,
    LimitExceeded,
    NotFound,
    RegistryError,
    RootMismatch,
    TryLater,
)
from registry.log.checkpoint import parse_checkpoint, parse_note
from registry.log.fault_proof import SignedPrefix, decode_signed_prefix
from registry.log.fault_verdict import Verdict, newest_generation
from registry.log.log_keys import keys_of_member
from registry.log.roster import Member
from registry.replication.effects import FetchEntries, TakeTail
from registry.replication.messages import HeadOffered
from registry.replication.parting import PartingSearch
from registry_node.fetching import ReplicationStub, require_message, written
from registry_node.head_messages import size_of_other_history

_log = structlog.get_logger()
PROOFS_PER_STREAM: Final = 500
"""So many new proofs one stream of heads may bring: more than all members' logs can need."""
_REMEMBERED: Final = 10_000


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
        self._seen: dict[bytes, None] = {}
        self._taken: dict[Slug, int] = {}
        self._asking: set[LogId] = set()
        self._tasks: asyncio.TaskGroup | None = None
        self._stubs: Mapping[Slug, ReplicationStub] = {}

    def start(self, tasks: asyncio.TaskGroup, stubs: Mapping[Slug, ReplicationStub]) -> None:
        """From now on peers can be asked."""
        self._tasks, self._stubs = tasks, stubs

    def peer_came(self, peer: Slug) -> None:
        """A stream was opened: its proofs are counted anew."""
        self._taken[peer] = 0

    async def take(self, peer: Slug, data: bytes) -> None:
        """Takes a proof as a peer sent it; one that was judged before costs nothing.

        Raises:
            StorageError: our own disk failed.
        """
        digest = sha256(data).digest()
        if digest in self._seen:
            return
        self._taken[peer] = self._taken.get(peer, 0) + 1
        try:
            if self._taken[peer] > PROOFS_PER_STREAM:
                msg = f"a stream brings at most {PROOFS_PER_STREAM} fault proofs"
                raise LimitExceeded(msg)
            verdict = await asyncio.to_thread(self._registry.faults.judge, data)
        except (NotFound, TryLater):
            return  # of a newer roster: it comes again on the next stream
        except EntryError as error:
            self._refuse(peer, f"{error.reason}: a fault proof does not hold: {error}")
            return
        await self._keep(data, verdict, by=peer)
        self._seen[digest] = None
        if len(self._seen) > _REMEMBERED:
            del self._seen[next(iter(self._seen))]

    async def prove_bad_entry(self, member: Member, bad: BadEntry) -> bool:
        """Makes and keeps the proof of an author's fault; False = there is none that others take.

        Raises:
            StorageError: our own disk failed.
        """
        try:
            data = await asyncio.to_thread(self._registry.faults.of_bad_entry, member, bad)
            verdict = await asyncio.to_thread(self._registry.faults.judge, data)
        except (EntryError, NotFound, TryLater) as error:
            _log.warning("fault_not_proven", log=member.slug, at=bad.index, reason=error.reason)
            return False
        return await self._keep(data, verdict, by=self._registry.own.slug)

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
        member = self._registry.roster.member_by_log(verdict.log_id)
        if verdict.generation < self._known_generation(member):
            _log.warning("fault_proof_of_retired_key", log=member.slug, peer=by)
            return False
        faults = self._registry.faults
        is_new = await written(lambda: faults.keep(data, verdict))
        if is_new:
            at, reason = verdict.frozen_at, verdict.reason
            _log.error("log_frozen", log=member.slug, at=at, reason=reason, peer=by)
        return True

    def _known_generation(self, member: Member) -> int:
        held = newest_generation(self._registry.log_keys(member))
        return max(held, self._shown_generation(member.log_id))

    async def _find_parting(
        self, peer: Slug, log_id: LogId, shown: int, note: bytes, *, is_peers: bool
    ) -> None:
        member = self._registry.roster.member_by_log(log_id)
        try:
            state = await asyncio.to_thread(self._registry.store.log_state, log_id)
            search = PartingSearch(
                keys_of_member(self._registry.registry_id, member),
                lambda size: self._registry.store.root_at(log_id, size),
                held=state.size,
                shown=shown,
            )
            if note:
                await asyncio.to_thread(self._begin, search, log_id, note)
            entry = await self._ask_all(peer, log_id, search)
            if is_peers and search.is_agreed:
                reason = RootMismatch.reason
                self._refuse(peer, f"{reason}: its log is the one held here, its entries were not")
            if search.theirs is not None and search.parted_by is not None:
                await self._prove(member, search.parted_by, search.theirs, entry)
        except TryLater as error:
            _log.warning("parting_not_found", log=member.slug, peer=peer, reason=error.reason)
        finally:
            self._asking.discard(log_id)

    def _begin(self, search: PartingSearch, log_id: LogId, note: bytes) -> None:
        """Begins with a note of a size that is held, if its key is known here."""
        checkpoint = parse_checkpoint(parse_note(note).text)
        shown = self._registry.faults.rotations_before(log_id, checkpoint.size)
        with suppress(EntryError):
            search.take(checkpoint.size, SignedPrefix(note, shown, checkpoint.root, ()))

    async def _ask_all(self, peer: Slug, log_id: LogId, search: PartingSearch) -> bytes:
        """Asks until nothing is left, or the peer fails; returns its entry where they part."""
        entry = b""
        try:
            while (size := search.next_size()) is not None:
                request = replication_pb2.GetPrefixRequest(log_id=log_id, size=size)
                call = self._stubs[peer].GetPrefix(request, timeout=self._timeout_s)
                answer = require_message(await call)
                prefix = decode_signed_prefix(answer.signed_prefix)
                await asyncio.to_thread(search.take, size, prefix)
                if search.parted_by == size:
                    entry = answer.last_entry
        except grpc.aio.AioRpcError as error:
            _log.warning("parting_cut_short", peer=peer, outcome=error.code().name)
        except EntryError as error:
            self._refuse(peer, f"{error.reason}: a prefix does not hold: {error}")
        return entry

    async def _prove(
        self, member: Member, parted_by: int, theirs: SignedPrefix, their_entry: bytes
    ) -> None:
        faults = self._registry.faults
        try:
            data = await asyncio.to_thread(
                faults.of_two_histories, member, parted_by, theirs, their_entry
            )
            verdict = await asyncio.to_thread(faults.judge, data)
        except (EntryError, NotFound) as error:
            _log.warning("fault_not_proven", log=member.slug, at=parted_by, reason=error.reason)
            return
        await self._keep(data, verdict, by=self._registry.own.slug)
