"""Newer rosters: fetched from whoever has them, verified as a chain, and kept.

A version counts from the next start on: who takes part, whose keys are trusted and where logs end
is the same in every part of a running node. The node therefore starts anew as soon as it has
adopted one; a client that records meanwhile repeats its request under the same id.
"""

import asyncio
from typing import Any, Final

import grpc
import structlog

from registry.api.v1 import replication_pb2
from registry.application import Registry
from registry.application.rosters import adopt_bytes
from registry.domain.identifiers import Slug
from registry.errors import RosterError

_log = structlog.get_logger()
_TIMEOUT_S: Final = 20.0


class RosterFollowing:
    """Adopts newer versions; `adopted` is set once one was."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._fetching = asyncio.Lock()
        self._version = registry.roster.version
        self.adopted = asyncio.Event()

    async def learn(self, peer: Slug, stub: Any, newest: int) -> None:  # noqa: ANN401 - a gRPC stub
        """Fetches from a peer what it holds beyond this node's version, in order.

        A version that does not verify is left where it is: the next peer may give a better one.

        Raises:
            OSError: our own disk failed.
        """
        async with self._fetching:
            if newest <= self._version:
                return
            try:
                for version in range(self._version + 1, newest + 1):
                    request = replication_pb2.GetRosterRequest(version=version)
                    answer = await stub.GetRoster(request, timeout=_TIMEOUT_S)
                    await asyncio.to_thread(
                        adopt_bytes, self._registry.folder, answer.signed_roster
                    )
                    self._version = version
                    self.adopted.set()
            except RosterError as error:
                _log.warning("roster_refused", peer=peer, reason=error.reason)
            except grpc.aio.AioRpcError as error:
                _log.warning("roster_not_fetched", peer=peer, reason=error.code().name)
