"""Erasure in the store: the write-ahead log after a crash or beside a reader; the journal."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from registry.domain.identifiers import Commitment, Origin
from registry.domain.vocabulary import EventKind
from registry.errors import GuardError, InvalidRequest
from registry.log.author import draft_event
from registry.log.control import ContentErased, PartTarget, encode_control
from registry.log.entry import ALL_MEMBERS
from registry.store import erasing
from registry.store.connections import empty_wal
from registry.store.parts import seal_draft
from registry.store.sqlite import SqliteStore, open_sqlite_store
from registry.store.tombstone_journal import ErasedPart, TombstoneJournal
from registry.store.values import AppendRequest, PartsErased, StoreEvent
from tests.storage.storage_world import (
    NODE_KEYS,
    NOW_MS,
    ORIGINS,
    OWN,
    OWN_ID,
    PEER_ID,
    Peer,
    append,
    author_of,
    case,
    create_guard,
    draft,
    part_of,
    request,
)

NEEDLE_BYTES = 48


@dataclass
class Erased:
    """A log that erases the parts of its first events, and where their content stands."""

    peer: Peer = field(default_factory=Peer)
    count: int = 1

    def __post_init__(self) -> None:
        for number in range(self.count):
            self.peer.write(f"erased later {number}", case_id=case(0))
        self.peer.write("kept", case_id=case(0))
        targets = tuple(
            PartTarget(self.peer.log_id, index, 0, self.commitment(index))
            for index in range(self.count)
        )
        self.say(ContentErased(targets))

    @property
    def at(self) -> int:
        """The index of the erasure."""
        return self.count + 1

    def commitment(self, index: int) -> Commitment:
        return Commitment(self.peer.drafts[index].commitments[0].commitment)

    def say(self, erased: ContentErased) -> None:
        made = draft_event(
            log_id=self.peer.log_id,
            case_id=case(0),
            kind=EventKind.CONTENT_ERASED,
            time_ms=NOW_MS,
            parts=(),
            audience=ALL_MEMBERS,
            request_id=b"",  # type: ignore[arg-type] # none
            control=encode_control(erased),
        )
        self.peer.drafts.append(made)
        author = author_of(self.peer.origin)
        self.peer.entries.append(author.write_entry(made, index=len(self.peer.entries), refs=()))


@contextmanager
def node_store(folder: Path, *, origin: Origin = OWN) -> Iterator[SqliteStore]:
    """A node's store with its journal."""
    store = open_sqlite_store(
        folder / "log.db",
        author=author_of(origin),
        guard=create_guard(folder) if origin == OWN else None,
        node_keys=NODE_KEYS,
        now_ms=lambda: NOW_MS,
        journal=TombstoneJournal(folder / "tombstones.bin"),
    )
    with closing(store):
        store.register_logs(ORIGINS).result()
        yield store


def take_before_erasure(store: SqliteStore, erased: Erased) -> list[bytes]:
    """Stores what came before the erasure; returns bytes that must go: ciphertext and keys."""
    store.ingest(erased.peer.batch(0, erased.at)).result()
    store.put_parts([part_of(erased.peer, index) for index in range(erased.at)]).result()
    with store._datastore.reading() as cursor:
        cursor.execute(
            "SELECT sealed, wrapped_key FROM parts WHERE entry_index < ?", (erased.count,)
        )
        rows = cursor.fetchall()
    return [bytes(each)[:NEEDLE_BYTES] for row in rows for each in row]


def files_with(folder: Path, needles: list[bytes]) -> list[str]:
    assert all(len(needle) == NEEDLE_BYTES for needle in needles)
    return [
        path.name
        for path in sorted(folder.iterdir())
        if any(needle in path.read_bytes() for needle in needles)
    ]


def copied(folder: Path, to: Path) -> Path:
    """What a crash leaves: the files as they stand now, read while the store is open."""
    to.mkdir()
    for path in folder.iterdir():
        (to / path.name).write_bytes(path.read_bytes())
    (to / "log.db-shm").unlink(missing_ok=True)
    return to


