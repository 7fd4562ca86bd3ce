"""Confirms erasures of other logs by signed receipts in the own log, and finishes erasures.

A member that may have held what was erased records one receipt, once no file of its databases holds
the content: neither that of the logs nor the case list, nor what they keep beside them for a
while (the write-ahead logs). A reader that stands in the way puts the receipt off. The request id
is made of the erasure's place, so that nothing is confirmed twice however often this is tried;
while the own log takes no events it is tried again later. A node that has nothing to confirm, such
as the author's, is cleaned in the same way.
"""

import asyncio
from typing import Final

import structlog

from registry.application.registry import Registry
from registry.errors import DamagedLog, TryLater
from registry.store.values import PartsErased, StoreEvent

_log = structlog.get_logger()
_AGAIN_S: Final = 1.0
_LOOK_S: Final = 30.0
"""An erasure that removed nothing here is told by nobody: it is looked for now and then."""


class ErasureReceipts:
    """Records receipts whenever an erasure came, until cancelled."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._loop = asyncio.get_running_loop()
        self._came = asyncio.Event()
        self._came.set()
        self._newest_id: int | None = None
        registry.store.add_listener(self._notice)

    async def run(self) -> None:
        """Runs until cancelled.

        Raises:
            StorageError: our own disk failed.
        """
        while True:
            try:
                async with asyncio.timeout(_LOOK_S):
                    await self._came.wait()
            except TimeoutError:
                pass
            self._came.clear()
            self._newest_id = None
            is_done = await self._finish()
            while not is_done:
                await asyncio.sleep(_AGAIN_S)
                is_done = await self._finish()

    async def _finish(self) -> bool:
        """Does what can be done now; returns whether nothing is left of what came until now."""
        store = self._registry.store
        try:
            if self._newest_id is None:
                self._newest_id = await asyncio.to_thread(store.newest_change_id)
            # In this order: what the case list has forgotten is already erased in the logs.
            forgotten_id = self._registry.projector.forgotten_id
            is_clean = await asyncio.wrap_future(store.finish_erasures())
            is_open = store.read_only_reason() is None
            count = 0
            if is_clean and is_open:
                count = await asyncio.to_thread(self._registry.confirm_erasures, forgotten_id)
        except (TryLater, DamagedLog) as error:
            _log.warning("receipts_wait", reason=error.reason)
            return False
        if count:
            _log.info("erasures_confirmed", count=count)
        return is_clean and is_open and forgotten_id >= self._newest_id

    def _notice(self, event: StoreEvent) -> None:
        """Called in the writer's thread after a commit."""
        if isinstance(event, PartsErased):
            self._loop.call_soon_threadsafe(self._came.set)
