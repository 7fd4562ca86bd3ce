"""Rotates the key of the own log when it was asked for, as soon as the log is open."""

import asyncio
from typing import Final

import structlog

from registry.application.registry import Registry
from registry.errors import FolderError, KeyFileError, TryLater

_log = structlog.get_logger()
_LOOK_S: Final = 1.0
_AGAIN_S: Final = 30.0


class KeyRotation:
    """Looks for a rotation that is wanted, until cancelled."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    async def run(self) -> None:
        """Runs until cancelled.

        Raises:
            StorageError: our own disk failed.
        """
        while True:
            await asyncio.sleep(_LOOK_S)
            try:
                await self.rotate_if_wanted()
            except (TryLater, FolderError, KeyFileError) as error:
                _log.warning("key_rotation_waits", reason=error.reason)
                await asyncio.sleep(_AGAIN_S)

    async def rotate_if_wanted(self) -> None:
        """Carries out what was asked for.

        Raises:
            StorageError: our own disk failed.
            TryLater: the log took no event just now.
            FolderError, KeyFileError: the next key is not usable.
        """
        log_key = self._registry.log_key
        is_open = self._registry.store.read_only_reason() is None
        if is_open and log_key.is_rotation_wanted:
            # What was carried out and is not in its place yet is no second one.
            await asyncio.to_thread(log_key.use)
            await self._rotate()

    async def _rotate(self) -> None:
        log_key = self._registry.log_key
        if not log_key.is_rotation_wanted:
            return
        appended = await asyncio.wrap_future(await asyncio.to_thread(log_key.rotate))
        await asyncio.to_thread(log_key.use)
        _log.info("log_key_rotated", size=appended.index + 1)
