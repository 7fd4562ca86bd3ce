"""The office database: an act that was dropped leaves no byte of itself in any file."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from registry.domain.identifiers import CaseId, LogId, RequestKey
from registry.store import encrypted
from registry.store.connections import empty_wal
from registry.store.office import Office, PendingRow
from tests.storage.storage_world import NOW_MS

KEY = b"o" * 32


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encrypted, "empty_wal", lambda cursor: empty_wal(cursor, 1))


def pending(name: str) -> PendingRow:
    key = RequestKey(name.encode().ljust(16))
    case_id = CaseId(b"c" * 16)
    return PendingRow(
        0, name, key, b"digest", "publish", "ada", "", NOW_MS, case_id, 0, b"content " * 500
    )


def wal_size(folder: Path) -> int:
    return (folder / "office.db-wal").stat().st_size


@contextmanager
def reader(office: Office) -> Iterator[None]:
    with office._transaction(commit=False) as cursor:
        cursor.execute("SELECT count(*) FROM pending")
        cursor.fetchone()
        yield


def test_dropped_act_is_out_of_the_write_ahead_log(tmp_path: Path) -> None:
    with closing(Office(tmp_path / "office.db", KEY)) as office:
        office.add_pending(pending("one"))
        assert wal_size(tmp_path) > 0
        assert office.drop_pending("one")
        assert wal_size(tmp_path) == 0


def test_drop_beside_a_reader_is_finished_by_the_next_drop(tmp_path: Path) -> None:
    with closing(Office(tmp_path / "office.db", KEY)) as office:
        office.add_pending(pending("one"))
        with reader(office):
            assert office.drop_pending("one")
            assert wal_size(tmp_path) > 0
        assert not office.drop_pending("one")
        assert wal_size(tmp_path) == 0


def test_drop_that_a_crash_cut_short_is_finished_at_the_next_open(tmp_path: Path) -> None:
    crashed = tmp_path / "crashed"
    crashed.mkdir()
    node = tmp_path / "node"
    node.mkdir()
    with closing(Office(node / "office.db", KEY)) as office:
        office.add_pending(pending("one"))
        with reader(office):
            office.drop_pending("one")
            for name in ("office.db", "office.db-wal"):
                (crashed / name).write_bytes((node / name).read_bytes())
    assert wal_size(crashed) > 0

    with closing(Office(crashed / "office.db", KEY)) as office:
        assert wal_size(crashed) == 0
        assert office.pending("one") is None


def test_acts_that_wait_for_another_log_are_dropped_when_a_new_one_begins(tmp_path: Path) -> None:
    first, second = LogId(b"1" * 32), LogId(b"2" * 32)
    for log_id, left in ((first, 1), (first, 1), (second, 0)):
        with closing(Office(tmp_path / "office.db", KEY)) as office:
            office.begin_log(log_id)
            if office.pending("erase event 3") is None and left:
                office.add_pending(pending("erase event 3"))
            assert len(office.pending_after(0, 10)) == left
