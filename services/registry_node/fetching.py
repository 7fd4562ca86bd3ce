"""Fetches entries of one log from one peer: a pipeline whose stages overlap.

    stream reader -> queue -> plan (leaf hashes, root, consistency) -> verify (slices over two
    threads) -> one writer

The write of one batch overlaps the verification of the next and the reading of the one after. Hashing,
Ed25519 and SQLite release the interpreter lock, so two cores are used by one process.

A peer's fault raises and stores nothing of its batch. An author's fault (a bad entry under a valid
checkpoint) stores the valid entries before it and is returned, for the session to freeze the log.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final

import grpc

from registry.api.v1 import replication_pb2, replication_pb2_grpc
from registry.application import Registry
from registry.domain.identifiers import LogId
from registry.errors import EntryError, PeerUnavailable, TruncatedStream
from registry.log.checkpoint import Checkpoint
from registry.log.facts import EntryFacts
from registry.log.roster import Member
from registry.replication.ingest import (
    EntryFault,
    HeldLog,
    PlannedBatch,
    check_head,
    check_order,
    diagnose,
    plan_batch,
    verify_slice,
)
from registry.store.entries import IngestBatch, LogState

_QUEUE_BATCHES: Final = 4
_SLICES: Final = 4
_SMALL_BATCH: Final = 16
"""Up to here one thread verifies a batch faster than slices are handed out."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """What a fetch brought: the size held now, and the author's fault if there was one."""

    size: int
    fault: EntryFault | None


class EntryFetcher:
    """Runs fetches; shares one pool of two verification threads between all of them."""

    def __init__(self, registry: Registry, timeout_s: float) -> None:
        self._registry = registry
        self._timeout_s = timeout_s
        self._pool = ThreadPoolExecutor(2, thread_name_prefix="verify")

    def close(self) -> None:
        """Ends the verification threads."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    async def fetch(
        self,
        stub: "replication_pb2_grpc.ReplicationServiceAsyncStub",
        author: Member,
        size: int,
    ) -> Fetched:
        """Brings a log up to a checkpoint of at least `size` entries.

        Raises:
            EntryError: the peer's bytes are wrong; nothing of that batch was stored.
            PeerUnavailable: the call failed.
            StorageError: our own disk failed.
        """
        state = self._registry.store.log_state(author.log_id)
        fetch = _LogFetch(self._registry, self._pool, author, state)
        request = replication_pb2.GetEntriesRequest(
            log_id=author.log_id, start=state.size, size=size
        )
        call = stub.GetEntries(request, timeout=self._timeout_s + size / 1000)
        batches: asyncio.Queue[replication_pb2.GetEntriesResponse | None] = asyncio.Queue(
            _QUEUE_BATCHES
        )
        reader = asyncio.ensure_future(_read(call, batches))
        try:
            await fetch.run(batches)
            await reader
        except grpc.aio.AioRpcError as error:
            msg = f"GetEntries failed: {error.code().name} {error.details()}"
            raise PeerUnavailable(msg) from error
        finally:
            call.cancel()
            reader.cancel()
        return Fetched(size=fetch.held.size, fault=fetch.fault)


async def _read(
    call: AsyncIterator[replication_pb2.GetEntriesResponse],
    batches: "asyncio.Queue[replication_pb2.GetEntriesResponse | None]",
) -> None:
    try:
        async for message in call:
            await batches.put(message)
    finally:
        await batches.put(None)


class _LogFetch:
    """The state of one fetch: what is held, the checkpoint proven to, the write under way."""

    def __init__(
        self, registry: Registry, pool: ThreadPoolExecutor, author: Member, state: LogState
    ) -> None:
        self._registry = registry
        self._pool = pool
        self._author = author
        self._checkpoint: Checkpoint | None = None
        self._note = b""
        self._held_note = state.note
        self._writing: Future[LogState] | None = None
        self._refs_seen: dict[tuple[bytes, LogId], int] = {}
        self._roster_version = 0
        self.held = HeldLog(
            log_id=author.log_id, origin=author.origin, size=state.size, range=state.range
        )
        self.fault: EntryFault | None = None

    async def run(
        self, batches: "asyncio.Queue[replication_pb2.GetEntriesResponse | None]"
    ) -> None:
        """Takes messages until the stream ends or the author's fault is met."""
        try:
            while self.fault is None and (message := await batches.get()) is not None:
                await self._take(message)
        finally:
            await self._finish_write()
        if self.fault is None and (
            self._checkpoint is None or self.held.size < self._checkpoint.size
        ):
            msg = f"the stream of {self._author.origin} ended at {self.held.size} entries"
            raise TruncatedStream(msg)

    async def _take(self, message: replication_pb2.GetEntriesResponse) -> None:
        if self._checkpoint is None:
            self._note = message.checkpoint
            self._checkpoint = check_head(
                self._note,
                origin=self._author.origin,
                log_key=self._author.log_key,
                held_note=self._held_note,
            )
        entries = tuple(message.entries)
        path = tuple(message.consistency_path)
        planned = await self._plan(message.start, entries, path, self._checkpoint)
        facts, fault = await self._verify(planned)
        await self._finish_write()
        if fault is not None:
            planned = self._cut(planned, fault)
        if planned.entries:
            self._write(planned, facts)
            self.held = HeldLog(
                log_id=self.held.log_id,
                origin=self.held.origin,
                size=planned.start + len(planned.entries),
                range=planned.range,
            )
        self.fault = fault

    async def _plan(
        self, start: int, entries: Sequence[bytes], path: Sequence[bytes], checkpoint: Checkpoint
    ) -> PlannedBatch:
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(
                self._pool,
                lambda: plan_batch(
                    held=self.held, start=start, entries=entries, path=path, checkpoint=checkpoint
                ),
            )
        except EntryError as error:
            raise diagnose(
                error,
                held=self.held,
                start=start,
                entries=entries,
                registry_id=self._registry.registry_id,
                log_key=self._author.log_key,
            ) from error
