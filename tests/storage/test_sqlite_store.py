"""The store on SQLite keeps the contract, and what only SQLite can get wrong."""

import sqlite3
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path

import pytest

from registry.errors import (
    CorruptDatabase,
    DurabilityError,
    FolderError,
    Overloaded,
    RegistryError,
    SchemaError,
    StorageError,
)
from registry.store import connections
from registry.store.sqlite import SqliteStore, open_sqlite_store
from registry.store.values import Appended
from tests.storage.append_contract import AppendContract
from tests.storage.freeze_contract import FreezeContract
from tests.storage.mirror_contract import MirrorContract
from tests.storage.storage_world import (
    NODE_KEYS,
    NOW_MS,
    OWN_ID,
    PEER_ID,
    case,
    open_store,
    request,
    written_peer,
)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    opened = open_store(tmp_path)
    yield opened
    opened.close()


class TestSqliteStore(AppendContract, MirrorContract, FreezeContract):
    pass


def open_read_only(folder: Path) -> SqliteStore:
    return open_sqlite_store(
        folder / "log.db",
        author=None,
        guard=None,
        node_keys=NODE_KEYS,
        now_ms=lambda: NOW_MS,
        is_read_only=True,
    )


def change(folder: Path, statement: str, *values: object) -> None:
    with sqlite3.connect(folder / "log.db") as connection:
        connection.execute(statement, values)
    connection.close()


def test_everything_is_there_after_a_restart(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    store.ingest(written_peer(300).batch()).result()
    done = store.append(request("a", case_id=case(0), request_id="1")).result()
    states = store.log_states()
    store.close()
    again = open_store(tmp_path)

    assert again.log_states() == states
    assert again.append(request("a", case_id=case(0), request_id="1")).result().entry == done.entry
    assert again.append(request("b")).result().index == 1
    again.close()


def test_second_process_may_read_while_the_first_writes(store: SqliteStore, tmp_path: Path) -> None:
    store.append(request("a")).result()
    reader = open_read_only(tmp_path)
    store.append(request("b")).result()

    assert reader.log_state(OWN_ID).size == 2
    assert len(reader.entries(OWN_ID, 0, 9)) == 2
    with pytest.raises(RegistryError):
        reader.append(request("c"))
    with pytest.raises(RegistryError):
        reader.register_logs([])
    reader.close()


def test_reading_changes_no_byte(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    store.append(request("a")).result()
    store.close()
    before = (tmp_path / "log.db").read_bytes()
    reader = open_read_only(tmp_path)
    reader.log_states()
    reader.close()

    assert (tmp_path / "log.db").read_bytes() == before


def test_database_that_is_not_there_is_not_made_by_a_reader(tmp_path: Path) -> None:
    with pytest.raises(FolderError):
        open_read_only(tmp_path)

    assert list(tmp_path.iterdir()) == []


def test_newer_schema_is_refused(tmp_path: Path) -> None:
    open_store(tmp_path).close()
    change(tmp_path, "UPDATE meta SET schema_version = 999")

    with pytest.raises(SchemaError, match="999"):
        open_store(tmp_path)
    with pytest.raises(SchemaError, match="999"):
        open_read_only(tmp_path)


@pytest.mark.parametrize("pragma", ["journal_mode", "synchronous", "secure_delete"])
def test_every_connection_has_its_durability_read_back(
    store: SqliteStore, tmp_path: Path, pragma: str
) -> None:
    expected = {"journal_mode": "wal", "synchronous": 2, "secure_delete": 1}[pragma]
    with store.recorder.datastore.transaction(commit=False) as cursor:
        cursor.execute(f"PRAGMA {pragma}")

        assert cursor.fetchone()[0] == expected


@pytest.mark.parametrize("pragma", ["journal_mode", "synchronous", "secure_delete"])
def test_database_that_refuses_durability_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pragma: str
) -> None:
    settings = dict(connections.SETTINGS)
    settings[pragma] = (settings[pragma][0], "something else")
    monkeypatch.setattr(connections, "SETTINGS", settings)

    with pytest.raises(DurabilityError, match=pragma):
        open_store(tmp_path)


def test_file_that_is_no_database_is_corrupt(tmp_path: Path) -> None:
    (tmp_path / "log.db").write_bytes(b"not a database" * 1000)

    with pytest.raises(CorruptDatabase):
        open_store(tmp_path)


def test_damaged_pages_are_reported_as_our_error(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    for number in range(3):
        store.append(request("x" * 50_000 + str(number))).result()
    store.close()
    path = tmp_path / "log.db"
    data = bytearray(path.read_bytes())
    data[4096:] = b"\xff" * (len(data) - 4096)
    path.write_bytes(data)

    with pytest.raises(StorageError):
        open_store(tmp_path)


def test_lost_entry_is_noticed_when_it_is_read(store: SqliteStore, tmp_path: Path) -> None:
    store.ingest(written_peer(3).batch()).result()
    change(tmp_path, "DELETE FROM stored_events WHERE originator_version = 1")

    with pytest.raises(CorruptDatabase):
        store.entries(PEER_ID, 0, 3)
    with pytest.raises(CorruptDatabase):
        store.case_entries(case(1))


def test_many_waiting_writes_are_refused_not_queued_for_ever(store: SqliteStore) -> None:
    gate, entered = threading.Event(), threading.Event()

    def block(_: object) -> None:
        entered.set()
        gate.wait(30)

    store.add_listener(block)
    store.ingest(written_peer(1).batch())
    assert entered.wait(10)
    waiting: list[Future[Appended]] = []
    with pytest.raises(Overloaded):
        waiting.extend(store.append(request(str(number))) for number in range(5000))
    gate.set()

    assert all(future.result(60).index >= 0 for future in waiting)


def test_idle_store_is_written_by_its_caller(store: SqliteStore) -> None:
    threads = []
    store.add_listener(lambda _: threads.append(threading.current_thread()))
    for number in range(20):
        assert store.append_now(request(str(number))).result(10).index == number

    assert threading.current_thread() in threads


def test_busy_readers_do_not_stop_the_writer(
    store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    datastore = store.recorder.datastore
    monkeypatch.setattr(datastore.pool, "pool_timeout", 0.01)
    size = datastore.pool.pool_size
    taken = [datastore.pool.get_connection(is_writer=False) for _ in range(size)]
    with pytest.raises(Overloaded):
        store.log_states()

    assert store.append(request("a")).result(10).index == 0
    for connection in taken:
        datastore.pool.put_connection(connection)


def test_library_subscription_follows_the_store(store: SqliteStore) -> None:
    store.append(request("a")).result()
    with store.recorder.subscribe() as subscription:
        first = next(subscription)
        store.append(request("b")).result()
        second = next(subscription)

    assert [first.originator_version, second.originator_version] == [0, 1]
    assert first.originator_id == OWN_ID.hex()


def test_closing_the_store_ends_its_subscriptions(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    subscription = store.recorder.subscribe()
    store.close()

    assert list(subscription) == []
