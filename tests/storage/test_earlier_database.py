"""A database of version 1 is encrypted when it is first opened, and keeps nothing in clear."""

import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterable
from contextlib import closing
from hashlib import sha256
from pathlib import Path

import pytest

from registry.errors import CorruptDatabase, NodeKeyMissing, TryLater
from registry.log.facts import GuardVerdict
from registry.store.check import check_store
from registry.store.parts import open_part
from registry.store.schema import MIGRATIONS
from registry.store.sqlite import open_sqlite_store
from tests.storage import earlier_database
from tests.storage.earlier_database import as_version_1
from tests.storage.storage_world import (
    NODE_KEYS,
    NOW_MS,
    OWN,
    OWN_ID,
    PEER_ID,
    append,
    author_of,
    create_guard,
    open_store,
    part_of,
    roster,
    written_peer,
)

OWN_TOKENS = tuple(f"own-token-{number}-c0ffee" for number in range(8))
PEER_COUNT = 5
LEFT_OVER = b"left-over-token-facade"
LONG_DEAD = 40
"""More commits than the migration makes."""


@pytest.fixture
def earlier(tmp_path: Path) -> Path:
    """A folder with a database of version 1: own and foreign parts, and what deletions left."""
    folder = tmp_path / "earlier"
    folder.mkdir()
    store = open_store(folder)
    append(store, *OWN_TOKENS)
    peer = written_peer(PEER_COUNT)
    store.ingest(peer.batch()).result()
    store.put_parts([part_of(peer, index) for index in range(PEER_COUNT)]).result()
    store.close()
    as_version_1(folder, left_over=LEFT_OVER)
    return folder


def tokens() -> list[bytes]:
    own = [token.encode() for token in OWN_TOKENS]
    peers = [f"peer {number}".encode() for number in range(PEER_COUNT)]
    return [*own, *peers, LEFT_OVER]


def found_in(folder: Path, wanted: Iterable[bytes]) -> set[bytes]:
    held = b"\0".join(file.read_bytes() for file in folder.rglob("*") if file.is_file())
    return {each for each in wanted if each in held}


def contents(folder: Path) -> list[bytes]:
    store = open_store(folder)
    try:
        keys = [(OWN_ID, index, 0) for index in range(len(OWN_TOKENS))]
        keys += [(PEER_ID, index, 0) for index in range(PEER_COUNT)]
        return [part.content for part in store.parts_of(keys)]
    finally:
        store.close()


def query(folder: Path, statement: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(folder / "log.db")) as connection:
        return connection.execute(statement).fetchall()


def test_byte_scan_finds_every_token_before_and_none_after_the_first_open(earlier: Path) -> None:
    assert found_in(earlier, tokens()) == set(tokens())

    store = open_store(earlier)

    assert found_in(earlier, tokens()) == set()
    store.close()
    assert found_in(earlier, tokens()) == set()


def test_content_and_order_of_arrival_are_what_they_were(earlier: Path) -> None:
    arrivals = "SELECT rowid, originator_id, originator_version FROM stored_events ORDER BY rowid"
    before = query(earlier, arrivals)

    assert contents(earlier) == tokens()[:-1]
    assert query(earlier, arrivals) == before
    assert query(earlier, "SELECT schema_version FROM meta") == [(len(MIGRATIONS),)]
    assert query(earlier, "SELECT * FROM unfinished") == []


def test_first_version_of_the_schema_is_what_earlier_software_wrote() -> None:
    # Databases of that version are on disks: what it says cannot be changed any more.
    written = sha256("\n".join(MIGRATIONS[0]).encode()).hexdigest()
    assert written == "74faff10bbdddb1a2cd1bf48814d70757dffacb2417fdfd2de382b503f405ba1"


def test_migrated_database_has_no_findings(earlier: Path) -> None:
    open_store(earlier).close()

    assert list(check_store(earlier / "log.db", roster(), node_keys=NODE_KEYS)) == []


