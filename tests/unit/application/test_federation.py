"""Three nodes tell the same history of every case, each as far as its audience goes."""

from pathlib import Path

from registry.views.case_file import CaseHistory, PartState
from tests.unit.application.federation_in_process import (
    Nodes,
    carry_entries,
    carry_parts,
    opening,
    statement,
)


def content_states(history: CaseHistory) -> list[PartState]:
    return [event.content_state for event in history.events]


def test_every_node_has_the_same_history_and_digest(nodes: Nodes) -> None:
    opened = nodes["alpha"].record(opening())
    nodes.carry_all()
    answered = nodes["beta"].record(statement(), opened.case_id)
    nodes.carry_all()
    nodes["gamma"].clock.time_ms -= 10**9
    nodes["gamma"].record(statement("by a lying clock"), opened.case_id)
    nodes.carry_all()

    histories = [node.registry.history(opened.case_id) for node in nodes.values()]

    assert histories[0] == histories[1] == histories[2]
    assert [event.mechanism for event in histories[0].events] == ["alpha", "beta", "gamma"]
    assert histories[0].events[1].leaf_hash == answered.leaf_hash
    assert len({node.registry.digest().digest for node in nodes.values()}) == 1


def test_content_for_named_members_reaches_them_alone(nodes: Nodes) -> None:
    opened = nodes["alpha"].record(opening())
    nodes["alpha"].record(statement("sealed"), opened.case_id, mechanisms=("beta",))
    nodes.carry_all()

    alpha, beta, gamma = (node.registry.history(opened.case_id) for node in nodes.values())

    assert alpha.digest == beta.digest == gamma.digest
    assert content_states(alpha) == content_states(beta) == [PartState.PRESENT] * 2
    assert content_states(gamma) == [PartState.PRESENT, PartState.WITHHELD]
    assert [event.kind for event in beta.events] == ["case_opened", "statement_issued"]
    assert [event.kind for event in gamma.events] == ["case_opened", "sealed"]


def test_any_member_relays_any_log_and_parts_to_the_audience(nodes: Nodes) -> None:
    alpha, beta, gamma = nodes.values()
    opened = alpha.record(opening())
    alpha.record(statement("for beta"), opened.case_id, mechanisms=("beta",))
    carry_entries(alpha, beta, alpha.log_id)
    carry_parts(alpha, beta, alpha.log_id)
    carry_entries(beta, gamma, alpha.log_id)

    given = carry_parts(beta, gamma, alpha.log_id)

    assert [part.index for part in given] == [0]
    assert gamma.registry.history(opened.case_id).digest == (
        alpha.registry.history(opened.case_id).digest
    )
    assert gamma.registry.parts_missing(gamma.registry.store.log_state(alpha.log_id)) == 1


def test_entries_arrive_in_any_steps_and_lead_to_the_same_state(nodes: Nodes) -> None:
    alpha, beta, gamma = nodes.values()
    opened = alpha.record(opening())
    for number in range(6):
        alpha.record(statement(f"n {number}"), opened.case_id)
    for end in (1, 2, 5, 7):
        carry_entries(alpha, beta, alpha.log_id, end=end)
    carry_entries(alpha, gamma, alpha.log_id)

    assert beta.registry.log(alpha.registry.own.origin) == gamma.registry.log(
        alpha.registry.own.origin
    )


def test_content_is_held_by_its_audience_alone_and_stands_in_clear_in_no_file(
    nodes: Nodes, folder: Path
) -> None:
    canary = "canary-7f3a"
    opened = nodes["alpha"].record(opening())
    recorded = nodes["alpha"].record(statement(canary), opened.case_id, mechanisms=("beta",))
    nodes.carry_all()
    place = (nodes["alpha"].log_id, recorded.index, 0)

    holders = {
        name
        for name, node in nodes.items()
        if any(canary.encode() in part.content for part in node.registry.store.parts_of([place]))
    }
    in_clear = [path for path in folder.rglob("*.db*") if canary.encode() in path.read_bytes()]

    assert holders == {"alpha", "beta"}
    assert in_clear == []
