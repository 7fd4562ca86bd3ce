"""AuditService: checkpoints, proofs, raw entries, digests. For clients and members alike."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any, Final, TypeAlias

import grpc

from registry.api.v1 import audit_pb2, audit_pb2_grpc
from registry.application import Registry
from registry.errors import NotFound
from registry_node import convert
from registry_node.heads import HeadHub
from registry_node.paging import page_size, read_place, write_place

Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"
_PAGE_MAX_BYTES: Final = 2**20


class AuditServicer(audit_pb2_grpc.AuditServiceServicer):
    """Converts, delegates to the registry in a thread, converts back."""

    def __init__(self, registry: Registry, heads: HeadHub) -> None:
        self._registry = registry
        self._heads = heads

    async def GetCheckpoint(  # noqa: N802 - the name of the RPC
        self, request: audit_pb2.GetCheckpointRequest, context: Context
    ) -> audit_pb2.GetCheckpointResponse:
        """Returns a checkpoint."""
        note = await asyncio.to_thread(self._registry.checkpoint, request.origin)
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
            self._registry.inclusion_evidence, request.origin, request.index
        )
        return audit_pb2.GetInclusionProofResponse(evidence=evidence)

    async def GetConsistencyProof(  # noqa: N802
        self, request: audit_pb2.GetConsistencyProofRequest, context: Context
    ) -> audit_pb2.GetConsistencyProofResponse:
        """Proves that one size is a prefix of another."""
        second, path = await asyncio.to_thread(
            self._registry.consistency_path,
            request.origin,
            request.first_size,
            request.second_size,
        )
        return audit_pb2.GetConsistencyProofResponse(second_size=second, path=path)

    async def ListEntries(  # noqa: N802
        self, request: audit_pb2.ListEntriesRequest, context: Context
    ) -> audit_pb2.ListEntriesResponse:
        """Lists raw entries."""
        return await asyncio.to_thread(self._entries_page, request)

    async def GetNodeDigest(  # noqa: N802
        self, request: audit_pb2.GetNodeDigestRequest, context: Context
    ) -> audit_pb2.GetNodeDigestResponse:
        """Folds everything into one hash."""
        digest = await asyncio.to_thread(self._registry.digest)
        return audit_pb2.GetNodeDigestResponse(
            digest=digest.digest,
            case_count=digest.case_count,
            vector=[convert.log_place(place) for place in digest.vector],
        )

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
