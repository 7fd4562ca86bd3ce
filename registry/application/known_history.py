"""A case as it was known: to whoever recorded an event, to a mechanism by a time, at a vector.

Each question is turned into a size of every log, and the history is read at these sizes: so its
order, digest and vector are those that a node had which held so much, and nothing that is recorded
later changes the answer.

1. What the author of an event knew is what stands before it in its own log and what its refs reach,
   directly or through others (`knowledge`). Refs name the newest events of the case that the
   author's node had, so this is all of the case that it had.
2. What a mechanism knew by a time is what it knew with its last event on the case that its own
   clock puts there. What it received after that and did not write about, nobody else can tell.
3. What there was by a time is every event that its author's clock puts there, and whatever those
   had read: a clock that is ahead hides nothing that somebody answered.

Claimed times are those of the authors. They decide which event is asked about, never what its
author had read.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from registry.application.knowledge import Place, what_authors_knew
from registry.domain.identifiers import CaseId, LogId, RootHash
from registry.errors import InvalidRequest, NotFound
from registry.log.entry import Header
from registry.store.values import LogState, StoredEntry, read_header
from registry.views.case_file import CaseHistory, Reader, read_history
from registry.views.events_read import visible_entries


@dataclass(frozen=True, slots=True)
class WhenRecording:
    """As known to the author of an event when it recorded it; the event itself is left out."""

    origin: str
    index: int


@dataclass(frozen=True, slots=True)
class ByTime:
    """As of a time, milliseconds UTC, included; known to a mechanism (slug), empty = to anybody."""

    time_ms: int
    mechanism: str = ""


@dataclass(frozen=True, slots=True)
class VectorPlace:
    """So many entries of a log; the root over them is compared, unless it is None."""

    origin: str
    size: int
    root: RootHash | None = None


@dataclass(frozen=True, slots=True)
class AtVector:
    """As of a vector; logs that it does not name have no entries."""

    places: tuple[VectorPlace, ...]


AsOf: TypeAlias = WhenRecording | ByTime | AtVector
_Sizes: TypeAlias = dict[LogId, int]
_States: TypeAlias = Mapping[LogId, LogState]


@dataclass(frozen=True, slots=True)
class KnownHistory:
    """What was known, perhaps nothing, and how many events of the case are held beside that."""

    history: CaseHistory
    unknown_count: int


def fold_known_history(reader: Reader, case_id: CaseId, as_of: AsOf) -> KnownHistory:
    """Reads a case as it was known.

    Raises:
        NotFound: no such case, event of it, mechanism or log is here.
        InvalidRequest: the vector is past what is held here, or its roots are of other entries.
    """
    states = {state.log_id: state for state in reader.store.log_states()}
    entries = visible_entries(reader.store, states, case_id)
    if not entries:
        msg = f"no case {case_id.hex()} is known here"
        raise NotFound(msg)
    match as_of:
        case AtVector(places):
            sizes = _sizes_of(reader, states, places)
        case WhenRecording(origin, index):
            sizes = _Past(reader, entries).of_author(origin, index)
        case ByTime(time_ms, mechanism):
            sizes = _Past(reader, entries).by_time(time_ms, mechanism)
    history = read_history(reader, case_id, at=sizes)
    return KnownHistory(history, len(entries) - len(history.events))


class _Past:
    """What the authors of a case's events knew of it, by their signed headers alone."""

    def __init__(self, reader: Reader, entries: Iterable[StoredEntry]) -> None:
        kept = tuple(entries)
        self._reader = reader
        self._headers: Mapping[Place, Header] = {
            (each.log_id, each.index): read_header(each.entry) for each in kept
        }
        self._knew = what_authors_knew(kept, self._headers)

    def of_author(self, origin: str, index: int) -> _Sizes:
        """Up to what the author of an event had read of each log."""
        found = [
            place
            for place in self._headers
            if place[1] == index and self._origin_of(place[0]) == origin
        ]
        if not found:
            msg = f"event {index} of {origin} is not in this case here"
            raise NotFound(msg)
        (place,) = found
        sizes = _with_knowledge({}, self._knew[place])
        # Authors who refer to each other in a circle have not read their own event before.
        return sizes | {place[0]: min(sizes.get(place[0], 0), index)}

    def by_time(self, time_ms: int, mechanism: str) -> _Sizes:
        """Up to the last events that clocks put at a time or before, with what those had read."""
        logs = self._logs_of(mechanism)
        sizes: _Sizes = {}
        for place in sorted(self._headers):
            log_id, index = place
            if log_id in logs and self._headers[place].time_ms <= time_ms:
                sizes[log_id] = max(sizes.get(log_id, 0), index + 1)
                sizes = _with_knowledge(sizes, self._knew[place])
        return sizes

    def _logs_of(self, mechanism: str) -> frozenset[LogId]:
        roster = self._reader.roster
        if mechanism:
            roster.member_by_slug(mechanism)
        return frozenset(
            member.log_id for member in roster.writers() if mechanism in {"", member.slug}
        )

    def _origin_of(self, log_id: LogId) -> str:
        return self._reader.roster.member_by_log(log_id).origin


def _with_knowledge(sizes: _Sizes, knew: Mapping[LogId, int]) -> _Sizes:
    """Sizes that also hold what an author knew: the largest index of each log."""
    largest = {log_id: index + 1 for log_id, index in knew.items()}
    return {
        log_id: max(sizes.get(log_id, 0), largest.get(log_id, 0))
        for log_id in sizes.keys() | largest.keys()
    }


def _sizes_of(reader: Reader, states: _States, places: Iterable[VectorPlace]) -> _Sizes:
    logs = {str(member.origin): member.log_id for member in reader.roster.writers()}
    sizes: _Sizes = {}
    for place in places:
        log_id = logs.get(place.origin)
        if log_id is None:
            msg = f"no member writes a log {place.origin}"
            raise NotFound(msg)
        if log_id in sizes:
            msg = f"vector: {place.origin} is named twice"
            raise InvalidRequest(msg)
        held = states[log_id].valid_size if log_id in states else 0
        if place.size > held:
            msg = f"vector: {place.size} entries of {place.origin}, and {held} are held here"
            raise InvalidRequest(msg)
        _compare_root(reader, log_id, place)
        sizes[log_id] = place.size
    return sizes


def _compare_root(reader: Reader, log_id: LogId, place: VectorPlace) -> None:
    if place.root is None or place.size == 0:
        return
    root = reader.store.root_at(log_id, place.size)
    if root != place.root:
        msg = (
            f"vector: the root of {place.size} entries of {place.origin} is {root.hex()} here, "
            f"not {place.root.hex()}: it stands for other entries"
        )
        raise InvalidRequest(msg)
