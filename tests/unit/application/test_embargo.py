"""An embargo on its way to every node: sealed until its time, by each node's own clock."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from registry.application.recording import RecordCommand
from registry.domain.audience import EVERYONE
from registry.domain.identifiers import CaseId
from registry.errors import InvalidRequest, RequestIdReused
from registry.views.case_file import HistoryEntry, PartState
from tests.unit.application.federation_in_process import (
    START_MS,
    Node,
    Nodes,
    carry_parts,
    found_federation,
    open_federation,
    opening,
    statement,
    wanted_parts,
)

OPENS_MS = START_MS + 60_000


@pytest.fixture
def nodes(tmp_path: Path) -> Iterator[Nodes]:
    found_federation(tmp_path)
    with open_federation(tmp_path) as opened:
        yield opened


def sealed(case_id: CaseId, request_id: str = "sealed", *, until_ms: int) -> RecordCommand:
    return RecordCommand(
        request_id, "", case_id, statement("Sealed"), EVERYONE, not_before_ms=until_ms
    )


def record_sealed(node: Node, *, until_ms: int = OPENS_MS) -> CaseId:
    case_id = node.record(opening()).case_id
    node.registry.record(sealed(case_id, until_ms=until_ms)).result()
    return case_id


def last(node: Node, case_id: CaseId) -> HistoryEntry:
    return node.registry.history(case_id).events[-1]


def test_content_is_sealed_everywhere_but_at_its_author_until_its_time(nodes: Nodes) -> None:
    case_id = record_sealed(nodes["alpha"])
    nodes.carry_all()
    assert last(nodes["alpha"], case_id).content_state is PartState.PRESENT
    for name in ("beta", "gamma"):
        event = last(nodes[name], case_id)
        assert (event.content, event.content_state) == (None, PartState.EMBARGOED)
        assert event.not_before_ms == OPENS_MS
        assert event.kind == "statement_issued"
    for node in nodes.values():
        node.clock.time_ms = OPENS_MS
    nodes.carry_all()
    for node in nodes.values():
        assert last(node, case_id).content == statement("Sealed")


def test_peer_that_asks_too_early_gets_nothing_and_one_millisecond_later_all(nodes: Nodes) -> None:
    alpha, beta = nodes["alpha"], nodes["beta"]
    record_sealed(alpha)
    nodes.carry_all()
    asked = {key: part.commitment for key, part in wanted_parts(beta, alpha.log_id).items()}
    assert len(asked) == 1
    alpha.clock.time_ms = OPENS_MS - 1
    assert alpha.registry.parts_for(beta.registry.own, asked) == []
    alpha.clock.time_ms = OPENS_MS
    assert len(alpha.registry.parts_for(beta.registry.own, asked)) == 1


def test_relay_that_was_given_it_too_early_passes_it_on_at_its_time_only(nodes: Nodes) -> None:
    alpha, beta, gamma = nodes["alpha"], nodes["beta"], nodes["gamma"]
    case_id = record_sealed(alpha)
    nodes.carry_all()
    # alpha's clock is wrong: it gives the part a minute too early.
    alpha.clock.time_ms = OPENS_MS
    assert len(carry_parts(alpha, beta, alpha.log_id)) == 1
    assert carry_parts(beta, gamma, alpha.log_id) == []
    # Nor does beta show what it should not have yet.
    assert last(beta, case_id).content_state is PartState.EMBARGOED
    beta.clock.time_ms = OPENS_MS
    assert len(carry_parts(beta, gamma, alpha.log_id)) == 1
    assert last(beta, case_id).content_state is PartState.PRESENT


def test_member_outside_the_audience_sees_it_withheld_before_and_after(nodes: Nodes) -> None:
    alpha, gamma = nodes["alpha"], nodes["gamma"]
    case_id = alpha.record(opening()).case_id
    alpha.record(statement("Sealed for two"), case_id, mechanisms=("beta",))
    nodes.carry_all()
    gamma.clock.time_ms = OPENS_MS + 1
    assert last(gamma, case_id).content_state is PartState.WITHHELD


@pytest.mark.parametrize("until_ms", [START_MS, START_MS - 1, -1, 2**62])
def test_embargo_that_makes_no_sense_is_refused_before_anything_is_signed(
    nodes: Nodes, until_ms: int
) -> None:
    alpha = nodes["alpha"]
    case_id = alpha.record(opening()).case_id
    size = alpha.registry.store.log_state(alpha.log_id).size
    with pytest.raises(InvalidRequest, match="not_before_ms"):
        alpha.registry.record(sealed(case_id, until_ms=until_ms))
    assert alpha.registry.store.log_state(alpha.log_id).size == size


def test_request_is_repeated_after_its_embargo_and_not_with_another(nodes: Nodes) -> None:
    alpha = nodes["alpha"]
    case_id = record_sealed(alpha)
    with pytest.raises(RequestIdReused):
        alpha.registry.record(sealed(case_id, until_ms=OPENS_MS + 1)).result()
    alpha.clock.time_ms = OPENS_MS + 1
    again = alpha.registry.record(sealed(case_id, until_ms=OPENS_MS)).result()
    assert again.was_recorded_before
