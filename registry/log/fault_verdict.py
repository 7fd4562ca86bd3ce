"""What a fault proof proves, by the chain of rosters alone; a node that made it up is not believed.

1. `two_histories`: two checkpoints that the log's key signed have different roots at one size. The
   entries part before that size, so the log is frozen at the size less one. Proofs at smaller sizes
   replace those at larger ones; the smallest for which there is one ends the common beginning.
2. `two_entries`: the log's key signed two headers for one place, with different bytes.
3. The reason of the rule that an entry breaks under a checkpoint that the log's key signed: its
   form, its place, its signature, its author's part in the roster; or its order behind an earlier
   entry. It is judged by the function that judges entries as they come.

The size at which the log is frozen is computed here; a proof that names another one is refused.

A key that was replaced since proves nothing: whoever finds an old key could sign with it. So every
signature of a proof is of the newest key that the proof itself shows, and the verdict names the
`generation` of that key (0 = the roster's). Who knows of more rotations lets it count no more, see
`newest_generation`: it is the same for all who know the same rotations, whatever they learnt first.
"""

from collections.abc import Callable
from typing import Final, NamedTuple, assert_never

from registry.domain.identifiers import (
    HASH_SIZE_BYTES,
    LogId,
    Origin,
    RegistryId,
    log_id_of,
)
from registry.errors import (
    BackwardEntry,
    BadEntrySignature,
    EntryError,
    EntryOutsideRoster,
    ForeignEntry,
    MisplacedEntry,
    TryLater,
)
from registry.log.checkpoint import Checkpoint
from registry.log.entry import Header, decode_header, signed_message, split_entry
from registry.log.entry_rules import check_entry, goes_back
from registry.log.fault_proof import (
    EarlierEntry,
    Fault,
    InvalidEntry,
    SignedPrefix,
    TwoEntries,
    TwoHistories,
    decode_fault_proof,
)
from registry.log.log_keys import LogKeys, keys_of_member, verify_log_checkpoint
from registry.log.member import Member
from registry.log.merkle import leaf_hash, prefix_in_path, verify_consistency, verify_inclusion
from registry.log.roster import Roster
from registry.log.signing import verify
from registry.peer_errors import UnprovenFault

TWO_HISTORIES: Final = "two_histories"
TWO_ENTRIES: Final = "two_entries"


class Verdict(NamedTuple):
    """What a proof proves.

    Attributes:
        log_id, origin: the log.
        frozen_at: the first index that is void.
        reason: the kind of the fault: `two_histories`, `two_entries`, or a reason of `EntryError`.
        generation: how often the key had been rotated that signed all of it.
    """

    log_id: LogId
    origin: Origin
    frozen_at: int
    reason: str
    generation: int


class _Judge(NamedTuple):
    """By what is judged."""

    registry_id: RegistryId
    member: Member
    newest_roster_version: int
    active_versions: range

    def keys(self, rotations: tuple[bytes, ...]) -> LogKeys:
        return keys_of_member(self.registry_id, self.member).learn(rotations)


def verify_fault_proof(
    data: bytes, roster: Roster, versions_of: Callable[[LogId], range]
) -> Verdict:
    """Checks a proof and says what it proves.

    Args:
        data: the bytes of a FaultProof.
        roster: the newest version that is held.
        versions_of: the roster versions under which a log's author takes part, see `RosterChain`.

    Raises:
        LimitExceeded, MalformedEntry, MalformedNote: a piece is not what it says.
        BadNoteSignature, BadEntrySignature, BadKeyRotation, ForeignNote, ForeignEntry: a signature
            that must hold does not.
        BadProof: a path does not lead where it must.
        UnprovenFault: all of it holds, and there is no fault in it, or not where it says.
        NotFound: no member writes such a log.
        TryLater: it can be judged under a newer roster only.
    """
    proof = decode_fault_proof(data)
    member = roster.member_by_log(log_id_of(proof.origin))
    versions = versions_of(member.log_id)
    judge = _Judge(roster.registry_id, member, roster.version, versions)
    frozen_at, reason, generation = _judge(proof.fault, judge)
    if frozen_at != proof.frozen_at:
        msg = f"the fault of {member.origin} is at {frozen_at}, not at {proof.frozen_at}"
        raise UnprovenFault(msg)
    return Verdict(member.log_id, member.origin, frozen_at, reason, generation)


def verify_signed_prefix(prefix: SignedPrefix, size: int, keys: LogKeys) -> Checkpoint:
    """Checks the root that a checkpoint has at a size; returns the checkpoint.

    Args:
        prefix: of one log.
        size: from 1.
        keys: of its author, as far as they are known without the prefix.

    Raises:
        EntryError: a piece of it does not hold.
    """
    keys = keys.learn(prefix.rotations)
    checkpoint = verify_log_checkpoint(prefix.checkpoint, keys)
    if size < 1 or len(prefix.root) != HASH_SIZE_BYTES:
        msg = f"a prefix of {keys.origin} has one entry at least and a root of 32 bytes"
        raise UnprovenFault(msg)
    verify_consistency(
        first_size=size,
        first_root=prefix.root,
        second_size=checkpoint.size,
        second_root=checkpoint.root,
        path=prefix.path,
    )
    return checkpoint


def newest_generation(keys: LogKeys) -> int:
    """How often a key was rotated, as far as is known: no proof of a smaller generation counts."""
    return len(keys.keys) - 1


