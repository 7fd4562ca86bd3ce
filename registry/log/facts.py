"""Facts about entries and logs that more than one layer above reads."""

from enum import Enum
from typing import NamedTuple

from registry.domain.identifiers import CaseId, RequestKey
from registry.log.entry import Audience, EventRef, Header, PartCommitment


class EntryFacts(NamedTuple):
    """What a store keeps beside an entry whose form, place and signature were checked."""

    index: int  # type: ignore[assignment] # the field, not tuple.index
    case_id: CaseId
    kind: int
    time_ms: int
    refs: tuple[EventRef, ...]
    parts: tuple[PartCommitment, ...]
    audience: Audience
    request_id: RequestKey
    roster_version: int
    control: bytes = b""


def facts_of(header: Header) -> EntryFacts:
    """Takes from a header what a store keeps beside the entry."""
    return EntryFacts(
        header.index,
        header.case_id,
        header.kind,
        header.time_ms,
        header.refs,
        header.parts,
        header.audience,
        header.request_id,
        header.roster_version,
        header.control,
    )


class GuardVerdict(Enum):
    """How the guard and the database of the own log stand to each other."""

    EQUAL = "equal"
    DATABASE_AHEAD = "database_ahead"
    GUARD_AHEAD = "guard_ahead"
    GUARD_MISSING = "guard_missing"
    INCONSISTENT = "inconsistent"
    DATABASE_DAMAGED = "database_damaged"
    """They differ, and the stored entries do not lead to the root that is stored with them."""


class GuardComparison(NamedTuple):
    """The verdict with both sizes, in entries."""

    kind: GuardVerdict
    guard_size: int
    database_size: int
