"""Embargoes in the lists: sealed until their time, told without any change after it."""

from dataclasses import replace
from pathlib import Path

from registry.domain.content import CaseOpened
from registry.store.read_models import ReadModels, open_read_models
from registry.views.projector import Projector
from registry.views.rows import CaseRow, decode_row
from tests.storage.storage_world import NOW_MS, PEER, VIEWS_KEY, case, open_store
from tests.unit.views.view_world import Mechanism, reader_of, take

OPENING = CaseOpened(acting_body="a", basis="own_act", title="An invented matter")


def row_of(models: ReadModels) -> CaseRow:
    text = models.row("case", case(1))
    assert text is not None
    return decode_row(CaseRow, text)


def test_embargo_that_ends_changes_the_documents_of_its_case_by_time_alone(tmp_path: Path) -> None:
    store, models = open_store(tmp_path), open_read_models(tmp_path / "views.db", VIEWS_KEY)
    now_ms = [NOW_MS]
    peer = Mechanism(PEER)
    peer.act(OPENING, case_id=case(1), not_before_ms=NOW_MS + 1000)
    take(store, peer)
    reader = replace(reader_of(store), now_ms=lambda: now_ms[0])
    folding = Projector(reader, models)
    folding.advance()
    assert (row_of(models).title, row_of(models).unreadable_count) == ("", 1)
    assert b"invented matter" not in models.dump()

    assert folding.advance().changes == 0
    now_ms[0] = NOW_MS + 1000
    assert folding.advance().changes == 1
    assert (row_of(models).title, row_of(models).unreadable_count) == (OPENING.title, 0)
    assert folding.advance().changes == 0
    models.close()
    store.close()
