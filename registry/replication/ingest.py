"""Checks on what a peer sends: pure functions that the live pipeline, the scrub and tests share.

Rules, in the order they are applied to a batch:
1. Limits: 1 to 500 entries, each of at most 64 KiB of header; it starts where the held log ends.
2. The root recomputed at its end is consistent with the checkpoint (a cheap refusal of it all).
3. Every entry has the form, the place, the log and the registry it must have, and its signature
   verifies, once, under the key that counts at its place.
4. The roster version never goes back within the log, and its author takes part under it; refs
   never go back per case and target. An entry of a roster that is not held here waits for that
   roster: it is nobody's fault.

Of what fails 1 or 2 nothing is stored; `diagnose` says what is wrong with its entries. It is the
peer's fault, unless all of them are right by themselves: then the author may have signed two
histories. What fails 3 or 4 under a checkpoint that its author signed is the author's fault: the
entries before it are stored and the log is frozen there.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from registry.domain.identifiers import LeafHash, LogId, Origin, RootHash
from registry.errors import (
    BadProof,
    CommitmentMismatch,
    EntryError,
    LimitExceeded,
    LogDiverged,
    MisplacedEntry,
    RootMismatch,
)
from registry.log.checkpoint import Checkpoint
from registry.log.commitment import check_commitment
from registry.log.entry import (
    ENTRY_MAX_BYTES,
    PartCommitment,
    decode_header,
    split_entry,
)
from registry.log.entry_rules import check_entry
from registry.log.facts import facts_of
from registry.log.log_keys import LogKeys, verify_log_checkpoint
from registry.log.merkle import CompactRange, leaf_hash, verify_consistency
from registry.peer_errors import EmptyMessage, ReorderedEntries, RepeatedEntry, SkippedEntry
from registry.replication.messages import Tail

BATCH_MAX_ENTRIES: Final = 500
PATH_MAX: Final = 128
TAIL_MAX_ENTRIES: Final = 32
TAIL_MAX_BYTES: Final = 2**16
"""A tail is what a live event needs, not a way round the flow control of a fetch."""


@dataclass(frozen=True, slots=True)
class HeldLog:
    """How much of a log is held: `size` entries with their compact range."""

    log_id: LogId
    origin: Origin
    size: int
    range: CompactRange


@dataclass(frozen=True, slots=True)
class PlannedBatch:
    """A batch whose root fits the checkpoint; signatures are not checked yet."""

    log_id: LogId
    start: int
    entries: tuple[bytes, ...]
    leaf_hashes: tuple[LeafHash, ...]
    range: CompactRange
    root: RootHash
    ends_at_checkpoint: bool
    path: tuple[bytes, ...] = ()
    """RFC 6962 consistency path from the batch's end to the checkpoint."""


def check_head(note: bytes, keys: LogKeys, held: HeldLog | None = None) -> Checkpoint:
    """Verifies an offered checkpoint under the key of its last entry.

    Raises:
        LimitExceeded, MalformedNote, ForeignNote, BadNoteSignature: as the log core says.
        LogDiverged: it has the size that is held here and another root.
    """
    checkpoint = verify_log_checkpoint(note, keys)
    if held is not None and checkpoint.size == held.size and checkpoint.root != held.range.root():
        msg = f"{keys.origin} has two roots at size {held.size}: its author signed two histories"
        raise LogDiverged(msg)
    return checkpoint


def check_tail(tail: Tail, checkpoint: Checkpoint) -> None:
    """Checks a tail's limits and that it ends at its head; its entries are not looked at.

    Raises:
        LimitExceeded: too many or too large.
        EmptyMessage: no entries at all.
        MisplacedEntry: it does not end at the checkpoint.
    """
    count, size_bytes = len(tail.entries), sum(map(len, tail.entries))
    if not count:
        msg = "a peer sent a tail without entries"
        raise EmptyMessage(msg)
    if count > TAIL_MAX_ENTRIES or size_bytes > TAIL_MAX_BYTES:
        msg = (
            f"a tail has at most {TAIL_MAX_ENTRIES} entries and {TAIL_MAX_BYTES} bytes, "
            f"found {count} and {size_bytes}"
        )
        raise LimitExceeded(msg)
    if tail.start + count != checkpoint.size:
        msg = (
            f"a tail from {tail.start} to {tail.start + count} came with a head of "
            f"{checkpoint.size} entries of {checkpoint.origin}"
        )
        raise MisplacedEntry(msg)


