"""What a store takes and gives: values, no SQL and no behaviour of their own."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias

from registry.domain.identifiers import CaseId, Commitment, LeafHash, LogId, Origin, RootHash
from registry.errors import DamagedLog, EntryError
from registry.log.author import EventDraft
from registry.log.checkpoint import Checkpoint
from registry.log.entry import Header, decode_header, split_entry
from registry.log.facts import EntryFacts
from registry.log.merkle import CompactRange
from registry.store.act_notes import ActNote


class LogState(NamedTuple):
    """How much of a log is held.

    Attributes:
        log_id: SHA-256 of the origin.
        origin: the log's name.
        size: entries held (of the own log: entries under the guard).
        root: RFC 6962 root over `size` entries.
        range: the compact range over `size` entries.
        note: the largest checkpoint that is held in full; None while there is none.
        noted_size: the size that `note` stands for; 0 while there is none.
        frozen_at: the first index that is void; None = the log is not frozen.
        frozen_reason: the stable reason of the freeze.
        parts_below: every part of an entry below this index is held or listed as wanted.
    """

    log_id: LogId
    origin: Origin
    size: int
    root: RootHash
    range: CompactRange
    note: bytes | None
    noted_size: int
    frozen_at: int | None
    frozen_reason: str | None
    parts_below: int

    @property
    def valid_size(self) -> int:
        """How many entries count: those held below the freeze."""
        return self.size if self.frozen_at is None else min(self.size, self.frozen_at)


class StoredEntry(NamedTuple):
    """An entry's exact bytes, its place, and when this node stored it (its clock, ms UTC)."""

    log_id: LogId
    index: int  # type: ignore[assignment] # the field, not tuple.index
    entry: bytes
    received_ms: int


class Appended(NamedTuple):
    """Where an own event stands; `was_recorded_before` if an earlier request put it there."""

    index: int  # type: ignore[assignment] # the field, not tuple.index
    entry: bytes
    leaf_hash: LeafHash
    was_recorded_before: bool


class SealedPart(NamedTuple):
    """An encrypted part that has no place yet, with its data key in clear.

    Attributes:
        key: the data key.
        sealed: the part; of a large one salt, media type and size.
        size_bytes: exact size of a large part; None = all of it stands in `sealed`.
        chunks: the sealed pieces of a large part that is given as a whole.
        upload_id: the upload whose pieces become the part's, or that was read into `sealed`.
    """

    key: bytes
    sealed: bytes
    size_bytes: int | None = None
    chunks: tuple[bytes, ...] = ()
    upload_id: bytes = b""


class UploadRef(NamedTuple):
    """Names an upload: by its client's fingerprint, 32 bytes, and its id, 16 bytes."""

    owner: bytes
    upload_id: bytes


class AppendRequest(NamedTuple):
    """An event to append.

    Attributes:
        draft: the event.
        request_digest: a keyed digest of all that was asked for.
        uploads: finished uploads; their parts follow those of the draft, and the draft's
            commitments name them.
        sealed: the draft's parts, encrypted; the store fills it in the asker's thread.
        note: who asks, kept beside the log.
    """

    draft: EventDraft
    request_digest: bytes
    uploads: tuple[UploadRef, ...] = ()
    sealed: tuple[SealedPart, ...] = ()
    note: ActNote | None = None


@dataclass(frozen=True, slots=True)
class IngestBatch:
    """Checked entries [start, start + len(entries)) of one log.

    Attributes:
        log_id: a registered log.
        start: must be the size held.
        entries: exact bytes.
        facts: of each entry, in the same order.
        leaf_hashes: of each entry, in the same order.
        range: the compact range at the batch's end.
        root: the root at the batch's end.
        note: the verified checkpoint whose size is the batch's end; None if there is none.
        target: the verified checkpoint that is being fetched, as large as `note` or larger.
        rotations: indices of the entries of the batch that rotated the log's key.
    """

    log_id: LogId
    start: int
    entries: Sequence[bytes]
    facts: Sequence[EntryFacts]
    leaf_hashes: Sequence[LeafHash]
    range: CompactRange
    root: RootHash
    note: bytes | None
    target: Checkpoint | None
    rotations: tuple[int, ...] = ()


