"""Fetches entries of one log from one peer: a pipeline whose stages overlap.

    stream reader -> queue -> plan (leaf hashes, root, consistency) -> verify (slices over two
    threads) -> one writer

The write of one batch overlaps the verification of the next and the reading of the one after.
Hashing, Ed25519 and SQLite release the interpreter lock, so two cores are used by one process.

A peer's fault raises and stores nothing of its batch. An author's fault (a bad entry under a valid
checkpoint) stores the valid entries before it and is returned, for the session to freeze the log.
A fetch ends when the checkpoint is reached, whether or not the peer closes the stream, and is given
up when no message comes for the time of one call.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final, TypeAlias, TypeVar

import grpc

from registry.api.v1 import replication_pb2, replication_pb2_grpc
from registry.application import Registry
from registry.domain.identifiers import CaseId, LogId
from registry.errors import (
    EntryError,
    MalformedEntry,
    PeerUnavailable,
    RegistryError,
    TruncatedStream,
)
from registry.log.checkpoint import Checkpoint
from registry.log.entry import decode_header, split_entry
from registry.log.facts import EntryFacts
from registry.log.roster import Member
from registry.replication.ingest import (
    EntryFault,
    HeldLog,
    LogAuthor,
    PlannedBatch,
    check_head,
    cut_batch,
    diagnose,
    judge_slices,
    plan_batch,
    verify_slice,
)
from registry.store.entries import IngestBatch, LogState

T = TypeVar("T")
Batches: TypeAlias = "asyncio.Queue[replication_pb2.GetEntriesResponse | RegistryError]"
ReplicationStub: TypeAlias = "replication_pb2_grpc.ReplicationServiceAsyncStub"

_SLOWEST_PER_S: Final = 200
"""A fetch may take a second more for so many new entries: a deadline that a weak line can keep."""
_LONGEST_S: Final = 3_600.0
"""Whatever a peer promises; a fetch that was cut off goes on where it ended."""
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

    async def fetch(self, stub: ReplicationStub, member: Member, size: int) -> Fetched:
        """Brings a member's log up to a checkpoint of at least `size` entries.

        Raises:
            EntryError: the peer's bytes are wrong; nothing of that batch was stored.
            PeerUnavailable: the call failed.
            StorageError: our own disk failed.
        """
        state = await asyncio.to_thread(self._registry.store.log_state, member.log_id)
        if state.size >= size:
            return Fetched(size=state.size, fault=None)
        fetch = _LogFetch(self._registry, self._pool, member, state, size)
        request = replication_pb2.GetEntriesRequest(
            log_id=member.log_id, start=state.size, size=size
        )
        deadline_s = min(self._timeout_s + (size - state.size) / _SLOWEST_PER_S, _LONGEST_S)
        call = stub.GetEntries(request, timeout=deadline_s)
        batches: Batches = asyncio.Queue(_QUEUE_BATCHES)
        failure: RegistryError | None = None
        try:
            async with asyncio.TaskGroup() as tasks:
                reader = tasks.create_task(_read(call, batches))
                try:
                    await fetch.run(batches, stall_s=self._timeout_s)
                except RegistryError as error:
                    # The group would wrap it, and nobody could tell whose fault it is.
                    failure = error
                reader.cancel()
        finally:
            call.cancel()
        if failure is not None:
            raise failure
        return Fetched(size=fetch.held.size, fault=fetch.fault)


async def _read(call: "grpc.aio.UnaryStreamCall[Any, Any]", batches: Batches) -> None:
    """Hands on what comes; how the stream ended is the last thing in the queue."""
    try:
        async for message in call:
            await batches.put(require_message(message))
    except EntryError as error:
        await batches.put(error)
    except grpc.aio.AioRpcError as error:
        msg = f"GetEntries failed: {error.code().name} {error.details()}"
        await batches.put(PeerUnavailable(msg))
    else:
        await batches.put(TruncatedStream("the stream ended before the checkpoint was reached"))


class _LogFetch:
    """The state of one fetch: what is held, the checkpoint proven to, the write under way."""

    def __init__(
        self,
        registry: Registry,
        pool: ThreadPoolExecutor,
        member: Member,
        state: LogState,
        offered_size: int,
    ) -> None:
        self._registry = registry
        self._pool = pool
        self._offered_size = offered_size
        self._author = log_author(registry, member)
        self._checkpoint: Checkpoint | None = None
        self._note = b""
        self._writing: Future[LogState] | None = None
        self._refs_written: dict[tuple[CaseId, LogId], int] = {}
        self._roster_version = 0
        self.held = HeldLog(member.log_id, member.origin, state.size, state.range)
        self.fault: EntryFault | None = None

    async def run(self, batches: Batches, *, stall_s: float) -> None:
        """Takes messages until the checkpoint is reached or the author's fault is met.

        Raises:
            EntryError: the peer's bytes are wrong, or end too soon.
            PeerUnavailable: the call failed, or nothing came for `stall_s`.
            StorageError: our own disk failed.
        """
        if self.held.size:
            self._roster_version = await self._in_thread(self._last_roster_version)
        try:
            while not self._is_done():
                await self._take(await _next(batches, stall_s))
        finally:
            await self.finish_write()

    def _is_done(self) -> bool:
        if self.fault is not None:
            return True
        return self._checkpoint is not None and self.held.size == self._checkpoint.size

    async def finish_write(self) -> None:
        """Waits until the batch that is being written is on disk."""
        if self._writing is not None:
            writing, self._writing = self._writing, None
            await asyncio.wrap_future(writing)

    def _last_roster_version(self) -> int:
        last = self._registry.store.entries(self.held.log_id, self.held.size - 1, self.held.size)
        return decode_header(split_entry(last[0])[0]).roster_version

    async def _take(self, message: replication_pb2.GetEntriesResponse) -> None:
        if self._checkpoint is None:
            self._checkpoint = self._check_note(message.checkpoint)
            self._note = message.checkpoint
        held, entries, checkpoint = self.held, list(message.entries), self._checkpoint
        try:
            planned = await self._in_thread(
                lambda: plan_batch(
                    held=held,
                    start=message.start,
                    entries=entries,
                    path=list(message.consistency_path),
                    checkpoint=checkpoint,
                )
            )
        except EntryError as error:
            misfit = error
            found = await self._in_thread(
                lambda: diagnose(misfit, author=self._author, held_size=held.size, entries=entries)
            )
            if found is error:
                raise
            raise found from error
        facts, fault = await self._verify(planned)
        await self.finish_write()
        if fault is not None:
            planned = cut_batch(planned, held, len(facts))
        if planned.entries:
            self._write(planned, facts)
        self.fault = fault

    def _check_note(self, note: bytes) -> Checkpoint:
        """Verifies the note that a stream proves to; a smaller one than was offered is stale."""
        checkpoint = check_head(
            note, origin=self._author.origin, log_key=self._author.log_key, held=self.held
        )
        if checkpoint.size < self._offered_size:
            msg = (
                f"a peer offered {self._offered_size} entries of {self._author.origin} and "
                f"proves to a stale checkpoint of {checkpoint.size}"
            )
            raise TruncatedStream(msg)
        return checkpoint

    async def _verify(self, planned: PlannedBatch) -> tuple[list[EntryFacts], EntryFault | None]:
        """Checks every entry in two threads, then the order of all; returns what is valid."""
        count = len(planned.entries)
        step = count if count <= _SMALL_BATCH else -(-count // _SLICES)
        loop = asyncio.get_running_loop()
        slices = await asyncio.gather(
            *(
                loop.run_in_executor(
                    self._pool,
                    verify_slice,
                    self._author,
                    planned.entries,
                    planned.start,
                    first,
                    min(first + step, count),
                )
                for first in range(0, count, step)
            )
        )
        facts, fault = await self._in_thread(
            lambda: judge_slices(
                slices,
                last_roster_version=self._roster_version,
                newest_roster_version=self._registry.roster.version,
                refs_reached=self._refs_reached,
            )
        )
        if facts:
            self._roster_version = facts[-1].roster_version
        return facts, fault

    def _refs_reached(self, case_id: CaseId, target: LogId) -> int | None:
        """Reads what is stored; what is being written right now is remembered apart."""
        key = (case_id, target)
        if key in self._refs_written:
            return self._refs_written[key]
        return self._registry.store.refs_reached(self.held.log_id, [key]).get(key)

    def _write(self, planned: PlannedBatch, facts: list[EntryFacts]) -> None:
        end = planned.start + len(planned.entries)
        note = self._note if planned.ends_at_checkpoint else None
        self._refs_written = {
            (fact.case_id, ref.log_id): ref.index for fact in facts for ref in fact.refs
        }
        self._writing = self._registry.store.ingest(
            IngestBatch(
                log_id=planned.log_id,
                start=planned.start,
                entries=planned.entries,
                facts=facts,
                leaf_hashes=planned.leaf_hashes,
                range=planned.range,
                root=planned.root,
                note=note,
                target_note=self._note,
            )
        )
        self.held = HeldLog(planned.log_id, self.held.origin, end, planned.range)

    async def _in_thread(self, call: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._pool, call)


async def _next(batches: Batches, stall_s: float) -> replication_pb2.GetEntriesResponse:
    """Waits for the next message; an ended stream, or one that stalls, raises why."""
    try:
        async with asyncio.timeout(stall_s):
            item = await batches.get()
    except TimeoutError as error:
        msg = f"GetEntries sent no message for {stall_s} s"
        raise PeerUnavailable(msg) from error
    if isinstance(item, RegistryError):
        raise item
    return item


def require_message(message: T | None) -> T:
    """Refuses None, which grpc gives for bytes that are no message, whatever its types say.

    Raises:
        MalformedEntry: it is None.
    """
    if message is None:
        msg = "a peer sent bytes that are no message"
        raise MalformedEntry(msg)
    return message


def log_author(registry: Registry, member: Member) -> LogAuthor:
    """Who must have written a member's log."""
    return LogAuthor(
        registry_id=registry.registry_id,
        log_id=member.log_id,
        origin=member.origin,
        log_key=member.log_key,
    )