def write_journal(folder: Path, *parts: ErasedPart) -> None:
    journal = TombstoneJournal(folder / "tombstones.bin")
    journal.append(parts)
    journal.close()


def tombstones(folder: Path) -> list[tuple[int, int]]:
    with closing(sqlite3.connect(folder / "log.db")) as connection:
        return connection.execute("SELECT entry_index, ordinal FROM tombstones").fetchall()


@contextmanager
def reader(store: SqliteStore) -> Iterator[None]:
    """A program that reads the state of now, for as long as it likes."""
    with store._datastore.reading() as cursor:
        cursor.execute("SELECT count(*) FROM parts")
        cursor.fetchone()
        yield


@pytest.fixture
def tries(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How long each truncation waited at most."""
    made: list[int] = []

    def counted(cursor: object, wait_ms: int) -> bool:
        made.append(wait_ms)
        return empty_wal(cursor, min(wait_ms, 1))  # type: ignore[arg-type] # a cursor

    monkeypatch.setattr(erasing, "empty_wal", counted)
    return made


# --- the write-ahead log --------------------------------------------------------------------------


def test_crash_between_an_erasure_s_commit_and_the_truncation_leaves_nothing_after_the_start(
    tmp_path: Path,
) -> None:
    node = tmp_path / "node"
    node.mkdir()
    erased = Erased()
    with node_store(node) as store:
        needles = take_before_erasure(store, erased)
        with reader(store):  # as if the node had stopped before it could truncate
            store.ingest(erased.peer.batch(erased.at)).result()
            crashed = copied(node, tmp_path / "crashed")
    assert "log.db-wal" in files_with(crashed, needles)

    with node_store(crashed):
        assert files_with(crashed, needles) == []


def test_reader_beside_an_erasure_keeps_no_later_append_waiting(
    tmp_path: Path, tries: list[int]
) -> None:
    erased = Erased()
    with node_store(tmp_path) as store:
        store.allow_appends()
        take_before_erasure(store, erased)
        with reader(store):
            tries.clear()
            store.ingest(erased.peer.batch(erased.at)).result()
            assert len(tries) == 1
            append(store, "a", "b", "c")
            assert len(tries) == 1
            assert not store.finish_erasures().result()
            assert tries[1] < tries[0]
        assert store.finish_erasures().result()
        append(store, "d")
        assert len(tries) == 3


def test_erasure_cleans_the_write_ahead_log_before_it_is_answered(tmp_path: Path) -> None:
    erased = Erased()
    with node_store(tmp_path) as store:
        needles = take_before_erasure(store, erased)
        assert files_with(tmp_path, needles)
        store.ingest(erased.peer.batch(erased.at)).result()
        assert files_with(tmp_path, needles) == []


# --- the journal ----------------------------------------------------------------------------------


def test_own_entries_that_are_refused_leave_no_tombstone_in_the_journal(tmp_path: Path) -> None:
    with node_store(tmp_path) as store:
        store.allow_appends()
        append(store, "a", "b")
    (tmp_path / "log.db").rename(tmp_path / "log.db.away")
    forked = Erased(Peer(OWN))
    with node_store(tmp_path) as store:
        with pytest.raises(GuardError, match="forked"):
            store.ingest(forked.peer.batch()).result()
        assert store.log_state(OWN_ID).size == 0
    assert (tmp_path / "tombstones.bin").read_bytes() == b""


def test_journal_erases_nothing_at_a_place_that_holds_something_else(tmp_path: Path) -> None:
    erased = Erased()
    with node_store(tmp_path) as store:
        take_before_erasure(store, erased)
    other = Commitment(b"x" * 32)
    wrong = [
        ErasedPart(PEER_ID, 1, 0, other),
        ErasedPart(PEER_ID, 1, 1, erased.commitment(1)),
        ErasedPart(OWN_ID, 0, 0, other),
    ]
    write_journal(tmp_path, *wrong, ErasedPart(PEER_ID, 0, 0, erased.commitment(0)))

    with node_store(tmp_path) as store:
        assert store.part(PEER_ID, 0, 0) is None
        assert store.part(PEER_ID, 1, 0) is not None
    assert tombstones(tmp_path) == [(0, 0)]


@pytest.mark.parametrize("is_whole", [True, False])
def test_tombstone_of_an_entry_that_is_not_held_waits_for_it(
    tmp_path: Path, *, is_whole: bool
) -> None:
    erased = Erased()
    write_journal(
        tmp_path,
        ErasedPart(PEER_ID, 0, 0, erased.commitment(0)),
        ErasedPart(PEER_ID, 1, 0, Commitment(b"x" * 32)),
    )
    with node_store(tmp_path) as store:
        end = erased.at + is_whole  # with or without the erasure itself
        store.ingest(erased.peer.batch(0, end, has_note=is_whole)).result()
        store.put_parts([part_of(erased.peer, index) for index in range(erased.at)]).result()
        store.set_parts_below(PEER_ID, erased.at, [(0, 0)]).result()
        assert store.part(PEER_ID, 0, 0) is None
        assert store.part(PEER_ID, 1, 0) is not None
        assert store.wanted_parts(PEER_ID, 9) == []
    assert tombstones(tmp_path) == [(0, 0)]


def test_tombstone_that_waits_is_not_lost_with_a_batch_that_fails(tmp_path: Path) -> None:
    erased = Erased()
    write_journal(tmp_path, ErasedPart(PEER_ID, 0, 0, erased.commitment(0)))
    with node_store(tmp_path) as store:
        broken = replace(erased.peer.batch(0, erased.at), root=None)  # type: ignore[arg-type] # fails late
        with pytest.raises(Exception, match="NOT NULL"):
            store.ingest(broken).result()
        store.ingest(erased.peer.batch(0, erased.at)).result()
        store.put_parts([part_of(erased.peer, 0)]).result()
        assert store.part(PEER_ID, 0, 0) is None


# --- what is stored -------------------------------------------------------------------------------


def test_stale_parts_of_many_erased_events_are_left_out_and_the_rest_is_stored(
    tmp_path: Path,
) -> None:
    erased = Erased(count=5)
    heard: list[StoreEvent] = []
    with node_store(tmp_path) as store:
        store.add_listener(heard.append)
        store.ingest(erased.peer.batch()).result()
        assert PartsErased(PEER_ID, tuple((index, 0) for index in range(5))) in heard
        store.put_parts([part_of(erased.peer, index) for index in range(erased.at)]).result()
        assert [store.part(PEER_ID, index, 0) is None for index in range(6)] == [True] * 5 + [False]


def test_erased_content_is_not_stored_at_another_place_of_its_log(tmp_path: Path) -> None:
    erased = Erased()
    erased.peer.write("erased later 0", case_id=case(0))  # the same text and salt
    copy = len(erased.peer.entries) - 1
    with node_store(tmp_path) as store:
        store.ingest(erased.peer.batch()).result()
        store.put_parts([part_of(erased.peer, copy), part_of(erased.peer, 1)]).result()
        assert store.part(PEER_ID, copy, 0) is None
        assert store.part(PEER_ID, 1, 0) == part_of(erased.peer, 1)


@pytest.mark.parametrize("count", [0, 2])
def test_event_is_refused_alone_if_it_does_not_come_with_the_parts_it_commits_to(
    tmp_path: Path, count: int
) -> None:
    with node_store(tmp_path) as store:
        store.allow_appends()
        made = draft("with one part")
        sealed = tuple(seal_draft(made.parts[0], NODE_KEYS) for _ in range(count))
        bad = AppendRequest(made, b"", sealed=sealed)
        good = store._sealed(request("good"))
        results = store._writing.append_group([bad, good, bad])
        assert [type(each) for each in (results[0], results[2])] == [InvalidRequest] * 2
        assert store.log_state(OWN_ID).size == 1
        assert store.part(OWN_ID, 0, 0) is not None