def _judge(fault: Fault, judge: _Judge) -> tuple[int, str, int]:
    match fault:
        case TwoHistories():
            return _two_histories(fault, judge)
        case TwoEntries():
            return _two_entries(fault, judge)
        case InvalidEntry():
            return _invalid_entry(fault, judge)
        case _:
            assert_never(fault)


def _two_histories(fault: TwoHistories, judge: _Judge) -> tuple[int, str, int]:
    generations = []
    for prefix in (fault.first, fault.second):
        keys = judge.keys(prefix.rotations)
        checkpoint = verify_signed_prefix(prefix, fault.parted_by, keys)
        _refuse_retired(keys, checkpoint.size)
        generations.append(newest_generation(keys))
    if generations[0] != generations[1]:
        msg = f"one of the two checkpoints of {judge.member.origin} is of a key that was replaced"
        raise UnprovenFault(msg)
    if fault.first.root >= fault.second.root:
        msg = f"two different roots of {judge.member.origin} are needed, the smaller one first"
        raise UnprovenFault(msg)
    return fault.parted_by - 1, TWO_HISTORIES, generations[0]


def _two_entries(fault: TwoEntries, judge: _Judge) -> tuple[int, str, int]:
    keys = judge.keys(fault.rotations)
    first, second = (_signed_header(each, keys) for each in (fault.first, fault.second))
    if first.index != second.index or fault.first >= fault.second:
        msg = f"two entries of one place of {keys.origin} are needed, the smaller one first"
        raise UnprovenFault(msg)
    if split_entry(fault.first)[0] == split_entry(fault.second)[0]:
        msg = f"the headers of the two entries of {keys.origin} are the same"
        raise UnprovenFault(msg)
    _refuse_retired(keys, first.index + 1)
    return first.index, TWO_ENTRIES, newest_generation(keys)


def _signed_header(entry: bytes, keys: LogKeys) -> Header:
    header_bytes, signature = split_entry(entry)
    header = decode_header(header_bytes)
    if header.log_id != keys.log_id or header.registry_id != keys.registry_id:
        msg = f"an entry in a fault proof of {keys.origin} belongs to another log"
        raise ForeignEntry(msg)
    if not verify(keys.at(header.index), signed_message(header_bytes), signature):
        msg = f"entry {header.index} in a fault proof is not signed by the key of {keys.origin}"
        raise BadEntrySignature(msg)
    return header


def _invalid_entry(fault: InvalidEntry, judge: _Judge) -> tuple[int, str, int]:
    keys = judge.keys(fault.rotations)
    checkpoint = verify_log_checkpoint(fault.checkpoint, keys)
    _refuse_retired(keys, checkpoint.size)
    verify_inclusion(
        leaf=leaf_hash(fault.entry),
        index=fault.index,
        size=checkpoint.size,
        path=fault.path,
        root=checkpoint.root,
    )
    reason = _own_fault(fault, keys, judge)
    if fault.earlier is not None and reason is None:
        reason = _fault_of_order(fault, fault.earlier, checkpoint, keys)
    elif reason is None or fault.earlier is not None:
        msg = f"entry {fault.index} of {keys.origin} breaks no rule, or needs no other beside it"
        raise UnprovenFault(msg)
    return fault.index, reason, newest_generation(keys)


def _own_fault(fault: InvalidEntry, keys: LogKeys, judge: _Judge) -> str | None:
    """The rule that an entry breaks by itself."""
    try:
        header = check_entry(keys, fault.entry, fault.index)
    except BadEntrySignature as error:
        _refuse_signed(fault, keys)
        return error.reason
    except EntryError as error:
        return error.reason
    if header.roster_version > judge.newest_roster_version:
        msg = f"entry {fault.index} of {keys.origin} was written under a newer roster"
        raise TryLater(msg)
    if header.roster_version not in judge.active_versions:
        return EntryOutsideRoster.reason
    return None


def _refuse_signed(fault: InvalidEntry, keys: LogKeys) -> None:
    """An entry that any key of the log has signed proves nothing here.

    Where a key was rotated is shown by entries that need not stand under the checkpoint: who found
    two old keys could show another place, so that honest entries seemed to be signed by the wrong
    one. The keys themselves are fixed by the hashes that announced them.
    """
    header_bytes, signature = split_entry(fault.entry)
    message = signed_message(header_bytes)
    if any(verify(key.public_key, message, signature) for key in keys.keys):
        msg = f"entry {fault.index} is signed by a key of {keys.origin}"
        raise UnprovenFault(msg)


def _fault_of_order(
    fault: InvalidEntry, earlier: EarlierEntry, checkpoint: Checkpoint, keys: LogKeys
) -> str:
    """The rule that an entry breaks behind another one, which is right by itself."""
    if not earlier.index < fault.index:
        msg = f"entry {earlier.index} of {keys.origin} is not before entry {fault.index}"
        raise MisplacedEntry(msg)
    before = prefix_in_path(fault.index, checkpoint.size, fault.path)
    verify_inclusion(
        leaf=leaf_hash(earlier.entry),
        index=earlier.index,
        size=before.size,
        path=earlier.path,
        root=before.root(),
    )
    first = check_entry(keys, earlier.entry, earlier.index)
    if not goes_back(first, decode_header(split_entry(fault.entry)[0])):
        msg = f"entry {fault.index} of {keys.origin} may stand behind entry {earlier.index}"
        raise UnprovenFault(msg)
    return BackwardEntry.reason


def _refuse_retired(keys: LogKeys, size: int) -> None:
    if keys.is_retired(size):
        msg = (
            f"the proof shows itself that its key of {keys.origin} was replaced: it proves nothing"
        )
        raise UnprovenFault(msg)
