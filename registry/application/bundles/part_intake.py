"""Takes content that was sealed in a bundle, with the checks of content from a peer.

A part is stored only if its entry is held, the event's audience admits this node, its time has come
by this node's clock, and it is what its author committed to. What was erased is never stored again:
the store sees to that. Content of a log with which something is wrong is left alone, and so is what
cannot be taken now; a part that its header does not know of, or other content, stops the import.

Large parts come chunk by chunk. What is stored of one cannot be read before its commitment was
checked over all of it; nothing stays of one that is not complete.
"""

from collections.abc import Callable, Sequence
from typing import Final

from registry.application.registry import Registry
from registry.domain.content.attachment import ATTACHMENT_MAX_BYTES
from registry.domain.embargo import is_embargoed
from registry.domain.identifiers import LogId
from registry.errors import CommitmentMismatch, MisplacedChunk, NotFound, UnrequestedPart
from registry.log.bundle_content import BundleChunk, BundlePart, Content
from registry.log.commitment import SALT_SIZE_BYTES, CommitmentHash
from registry.log.entry import Header, PartCommitment
from registry.replication.ingest import check_part
from registry.store.audiences import audience_of, audiences_of
from registry.store.chunks import chunk_count, chunk_size
from registry.store.values import AskedParts, HeldPart, read_header

_PAGE: Final = 500


class PartIntake:
    """Takes the content of one bundle."""

    def __init__(self, registry: Registry, is_left: Callable[[LogId], bool]) -> None:
        """Takes nothing yet; `is_left` tells of a log whose content is left alone."""
        self._registry = registry
        self._is_left = is_left
        self._store = registry.store
        self._large: _LargeIntake | None = None
        self.stored = 0
        self.held = 0
        self.left = 0

    def take(self, content: Content) -> None:
        """Checks and stores what one record holds.

        Raises:
            EntryError: it is not what its header commits to, or not for this node.
            StorageError: our own disk failed.
        """
        if isinstance(content, BundleChunk):
            self._take_chunk(content)
        elif content:
            self._drop_incomplete()
            self._take_parts(content)

    def finish(self, log_ids: Sequence[LogId]) -> None:
        """Notes what is missing still, so that it is asked for when there are peers."""
        self._drop_incomplete()
        for log_id in log_ids:
            state = self._store.log_state(log_id)
            start = state.parts_below
            while start < state.size:
                entries = self._store.entries(log_id, start, start + _PAGE)
                start += len(entries)
                asked = self._missing(log_id, start, [read_header(entry) for entry in entries])
                self._store.put_parts([], asked).result()

    def _missing(self, log_id: LogId, end: int, headers: Sequence[Header]) -> AskedParts:
        by_place = {(header.log_id, header.index): header for header in headers}
        audiences = audiences_of(self._store, by_place)
        own_id = self._registry.own.id
        wanted = {
            (log_id, index, ordinal): part
            for (_, index), header in by_place.items()
            if audiences[log_id, index].admits(own_id)
            for ordinal, part in enumerate(header.parts)
        }
        held = self._store.held_parts(wanted.keys())
        missing = {key[1:]: part for key, part in wanted.items() if key not in held}
        opening = {p: c.not_before_ms for p, c in missing.items() if c.not_before_ms}
        return AskedParts(log_id, end, list(missing), opening)

    def _take_parts(self, parts: Sequence[BundlePart]) -> None:
        good: list[HeldPart] = []
        for part in parts:
            commitment = self._commitment(part)
            if commitment is None:
                self.left += 1
                continue
            check_part(
                commitment,
                log_id=part.log_id,
                salt=part.salt,
                media_type=part.media_type,
                content=part.content,
            )
            place = (part.log_id, part.index, part.ordinal)
            good.append(HeldPart(*place, part.salt, part.media_type, part.content))
        keys = [(part.log_id, part.index, part.ordinal) for part in good]
        before = self._store.held_parts(keys)
        self._store.put_parts(good).result()
        new = len(self._store.held_parts(keys) - before)
        self.stored += new
        self.held += len(good) - new

    def _take_chunk(self, chunk: BundleChunk) -> None:
        if chunk.chunk_no == 0:
            self._drop_incomplete()
            commitment = self._commitment(chunk)
            if commitment is None:
                self.left += 1
                return
            self._large = _LargeIntake(self._registry, chunk, commitment)
        if self._large is None:
            return
        self._large.take(chunk)
        if self._large.is_over:
            self.stored += self._large.is_stored
            self.held += not self._large.is_stored
            self._large = None

    def _drop_incomplete(self) -> None:
        """The giver stopped in the middle: it was erased there, or a consent was withdrawn."""
        if self._large is not None:
            self._large.discard()
            self._large = None
            self.left += 1

    def _commitment(self, part: BundlePart | BundleChunk) -> PartCommitment | None:
        """What the part's header says of it; None if it cannot be taken now.

        Raises:
            UnrequestedPart: the header has no such part.
        """
        if self._is_left(part.log_id):
            return None
        try:
            entries = self._store.entries(part.log_id, part.index, part.index + 1)
        except NotFound:
            entries = []
        if not entries:
            return None
        header = read_header(entries[0])
        if part.ordinal >= len(header.parts):
            msg = f"the bundle holds part {part.ordinal} of event {part.index}, which has no such"
            raise UnrequestedPart(msg)
        commitment = header.parts[part.ordinal]
        # What let this node have it may be void here.
        is_for_us = audience_of(self._store, header).admits(self._registry.own.id)
        is_sealed = is_embargoed(commitment.not_before_ms, now_ms=self._registry.clock_ms())
        return commitment if is_for_us and not is_sealed else None


