"""Brings entries of one log from one peer: fetched, or taken as they came along with a head.

    stream reader -> queue -> plan (leaf hashes, root, consistency) -> verify (slices over two
    threads) -> one writer

The write of one batch overlaps the verification of the next and the reading of the one after.
Hashing, Ed25519 and SQLite release the interpreter lock, so two cores are used by one process. A
few entries go through all steps in one thread: handing them round takes longer than checking them.

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
from registry.application.fault_proofs import BadEntry
from registry.application.intake import EntryRun, LogIntake, ProvenHead
from registry.application.registry import Registry
from registry.domain.identifiers import LogId
from registry.errors import (
    EntryError,
    MalformedEntry,
    PeerUnavailable,
    RegistryError,
    TruncatedStream,
    TryLater,
)
from registry.log.roster import Member
from registry.replication.effects import TakeTail
from registry.replication.entry_checks import EntryFault, SliceResult
from registry.replication.ingest import PlannedBatch
from registry.store.values import LogState
from registry_node.threads import run_through

T = TypeVar("T")
Batches: TypeAlias = "asyncio.Queue[replication_pb2.GetEntriesResponse | RegistryError]"
ReplicationStub: TypeAlias = "replication_pb2_grpc.ReplicationServiceAsyncStub"

_SLOWEST_PER_S: Final = 200
"""A fetch may take a second more for so many new entries: a deadline that a weak line can keep."""
_LONGEST_S: Final = 3_600.0
"""Whatever a peer promises; a fetch that was cut off goes on where it ended."""
_NO_ROOM_S: Final = 0.2
_QUEUE_BATCHES: Final = 4
_SLICES: Final = 4
_SMALL_BATCH: Final = 16
"""Up to here one thread verifies a batch faster than slices are handed out."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """What was brought: the sizes held before and now, and the author's fault if there was one.

    `fault_under` is the size of the checkpoint that the fault stands under, `bad_entry` what it is
    about.
    """

    before: int
    size: int
    fault: EntryFault | None
    fault_under: int = 0
    bad_entry: BadEntry | None = None


class EntryFetcher:
    """Runs fetches; shares one pool of two verification threads between all of them.

    One log is brought by one call at a time: the session sees to that, and the fence alone brings
    the own log.
    """

    def __init__(self, registry: Registry, timeout_s: float) -> None:
        self._registry = registry
        self._timeout_s = timeout_s
        self._pool = ThreadPoolExecutor(2, thread_name_prefix="verify")
        self._intakes: dict[LogId, LogIntake] = {}
        self.ends: dict[LogId, int] = {}
        """Where logs end: nothing past that is stored."""

    def close(self) -> None:
        """Ends the verification threads."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    async def take_tail(self, member: Member, effect: TakeTail) -> Fetched:
        """Checks and stores the entries that came along with a head.

        Raises:
            EntryError: the peer's bytes are wrong; nothing was stored.
            TryLater: a newer roster must be fetched first.
            StorageError: our own disk failed.
        """
        intake = await self._intake(member)
        before = intake.held.size
        if before == effect.tail.start:
            run = EntryRun(before, effect.tail.entries, ())
            head = ProvenHead(effect.note, effect.checkpoint)
            await run_through(self._pool, lambda: intake.take(run, head))
        self._keep(member, intake)
        return _fetched(before, intake)

    async def fetch(
        self,
        stub: ReplicationStub,
        member: Member,
        size: int,
        is_stopped: Callable[[], bool] = lambda: False,
    ) -> Fetched:
        """Brings a member's log up to a checkpoint of at least `size` entries, or until stopped.

        Raises:
            EntryError: the peer's bytes are wrong; nothing of that batch was stored.
            PeerUnavailable: the call failed.
            StorageError: our own disk failed.
        """
        intake = await self._intake(member)
        before = intake.held.size
        if before < size:
            await self._stream(stub, intake, size, is_stopped)
        self._keep(member, intake)
        return _fetched(before, intake)

    async def _intake(self, member: Member) -> LogIntake:
        """Takes out what is known of a log: what fails on the way is not put back."""
        known = self._intakes.pop(member.log_id, None)
        if known is not None:
            return known
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._pool, LogIntake, self._registry, member, self.ends)

    def _keep(self, member: Member, intake: LogIntake) -> None:
        """Remembers what is held, for the next time; the own log also grows by other ways."""
        if member.log_id != self._registry.own.log_id and intake.fault is None:
            self._intakes[member.log_id] = intake

    async def _stream(
        self,
        stub: ReplicationStub,
        intake: LogIntake,
        size: int,
        is_stopped: Callable[[], bool],
    ) -> None:
        start = intake.held.size
        request = replication_pb2.GetEntriesRequest(
            log_id=intake.held.log_id, start=start, size=size
        )
        deadline_s = min(self._timeout_s + (size - start) / _SLOWEST_PER_S, _LONGEST_S)
        call = stub.GetEntries(request, timeout=deadline_s)
        batches: Batches = asyncio.Queue(_QUEUE_BATCHES)
        fetch = _LogFetch(self._pool, intake, size, is_stopped)
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


