"""EvilPeer: an honest peer with mutators, each one lie that must be refused by its own reason.

A mutator is a function from what the honest peer would send to what the evil one sends. Both are
plain lists of the protobuf messages of ReplicationService, `GetEntriesResponse` or
`GetPartsResponse`: they are fed to the ingest core in process, or yielded by a gRPC servicer.

    evil = EvilPeer(HonestPeer(origin, registry_id, signer, entries))
    for message in evil.entry_messages("fork", start=8, size=24, at_once=8): yield message
    for message in evil.part_messages("changed_salt", indexes=[0, 1]): yield message

Most lies stand in the first message. The receiver must hold at least one entry (`start` > 0:
there is nothing to fork from before that), and the honest answer must have two messages or more,
the first of three entries or more. What an author does under its own valid checkpoint is no peer's
lie; see tests/unit/replication/test_author_faults.py. `mutators` lists where each lie of the design
is tested: a peer that lies by its pace needs a network, a revoked key a second roster.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final, TypeAlias

from registry.api.v1 import replication_pb2
from registry.domain.identifiers import Origin, RegistryId, RootHash
from registry.format.v1 import event_pb2
from registry.log.entry import ENTRY_MAX_BYTES, frame_entry, signed_message, split_entry
from registry.log.signing import Ed25519Signer
from tests.faults.honest_peer import EntryMessages, HonestPeer, PartMessages

EntryMutator: TypeAlias = Callable[[HonestPeer, EntryMessages], EntryMessages]
PartMutator: TypeAlias = Callable[[HonestPeer, PartMessages], PartMessages]

_STRANGER: Final = Ed25519Signer(sha256(b"a key that no roster names").digest())
_OTHER_REGISTRY: Final = RegistryId(sha256(b"another registry").digest())
_OVERFLOW: Final = 2**64 - 1


@dataclass(frozen=True, slots=True)
class EntryLie:
    """A mutator of entries and the reason by which it must be refused."""

    reason: str
    mutate: EntryMutator


@dataclass(frozen=True, slots=True)
class PartLie:
    """A mutator of parts and the reason by which it must be refused."""

    reason: str
    mutate: PartMutator


class EvilPeer:
    """Serves an honest peer's log with one lie."""

    def __init__(self, honest: HonestPeer) -> None:
        self.honest = honest

    def entry_messages(
        self, lie: str, *, start: int, size: int, at_once: int = 500
    ) -> EntryMessages:
        """GetEntries with the lie of that name in `ENTRY_LIES`."""
        messages = self.honest.messages(start, size, at_once=at_once)
        return ENTRY_LIES[lie].mutate(self.honest, messages)

    def part_messages(self, lie: str, *, indexes: Sequence[int]) -> PartMessages:
        """GetParts with the lie of that name in `PART_LIES`."""
        return PART_LIES[lie].mutate(self.honest, self.honest.part_messages(indexes))


# --- checkpoints ------------------------------------------------------------------------------


def _with_note(note: Callable[[HonestPeer, int, int], bytes]) -> EntryMutator:
    """Puts another note in place; it is made from the start and the size of the honest answer."""

    def mutate(peer: HonestPeer, messages: EntryMessages) -> EntryMessages:
        messages[0].checkpoint = note(peer, messages[0].start, _size(messages))
        return messages

    return mutate


def _flipped(data: bytes, place: int) -> bytes:
    changed = bytearray(data)
    changed[place] ^= 1
    return bytes(changed)


def _other_root(text: str) -> RootHash:
    return RootHash(sha256(text.encode()).digest())


def _altered_root(peer: HonestPeer, _: int, size: int) -> bytes:
    lines = peer.note_at(size).split(b"\n")
    lines[2] = peer.note_at(size, _other_root("altered")).split(b"\n")[2]
    return b"\n".join(lines)


def _branch(peer: HonestPeer, size: int) -> HonestPeer:
    """The author's other history: its last entry before `size` was written twice."""
    branch = peer.fork_at(size - 1)
    branch.write("another history")
    return branch


def _foreign_note(peer: HonestPeer, _: int, size: int) -> bytes:
    other = HonestPeer(Origin("test/elsewhere/1"), peer.registry_id, peer.signer)
    return other.note_at(size, peer.range_at(size).root())


def _oversized_note(peer: HonestPeer, _: int, size: int) -> bytes:
    note = peer.note_at(size)
    return note + note.splitlines(keepends=True)[-1] * 200


# --- messages ---------------------------------------------------------------------------------


def _size(messages: EntryMessages) -> int:
    return messages[-1].start + len(messages[-1].entries)


def _fork(peer: HonestPeer, messages: EntryMessages) -> EntryMessages:
    start, size = messages[0].start, _size(messages)
    branch = _branch(peer, start)
    while len(branch.entries) < size:
        branch.write(f"event {len(branch.entries)} of another history")
    return branch.messages(start, size, at_once=len(messages[0].entries))


