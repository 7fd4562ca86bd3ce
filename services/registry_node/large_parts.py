"""Brings large parts, such as attachments: chunk by chunk, one at a time for each log.

What came is on disk, sealed, before more is asked for, so a cut costs what was on its way, and a
restart goes on at the first missing chunk. Nothing of it can be read before its commitment was
checked over all chunks. If that fails, all of it goes, and whoever sent all of it is refused; after
a transfer in several pieces, which may come from several peers, it is asked for once more, whole.

Memory is bounded by a few chunks, whatever a header claims or a peer sends.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Final

import grpc

from registry.api.v1 import replication_pb2
from registry.domain.content.attachment import ATTACHMENT_MAX_BYTES
from registry.domain.identifiers import LogId
from registry.errors import (
    CommitmentMismatch,
    MisplacedChunk,
    PeerUnavailable,
    TruncatedStream,
)
from registry.log.commitment import SALT_SIZE_BYTES, CommitmentHash
from registry.log.entry import PartCommitment
from registry.store.chunks import Incoming, LargeParts, chunk_count, chunk_size
from registry.store.values import HeldPart
from registry_node.fetching import ReplicationStub, require_message

LARGEST_CLASS: Final = ATTACHMENT_MAX_BYTES
"""What claims more is never asked for."""
_SLOWEST_BYTES_PER_S: Final = 64 * 2**10
_CHUNKS_A_COMMIT: Final = 4
_TYPE_MAX: Final = 1_000


@dataclass(frozen=True, slots=True)
class LargePart:
    """One large part to ask for."""

    log_id: LogId
    index: int
    ordinal: int
    commitment: PartCommitment

    @property
    def key(self) -> tuple[LogId, int, int]:
        """Where it belongs."""
        return self.log_id, self.index, self.ordinal


class _NotNow(Exception):
    """The transfer ends without a fault: stopped by this node, or not given any more."""


class _Contradiction(Exception):
    """What is on disk and what a peer says of a part differ: one of two peers has lied."""


class LargePartFetcher:
    """Brings one large part from one peer at a time."""

    def __init__(self, parts: LargeParts, timeout_s: float) -> None:
        """Asks nobody yet; `timeout_s` is the deadline of a small call."""
        self._parts = parts
        self._timeout_s = timeout_s

    async def bring(
        self, part: LargePart, stub: ReplicationStub, *, is_stopped: Callable[[], bool]
    ) -> bool:
        """Brings what is missing of a part; True: it is complete, or not wanted any more.

        Args:
            part: what to ask for.
            stub: whom.
            is_stopped: asked after each commit; what has come stays.

        Raises:
            EntryError: the peer's bytes are wrong; nothing of the part is kept.
            PeerUnavailable: the call failed; what has come stays.
        """
        is_complete: bool | None = None
        while is_complete is None:
            incoming = await asyncio.to_thread(self._parts.incoming, part.key)
            try:
                is_complete = await self._go_on(part, stub, incoming, is_stopped)
            except _NotNow:
                return False
            except _Contradiction:
                await asyncio.wrap_future(self._parts.discard(part.key))
        return is_complete

    async def _go_on(
        self,
        part: LargePart,
        stub: ReplicationStub,
        incoming: Incoming | None,
        is_stopped: Callable[[], bool],
    ) -> bool:
        """Goes on where it ended; what is complete is checked.

        Raises:
            _Contradiction: it must be asked for once more, whole.
        """
        if incoming is None or incoming.chunks < chunk_count(incoming.head.size):
            transfer = _Transfer(self._parts, part, incoming)
            await self._receive(transfer, stub, is_stopped)
            if not transfer.is_wanted:
                return True
        if await asyncio.to_thread(self._is_right, part):
            await asyncio.wrap_future(self._parts.finish(part.key))
            return True
        if incoming is not None:
            raise _Contradiction
        await asyncio.wrap_future(self._parts.discard(part.key))
        msg = f"a large part of event {part.index} does not match its commitment"
        raise CommitmentMismatch(msg)

    async def _receive(
        self, transfer: "_Transfer", stub: ReplicationStub, is_stopped: Callable[[], bool]
    ) -> None:
        """Stores chunks until all are here, or the part is wanted no more.

        Raises:
            _NotNow: stopped, or the peer does not give the part.
        """
        async with aclosing(self._get(transfer.part, stub, transfer.next_chunk)) as messages:
            async for message in messages:
                await transfer.take(message)
                if len(transfer.waiting) == _CHUNKS_A_COMMIT or transfer.has_come:
                    await transfer.store()
                    if transfer.has_come or not transfer.is_wanted:
                        return
                    if is_stopped():
                        raise _NotNow
        msg = f"a peer ended its stream at chunk {transfer.next_chunk}"
        raise TruncatedStream(msg)

    async def _get(
        self, part: LargePart, stub: ReplicationStub, first: int
    ) -> AsyncGenerator[replication_pb2.GetPartChunksResponse, None]:
        request = replication_pb2.GetPartChunksRequest(
            part_id=replication_pb2.PartId(
                log_id=part.log_id,
                index=part.index,
                ordinal=part.ordinal,
                commitment=part.commitment.commitment,
            ),
            first_chunk=first,
        )
        deadline_s = self._timeout_s + part.commitment.padded_size / _SLOWEST_BYTES_PER_S
        call = stub.GetPartChunks(request, timeout=deadline_s)
        try:
            async for message in call:
                yield require_message(message)
        except grpc.aio.AioRpcError as error:
            if error.code() is grpc.StatusCode.NOT_FOUND:
                raise _NotNow from error
            msg = f"GetPartChunks failed: {error.code().name} {error.details()}"
            raise PeerUnavailable(msg) from error
        finally:
            call.cancel()

    def _is_right(self, part: LargePart) -> bool:
        """Computes the commitment over what is stored, chunk by chunk."""
        incoming = self._parts.incoming(part.key)
        if incoming is None:
            return True  # erased meanwhile: finishing it changes nothing
        head = incoming.head
        computed = CommitmentHash(log_id=part.log_id, salt=head.salt, media_type=head.media_type)
        for chunk_no in range(chunk_count(head.size)):
            data = self._parts.arrived(part.key, chunk_no)
            if data is None:
                return self._parts.incoming(part.key) is None
            computed.update(data)
        return computed.commitment() == part.commitment.commitment


class _Transfer:
    """The state of one call: what was said first, and what must come next."""

    def __init__(self, parts: LargeParts, part: LargePart, incoming: Incoming | None) -> None:
        self.part = part
        self.next_chunk = 0 if incoming is None else incoming.chunks
        self.waiting: list[bytes] = []
        self.has_begun = False
        self.is_wanted = True
        self._parts = parts
        self._head = None if incoming is None else incoming.head
        self._size = 0

    @property
    def has_come(self) -> bool:
        """Whether the last chunk was taken."""
        return self.has_begun and self.next_chunk == chunk_count(self._size)

    async def take(self, message: replication_pb2.GetPartChunksResponse) -> None:
        """Checks a message against what was said before.

        Raises:
            EntryError: it cannot be right.
        """
        if not self.has_begun:
            await self._begin(message)
        elif message.salt or message.media_type or message.size:
            msg = "a peer changed salt, type or size of a large part midway"
            raise CommitmentMismatch(msg)
        expected = chunk_size(self._size, self.next_chunk)
        if message.chunk != self.next_chunk or len(message.data) != expected:
            msg = (
                f"chunk {self.next_chunk} of {expected} bytes was expected, a peer sent "
                f"{message.chunk} of {len(message.data)}"
            )
            raise MisplacedChunk(msg)
        self.waiting.append(message.data)
        self.next_chunk += 1

    async def store(self) -> None:
        """Puts what was taken on disk."""
        waiting, self.waiting = self.waiting, []
        if waiting and self.is_wanted:
            first = self.next_chunk - len(waiting)
            stored = await asyncio.wrap_future(self._parts.put(self.part.key, first, waiting))
            self.is_wanted = stored

    async def _begin(self, message: replication_pb2.GetPartChunksResponse) -> None:
        head = _head(self.part, message)
        self._size, self.has_begun = head.size, True
        if self._head is None:
            self.is_wanted = await asyncio.wrap_future(self._parts.begin(head))
        elif self._head != head:
            raise _Contradiction


def _head(part: LargePart, message: replication_pb2.GetPartChunksResponse) -> HeldPart:
    """Reads what the first message says of a part.

    Raises:
        EntryError: it cannot be what the header commits to.
    """
    size_class = part.commitment.padded_size
    if not 1 <= message.size <= min(size_class, LARGEST_CLASS):
        msg = f"a part of {message.size} bytes is not of its size class {size_class}"
        raise CommitmentMismatch(msg)
    if len(message.salt) != SALT_SIZE_BYTES or len(message.media_type) > _TYPE_MAX:
        msg = "a peer sent no salt of 32 bytes, or a media type longer than any"
        raise CommitmentMismatch(msg)
    return HeldPart(
        part.log_id,
        part.index,
        part.ordinal,
        message.salt,
        message.media_type,
        b"",
        large_bytes=message.size,
    )
