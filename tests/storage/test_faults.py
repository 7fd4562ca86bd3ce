"""Disks that fail at the worst moment."""

import os
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from registry.domain.identifiers import NO_CASE
from registry.errors import (
    CorruptDatabase,
    GuardError,
    LogReadOnly,
    MisplacedEntry,
    StorageError,
)
from registry.log.author import Author
from registry.log.facts import GuardVerdict
from registry.store.append_group import AppendGroup
from registry.store.connections import DurablePool
from registry.store.guard import Guard
from registry.store.sqlite import SqliteStore, open_sqlite_store
from tests.storage.storage_world import (
    NODE_KEYS,
    NOW_MS,
    ORIGINS,
    OWN,
    OWN_ID,
    PEER_ID,
    append,
    case,
    guard_size,
    open_store,
    request,
    written_peer,
)


def fail_commits(store: SqliteStore, monkeypatch: pytest.MonkeyPatch, *, is_done: bool) -> None:
    """Makes commits of the writer fail; `is_done` = after the disk took them."""
    pool: DurablePool = store._datastore._writers
    connection = pool.get_connection()
    pool.put_connection(connection)
    commit = connection.commit

    def fail() -> None:
        if is_done:
            commit()
        msg = "disk I/O error"
        raise sqlite3.OperationalError(msg)

    monkeypatch.setattr(connection, "commit", fail)


@pytest.mark.parametrize("is_done", [False, True], ids=["lost", "kept"])
def test_failed_commit_stops_appends_until_a_restart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, is_done: bool
) -> None:
    store = open_store(tmp_path)
    append(store, "a")
    with monkeypatch.context() as patched:
        fail_commits(store, patched, is_done=is_done)
        with pytest.raises(StorageError, match="disk I/O error"):
            append(store, "b")
    with pytest.raises(LogReadOnly, match="start the node again") as refused:
        append(store, "c")
    # Every caller is told this from now on, and our disk's own words name our files.
    assert "disk I/O" not in str(refused.value)
    with pytest.raises(LogReadOnly):
        store.allow_appends()
    assert store.log_state(OWN_ID).size == 1
    assert len(store.entries(OWN_ID, 0, 9)) == 1
    assert len(store.changes(0, 9)) == 1
    store.ingest(written_peer(3).batch()).result()
    store.close()

    again = open_store(tmp_path)
    assert again.log_state(OWN_ID).size == 1 + is_done
    done = again.append(request("b", case_id=case(0), request_id="b")).result()
    assert (done.index, done.was_recorded_before) == (1, is_done)
    again.close()


def test_failed_guard_write_stops_appends_and_hides_what_was_not_guarded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = open_store(tmp_path)
    append(store, "a")

    def fail(_: int) -> None:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fdatasync", fail)
        with pytest.raises(GuardError, match="Input/output"):
            append(store, "b")
    with pytest.raises(LogReadOnly):
        append(store, "c")
    state = store.log_state(OWN_ID)
    assert (state.size, state.noted_size) == (1, 1)
    assert len(store.entries(OWN_ID, 0, 9)) == 1
    assert [e.index for e in store.case_entries(case(0))] == [0]
    assert [c.index for c in store.changes(0, 9)] == [0]
    assert store.part(OWN_ID, 1, 0) is None
    assert store.own_state_against_guard().kind is GuardVerdict.DATABASE_AHEAD
    store.register_logs(ORIGINS).result()
    assert store.log_state(OWN_ID).size == 1
    store.close()

    again = open_store(tmp_path)
    assert again.log_state(OWN_ID).size == guard_size(tmp_path) == 2
    assert again.append(request("b", case_id=case(0), request_id="b")).result().index == 1
    again.close()


def test_failure_before_signing_fails_the_request_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = open_store(tmp_path)

    def fail(*_: object) -> None:
        msg = "database or disk is full"
        raise sqlite3.OperationalError(msg)

    with monkeypatch.context() as patched:
        patched.setattr(AppendGroup, "_insert", fail)
        with pytest.raises(StorageError, match="disk is full"):
            append(store, "a")
    append(store, "a")

    assert store.log_state(OWN_ID).size == 1
    store.close()


def test_failing_signer_stops_appends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = open_store(tmp_path)

    def fail(*_: object) -> None:
        msg = "the token was pulled out"
        raise OSError(msg)

    with monkeypatch.context() as patched:
        patched.setattr(Author, "sign_checkpoint", fail)
        with pytest.raises(StorageError, match="pulled out"):
            append(store, "a")
    with pytest.raises(LogReadOnly):
        append(store, "a")
    assert store.log_state(OWN_ID).size == 0
    store.close()


