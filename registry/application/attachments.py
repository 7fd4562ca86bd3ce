"""Files of events: taken in chunk by chunk, made parts of an event, given out chunk by chunk.

The bytes are hashed and sealed, never looked into. An upload is complete only once everything has
the size and the digest that were announced; what it commits to is computed then, so that recording
its event takes no longer than recording any other.
"""

import hashlib
from hmac import compare_digest
from typing import Final

from registry.application.request_keys import RequestKeys
from registry.domain.content import Attachment
from registry.domain.content.attachment import (
    ATTACHMENT_MAX_BYTES,
    ATTACHMENT_MEDIA_TYPE,
    ATTACHMENTS_MAX,
    check_claimed_type,
    check_file_name,
)
from registry.domain.embargo import is_embargoed
from registry.domain.identifiers import HASH_SIZE_BYTES, Commitment, LogId
from registry.errors import DigestMismatch, InvalidRequest, NotFound
from registry.log.commitment import CommitmentHash, padded_size
from registry.log.entry import Header, PartCommitment
from registry.store.chunks import CHUNK_BYTES, chunk_count
from registry.store.entries import EntryStore
from registry.store.uploads import Upload, UploadClaim
from registry.store.values import HeldPart, UploadRef, read_header

REQUEST_ID_MAX: Final = 200


class AttachmentDesk:
    """One node's uploads and downloads; for any thread but an event loop's."""

    def __init__(self, store: EntryStore, own_log: LogId, requests: RequestKeys) -> None:
        self._store = store
        self._own_log = own_log
        self._requests = requests

    def begin(self, owner: bytes, request_id: str, claim: UploadClaim) -> Upload:
        """Starts an upload, or tells how far the one with this request id has come.

        Raises:
            InvalidRequest: size, digest, name, type or request id cannot be.
            RequestIdReused: the request id was used for another file.
            Overloaded: too many uploads are here that no event has used.
        """
        if not 1 <= len(request_id) <= REQUEST_ID_MAX:
            msg = f"a request id has 1 to {REQUEST_ID_MAX} characters"
            raise InvalidRequest(msg)
        if not 1 <= claim.size <= ATTACHMENT_MAX_BYTES:
            msg = f"a file has 1 to {ATTACHMENT_MAX_BYTES} bytes"
            raise InvalidRequest(msg)
        if len(claim.sha256) != HASH_SIZE_BYTES:
            msg = f"a SHA-256 has {HASH_SIZE_BYTES} bytes"
            raise InvalidRequest(msg)
        checked = claim._replace(
            file_name=check_file_name(claim.file_name),
            media_type=check_claimed_type(claim.media_type),
        )
        request_key = self._requests.key_of(f"upload {owner.hex()}", request_id)
        announced = repr(tuple(checked)).encode()
        ref = UploadRef(owner, self._requests.upload_id_of(request_key, announced))
        upload = self._store.uploads.begin(ref, request_key, checked).result()
        # The node may have stopped between the last chunk and the check of the digest.
        return self._finish_if_all_here(upload)

    def put(self, ref: UploadRef, offset: int, data: bytes) -> Upload:
        """Stores a chunk; after the last one the whole is checked.

        Raises:
            NotFound: this client has no such upload.
            InvalidRequest: it is not the next chunk, or another one than was stored there.
            DigestMismatch: the whole is not what was announced; the upload is discarded.
        """
        if offset % CHUNK_BYTES or len(data) > CHUNK_BYTES:
            msg = f"a chunk starts at a multiple of {CHUNK_BYTES} and has at most so many bytes"
            raise InvalidRequest(msg)
        chunk_no = offset // CHUNK_BYTES
        before = self._store.uploads.find(ref)
        if chunk_no < before.chunks:
            if not compare_digest(self._store.uploads.chunk(ref, chunk_no), data):
                msg = f"another chunk is stored at {offset}; start over with a new request id"
                raise InvalidRequest(msg)
            return self._finish_if_all_here(before)
        return self._finish_if_all_here(self._store.uploads.put(ref, chunk_no, data).result())

    def _finish_if_all_here(self, upload: Upload) -> Upload:
        if upload.is_complete or upload.chunks < chunk_count(upload.claim.size):
            return upload
        plain = hashlib.sha256()
        committed = CommitmentHash(
            log_id=self._own_log, salt=upload.salt, media_type=ATTACHMENT_MEDIA_TYPE
        )
        for chunk_no in range(upload.chunks):
            data = self._store.uploads.chunk(upload.ref, chunk_no)
            plain.update(data)
            committed.update(data)
        if not compare_digest(plain.digest(), upload.claim.sha256):
            self._store.uploads.discard(upload.ref).result()
            msg = "what was sent does not have the SHA-256 that was announced: it was discarded"
            raise DigestMismatch(msg)
        return self._store.uploads.complete(upload.ref, committed.commitment()).result()

    def locate(
        self, log_id: LogId, index: int, ordinal: int, *, now_ms: int
    ) -> tuple[Header, HeldPart]:
        """Finds an attachment that is held and not sealed any more.

        Whether a caller of this node may see the case is decided where this is called.

        Raises:
            NotFound: it is not here, or may not be read yet.
        """
        header = self._header(log_id, index)
        if header is not None and 1 <= ordinal < len(header.parts):
            part = self._store.part(log_id, index, ordinal)
            not_before_ms = header.parts[ordinal].not_before_ms
            is_own = log_id == self._own_log
            if part is not None and (is_own or not is_embargoed(not_before_ms, now_ms=now_ms)):
                return header, part
        msg = "there is no such attachment here"
        raise NotFound(msg)

    def read(self, part: HeldPart, chunk_no: int) -> bytes | None:
        """Returns a chunk of a held part, large or not; None if it is gone, or past the end."""
        if part.is_large:
            return self._store.large_parts.chunk((part.log_id, part.index, part.ordinal), chunk_no)
        return part.content if chunk_no == 0 else None

    def _header(self, log_id: LogId, index: int) -> Header | None:
        if not 0 <= index < self._store.log_state(log_id).valid_size:
            return None
        found = self._store.entries(log_id, index, index + 1)
        return read_header(found[0]) if found else None


