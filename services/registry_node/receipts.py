"""Confirms erasures of other logs by signed receipts in the own log, and finishes erasures.

A member that may have held what was erased records one receipt, once its own database has lost the
content. The request id is made of the erasure's place, so that nothing is confirmed twice however
often this is tried; while the own log takes no events it is tried again later. What a reader kept
in the write-ahead log is taken out of it as soon as that reader is done.
"""

import asyncio
from typing import Final

import structlog

from registry.application import Registry
from registry.errors import TryLater
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
            if not await self._finish():
                await asyncio.sleep(_AGAIN_S)
                self._came.set()

    async def _finish(self) -> bool:
        """Does what can be done now; returns whether nothing is left."""
        store = self._registry.store
        try:
            is_clean = await asyncio.wrap_future(store.finish_erasures())
            count = 0
            if store.read_only_reason() is None:
                count = await asyncio.to_thread(self._registry.confirm_erasures)
        except TryLater as error:
            _log.warning("receipts_wait", reason=error.reason)
            return False
        if count:
            _log.info("erasures_confirmed", count=count)
        return is_clean and store.read_only_reason() is None

    def _notice(self, event: StoreEvent) -> None:
        """Called in the writer's thread after a commit."""
        if isinstance(event, PartsErased):
            self._loop.call_soon_threadsafe(self._came.set)
