"""A small database with a row of every kind, and ways to damage it."""

import os
import random
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest

from registry.application.acts import KEY_NAME, Act, ActSealer
from registry.domain.content import SourceIdentity
from registry.domain.identifiers import (
    NO_CASE,
    CaseId,
    Commitment,
    LogId,
    MemberId,
    Origin,
    RequestKey,
    RootHash,
    log_id_of,
)
from registry.domain.vocabulary import EventKind
from registry.log.author import EventDraft, PartDraft, draft_event
from registry.log.checkpoint import Checkpoint
from registry.log.control import (
    AudienceWidened,
    ContentErased,
    Control,
    ErasureReceipt,
    PartTarget,
    encode_control,
)
from registry.log.cosignature import cosign
from registry.log.entry import ALL_MEMBERS, Audience, EventRef, Header, decode_header, split_entry
from registry.log.member import FormerLog
from registry.log.merkle import leaf_hash
from registry.log.roster import Cut, Roster
from registry.log.signing import Ed25519Signer
from registry.store.sqlite import SqliteStore, open_sqlite_store
from registry.store.tombstone_journal import TombstoneJournal
from registry.store.uploads import UploadClaim
from registry.store.values import AppendRequest, AskedParts, HeldPart, UploadRef
from tests.storage.storage_world import (
    NODE_KEYS,
    NOW_MS,
    ORIGINS,
    OWN,
    OWN_ID,
    PEER,
    PEER_ID,
    Peer,
    author_of,
    case,
    create_guard,
    next_author_of,
    rotation_at,
    seed,
)
from tests.storage.storage_world import roster as plain_roster

FOR_OWN: Final = Audience(is_all=False, member_ids=(MemberId(1),))
FOR_OTHERS: Final = Audience(is_all=False, member_ids=(MemberId(2), MemberId(3)))
EMBARGO_MS: Final = NOW_MS + 10**9
OWN_COUNT: Final = 12
BEFORE: Final = Origin("test/peer/9")  # what the peer wrote before its present log
SMALL_TILES: Final = 4
KINDS: Final = {
    AudienceWidened: EventKind.AUDIENCE_WIDENED,
    ContentErased: EventKind.CONTENT_ERASED,
    ErasureReceipt: EventKind.ERASURE_RECEIPT,
}


def use_small_tiles(monkeypatch: pytest.MonkeyPatch) -> None:
    """Four hashes in a tile, so that a few entries make a tree of several levels."""
    monkeypatch.setattr("registry.store.tiles.TILE_HEIGHT", 2)
    monkeypatch.setattr("registry.store.tiles.TILE_WIDTH", SMALL_TILES)
    monkeypatch.setattr("registry.store.check_log.TILE_WIDTH", SMALL_TILES)


def drafted(
    text: str,
    *,
    log_id: LogId = OWN_ID,
    case_id: CaseId = NO_CASE,
    audience: Audience = ALL_MEMBERS,
    control: Control | None = None,
    not_before_ms: int = 0,
) -> EventDraft:
    part = PartDraft(seed("salt " + text), "text/plain", text.encode(), not_before_ms)
    return draft_event(
        log_id=log_id,
        case_id=case_id,
        kind=5 if control is None else KINDS[type(control)],
        time_ms=NOW_MS,
        parts=() if control else (part,),
        audience=audience,
        request_id=RequestKey(seed("id " + text)[:16] if log_id == OWN_ID else b""),
        control=b"" if control is None else encode_control(control),
    )


def header_of(entry: bytes) -> Header:
    return decode_header(split_entry(entry)[0])


def _erasure(log_id: LogId, entry: bytes) -> ContentErased:
    header = header_of(entry)
    return ContentErased((PartTarget(log_id, header.index, 0, header.parts[0].commitment),))


