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

    @property
    def size(self) -> int:
        """Where the tail ends."""
        return self.checkpoint.size


@dataclass(frozen=True, slots=True)
class DropPeer:
    """Close the stream of heads with a peer and do not dial it before `until_ms`.

    Fetches from it that are under way end by themselves.

    Attributes:
        peer: who gave wrong bytes.
        reason: the stable reason alone; words that a peer may have chosen are not for logs.
        until_ms: on the clock that the session is told.
    """

    peer: Slug
    reason: str
    until_ms: int


@dataclass(frozen=True, slots=True)
class AskFenceAgain:
    """Stop appending and run the start-up fence: a peer holds more of the own log.

    Attributes:
        peer: who showed it.
        checkpoint: the verified own note, larger than what is held; not to be forgotten.
    """

    peer: Slug
    checkpoint: Checkpoint


@dataclass(frozen=True, slots=True)
class JudgeOwnNote:
    """Judge a head of the own log as when its peer came: it may show another rotation of the key.

    Attributes:
        peer: who shows it.
        note: the head; it may be signed by no key that counts.
        rotations: as the peer shows them; they may follow no key that is known.
    """

    peer: Slug
    note: bytes
    rotations: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class FindParting:
    """Ask a peer where the history of a log that it shows parts from the one that is held.

    Attributes:
        peer: who shows it.
        log_id: of which log.
        note: the head by which it does: some key of the log has signed it, or rotations that came
            along do not fit those that are known.
    """

    peer: Slug
    log_id: LogId
    note: bytes


Effect = FetchEntries | TakeTail | DropPeer | AskFenceAgain | JudgeOwnNote | FindParting
