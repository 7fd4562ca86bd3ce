"""An author that may write any number of histories, with rotations of its key; makes fault proofs.

It is the first member of the roster of `tests.unit.log.log_world`. What it signs under its own keys
is as an author would sign it; `thief` signs with keys that were found.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from dataclasses import replace as replaced
from typing import Any

from registry.domain.identifiers import NO_CASE, LogId, RootHash, log_id_of
from registry.domain.vocabulary import EventKind
from registry.log.checkpoint import Checkpoint, sign_checkpoint
from registry.log.entry import encode_header, frame_entry, signed_message
from registry.log.fault_proof import (
    EarlierEntry,
    InvalidEntry,
    SignedPrefix,
    invalid_entry,
    two_entries,
    two_histories,
)
from registry.log.log_keys import make_rotation
from registry.log.member import key_hash
from registry.log.merkle import (
    EMPTY_RANGE,
    Subtree,
    consistency_path,
    inclusion_path,
    leaf_hash,
    node_hash,
)
from registry.log.signing import Ed25519Signer
from tests.unit.log.log_world import ORIGIN, REGISTRY, sample_header, sample_roster, signer

LOG: LogId = log_id_of(ORIGIN)
KEYS = tuple(signer(number) for number in (11, 12, 41, 42, 43))
"""The keys of the log, in the order in which they are announced."""
ROSTER = replaced(sample_roster(), registry_id=REGISTRY)


def versions_of(_: LogId) -> range:
    return range(1, 2)


@dataclass
class TwoFaced:
    """One history of the author's."""

    entries: list[bytes] = field(default_factory=list)
    rotated_at: list[int] = field(default_factory=list)

    # --- writing ------------------------------------------------------------------------------

    def write(self, text: str, **changes: Any) -> bytes:
        return self.add(self.make(text, **changes))

    def make(self, text: str, *, by: Ed25519Signer | None = None, **changes: Any) -> bytes:
        fields = {"index": len(self.entries), "request_id": text.encode().ljust(16)[:16]}
        header = encode_header(sample_header(**{**fields, "refs": (), **changes}))
        return frame_entry(header, (by or self.key).sign(signed_message(header)))

    def add(self, entry: bytes) -> bytes:
        self.entries.append(entry)
        return entry

    def rotate(self, *, announced: Ed25519Signer | None = None) -> bytes:
        """Goes on with the next key; `announced` comes after it, if not the usual one."""
        at, index = len(self.rotated_at), len(self.entries)
        after = announced or KEYS[at + 2]
        control = make_rotation(LOG, index, KEYS[at + 1], key_hash(after.public_key))
        kind = EventKind.KEY_ROTATED
        entry = self.write("", case_id=NO_CASE, kind=kind, parts=(), control=control)
        self.rotated_at.append(index)
        return entry

    def fork_at(self, size: int) -> "TwoFaced":
        return TwoFaced(self.entries[:size], [at for at in self.rotated_at if at < size])

    @property
    def key(self) -> Ed25519Signer:
        return KEYS[len(self.rotated_at)]

    # --- the tree -----------------------------------------------------------------------------

    def root(self, size: int) -> RootHash:
        return EMPTY_RANGE.extend(leaf_hash(entry) for entry in self.entries[:size]).root()

    def note(self, size: int, *, by: Ed25519Signer | None = None) -> bytes:
        usual = KEYS[sum(at < size - 1 for at in self.rotated_at)]
        return sign_checkpoint(Checkpoint(ORIGIN, size, self.root(size)), by or usual)

    def rotations(self, size: int | None = None) -> tuple[bytes, ...]:
        end = len(self.entries) if size is None else size
        return tuple(self.entries[at] for at in self.rotated_at if at < end - 1)

    def node(self, tree: Subtree) -> bytes:
        level, index = tree
        if not level:
            return leaf_hash(self.entries[index])
        below = (Subtree(level - 1, 2 * index), Subtree(level - 1, 2 * index + 1))
        return node_hash(*map(self.node, below))

    def inclusion(self, index: int, size: int) -> tuple[bytes, ...]:
        return inclusion_path(index, size, self.node)

    # --- what is shown of it ------------------------------------------------------------------

    def prefix(self, at: int, size: int, *, by: Ed25519Signer | None = None) -> SignedPrefix:
        path = consistency_path(at, size, self.node) if at < size else ()
        return SignedPrefix(self.note(size, by=by), self.rotations(size), self.root(at), path)

    def invalid(
        self, index: int, size: int, earlier: int | None = None, *, by: Ed25519Signer | None = None
    ) -> InvalidEntry:
        before = None
        if earlier is not None:
            path = self.inclusion(earlier, index)
            before = EarlierEntry(earlier, self.entries[earlier], path)
        return InvalidEntry(
            self.note(size, by=by),
            self.rotations(size),
            index,
            self.entries[index],
            self.inclusion(index, size),
            before,
        )


def written(count: int, *, rotations: Sequence[int] = (), text: str = "event") -> TwoFaced:
    author = TwoFaced()
    while len(author.entries) < count:
        if len(author.entries) in rotations:
            author.rotate()
        else:
            author.write(f"{text} {len(author.entries)}")
    return author


def forked(author: TwoFaced, at: int, size: int, text: str = "other") -> TwoFaced:
    """Another history which parts from an author's at `at` and has `size` entries."""
    branch = author.fork_at(at)
    while len(branch.entries) < size:
        branch.write(f"{text} {len(branch.entries)}")
    return branch


def histories_proof(one: TwoFaced, other: TwoFaced, at: int) -> bytes:
    sizes = len(one.entries), len(other.entries)
    return two_histories(ORIGIN, at, one.prefix(at, sizes[0]), other.prefix(at, sizes[1]))


def entries_proof(one: TwoFaced, other: TwoFaced, index: int) -> bytes:
    entries = one.entries[index], other.entries[index]
    return two_entries(ORIGIN, index, entries, one.rotations(index + 1))


def invalid_proof(author: TwoFaced, index: int, size: int, earlier: int | None = None) -> bytes:
    return invalid_entry(ORIGIN, author.invalid(index, size, earlier))