def roster() -> Roster:
    """With cosigner keys, one log that is cut, and one that the peer wrote before."""
    plain = plain_roster()
    cut = Cut(5, RootHash(seed("cut")), "invented")
    before = FormerLog(BEFORE, author_of(BEFORE).public_key, seed("after before"), cut)
    members = [
        replace(
            member,
            cosigner_key=Ed25519Signer(seed(f"cosigner {member.origin}")).public_key,
            cut=cut if "third" in member.origin else None,
            former_logs=(before,) if member.origin == PEER else (),
        )
        for member in plain.members
    ]
    return replace(plain, members=tuple(members))


def make_node(folder: Path) -> SqliteStore:
    """The store of a node: with a journal, and as a member."""
    store = open_sqlite_store(
        folder / "log.db",
        author=author_of(OWN),
        guard=create_guard(folder),
        node_keys=NODE_KEYS,
        now_ms=lambda: NOW_MS,
        journal=TombstoneJournal(folder / "tombstones.bin"),
        member_id=MemberId(1),
        logs_before=roster().logs_before(),
    )
    store.register_logs([*ORIGINS, BEFORE]).result()
    store.allow_appends()
    return store


def written_peer(own: Sequence[bytes]) -> Peer:
    """Narrow, wide, embargoed, widened and erased content, a receipt; an erasure that waits."""
    peer, author = Peer(), author_of(PEER)

    def write(text: str, **fields: Any) -> None:
        made = drafted(text, log_id=PEER_ID, case_id=case(1), **fields)
        refs = (EventRef(OWN_ID, 0, leaf_hash(own[0])),)
        peer.drafts.append(made)
        peer.entries.append(author.write_entry(made, index=len(peer.entries), refs=refs))

    for number in range(9):
        write(
            f"p{number}",
            audience=FOR_OTHERS if number in (3, 5) else ALL_MEMBERS,
            not_before_ms=EMBARGO_MS if number == 4 else 0,
        )
    write("wide", control=AudienceWidened(5, leaf_hash(peer.entries[5]), FOR_OWN))
    write("gone", control=_erasure(PEER_ID, peer.entries[6]))
    write("seen", control=ErasureReceipt(OWN_ID, 8, leaf_hash(own[8])))
    target = PartTarget(log_id_of(BEFORE), 2, 0, Commitment(seed("before")))
    write("waits", control=ContentErased((target,)))
    return peer


def fill(store: SqliteStore) -> None:
    """Writes a row of every kind, as a node does."""
    sealer = ActSealer(store.database_key(KEY_NAME), os.urandom)
    own: list[bytes] = []

    def append(made: EventDraft, source: SourceIdentity | None = None) -> None:
        note = sealer.seal(Act("officer", NOW_MS), source)
        request = AppendRequest(made, seed(str(made.request_id)), note=note)
        own.append(store.append(request).result().entry)

    for number in range(7):
        source = SourceIdentity(name="Invented", contact="", note="") if number == 1 else None
        audience = Audience(is_all=False, member_ids=(MemberId(1), MemberId(3)))
        append(
            drafted(
                f"o{number}",
                case_id=case(number % 3),
                audience=audience if number == 4 else ALL_MEMBERS,
            ),
            source,
        )
    widened = AudienceWidened(4, leaf_hash(own[4]), FOR_OTHERS)
    append(drafted("o widened", case_id=case(1), control=widened))
    append(drafted("o erased", case_id=case(2), control=_erasure(OWN_ID, own[2])))
    store.rotate_key(rotation_at, next_author_of(OWN)).result()
    append(drafted("o last", case_id=case(0)))
    append(drafted("o very last", case_id=case(0)))
    peer = written_peer(own)
    store.ingest(peer.batch(end=8, has_note=False)).result()
    held = [_part(peer, index) for index in (0, 1, 2, 6)]
    store.put_parts(held, AskedParts(PEER_ID, 8, [(4, 0), (7, 0)], {(4, 0): EMBARGO_MS})).result()
    store.ingest(peer.batch(start=8)).result()
    store.put_parts([], AskedParts(PEER_ID, len(peer.entries), [(8, 0)])).result()
    key = (PEER_ID, 7, 0)
    head = _part(peer, 7)._replace(content=b"", large_bytes=600_000)
    assert store.large_parts.begin(head).result()
    assert store.large_parts.put(key, 0, [b"a first chunk", b"a second one"]).result()
    for origin in (Origin("test/third/1"), BEFORE):
        store.freeze(log_id_of(origin), 5, "cut_by_roster", b"").result()
    state = store.log_state(PEER_ID)
    checkpoint = Checkpoint(PEER, state.size, state.root)
    signer = Ed25519Signer(seed(f"cosigner {OWN}"))
    cosigned = cosign(checkpoint, witness=OWN, signer=signer, time_s=1_700_000_000)
    store.cosignatures.put([cosigned]).result()
    upload = UploadRef(b"o" * 32, b"u" * 16)
    claim = UploadClaim(400_000, seed("file"), "a.pdf", "")
    store.uploads.begin(upload, RequestKey(b"k" * 16), claim).result()
    store._run(lambda: _put_chunk(store, upload)).result()


