"""The keys of one log: which of them signs an entry or a note, by the rotations in the log itself.

A member's roster entry holds the first key and the hash of the next one. A `key_rotated` event,
signed with the key before it, reveals the next key, proves its possession, and announces the hash
of the one after: so whoever steals the current key can sign with it, but cannot replace it by a key
of his own (the pre-rotation of KERI, IETF draft-ssmith-keri). From the entry after a rotation on,
the new key alone counts; a note of size n is signed by the key of entry n - 1.

A rotation has an effect only if

1. the event belongs to no case, has no parts, and is for all members;
2. its control is exactly the deterministic encoding of what it means, with lengths as they must be;
3. the new key is a canonical point, and its SHA-256 is what the key before it announced;
4. the new key has signed PAE("application/vnd.registry.key-rotation;v=1",
   log id || u64be(index of the event) || new key || hash of the key after it): a rotation that was
   seen is of no use at another place, to whoever has the key before it;
5. it is one of the first 1,000 of its log, and not at the last index that there can be;
6. the new key has not signed this log before.

Any other event of the kind has none at any node, like all control that breaks its rules.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final, NamedTuple

from google.protobuf.message import DecodeError

from registry.domain.identifiers import HASH_SIZE_BYTES, NO_CASE, LogId, Origin, RegistryId
from registry.domain.vocabulary import EventKind
from registry.errors import BadKeyRotation, EntryError, LimitExceeded, MalformedEntry
from registry.format.v1 import control_pb2
from registry.log.checkpoint import Checkpoint, parse_checkpoint, parse_note, verify_checkpoint
from registry.log.entry import INDEX_MAX, Header, decode_header, signed_message, split_entry
from registry.log.facts import EntryFacts, facts_of
from registry.log.member import Member, key_hash
from registry.log.signing import Signer, check_public_key, pre_authentication_encoding, verify

_PAYLOAD_TYPE: Final = b"application/vnd.registry.key-rotation;v=1"
ROTATIONS_MAX: Final = 1000
"""So many rotations of one log have an effect: three a year for three hundred years."""


class LogKey(NamedTuple):
    """A key that signs the entries from `first_index` on, and the hash of the one after it."""

    first_index: int
    public_key: bytes
    next_hash: bytes


@dataclass(frozen=True, slots=True)
class LogKeys:
    """The keys of one log, in order, as far as its rotations are known.

    Attributes:
        registry_id: the registry that the log belongs to.
        log_id, origin: the log.
        keys: at least the first one.
    """

    registry_id: RegistryId
    log_id: LogId
    origin: Origin
    keys: tuple[LogKey, ...]

    @property
    def last(self) -> LogKey:
        """The newest key."""
        return self.keys[-1]

    def at(self, index: int) -> bytes:
        """The key that signs entry `index`, 32 bytes."""
        last = self.keys[-1]
        if index >= last.first_index:
            return last.public_key
        return next(key.public_key for key in reversed(self.keys) if index >= key.first_index)

    def is_retired(self, size: int) -> bool:
        """Whether a key that was replaced since signs notes of this size."""
        return len(self.keys) > 1 and size <= self.last.first_index

    def contradicts(self, other: "LogKeys") -> bool:
        """Whether two rotations of one log brought what here is the newest key.

        Two that differ where this log went on since do not count: whoever has found keys that were
        replaced can sign such.
        """
        at = len(self.keys) - 1
        is_same_before = at > 0 and other.keys[:at] == self.keys[:at]
        return is_same_before and len(other.keys) > at and other.keys[at] != self.keys[at]

    def before(self, index: int) -> "LogKeys":
        """The keys as they stood when the log had `index` entries."""
        keys = tuple([key for key in self.keys if key.first_index <= index])
        return self if len(keys) == len(self.keys) else replace(self, keys=keys)

    def after(self, fact: EntryFacts) -> "LogKeys":
        """The keys once an entry, whose signature was verified, has been stored.

        Returns:
            This object itself if the entry rotates nothing.
        """
        if fact.kind != EventKind.KEY_ROTATED or len(self.keys) > ROTATIONS_MAX:
            return self
        if not self.last.first_index <= fact.index < INDEX_MAX:
            return self
        rotated = _read(fact)
        if rotated is None or not _has_effect(rotated, self.last, self.log_id, fact.index):
            return self
        if any(key.public_key == rotated.log_key for key in self.keys):
            return self
        key = LogKey(fact.index + 1, rotated.log_key, rotated.next_log_key_hash)
        return replace(self, keys=(*self.keys, key))

    def learn(self, rotations: Iterable[bytes]) -> "LogKeys":
        """The keys that somebody shows by entries of rotations, in order; known ones are skipped.

        Args:
            rotations: exact bytes of entries.

        Raises:
            LimitExceeded: there are more than can have an effect.
            BadKeyRotation: one does not verify, follows no key that is known, or rotates nothing.
        """
        shown = tuple(rotations)
        if len(shown) > ROTATIONS_MAX:
            msg = f"a log has at most {ROTATIONS_MAX} rotations, {len(shown)} are shown"
            raise LimitExceeded(msg)
        found = self
        for entry in shown:
            found = found._shown(entry)
        return found

    def _shown(self, entry: bytes) -> "LogKeys":
        try:
            header_bytes, signature = split_entry(entry)
            header = decode_header(header_bytes)
        except EntryError as error:
            msg = f"what is shown as a rotation of {self.origin} is no entry: {error}"
            raise BadKeyRotation(msg) from error
        if header.registry_id != self.registry_id or header.log_id != self.log_id:
            msg = f"what is shown as a rotation of {self.origin} belongs to another log"
            raise BadKeyRotation(msg)
        if any(key.first_index == header.index + 1 for key in self.keys):
            return self
        if not verify(self.last.public_key, signed_message(header_bytes), signature):
            msg = f"rotation {header.index} of {self.origin} is not signed by the key before it"
            raise BadKeyRotation(msg)
        after = self.after(facts_of(header))
        if after is self:
            msg = f"entry {header.index} of {self.origin} rotates no key"
            raise BadKeyRotation(msg)
        return after


def keys_of_member(
    registry_id: RegistryId, member: Member, rotations: Iterable[Header] = ()
) -> LogKeys:
    """The keys of a member's log: that of the roster, and those of stored entries, in order.

    `registry_id` is that of the roster; a log of the registry before it belongs to that one.
    """
    first = LogKey(0, member.log_key, member.next_log_key_hash)
    keys = LogKeys(member.registry_id or registry_id, member.log_id, member.origin, (first,))
    for header in rotations:
        keys = keys.after(facts_of(header))
    return keys


def make_rotation(log_id: LogId, index: int, new: Signer, next_hash: bytes) -> bytes:
    """Makes the control of a rotation, signed by the new key.

    Args:
        log_id: the log.
        index: the place of the event.
        new: the key that was announced.
        next_hash: SHA-256 of the key after it, 32 bytes.
    """
    proof = new.sign(_signed(log_id, index, new.public_key, next_hash))
    return _encode(new.public_key, next_hash, proof)


def verify_log_checkpoint(note: bytes, keys: LogKeys) -> Checkpoint:
    """Reads a checkpoint that is signed by the key of its last entry.

    Raises:
        MalformedNote, LimitExceeded, ForeignNote, BadNoteSignature: see `verify_checkpoint`.
    """
    key = keys.last.public_key
    if len(keys.keys) > 1:
        key = keys.at(max(parse_checkpoint(parse_note(note).text).size - 1, 0))
    return verify_checkpoint(note, origin=keys.origin, log_key=key)


def was_signed(note: bytes, keys: LogKeys) -> bool:
    """Whether any key of a log has signed a note, also one that does not count at its place."""
    for key in keys.keys:
        try:
            verify_checkpoint(note, origin=keys.origin, log_key=key.public_key)
        except EntryError:
            continue
        return True
    return False


def _read(fact: EntryFacts) -> control_pb2.KeyRotated | None:
    """Rules 1 and 2."""
    if fact.case_id != NO_CASE or fact.parts or not fact.audience.is_all:
        return None
    try:
        rotated = control_pb2.KeyRotated.FromString(fact.control)
    except DecodeError:
        return None
    fields = (rotated.log_key, rotated.next_log_key_hash, rotated.proof_of_possession)
    is_exact = _encode(*fields) == fact.control
    return rotated if is_exact and len(rotated.next_log_key_hash) == HASH_SIZE_BYTES else None


def _encode(key: bytes, next_hash: bytes, proof: bytes) -> bytes:
    return control_pb2.KeyRotated(
        log_key=key, next_log_key_hash=next_hash, proof_of_possession=proof
    ).SerializeToString(deterministic=True)


def _has_effect(rotated: control_pb2.KeyRotated, before: LogKey, log_id: LogId, index: int) -> bool:
    """Rules 3 and 4."""
    key = rotated.log_key
    if key_hash(key) != before.next_hash:
        return False
    try:
        check_public_key(key)
    except MalformedEntry:
        return False
    signed = _signed(log_id, index, key, rotated.next_log_key_hash)
    return verify(key, signed, rotated.proof_of_possession)


def _signed(log_id: LogId, index: int, key: bytes, next_hash: bytes) -> bytes:
    place = log_id + index.to_bytes(8, "big")
    return pre_authentication_encoding(_PAYLOAD_TYPE, place + key + next_hash)
