"""The tree is written anew from the entries, byte for byte; repairs keep every row's key."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from registry.store.check import check_store
from tests.storage.damaged_world import use_small_tiles
from tests.storage.storage_world import (
    NODE_KEYS,
    OWN_ID,
    PEER_ID,
    append,
    open_store,
    roster,
    written_peer,
)


def tree(path: Path) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(path / "log.db")) as database:
        return database.execute("SELECT * FROM tree ORDER BY log_no, level, tile").fetchall()


@pytest.mark.parametrize(
    "damage",
    [
        "DELETE FROM tree WHERE level = 0 AND tile = 1",
        "DELETE FROM tree WHERE level > 0",
        "UPDATE tree SET hashes = zeroblob(length(hashes)) WHERE level = 1",
    ],
)
def test_damaged_tree_is_written_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damage: str
) -> None:
    use_small_tiles(monkeypatch)
    monkeypatch.setattr("registry.store.scrubbing.TILE_WIDTH", 4)
    monkeypatch.setattr("registry.store.scrubbing._PAGE", 8)
    store = open_store(tmp_path)
    append(store, *[f"o{number}" for number in range(23)])
    store.ingest(written_peer(40).batch()).result()
    before = tree(tmp_path)
    with closing(sqlite3.connect(tmp_path / "log.db", isolation_level=None)) as database:
        database.execute(damage)
    assert tree(tmp_path) != before

    store.scrubbing.repair_tree(OWN_ID).result()
    store.scrubbing.repair_tree(PEER_ID).result()
    store.close()

    assert tree(tmp_path) == before
    found = check_store(tmp_path / "log.db", roster(), node_keys=NODE_KEYS, own_log=OWN_ID)
    assert [each for each in found if each.reason == "tree_mismatch"] == []


def test_entries_keep_their_order_of_arrival(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    append(store, "a", "b", "c")
    (entry,) = store.entries(OWN_ID, 1, 2)
    with closing(sqlite3.connect(tmp_path / "log.db", isolation_level=None)) as database:
        rows = database.execute("SELECT rowid, originator_version FROM stored_events").fetchall()
        database.execute("UPDATE stored_events SET state = x'00' WHERE originator_version = 1")

    store.scrubbing.repair_entries(OWN_ID, {1: entry}).result()

    assert list(store.entries(OWN_ID, 1, 2)) == [entry]
    with closing(sqlite3.connect(tmp_path / "log.db")) as database:
        after = database.execute("SELECT rowid, originator_version FROM stored_events").fetchall()
    assert after == rows
    store.close()
