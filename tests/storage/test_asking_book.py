"""The book of questions and answers: it counts once, forgets what is old, outlives a restart."""

from contextlib import closing
from pathlib import Path

from registry.domain.identifiers import RequestKey
from registry.store.asking_book import BookEntry
from registry.store.office import Office
from tests.storage.storage_world import NOW_MS

KEY = b"o" * 32


def entry(number: int, time_ms: int = NOW_MS, mechanism: str = "beta") -> BookEntry:
    return BookEntry(RequestKey(bytes([number]) * 16), mechanism, time_ms, "ada", "asked")


def test_entry_is_kept_once_and_found_after_a_restart(tmp_path: Path) -> None:
    with closing(Office(tmp_path / "office.db", KEY)) as office:
        office.asking.add([entry(1), entry(1, mechanism="gamma")], forget_before_ms=0)
        office.asking.add([entry(1, NOW_MS + 5)], forget_before_ms=0)

    with closing(Office(tmp_path / "office.db", KEY)) as office:
        assert set(office.asking.since(NOW_MS)) == {entry(1), entry(1, mechanism="gamma")}
        assert office.asking.since(NOW_MS + 1) == []


def test_what_is_older_than_the_limits_look_back_is_forgotten(tmp_path: Path) -> None:
    with closing(Office(tmp_path / "office.db", KEY)) as office:
        office.asking.add([entry(1)], forget_before_ms=0)
        office.asking.add([entry(2, NOW_MS + 9)], forget_before_ms=NOW_MS + 1)

        assert office.asking.since(0) == [entry(2, NOW_MS + 9)]


def test_what_came_to_nothing_is_dropped(tmp_path: Path) -> None:
    with closing(Office(tmp_path / "office.db", KEY)) as office:
        office.asking.add([entry(1), entry(2)], forget_before_ms=0)
        office.asking.drop(entry(1).request_key)

        assert office.asking.since(0) == [entry(2)]
