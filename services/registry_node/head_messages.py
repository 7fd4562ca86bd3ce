"""Heads as they travel: what this node asks for, what a peer says, and whether the two agree."""

from collections.abc import Callable, Iterable

from registry.api.v1 import replication_pb2
from registry.domain.identifiers import LogId, Slug
from registry.errors import EntryError
from registry.log.checkpoint import parse_checkpoint, parse_note
from registry.replication.messages import HeadOffered, Tail
from registry.store.values import LogState


def watch_request(
    states: Iterable[LogState], cosignatures: Callable[[LogId], bytes]
) -> replication_pb2.WatchHeadsRequest:
    """Asks for heads, and says what is held already: of each log, and a sum of its cosignatures."""
    return replication_pb2.WatchHeadsRequest(
        held=[
            replication_pb2.HeldLog(
                log_id=state.log_id,
                size=state.noted_size,
                root=_root_of(state),
                cosignatures=cosignatures(state.log_id),
            )
            for state in states
        ]
    )


def read_head(peer: Slug, head: replication_pb2.Head) -> HeadOffered:
    """Reads a head as a peer sent it; nothing of it is verified."""
    tail = Tail(head.tail.start, tuple(head.tail.entries)) if head.HasField("tail") else None
    return HeadOffered(
        peer, LogId(head.log_id), head.checkpoint, tail, rotations=tuple(head.rotations)
    )


def size_of_other_history(ours: bytes, theirs: bytes) -> int:
    """The size at which two notes of one log have different roots; 0 = they tell of none.

    `theirs` may be anything.
    """
    # Most heads are larger: no two numbers are read to see that.
    if ours == theirs or _size_line(ours) != _size_line(theirs):
        return 0
    try:
        one, other = (parse_checkpoint(parse_note(each).text) for each in (ours, theirs))
    except EntryError:
        return 0
    return one.size if one.size == other.size and one.root != other.root else 0


def _size_line(note: bytes) -> bytes:
    """The line of a C2SP checkpoint that tells its size, which has one form; empty if none does."""
    return b"".join(note.split(b"\n", 2)[1:2])


def _root_of(state: LogState) -> bytes:
    """The root of the note that is held; empty if more than it is held."""
    return state.root if state.size == state.noted_size else b""
