"""Keeps the case list in step with the store, behind more urgent work.

While this node is catching up on a peer's log by the thousand, the projection waits: the histories
are readable without it, and two processes' worth of work on one interpreter would slow both.
"""

import asyncio
from typing import Final

import structlog

from registry.application import Registry
from registry.store.entries import StoreEvent
from registry_node.mirror import Mirror

_log = structlog.get_logger()
_PAUSE_S: Final = 0.05
"""Shortest time between two folds: cases that change every few milliseconds are folded once."""
_WAIT_LONGEST_S: Final = 0.25


class ProjectionLoop:
    """Folds whenever something was stored."""

    def __init__(self, registry: Registry, mirror: Mirror) -> None:
        self._registry = registry
        self._mirror = mirror
        self._changed = asyncio.Event()
        self._changed.set()
        self._loop = asyncio.get_running_loop()

    async def run(self) -> None:
        """Runs until cancelled."""
        self._registry.store.add_listener(self._notice)
        while True:
            await self._changed.wait()
            if self._mirror.is_catching_up:
                await asyncio.sleep(_WAIT_LONGEST_S)
                continue
            self._changed.clear()
            progress = await asyncio.to_thread(self._registry.projector.advance)
            if progress.is_behind:
                self._changed.set()
            elif progress.changes:
                _log.info("cases_folded", changes=progress.changes)
            await asyncio.sleep(_PAUSE_S)

    def _notice(self, event: StoreEvent) -> None:
        """Called in the writer's thread after a commit."""
        del event
        self._loop.call_soon_threadsafe(self._changed.set)
