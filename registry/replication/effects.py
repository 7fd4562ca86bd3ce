"""What a session asks its adapter to do."""

from dataclasses import dataclass

from registry.domain.identifiers import LogId, Slug


@dataclass(frozen=True, slots=True)
class FetchEntries:
    """Bring a log up to `size` entries from a peer."""

    peer: Slug
    log_id: LogId
    size: int


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


Effect = FetchEntries | DropPeer | AskFenceAgain
