"""Databases that are encrypted as a whole: nothing in clear, no key in an error, damage named."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from eventsourcing.persistence import IntegrityError, ProgrammingError

from registry.errors import CorruptDatabase
from registry.store.connections import SETTINGS, translated
from registry.store.encrypted import EncryptedDatastore

KEY = b"k" * 32
OTHER_KEY = b"x" * 32
CANARY = "canary-in-clear-5eed"
ADD = "INSERT INTO words (text)"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "whole.db"


@pytest.fixture
def datastore(path: Path) -> Iterator[EncryptedDatastore]:
    """An encrypted database with one row."""
    made = EncryptedDatastore(path, KEY)
    with made.transaction(commit=True) as cursor:
        cursor.execute("CREATE TABLE notes (number INTEGER PRIMARY KEY, text TEXT NOT NULL)")
        cursor.execute("INSERT INTO notes VALUES (1, ?)", (CANARY,))
    yield made
    made.close()


def held(path: Path) -> bytes:
    return b"".join(file.read_bytes() for file in path.parent.iterdir())


def text_of(datastore: EncryptedDatastore) -> str:
    with translated(), datastore.transaction(commit=False) as cursor:
        cursor.execute("SELECT text FROM notes")
        found: str = cursor.fetchone()["text"]
        return found


def write(datastore: EncryptedDatastore, *statements: str) -> None:
    with datastore.transaction(commit=True) as cursor:
        for statement in statements:
            cursor.execute(statement)


def test_rows_come_back_and_stand_in_clear_in_no_file(
    datastore: EncryptedDatastore, path: Path
) -> None:
    assert text_of(datastore) == CANARY
    assert len(held(path)) > 4096
    for clear in (CANARY.encode(), b"CREATE TABLE", b"SQLite format 3", KEY):
        assert clear not in held(path)

    datastore.truncate_wal()

    assert path.with_name("whole.db-wal").stat().st_size == 0
    assert CANARY.encode() not in held(path)


def test_every_connection_has_the_durable_settings(datastore: EncryptedDatastore) -> None:
    with datastore.transaction(commit=False) as cursor:
        found = {}
        for name in SETTINGS:
            cursor.execute(f"PRAGMA {name}")
            found[name] = cursor.fetchone()[0]

    assert found == {name: expected for name, (_, expected) in SETTINGS.items()}


@pytest.mark.parametrize("key", [OTHER_KEY, KEY[:31] + b"j"])
def test_wrong_key_is_told_without_the_key(
    datastore: EncryptedDatastore, path: Path, key: bytes
) -> None:
    datastore.close()
    wrong = EncryptedDatastore(path, key)

    with pytest.raises(CorruptDatabase) as caught:
        text_of(wrong)
    wrong.close()

    told = ""
    error: BaseException | None = caught.value
    while error is not None:
        told += repr(error)
        error = error.__cause__ or error.__context__
    assert key.hex() not in told


def test_flipped_bit_is_found(datastore: EncryptedDatastore, path: Path) -> None:
    datastore.truncate_wal()
    datastore.close()
    damaged = bytearray(path.read_bytes())
    damaged[4096 + 100] ^= 1
    path.write_bytes(damaged)
    again = EncryptedDatastore(path, KEY)

    with pytest.raises(CorruptDatabase):
        text_of(again)
    again.close()


def test_errors_are_those_that_the_event_store_s_library_knows(
    datastore: EncryptedDatastore,
) -> None:
    with pytest.raises(IntegrityError):
        write(datastore, "UPDATE notes SET text = 'other'", "INSERT INTO notes VALUES (1, 'again')")
    with pytest.raises(ProgrammingError):
        write(datastore, "INSERT INTO notes VALUES (?, ?)")

    assert text_of(datastore) == CANARY


def test_index_of_words_that_another_connection_changed_since_is_not_called_damaged(
    datastore: EncryptedDatastore,
) -> None:
    write(datastore, "CREATE VIRTUAL TABLE words USING fts5(text)", f"{ADD} VALUES ('first')")
    with datastore.transaction(commit=False) as searching:
        searching.execute("SELECT rowid FROM words WHERE words MATCH 'first'")
        assert len(searching.fetchall()) == 1
        write(datastore, *(f"{ADD} VALUES ('another {number}')" for number in range(50)))
    with datastore.transaction(commit=False):
        # Whichever connection is taken next: one of the two has searched before the writing.
        assert datastore.quick_check() == "ok"
    assert datastore.quick_check() == "ok"
