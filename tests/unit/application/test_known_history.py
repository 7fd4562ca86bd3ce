"""A case as it was known: what an author had read, what there was by a time, at a vector."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from registry.application.known_history import (
    AsOf,
    AtVector,
    ByTime,
    KnownHistory,
    VectorPlace,
    WhenRecording,
)
from registry.application.recording import Receipt
from registry.domain.audience import EVERYONE
from registry.domain.identifiers import CaseId, RootHash
from registry.errors import InvalidRequest, NotFound
from tests.unit.application.federation_in_process import (
    START_MS,
    Node,
    Nodes,
    carry_entries,
    open_federation,
    opening,
    statement,
)

MINUTE_MS = 60_000


@pytest.fixture
def nodes(folder: Path) -> Iterator[Nodes]:
    with open_federation(folder) as opened:
        yield opened


@pytest.fixture
def told(nodes: Nodes) -> "Told":
    return Told(nodes)


class Told:
    """Alpha opens; beta answers what it read; gamma answers later, without the answer of beta."""

    def __init__(self, nodes: Nodes) -> None:
        self.nodes = nodes
        alpha, beta, gamma = (nodes[slug] for slug in ("alpha", "beta", "gamma"))
        self.opened = alpha.record(opening(), audience=EVERYONE)
        self.case_id: CaseId = self.opened.case_id
        carry_entries(alpha, beta, alpha.log_id)
        carry_entries(alpha, gamma, alpha.log_id)
        self.beta_said = self.says(beta, 1)
        self.gamma_said = self.says(gamma, 2)
        nodes.carry_all()
        self.last = self.says(alpha, 3)
        nodes.carry_all()

    def says(self, node: Node, minute: int) -> Receipt:
        node.clock.time_ms = START_MS + minute * MINUTE_MS
        return node.record(statement(), self.case_id, audience=EVERYONE)

    def known(self, as_of: AsOf, at: str = "alpha") -> KnownHistory:
        return self.nodes[at].registry.known_history(self.case_id, as_of)

    def leaves(self, as_of: AsOf, at: str = "alpha") -> set[bytes]:
        return {event.leaf_hash for event in self.known(as_of, at).history.events}


def leaves(*receipts: Receipt) -> set[bytes]:
    return {receipt.leaf_hash for receipt in receipts}


def recording(receipt: Receipt) -> WhenRecording:
    return WhenRecording(receipt.origin, receipt.index)


def by_minute(minute: int, mechanism: str = "") -> ByTime:
    return ByTime(START_MS + minute * MINUTE_MS, mechanism)


def test_author_knew_what_it_had_read_and_nothing_that_others_wrote_meanwhile(told: Told) -> None:
    assert told.leaves(recording(told.gamma_said)) == leaves(told.opened)
    assert told.leaves(recording(told.last)) == leaves(told.opened, told.beta_said, told.gamma_said)
    assert told.known(recording(told.gamma_said)).unknown_count == 3


def test_whoever_opened_the_case_knew_nothing_of_it(told: Told) -> None:
    known = told.known(recording(told.opened))

    assert (known.history.events, known.history.vector, known.unknown_count) == ((), (), 4)


def test_mechanism_knew_by_a_time_what_its_last_event_until_then_tells(told: Told) -> None:
    assert told.leaves(by_minute(2, "gamma")) == leaves(told.opened, told.gamma_said)
    assert told.leaves(by_minute(1, "gamma")) == set()
    assert told.leaves(by_minute(2, "alpha")) == leaves(told.opened)
    assert told.leaves(by_minute(3, "alpha")) == leaves(
        told.opened, told.beta_said, told.gamma_said, told.last
    )


def test_by_a_time_there_was_what_all_clocks_put_there(told: Told) -> None:
    assert told.leaves(by_minute(1)) == leaves(told.opened, told.beta_said)
    assert told.leaves(ByTime(START_MS - 1)) == set()


def test_event_of_a_clock_that_is_ahead_counts_once_somebody_has_read_it(told: Told) -> None:
    ahead = told.says(told.nodes["beta"], 100)
    told.nodes.carry_all()
    assert ahead.leaf_hash not in told.leaves(by_minute(4))

    answer = told.says(told.nodes["gamma"], 4)
    told.nodes.carry_all()

    assert told.leaves(by_minute(4)) >= leaves(ahead, answer)


def test_answer_is_the_same_at_every_node_and_after_later_events(told: Told) -> None:
    questions = (recording(told.gamma_said), by_minute(2, "gamma"), by_minute(2))
    before = [told.known(each).history for each in questions]

    told.says(told.nodes["beta"], 5)
    told.says(told.nodes["gamma"], 6)
    told.nodes.carry_all()

    for slug in told.nodes:
        again = [told.known(each, slug).history for each in questions]
        assert [each.digest for each in again] == [each.digest for each in before]
        assert [each.vector for each in again] == [each.vector for each in before]


def test_digest_at_a_vector_is_the_one_that_a_node_had_which_held_so_much(folder: Path) -> None:
    with open_federation(folder) as nodes:
        alpha, beta = nodes["alpha"], nodes["beta"]
        opened = alpha.record(opening(), audience=EVERYONE)
        carry_entries(alpha, beta, alpha.log_id)
        beta.record(statement(), opened.case_id, audience=EVERYONE)
        then = beta.registry.history(opened.case_id)
        vector = AtVector(
            tuple(VectorPlace(each.origin, each.size, each.root) for each in then.vector)
        )
        alpha.record(statement(), opened.case_id, audience=EVERYONE)
        nodes.carry_all()

        known = nodes["gamma"].registry.known_history(opened.case_id, vector)

    assert (known.history.digest, known.history.vector) == (then.digest, then.vector)
    assert known.unknown_count == 1


def test_vector_of_other_entries_or_past_the_end_is_refused(told: Told) -> None:
    origin = told.opened.origin
    for wrong in (
        VectorPlace(origin, 1, RootHash(b"\x01" * 32)),
        VectorPlace(origin, 3),
    ):
        with pytest.raises(InvalidRequest, match="vector"):
            told.known(AtVector((wrong,)))
    with pytest.raises(InvalidRequest, match="twice"):
        told.known(AtVector((VectorPlace(origin, 1), VectorPlace(origin, 2))))
    with pytest.raises(NotFound):
        told.known(AtVector((VectorPlace("invented.example/nobody/1", 1),)))
    assert told.leaves(AtVector((VectorPlace(origin, 0, RootHash(b"")),))) == set()


def test_event_of_another_case_mechanism_or_case_is_not_found(told: Told) -> None:
    other = told.nodes["alpha"].record(opening("Another"), audience=EVERYONE)
    for wrong in (
        recording(other),
        WhenRecording("invented.example/nobody/1", 0),
        by_minute(1, "nobody"),
    ):
        with pytest.raises(NotFound):
            told.known(wrong)
    with pytest.raises(NotFound):
        told.nodes["alpha"].registry.known_history(CaseId(b"\x07" * 16), by_minute(1))
