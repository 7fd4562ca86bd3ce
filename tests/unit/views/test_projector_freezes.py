"""The lists and logs that are frozen: what is void leaves them, what counts again comes back."""

from pathlib import Path

import pytest

from registry.domain.identifiers import CaseId, LogId, Origin
from registry.errors import DamagedLog
from registry.store.read_models import ReadModels
from registry.store.sqlite import SqliteStore
from registry.store.values import KeptProof
from registry.views.case_file import CaseHistory, Reader, read_history
from tests.storage.storage_world import NOW_MS, PEER, PEER_ID, case
from tests.unit.views.test_projector import (
    STATEMENT,
    folded_alone,
    follow,
    models,
    projector,
    rebuilt,
    small_batches,
    small_steps,
    store,
)
from tests.unit.views.view_world import Mechanism, take

__all__ = ["models", "small_batches", "small_steps", "store"]
PROOF = KeptProof(PEER_ID, 0, 2, "two_histories", b"proof")


def frozen(store: SqliteStore, origin: Origin = PEER) -> LogId:
    """A log of six events on three cases, held in full."""
    peer = Mechanism(origin)
    for number in (0, 1, 2, 0, 1, 2):
        peer.act(STATEMENT, case_id=case(number), time_ms=NOW_MS + number)
    take(store, peer)
    return peer.log_id


@pytest.mark.parametrize("sizes", [(4,), (5, 3), (3, 2), (6, 0), (6,), (9,)])
def test_log_frozen_after_it_was_folded_leaves_the_rows_of_a_rebuild(
    store: SqliteStore,
    models: ReadModels,
    tmp_path: Path,
    small_batches: None,
    sizes: tuple[int, ...],
) -> None:
    frozen(store)
    follow(store, models)
    before = models.dump()
    for size in sizes:
        store.freeze(PEER_ID, size, "bad_entry_signature", b"").result()
        follow(store, models)

    assert models.dump() == rebuilt(store, tmp_path) == folded_alone(store)
    assert (models.dump() == before) is (sizes[-1] >= 6)
    assert projector(store, models).advance().changes == 0


@pytest.mark.parametrize("is_new_projector", [True, False])
def test_freeze_that_is_lifted_gives_back_what_stood_past_it(
    store: SqliteStore, models: ReadModels, tmp_path: Path, *, is_new_projector: bool
) -> None:
    frozen(store)
    folding = projector(store, models)
    folding.advance()
    before = models.dump()
    store.keep_fault_proof(PROOF).result()
    folding.advance()
    assert models.dump() != before
    store.drop_retired_proofs(PEER_ID, 1).result()

    if is_new_projector:
        folding = projector(store, models)
    while folding.advance().is_behind:
        pass

    assert models.dump() == before == rebuilt(store, tmp_path)


@pytest.mark.parametrize("is_new_projector", [True, False])
def test_freeze_that_is_lifted_in_mid_fold_gives_back_what_stood_past_it(
    store: SqliteStore,
    models: ReadModels,
    tmp_path: Path,
    small_steps: None,
    *,
    is_new_projector: bool,
) -> None:
    frozen(store)
    follow(store, models)
    before = models.dump()
    store.keep_fault_proof(PROOF).result()
    folding = projector(store, models)
    steps = folding.steps()
    while models.dump() == before:
        next(steps)
    store.drop_retired_proofs(PEER_ID, 1).result()

    if is_new_projector:
        folding = projector(store, models)
    assert folding.has_to_start_anew()
    while folding.advance().is_behind:
        pass
    assert not folding.has_to_start_anew()
    assert models.dump() == before == rebuilt(store, tmp_path)


def test_freeze_that_is_lifted_after_a_fold_that_failed_gives_back_what_stood_past_it(
    store: SqliteStore, models: ReadModels, small_steps: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    frozen(store)
    follow(store, models)
    before = models.dump()

    def reading(reader: Reader, case_id: CaseId) -> CaseHistory:
        if case_id == case(2):
            msg = "an invented damage"
            raise DamagedLog(msg)
        return read_history(reader, case_id)

    store.keep_fault_proof(PROOF).result()
    with monkeypatch.context() as patch:
        patch.setattr("registry.views.projector.read_history", reading)
        with pytest.raises(DamagedLog):
            projector(store, models).advance()
    assert models.dump() != before
    store.drop_retired_proofs(PEER_ID, 1).result()

    follow(store, models)
    assert models.dump() == before
