"""What a session is told: facts from peers and from this node's own store."""

from dataclasses import dataclass
from enum import Enum

from registry.domain.identifiers import LogId, Slug
from registry.errors import BadKeyRotation, EntryError, LogDiverged, RegistryError, RootMismatch
from registry.peer_errors import OtherThanRoster


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
    rotations: tuple[bytes, ...] = ()
    """Entries that rotated the log's key, in order, as the peer shows them."""


@dataclass(frozen=True, slots=True)
class PeerCaughtUp:
    """A peer has offered all heads it had when the stream was opened."""

    peer: Slug


@dataclass(frozen=True, slots=True)
class LogGrew:
    """This node holds `size` entries of a log now; the new ones have so many bytes."""

    log_id: LogId
    size: int
    size_bytes: int = 0


@dataclass(frozen=True, slots=True)
class ContentStored:
    """This node has stored content of entries of a log: (index, bytes) of each."""

    log_id: LogId
    sizes: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class FetchEnded:
    """A fetch is over and brought all it was asked for, or its author's fault."""

    peer: Slug
    log_id: LogId


class Blame(Enum):
    """Whose fault it is that a fetch failed."""

    PEER = "peer"
    """It sent wrong bytes."""
    AUTHOR = "author"
    """What came is signed by the author and contradicts what is held: two histories."""
    NOBODY = "nobody"
    """The peer was not reached, this node must wait, or whose fault it is cannot be shown."""


def blame_of(error: RegistryError) -> Blame:
    """Whose fault an error is; notes and entries were checked before roots are compared.

    A rotation that does not fit may be one of two that its author made: the peer only shows it. So
    it is with a history that the roster does not name.
    """
    if isinstance(error, RootMismatch | LogDiverged | BadKeyRotation | OtherThanRoster):
        return Blame.AUTHOR
    return Blame.PEER if isinstance(error, EntryError) else Blame.NOBODY


@dataclass(frozen=True, slots=True)
class FetchFailed:
    """A fetch is over and did not bring all it was asked for.

    Attributes:
        peer: from whom.
        log_id: of which log.
        reason: the stable reason, a colon, and words that the peer may have chosen.
        blame: whose fault it is.
    """

    peer: Slug
    log_id: LogId
    reason: str
    blame: Blame


@dataclass(frozen=True, slots=True)
class PartsRefused:
    """A peer sent content that is not what was asked for; `reason` as in `FetchFailed`."""

    peer: Slug
    reason: str


@dataclass(frozen=True, slots=True)
class LogFrozen:
    """A log was frozen at a size and is not fetched any more."""

    log_id: LogId


@dataclass(frozen=True, slots=True)
class LogThawed:
    """A log that was frozen goes on, or goes on further: what froze it counts no more."""

    log_id: LogId


@dataclass(frozen=True, slots=True)
class Tick:
    """Time has passed; told about once a second, so that what failed is tried again."""


Message = (
    PeerUp
    | PeerDown
    | HeadOffered
    | PeerCaughtUp
    | LogGrew
    | ContentStored
    | FetchEnded
    | FetchFailed
    | PartsRefused
    | LogFrozen
    | LogThawed
    | Tick
)
