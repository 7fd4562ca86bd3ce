"""Keeps content closed at the start until the logs have caught up with what peers show.

A node that was restored with everything it had (database and tombstone journal: a snapshot of the
machine) does not know what was erased since. So no content is read or given out until every peer
that answers at the start has shown its heads and all of them are held: with the entries come the
erasures. Nobody there to answer opens it too: there is nobody to learn from. A peer that answers
and goes away, or never lets this node catch up, does not keep it closed for ever.

A node that joined later and has not finished its first sync asks for more: see `first_sync`. It
opens without that too once it has waited for the longest time, and says so.
"""

import asyncio
from collections.abc import Callable, Collection
from typing import Final

import structlog

from registry.application.registry import Registry
from registry.domain.identifiers import Slug
from registry_node.first_sync import FirstSync

_log = structlog.get_logger()
_LOOK_S: Final = 0.02
_LOOK_AGAIN_S: Final = 1.0
_LONGEST_S: Final = 60.0
_GONE_S: Final = 5.0
"""A peer that answered the first question and is not connected after so long is gone again."""


class ContentGate:
    """Closed from the beginning; opens once."""

    def __init__(
        self,
        registry: Registry,
        *,
        answered: Callable[[], Collection[Slug] | None],
        is_connected: Callable[[Slug], bool],
        is_caught_up: Callable[[Slug], bool],
        first_sync: FirstSync,
    ) -> None:
        """Closes the content.

        Args:
            registry: whose content it is.
            answered: the peers that answered the fence's first question; None = not asked yet.
            is_connected: whether a peer's stream of heads is open.
            is_caught_up: whether all that a peer has shown since the start is held.
            first_sync: of this node.
        """
        self._registry = registry
        self._answered = answered
        self._is_connected = is_connected
        self._is_caught_up = is_caught_up
        self._first_sync = first_sync
        self._opened = asyncio.Event()
        registry.store.close_content()

    async def run(self) -> None:
        """Opens the content when it may be; ends when the first sync is done too."""
        loop = asyncio.get_running_loop()
        started_s = loop.time()
        while not self._may_open(loop.time() - started_s):
            if loop.time() - started_s > _LONGEST_S:
                _log.warning("content_opened_behind")
                self._first_sync.warn()
                break
            await asyncio.sleep(_LOOK_S)
        self._registry.store.open_content()
        self._opened.set()
        while True:
            if self._first_sync.is_done:
                self._first_sync.end()
                return
            await asyncio.sleep(_LOOK_AGAIN_S)

    async def wait(self) -> None:
        """Returns when the content is open."""
        await self._opened.wait()

    def _may_open(self, waited_s: float) -> bool:
        answered = self._answered()
        if answered is None or not self._first_sync.is_done:
            return False
        is_late = waited_s > _GONE_S
        return all(
            self._is_caught_up(peer) or (is_late and not self._is_connected(peer))
            for peer in answered
        )
