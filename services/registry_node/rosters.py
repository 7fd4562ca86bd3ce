"""Newer rosters and proposals of them: exchanged with peers, verified, and adopted when complete.

A version counts from the next start on: who takes part, whose keys are trusted and where logs end
is the same in every part of a running node. The node therefore starts anew as soon as it has
adopted one; a client that records meanwhile repeats its request under the same id. Those whom it
removes are answered nothing from that moment on (see `main`); while the node stops it gives them
the version, once and for a second: afterwards nobody talks to them any more.

No peer holds this up: each is asked in a task of its own, no lock is held while a peer is asked,
and what was adopted beside this node is looked for every second.

A peer tells its newest version and the hash of it when its stream of heads begins. One that gives
an entry under a version that is not held is asked for that version too, at most every few seconds.
One that holds another roster of the same version is asked for it: if enough members have signed
that one too (who endorses was restored from an older backup), both are told of loudly and forever,
and this node follows the one that it had.
"""

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Mapping
from hashlib import sha256
from typing import Any, Final

import grpc
import structlog

from registry.api.v1 import replication_pb2
from registry.application.membership import proposals
from registry.application.membership.rosters import adopt_bytes, load_roster, rival_of
from registry.application.registry import Registry
from registry.domain.identifiers import Slug
from registry.errors import EntryError
from registry.log.roster import decode_signed_roster
from registry.peer_errors import RosterNotLinked
from registry_node.fetching import require_message

_log = structlog.get_logger()
_TIMEOUT_S: Final = 20.0
_EXCHANGED_EVERY_S: Final = 5.0
_LOOKED_EVERY_S: Final = 1.0
_ASKED_EVERY_S: Final = 5.0
_FAREWELL_S: Final = 1.0


