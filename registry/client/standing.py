"""How a node stands, its logs, and replication with its peers, read from the wire."""

from dataclasses import dataclass

from registry.api.v1 import admin_pb2


@dataclass(frozen=True, slots=True)
class LogWitness:
    """The largest size of a log that a member has cosigned, and when, seconds since 1970 UTC."""

    mechanism: str
    size: int
    time_s: int


@dataclass(frozen=True, slots=True)
class LogStatus:
    """How one log stands at the node; `witnessed_by` of its witnesses have cosigned all of it."""

    origin: str
    mechanism: str
    size: int
    parts_wanted: int
    frozen_at: int | None
    frozen_reason: str = ""
    has_fault_proof: bool = False
    witnesses: tuple[LogWitness, ...] = ()
    witnessed_by: int = 0


@dataclass(frozen=True, slots=True)
class ScrubStatus:
    """The last finished scrub; `finished_ms` is 0 if none has finished since the node started."""

    finished_ms: int = 0
    found: int = 0
    repaired: int = 0
    left: int = 0


@dataclass(frozen=True, slots=True)
class RosterFork:
    """A member that holds another roster of the version that counts here, as validly signed."""

    mechanism: str
    roster_hash: bytes


@dataclass(frozen=True, slots=True)
class NodeStatus:
    """What the node is and how it stands.

    `is_first_sync`: it joined later, and does not yet hold all that `heads_needed` members have
    shown; `heads_compared_with` have since it started.
    """

    registry_name: str
    registry_id: bytes
    mechanism: str
    origin: str
    roster_version: int
    is_open: bool
    mode_detail: str
    software_version: str
    logs: tuple[LogStatus, ...]
    projection_lag: int
    roster_expiry_ms: int = 0
    is_roster_due: bool = False
    scrub: ScrubStatus = ScrubStatus()
    roster_forks: tuple[RosterFork, ...] = ()
    is_first_sync: bool = False
    heads_compared_with: int = 0
    heads_needed: int = 0
    entries_behind: int = 0


@dataclass(frozen=True, slots=True)
class PeerStatus:
    """How replication with one member stands, and how its own log does.

    `last_heard_ms` is 0 if it was not connected since the node started; `witnessed_by` of the
    `witnesses` that there are have cosigned all of its log.
    """

    mechanism: str
    display_name: str
    address: str
    is_connected: bool
    is_caught_up: bool
    last_error: str
    size_held: int
    size_offered: int
    held_back: str = ""
    frozen_at: int | None = None
    frozen_reason: str = ""
    last_heard_ms: int = 0
    witnessed_by: int = 0
    witnesses: int = 0


def read_status(message: admin_pb2.GetNodeStatusResponse) -> NodeStatus:
    """Converts the node's status."""
    return NodeStatus(
        registry_name=message.registry_name,
        registry_id=message.registry_id,
        mechanism=message.mechanism,
        origin=message.origin,
        roster_version=message.roster_version,
        is_open=message.mode == admin_pb2.LOG_MODE_OPEN,
        mode_detail=message.mode_detail,
        software_version=message.software_version,
        logs=tuple(
            LogStatus(
                log.origin,
                log.mechanism,
                log.size,
                log.parts_wanted,
                log.frozen_at if log.HasField("frozen_at") else None,
                log.frozen_reason,
                log.has_fault_proof,
                tuple(LogWitness(w.mechanism, w.size, w.time_s) for w in log.witnesses),
                log.witnessed_by,
            )
            for log in message.logs
        ),
        projection_lag=message.projection_lag,
        roster_expiry_ms=message.roster_expiry_ms,
        is_roster_due=message.is_roster_due,
        scrub=ScrubStatus(
            message.scrub.finished_ms,
            message.scrub.found,
            message.scrub.repaired,
            message.scrub.left,
        ),
        roster_forks=tuple(
            RosterFork(fork.mechanism, fork.roster_hash) for fork in message.roster_forks
        ),
        is_first_sync=message.is_first_sync,
        heads_compared_with=message.heads_compared_with,
        heads_needed=message.heads_needed,
        entries_behind=message.entries_behind,
    )


def read_peer(message: admin_pb2.PeerStatus) -> PeerStatus:
    """Converts a peer's status."""
    return PeerStatus(
        mechanism=message.mechanism,
        display_name=message.display_name,
        address=message.address,
        is_connected=message.is_connected,
        is_caught_up=message.is_caught_up,
        last_error=message.last_error,
        size_held=message.size_held,
        size_offered=message.size_offered,
        held_back=message.held_back,
        frozen_at=message.frozen_at if message.HasField("frozen_at") else None,
        frozen_reason=message.frozen_reason,
        last_heard_ms=message.last_heard_ms,
        witnessed_by=message.witnessed_by,
        witnesses=message.witnesses,
    )
