"""Control: what a header tells every node to do about content, and the rules of its form.

Every node reads these bytes in the same way and judges them by the entry itself and by earlier
entries of the same log, or of a former log of the same member that it speaks for, so that all judge
alike in whatever order logs arrive. Control that breaks a rule has no effect at any node and is
shown as opaque; it never freezes a log.

1. The bytes are exactly the deterministic encoding of what they mean.
2. A widening names an earlier event of its log by index and leaf hash, and an audience that is all
   members or an ascending list of ids.
3. An erasure names 1 to 16 parts of events of one log, without duplicates: of earlier ones of its
   own log, or of another one. That log must be a former one of the same member.
4. A receipt names an event of another log.
What needs the earlier entries (the leaf hash, the commitments, one case) is in store/control.py,
what needs the roster, too, in store/erasures.py.
"""

from itertools import pairwise
from typing import Final, NamedTuple, TypeAlias

from google.protobuf.message import DecodeError, Message

from registry.domain.identifiers import HASH_SIZE_BYTES, Commitment, LeafHash, LogId, MemberId
from registry.domain.vocabulary import EventKind
from registry.format.v1 import control_pb2, event_pb2
from registry.log.entry import ALL_MEMBERS, AUDIENCE_MAX, INDEX_MAX, PARTS_MAX, Audience, Header

TARGETS_MAX: Final = 16
CONTROL_KINDS: Final = frozenset(
    {EventKind.AUDIENCE_WIDENED, EventKind.CONTENT_ERASED, EventKind.ERASURE_RECEIPT}
)


class AudienceWidened(NamedTuple):
    """More members may hold the parts of an earlier event of the same log."""

    index: int  # type: ignore[assignment] # the field, not tuple.index
    leaf_hash: LeafHash
    audience: Audience


class PartTarget(NamedTuple):
    """One part to erase; all four must match."""

    log_id: LogId
    index: int  # type: ignore[assignment] # the field, not tuple.index
    ordinal: int
    commitment: Commitment


class ContentErased(NamedTuple):
    """Every holder deletes these parts and never stores them again."""

    targets: tuple[PartTarget, ...]


class ErasureReceipt(NamedTuple):
    """The author of the log that holds this has carried out an erasure of another log."""

    log_id: LogId
    index: int  # type: ignore[assignment] # the field, not tuple.index
    leaf_hash: LeafHash


Control: TypeAlias = AudienceWidened | ContentErased | ErasureReceipt


def encode_control(control: Control) -> bytes:
    """Serializes control for a header."""
    message: Message
    match control:
        case AudienceWidened(index, leaf, audience):
            message = control_pb2.AudienceWidened(
                index=index,
                leaf_hash=leaf,
                audience=event_pb2.Audience(
                    all=audience.is_all, member_ids=[int(i) for i in audience.member_ids]
                ),
            )
        case ContentErased(targets):
            message = control_pb2.ContentErased(
                targets=[
                    control_pb2.PartTarget(
                        log_id=t.log_id, index=t.index, ordinal=t.ordinal, commitment=t.commitment
                    )
                    for t in targets
                ]
            )
        case ErasureReceipt(log_id, index, leaf):
            message = control_pb2.ErasureReceipt(log_id=log_id, index=index, leaf_hash=leaf)
    return message.SerializeToString(deterministic=True)


def read_control(header: Header) -> Control | None:
    """Reads a header's control; None = no control kind, or it breaks a rule of form."""
    return parse_control(header.log_id, header.index, header.kind, header.control)


def parse_control(log_id: LogId, index: int, kind: int, data: bytes) -> Control | None:
    """Like `read_control`, from the fields of a header."""
    if kind not in CONTROL_KINDS or not data:
        return None
    try:
        found = _parse(kind, data)
    except DecodeError:
        return None
    if encode_control(found) != data or not _is_in_form(found, log_id, index):
        return None
    return found


def union(first: Audience, second: Audience | None) -> Audience:
    """Everybody whom one of the two admits."""
    if second is None:
        return first
    if first.is_all or second.is_all:
        return ALL_MEMBERS
    return Audience(is_all=False, member_ids=tuple(sorted({*first.member_ids, *second.member_ids})))


def _parse(kind: int, data: bytes) -> Control:
    if kind == EventKind.AUDIENCE_WIDENED:
        widened = control_pb2.AudienceWidened.FromString(data)
        ids = tuple(MemberId(number) for number in widened.audience.member_ids)
        audience = Audience(is_all=widened.audience.all, member_ids=ids)
        return AudienceWidened(widened.index, LeafHash(widened.leaf_hash), audience)
    if kind == EventKind.CONTENT_ERASED:
        erased = control_pb2.ContentErased.FromString(data)
        return ContentErased(
            tuple(
                PartTarget(LogId(t.log_id), t.index, t.ordinal, Commitment(t.commitment))
                for t in erased.targets
            )
        )
    receipt = control_pb2.ErasureReceipt.FromString(data)
    return ErasureReceipt(LogId(receipt.log_id), receipt.index, LeafHash(receipt.leaf_hash))


def _is_in_form(control: Control, log_id: LogId, index: int) -> bool:
    match control:
        case AudienceWidened(target, leaf, audience):
            return len(leaf) == HASH_SIZE_BYTES and target < index and _is_audience(audience)
        case ContentErased(targets):
            places = {target[:3] for target in targets}
            return 1 <= len(targets) <= TARGETS_MAX and (
                len(places) == len(targets)
                and len({target.log_id for target in targets}) == 1
                and all(_is_target(target, log_id, index) for target in targets)
            )
        case ErasureReceipt(other, target, leaf):
            are_hashes = len(other) == len(leaf) == HASH_SIZE_BYTES
            return are_hashes and other != log_id and target <= INDEX_MAX


def _is_target(target: PartTarget, log_id: LogId, index: int) -> bool:
    is_earlier = target.index < index if target.log_id == log_id else target.index <= INDEX_MAX
    return (
        is_earlier
        and len(target.log_id) == HASH_SIZE_BYTES
        and target.ordinal < PARTS_MAX
        and len(target.commitment) == HASH_SIZE_BYTES
    )


def _is_audience(audience: Audience) -> bool:
    ids = audience.member_ids
    is_ascending = all(a < b for a, b in pairwise(ids))
    return (
        audience.is_all != bool(ids) and len(ids) <= AUDIENCE_MAX and is_ascending and 0 not in ids
    )
