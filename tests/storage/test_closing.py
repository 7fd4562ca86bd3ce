"""A database that is closed while somebody reads it: the reader finishes, nobody else begins."""

from collections.abc import Callable
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest

from registry.errors import TryLater
from registry.store import connections
from registry.store.connections import DurableDatastore, translated
from registry.store.encrypted import EncryptedDatastore

DATASTORES: dict[str, Callable[[Path], Any]] = {
    "durable": lambda path: DurableDatastore(path, is_read_only=False),
    "encrypted": lambda path: EncryptedDatastore(path, b"k" * 32),
}
"""Each has a transaction that only reads."""


@pytest.fixture(params=list(DATASTORES.values()), ids=list(DATASTORES))
def datastore(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    return request.param(tmp_path / "test.db")


def refuses_readers(datastore: Any) -> bool:
    with (
        pytest.raises(TryLater, match="the store is closed"),
        translated(),
        datastore.transaction(commit=False),
    ):
        pass
    return True


def test_store_that_closes_waits_for_whoever_still_reads(datastore: Any) -> None:
    reading, may_read = Event(), Event()
    found: list[object] = []

    def read() -> None:
        with datastore.transaction(commit=False) as cursor:
            reading.set()
            may_read.wait()
            cursor.execute("SELECT 1")
            found.append(tuple(cursor.fetchone()))

    reader, closer = Thread(target=read), Thread(target=datastore.close)
    reader.start()
    reading.wait()
    closer.start()
    closer.join(0.2)  # long enough to close, if it does not wait
    is_waiting = closer.is_alive()
    may_read.set()
    reader.join()
    closer.join()

    assert is_waiting
    assert found == [(1,)]
    assert refuses_readers(datastore)


def test_nobody_begins_to_read_a_store_that_closes(datastore: Any) -> None:
    closer = Thread(target=datastore.close)
    with datastore.transaction(commit=False):
        closer.start()
        while not datastore.pool.is_closing:
            closer.join(0.001)
        refused = []
        other = Thread(target=lambda: refused.append(refuses_readers(datastore)))
        other.start()
        other.join()
    closer.join()

    assert refused == [True]


def test_store_does_not_wait_for_ever(datastore: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "_CLOSING_WAIT_S", 0.05)
    connection = datastore.pool.get_connection()

    datastore.close()

    assert connection.closed
    datastore.close()
