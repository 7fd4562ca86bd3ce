"""Keeps the case list in step with the store, behind more urgent work.

A fold holds the interpreter lock, and so it waits for a quiet moment: an event that is just being
recorded or passed on is not held up by the fold of the one before. While this node is catching up
on entries or content by the thousand it waits for longer: the histories are readable without it,
and two processes' worth of work on one interpreter would slow both. `projection_lag` in the node's
status counts what is not folded yet.
"""

import asyncio
from typing import Final

import structlog

from registry.application import Registry
from registry.store.values import StoreEvent
from registry_node.mirror import Mirror

_log = structlog.get_logger()
_QUIET_S: Final = 0.1
_LONGEST_S: Final = 0.5
"""Events that come without a pause are folded this often all the same."""
_CATCHING_UP_S: Final = 0.25


class ProjectionLoop:
    """Folds whenever something was stored and nothing more urgent is going on."""

    def __init__(self, registry: Registry, mirror: Mirror) -> None:
        self._registry = registry
        self._mirror = mirror
        self._changed = asyncio.Event()
        self._changed.set()
        self._loop = asyncio.get_running_loop()
        self._stored_at_s = self._loop.time() - _QUIET_S

    async def run(self) -> None:
        """Runs until cancelled."""
        self._registry.store.add_listener(self._notice)
        while True:
            await self._changed.wait()
            if self._mirror.is_catching_up:
                await asyncio.sleep(_CATCHING_UP_S)
                continue
            await self._wait_for_quiet()
            self._changed.clear()
            progress = await asyncio.to_thread(self._registry.projector.advance)
            if progress.is_behind:
                self._changed.set()
            elif progress.changes:
                _log.info("cases_folded", changes=progress.changes)

    async def _wait_for_quiet(self) -> None:
        """Returns when nothing was stored for `_QUIET_S`, after `_LONGEST_S` in any case."""
        deadline_s = self._loop.time() + _LONGEST_S
        while True:
            quiet_at_s = self._stored_at_s + _QUIET_S
            wait_s = min(quiet_at_s, deadline_s) - self._loop.time()
            if wait_s <= 0:
                return
            await asyncio.sleep(wait_s)

    def _notice(self, event: StoreEvent) -> None:
        """Called in the writer's thread after a commit."""
        del event
        self._stored_at_s = self._loop.time()
        # The loop is woken once a fold: what comes before the flag is cleared is folded with it.
        if not self._changed.is_set():
            self._loop.call_soon_threadsafe(self._changed.set)