class _LargeIntake:
    """One large part, from its first chunk to its last."""

    def __init__(self, registry: Registry, first: BundleChunk, commitment: PartCommitment) -> None:
        """Begins it anew.

        Raises:
            CommitmentMismatch: it cannot be what the header commits to.
        """
        size_class = min(commitment.padded_size, ATTACHMENT_MAX_BYTES)
        if not 1 <= first.size <= size_class or len(first.salt) != SALT_SIZE_BYTES:
            msg = f"a part of {first.size} bytes is not of its size class {size_class}"
            raise CommitmentMismatch(msg)
        self._parts = registry.store.large_parts
        self._first = first
        self._key = (first.log_id, first.index, first.ordinal)
        self._commitment = commitment.commitment
        self._hash = CommitmentHash(
            log_id=first.log_id, salt=first.salt, media_type=first.media_type
        )
        self._next = 0
        head = HeldPart(*self._key, first.salt, first.media_type, b"", large_bytes=first.size)
        self._is_wanted = self._parts.begin(head).result()
        self.is_stored = False

    @property
    def is_over(self) -> bool:
        """Whether the last chunk was taken."""
        return self._next == chunk_count(self._first.size)

    def take(self, chunk: BundleChunk) -> None:
        """Stores the next chunk; the last one completes the part.

        Raises:
            MisplacedChunk, CommitmentMismatch: the bundle's bytes are wrong; nothing of it stays.
        """
        first = self._first
        named = (chunk.log_id, chunk.index, chunk.ordinal, chunk.salt, chunk.media_type, chunk.size)
        told = (*self._key, first.salt, first.media_type, first.size)
        is_next = named == told and chunk.chunk_no == self._next
        if not is_next or len(chunk.data) != chunk_size(first.size, self._next):
            self.discard()
            msg = f"chunk {chunk.chunk_no} of a large part in the bundle is not the next one"
            raise MisplacedChunk(msg)
        self._hash.update(chunk.data)
        if self._is_wanted:
            self._is_wanted = self._parts.put(self._key, self._next, [chunk.data]).result()
        self._next += 1
        if self.is_over:
            self._complete()

    def discard(self) -> None:
        """Deletes what has come of it."""
        if self._is_wanted:
            self._parts.discard(self._key).result()

    def _complete(self) -> None:
        if self._hash.commitment() != self._commitment:
            self.discard()
            msg = f"a large part of event {self._first.index} does not match its commitment"
            raise CommitmentMismatch(msg)
        if self._is_wanted:
            self.is_stored = self._parts.finish(self._key).result()