def test_order_of_an_append_is_insert_sign_commit_guard_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = open_store(tmp_path)
    append(store, "warm")
    steps: list[str] = []
    connection = store._datastore._writers.get_connection()
    store._datastore._writers.put_connection(connection)

    def note(name: str, owner: object, attribute: str) -> None:
        real: Callable[..., object] = getattr(owner, attribute)

        def wrapped(*args: object, **kwargs: object) -> object:
            result = real(*args, **kwargs)
            steps.append(name)
            return result

        monkeypatch.setattr(owner, attribute, wrapped)

    note("insert", AppendGroup, "_insert")
    note("read back", __import__("registry.store.append_group", fromlist=["_"]), "read_entries")
    note("sign", Author, "sign_checkpoint")
    note("commit", connection, "commit")
    note("guard", Guard, "advance")
    store.add_listener(lambda event: steps.append(type(event).__name__))
    future = store.append(request("b"))
    future.add_done_callback(lambda _: steps.append("answer"))
    future.result()
    store.close()

    told = ["EntriesStored", "PartsStored", "AppendsTimed", "answer"]
    assert steps == ["insert", "read back", "sign", "commit", "guard", *told]


def test_crash_between_commit_and_guard_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = open_store(tmp_path)
    append(store, "a")
    shutil.copy(tmp_path / "guard", tmp_path / "before")
    append(store, "b")
    store.close()
    shutil.copy(tmp_path / "before", tmp_path / "guard")

    again = open_store(tmp_path)
    assert again.own_state_against_guard().kind is GuardVerdict.EQUAL
    assert guard_size(tmp_path) == again.log_state(OWN_ID).size == 2
    again.close()


def test_store_without_own_log_takes_no_appends(tmp_path: Path) -> None:
    store = open_sqlite_store(
        tmp_path / "log.db", author=None, guard=None, node_keys=NODE_KEYS, now_ms=lambda: NOW_MS
    )
    store.register_logs(ORIGINS).result()
    with pytest.raises(LogReadOnly):
        store.allow_appends()
    with pytest.raises(LogReadOnly):
        store.append(request("a")).result()
    store.close()


def test_database_changed_by_another_process_stops_appends(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    append(store, "a")
    with sqlite3.connect(tmp_path / "log.db") as connection:
        connection.execute("UPDATE logs SET size = 0 WHERE origin = ?", (OWN,))
    connection.close()

    with pytest.raises(CorruptDatabase):
        append(store, "b")
    with pytest.raises(LogReadOnly):
        append(store, "b")
    store.close()


def test_entry_changed_between_insert_and_reading_back_is_not_signed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = open_store(tmp_path)
    insert = AppendGroup._insert

    def spoil(self: AppendGroup, start: int) -> None:
        insert(self, start)
        self._cursor.execute("UPDATE stored_events SET state = CAST(state || x'00' AS BLOB)")

    with monkeypatch.context() as patched:
        patched.setattr(AppendGroup, "_insert", spoil)
        with pytest.raises(CorruptDatabase):
            append(store, "a")
    assert store.log_state(OWN_ID).note is None
    store.close()


def test_batch_that_fails_in_the_middle_stores_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = open_store(tmp_path)
    peer = written_peer(300)
    with monkeypatch.context() as patched:
        fail_commits(store, patched, is_done=False)
        with pytest.raises(StorageError):
            store.ingest(peer.batch()).result()
    assert store.log_state(PEER_ID).size == 0
    assert not store.has_case(case(0))
    store.ingest(peer.batch()).result()
    with pytest.raises(MisplacedEntry):
        store.ingest(peer.batch()).result()
    assert store.root_at(PEER_ID, 300) == peer.range_at(300).root()
    assert store.case_entries(NO_CASE) == []
    store.close()


def test_frozen_own_log_takes_no_events_any_more(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    append(store, "a")
    store.freeze(OWN_ID, 1, "log_diverged", b"proof").result()
    with pytest.raises(LogReadOnly, match="new epoch"):
        append(store, "b")
    store.close()

    with pytest.raises(LogReadOnly, match=r"frozen at 1 \(log_diverged\)"):
        open_store(tmp_path)


def test_database_that_is_locked_for_a_moment_does_not_stop_the_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = open_store(tmp_path)
    append(store, "a")
    connection = store._datastore._writers.get_connection()
    store._datastore._writers.put_connection(connection)

    def locked() -> object:
        msg = "database is locked"
        raise sqlite3.OperationalError(msg)

    with monkeypatch.context() as patched:
        patched.setattr(connection, "cursor", locked)
        with pytest.raises(StorageError, match="locked"):
            append(store, "b")
    append(store, "b")
    assert store.log_state(OWN_ID).size == 2
    store.close()


def test_interrupt_after_the_note_was_signed_stops_the_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = open_store(tmp_path)
    append(store, "a")

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(Guard, "advance", interrupt)
        with pytest.raises(KeyboardInterrupt):
            append(store, "b")
    with pytest.raises(LogReadOnly, match="start the node again"):
        append(store, "c")
    store.close()
