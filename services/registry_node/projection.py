"""Keeps the case list in step with the store, behind more urgent work.

A fold holds the interpreter lock, and so it waits for a quiet moment and goes on in small steps: an
event that is just being recorded or passed on is not held up by the fold of the ones before. While
this node is catching up on entries or content by the thousand it waits for longer: the histories
are readable without it, and two processes' worth of work on one interpreter would slow both. No
wait is without end: a log that trickles for ever does not keep the others out of the list.
`projection_lag` in the node's status counts what is not folded yet.
"""

import asyncio
from contextlib import suppress
from typing import Final

import structlog

from registry.application.registry import Registry
from registry.errors import DamagedLog, TryLater
from registry.store.values import PartsErased, StoreEvent
from registry.views.projector import Progress
from registry_node.mirror import Mirror

_log = structlog.get_logger()
_QUIET_S: Final = 0.1
_LONGEST_S: Final = 2.0
"""Events that come without a pause are folded this often all the same."""
_SHARE: Final = 3.0
"""A fold is followed by a rest that is so many times as long, unless more is behind: a case that
changes again and again is folded whole each time. What was erased does not wait for its end."""
_LONGEST_PAUSE_S: Final = 5.0
_STEP_QUIET_S: Final = 0.003
_STEP_LONGEST_S: Final = 0.05
"""The same between two steps of a fold: what was just stored is passed on first."""
_CATCHING_UP_S: Final = 0.25
_LONGEST_CATCHING_UP_S: Final = 30.0
_TURN_S: Final = 10.0
"""After the longest wait, folds begin beside the catching up for so long; then they wait again."""
_RESTS: Final = 9.0
"""Beside the catching up a step is followed by a rest that is so many times as long."""
_LONGEST_REST_S: Final = 1.0
_EMBARGOES_S: Final = 30.0
"""So long after an embargo the lists may lack its content; the history shows it at once."""
_POSTPONED_S: Final = 1.0
"""After a busy moment, and while a reader keeps what was erased in the list's write-ahead log."""
_DAMAGED_S: Final = 5.0
"""After something in a log could not be read: it has to be repaired first."""


class ProjectionLoop:
    """Folds whenever something was stored and nothing more urgent is going on."""

    def __init__(self, registry: Registry, mirror: Mirror) -> None:
        self._registry = registry
        self._mirror = mirror
        self._changed = asyncio.Event()
        self._changed.set()
        self._loop = asyncio.get_running_loop()
        self._stored_at_s = self._loop.time() - _QUIET_S
        self._turn_ends_s = self._loop.time()
        self._rest_ends_s = self._loop.time()
        self._erased = asyncio.Event()
        self._again: asyncio.TimerHandle | None = None

    async def run(self) -> None:
        """Runs until cancelled.

        Raises:
            StorageError: our own disk failed.
        """
        self._registry.store.add_listener(self._notice)
        await self._mirror.content.wait()
        while True:
            await self._wait_for_change()
            await self._wait_for_catching_up()
            await self._rest()
            await self._wait_for_quiet(_QUIET_S, _LONGEST_S)
            self._changed.clear()
            try:
                progress = await self._fold()
            except TryLater as error:
                _log.warning("fold_postponed", reason=error.reason)
                self._changed.set()
                await asyncio.sleep(_POSTPONED_S)
                continue
            except DamagedLog as error:
                # Until the scrub has repaired it: all that can be read is in the list.
                _log.error("fold_postponed", reason=error.reason)
                self._changed.set()
                await asyncio.sleep(_DAMAGED_S)
                continue
            if progress.is_behind:
                self._changed.set()
            elif progress.changes:
                _log.info("cases_folded", changes=progress.changes)
            if not progress.has_forgotten:
                self._look_again()

    async def _rest(self) -> None:
        """Returns when the last fold was long enough ago, or when something has been erased."""
        if (left_s := self._rest_ends_s - self._loop.time()) > 0:
            with suppress(TimeoutError):
                async with asyncio.timeout(left_s):
                    await self._erased.wait()
        self._erased.clear()

    async def _wait_for_change(self) -> None:
        """Returns when something was stored, and now and then for embargoes that end."""
        try:
            async with asyncio.timeout(_EMBARGOES_S):
                await self._changed.wait()
        except TimeoutError:
            return

    async def _fold(self) -> Progress:
        """Folds one batch, step by step.

        Raises:
            TryLater: not now; also where the disk has no room for lists.
        """
        self._registry.store.disk.check_for_own()
        steps = self._registry.projector.steps()
        last = Progress(changes=0, is_behind=False)
        worked_s = 0.0
        while True:
            started_s = self._loop.time()
            done = await asyncio.to_thread(next, steps, None)
            took_s = self._loop.time() - started_s
            worked_s += took_s
            if done is None:
                if not last.is_behind:
                    pause_s = min(_SHARE * worked_s, _LONGEST_PAUSE_S)
                    self._rest_ends_s = self._loop.time() + pause_s
                return last
            last = done
            if self._mirror.is_catching_up:
                await asyncio.sleep(min(_RESTS * took_s, _LONGEST_REST_S))
            await self._wait_for_quiet(_STEP_QUIET_S, _STEP_LONGEST_S)

    def _look_again(self) -> None:
        """Folds again in a while, though nothing may have been stored until then."""
        if self._again is not None:
            self._again.cancel()
        self._again = self._loop.call_later(_POSTPONED_S, self._changed.set)

    async def _wait_for_catching_up(self) -> None:
        """Returns when nothing is filled by the thousand, or when it has waited long enough."""
        deadline_s = self._loop.time() + _LONGEST_CATCHING_UP_S
        while self._mirror.is_catching_up:
            now_s = self._loop.time()
            if now_s < self._turn_ends_s:
                return
            if now_s >= deadline_s:
                self._turn_ends_s = now_s + _TURN_S
                return
            await asyncio.sleep(_CATCHING_UP_S)

    async def _wait_for_quiet(self, quiet_s: float, longest_s: float) -> None:
        """Returns when nothing was stored for `quiet_s`, after `longest_s` in any case."""
        deadline_s = self._loop.time() + longest_s
        while True:
            quiet_at_s = self._stored_at_s + quiet_s
            wait_s = min(quiet_at_s, deadline_s) - self._loop.time()
            if wait_s <= 0:
                return
            await asyncio.sleep(wait_s)

    def _notice(self, event: StoreEvent) -> None:
        """Called in the writer's thread after a commit."""
        self._stored_at_s = self._loop.time()
        if isinstance(event, PartsErased):
            self._loop.call_soon_threadsafe(self._erased.set)
        # The loop is woken once a fold: what comes before the flag is cleared is folded with it.
        if not self._changed.is_set():
            self._loop.call_soon_threadsafe(self._changed.set)
