"""What a session is told: facts from peers and from this node's own store."""

from dataclasses import dataclass

from registry.domain.identifiers import LogId, Slug


@dataclass(frozen=True, slots=True)
class PeerUp:
    """A stream of heads with a peer was opened."""

    peer: Slug


@dataclass(frozen=True, slots=True)
class PeerDown:
    """The stream of heads ended; `reason` is empty for an ordinary renewal."""

    peer: Slug
    reason: str


@dataclass(frozen=True, slots=True)
class Tail:
    """The last entries up to a head, as a peer sent them along with it: `start` is the first."""

    start: int
    entries: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class HeadOffered:
    """A peer holds a log up to this signed note; it may have sent the last entries along."""

    peer: Slug
    log_id: LogId
    note: bytes
    tail: Tail | None = None


@dataclass(frozen=True, slots=True)
class PeerCaughtUp:
    """A peer has offered all heads it had when the stream was opened."""

    peer: Slug


@dataclass(frozen=True, slots=True)
class LogGrew:
    """This node holds `size` entries of a log now."""

    log_id: LogId
    size: int


@dataclass(frozen=True, slots=True)
class FetchEnded:
    """A fetch is over and brought all it was asked for, or its author's fault."""

    peer: Slug
    log_id: LogId


@dataclass(frozen=True, slots=True)
class FetchFailed:
    """A fetch is over; `is_peer_fault` if the peer sent wrong bytes, else it was not reached."""

    peer: Slug
    log_id: LogId
    reason: str
    is_peer_fault: bool


@dataclass(frozen=True, slots=True)
class PartsRefused:
    """A peer sent content that is not what was asked for."""

    peer: Slug
    reason: str


@dataclass(frozen=True, slots=True)
class LogFrozen:
    """A log was frozen at a size and is not fetched any more."""

    log_id: LogId


Message = (
    PeerUp
    | PeerDown
    | HeadOffered
    | PeerCaughtUp
    | LogGrew
    | FetchEnded
    | FetchFailed
    | PartsRefused
    | LogFrozen
)
