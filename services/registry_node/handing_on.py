"""Hands on the withdrawals of others to those whom this mechanism gave the name.

A withdrawal stops uses: it is handed on as soon as it is here, without a person. While the own log
takes no events, or content of the case is damaged, it is tried again; each start looks once at all
cases in which a consent was withdrawn. What was handed on is not handed on again.
"""

import asyncio
from collections.abc import Iterable
from typing import Final

import structlog

from registry.application.handing_on import HandingOn
from registry.application.registry import Registry
from registry.application.withdrawals import withdrawals_in
from registry.domain.identifiers import CaseId
from registry.errors import DamagedLog, RequestError, TryLater
from registry.store.values import PartsStored, StoreEvent, read_header
from registry_node.mirror import Mirror

_log = structlog.get_logger()
_AGAIN_S: Final = 1.0
_PAUSE_S: Final = 0.05
"""Between two cases: replication goes on meanwhile."""


class HandingOnLoop:
    """Hands on whenever a withdrawal came, until cancelled."""

    def __init__(self, registry: Registry, mirror: Mirror) -> None:
        self._registry = registry
        self._mirror = mirror
        self._handing = HandingOn(registry)
        self._loop = asyncio.get_running_loop()
        self._came = asyncio.Event()
        self._due: dict[CaseId, None] = {}
        registry.store.add_listener(self._notice)

    async def run(self) -> None:
        """Runs until cancelled.

        Raises:
            StorageError: our own disk failed.
        """
        await self._mirror.content.wait()
        self._take(self._registry.consents.cases_with_withdrawals())
        while True:
            await self._came.wait()
            self._came.clear()
            is_done = await self._finish()
            while not is_done:
                await asyncio.sleep(_AGAIN_S)
                is_done = await self._finish()

    async def _finish(self) -> bool:
        """Does what can be done now; returns whether nothing is left."""
        count, later = 0, []
        while self._due and self._registry.store.read_only_reason() is None:
            # What came last is handed on first: a start may have thousands of cases to look at.
            case_id, _ = self._due.popitem()
            try:
                count += await asyncio.to_thread(self._handing.hand_on, case_id)
            except (TryLater, DamagedLog) as error:
                _log.warning("handing_on_waits", reason=error.reason)
                later.append(case_id)
            except RequestError as error:
                # No case keeps the others, or this node, from going on; each start tries again.
                _log.error("handing_on_refused", reason=error.reason)
            await asyncio.sleep(_PAUSE_S)
        self._due |= dict.fromkeys(later)
        if count:
            _log.info("withdrawals_handed_on", count=count)
        return not self._due

    def _take(self, cases: Iterable[CaseId]) -> None:
        self._due |= dict.fromkeys(cases)
        self._came.set()

    def _notice(self, event: StoreEvent) -> None:
        """Called in the writer's thread after a commit."""
        if isinstance(event, PartsStored) and (found := withdrawals_in(event)):
            entries = (self._registry.store.entries(event.log_id, i, i + 1)[0] for i in found)
            cases = [read_header(entry).case_id for entry in entries]
            self._loop.call_soon_threadsafe(self._take, cases)
