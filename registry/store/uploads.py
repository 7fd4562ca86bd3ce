"""Uploads: files that clients are giving to this node, until they become parts of an event.

    head   piece (see chunks.py) of a JSON object: size, sha256, file_name, media_type, salt, and,
           once the digest was checked, the commitment of the part that it will be

Every upload has a data key of its own, which becomes the part's: an append moves sealed chunks and
decrypts none. Nothing is written in clear and nothing outside the database.
"""

import json
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, Final, NamedTuple

from eventsourcing.sqlite import SQLiteCursor

from registry.domain.content.attachment import ATTACHMENT_MEDIA_TYPE
from registry.domain.identifiers import Commitment, RequestKey
from registry.errors import CorruptDatabase, InvalidRequest, NotFound, Overloaded, RequestIdReused
from registry.store.chunks import (
    LARGE_PART_BYTES,
    chunk_context,
    chunk_count,
    chunk_size,
    join_part,
    open_piece,
    seal_head,
    seal_piece,
)
from registry.store.connections import DurableDatastore
from registry.store.failpoints import Step, reach
from registry.store.sealing import NodeKeys, seal, upload_context
from registry.store.values import SealedPart, UploadRef

UPLOADS_PER_CLIENT: Final = 8
UPLOADS_BYTES: Final = 2 * 2**30
"""Of all clients together, as they announce them."""
UNFINISHED_MS: Final = 24 * 3600 * 1000
FINISHED_MS: Final = 14 * UNFINISHED_MS
"""A finished upload may wait for the second person who approves its event."""
_HEAD: Final = b"registry/upload-head/v1"


class UploadClaim(NamedTuple):
    """What a client says of the file that it is about to send; sha256 has 32 bytes."""

    size: int
    sha256: bytes
    file_name: str
    media_type: str


class Upload(NamedTuple):
    """An upload as it stands; `commitment` is empty until the digest was checked."""

    ref: UploadRef
    claim: UploadClaim
    salt: bytes
    commitment: bytes
    chunks: int

    @property
    def received_bytes(self) -> int:
        """How many bytes are stored."""
        return min(self.chunks * LARGE_PART_BYTES, self.claim.size)

    @property
    def is_complete(self) -> bool:
        """Whether all is here and its digest was checked."""
        return bool(self.commitment)


