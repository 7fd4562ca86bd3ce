"""What a session asks its adapter to do."""

from dataclasses import dataclass

from registry.domain.identifiers import LogId, Slug
from registry.log.checkpoint import Checkpoint
from registry.replication.messages import Tail


@dataclass(frozen=True, slots=True)
class FetchEntries:
    """Bring a log up to `size` entries from a peer."""

    peer: Slug
    log_id: LogId
    size: int


@dataclass(frozen=True, slots=True)
class TakeTail:
    """Check and store the entries that came along with a head; it ends as a fetch does.

    Attributes:
        peer: who sent them.
        log_id: of which log.
        note: the head.
        checkpoint: what it says, verified; the tail ends there.
        tail: begins where the held log ends.
    """

    peer: Slug
    log_id: LogId
    note: bytes
    checkpoint: Checkpoint
    tail: Tail


@dataclass(frozen=True, slots=True)
class DropPeer:
    """Close what is open with a peer and do not dial it before `until_ms`."""

    peer: Slug
    reason: str
    until_ms: int


@dataclass(frozen=True, slots=True)
class AskFenceAgain:
    """Stop appending and run the start-up fence: a peer holds more of the own log."""

    peer: Slug
    size: int


Effect = FetchEntries | TakeTail | DropPeer | AskFenceAgain