class RosterFollowing:
    """Adopts newer versions; `adopted` is set once one was."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._folder = registry.folder
        self._changing = asyncio.Lock()
        self._version = registry.roster.version
        self._looked_at: object = None
        self._stubs: Mapping[Slug, Any] = {}
        self._connected: Callable[[], Iterable[Slug]] = tuple
        self._tasks: asyncio.TaskGroup | None = None
        self._asked_s: dict[Slug, float] = {}
        self._compared: dict[Slug, bytes] = {}
        self.hash = sha256(decode_signed_roster(registry.signed_roster(0)).roster).digest()
        """Of the roster that this node runs under."""
        self.forks: dict[Slug, bytes] = {}
        """Hashes of other rosters of this version, as validly signed, by who gave them."""
        self.lost: frozenset[Slug] = frozenset()
        """Who is answered no more under the adopted version, or until it has another TLS key."""
        self.adopted = asyncio.Event()

    def told(self, peer: Slug, told: replication_pb2.CaughtUp) -> None:
        """Takes what a peer says of its newest version, and asks it for what this node lacks."""
        if told.roster_version > self._registry.roster.version:
            self._start(self._learn(peer, told.roster_version))
        elif told.roster_version == self._registry.roster.version:
            if told.roster_hash == self.hash:
                self.forks.pop(peer, None)
            elif told.roster_hash and told.roster_hash != self._compared.get(peer):
                self._start(self._compare(peer, told.roster_hash))

    def ask(self, peer: Slug) -> None:
        """Asks a peer for the next version, unless it was asked just now."""
        now_s = asyncio.get_running_loop().time()
        asked_s = self._asked_s.get(peer)
        if asked_s is None or now_s - asked_s >= _ASKED_EVERY_S:
            self._asked_s[peer] = now_s
            self._start(self._learn(peer, self._version + 1))

    async def run(self, stubs: Mapping[Slug, Any], connected: Callable[[], Iterable[Slug]]) -> None:
        """Exchanges proposals with peers, and looks for what was adopted here, for ever."""
        self._stubs, self._connected = stubs, connected
        async with asyncio.TaskGroup() as tasks:
            self._tasks = tasks
            tasks.create_task(self._look())
            for peer in stubs:
                tasks.create_task(self._exchange(peer))
            try:
                await asyncio.Event().wait()
            finally:
                # The group ends: what a peer tells starts nothing any more.
                self._tasks = None

    def offered(self) -> list[bytes]:
        """The proposals that are kept here, as they are given to members."""
        return [each.data for each in proposals.pending(self._folder)]

    async def take(self, signed_rosters: Iterable[bytes]) -> None:
        """Takes what a member gives."""
        async with self._changing:
            is_adopted = await asyncio.to_thread(
                proposals.take, self._folder, tuple(signed_rosters)
            )
        if is_adopted:
            await self._start_anew()

    async def part(self) -> None:
        """Gives the adopted version to those whom it removes, side by side; a second in all."""
        gone = self.lost.intersection(self._stubs, self._connected())
        if not gone:
            return
        roster = await asyncio.to_thread(load_roster, self._folder)
        path = self._folder.rosters / f"{roster.version}.roster"
        request = replication_pb2.ExchangeProposalsRequest(
            signed_rosters=[await asyncio.to_thread(path.read_bytes)]
        )
        await asyncio.gather(*(self._part_from(peer, request) for peer in gone))

    async def _start_anew(self) -> None:
        roster = await asyncio.to_thread(load_roster, self._folder)
        same = {(member.slug, member.tls_certificate) for member in roster.active_members()}
        before = self._registry.roster.active_members()
        self.lost = frozenset(m.slug for m in before if (m.slug, m.tls_certificate) not in same)
        self.adopted.set()

    async def _part_from(
        self, peer: Slug, request: replication_pb2.ExchangeProposalsRequest
    ) -> None:
        try:
            await self._stubs[peer].ExchangeProposals(request, timeout=_FAREWELL_S)
        except grpc.aio.AioRpcError as error:
            _log.warning("removal_not_told", peer=peer, reason=error.code().name)

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        if self._tasks is None:
            work.close()  # nobody is asked before this runs
        else:
            self._tasks.create_task(work)

    async def _learn(self, peer: Slug, newest: int) -> None:
        """Fetches from a peer what it holds beyond this node's version, in order.

        A version that does not verify is left where it is: the next peer may give a better one.
        """
        before = self._version
        try:
            for version in range(before + 1, newest + 1):
                data = await self._given(peer, version)
                async with self._changing:
                    await asyncio.to_thread(adopt_bytes, self._folder, data)
                    self._version = max(self._version, version)
        except RosterNotLinked:
            # It follows another roster than the one that counts here.
            await self._compare(peer, b"")
        except EntryError as error:
            _log.warning("roster_refused", peer=peer, reason=error.reason)
        except grpc.aio.AioRpcError as error:
            _log.warning("roster_not_fetched", peer=peer, reason=error.code().name)
        if self._version > before:
            await self._start_anew()

    async def _compare(self, peer: Slug, told_hash: bytes) -> None:
        """Fetches a peer's roster of this version once, and tells whether it counts as well."""
        try:
            data = await self._given(peer, self._registry.roster.version)
            self._compared[peer] = told_hash
            other = await asyncio.to_thread(rival_of, self._folder, data)
        except EntryError as error:
            _log.warning("roster_refused", peer=peer, reason=error.reason)
        except grpc.aio.AioRpcError as error:
            _log.warning("roster_not_fetched", peer=peer, reason=error.code().name)
        else:
            if other is not None:
                self.forks[peer] = other
                _log.error(
                    "roster_forked",
                    peer=peer,
                    version=self._registry.roster.version,
                    held_roster=self.hash.hex(),
                    shown_roster=other.hex(),
                )

    async def _given(self, peer: Slug, version: int) -> bytes:
        request = replication_pb2.GetRosterRequest(version=version)
        answer = await self._stubs[peer].GetRoster(request, timeout=_TIMEOUT_S)
        return bytes(require_message(answer).signed_roster)

    async def _look(self) -> None:
        """Notices what was endorsed or adopted on the command line beside this node."""
        while True:
            async with self._changing:
                is_adopted = await asyncio.to_thread(self._adopt_own)
            if is_adopted:
                await self._start_anew()
            await asyncio.sleep(_LOOKED_EVERY_S)

    def _adopt_own(self) -> bool:
        path = self._folder.rosters / f"{self._version + 1}.roster"
        if path.exists():
            return True
        # Signatures are verified only where a proposal is another one than a second ago.
        kept = proposals.stamp(self._folder)
        is_changed, self._looked_at = kept != self._looked_at, kept
        return is_changed and proposals.adopt_complete(self._folder)

    async def _exchange(self, peer: Slug) -> None:
        """Gives one peer the proposals that are kept here and takes its own, for ever."""
        while True:
            if peer in self._connected():
                await self._exchange_with(peer, self._stubs[peer])
            await asyncio.sleep(_EXCHANGED_EVERY_S)

    async def _exchange_with(self, peer: Slug, stub: Any) -> None:  # noqa: ANN401 - a gRPC stub
        request = replication_pb2.ExchangeProposalsRequest(
            signed_rosters=await asyncio.to_thread(self.offered)
        )
        try:
            answer = require_message(await stub.ExchangeProposals(request, timeout=_TIMEOUT_S))
        except EntryError as error:
            _log.warning("proposals_not_exchanged", peer=peer, reason=error.reason)
            return
        except grpc.aio.AioRpcError as error:
            _log.warning("proposals_not_exchanged", peer=peer, reason=error.code().name)
            return
        if answer.signed_rosters:
            await self.take(answer.signed_rosters)
