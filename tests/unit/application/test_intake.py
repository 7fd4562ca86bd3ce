"""Taking entries of a log that ends for a while: what lies past the end counts once it goes on."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from registry.application.intake import EntryRun, LogIntake
from registry.application.key_care.key_rotation import ask_for_rotation
from registry.domain.identifiers import LogId
from registry.errors import BadNoteSignature
from tests.unit.application.federation_in_process import (
    Nodes,
    found_federation,
    open_federation,
    opening,
)

ROTATED_AT: Final = 3
SIZE: Final = 6


@pytest.fixture
def nodes(tmp_path: Path) -> Iterator[Nodes]:
    """beta has rotated its key in the middle of its log."""
    found_federation(tmp_path)
    with open_federation(tmp_path) as nodes:
        beta = nodes["beta"]
        for _ in range(ROTATED_AT):
            beta.record(opening())
        ask_for_rotation(tmp_path / "beta")
        beta.registry.log_key.rotate().result()
        for _ in range(ROTATED_AT + 1, SIZE):
            beta.record(opening())
        yield nodes


def intake_at_alpha(nodes: Nodes, ends: dict[LogId, int]) -> LogIntake:
    registry = nodes["alpha"].registry
    return LogIntake(registry, registry.roster.member_by_log(nodes["beta"].log_id), ends)


def take_all(intake: LogIntake, nodes: Nodes) -> None:
    """Takes what beta has beyond what is held, in one batch."""
    source, log_id, start = nodes["beta"].registry.store, nodes["beta"].log_id, intake.held.size
    state, shown = source.log_state(log_id), source.rotations(log_id)
    assert state.note is not None
    head = intake.prove_head(state.note, offered_size=state.size, rotations=shown)
    run = EntryRun(start, source.entries(log_id, start, state.size), ())
    intake.take(run, head).result()


@pytest.mark.parametrize("end", range(SIZE))
def test_rotation_behind_the_end_of_a_log_is_noted_once_the_log_goes_on(
    nodes: Nodes, end: int
) -> None:
    alpha, beta = nodes["alpha"], nodes["beta"]
    ends = {beta.log_id: end}
    intake = intake_at_alpha(nodes, ends)
    take_all(intake, nodes)
    assert (intake.held.size, intake.fault) == (end, None)

    ends.clear()
    take_all(intake, nodes)
    beta.record(opening())
    opened_again = intake_at_alpha(nodes, {})
    take_all(opened_again, nodes)

    store = alpha.registry.store
    assert store.rotations(beta.log_id) == beta.registry.store.rotations(beta.log_id)
    assert (opened_again.held.size, opened_again.fault) == (SIZE + 1, None)


def test_entry_behind_a_rotation_that_this_node_missed_is_not_its_authors_fault(
    nodes: Nodes, monkeypatch: pytest.MonkeyPatch
) -> None:
    alpha, beta = nodes["alpha"], nodes["beta"]
    take_all(intake_at_alpha(nodes, {}), nodes)
    beta.record(opening())
    monkeypatch.setattr(alpha.registry.store, "rotations", lambda _: ())
    intake = intake_at_alpha(nodes, {})
    take_all(intake, nodes)

    assert intake.bad_entry is not None
    member = alpha.registry.roster.member_by_log(beta.log_id)
    faults = alpha.registry.faults
    with pytest.raises(BadNoteSignature):
        faults.judge(faults.of_bad_entry(member, intake.bad_entry))