def _wrong_key(peer: HonestPeer, messages: EntryMessages) -> EntryMessages:
    stranger = HonestPeer(peer.origin, peer.registry_id, _STRANGER)
    for number in range(_size(messages)):
        stranger.write(f"event {number} by a stranger")
    return stranger.messages(messages[0].start, _size(messages), at_once=len(messages[0].entries))


def _wrong_path(_: HonestPeer, messages: EntryMessages) -> EntryMessages:
    messages[0].consistency_path[0] = _flipped(messages[0].consistency_path[0], 0)
    return messages


def _no_path(_: HonestPeer, messages: EntryMessages) -> EntryMessages:
    del messages[0].consistency_path[:]
    return messages


def _long_path(_: HonestPeer, messages: EntryMessages) -> EntryMessages:
    messages[0].consistency_path.extend([bytes(32)] * 129)
    return messages


def _skipped_message(_: HonestPeer, messages: EntryMessages) -> EntryMessages:
    messages[1].checkpoint = messages[0].checkpoint
    return messages[1:]


def _swapped_messages(_: HonestPeer, messages: EntryMessages) -> EntryMessages:
    messages[1].checkpoint = messages[0].checkpoint
    return [messages[1], messages[0], *messages[2:]]


def _held_again(peer: HonestPeer, messages: EntryMessages) -> EntryMessages:
    return peer.messages(0, _size(messages), at_once=messages[0].start)


def _beyond_checkpoint(peer: HonestPeer, messages: EntryMessages) -> EntryMessages:
    longer = peer.fork_at(_size(messages))
    longer.write("an entry that the checkpoint does not cover")
    messages[-1].entries.append(longer.entries[-1])
    return messages


def _start_overflow(_: HonestPeer, messages: EntryMessages) -> EntryMessages:
    messages[0].start = _OVERFLOW
    return messages


# --- entries ----------------------------------------------------------------------------------


def _with_entries(change: Callable[[list[bytes]], list[bytes]]) -> EntryMutator:
    """Changes the list of entries of the first message."""

    def mutate(_: HonestPeer, messages: EntryMessages) -> EntryMessages:
        entries = change(list(messages[0].entries))
        del messages[0].entries[:]
        messages[0].entries.extend(entries)
        return messages

    return mutate


def _with_entry(change: Callable[[HonestPeer, bytes, int], bytes]) -> EntryMutator:
    """Changes the second entry of the first message; `change` is told its index too."""

    def mutate(peer: HonestPeer, messages: EntryMessages) -> EntryMessages:
        messages[0].entries[1] = change(peer, messages[0].entries[1], messages[0].start + 1)
        return messages

    return mutate


def _changed_header(_: HonestPeer, entry: bytes, __: int) -> bytes:
    header, signature = split_entry(entry)
    message = event_pb2.EventHeader.FromString(header)
    message.time_ms ^= 1
    return frame_entry(message.SerializeToString(deterministic=True), signature)


def _overflowing_index(peer: HonestPeer, entry: bytes, _: int) -> bytes:
    message = event_pb2.EventHeader.FromString(split_entry(entry)[0])
    message.index = _OVERFLOW
    header = message.SerializeToString(deterministic=True)
    return frame_entry(header, peer.signer.sign(signed_message(header)))


def _signed_by_stranger(_: HonestPeer, entry: bytes, __: int) -> bytes:
    header = split_entry(entry)[0]
    return frame_entry(header, _STRANGER.sign(signed_message(header)))


def _of_another_log(peer: HonestPeer, _: bytes, index: int) -> bytes:
    other = HonestPeer(Origin("test/elsewhere/1"), peer.registry_id, peer.signer)
    return other.make_entry("replayed", index=index)


def _of_another_registry(peer: HonestPeer, _: bytes, index: int) -> bytes:
    other = HonestPeer(peer.origin, _OTHER_REGISTRY, peer.signer)
    return other.make_entry("replayed", index=index)