def test_salts_are_not_in_clear_either(earlier: Path) -> None:
    store = open_store(earlier)
    salts = [part.salt for part in store.parts_of([(OWN_ID, 0, 0), (PEER_ID, 0, 0)])]
    store.close()

    assert len(salts) == 2
    assert found_in(earlier, salts) == set()


def test_new_database_is_not_written_anew(tmp_path: Path) -> None:
    open_store(tmp_path).close()

    assert query(tmp_path, "SELECT * FROM unfinished") == []


def test_kill_after_any_commit_leaves_a_migration_that_the_next_start_finishes(
    earlier: Path, tmp_path: Path
) -> None:
    deaths = 0
    for steps in range(LONG_DEAD):
        folder = tmp_path / f"killed after {steps}"
        shutil.copytree(earlier, folder)
        command = [sys.executable, earlier_database.__file__, str(folder), str(steps)]
        ended = subprocess.run(command, check=False).returncode
        states = query(folder, "SELECT count(*), count(wrapped_key) FROM parts")
        if ended == 0:
            break
        assert ended == 9
        deaths += 1
        assert states[0][0] == len(OWN_TOKENS) + PEER_COUNT
        assert contents(folder) == tokens()[:-1], steps
        assert found_in(folder, tokens()) == set(), steps
    assert deaths >= 8  # tables, five batches, the step's end, VACUUM and truncation


def test_half_migrated_database_is_not_read_as_encrypted(earlier: Path) -> None:
    command = [sys.executable, earlier_database.__file__, str(earlier), "2"]
    assert subprocess.run(command, check=False).returncode == 9
    ((clear, sealed),) = query(
        earlier, "SELECT sum(wrapped_key IS NULL), sum(wrapped_key IS NOT NULL) FROM parts"
    )
    assert clear
    assert sealed

    store = open_sqlite_store(
        earlier / "log.db",
        author=None,
        guard=None,
        node_keys=NODE_KEYS,
        now_ms=lambda: NOW_MS,
        is_read_only=True,
    )
    keys = [(OWN_ID, index, 0) for index in range(len(OWN_TOKENS))]
    keys += [(PEER_ID, index, 0) for index in range(PEER_COUNT)]
    refused = 0
    for key in keys:
        try:
            store.parts_of([key])
        except CorruptDatabase as error:
            assert "in clear" in str(error)  # noqa: PT017 - some are read, some are refused
            refused += 1
    store.close()

    assert refused == clear


def test_migration_needs_a_node_key(earlier: Path) -> None:
    with pytest.raises(NodeKeyMissing):
        open_sqlite_store(
            earlier / "log.db",
            author=author_of(OWN),
            guard=create_guard(earlier),
            node_keys=None,
            now_ms=lambda: NOW_MS,
        )

    assert found_in(earlier, tokens()) == set(tokens())
    assert contents(earlier) == tokens()[:-1]


def test_reader_in_the_way_is_told_and_the_next_start_empties_the_log(
    earlier: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("registry.store.connections._LOCK_TIMEOUT_S", 0.05)
    with closing(sqlite3.connect(earlier / "log.db", isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM parts").fetchall()
        with pytest.raises(TryLater, match="another process"):
            open_store(earlier)
        assert found_in(earlier, tokens()) != set()

    store = open_store(earlier)

    assert found_in(earlier, tokens()) == set()
    assert store.own_state_against_guard().kind is GuardVerdict.EQUAL
    store.close()


def test_ciphertexts_that_change_places_do_not_open(earlier: Path) -> None:
    open_store(earlier).close()
    with closing(sqlite3.connect(earlier / "log.db")) as connection:
        rows: list[tuple[bytes, bytes]] = connection.execute(
            "SELECT wrapped_key, sealed FROM parts ORDER BY log_no, entry_index"
        ).fetchall()
    (key, sealed), (other_key, other_sealed) = rows[:2]
    place = (OWN_ID, 0, 0)
    assert open_part(place, key, sealed, NODE_KEYS).content == OWN_TOKENS[0].encode()

    for swapped in ((other_key, other_sealed), (key, other_sealed), (other_key, sealed)):
        with pytest.raises(CorruptDatabase):
            open_part(place, *swapped, NODE_KEYS)
