"""Newer rosters and proposals of them: exchanged with peers, verified, and adopted when complete.

A version counts from the next start on: who takes part, whose keys are trusted and where logs end
is the same in every part of a running node. The node therefore starts anew as soon as it has
adopted one; a client that records meanwhile repeats its request under the same id. Those whom it
removes are answered nothing from that moment on (see `main`); while the node stops it gives them
the version, once and for a second: afterwards nobody talks to them any more.

No peer holds this up: each is asked in a task of its own, no lock is held while a peer is asked,
and what was adopted beside this node is looked for every second.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

import grpc
import structlog

from registry.api.v1 import replication_pb2
from registry.application.membership import proposals
from registry.application.membership.rosters import adopt_bytes, load_roster
from registry.application.registry import Registry
from registry.domain.identifiers import Slug
from registry.errors import EntryError
from registry_node.fetching import require_message

_log = structlog.get_logger()
_TIMEOUT_S: Final = 20.0
_EXCHANGED_EVERY_S: Final = 5.0
_LOOKED_EVERY_S: Final = 1.0
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
        self.lost: frozenset[Slug] = frozenset()
        """Who is answered no more under the adopted version, or until it has another TLS key."""
        self.adopted = asyncio.Event()

    async def learn(self, peer: Slug, stub: Any, newest: int) -> None:  # noqa: ANN401 - a gRPC stub
        """Fetches from a peer what it holds beyond this node's version, in order.

        A version that does not verify is left where it is: the next peer may give a better one.

        Raises:
            OSError: our own disk failed.
        """
        if await self._fetch(peer, stub, newest):
            await self._start_anew()

    async def run(self, stubs: Mapping[Slug, Any], connected: Callable[[], Iterable[Slug]]) -> None:
        """Exchanges proposals with peers, and looks for what was adopted here, for ever."""
        self._stubs, self._connected = stubs, connected
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._look())
            for peer in stubs:
                tasks.create_task(self._exchange(peer))

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

    async def _fetch(self, peer: Slug, stub: Any, newest: int) -> bool:  # noqa: ANN401 - a gRPC stub
        """Adopts what a peer gives, in order; returns whether that was any."""
        before = self._version
        try:
            for version in range(before + 1, newest + 1):
                request = replication_pb2.GetRosterRequest(version=version)
                answer = require_message(await stub.GetRoster(request, timeout=_TIMEOUT_S))
                async with self._changing:
                    await asyncio.to_thread(adopt_bytes, self._folder, answer.signed_roster)
                    self._version = max(self._version, version)
        except EntryError as error:
            _log.warning("roster_refused", peer=peer, reason=error.reason)
        except grpc.aio.AioRpcError as error:
            _log.warning("roster_not_fetched", peer=peer, reason=error.code().name)
        return self._version > before

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