class HeldPart(NamedTuple):
    """A part in clear: `salt` has 32 bytes, `ordinal` counts from 0 within its entry.

    A large part has no content here, only `large_bytes`, its size: see `EntryReader.part_chunk`.
    """

    log_id: LogId
    index: int  # type: ignore[assignment] # the field, not tuple.index
    ordinal: int
    salt: bytes
    media_type: str
    content: bytes
    large_bytes: int = 0

    @property
    def is_large(self) -> bool:
        """Whether the content has to be read in chunks."""
        return self.large_bytes > 0

    @property
    def size(self) -> int:
        """Exact size of the content, bytes."""
        return self.large_bytes or len(self.content)


@dataclass(frozen=True, slots=True)
class Change:
    """A stored entry in the order of arrival over all logs; ids grow and may have gaps."""

    id: int
    log_id: LogId
    index: int
    entry: bytes
    case_id: CaseId
    kind: int


@dataclass(frozen=True, slots=True)
class PartChange:
    """A part that became readable, in the order of arrival; ids grow and may have gaps."""

    id: int
    log_id: LogId
    index: int
    ordinal: int
    case_id: CaseId


@dataclass(frozen=True, slots=True)
class Tombstone:
    """A part that was erased; `by_index` is None while only the journal knows of the erasure."""

    commitment: Commitment
    by_index: int | None
    erased_ms: int


@dataclass(frozen=True, slots=True)
class HeldReceipt:
    """A receipt of an erasure: where it stands and when its author recorded it."""

    log_id: LogId
    index: int
    time_ms: int


@dataclass(frozen=True, slots=True)
class UnconfirmedErasure:
    """An erasure of another log that the own log has no receipt of; `place` goes on a listing."""

    place: tuple[int, int]
    log_id: LogId
    index: int


class EntriesStored(NamedTuple):
    """Entries [start, end) of a log were stored; `note` is its largest, over `noted_size`.

    All content below `parts_below` was stored or asked for; own events come with theirs.
    """

    log_id: LogId
    start: int
    end: int
    note: bytes | None
    noted_size: int
    entries: Sequence[bytes]
    parts_below: int = 0


@dataclass(frozen=True, slots=True)
class AskedParts:
    """The parts of all entries of a log below `below` were asked for; these nobody gave."""

    log_id: LogId
    below: int
    still_wanted: Sequence[tuple[int, int]]
    not_before_ms: Mapping[tuple[int, int], int] = field(default_factory=dict)
    """When those that are under an embargo may be asked for."""


class PartsStored(NamedTuple):
    """Parts were stored.

    Attributes:
        log_id: of their events.
        keys: (index, ordinal) of each.
        contents: (media type, content) of each; empty for large parts.
    """

    log_id: LogId
    keys: tuple[tuple[int, int], ...]
    contents: tuple[tuple[str, bytes], ...]


class KeptProof(NamedTuple):
    """A fault proof that was verified: exact bytes, and what they prove.

    `generation` counts the rotations before the key that signed it.
    """

    log_id: LogId
    generation: int
    frozen_at: int
    reason: str
    proof: bytes


@dataclass(frozen=True, slots=True)
class FreezeStored:
    """A log was frozen: what is at or past `at` is void from now on; None = it goes on again.

    `proof` is the fault proof that was kept with it; empty if none was.
    """

    log_id: LogId
    at: int | None
    proof: bytes = b""


@dataclass(frozen=True, slots=True)
class PartsErased:
    """Parts were erased: (index, ordinal) of each."""

    log_id: LogId
    keys: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class AudienceStored:
    """More members may hold parts of a log from now on."""

    log_id: LogId


class AppendsTimed(NamedTuple):
    """One write of own events is over: how many were new, and how long it took, in seconds."""

    appended: int
    took_s: float


StoreEvent: TypeAlias = (
    EntriesStored | PartsStored | FreezeStored | PartsErased | AudienceStored | AppendsTimed
)


def read_header(entry: bytes) -> Header:
    """Reads the header of an entry that was checked when it was stored.

    Raises:
        DamagedLog: it cannot be parsed any more.
    """
    try:
        return decode_header(split_entry(entry)[0])
    except EntryError as error:
        msg = f"a stored entry cannot be parsed ({error}); run `registry fsck`"
        raise DamagedLog(msg) from error
