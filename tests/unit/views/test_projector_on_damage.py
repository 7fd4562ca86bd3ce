"""The case list over a damaged log: what can be read is folded, the rest after its repair."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from registry.domain.identifiers import CaseId
from registry.errors import DamagedLog
from registry.store.read_models import ReadModels
from registry.store.sqlite import SqliteStore
from tests.storage.storage_world import OWN_ID, case, request
from tests.unit.views.test_projector import follow, models, row_of, store

__all__ = ["models", "store"]


def test_damaged_entry_holds_up_its_own_case_until_it_is_repaired(
    store: SqliteStore, models: ReadModels, tmp_path: Path
) -> None:
    for number in (0, 1):
        store.append(request(f"first {number}", case_id=case(number))).result()
    follow(store, models)
    sound = overwrite_first_entry(tmp_path, b"\0")
    for number in (0, 1):
        store.append(request(f"second {number}", case_id=case(number))).result()
    with pytest.raises(DamagedLog):
        follow(store, models)
    assert [event_count(models, case(number)) for number in (0, 1)] == [1, 2]

    overwrite_first_entry(tmp_path, sound)
    follow(store, models)
    assert [event_count(models, case(number)) for number in (0, 1)] == [2, 2]


def test_entries_before_one_that_cannot_be_read_are_folded(
    store: SqliteStore, models: ReadModels, tmp_path: Path
) -> None:
    store.append(request("first", case_id=case(0))).result()
    store.append(request("second", case_id=case(1))).result()
    overwrite_first_entry(tmp_path, b"\0", index=1)
    follow(store, models)
    assert event_count(models, case(0)) == 1
    with pytest.raises(DamagedLog):
        follow(store, models)


def event_count(models: ReadModels, case_id: CaseId) -> int:
    row = row_of(models, case_id)
    return 0 if row is None else row.event_count


def overwrite_first_entry(folder: Path, entry: bytes, *, index: int = 0) -> bytes:
    """Puts bytes in the place of an own entry; returns what stood there."""
    with closing(sqlite3.connect(folder / "log.db", isolation_level=None)) as database:
        place = (OWN_ID.hex(), index)
        where = "WHERE originator_id = ? AND originator_version = ?"
        found = database.execute(f"SELECT state FROM stored_events {where}", place).fetchone()[0]
        database.execute(f"UPDATE stored_events SET state = ? {where}", (entry, *place))
    return bytes(found)
