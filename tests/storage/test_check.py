"""Fsck finds every flipped bit and every row that does not belong, and names the place."""

import random
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from registry.domain.identifiers import LogId, RootHash
from registry.log.entry import EventRef
from registry.log.merkle import leaf_hash
from registry.store.check import Finding, Progress, check_store
from registry.store.guard import GuardState
from registry.store.values import HeldPart
from tests.storage.storage_world import (
    NODE_KEYS,
    ORIGINS,
    OWN,
    OWN_ID,
    PEER,
    PEER_ID,
    Peer,
    case,
    open_store,
    request,
    roster,
)

FLIPS = 500
SEED = 7
GUARD_SIZE = 270
BOTH = "wrapped_key, sealed"
OF_FIVE = "FROM parts p WHERE p.log_no = 1 AND p.entry_index = 5"
AT_FOUR = "WHERE log_no = 1 AND entry_index = 4"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small database with two tiles, parts, refs in both directions, requests, notes."""
    path = tmp_path_factory.mktemp("checked")
    store = open_store(path)
    store.append(request("first", case_id=case(0), request_id="first")).result()
    first = EventRef(OWN_ID, 0, store.leaf_hash(OWN_ID, 0))
    peer = Peer()
    for number in range(30):
        is_answer = number % 5 == 0
        peer.write(f"p{number}", case_id=case(number % 5), refs=[first] if is_answer else [])
    store.ingest(peer.batch()).result()
    parts = [made.parts[0] for made in peer.drafts]
    held = [
        HeldPart(PEER_ID, index, 0, part.salt, part.media_type, part.content)
        for index, part in enumerate(parts[:10])
    ]
    store.put_parts(held).result()
    waiting = [
        store.append(request(f"o{n}", case_id=case(n % 9), request_id=f"q{n}"))
        for n in range(GUARD_SIZE - 1)
    ]
    for future in waiting:
        future.result()
    store.close()
    return path


@pytest.fixture
def database(folder: Path) -> Iterator[sqlite3.Connection]:
    """The database, put back after each test."""
    path = folder / "log.db"
    before = path.read_bytes()
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode=DELETE")
    connection.execute("PRAGMA synchronous=OFF")
    yield connection
    connection.close()
    path.write_bytes(before)


def guard_of(folder: Path) -> GuardState:
    with sqlite3.connect(folder / "log.db") as connection:
        (root,) = connection.execute("SELECT root FROM logs WHERE origin = ?", (OWN,)).fetchone()
    connection.close()
    return GuardState(GUARD_SIZE, RootHash(root))


def findings(folder: Path, guard: GuardState | None = None) -> list[Finding]:
    return list(
        check_store(folder / "log.db", roster(), node_keys=NODE_KEYS, own_log=OWN_ID, guard=guard)
    )


def test_sound_store_has_no_findings_and_tells_its_progress(folder: Path) -> None:
    heard: list[Progress] = []
    found = check_store(
        folder / "log.db",
        roster(),
        node_keys=NODE_KEYS,
        own_log=OWN_ID,
        guard=guard_of(folder),
        on_progress=heard.append,
    )

    assert list(found) == []
    assert PEER in {each.origin for each in heard}
    assert Progress(OWN, GUARD_SIZE, GUARD_SIZE) in heard


Place = tuple[str, str, int, str, int | None]
"""Table, column, rowid, origin, index."""


def places(database: sqlite3.Connection) -> list[Place]:
    """Every stored value whose bits are all protected, with the log and index to be named."""
    origins = dict(database.execute("SELECT log_no, origin FROM logs").fetchall())
    by_id = {str(log_id.hex()): origin for origin, log_id in zip(ORIGINS, IDS, strict=True)}
    found: list[Place] = [
        ("stored_events", "state", rowid, by_id[log_id], index)
        for rowid, log_id, index in database.execute(
            "SELECT rowid, originator_id, originator_version FROM stored_events"
        )
    ]
    # A note names the last entry that it stands for.
    rows = database.execute("SELECT log_no, noted_size - 1 FROM logs WHERE note IS NOT NULL")
    found += [("logs", "note", number, origins[number], index) for number, index in rows]
    for column in ("root", "range"):
        rows = database.execute(f"SELECT log_no FROM logs WHERE length({column}) > 0 AND size > 0")
        found += [("logs", column, number, origins[number], None) for (number,) in rows]
    rows = database.execute("SELECT rowid, log_no FROM tree")
    found += [("tree", "hashes", rowid, origins[number], None) for rowid, number in rows]
    return found


IDS = [LogId(member.log_id) for member in roster().members]


def part_places(database: sqlite3.Connection) -> list[tuple[int, int, int, str]]:
    return database.execute(
        "SELECT p.log_no, p.entry_index, p.ordinal, l.origin FROM parts p "
        "JOIN logs l ON l.log_no = p.log_no"
    ).fetchall()


def flipped(value: bytes, rng: random.Random) -> bytes:
    changed = bytearray(value)
    bit = rng.randrange(len(changed) * 8)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


def try_flip(
    database: sqlite3.Connection,
    table: str,
    column: str,
    where: str,
    key: tuple[int, ...],
    rng: random.Random,
    check: Callable[[], list[Finding]],
) -> list[Finding]:
    """Flips one bit of a value, checks, puts the value back."""
    select = f"SELECT {column} FROM {table} WHERE {where}"
    (value,) = database.execute(select, key).fetchone()
    update = f"UPDATE {table} SET {column} = ? WHERE {where}"
    database.execute(update, (flipped(value, rng), *key))
    try:
        return check()
    finally:
        database.execute(update, (value, *key))


def test_every_flipped_bit_is_found_with_its_place(
    folder: Path, database: sqlite3.Connection
) -> None:
    rng = random.Random(SEED)
    kinds: dict[str, list[Place]] = {}
    for place in places(database):
        kinds.setdefault(f"{place[0]}.{place[1]}", []).append(place)
    parts = part_places(database)
    names = [*kinds, "parts.sealed", "parts.wrapped_key"]
    missed = []
    for number in range(FLIPS):
        name = names[number % len(names)]
        key: tuple[int, ...]
        at: int | None
        if name.startswith("parts."):
            log_no, index, ordinal, origin = rng.choice(parts)
            where, key = "log_no = ? AND entry_index = ? AND ordinal = ?", (log_no, index, ordinal)
            table, column, at = "parts", name.removeprefix("parts."), index
        else:
            table, column, rowid, origin, at = rng.choice(kinds[name])
            where, key = "rowid = ?", (rowid,)
        found = try_flip(database, table, column, where, key, rng, lambda: findings(folder))
        if not any(f.origin == origin and at in (None, f.index) for f in found):
            missed.append((number, name, key, found[:2]))

    assert missed == []
    assert len(names) == 7
    assert findings(folder) == []


def reasons(found: list[Finding]) -> set[str]:
    return {f.reason for f in found}


@pytest.mark.parametrize(
    ("statement", "reason", "origin", "index"),
    [
        ("DELETE FROM stored_events WHERE originator_version = 7", "misplaced_entry", OWN, 7),
        ("DELETE FROM stored_events WHERE originator_version = 269", "size_mismatch", OWN, None),
        ("UPDATE stored_events SET topic = 'x' WHERE rowid = 1", "misplaced_entry", OWN, 0),
        (
            "UPDATE stored_events SET originator_id = 'x' WHERE rowid = 300",
            "unknown_log",
            None,
            None,
        ),
        ("UPDATE logs SET size = 269 WHERE log_no = 1", "size_mismatch", OWN, None),
        ("UPDATE logs SET noted_size = 1 WHERE log_no = 1", "size_mismatch", OWN, None),
        ("UPDATE logs SET parts_below = 999 WHERE log_no = 1", "size_mismatch", OWN, None),
        ("UPDATE logs SET origin = 'test/else/1' WHERE log_no = 1", "unknown_log", None, None),
        ("DELETE FROM tree WHERE level = 0", "tree_mismatch", OWN, None),
        ("DELETE FROM tree WHERE level = 1", "tree_mismatch", OWN, None),
        (
            "UPDATE tree SET hashes = CAST(hashes || x'00' AS BLOB) WHERE level = 0",
            "tree_mismatch",
            OWN,
            0,
        ),
        ("INSERT INTO tree VALUES (2, 0, 0, x'00')", "tree_mismatch", PEER, None),
        ("UPDATE tree SET hashes = CAST(hashes AS TEXT) WHERE level = 0", "leaf_mismatch", OWN, 0),
        (
            "UPDATE stored_events SET state = CAST(state AS TEXT) WHERE rowid = 1",
            "malformed_entry",
            OWN,
            0,
        ),
        (
            "UPDATE logs SET origin = CAST(x'ff' AS TEXT) WHERE log_no = 1",
            "unknown_log",
            None,
            None,
        ),
        ("DELETE FROM case_entries WHERE entry_index = 29", "case_index_mismatch", PEER, 29),
        (
            "UPDATE case_entries SET case_no = 99 WHERE entry_index = 29",
            "case_index_mismatch",
            PEER,
            29,
        ),
        (
            "UPDATE case_ids SET case_id = randomblob(16) WHERE case_no = 3",
            "case_index_mismatch",
            OWN,
            None,
        ),
        ("INSERT INTO case_ids VALUES (99, randomblob(16))", "case_index_mismatch", None, None),
        ("UPDATE case_refs SET max_index = max_index + 1", "case_refs_mismatch", OWN, None),
        ("DELETE FROM case_refs", "case_refs_mismatch", PEER, None),
        (
            "UPDATE recent_appends SET request_id = NULL WHERE entry_index = 5",
            "own_requests_mismatch",
            OWN,
            5,
        ),
        (
            "UPDATE recent_appends SET case_no = NULL WHERE entry_index = 5",
            "case_index_mismatch",
            OWN,
            5,
        ),
        ("DELETE FROM recent_appends WHERE entry_index = 5", "case_index_mismatch", OWN, 5),
        (
            "UPDATE recent_appends SET entry_index = 999 WHERE entry_index = 5",
            "own_requests_mismatch",
            OWN,
            5,
        ),
        ("UPDATE parts SET ordinal = 1 WHERE entry_index = 4", "part_without_entry", OWN, 4),
        (
            "UPDATE parts SET entry_index = 888 WHERE entry_index = 200",
            "part_without_entry",
            OWN,
            888,
        ),
        ("UPDATE parts SET sealed = x'' WHERE entry_index = 4", "commitment_mismatch", OWN, 4),
        (
            "UPDATE parts SET sealed = substr(sealed, 1, 40) WHERE entry_index = 4",
            "commitment_mismatch",
            OWN,
            4,
        ),
        (
            f"UPDATE parts SET sealed = (SELECT sealed {OF_FIVE}) {AT_FOUR}",
            "commitment_mismatch",
            OWN,
            4,
        ),
        (
            f"UPDATE parts SET (wrapped_key, sealed) = (SELECT {BOTH} {OF_FIVE}) {AT_FOUR}",
            "commitment_mismatch",
            OWN,
            4,
        ),
        (
            "UPDATE parts SET wrapped_key = NULL WHERE entry_index = 4 AND log_no = 1",
            "commitment_mismatch",
            OWN,
            4,
        ),
        (
            "UPDATE parts SET wrapped_key = substr(wrapped_key, 1, 63) WHERE entry_index = 4",
            "commitment_mismatch",
            OWN,
            4,
        ),
    ],
)
def test_row_that_does_not_belong_is_found(
    folder: Path,
    database: sqlite3.Connection,
    statement: str,
    reason: str,
    origin: str | None,
    index: int | None,
) -> None:
    database.execute(statement)
    found = findings(folder)

    assert any(
        f.reason == reason
        and (origin is None or f.origin == origin)
        and (index is None or f.index == index)
        for f in found
    ), found[:5]


def test_entry_swapped_with_another_is_found(folder: Path, database: sqlite3.Connection) -> None:
    database.execute("UPDATE stored_events SET originator_version = -1 WHERE rowid = 1")
    database.execute(
        "UPDATE stored_events SET originator_version = 0 "
        "WHERE originator_version = 1 AND originator_id = ?",
        (OWN_ID.hex(),),
    )
    database.execute("UPDATE stored_events SET originator_version = 1 WHERE rowid = 1")

    assert {f.index for f in findings(folder) if f.reason == "entry_error"} >= {0, 1}


def test_guard_that_disagrees_is_found(folder: Path) -> None:
    sound = guard_of(folder)

    assert findings(folder, sound) == []
    assert reasons(findings(folder, GuardState(271, sound.root))) == {"guard_ahead"}
    wrong = GuardState(GUARD_SIZE, RootHash(b"x" * 32))
    assert reasons(findings(folder, wrong)) == {"guard_inconsistent"}


def test_log_of_a_member_with_another_key_is_not_believed(folder: Path) -> None:
    known = roster()
    own, *others = known.members
    stranger = replace(known, members=(replace(own, log_key=others[0].log_key), *others))
    found = list(check_store(folder / "log.db", stranger, node_keys=NODE_KEYS, own_log=OWN_ID))

    assert {f.origin for f in found if f.reason == "entry_error"} == {OWN}
    assert "bad_note_signature" in reasons(found)


def test_file_that_is_no_database_is_a_finding(tmp_path: Path) -> None:
    missing = findings(tmp_path)
    (tmp_path / "log.db").write_bytes(b"no database" * 999)
    garbage = findings(tmp_path)

    assert reasons(missing) == reasons(garbage) == {"corrupt_database"}


def test_damaged_page_is_a_finding(folder: Path, tmp_path: Path) -> None:
    data = bytearray((folder / "log.db").read_bytes())
    data[5 * 4096 : 6 * 4096] = b"\xff" * 4096
    (tmp_path / "log.db").write_bytes(data)

    assert "corrupt_database" in reasons(findings(tmp_path))


def test_leaf_hash_of_a_changed_entry_is_named(folder: Path, database: sqlite3.Connection) -> None:
    (entry,) = database.execute("SELECT state FROM stored_events WHERE rowid = 1").fetchone()
    other = entry[:-1] + bytes([entry[-1] ^ 1])
    database.execute("UPDATE stored_events SET state = ? WHERE rowid = 1", (other,))

    assert leaf_hash(other) != leaf_hash(entry)
    assert {"leaf_mismatch", "root_mismatch", "range_mismatch"} <= reasons(findings(folder))
