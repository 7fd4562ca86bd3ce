"""Random federations: a few logs of signed entries on a few cases, by honest and lying authors.

Honest authors refer, as the store does, to the last event of every other log on the case that they
have read, never further back than before. Liars set their clocks as they like, refer to events that
are absent, changed or of other cases, and keep places free to fill them later with refs to what was
written after: that is how two of them make a cycle in spite of the hashes.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import sha256
from typing import NamedTuple

from hypothesis import strategies as st

from registry.domain.identifiers import (
    CaseId,
    LeafHash,
    LogId,
    Origin,
    RegistryId,
    RequestKey,
)
from registry.log.author import Author, draft_event
from registry.log.digest import case_digest, node_digest
from registry.log.entry import ALL_MEMBERS, EventRef
from registry.log.entry_rules import check_entry
from registry.log.merkle import leaf_hash
from registry.log.ordering import CaseEvent, PlacedEvent, order_case
from registry.log.signing import Ed25519Signer
from tests.faults.log_keys import single_key

REGISTRY = RegistryId(b"\x0e" * 32)
CASES = tuple(CaseId(bytes([number]) * 16) for number in range(1, 4))
NOW_MS = 1_700_000_000_000
YEAR_MS = 365 * 86_400_000
CLOCKS = st.one_of(
    st.integers(NOW_MS - 5, NOW_MS + 5),  # many are equal
    st.sampled_from((NOW_MS - 50 * YEAR_MS, NOW_MS + 50 * YEAR_MS, -YEAR_MS, -1, 0)),
    st.integers(-62_135_596_800_000, 253_402_300_799_999),
)
AUTHORS = tuple(
    Author(
        signer=Ed25519Signer(sha256(b"log %d" % number).digest()),
        registry_id=REGISTRY,
        origin=Origin(f"invented.example/m{number}/1"),
        roster_version=1,
    )
    for number in range(5)
)
JUDGES = {
    author.log_id: single_key(REGISTRY, author.origin, author.public_key) for author in AUTHORS
}


class Written(NamedTuple):
    """One signed entry and where it stands."""

    log_id: LogId
    place: int
    case_id: CaseId
    entry: bytes

    def as_ref(self) -> EventRef:
        return EventRef(self.log_id, self.place, leaf_hash(self.entry))


@dataclass
class Federation:
    """All entries that were ever written, and how much of each log is valid."""

    logs: int
    written: list[Written] = field(default_factory=list)
    cuts: dict[LogId, int] = field(default_factory=dict)

    def is_void(self, event: Written) -> bool:
        return event.place >= self.cuts.get(event.log_id, event.place + 1)

    def write(
        self, log: int, place: int, case_id: CaseId, time_ms: int, refs: Iterable[EventRef]
    ) -> None:
        """Signs an entry; of its refs one per other log is kept, as in every header."""
        author = AUTHORS[log]
        sorted_refs = {ref.log_id: ref for ref in refs if ref.log_id != author.log_id}
        draft = draft_event(
            log_id=author.log_id,
            case_id=case_id,
            kind=5,
            time_ms=time_ms,
            parts=(),
            audience=ALL_MEMBERS,
            request_id=RequestKey(b""),
        )
        entry = author.write_entry(
            draft, index=place, refs=tuple(sorted_refs[key] for key in sorted(sorted_refs))
        )
        self.written.append(Written(author.log_id, place, case_id, entry))


class History(NamedTuple):
    """What a node tells of a case."""

    placed: tuple[PlacedEvent, ...]
    digest: bytes


@lru_cache(maxsize=1024)
def check(event: Written) -> tuple[CaseId, CaseEvent]:
    """Checks form, place and signature as ingest does; remembered, as many nodes ask the same."""
    header = check_entry(JUDGES[event.log_id], event.entry, event.place)
    leaf = leaf_hash(event.entry)
    return header.case_id, CaseEvent(event.log_id, event.place, header.time_ms, leaf, header.refs)


@dataclass
class Node:
    """Holds whatever arrives, in whatever order, after checking each entry as ingest does."""

    cuts: dict[LogId, int]
    held: dict[tuple[LogId, int], tuple[CaseId, CaseEvent]] = field(default_factory=dict)

    def receive(self, event: Written) -> None:
        self.held[event.log_id, event.place] = check(event)

    def history(self, case_id: CaseId) -> History:
        valid = [
            event
            for (log_id, place), (found, event) in self.held.items()
            if found == case_id and place < self.cuts.get(log_id, place + 1)
        ]
        placed = order_case(valid)
        return History(placed, case_digest(case_id, [p.event.leaf_hash for p in placed]))

    def digest(self) -> bytes:
        histories = [(case_id, self.history(case_id)) for case_id in CASES]
        return node_digest((case_id, found.digest) for case_id, found in histories if found.placed)


def node_that_received(federation: Federation, events: Iterable[Written]) -> Node:
    node = Node(federation.cuts)
    for event in events:
        node.receive(event)
    return node


# --- who writes what ----------------------------------------------------------------------------


@st.composite
def honest_federations(draw: st.DrawFn, *, max_events: int = 20) -> Federation:
    """Authors whose refs are honest and whose clocks lie as they like."""
    federation = Federation(logs=draw(st.integers(2, 5)))
    read = [[0] * federation.logs for _ in range(federation.logs)]
    sizes = [0] * federation.logs
    for _ in range(draw(st.integers(0, max_events))):
        log = draw(st.integers(0, federation.logs - 1))
        for other, size in enumerate(sizes):
            read[log][other] = max(read[log][other], draw(st.integers(0, size)))
        case_id = draw(st.sampled_from(CASES))
        refs = last_read(federation, case_id, read[log])
        federation.write(log, sizes[log], case_id, draw(CLOCKS), refs)
        sizes[log] += 1
    return federation


def last_read(federation: Federation, case_id: CaseId, read: list[int]) -> list[EventRef]:
    """The last event of each log on the case below what was read."""
    last: dict[LogId, Written] = {}
    limits = {AUTHORS[number].log_id: size for number, size in enumerate(read)}
    for event in federation.written:
        if event.case_id == case_id and event.place < limits[event.log_id]:
            last[event.log_id] = event
    return [event.as_ref() for event in last.values()]


@st.composite
def lying_federations(draw: st.DrawFn, *, max_events: int = 20) -> Federation:
    """Authors who lie in clocks and refs; any log may be cut."""
    federation = Federation(logs=draw(st.integers(2, 5)))
    sizes = [0] * federation.logs
    kept_free: list[tuple[int, int]] = []
    for _ in range(draw(st.integers(0, max_events))):
        log = draw(st.integers(0, federation.logs - 1))
        action = draw(st.sampled_from(("write", "write", "write", "write", "skip", "conspire")))
        if action == "conspire":
            _conspire(draw, federation, log, sizes)
            continue
        if action == "skip":
            kept_free.append((log, sizes[log]))
        else:
            _write_lie(draw, federation, log, sizes[log])
        sizes[log] += 1
    for log, place in draw(st.permutations(kept_free)):
        _write_lie(draw, federation, log, place)
    for log in draw(st.sets(st.integers(0, federation.logs - 1), max_size=2)):
        federation.cuts[AUTHORS[log].log_id] = draw(st.integers(0, sizes[log]))
    return federation


def _write_lie(draw: st.DrawFn, federation: Federation, log: int, place: int) -> None:
    targets = (
        draw(st.lists(st.sampled_from(federation.written), max_size=4))
        if (federation.written)
        else []
    )
    refs = [_bend(draw, event.as_ref()) for event in targets]
    # Two cases only, so that refs often meet; a third stays rare.
    case_id = CASES[draw(st.sampled_from((0, 0, 0, 1, 2)))]
    federation.write(log, place, case_id, draw(CLOCKS), refs)


def _conspire(draw: st.DrawFn, federation: Federation, log: int, sizes: list[int]) -> None:
    """Two authors write their second entries first; each first then refers to the other's."""
    other = (log + draw(st.integers(1, federation.logs - 1))) % federation.logs
    seconds = []
    for author in (log, other):
        federation.write(author, sizes[author] + 1, CASES[0], draw(CLOCKS), ())
        seconds.append(federation.written[-1].as_ref())
    for author, target in ((log, seconds[1]), (other, seconds[0])):
        federation.write(author, sizes[author], CASES[0], draw(CLOCKS), (target,))
        sizes[author] += 2


def _bend(draw: st.DrawFn, ref: EventRef) -> EventRef:
    lie = draw(st.sampled_from(("", "", "", "", "absent", "changed", "unknown log")))
    if lie == "absent":
        return ref._replace(index=ref.index + 1_000)
    if lie == "changed":
        return ref._replace(leaf_hash=LeafHash(bytes(32)))
    if lie == "unknown log":
        return ref._replace(log_id=LogId(bytes(32)))
    return ref
