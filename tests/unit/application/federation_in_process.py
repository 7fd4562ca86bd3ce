"""A federation in one process: real folders and keys, the real ingest checks, no network.

    ceremony = found_federation(folder)                  the folders, founded and joined
    with open_federation(folder) as nodes:               every node open, its log taking events
        receipt = nodes["alpha"].record(statement())
        nodes.carry_all()                                until every node holds what it may hold

`carry_entries` and `carry_parts` do what a fetch from a peer does, with the same checks. Clocks and
random bytes come from the nodes themselves, so that a run repeats, but for the keys.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from typing import Final

from registry.application.membership.founding import endorse, found, init_node
from registry.application.membership.joining import join
from registry.application.recording import Receipt, RecordCommand
from registry.application.registry import Registry
from registry.application.sharing import PartKey
from registry.domain.audience import DEFAULT_AUDIENCE, AudienceChoice, named
from registry.domain.content import ActContent, CaseOpened, StatementIssued
from registry.domain.identifiers import CaseId, Commitment, LogId, RegistryId, RootHash
from registry.log.entry import PartCommitment, decode_header, split_entry
from registry.log.member import Cut, MemberStatus
from registry.log.roster import Roster
from registry.replication.entry_checks import (
    EntryFault,
    follow_rotations,
    judge_slices,
    rotations_in,
    verify_slice,
)
from registry.replication.ingest import (
    BATCH_MAX_ENTRIES,
    HeldLog,
    check_head,
    check_part,
    cut_batch,
    plan_batch,
)
from registry.store.values import HeldPart, IngestBatch

REGISTRY_NAME: Final = "invented.example"
MECHANISMS: Final = ("alpha", "beta", "gamma")
START_MS: Final = 1_700_000_000_000


@dataclass(frozen=True)
class Ceremony:
    """What a founding left behind: the registry id, the signed roster, each member's file."""

    registry_id: RegistryId
    roster_file: Path
    member_files: tuple[Path, ...]


def init(folder: Path, mechanism: str, *, registry_name: str = REGISTRY_NAME) -> Path:
    """Makes one founder's folder and returns its member file."""
    return init_node(
        folder / mechanism,
        registry_name=registry_name,
        mechanism=mechanism,
        display_name=f"The {mechanism} mechanism (invented)",
        address="127.0.0.1:50051",
    )


def found_federation(folder: Path, mechanisms: Sequence[str] = MECHANISMS) -> Ceremony:
    """Goes through the whole ceremony with folders below `folder`, named by mechanism."""
    member_files = tuple(init(folder, mechanism) for mechanism in mechanisms)
    roster_file = folder / "genesis.roster"
    roster_file.write_bytes(found(member_files))
    ids = {endorse(folder / mechanism, roster_file) for mechanism in mechanisms}
    (registry_id,) = ids
    for mechanism in mechanisms:
        join(folder / mechanism, roster_file, registry_id)
    return Ceremony(registry_id, roster_file, member_files)


@dataclass
class Clock:
    """A clock that stands still until it is moved."""

    time_ms: int = START_MS

    def __call__(self) -> int:
        return self.time_ms


@dataclass
class CountedBytes:
    """Bytes that look random and are the same in every run; remembers what it gave."""

    label: str
    given: list[bytes] = field(default_factory=list)

    def __call__(self, size: int) -> bytes:
        data = sha256(f"{self.label} {len(self.given)}".encode()).digest()[:size]
        self.given.append(data)
        return data


@dataclass
class Node:
    """One opened node with its clock and its source of random bytes."""

    registry: Registry
    clock: Clock
    random_bytes: CountedBytes

    @property
    def log_id(self) -> LogId:
        return self.registry.own.log_id

    def record(
        self,
        content: ActContent,
        case_id: CaseId | None = None,
        *,
        request_id: str = "",
        scope: str = "",
        mechanisms: tuple[str, ...] = (),
        audience: AudienceChoice = DEFAULT_AUDIENCE,
        not_before_ms: int = 0,
        confirmed_person_ids: tuple[str, ...] = (),
    ) -> Receipt:
        """Records an event and waits until it is on disk."""
        number = self.registry.store.log_state(self.log_id).size
        command = RecordCommand(
            request_id=request_id or f"request {number}",
            scope=scope,
            case_id=case_id,
            content=content,
            audience=named(*mechanisms) if mechanisms else audience,
            not_before_ms=not_before_ms,
            confirmed_person_ids=confirmed_person_ids,
        )
        return self.registry.receipt(self.registry.record(command).result())


class Nodes(Mapping[str, Node]):
    """All nodes of a federation, by mechanism."""

    def __init__(self, nodes: Mapping[str, Node]) -> None:
        self._nodes = dict(nodes)

    def __getitem__(self, mechanism: str) -> Node:
        return self._nodes[mechanism]

    def __iter__(self) -> Iterator[str]:
        return iter(self._nodes)

    def __len__(self) -> int:
        return len(self._nodes)

    def carry_all(self) -> None:
        """Carries every log and the parts that may go from its author to all others."""
        for source in self._nodes.values():
            for target in self._nodes.values():
                if source is not target:
                    assert carry_entries(source, target, source.log_id) is None
                    carry_parts(source, target, source.log_id)


