"""What a node hands out as proof: evidence, checkpoints, paths, the roster."""

from pathlib import Path

import pytest

from registry.application.lists import Ask
from registry.domain.identifiers import CaseId
from registry.errors import NotFound, RegistryError
from registry.log.checkpoint import verify_checkpoint
from registry.log.merkle import verify_consistency
from registry.log.proof import decode_inclusion_evidence, verify_inclusion_evidence
from registry.store.values import LogState
from tests.unit.application.federation_in_process import (
    Ceremony,
    Node,
    Nodes,
    carry_entries,
    opening,
    statement,
)

COUNT = 7


@pytest.fixture
def written(node: Node) -> CaseId:
    """A case of seven events in the log of alpha."""
    opened = node.record(opening())
    for number in range(COUNT - 1):
        node.record(statement(f"number {number}"), opened.case_id)
    return opened.case_id


def test_evidence_of_every_entry_verifies_with_the_roster_alone(
    node: Node, written: CaseId
) -> None:
    for index in range(COUNT):
        evidence = node.registry.proofs.inclusion_evidence("", index)
        header = verify_inclusion_evidence(evidence, node.registry.roster)

        assert (header.index, header.case_id) == (index, written)
        assert evidence == node.registry.proofs.inclusion_evidence(node.registry.own.origin, index)


def test_evidence_fails_when_any_byte_changes(node: Node, written: CaseId) -> None:
    evidence = node.registry.proofs.inclusion_evidence("", 3)
    believed = []
    for place in range(len(evidence)):
        changed = bytearray(evidence)
        changed[place] ^= 0x04
        try:
            verify_inclusion_evidence(bytes(changed), node.registry.roster)
        except RegistryError:
            continue
        believed.append(place)

    assert believed == []


def test_evidence_of_one_entry_does_not_stand_for_another(node: Node, written: CaseId) -> None:
    first = node.registry.proofs.inclusion_evidence("", 1)
    second = node.registry.proofs.inclusion_evidence("", 2)
    parts = [decode_inclusion_evidence(each) for each in (first, second)]

    assert parts[0].checkpoint == parts[1].checkpoint
    assert parts[0].entry != parts[1].entry


def test_evidence_given_while_the_log_grows_is_whole(
    node: Node, written: CaseId, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = node.registry.store
    read_state = store.log_state

    def read_and_grow(log_id: object) -> LogState:
        state = read_state(node.log_id)
        with monkeypatch.context() as patch:
            patch.setattr(store, "log_state", read_state)
            node.record(statement("meanwhile"), written)
        return state

    monkeypatch.setattr(store, "log_state", read_and_grow)
    evidence = node.registry.proofs.inclusion_evidence("", 2)
    monkeypatch.undo()

    assert verify_inclusion_evidence(evidence, node.registry.roster).index == 2


def test_relayed_log_is_proven_up_to_the_note_that_is_held_in_full(
    nodes: Nodes, written: CaseId
) -> None:
    alpha, beta, _ = nodes.values()
    origin = alpha.registry.own.origin
    carry_entries(alpha, beta, alpha.log_id)
    alpha.record(statement(), written)
    alpha.record(statement(), written)
    carry_entries(alpha, beta, alpha.log_id, end=COUNT + 1)

    evidence = beta.registry.proofs.inclusion_evidence(origin, COUNT - 1)

    assert verify_inclusion_evidence(evidence, beta.registry.roster).index == COUNT - 1
    with pytest.raises(NotFound, match=f"{COUNT} entries under its checkpoint"):
        beta.registry.proofs.inclusion_evidence(origin, COUNT)


@pytest.mark.parametrize("index", [-1, COUNT, 10**9])
def test_entry_that_is_not_there_is_not_proven(node: Node, written: CaseId, index: int) -> None:
    with pytest.raises(NotFound):
        node.registry.proofs.inclusion_evidence("", index)


def test_log_of_nobody_and_empty_logs_have_no_proofs(node: Node, written: CaseId) -> None:
    beta = "invented.example/beta/1"
    for origin, word in (("invented.example/nobody/1", "knows no log"), (beta, "nothing of")):
        with pytest.raises(NotFound, match=word):
            node.registry.proofs.checkpoint(origin)
        with pytest.raises(NotFound, match=word):
            node.registry.proofs.inclusion_evidence(origin, 0)
    with pytest.raises(NotFound, match="sizes 1 to 0"):
        node.registry.proofs.consistency_path(beta, 1, 0)


def test_checkpoint_is_the_largest_that_is_signed(node: Node, written: CaseId) -> None:
    member, state = node.registry.log("")
    checkpoint = verify_checkpoint(
        node.registry.proofs.checkpoint(""), origin=member.origin, log_key=member.log_key
    )

    assert (checkpoint.size, checkpoint.root) == (COUNT, state.root)


def test_every_size_is_a_prefix_of_every_later_one(node: Node, written: CaseId) -> None:
    registry = node.registry
    for first in range(1, COUNT + 1):
        for second in range(first, COUNT + 1):
            size, path = registry.proofs.consistency_path("", first, second)
            assert size == second
            verify_consistency(
                first_size=first,
                first_root=registry.store.root_at(node.log_id, first),
                second_size=second,
                second_root=registry.store.root_at(node.log_id, second),
                path=path,
            )
    proofs = registry.proofs
    assert proofs.consistency_path("", 3, 0) == proofs.consistency_path("", 3, COUNT)


@pytest.mark.parametrize(("first", "second"), [(0, 3), (4, 3), (1, COUNT + 1), (-1, 3), (2, -1)])
def test_sizes_that_are_not_there_have_no_path(
    node: Node, written: CaseId, first: int, second: int
) -> None:
    with pytest.raises(NotFound, match=f"sizes 1 to {COUNT}"):
        node.registry.proofs.consistency_path("", first, second)


def test_roster_is_handed_out_as_it_was_signed(node: Node, ceremony: Ceremony) -> None:
    signed = ceremony.roster_file.read_bytes()

    assert node.registry.signed_roster(0) == node.registry.signed_roster(1) == signed
    with pytest.raises(NotFound, match="version 2"):
        node.registry.signed_roster(2)


def test_unknown_case_is_not_found(node: Node, written: CaseId) -> None:
    with pytest.raises(NotFound, match="no case"):
        node.registry.history(CaseId(b"c" * 16))
    with pytest.raises(NotFound, match="no case"):
        node.registry.case(CaseId(b"c" * 16))


def test_list_and_timeline_are_read_through_the_registry(
    node: Node, written: CaseId, folder: Path
) -> None:
    registry = node.registry
    registry.projector.advance()

    page = registry.lists.cases(Ask(5, facets=(("mechanism", ("alpha",)),)))

    assert [row.case_id for row in page.rows] == [written]
    assert page.rows[0] == registry.case(written)
    assert len(registry.timeline(registry.history(written))) == COUNT
    assert registry.digest().case_count == 1


def test_missing_content_is_counted_whether_asked_for_or_not(nodes: Nodes, written: CaseId) -> None:
    alpha, beta, _ = nodes.values()
    carry_entries(alpha, beta, alpha.log_id)
    store = beta.registry.store
    assert beta.registry.parts_missing(store.log_state(alpha.log_id)) == COUNT

    store.set_parts_below(alpha.log_id, 5, [(0, 0), (4, 0)]).result()

    assert beta.registry.parts_missing(store.log_state(alpha.log_id)) == 4
