"""Requests and entries of cases are found again in the recent rows and in the indexes."""

import sqlite3
from pathlib import Path

import pytest

from registry.domain.identifiers import RequestKey
from registry.errors import RequestIdReused
from registry.store.sqlite import SqliteStore
from registry.store.values import AppendRequest
from tests.storage.storage_world import OWN_ID, case, open_store, request

FEW = 8


@pytest.fixture(autouse=True)
def moved_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("registry.store.recent.RECENT_MAX", FEW)


def numbered(number: int) -> AppendRequest:
    return request(f"event {number}", request_id=f"request {number}")


def counts(folder: Path) -> tuple[int, int]:
    with sqlite3.connect(folder / "log.db") as database:
        tables = ("recent_appends", "own_requests")
        found = [database.execute(f"SELECT count(*) FROM {t}").fetchone()[0] for t in tables]
    return found[0], found[1]


def repeat_all(store: SqliteStore, count: int) -> None:
    for number in range(count):
        again = store.append(numbered(number)).result()
        assert (again.index, again.was_recorded_before) == (number, True)


def test_requests_are_moved_into_the_index_and_found_there(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    for number in range(3 * FEW):
        store.append(numbered(number)).result()
        assert sum(counts(tmp_path)) == number + 1
        assert counts(tmp_path)[0] <= FEW
    repeat_all(store, 3 * FEW)
    assert store.log_state(OWN_ID).size == 3 * FEW
    store.close()

    store = open_store(tmp_path)
    repeat_all(store, 3 * FEW)
    store.close()


def test_group_larger_than_all_recent_ones_is_moved_at_once(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    for future in [store.append(numbered(number)) for number in range(5 * FEW)]:
        future.result()
    repeat_all(store, 5 * FEW)
    store.close()


def test_reader_knows_requests_in_either_place(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    keys: list[RequestKey] = []
    for number in range(FEW + 3):
        asked = numbered(number)
        keys.append(asked.draft.request_id)
        store.append(asked).result()
    assert all(counts(tmp_path))
    assert all(store.has_request(key) for key in keys)
    assert not store.has_request(RequestKey(b"another request!"))
    store.close()


def test_entries_of_a_case_are_read_from_either_place(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    for number in range(FEW + 3):
        store.append(request(f"event {number}", case_id=case(number % 2))).result()
        for parity in (0, 1):
            found = [entry.index for entry in store.case_entries(case(parity))]
            assert found == list(range(parity, number + 1, 2))
    with sqlite3.connect(tmp_path / "log.db") as database:
        for table in ("case_entries", "recent_appends"):
            assert database.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
    store.close()


def test_request_whose_transaction_was_rolled_back_is_not_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = open_store(tmp_path)
    for number in range(FEW):
        store.append(numbered(number)).result()

    def fail(*_: object) -> None:
        raise ZeroDivisionError

    with monkeypatch.context() as patched:
        # The group that would move all recent requests fails after they were moved.
        patched.setattr("registry.store.append_group.write_tiles", fail)
        with pytest.raises(Exception, match="could not be stored"):
            store.append(numbered(FEW)).result()
    assert counts(tmp_path) == (FEW, 0)
    repeat_all(store, FEW)
    done = store.append(numbered(FEW)).result()
    assert (done.index, done.was_recorded_before) == (FEW, False)
    store.close()


def test_other_content_under_a_moved_request_is_refused(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    for number in range(2 * FEW):
        store.append(numbered(number)).result()
    with pytest.raises(RequestIdReused):
        store.append(request("other words", request_id="request 0")).result()
    store.close()
