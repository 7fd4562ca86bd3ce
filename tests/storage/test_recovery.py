"""Databases set back, guards that disagree, own entries that come back from a peer."""

import shutil
from pathlib import Path

import pytest

from registry.domain.identifiers import RootHash
from registry.errors import (
    GuardError,
    LogReadOnly,
)
from registry.log.facts import GuardVerdict
from registry.log.merkle import EMPTY_RANGE, EMPTY_ROOT, leaf_hash
from registry.store.guard import Guard
from registry.store.sqlite import open_sqlite_store
from tests.storage.storage_world import (
    NODE_KEYS,
    NOW_MS,
    OWN,
    OWN_ID,
    PEER_ID,
    Peer,
    append,
    author_of,
    case,
    guard_size,
    open_store,
    request,
    written_peer,
)


def set_back(folder: Path, *texts: str) -> list[bytes]:
    """Restores the database of before `texts`; returns all entries that were signed."""
    store = open_store(folder)
    append(store, "a", "b")
    store.close()
    shutil.copy(folder / "log.db", folder / "backup")
    store = open_store(folder)
    append(store, *texts)
    entries = store.entries(OWN_ID, 0, 99)
    store.close()
    for suffix in ("-wal", "-shm"):
        (folder / f"log.db{suffix}").unlink(missing_ok=True)
    shutil.copy(folder / "backup", folder / "log.db")
    return entries


def own_peer(entries: list[bytes]) -> Peer:
    peer = Peer(OWN)
    peer.entries = entries
    return peer


def test_restored_backup_does_not_append(tmp_path: Path) -> None:
    set_back(tmp_path, "c", "d")
    store = open_store(tmp_path, is_open=False)
    compared = store.own_state_against_guard()

    assert (compared.kind, compared.guard_size, compared.database_size) == (
        GuardVerdict.GUARD_AHEAD,
        4,
        2,
    )
    with pytest.raises(LogReadOnly, match="guard_ahead"):
        store.allow_appends()
    with pytest.raises(LogReadOnly):
        append(store, "fork")
    store.close()


def test_own_entries_from_a_peer_open_a_restored_backup(tmp_path: Path) -> None:
    peer = own_peer(set_back(tmp_path, "c", "d"))
    store = open_store(tmp_path, is_open=False)
    store.ingest(peer.batch(2, 3, has_note=False)).result()
    with pytest.raises(LogReadOnly):
        store.allow_appends()
    store.ingest(peer.batch(3)).result()
    store.allow_appends()
    again = store.append(request("c", case_id=case(0), request_id="c")).result()

    assert (again.index, again.was_recorded_before) == (2, True)
    assert store.append(request("e")).result().index == 4
    assert guard_size(tmp_path) == 5
    store.close()


def test_parts_lost_with_a_restored_backup_are_asked_for_again(tmp_path: Path) -> None:
    peer = own_peer(set_back(tmp_path, "c", "d"))
    store = open_store(tmp_path, is_open=False)
    store.ingest(peer.batch(2)).result()
    store.allow_appends()
    append(store, "e")

    assert store.log_state(OWN_ID).parts_below == 2
    assert store.part(OWN_ID, 2, 0) is None
    store.close()


def test_forked_own_entries_from_a_peer_are_refused(tmp_path: Path) -> None:
    peer = own_peer(set_back(tmp_path, "c", "d")[:2])
    for text in ("other c", "other d", "other e"):
        peer.write(text)
    store = open_store(tmp_path, is_open=False)
    with pytest.raises(GuardError, match="forked"):
        store.ingest(peer.batch(2)).result()

    assert store.log_state(OWN_ID).size == 2
    assert guard_size(tmp_path) == 4
    store.close()


def test_stop_halfway_through_a_recovery_does_not_open_the_log(tmp_path: Path) -> None:
    peer = own_peer(set_back(tmp_path, "c", "d"))
    shutil.copy(tmp_path / "guard", tmp_path / "kept")
    (tmp_path / "guard").unlink()
    Guard.create(tmp_path / "guard", OWN)  # set back together with the database
    store = open_store(tmp_path, is_open=False)
    store.ingest(peer.batch(2, 3, has_note=False)).result()
    store.close()

    again = open_store(tmp_path, is_open=False)
    assert again.own_state_against_guard().kind is GuardVerdict.GUARD_AHEAD
    with pytest.raises(LogReadOnly):
        again.allow_appends()
    again.ingest(peer.batch(3)).result()
    again.allow_appends()
    again.close()


def test_database_that_contradicts_the_guard_shows_nothing_of_the_own_log(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    append(store, "a", "b")
    store.close()
    (tmp_path / "guard").unlink()
    Guard.create(tmp_path / "guard", OWN)
    guard = Guard.open(tmp_path / "guard", OWN)
    guard.advance(1, RootHash(b"x" * 32))
    guard.close()

    store = open_store(tmp_path, is_open=False)
    store.ingest(written_peer(2).batch()).result()
    assert store.own_state_against_guard().kind is GuardVerdict.INCONSISTENT
    with pytest.raises(LogReadOnly, match="inconsistent"):
        store.allow_appends()
    assert (store.log_state(OWN_ID).size, store.log_state(OWN_ID).note) == (0, None)
    assert store.entries(OWN_ID, 0, 9) == []
    assert {c.log_id for c in store.changes(0, 9)} == {PEER_ID}
    store.close()


def test_missing_guard_keeps_the_log_closed(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    append(store, "a")
    store.close()
    store = open_sqlite_store(
        tmp_path / "log.db",
        author=author_of(OWN),
        guard=None,
        node_keys=NODE_KEYS,
        now_ms=lambda: NOW_MS,
    )

    assert store.own_state_against_guard().kind is GuardVerdict.GUARD_MISSING
    with pytest.raises(LogReadOnly, match="guard_missing"):
        store.allow_appends()
    store.close()


def test_mark_of_asked_parts_in_the_own_log_is_kept_by_the_next_append(tmp_path: Path) -> None:
    peer = own_peer(set_back(tmp_path, "c", "d"))
    store = open_store(tmp_path, is_open=False)
    store.ingest(peer.batch(2)).result()
    assert store.log_state(OWN_ID).parts_below == 2
    store.set_parts_below(OWN_ID, 4, [(3, 0)]).result()
    store.allow_appends()
    append(store, "e")

    assert store.log_state(OWN_ID).parts_below == 5
    assert store.wanted_parts(OWN_ID, 9) == [(3, 0)]
    store.close()


def test_larger_checkpoint_that_a_member_showed_keeps_the_log_closed_over_a_restart(
    tmp_path: Path,
) -> None:
    entries = set_back(tmp_path, "c", "d")
    whole = own_peer(entries)
    root = EMPTY_RANGE.extend(leaf_hash(entry) for entry in entries).root()
    Guard.create(tmp_path / "younger", OWN)
    (tmp_path / "younger").replace(tmp_path / "guard")
    store = open_store(tmp_path)
    store.remember_own_checkpoint(4, root).result()
    for again in (store, None):
        opened = again or open_store(tmp_path, is_open=False)
        with pytest.raises(LogReadOnly):
            opened.allow_appends()
        assert opened.own_state_against_guard().kind is GuardVerdict.GUARD_AHEAD
        opened.remember_own_checkpoint(1, EMPTY_ROOT).result()
        opened.close()
    store = open_store(tmp_path, is_open=False)
    store.ingest(whole.batch(2)).result()
    store.allow_appends()
    assert store.log_state(OWN_ID).size == guard_size(tmp_path) == 4
    store.close()
