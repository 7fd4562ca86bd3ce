"""AttachmentService: files of events, in chunks, for clients of this node.

The bytes pass through: nothing here looks into them.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from typing import Any, Final, TypeAlias, TypeVar

import grpc

from registry.api.v1 import attachments_pb2, attachments_pb2_grpc
from registry.application.attachments import AttachmentDesk, upload_ref
from registry.application.desk import Desk
from registry.application.registry import Registry
from registry.application.roles import Client
from registry.errors import InvalidRequest, NotFound, TryLater
from registry.store.chunks import CHUNK_BYTES, chunk_count
from registry.store.uploads import UploadClaim
from registry.store.values import HeldPart
from registry_node.callers import calling_client, current_fingerprint
from registry_node.threads import FairThreads

Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"
T = TypeVar("T")
_TIDY_S: Final = 1800.0
_THREADS: Final = 2
"""Hashing and sealing of files keeps no other call waiting."""


class AttachmentServicer(attachments_pb2_grpc.AttachmentServiceServicer):
    """Converts, delegates to the registry in a thread, converts back."""

    def __init__(self, registry: Registry, desk: Desk) -> None:
        self._registry = registry
        self._desk = desk
        self._threads = FairThreads(_THREADS, name="attachments")

    @property
    def _attachments(self) -> AttachmentDesk:
        """Where files are given: they are large, and the rest of a nearly full disk is for events.

        Raises:
            DiskReserved: there is no room for files.
        """
        self._registry.store.disk.check_for_others()
        return self._registry.attachments

    async def run(self) -> None:
        """Deletes uploads that nobody went on with, now and then, until cancelled."""
        while True:
            await asyncio.sleep(_TIDY_S)
            with suppress(TryLater):
                await asyncio.wrap_future(self._registry.store.uploads.drop_expired())

    async def BeginUpload(  # noqa: N802 - the name of the RPC
        self, request: attachments_pb2.BeginUploadRequest, context: Context
    ) -> attachments_pb2.BeginUploadResponse:
        """Starts or resumes an upload."""
        owner = _owner()
        claim = UploadClaim(request.size, request.sha256, request.file_name, request.media_type)
        upload = await self._in_thread(
            lambda: self._attachments.begin(owner, request.request_id, claim)
        )
        return attachments_pb2.BeginUploadResponse(
            upload_id=upload.ref.upload_id.hex(),
            received_bytes=upload.received_bytes,
            chunk_bytes=CHUNK_BYTES,
        )

    async def UploadChunk(  # noqa: N802
        self, request: attachments_pb2.UploadChunkRequest, context: Context
    ) -> attachments_pb2.UploadChunkResponse:
        """Stores one chunk."""
        ref = upload_ref(_owner(), request.upload_id)
        upload = await self._in_thread(
            lambda: self._attachments.put(ref, request.offset, request.data)
        )
        return attachments_pb2.UploadChunkResponse(
            received_bytes=upload.received_bytes, is_complete=upload.is_complete
        )

    async def DownloadAttachment(  # noqa: N802
        self, request: attachments_pb2.DownloadAttachmentRequest, context: Context
    ) -> AsyncIterator[attachments_pb2.DownloadAttachmentResponse]:
        """Streams the bytes of an attachment."""
        client = calling_client()
        if request.offset % CHUNK_BYTES:
            msg = f"a download starts at a multiple of {CHUNK_BYTES}"
            raise InvalidRequest(msg)
        part = await self._in_thread(lambda: self._open(request, client))
        for chunk_no in range(request.offset // CHUNK_BYTES, chunk_count(part.size)):
            data = await self._in_thread(lambda n=chunk_no: self._read(part, n))  # type: ignore[misc]
            yield attachments_pb2.DownloadAttachmentResponse(
                size=part.size, offset=chunk_no * CHUNK_BYTES, data=data
            )

    def _open(self, request: attachments_pb2.DownloadAttachmentRequest, client: Client) -> HeldPart:
        """Finds an attachment that this client may read, and notes that it was read.

        Raises:
            NotFound: it is not here, or not for this client.
        """
        case_id = self._desk.require_event(client, request.origin, request.index)
        member, _ = self._registry.log(request.origin)
        header, part = self._registry.attachments.locate(
            member.log_id, request.index, request.ordinal, now_ms=self._registry.clock_ms()
        )
        is_confidential = not header.audience.is_all
        self._desk.note_read(client, "DownloadAttachment", case_id, int(is_confidential))
        return part

    def _read(self, part: HeldPart, chunk_no: int) -> bytes:
        data = self._registry.attachments.read(part, chunk_no)
        if data is None:
            msg = "the attachment is not here any more"
            raise NotFound(msg)
        return data

    async def _in_thread(self, call: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, call)


def _owner() -> bytes:
    """Who owns an upload: the certificate, not the name, which may be given again."""
    calling_client()
    return bytes.fromhex(current_fingerprint())
