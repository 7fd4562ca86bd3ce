"""A mechanism that writes its log in memory and serves it as ReplicationService would.

What it serves are plain lists of the protobuf messages that go over the wire, so that the same
peer, and the mutators of `evil_peer`, work in process and behind a gRPC server alike.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import pairwise
from typing import TypeAlias

from registry.api.v1 import replication_pb2
from registry.domain.identifiers import (
    NO_CASE,
    CaseId,
    LogId,
    Origin,
    RegistryId,
    RequestKey,
    RootHash,
    log_id_of,
)
from registry.log.author import Author, EventDraft, PartDraft, draft_event
from registry.log.checkpoint import Checkpoint, sign_checkpoint
from registry.log.entry import ALL_MEMBERS, EventRef
from registry.log.log_keys import LogKeys
from registry.log.merkle import (
    EMPTY_RANGE,
    CompactRange,
    Subtree,
    consistency_path,
    leaf_hash,
    node_hash,
)
from registry.log.signing import Signer
from tests.faults.log_keys import single_key

EntryMessages: TypeAlias = list[replication_pb2.GetEntriesResponse]
PartMessages: TypeAlias = list[replication_pb2.GetPartsResponse]

NOW_MS = 1_700_000_000_000
KIND = 5


def salt_of(text: str) -> bytes:
    return sha256(b"salt " + text.encode()).digest()


@dataclass
class HonestPeer:
    """One author; `entries` may be given, so that it serves a log that exists already."""

    origin: Origin
    registry_id: RegistryId
    signer: Signer
    entries: list[bytes] = field(default_factory=list)
    parts: list[tuple[PartDraft, ...]] = field(default_factory=list)
    subtrees: dict[Subtree, bytes] = field(default_factory=dict)

    @property
    def log_id(self) -> LogId:
        return log_id_of(self.origin)

    @property
    def author(self) -> LogKeys:
        return single_key(self.registry_id, self.origin, self.signer.public_key)

    # --- writing ------------------------------------------------------------------------------

    def draft(self, text: str, case_id: CaseId = NO_CASE) -> EventDraft:
        return draft_event(
            log_id=self.log_id,
            case_id=case_id,
            kind=KIND,
            time_ms=NOW_MS,
            parts=(PartDraft(salt_of(text), "text/plain", text.encode()),),
            audience=ALL_MEMBERS,
            request_id=RequestKey(b""),
        )

    def make_entry(
        self,
        text: str,
        *,
        index: int,
        case_id: CaseId = NO_CASE,
        refs: Sequence[EventRef] = (),
        roster_version: int = 1,
    ) -> bytes:
        author = Author(
            signer=self.signer,
            registry_id=self.registry_id,
            origin=self.origin,
            roster_version=roster_version,
        )
        return author.write_entry(self.draft(text, case_id), index=index, refs=tuple(refs))

    def write(
        self,
        text: str,
        *,
        case_id: CaseId = NO_CASE,
        refs: Sequence[EventRef] = (),
        roster_version: int = 1,
    ) -> None:
        self.add(
            self.make_entry(
                text,
                index=len(self.entries),
                case_id=case_id,
                refs=refs,
                roster_version=roster_version,
            ),
            self.draft(text, case_id).parts,
        )

    def add(self, entry: bytes, parts: tuple[PartDraft, ...] = ()) -> None:
        """Takes any bytes as the next entry: an author may sign a checkpoint over anything."""
        self.entries.append(entry)
        self.parts.append(parts)

    def fork_at(self, size: int) -> "HonestPeer":
        """The same author with the first `size` entries only, free to go on another way."""
        return HonestPeer(
            self.origin, self.registry_id, self.signer, self.entries[:size], self.parts[:size]
        )

    # --- the tree -----------------------------------------------------------------------------

    def range_at(self, size: int) -> CompactRange:
        return EMPTY_RANGE.extend(leaf_hash(entry) for entry in self.entries[:size])

    def note_at(self, size: int, root: RootHash | None = None) -> bytes:
        checkpoint = Checkpoint(self.origin, size, root or self.range_at(size).root())
        return sign_checkpoint(checkpoint, self.signer)

    def path(self, first: int, second: int) -> tuple[bytes, ...]:
        return () if first == second else consistency_path(first, second, self._subtree)

    def _subtree(self, tree: Subtree) -> bytes:
        if tree not in self.subtrees:
            level, index = tree
            self.subtrees[tree] = (
                node_hash(
                    self._subtree(Subtree(level - 1, 2 * index)),
                    self._subtree(Subtree(level - 1, 2 * index + 1)),
                )
                if level
                else leaf_hash(self.entries[index])
            )
        return self.subtrees[tree]

    # --- serving ------------------------------------------------------------------------------

    def message(self, start: int, end: int, size: int) -> replication_pb2.GetEntriesResponse:
        return replication_pb2.GetEntriesResponse(
            start=start,
            entries=self.entries[start:end],
            consistency_path=self.path(end, size),
        )

    def messages(self, start: int, size: int, *, at_once: int = 500) -> EntryMessages:
        """What GetEntries answers: entries from `start`, proven to the checkpoint of `size`."""
        return self.messages_of([*range(start, size, at_once), size], size)

    def messages_of(self, bounds: Sequence[int], size: int) -> EntryMessages:
        """Messages that begin and end at the given places."""
        messages = [self.message(start, end, size) for start, end in pairwise(bounds)]
        messages[0].checkpoint = self.note_at(size)
        return messages

    def part_messages(self, indexes: Iterable[int]) -> PartMessages:
        """What GetParts answers for part 0 of the given events."""
        return [
            replication_pb2.GetPartsResponse(
                parts=[
                    replication_pb2.PartContent(
                        part_id=replication_pb2.PartId(log_id=self.log_id, index=index, ordinal=0),
                        salt=self.parts[index][0].salt,
                        media_type=self.parts[index][0].media_type,
                        content=self.parts[index][0].content,
                    )
                    for index in indexes
                ]
            )
        ]