def _put_chunk(store: SqliteStore, upload: UploadRef) -> None:
    """A chunk shorter than any node takes: the database stays small."""
    from registry.store.chunks import chunk_context, seal_piece  # noqa: PLC0415
    from registry.store.sealing import upload_context  # noqa: PLC0415

    with store._datastore.writing() as cursor:
        cursor.execute("SELECT upload_no, wrapped_key FROM uploads")
        row = cursor.fetchone()
        key = NODE_KEYS.unwrap(row["wrapped_key"], upload_context(upload.upload_id))
        sealed = seal_piece(NODE_KEYS, key, b"a chunk", chunk_context(0))
        cursor.execute("INSERT INTO upload_chunks VALUES (?, 0, ?)", (row["upload_no"], sealed))


def _part(peer: Peer, index: int) -> HeldPart:
    part = peer.drafts[index].parts[0]
    return HeldPart(PEER_ID, index, 0, part.salt, part.media_type, part.content)


# --- what is held -------------------------------------------------------------------------------

OWN_NOTES: Final = {
    "case_entries": {"received_ms"},
    "recent_appends": {"received_ms", "request_digest"},
    "own_requests": {"request_digest"},
    "uploads": {"owner", "request_key", "created_ms"},
    "logs": {"parts_below", "log_no"},
    "act_notes": {"*"},
    "cosignatures": {"*"},
    "part_chunks": {"*"},
    "upload_chunks": {"*"},
    "part_arrivals": {"*"},
}
"""What this node alone noted and nothing derives, or what it asks for again if it is lost, such as
the last chunk of a part that is still on its way; ADR 0031 says what damage to each may do. It only
counts once fsck has found nothing: a chunk of a part that is held is never among it."""
_SAYS: Final = {"recent_appends": "case_no IS NOT NULL OR request_id IS NOT NULL"}
"""Rows that say anything at all: a rotation of the key is in no case and answers no request."""
Dump = dict[str, list[tuple[Any, ...]]]


def dump(database: sqlite3.Connection, *, without: dict[str, set[str]] | None = None) -> Dump:
    """All that a database says, row by row, without the numbers by which SQLite finds rows."""
    without = {"part_arrivals": {"arrival_no"}} if without is None else without
    found: Dump = {}
    tables = database.execute(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
    ).fetchall()
    for (table,) in tables:
        left_out = without.get(table, set())
        columns = [
            name
            for _, name, *_ in database.execute(f'PRAGMA table_info("{table}")')
            if not {name, "*"} & left_out
        ]
        if columns:
            names = ", ".join(f"quote({name}), typeof({name})" for name in columns)
            says = _SAYS.get(table, "1") if left_out else "1"
            statement = f'SELECT {names} FROM "{table}" WHERE {says}'
            found[table] = sorted(database.execute(statement).fetchall())
    found["schema"] = sorted(
        database.execute("SELECT type, name, coalesce(sql, '') FROM sqlite_master").fetchall()
    )
    return found


# --- damage -------------------------------------------------------------------------------------


class RowDamage(NamedTuple):
    """One statement that changes a stored value or row."""

    name: str
    statement: str
    values: tuple[Any, ...]