def open_node(folder: Path, mechanism: str, *, opens_log: bool = True) -> Node:
    """Opens one founded folder; the caller closes `node.registry`."""
    clock, random_bytes = Clock(), CountedBytes(mechanism)
    registry = Registry.open(folder / mechanism, now_ms=clock, random_bytes=random_bytes)
    if opens_log:
        registry.open_log()
    return Node(registry, clock, random_bytes)


@contextmanager
def open_federation(folder: Path, mechanisms: Sequence[str] = MECHANISMS) -> Iterator[Nodes]:
    """Opens founded folders and closes them again."""
    with ExitStack() as stack:
        nodes = {}
        for mechanism in mechanisms:
            nodes[mechanism] = open_node(folder, mechanism)
            stack.callback(nodes[mechanism].registry.close)
        yield Nodes(nodes)


def with_gone(roster: Roster, slug: str, *, is_removed: bool) -> Roster:
    """A roster in which one member was removed, or its log was ended while it stays a member."""
    status = MemberStatus.REMOVED if is_removed else MemberStatus.ACTIVE
    cut = Cut(1, RootHash(bytes(32)), "invented")
    members = (replace(m, status=status, cut=cut) if m.slug == slug else m for m in roster.members)
    return replace(roster, members=tuple(members))


def carry_entries(
    source: Node, target: Node, log_id: LogId, *, end: int | None = None
) -> EntryFault | None:
    """Brings a log from one node to another, up to `end` entries at most.

    Returns:
        The author's fault, at which the target has stopped.
    """
    member = target.registry.roster.member_by_log(log_id)
    note = source.registry.store.log_state(log_id).note
    if note is None:
        return None
    rotations = source.registry.store.rotations(log_id)
    checkpoint = check_head(note, target.registry.log_keys(member).learn(rotations))
    stop = checkpoint.size if end is None else min(end, checkpoint.size)
    store = target.registry.store
    while (state := store.log_state(log_id)).size < stop:
        until = min(state.size + BATCH_MAX_ENTRIES, stop)
        held = HeldLog(log_id, member.origin, state.size, state.range)
        planned = plan_batch(
            held=held,
            start=state.size,
            entries=source.registry.store.entries(log_id, state.size, until),
            path=source.registry.store.consistency_path(log_id, until, checkpoint.size),
            checkpoint=checkpoint,
        )
        before = target.registry.log_keys(member)
        sliced = verify_slice(before, planned.entries, state.size, 0, len(planned.entries))
        judged = judge_slices(
            follow_rotations([sliced], planned.entries, state.size),
            last_roster_version=1 if state.size else 0,
            newest_roster_version=target.registry.roster.version,
            active_versions=target.registry.versions_of(member),
            refs_reached=lambda case_id, to: store.refs_reached(log_id, [(case_id, to)]).get(
                (case_id, to)
            ),
        )
        facts, fault, _ = judged
        if fault is not None:
            planned = cut_batch(planned, held, len(facts))
        batch = IngestBatch(
            log_id=log_id,
            start=planned.start,
            entries=planned.entries,
            facts=facts,
            leaf_hashes=planned.leaf_hashes,
            range=planned.range,
            root=planned.root,
            note=note if planned.ends_at_checkpoint else None,
            target=checkpoint,
            rotations=rotations_in(before, judged),
        )
        if planned.entries:
            store.ingest(batch).result()
        if fault is not None:
            store.freeze(log_id, fault.place, fault.reason, b"").result()
            return fault
    return None


def carry_parts(source: Node, target: Node, log_id: LogId) -> list[HeldPart]:
    """Brings the parts of a log that the target lacks and the source may give."""
    store = target.registry.store
    wanted = wanted_parts(target, log_id)
    asked: dict[PartKey, Commitment] = {key: part.commitment for key, part in wanted.items()}
    given = source.registry.parts_for(target.registry.own, asked)
    for part in given:
        check_part(
            wanted[part.log_id, part.index, part.ordinal],
            log_id=log_id,
            salt=part.salt,
            media_type=part.media_type,
            content=part.content,
        )
    store.put_parts(given).result()
    got = {(part.index, part.ordinal) for part in given}
    left = [(index, ordinal) for _, index, ordinal in wanted if (index, ordinal) not in got]
    store.set_parts_below(log_id, store.log_state(log_id).size, left).result()
    return given


def wanted_parts(target: Node, log_id: LogId) -> dict[PartKey, PartCommitment]:
    """Every part of a log that a node does not hold, whoever may have it."""
    store = target.registry.store
    entries = store.entries(log_id, 0, store.log_state(log_id).size)
    return {
        (log_id, index, ordinal): part
        for index, entry in enumerate(entries)
        for ordinal, part in enumerate(decode_header(split_entry(entry)[0]).parts)
        if store.part(log_id, index, ordinal) is None
    }


def opening(title: str = "An invented matter") -> CaseOpened:
    """The content of an event that opens an invented case."""
    return CaseOpened(acting_body="a", basis="own_act", title=title, is_invented=True)


def statement(title: str = "An invented statement") -> StatementIssued:
    """The content of an invented statement."""
    return StatementIssued(acting_body="a", basis="own_act", title=title, is_invented=True)
