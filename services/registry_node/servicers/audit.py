"""AuditService: checkpoints, proofs, raw entries, digests. For clients and members alike.

Whoever may call can ask for much: pages of entries and digests have threads of their own, so that
they hold up each other and nothing else.
"""

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, TypeAlias

import grpc

from registry.api.v1 import audit_pb2, audit_pb2_grpc
from registry.application.registry import Registry
from registry.domain.identifiers import Origin
from registry.errors import NotFound
from registry.log.cosignature import with_cosignatures
from registry.views.node_digest import NodeDigest
from registry_node import convert
from registry_node.heads import HeadHub
from registry_node.paging import page_size, read_place, write_place
from registry_node.threads import FairThreads

Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"
_PAGE_MAX_BYTES: Final = 2**20
_READING_THREADS: Final = 2


class AuditServicer(audit_pb2_grpc.AuditServiceServicer):
    """Converts, delegates to the registry in a thread, converts back."""

    def __init__(self, registry: Registry, heads: HeadHub) -> None:
        self._registry = registry
        self._heads = heads
        self._reading = FairThreads(_READING_THREADS, name="read-entries")
        self._digest = SharedDigest(registry)

    async def GetCheckpoint(  # noqa: N802 - the name of the RPC
        self, request: audit_pb2.GetCheckpointRequest, context: Context
    ) -> audit_pb2.GetCheckpointResponse:
        """Returns a checkpoint."""
        note = await asyncio.to_thread(self._cosigned_note, request.origin)
        return audit_pb2.GetCheckpointResponse(checkpoint=note)

    async def WatchCheckpoints(  # noqa: N802
        self, request: audit_pb2.WatchCheckpointsRequest, context: Context
    ) -> AsyncIterator[audit_pb2.WatchCheckpointsResponse]:
        """Streams checkpoints as they grow."""
        with self._heads.subscribe() as subscription:
            is_open = True
            while is_open:
                for head in subscription.take():
                    yield audit_pb2.WatchCheckpointsResponse(checkpoint=head.note)
                is_open = await subscription.wait()

    async def GetInclusionProof(  # noqa: N802
        self, request: audit_pb2.GetInclusionProofRequest, context: Context
    ) -> audit_pb2.GetInclusionProofResponse:
        """Proves the place of an entry."""
        evidence = await asyncio.to_thread(
            self._registry.proofs.inclusion_evidence, request.origin, request.index
        )
        return audit_pb2.GetInclusionProofResponse(evidence=evidence)

    async def GetConsistencyProof(  # noqa: N802
        self, request: audit_pb2.GetConsistencyProofRequest, context: Context
    ) -> audit_pb2.GetConsistencyProofResponse:
        """Proves that one size is a prefix of another."""
        second, path = await asyncio.to_thread(
            self._registry.proofs.consistency_path,
            request.origin,
            request.first_size,
            request.second_size,
        )
        return audit_pb2.GetConsistencyProofResponse(second_size=second, path=path)

    async def GetFaultProof(  # noqa: N802
        self, request: audit_pb2.GetFaultProofRequest, context: Context
    ) -> audit_pb2.GetFaultProofResponse:
        """Returns the proof that freezes a log."""
        member, _ = await asyncio.to_thread(self._registry.log, request.origin)
        kept = await asyncio.to_thread(self._registry.faults.of, member)
        return audit_pb2.GetFaultProofResponse(proof=kept.proof)

    async def ListEntries(  # noqa: N802
        self, request: audit_pb2.ListEntriesRequest, context: Context
    ) -> audit_pb2.ListEntriesResponse:
        """Lists raw entries."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._reading, self._entries_page, request)

    async def GetNodeDigest(  # noqa: N802
        self, request: audit_pb2.GetNodeDigestRequest, context: Context
    ) -> audit_pb2.GetNodeDigestResponse:
        """Folds everything into one hash."""
        digest = await self._digest.read()
        return audit_pb2.GetNodeDigestResponse(
            digest=digest.digest,
            case_count=digest.case_count,
            vector=[convert.log_place(place) for place in digest.vector],
        )

    def _cosigned_note(self, origin: str) -> bytes:
        note = self._registry.proofs.checkpoint(origin)
        member, _ = self._registry.log(origin)
        return with_cosignatures(note, self._registry.witness.book.of_log(member.log_id))

    def _entries_page(self, request: audit_pb2.ListEntriesRequest) -> audit_pb2.ListEntriesResponse:
        member, state = self._registry.log(request.origin)
        size = page_size(request.page_size)
        start = read_place(request.page_token, sealed_by=member.slug)
        if start > state.size:
            msg = f"{member.origin} has {state.size} entries here, there is no {start}"
            raise NotFound(msg)
        entries = self._registry.store.entries(
            member.log_id, start, min(start + size, state.size), max_bytes=_PAGE_MAX_BYTES
        )
        end = start + len(entries)
        token = write_place(end, sealed_by=member.slug) if end < state.size else ""
        return audit_pb2.ListEntriesResponse(start=start, entries=entries, next_page_token=token)


class SharedDigest:
    """One computation of the node digest at a time, shared by all callers of one loop.

    It reads every entry, so it is kept for as long as no log has grown or was frozen. A caller
    never gets one that began before the call and stands for less than what is held now: an event
    that was recorded before is in it.
    """

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="digest")
        self._kept: NodeDigest | None = None
        self._begun = 0
        self._newest: asyncio.Future[NodeDigest] | None = None

    async def read(self) -> NodeDigest:
        """Returns the digest of all that is held now.

        Raises:
            StorageError: our own disk failed.
        """
        begun_before = self._begun
        while True:
            if self._newest is None or self._newest.done():
                self._begun += 1
                loop = asyncio.get_running_loop()
                self._newest = loop.run_in_executor(self._thread, self._read_if_changed)
            number = self._begun
            # It is everybody's: it goes on if this caller is cancelled.
            digest = await asyncio.shield(self._newest)
            if number > begun_before:
                return digest

    def _read_if_changed(self) -> NodeDigest:
        if self._kept is None or self._sizes_held() != _sizes_of(self._kept):
            self._kept = self._registry.digest()
        return self._kept

    def _sizes_held(self) -> dict[Origin, int]:
        states = self._registry.store.log_states()
        return {state.origin: state.valid_size for state in states if state.valid_size}


def _sizes_of(digest: NodeDigest) -> dict[Origin, int]:
    """A log is append-only: its size tells what it holds."""
    return {place.origin: place.size for place in digest.vector}