def attached_uploads(store: EntryStore, refs: tuple[UploadRef, ...]) -> tuple[Upload, ...]:
    """Reads the finished uploads that become attachments of one event.

    Raises:
        NotFound: this client has no such upload.
        InvalidRequest: one is not finished, or they are too many.
    """
    if len(refs) > ATTACHMENTS_MAX or len(set(refs)) != len(refs):
        msg = f"an event has at most {ATTACHMENTS_MAX} attachments, each upload once"
        raise InvalidRequest(msg)
    uploads = tuple(store.uploads.find(ref) for ref in refs)
    if not all(upload.is_complete for upload in uploads):
        msg = "an upload is not finished: send the rest of it first"
        raise InvalidRequest(msg)
    return uploads


def described(uploads: tuple[Upload, ...]) -> tuple[Attachment, ...]:
    """What the event's content says of its attachments."""
    return tuple(
        Attachment(
            ordinal=ordinal,
            file_name=upload.claim.file_name,
            media_type=upload.claim.media_type,
            size=upload.claim.size,
            sha256=upload.claim.sha256.hex(),
        )
        for ordinal, upload in enumerate(uploads, 1)
    )


def commitments(uploads: tuple[Upload, ...], not_before_ms: int) -> tuple[PartCommitment, ...]:
    """What the event's header says of them: they are under the embargo of its content."""
    return tuple(
        PartCommitment(
            commitment=Commitment(upload.commitment),
            padded_size=padded_size(upload.claim.size),
            not_before_ms=not_before_ms,
        )
        for upload in uploads
    )


def upload_ref(owner: bytes, upload_id: str) -> UploadRef:
    """Reads the id that a client was given.

    Raises:
        NotFound: it cannot be one.
    """
    try:
        return UploadRef(owner, bytes.fromhex(upload_id))
    except ValueError as error:
        msg = "there is no such upload"
        raise NotFound(msg) from error