class Uploads:
    """The uploads of one store; reads from any thread, writes through its one writer."""

    def __init__(
        self,
        datastore: DurableDatastore,
        keys: Callable[[], NodeKeys],
        run: Callable[[Callable[[], Any]], "Future[Any]"],
        now_ms: Callable[[], int],
    ) -> None:
        self._datastore = datastore
        self._keys = keys
        self._run = run
        self._now_ms = now_ms

    def begin(
        self, ref: UploadRef, request_key: RequestKey, claim: UploadClaim
    ) -> "Future[Upload]":
        """Starts an upload, or finds the one that this request started.

        Args:
            ref: names it from now on; equal claims under one request must give equal ids, so that
                a repeated event is noticed, and the id must tell nobody of the claim.
            request_key: of the request.
            claim: what was announced.

        The future fails with:
            RequestIdReused: the request started the upload of another file.
            Overloaded: too many uploads, or too many bytes of them, are here already.
        """
        return self._run(lambda: self._begin(ref, request_key, claim))

    def find(self, ref: UploadRef) -> Upload:
        """Returns an upload.

        Raises:
            NotFound: this client has no such upload.
        """
        with self._datastore.reading() as cursor:
            return _opened(_find(cursor, ref), self._keys())

    def chunk(self, ref: UploadRef, chunk_no: int) -> bytes:
        """Returns a chunk that was stored.

        Raises:
            NotFound: this client has no such upload, or the chunk is not stored.
        """
        with self._datastore.reading() as cursor:
            row = _find(cursor, ref)
            cursor.execute(
                "SELECT sealed FROM upload_chunks WHERE upload_no = ? AND chunk_no = ?",
                (row["upload_no"], chunk_no),
            )
            found = cursor.fetchone()
        if found is None:
            msg = f"chunk {chunk_no} of the upload is not stored"
            raise NotFound(msg)
        key = self._keys().unwrap(row["wrapped_key"], upload_context(ref.upload_id))
        return open_piece(key, found["sealed"], chunk_context(chunk_no))

    def put(self, ref: UploadRef, chunk_no: int, data: bytes) -> "Future[Upload]":
        """Stores the next chunk; one that is stored already stays as it is.

        The future fails with:
            NotFound: this client has no such upload.
            InvalidRequest: it is not the next chunk, or not of its size.
        """
        return self._run(lambda: self._put(ref, chunk_no, data))

    def complete(self, ref: UploadRef, commitment: Commitment) -> "Future[Upload]":
        """Notes that the digest was checked, and what the part commits to."""
        return self._run(lambda: self._complete(ref, commitment))

    def discard(self, ref: UploadRef) -> "Future[None]":
        """Deletes an upload."""
        return self._run(lambda: self._discard(ref))

    def drop_expired(self) -> "Future[None]":
        """Deletes the uploads that nobody went on with."""
        return self._run(self._drop_expired)

    def sealed_part(self, ref: UploadRef) -> SealedPart:
        """Makes the part that a finished upload becomes.

        Raises:
            NotFound: this client has no such upload.
            InvalidRequest: it is not finished.
        """
        upload, node_keys = self.find(ref), self._keys()
        if not upload.is_complete:
            msg = "an upload is not finished: send the rest of it first"
            raise InvalidRequest(msg)
        if upload.claim.size <= LARGE_PART_BYTES:
            key, content = node_keys.new_key(), self.chunk(ref, 0)
            joined = join_part(upload.salt, ATTACHMENT_MEDIA_TYPE, content)
            return SealedPart(key, seal(key, joined), upload_id=ref.upload_id)
        with self._datastore.reading() as cursor:
            wrapped = _find(cursor, ref)["wrapped_key"]
        key = node_keys.unwrap(wrapped, upload_context(ref.upload_id))
        size = upload.claim.size
        head = seal_head(node_keys, key, upload.salt, ATTACHMENT_MEDIA_TYPE, size)
        return SealedPart(key, head, size, upload_id=ref.upload_id)

    # --- inside: the writer's thread --------------------------------------------------------------

    def _begin(self, ref: UploadRef, request_key: RequestKey, claim: UploadClaim) -> Upload:
        owner, node_keys = ref.owner, self._keys()
        with self._datastore.writing() as cursor:
            _drop_expired(cursor, self._now_ms(), node_keys)
            cursor.execute(
                "SELECT upload_id FROM uploads WHERE owner = ? AND request_key = ?",
                (owner, request_key),
            )
            row = cursor.fetchone()
            if row is not None:
                found = _opened(_find(cursor, UploadRef(owner, row["upload_id"])), node_keys)
                if found.claim != claim:
                    msg = "this request id was used for another file; use a new one"
                    raise RequestIdReused(msg)
                return found
            _check_room(cursor, owner, claim, node_keys)
            made = node_keys.new_data_key(upload_context(ref.upload_id))
            salt = node_keys.new_key()
            head = seal_piece(node_keys, made.key, _head(claim, salt, b""), _HEAD)
            cursor.execute(
                "INSERT INTO uploads (upload_id, owner, request_key, wrapped_key, head, "
                "created_ms) VALUES (?, ?, ?, ?, ?, ?)",
                (ref.upload_id, owner, request_key, made.wrapped, head, self._now_ms()),
            )
            return Upload(ref, claim, salt, b"", 0)

    def _put(self, ref: UploadRef, chunk_no: int, data: bytes) -> Upload:
        node_keys = self._keys()
        with self._datastore.writing() as cursor:
            row = _find(cursor, ref)
            upload = _opened(row, node_keys)
            if chunk_no < upload.chunks:
                return upload
            size = upload.claim.size
            if chunk_no > upload.chunks or chunk_no >= chunk_count(size):
                msg = f"the next chunk starts at byte {upload.received_bytes} of {size}"
                raise InvalidRequest(msg)
            if len(data) != chunk_size(size, chunk_no):
                msg = f"this chunk has {chunk_size(size, chunk_no)} bytes, found {len(data)}"
                raise InvalidRequest(msg)
            key = node_keys.unwrap(row["wrapped_key"], upload_context(ref.upload_id))
            sealed = seal_piece(node_keys, key, data, chunk_context(chunk_no))
            cursor.execute(
                "INSERT INTO upload_chunks VALUES (?, ?, ?)", (row["upload_no"], chunk_no, sealed)
            )
            return upload._replace(chunks=chunk_no + 1)

    def _complete(self, ref: UploadRef, commitment: Commitment) -> Upload:
        node_keys = self._keys()
        with self._datastore.writing() as cursor:
            row = _find(cursor, ref)
            upload = _opened(row, node_keys)
            if upload.is_complete:
                return upload
            key = node_keys.unwrap(row["wrapped_key"], upload_context(ref.upload_id))
            head = _head(upload.claim, upload.salt, commitment)
            cursor.execute(
                "UPDATE uploads SET head = ? WHERE upload_no = ?",
                (seal_piece(node_keys, key, head, _HEAD), row["upload_no"]),
            )
            return upload._replace(commitment=commitment)

    def _discard(self, ref: UploadRef) -> None:
        with self._datastore.writing() as cursor:
            _delete(cursor, _find(cursor, ref)["upload_no"])

    def _drop_expired(self) -> None:
        with self._datastore.writing() as cursor:
            _drop_expired(cursor, self._now_ms(), self._keys())


