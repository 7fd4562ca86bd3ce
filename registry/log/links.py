"""Links between cases: what a header says of one, and the rules of its form.

Every node reads these bytes in the same way; what breaks a rule has no effect at any node.

1. The bytes are exactly the deterministic encoding of what they mean.
2. A proposal names another case than its own, by 16 bytes.
3. An answer (accepted, declined) names a proposal of another log; an end names one of any log.
Which links are in effect follows from the events of both cases, see registry/views/linking.py.
"""

from typing import Final, NamedTuple, TypeAlias

from google.protobuf.message import DecodeError, Message

from registry.domain.identifiers import CASE_ID_SIZE_BYTES, HASH_SIZE_BYTES, CaseId, LeafHash, LogId
from registry.domain.vocabulary import EventKind
from registry.format.v1 import control_pb2
from registry.log.entry import INDEX_MAX, Header

ANSWERS: Final = frozenset({EventKind.CASE_LINK_ACCEPTED, EventKind.CASE_LINK_DECLINED})
LINK_KINDS: Final = ANSWERS | {EventKind.CASE_LINK_PROPOSED, EventKind.CASE_UNLINKED}


class LinkProposal(NamedTuple):
    """The case of the event and another one belong together."""

    other_case_id: CaseId


class LinkAnswer(NamedTuple):
    """What somebody says of a proposal, which is bound by its bytes."""

    log_id: LogId
    index: int  # type: ignore[assignment] # the field, not tuple.index
    leaf_hash: LeafHash


Link: TypeAlias = LinkProposal | LinkAnswer


def encode_link(link: Link) -> bytes:
    """Serializes it for a header."""
    message: Message
    match link:
        case LinkProposal(other):
            message = control_pb2.CaseLinkProposed(other_case_id=other)
        case LinkAnswer(log_id, index, leaf):
            message = control_pb2.CaseLinkAnswered(log_id=log_id, index=index, leaf_hash=leaf)
    return message.SerializeToString(deterministic=True)


def read_link(header: Header) -> Link | None:
    """Reads what a header says of a link; None = nothing, or it breaks a rule of form."""
    if header.kind not in LINK_KINDS or not header.control or not header.case_id:
        return None
    try:
        found = _parse(header.kind, header.control)
    except DecodeError:
        return None
    if encode_link(found) != header.control or not _is_in_form(found, header):
        return None
    return found


def _parse(kind: int, data: bytes) -> Link:
    if kind == EventKind.CASE_LINK_PROPOSED:
        proposed = control_pb2.CaseLinkProposed.FromString(data)
        return LinkProposal(CaseId(proposed.other_case_id))
    answered = control_pb2.CaseLinkAnswered.FromString(data)
    return LinkAnswer(LogId(answered.log_id), answered.index, LeafHash(answered.leaf_hash))


def _is_in_form(link: Link, header: Header) -> bool:
    match link:
        case LinkProposal(other):
            return len(other) == CASE_ID_SIZE_BYTES and other != header.case_id
        case LinkAnswer(log_id, index, leaf):
            are_hashes = len(log_id) == len(leaf) == HASH_SIZE_BYTES
            is_others = log_id != header.log_id or header.kind == EventKind.CASE_UNLINKED
            return are_hashes and is_others and index <= INDEX_MAX
