"""The case list forgets what was erased, its write-ahead log too, however long a reader stays."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from registry.domain.content import StatementIssued
from registry.domain.identifiers import NO_CASE, CaseId
from registry.domain.vocabulary import EventKind
from registry.log.author import draft_event
from registry.log.control import ContentErased, PartTarget, encode_control
from registry.log.entry import ALL_MEMBERS
from registry.store import encrypted
from registry.store.connections import empty_wal
from registry.store.read_models import ReadModels, open_read_models
from registry.store.sqlite import SqliteStore
from registry.views.projector import Progress, Projector
from tests.storage.storage_world import NOW_MS, PEER, VIEWS_KEY, case, open_store
from tests.unit.views.view_world import NO_KEY, Mechanism, reader_of, take

STATEMENT = StatementIssued(acting_body="a", basis="own_act", states=("EGY",))


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encrypted, "empty_wal", lambda cursor: empty_wal(cursor, 1))


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    opened = open_store(tmp_path)
    yield opened
    opened.close()


@pytest.fixture
def models(tmp_path: Path) -> Iterator[ReadModels]:
    opened = open_read_models(tmp_path / "views.db", VIEWS_KEY)
    yield opened
    opened.close()


def wal_size(folder: Path) -> int:
    return (folder / "views.db-wal").stat().st_size


@contextmanager
def reader(models: ReadModels) -> Iterator[None]:
    with models._transaction(commit=False) as cursor:
        cursor.execute("SELECT count(*) FROM documents")
        cursor.fetchone()
        yield


def peer_with(count: int) -> Mechanism:
    peer = Mechanism(PEER)
    for number in range(count):
        peer.act(STATEMENT, case_id=case(number))
    return peer


def erase_first(peer: Mechanism, case_id: CaseId = NO_CASE) -> None:
    commitment = peer.drafts[0].commitments[0].commitment
    erased = ContentErased((PartTarget(peer.log_id, 0, 0, commitment),))
    made = draft_event(
        log_id=peer.log_id,
        case_id=case_id or case(0),
        kind=EventKind.CONTENT_ERASED,
        time_ms=NOW_MS,
        parts=(),
        audience=ALL_MEMBERS,
        request_id=NO_KEY,
        control=encode_control(erased),
    )
    peer.place(made)


def test_erasure_leaves_nothing_in_the_write_ahead_log(
    store: SqliteStore, models: ReadModels, tmp_path: Path
) -> None:
    peer, folding = peer_with(1), Projector(reader_of(store), models)
    take(store, peer)
    folding.advance()
    erase_first(peer)
    take(store, peer)
    assert folding.forgotten_id < store.newest_change_id()
    assert folding.advance() == Progress(changes=1, is_behind=False, has_forgotten=True)
    assert wal_size(tmp_path) == 0
    assert folding.forgotten_id == store.newest_change_id()


def test_reader_puts_the_forgetting_off_until_a_fold_of_nothing(
    store: SqliteStore, models: ReadModels, tmp_path: Path
) -> None:
    peer, folding = peer_with(1), Projector(reader_of(store), models)
    take(store, peer)
    folding.advance()
    before = folding.forgotten_id
    erase_first(peer)
    take(store, peer)
    with reader(models):
        assert not folding.advance().has_forgotten
        assert folding.advance() == Progress(changes=0, is_behind=False, has_forgotten=False)
        assert (folding.lag(), folding.forgotten_id) == (0, before)
        assert wal_size(tmp_path) > 0

    assert folding.advance() == Progress(changes=0, is_behind=False, has_forgotten=True)
    assert wal_size(tmp_path) == 0
    assert folding.forgotten_id == store.newest_change_id()


def test_fold_that_was_left_in_the_middle_of_an_erasure_has_forgotten_nothing(
    store: SqliteStore, models: ReadModels, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, size in (("STEP_CASES", 1), ("SAVED_CASES", 1)):
        monkeypatch.setattr(f"registry.views.projector.{name}", size)
    peer, folding = peer_with(3), Projector(reader_of(store), models)
    take(store, peer)
    folding.advance()
    before = folding.forgotten_id
    erase_first(peer)
    peer.act(STATEMENT, case_id=case(1))
    take(store, peer)
    next(folding.steps())

    assert folding.forgotten_id == before


def test_start_after_an_erasure_has_forgotten_nothing_until_all_is_folded(
    store: SqliteStore, models: ReadModels, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("registry.views.projector.BATCH_CHANGES", 2)
    take(store, peer_with(3))
    folding = Projector(reader_of(store), models)
    assert folding.advance() == Progress(changes=6, is_behind=True, has_forgotten=False)
    assert folding.forgotten_id == 0
    assert wal_size(tmp_path) > 0
    while folding.advance().is_behind:
        pass
    assert folding.forgotten_id == store.newest_change_id()
    assert wal_size(tmp_path) == 0