def taken_number(cursor: SQLiteCursor, upload_id: bytes) -> int:
    """Returns the row of an upload that is about to become a part, inside the transaction.

    Raises:
        NotFound: it is gone: used by another event, or expired.
    """
    cursor.execute("SELECT upload_no FROM uploads WHERE upload_id = ?", (upload_id,))
    row = cursor.fetchone()
    if row is None:
        msg = "there is no such upload any more; send the file again"
        raise NotFound(msg)
    return int(row["upload_no"])


def move_upload(cursor: SQLiteCursor, upload_no: int, place: tuple[int, int, int] | None) -> None:
    """Makes the chunks of an upload those of a large part; None = they are not needed any more."""
    if place is not None:
        cursor.execute("SELECT chunk_no FROM upload_chunks WHERE upload_no = ?", (upload_no,))
        # One by one: for more, SQLite would first make a copy in memory, because of the triggers.
        cursor.executemany(
            "INSERT INTO part_chunks SELECT ?, ?, ?, chunk_no, sealed FROM upload_chunks "
            "WHERE upload_no = ? AND chunk_no = ?",
            [(*place, upload_no, row["chunk_no"]) for row in cursor.fetchall()],
        )
    _delete(cursor, upload_no)
    reach(Step.UPLOAD_MOVED)


def open_upload_head(key: bytes, sealed: bytes) -> bytes:
    """Decrypts the head of an upload.

    Raises:
        CorruptDatabase: it was changed.
    """
    return open_piece(key, sealed, _HEAD)


def _find(cursor: SQLiteCursor, ref: UploadRef) -> Any:  # noqa: ANN401 - a row of the database
    cursor.execute(
        "SELECT *, (SELECT count(*) FROM upload_chunks c WHERE c.upload_no = u.upload_no) AS n "
        "FROM uploads u WHERE upload_id = ? AND owner = ?",
        (ref.upload_id, ref.owner),
    )
    row = cursor.fetchone()
    if row is None:
        msg = "there is no such upload"
        raise NotFound(msg)
    return row


def _opened(row: Any, node_keys: NodeKeys) -> Upload:  # noqa: ANN401
    key = node_keys.unwrap(row["wrapped_key"], upload_context(row["upload_id"]))
    head = json.loads(open_upload_head(key, row["head"]))
    claim = UploadClaim(
        head["size"], bytes.fromhex(head["sha256"]), head["file_name"], head["media_type"]
    )
    ref = UploadRef(row["owner"], row["upload_id"])
    salt, commitment = bytes.fromhex(head["salt"]), bytes.fromhex(head["commitment"])
    return Upload(ref, claim, salt, commitment, row["n"])


def _head(claim: UploadClaim, salt: bytes, commitment: bytes) -> bytes:
    head = {
        "size": claim.size,
        "sha256": claim.sha256.hex(),
        "file_name": claim.file_name,
        "media_type": claim.media_type,
        "salt": salt.hex(),
        "commitment": commitment.hex(),
    }
    return json.dumps(head).encode()


def _check_room(
    cursor: SQLiteCursor, owner: bytes, claim: UploadClaim, node_keys: NodeKeys
) -> None:
    cursor.execute("SELECT *, 0 AS n FROM uploads")
    uploads = [_opened(row, node_keys) for row in cursor.fetchall()]
    if sum(upload.ref.owner == owner for upload in uploads) >= UPLOADS_PER_CLIENT:
        msg = f"this client has {UPLOADS_PER_CLIENT} uploads already that no event has used"
        raise Overloaded(msg)
    if sum(upload.claim.size for upload in uploads) + claim.size > UPLOADS_BYTES:
        msg = "too many files are being uploaded to this node; try again later"
        raise Overloaded(msg)


def _drop_expired(cursor: SQLiteCursor, now_ms: int, node_keys: NodeKeys) -> None:
    cursor.execute("SELECT *, 0 AS n FROM uploads WHERE created_ms <= ?", (now_ms - UNFINISHED_MS,))
    for row in cursor.fetchall():
        is_old = row["created_ms"] <= now_ms - FINISHED_MS
        if is_old or not _is_complete(row, node_keys):
            _delete(cursor, row["upload_no"])


def _is_complete(row: Any, node_keys: NodeKeys) -> bool:  # noqa: ANN401 - a row of the database
    try:
        return _opened(row, node_keys).is_complete
    except CorruptDatabase:
        return False  # of no use to anybody, and no reason to keep a node from starting


def _delete(cursor: SQLiteCursor, upload_no: int) -> None:
    for table in ("upload_chunks", "uploads"):
        cursor.execute(f"DELETE FROM {table} WHERE upload_no = ?", (upload_no,))  # noqa: S608 - constant names
