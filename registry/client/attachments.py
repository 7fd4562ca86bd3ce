"""Calls about files of events, reached as `client.attachments`; both directions resume after a cut.

Whatever a node answers, what was downloaded counts only once its SHA-256 is the one that the
event's content names: `download` checks it.
"""

import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any, BinaryIO

import grpc

from registry.api.v1 import attachments_pb2, attachments_pb2_grpc
from registry.client.errors import translate
from registry.errors import DigestMismatch, InvalidRequest

Call = Callable[[Any, Any], Awaitable[Any]]
"""Makes one call with the client's deadline and errors: (method, request)."""
_READ_BYTES = 2**20


@dataclass(frozen=True, slots=True)
class Sent:
    """A file that the node has in full: its id for `record`, its size and digest."""

    upload_id: str
    size: int
    sha256: bytes


class AttachmentClient:
    """Uploads and downloads of one connection."""

    def __init__(
        self, channel: grpc.aio.Channel, call: Call, patient_call: Call, address: str
    ) -> None:
        self._stub: attachments_pb2_grpc.AttachmentServiceAsyncStub = (
            attachments_pb2_grpc.AttachmentServiceStub(channel)
        )
        self._call = call
        self._patient_call = patient_call
        self._address = address

    async def upload(
        self,
        request_id: str,
        file: BinaryIO,
        *,
        file_name: str,
        media_type: str = "",
        on_progress: Callable[[int, int], None] = lambda _done, _of: None,
    ) -> Sent:
        """Sends a file, or what the node lacks of it.

        Args:
            request_id: 1 to 200 characters; the same one goes on with the same file.
            file: open for reading from its start; it must be seekable.
            file_name: what others are shown; no path.
            media_type: a claim such as application/pdf.
            on_progress: called with bytes done and bytes in all.

        Raises:
            DigestMismatch: the file changed while it was sent.
        """
        size, sha256 = _measure(file)
        begun = await self._patient_call(
            self._stub.BeginUpload,
            attachments_pb2.BeginUploadRequest(
                request_id=request_id,
                size=size,
                sha256=sha256,
                file_name=file_name,
                media_type=media_type,
            ),
        )
        received = begun.received_bytes
        while received < size:
            file.seek(received)
            chunk = attachments_pb2.UploadChunkRequest(
                upload_id=begun.upload_id, offset=received, data=file.read(begun.chunk_bytes)
            )
            answer = await self._patient_call(self._stub.UploadChunk, chunk)
            if answer.received_bytes <= received:
                msg = "the node does not go on with the upload"
                raise InvalidRequest(msg)
            received = answer.received_bytes
            on_progress(received, size)
        return Sent(begun.upload_id, size, sha256)

    async def chunks(
        self, origin: str, index: int, ordinal: int, *, offset: int = 0, timeout_s: float = 1200.0
    ) -> AsyncIterator[tuple[int, int, bytes]]:
        """Streams (size of the whole, offset, bytes) from an offset on, a multiple of 262,144."""
        request = attachments_pb2.DownloadAttachmentRequest(
            origin=origin, index=index, ordinal=ordinal, offset=offset
        )
        call = self._stub.DownloadAttachment(request, timeout=timeout_s)
        try:
            async for message in call:
                yield message.size, message.offset, message.data
        except grpc.aio.AioRpcError as error:
            raise translate(error, self._address) from error
        finally:
            call.cancel()

    async def download(
        self, origin: str, index: int, ordinal: int, file: BinaryIO, *, sha256: str = ""
    ) -> int:
        """Writes an attachment into an open file; returns its size.

        Raises:
            NotFound: it is not here, or not for this client.
            DigestMismatch: it is not what the event's content describes.
        """
        computed, done, size = hashlib.sha256(), 0, 0
        async for whole, offset, data in self.chunks(origin, index, ordinal):
            size = whole
            if offset != done:
                break
            file.write(data)
            computed.update(data)
            done += len(data)
        if done != size or (sha256 and computed.hexdigest() != sha256):
            msg = "what came is not the file that the event describes"
            raise DigestMismatch(msg)
        return size


def _measure(file: BinaryIO) -> tuple[int, bytes]:
    computed, size = hashlib.sha256(), 0
    while data := file.read(_READ_BYTES):
        computed.update(data)
        size += len(data)
    return size, computed.digest()
