"""A log that a roster ends stops at one size at every node, in whatever order things arrive there.

A node is offered the entries of a log in runs, also past a cut that it knows; rosters that cut it,
each in an order of its own, also lower ones later; proofs of a fault that somebody made with its
first key, and the rotation of that key, which takes them back; and it starts anew in between.
"""

from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, Literal, NamedTuple, TypeAlias

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from registry.application.intake import EntryRun, LogIntake
from registry.application.membership.cuts import apply_cuts
from registry.domain.content import StatementIssued
from registry.log.log_keys import LogKeys, keys_of_member
from registry.log.member import Cut
from registry.log.roster import Member, Roster
from registry.store import freezes
from registry.store.sqlite import SqliteStore
from registry.store.values import KeptProof, LogState
from registry.views.case_file import CaseHistory, read_history
from tests.storage.storage_world import OTHER, PEER, REGISTRY, case, open_store
from tests.storage.storage_world import roster as plain_roster
from tests.unit.views.view_world import Mechanism, reader_of, take

STATEMENT: Final = StatementIssued(acting_body="a", basis="own_act")
CASE: Final = case(1)
What: TypeAlias = Literal["offered", "cut", "proof", "rotation", "restart"]
Step: TypeAlias = tuple[What, int]
"""("offered", n) = somebody offers the first n entries of the log; ("cut", n) = a roster ends it at
n; ("proof", n) = a proof made with the log's first key ends it at n; ("rotation", 0) = that key was
replaced; ("restart", 0) = the node starts anew."""
ROTATION: Final[Step] = ("rotation", 0)
RESTART: Final[Step] = ("restart", 0)


class Story(NamedTuple):
    """How long the log is, where it ends, and what each of three nodes meets in which order."""

    size: int
    end: int
    nodes: tuple[tuple[Step, ...], ...]


@st.composite
def stories(draw: st.DrawFn) -> Story:
    size = draw(st.integers(1, 10))
    places = st.integers(0, size)
    cuts = draw(st.lists(places, min_size=1, max_size=3))
    nodes = []
    for _ in range(3):
        steps: list[Step] = [("cut", n) for n in cuts]
        steps += [("offered", n) for n in draw(st.lists(st.integers(1, size), max_size=4))]
        steps += [("proof", n) for n in draw(st.lists(places, max_size=2))]
        steps += [ROTATION, *[RESTART] * draw(st.integers(0, 2))]
        nodes.append(tuple(draw(st.permutations(steps))))
    return Story(size, min(cuts), tuple(nodes))


def written(size: int) -> tuple[Mechanism, Mechanism]:
    """A log of some acts in one case, some of them about links, and another's acts there."""
    revoked, other = Mechanism(PEER), Mechanism(OTHER)
    for number in range(size):
        ref = revoked.act(STATEMENT, case_id=CASE, kind=None)
        if number % 3 == 0:
            other.act(STATEMENT, case_id=CASE, refs=(ref,))
    return revoked, other


@dataclass
class Node:
    """A node's store, and what it knows of rosters and keys."""

    folder: Path
    store: SqliteStore = field(init=False)
    roster: Roster = field(default_factory=plain_roster)
    is_rotated: bool = False

    def __post_init__(self) -> None:
        self.store = open_store(self.folder)

    def log_keys(self, member: Member) -> LogKeys:
        return keys_of_member(REGISTRY, member)

    def versions_of(self, _member: Member) -> range:
        return range(1, self.roster.version + 1)

    def meets(self, log: Mechanism, step: Step) -> None:
        what, at = step
        match what:
            case "offered":
                self._takes(log, at)
            case "cut":
                self._adopts(Cut(at, log.range_at(at).root(), "invented"))
            case "proof":
                if not self.is_rotated:  # else it does not count, see `FaultSteps.counts`
                    proof = KeptProof(log.log_id, 0, at, "two_histories", b"invented")
                    self.store.keep_fault_proof(proof).result()
            case "rotation":
                self.is_rotated = True
                self.store.drop_retired_proofs(log.log_id, 1).result()
            case "restart":
                self._starts_anew()

    def _takes(self, log: Mechanism, size: int) -> None:
        member = self.roster.member_by_log(log.log_id)
        state = self.store.log_state(log.log_id)
        ends = {} if state.frozen_at is None else {log.log_id: state.frozen_at}
        intake = LogIntake(self, member, ends)
        if size > state.size and not intake.is_whole:
            head = intake.prove_head(log.note_at(size), offered_size=size)
            intake.take(EntryRun(state.size, log.entries[state.size : size], ()), head).result()

    def _adopts(self, cut: Cut) -> None:
        """As decision 17 has it: by starting anew; a log is never cut higher."""
        known = self.roster.members[1].cut
        if known is None or cut.size < known.size:
            members = [replace(m, cut=cut) if m.origin == PEER else m for m in self.roster.members]
            self.roster = replace(self.roster, members=tuple(members))
        self._starts_anew()

    def _starts_anew(self) -> None:
        self.store.close()
        self.store = open_store(self.folder)
        apply_cuts(self.store, self.roster)

    def tells(self) -> CaseHistory:
        return read_history(reader_of(self.store), CASE)


def check(story: Story) -> None:
    """Every node tells the same history, which ends where the smallest cut says."""
    log, other = written(story.size)
    histories = []
    for steps in story.nodes:
        with TemporaryDirectory() as folder:
            node = Node(Path(folder))
            try:
                take(node.store, other)
                for step in (*steps, ("offered", story.size)):
                    node.meets(log, step)
                assert node.store.log_state(log.log_id).valid_size == story.end
                histories.append(node.tells())
            finally:
                node.store.close()

    first, *others = histories
    assert sum(event.log_id == log.log_id for event in first.events) == story.end
    assert all((h.digest, h.events) == (first.digest, first.events) for h in others)


PROOF_FIRST: Final = Story(
    4,
    2,
    (
        (("proof", 1), ("cut", 2), ROTATION),
        (("cut", 2), ("proof", 1), ROTATION, RESTART),
        (("offered", 4), ("proof", 1), ("cut", 2), RESTART, ROTATION),
    ),
)


@settings(max_examples=100, deadline=None)
@given(stories())
@example(PROOF_FIRST)
def test_revoked_log_stops_at_one_size_in_every_order(story: Story) -> None:
    check(story)


def test_node_that_counts_what_is_past_a_cut_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    story = Story(3, 1, ((("offered", 3), ("cut", 1)), (("cut", 1), ("offered", 3))))
    check(story)
    monkeypatch.setattr(LogState, "valid_size", property(lambda state: state.size))

    with pytest.raises(AssertionError):
        check(story)


def test_node_that_takes_a_proof_for_the_cut_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    put = freezes._put

    def only_if_lower(cursor: object, log_no: int, freeze: tuple[int, int, str, bytes]) -> None:
        cursor.execute("SELECT 1 FROM freezes WHERE frozen_at <= ?", (freeze[1],))  # type: ignore[attr-defined]
        if cursor.fetchone() is None:  # type: ignore[attr-defined]
            put(cursor, log_no, freeze)  # type: ignore[arg-type]

    monkeypatch.setattr(freezes, "_put", only_if_lower)

    with pytest.raises(AssertionError):
        check(PROOF_FIRST)