def plan_batch(
    *,
    held: HeldLog,
    start: int,
    entries: Sequence[bytes],
    path: Sequence[bytes],
    checkpoint: Checkpoint,
) -> PlannedBatch:
    """Applies rules 1 and 2.

    Args:
        held: what is held before the batch.
        start: index of its first entry, as the peer says.
        entries: exact bytes.
        path: RFC 6962 consistency path from the batch's end to the checkpoint.
        checkpoint: verified.

    Raises:
        LimitExceeded: too many or too large.
        EmptyMessage: no entries at all.
        MisplacedEntry: it does not start where the held log ends, or passes the checkpoint.
        RootMismatch: the entries do not lead to the checkpoint's root.
    """
    _check_limits(entries, path)
    end = start + len(entries)
    if start != held.size or end > checkpoint.size:
        msg = (
            f"entries {start} to {end} of {held.origin} do not follow the {held.size} held "
            f"within the checkpoint of {checkpoint.size}"
        )
        raise MisplacedEntry(msg)
    leaves = tuple([leaf_hash(entry) for entry in entries])
    extended = held.range.extend(leaves)
    root = extended.root()
    try:
        verify_consistency(
            first_size=end,
            first_root=root,
            second_size=checkpoint.size,
            second_root=checkpoint.root,
            path=path,
        )
    except BadProof as error:
        msg = f"entries {start} to {end} of {held.origin} do not lead to its checkpoint: {error}"
        raise RootMismatch(msg) from error
    return PlannedBatch(
        log_id=held.log_id,
        start=start,
        entries=tuple(entries),
        leaf_hashes=leaves,
        range=extended,
        root=root,
        ends_at_checkpoint=end == checkpoint.size,
        path=tuple(path),
    )


def diagnose(
    error: EntryError, *, keys: LogKeys, held_size: int, entries: Sequence[bytes]
) -> EntryError:
    """Says why a batch did not fit: the first entry that is wrong by itself, else `error`.

    A message over the limits is not looked into: that is what the limits are for.
    """
    if isinstance(error, LimitExceeded):
        return error
    for place, entry in enumerate(entries):
        try:
            keys = keys.after(facts_of(check_entry(keys, entry, held_size + place)))
        except MisplacedEntry as found:
            return _fault_of_places(found, held_size + place, entries[place:])
        except EntryError as found:
            return found
    return error


def _fault_of_places(found: MisplacedEntry, expected: int, rest: Sequence[bytes]) -> EntryError:
    """What became of the entry that should stand first among the rest."""
    first, *others = (_index_of(entry) for entry in rest)
    if first < expected:
        return RepeatedEntry(str(found))
    return (ReorderedEntries if expected in others else SkippedEntry)(str(found))


def _index_of(entry: bytes) -> int:
    try:
        return decode_header(split_entry(entry)[0]).index
    except EntryError:
        return -1


def check_part(
    commitment: PartCommitment, *, log_id: LogId, salt: bytes, media_type: str, content: bytes
) -> None:
    """Checks a received part against the header's commitment and size class.

    Raises:
        CommitmentMismatch: it is not what its author committed to.
    """
    if len(content) > commitment.padded_size:
        msg = f"a part of {len(content)} bytes exceeds its size class {commitment.padded_size}"
        raise CommitmentMismatch(msg)
    check_commitment(
        commitment.commitment, log_id=log_id, salt=salt, media_type=media_type, content=content
    )


def cut_batch(planned: PlannedBatch, held: HeldLog, count: int) -> PlannedBatch:
    """Keeps the first `count` entries of a batch, those before its author's fault."""
    leaves = planned.leaf_hashes[:count]
    extended = held.range.extend(leaves)
    return PlannedBatch(
        log_id=planned.log_id,
        start=planned.start,
        entries=planned.entries[:count],
        leaf_hashes=leaves,
        range=extended,
        root=extended.root(),
        ends_at_checkpoint=False,
    )


def _check_limits(entries: Sequence[bytes], path: Sequence[bytes]) -> None:
    if not entries:
        msg = "a peer sent a message without entries"
        raise EmptyMessage(msg)
    if len(entries) > BATCH_MAX_ENTRIES or len(path) > PATH_MAX:
        msg = (
            f"a message has at most {BATCH_MAX_ENTRIES} entries and a path of {PATH_MAX}, "
            f"found {len(entries)} and {len(path)}"
        )
        raise LimitExceeded(msg)
    if max(map(len, entries)) > ENTRY_MAX_BYTES:
        msg = f"an entry has at most {ENTRY_MAX_BYTES} bytes"
        raise LimitExceeded(msg)
