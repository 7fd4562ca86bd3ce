"""Writes parts while the next ones come; the last of a page in one commit with the watermark."""

import asyncio
from concurrent.futures import Future
from typing import Final, Protocol

from registry.store.entries import EntryStore
from registry.store.values import AskedParts, HeldPart

_OVERLAP_BYTES: Final = 4 * 2**20
"""A larger message is written before the next one is read: two of them are too much memory."""


class PartSink(Protocol):
    """Takes parts that were checked, as they come."""

    async def put(self, parts: list[HeldPart]) -> None:
        """Takes the parts of one message."""


class PartWriter:
    """Hands parts to the store: one write runs while the next message comes.

    The parts of a message wait for the next one, so that the last of a page are written in one
    transaction with the watermark.
    """

    def __init__(self, store: EntryStore) -> None:
        self._store = store
        self._waiting: list[HeldPart] = []
        self._writing: Future[None] | None = None
        self.stored = 0

    async def put(self, parts: list[HeldPart]) -> None:
        """Takes the parts of one message; large ones are on disk afterwards.

        Raises:
            StorageError: our own disk failed, now or with what was taken before.
        """
        await self._write()
        self._waiting = parts
        self.stored += len(parts)
        if sum(len(part.content) for part in parts) > _OVERLAP_BYTES:
            await self.finish()

    async def end_page(self, asked: AskedParts) -> None:
        """Writes what waits together with the watermark; does not wait for the end of it."""
        await self._settle()
        waiting, self._waiting = self._waiting, []
        self._writing = self._store.put_parts(waiting, asked)

    async def finish(self) -> None:
        """Writes what waits; everything is on disk afterwards."""
        await self._write()
        await self._settle()

    async def _write(self) -> None:
        await self._settle()
        waiting, self._waiting = self._waiting, []
        if waiting:
            self._writing = self._store.put_parts(waiting)

    async def _settle(self) -> None:
        writing, self._writing = self._writing, None
        if writing is not None:
            await asyncio.wrap_future(writing)
