"""One pass of the scrub over one log: reads a slice at a time and recomputes all of it.

No stored hash is believed: leaves, tree and root are computed from the entries, entries are checked
against the log's key, parts against their commitments. What comes from a peer in the place of
something damaged goes the way of every batch: it must follow the entries before it, lead to a
checkpoint that the author signed, and be signed entry by entry.

Nothing here waits for a peer; whoever drives it fetches, and calls from a thread of its own.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from registry.application.registry import Registry
from registry.domain.identifiers import HASH_SIZE_BYTES, LogId, RootHash
from registry.errors import EntryError, RootMismatch
from registry.log.entry import Header
from registry.log.entry_rules import check_entry
from registry.log.facts import facts_of
from registry.log.log_keys import LogKeys, keys_of_member, verify_log_checkpoint
from registry.log.merkle import EMPTY_RANGE, EMPTY_ROOT, CompactRange, leaf_hash
from registry.log.roster import Member
from registry.replication.ingest import HeldLog, check_head, plan_batch

SLICE: Final = 256
"""Entries read at once: a tile of the tree."""


@dataclass(slots=True)
class Slice:
    """What was read of entries [start, end), and what of it is damaged.

    Attributes:
        entries: those that are sound, by index.
        damaged: indices of entries that are missing or not what their author signed.
        parts: (index, ordinal, reason) of parts that are not what was committed to.
    """

    start: int
    end: int
    entries: dict[int, bytes] = field(default_factory=dict)
    damaged: list[int] = field(default_factory=list)
    parts: list[tuple[int, int, str]] = field(default_factory=list)


class LogScrub:
    """A pass over what one log holds when it begins."""

    def __init__(self, registry: Registry, member: Member) -> None:
        """Reads how the log stands.

        Raises:
            StorageError: it cannot be read.
        """
        self._registry = registry
        self._member = member
        self._scrubbing = registry.store.scrubbing
        self._state = registry.store.log_state(member.log_id)
        self._keys: LogKeys = keys_of_member(registry.registry_id, member)
        self._range: CompactRange = EMPTY_RANGE
        self._noted_root: RootHash | None = EMPTY_ROOT if not self._state.noted_size else None
        self._is_tree_damaged = False
        self._tile_roots: list[bytes] = []
        self._leaves = b""

    @property
    def log_id(self) -> LogId:
        """The log."""
        return self._member.log_id

    @property
    def is_done(self) -> bool:
        """Whether every entry was read."""
        return self._range.size >= self._state.size

    def read(self) -> Slice:
        """Reads the next slice; `advance` goes on after it.

        Raises:
            StorageError: it cannot be read.
        """
        start = self._range.size
        end = min(start + SLICE, self._state.size)
        if start < self._state.noted_size < end:
            end = self._state.noted_size
        if start % SLICE:
            end = min(end, start - start % SLICE + SLICE)
        stored = self._scrubbing.entries(self.log_id, start, end)
        found, keys = Slice(start, end), self._keys
        headers: dict[int, Header] = {}
        for index in range(start, end):
            try:
                headers[index] = check_entry(keys, stored.get(index, b""), index)
            except EntryError:
                found.damaged.append(index)
                continue
            keys = keys.after(facts_of(headers[index]))
            found.entries[index] = stored[index]
        found.parts = self._scrubbing.damaged_parts(self.log_id, headers)
        return found

    def accept(
        self,
        message_start: int,
        entries: Sequence[bytes],
        path: Sequence[bytes],
        note: bytes,
        rotations: Sequence[bytes],
    ) -> dict[int, bytes]:
        """Verifies entries from a peer that begin where this pass stands.

        Args:
            message_start: index of the first, as the peer says.
            entries: exact bytes.
            path: RFC 6962 consistency path from their end to the checkpoint.
            note: the author's checkpoint.
            rotations: entries by which the key was rotated.

        Returns:
            The entries by their indices.

        Raises:
            EntryError: the peer's bytes are wrong.
        """
        held = HeldLog(self.log_id, self._member.origin, self._range.size, self._range)
        checkpoint = check_head(note, self._registry.log_keys(self._member).learn(rotations), held)
        planned = plan_batch(
            held=held, start=message_start, entries=entries, path=path, checkpoint=checkpoint
        )
        keys, found = self._keys, {}
        for index, entry in enumerate(planned.entries, planned.start):
            keys = keys.after(facts_of(check_entry(keys, entry, index)))
            found[index] = entry
        return found

    def advance(self, entries: dict[int, bytes], end: int) -> None:
        """Goes on after [.., end), whose entries are these."""
        for index in range(self._range.size, end):
            header = check_entry(self._keys, entries[index], index)
            self._keys = self._keys.after(facts_of(header))
            leaf = leaf_hash(entries[index])
            self._compare_leaf(index, leaf)
            self._range = self._range.append(leaf)
            if self._range.size == self._state.noted_size:
                self._noted_root = self._range.root()

    def finish(self) -> tuple[list[str], bool, bool]:
        """Compares what the entries lead to with the signed note, the tree and the root.

        Returns:
            Reasons why the log cannot be believed; whether its tree, and whether its stored root or
            range, is not that of the entries.
        """
        wrong: list[str] = []
        if self._state.note is not None:
            try:
                checkpoint = verify_log_checkpoint(
                    self._state.note, self._registry.log_keys(self._member)
                )
            except EntryError as error:
                wrong.append(error.reason)
            else:
                if (checkpoint.size, checkpoint.root) != (self._state.noted_size, self._noted_root):
                    wrong.append(RootMismatch.reason)
        is_head = (self._state.root, self._state.range) != (self._range.root(), self._range)
        return wrong, self._is_tree_damaged or self._is_upper_tree_damaged(), is_head

    @property
    def reached(self) -> CompactRange:
        """The range of all that was read."""
        return self._range

    def _compare_leaf(self, index: int, leaf: bytes) -> None:
        if index % SLICE == 0:
            self._leaves = b""
        self._leaves += leaf
        if len(self._leaves) == SLICE * HASH_SIZE_BYTES:
            if self._scrubbing.leaves(self.log_id, index // SLICE) != self._leaves:
                self._is_tree_damaged = True
            self._tile_roots.append(_root(self._leaves))

    def _is_upper_tree_damaged(self) -> bool:
        """Computes the levels above the leaves; a log that grew meanwhile may have more."""
        stored = self._scrubbing.tiles(self.log_id)
        nodes, level = self._tile_roots, 1
        while nodes:
            for tile in range(-(-len(nodes) // SLICE)):
                expected = b"".join(nodes[tile * SLICE : (tile + 1) * SLICE])
                if not stored.get((level, tile), b"").startswith(expected):
                    return True
            whole = len(nodes) // SLICE
            nodes = [_root(b"".join(nodes[t * SLICE : (t + 1) * SLICE])) for t in range(whole)]
            level += 1
        return False


def _root(hashes: bytes) -> bytes:
    reached = EMPTY_RANGE
    for at in range(0, len(hashes), HASH_SIZE_BYTES):
        reached = reached.append(hashes[at : at + HASH_SIZE_BYTES])  # type: ignore[arg-type] # a hash
    return reached.root()