def _tables(database: sqlite3.Connection) -> dict[str, list[str]]:
    names = database.execute(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
    ).fetchall()
    return {
        name: [row[1] for row in database.execute(f"PRAGMA table_info({name})")]
        for (name,) in names
        if database.execute(f"SELECT count(*) FROM {name}").fetchone()[0]
    }


def row_damages(database: sqlite3.Connection, rng: random.Random) -> Iterator[RowDamage]:
    """Endless damages: a table, a row, and a flip, a cut, a swap or a loss, by chance."""
    tables = _tables(database)
    kinds: Sequence[Callable[..., RowDamage]] = (_flip, _flip, _cut, _swap, _lose)
    while True:
        table = rng.choice(sorted(tables))
        columns = tables[table]
        rows = database.execute(f"SELECT {', '.join(columns)} FROM {table}").fetchall()
        yield rng.choice(kinds)(table, columns, rows, rng)


def _where(columns: Sequence[str], row: Sequence[Any]) -> tuple[str, tuple[Any, ...]]:
    return " AND ".join(f"{name} IS ?" for name in columns), tuple(row)


def _update(
    table: str, columns: Sequence[str], row: Sequence[Any], column: str, value: Any
) -> tuple[str, tuple[Any, ...]]:
    where, values = _where(columns, row)
    return f"UPDATE {table} SET {column} = ? WHERE {where}", (value, *values)


def _flip(table: str, columns: Sequence[str], rows: Sequence[Any], rng: random.Random) -> RowDamage:
    row, at = rng.choice(rows), rng.randrange(len(columns))
    value = _flipped(row[at], rng)
    return RowDamage(
        f"flip {table}.{columns[at]}", *_update(table, columns, row, columns[at], value)
    )


def _flipped(value: Any, rng: random.Random) -> Any:
    match value:
        case int():
            return value ^ (1 << rng.randrange(12))
        case bytes() if value:
            changed = bytearray(value)
            changed[rng.randrange(len(value))] ^= 1 << rng.randrange(8)
            return bytes(changed)
        case str() if value:
            at = rng.randrange(len(value))
            return value[:at] + chr(ord(value[at]) ^ 1) + value[at + 1 :]
        case _:
            return rng.choice((0, 7, b"x"))


def _cut(table: str, columns: Sequence[str], rows: Sequence[Any], rng: random.Random) -> RowDamage:
    row = rng.choice(rows)
    places = [at for at, value in enumerate(row) if isinstance(value, (bytes, str)) and value]
    if not places:
        return _flip(table, columns, rows, rng)
    at = rng.choice(places)
    value = row[at][: rng.randrange(len(row[at]))]
    return RowDamage(
        f"cut {table}.{columns[at]}", *_update(table, columns, row, columns[at], value)
    )


def _swap(table: str, columns: Sequence[str], rows: Sequence[Any], rng: random.Random) -> RowDamage:
    """Puts another row's value in the place of one."""
    at = rng.randrange(len(columns))
    row, other = rng.choice(rows), rng.choice(rows)
    if row[at] == other[at]:
        return _flip(table, columns, rows, rng)
    return RowDamage(
        f"swap {table}.{columns[at]}", *_update(table, columns, row, columns[at], other[at])
    )


def _lose(table: str, columns: Sequence[str], rows: Sequence[Any], rng: random.Random) -> RowDamage:
    where, values = _where(columns, rng.choice(rows))
    return RowDamage(f"lose {table}", f"DELETE FROM {table} WHERE {where}", values)


def build(folder: Path) -> Path:
    """Makes the database and brings all of it into one file."""
    store = make_node(folder)
    fill(store)
    store.close()
    database = folder / "log.db"
    with closing(sqlite3.connect(database, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode=DELETE")
        # Free pages and unused bytes, as every database has them.
        connection.execute("CREATE TABLE filler (x)")
        connection.execute("INSERT INTO filler VALUES (zeroblob(9000))")
        connection.execute("DROP TABLE filler")
    return database


__all__ = ["OWN_NOTES", "Origin", "RowDamage", "build", "dump", "row_damages", "use_small_tiles"]