def _fetched(before: int, intake: LogIntake) -> Fetched:
    return Fetched(before, intake.held.size, intake.fault, intake.fault_under, intake.bad_entry)


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
    """The state of one fetch: the checkpoint proven to, and the write under way."""

    def __init__(
        self,
        pool: ThreadPoolExecutor,
        intake: LogIntake,
        offered_size: int,
        is_stopped: Callable[[], bool],
    ) -> None:
        self._is_stopped = is_stopped
        self._pool = pool
        self._intake = intake
        self._offered_size = offered_size
        self._head: ProvenHead | None = None
        self._writing: Future[LogState] | None = None

    async def run(self, batches: Batches, *, stall_s: float) -> None:
        """Takes messages until the checkpoint is reached or the author's fault is met.

        Raises:
            EntryError: the peer's bytes are wrong, or end too soon.
            PeerUnavailable: the call failed, or nothing came for `stall_s`.
            StorageError: our own disk failed.
        """
        try:
            while not self._is_done():
                await self._take(await _next(batches, stall_s))
        finally:
            await self._finish_write()

    def _is_done(self) -> bool:
        if self._intake.fault is not None or self._intake.is_whole or self._is_stopped():
            return True
        return self._head is not None and self._intake.held.size == self._head.checkpoint.size

    async def _finish_write(self) -> None:
        """Waits until the batch that is being written is on disk."""
        if self._writing is not None:
            writing, self._writing = self._writing, None
            await asyncio.wrap_future(writing)

    async def _take(self, message: replication_pb2.GetEntriesResponse) -> None:
        if self._head is None:
            self._head = self._intake.prove_head(
                message.checkpoint,
                offered_size=self._offered_size,
                rotations=list(message.rotations),
            )
        head, intake = self._head, self._intake
        run = EntryRun(message.start, list(message.entries), list(message.consistency_path))
        if len(run.entries) <= _SMALL_BATCH:
            await self._finish_write()
            await run_through(self._pool, lambda: intake.take(run, head))
            return
        planned = await self._in_thread(lambda: intake.plan(run, head))
        slices = await self._verify(planned)
        judged = await self._in_thread(lambda: intake.judge(planned, slices))
        await self._finish_write()
        self._writing = intake.write(planned, judged, head)

    async def _verify(self, planned: PlannedBatch) -> list[SliceResult]:
        """Checks every entry, in two threads."""
        count = len(planned.entries)
        step = -(-count // _SLICES)
        loop = asyncio.get_running_loop()
        return await asyncio.gather(
            *(
                loop.run_in_executor(
                    self._pool, self._intake.verify, planned, first, min(first + step, count)
                )
                for first in range(0, count, step)
            )
        )

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


async def written(start: Callable[[], "Future[T]"]) -> T:
    """Waits for a write that must not be left out: one that finds no room is asked for again."""
    while True:
        try:
            return await asyncio.wrap_future(start())
        except TryLater:
            await asyncio.sleep(_NO_ROOM_S)