ENTRY_LIES: Final[Mapping[str, EntryLie]] = {
    # The checkpoint.
    "wrong_root": EntryLie(
        "root_mismatch", _with_note(lambda p, _, size: p.note_at(size, _other_root("signed")))
    ),
    "altered_root": EntryLie("bad_note_signature", _with_note(_altered_root)),
    "fork_at_held_size": EntryLie(
        "log_diverged", _with_note(lambda p, start, _: _branch(p, start).note_at(start))
    ),
    "stale_checkpoint": EntryLie(
        "stale_checkpoint", _with_note(lambda p, start, _: p.note_at(start))
    ),
    "note_of_another_log": EntryLie("foreign_note", _with_note(_foreign_note)),
    "size_overflow": EntryLie(
        "malformed_note", _with_note(lambda p, *_: p.note_at(2**63, _other_root("")))
    ),
    "no_checkpoint": EntryLie("malformed_note", _with_note(lambda *_: b"")),
    "oversized_note": EntryLie("limit_exceeded", _with_note(_oversized_note)),
    # Whole messages.
    "fork": EntryLie("root_mismatch", _fork),
    "wrong_key": EntryLie("bad_note_signature", _wrong_key),
    "wrong_path": EntryLie("root_mismatch", _wrong_path),
    "no_path": EntryLie("root_mismatch", _no_path),
    "long_path": EntryLie("limit_exceeded", _long_path),
    "truncated": EntryLie("truncated_stream", lambda _, messages: messages[:-1]),
    "empty_stream": EntryLie("truncated_stream", lambda _, __: []),
    "skipped_message": EntryLie("skipped_entry", _skipped_message),
    "repeated_message": EntryLie("repeated_entry", lambda _, messages: [messages[0], *messages]),
    "swapped_messages": EntryLie("skipped_entry", _swapped_messages),
    "held_again": EntryLie("repeated_entry", _held_again),
    "beyond_checkpoint": EntryLie("misplaced_entry", _beyond_checkpoint),
    "start_overflow": EntryLie("misplaced_entry", _start_overflow),
    # The list of entries.
    "empty_message": EntryLie("empty_message", _with_entries(lambda _: [])),
    "short_message": EntryLie("root_mismatch", _with_entries(lambda entries: entries[:-1])),
    "gap": EntryLie("skipped_entry", _with_entries(lambda e: [e[0], *e[2:]])),
    "duplicate": EntryLie("repeated_entry", _with_entries(lambda e: [e[0], *e[:-1]])),
    "reordered": EntryLie("reordered_entries", _with_entries(lambda e: [e[1], e[0], *e[2:]])),
    "gap_before_junk": EntryLie(
        "skipped_entry", _with_entries(lambda e: [e[0], *e[2:-1], b"no entry"])
    ),
    "too_many_entries": EntryLie("limit_exceeded", _with_entries(lambda e: [e[0]] * 501)),
    # One entry.
    "changed_header": EntryLie("bad_entry_signature", _with_entry(_changed_header)),
    "changed_signature": EntryLie(
        "bad_entry_signature", _with_entry(lambda _, entry, __: _flipped(entry, -1))
    ),
    "changed_framing": EntryLie(
        "malformed_entry", _with_entry(lambda _, entry, __: _flipped(entry, 3))
    ),
    "cut_entry": EntryLie("malformed_entry", _with_entry(lambda _, entry, __: entry[:-1])),
    "oversized_entry": EntryLie(
        "limit_exceeded", _with_entry(lambda *_: bytes(ENTRY_MAX_BYTES + 1))
    ),
    "index_overflow": EntryLie("malformed_entry", _with_entry(_overflowing_index)),
    "wrong_entry_key": EntryLie("bad_entry_signature", _with_entry(_signed_by_stranger)),
    "replay_of_another_log": EntryLie("foreign_entry", _with_entry(_of_another_log)),
    "replay_of_another_registry": EntryLie(
        "foreign_registry_entry", _with_entry(_of_another_registry)
    ),
}
"""Every lie about entries by its name."""


# --- parts ------------------------------------------------------------------------------------


def _with_part(change: Callable[[replication_pb2.PartContent], None]) -> PartMutator:
    """Changes the first part of the first message."""

    def mutate(_: HonestPeer, messages: PartMessages) -> PartMessages:
        change(messages[0].parts[0])
        return messages

    return mutate


def _set(**fields: bytes | str) -> PartMutator:
    return _with_part(lambda part: part.MergeFrom(replication_pb2.PartContent(**fields)))  # type: ignore[arg-type] # by name


def _swapped_parts(_: HonestPeer, messages: PartMessages) -> PartMessages:
    first, second = messages[0].parts[:2]
    first.content, second.content = second.content, first.content
    first.salt, second.salt = second.salt, first.salt
    return messages


def _unrequested(peer: HonestPeer, messages: PartMessages) -> PartMessages:
    asked = {part.part_id.index for message in messages for part in message.parts}
    other = next(index for index in range(len(peer.entries)) if index not in asked)
    return [*peer.part_messages([other]), *messages]


def _of_log(part: replication_pb2.PartContent) -> None:
    part.part_id.log_id = sha256(b"another log").digest()


def _other_ordinal(part: replication_pb2.PartContent) -> None:
    part.part_id.ordinal = 1


PART_LIES: Final[Mapping[str, PartLie]] = {
    "changed_content": PartLie("commitment_mismatch", _set(content=b"something else")),
    "changed_salt": PartLie("commitment_mismatch", _set(salt=bytes(32))),
    "short_salt": PartLie("commitment_mismatch", _set(salt=b"short")),
    "changed_media_type": PartLie("commitment_mismatch", _set(media_type="text/html")),
    "content_over_its_size_class": PartLie("commitment_mismatch", _set(content=bytes(4096))),
    "swapped_parts": PartLie("commitment_mismatch", _swapped_parts),
    "endless_media_type": PartLie("commitment_mismatch", _set(media_type="x" * 65_536)),
    "unrequested_part": PartLie("unrequested_part", _unrequested),
    "part_of_another_log": PartLie("unrequested_part", _with_part(_of_log)),
    "other_ordinal": PartLie("unrequested_part", _with_part(_other_ordinal)),
}
"""Every lie about parts by its name."""
