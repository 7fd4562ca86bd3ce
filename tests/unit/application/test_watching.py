"""Watching: nothing is left out after a cursor, and a cursor of another store is refused."""

import math
from collections.abc import Iterator
from pathlib import Path

import pytest

from registry.application import watching
from registry.application.watching import (
    START,
    Changed,
    Cursor,
    Watch,
    changes_after,
    read_cursor,
    write_cursor,
)
from registry.domain.content import StatementIssued
from registry.domain.identifiers import Origin
from registry.errors import CursorOutOfRange, InvalidRequest, NotFound
from registry.store.sqlite import SqliteStore
from tests.storage.storage_world import NOW_MS, OTHER, PEER, case, open_store
from tests.unit.views.view_world import Mechanism, take

STATEMENT = StatementIssued(acting_body="a", basis="own_act")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    opened = open_store(tmp_path)
    yield opened
    opened.close()


def peer_with(count: int, origin: Origin = PEER) -> Mechanism:
    peer = Mechanism(origin)
    for number in range(count):
        peer.act(STATEMENT, case_id=case(number % 2))
    return peer


def all_from(store: SqliteStore, cursor: Cursor = START, number: int | None = None) -> list[int]:
    """The indices of what is told, in steps."""
    told: list[int] = []
    while True:
        found = changes_after(store, cursor, None if number is None else case(number))
        told += [each.index for each in found.changed]
        cursor = found.cursor
        if found.is_caught_up:
            return told


@pytest.mark.parametrize("at_once", [1, 2, 500])
def test_every_change_is_told_in_steps_of_any_size(
    store: SqliteStore, monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    monkeypatch.setattr(watching, "CHANGES_AT_ONCE", at_once)
    take(store, peer_with(5))

    assert set(all_from(store)) == {0, 1, 2, 3, 4}
    assert set(all_from(store, number=1)) == {1, 3}


def test_what_comes_after_a_cursor_is_told_and_a_part_that_comes_later_again(
    store: SqliteStore,
) -> None:
    peer = peer_with(3)
    take(store, peer, with_parts=False)
    first = changes_after(store, START)
    text = write_cursor(store, first.cursor)
    assert changes_after(store, read_cursor(store, text)).changed == ()

    store.put_parts(peer.parts([1])).result()
    again = changes_after(store, read_cursor(store, text))
    assert again.changed == (Changed(case(1), peer.log_id, 1),)
    text = write_cursor(store, again.cursor)
    peer.act(STATEMENT, case_id=case(7))
    take(store, peer)
    later = changes_after(store, read_cursor(store, text))
    assert Changed(case(7), peer.log_id, 3) in later.changed


def test_cursor_of_another_store_is_refused_however_much_that_holds(
    store: SqliteStore, tmp_path: Path
) -> None:
    take(store, peer_with(3))
    text = write_cursor(store, changes_after(store, START).cursor)
    (tmp_path / "two").mkdir()
    other = open_store(tmp_path / "two")
    try:
        with pytest.raises(CursorOutOfRange, match="start without a cursor"):
            read_cursor(other, text)
        take(other, peer_with(6, OTHER))
        with pytest.raises(CursorOutOfRange):
            read_cursor(other, text)
    finally:
        other.close()
    assert read_cursor(store, text).entry_id == 3


@pytest.mark.parametrize(
    "text",
    ["x", "1", "1.2", "1.2.3", "-1.0.0.", "1.0.0.zz", "9" * 19 + ".0.0.", "1.0.0." + "a" * 15],
)
def test_cursor_that_nobody_gave_is_refused(store: SqliteStore, text: str) -> None:
    with pytest.raises(InvalidRequest, match="cursor"):
        read_cursor(store, text)


def test_cursor_is_refused_where_another_part_took_the_place_of_its_own(
    store: SqliteStore, tmp_path: Path
) -> None:
    peer = peer_with(3)
    take(store, peer, with_parts=False)
    store.put_parts(peer.parts([0])).result()
    store.put_parts(peer.parts([1])).result()
    text = write_cursor(store, changes_after(store, START).cursor)
    (tmp_path / "restored").mkdir()
    restored = open_store(tmp_path / "restored")
    try:
        take(restored, peer, with_parts=False)
        with pytest.raises(CursorOutOfRange):
            read_cursor(restored, text)
        restored.put_parts(peer.parts([2])).result()
        restored.put_parts(peer.parts([0])).result()
        with pytest.raises(CursorOutOfRange):
            read_cursor(restored, text)
    finally:
        restored.close()
    assert read_cursor(store, text).part_id


def test_empty_cursor_is_the_start_and_one_of_a_part_that_never_came_is_refused(
    store: SqliteStore,
) -> None:
    take(store, peer_with(2))
    last = changes_after(store, START).cursor

    assert read_cursor(store, "") == START
    with pytest.raises(CursorOutOfRange):
        read_cursor(store, f"{last.entry_id}.{last.part_id + 5}.0.{'0' * 16}")


# --- embargoes ----------------------------------------------------------------------------------


class Clock:
    """A node's clock, moved by the test."""

    def __init__(self) -> None:
        self.time_ms = NOW_MS

    def __call__(self) -> int:
        return self.time_ms


def peer_with_embargoes(*ends_ms: int) -> Mechanism:
    """One event of the case for each: 0 = without an embargo."""
    peer = Mechanism(PEER)
    for until_ms in ends_ms:
        peer.act(STATEMENT, case_id=case(0), not_before_ms=until_ms)
    return peer


def test_event_is_told_again_when_its_embargo_ends_and_only_then(store: SqliteStore) -> None:
    peer, clock = peer_with_embargoes(0, NOW_MS + 2000, NOW_MS + 1000, NOW_MS - 1000), Clock()
    take(store, peer)
    watch = Watch(store, clock, START, case(0))
    first = watch.step()
    assert ({each.index for each in first.changed}, first.wait_s) == ({0, 1, 2, 3}, 1.0)

    clock.time_ms += 999
    assert watch.step().changed == ()
    clock.time_ms += 1
    second = watch.step()
    assert (second.changed, second.wait_s) == ((Changed(case(0), peer.log_id, 2),), 1.0)
    assert watch.step().changed == ()
    clock.time_ms += 5000
    last = watch.step()
    assert (last.changed, last.wait_s) == ((Changed(case(0), peer.log_id, 1),), math.inf)


def test_embargo_that_ended_while_nobody_watched_is_told_from_the_cursor_on(
    store: SqliteStore,
) -> None:
    peer, clock = peer_with_embargoes(NOW_MS + 1000), Clock()
    take(store, peer)
    text = write_cursor(store, Watch(store, clock, START, case(0)).step().cursor)
    clock.time_ms += 1000

    again = Watch(store, clock, read_cursor(store, text), case(0)).step()

    assert [each.index for each in again.changed] == [0]
    text = write_cursor(store, again.cursor)
    assert Watch(store, clock, read_cursor(store, text), case(0)).step().changed == ()


def test_embargo_of_an_event_that_came_later_is_waited_for_and_those_of_other_cases_are_not(
    store: SqliteStore,
) -> None:
    peer, clock = peer_with_embargoes(0), Clock()
    peer.act(STATEMENT, case_id=case(1), not_before_ms=NOW_MS + 10)
    take(store, peer)
    watch = Watch(store, clock, START, case(0))
    assert watch.step().wait_s == math.inf

    peer.act(STATEMENT, case_id=case(0), not_before_ms=NOW_MS + 3000)
    take(store, peer)
    assert watch.step().wait_s == 3.0
    clock.time_ms += 3000
    assert [each.index for each in watch.step().changed] == [2]


def test_clock_that_is_set_back_makes_the_end_of_an_embargo_told_twice(store: SqliteStore) -> None:
    clock = Clock()
    take(store, peer_with_embargoes(NOW_MS + 1000))
    watch = Watch(store, clock, START, case(0))
    told = []
    for moved_ms in (0, 1000, -500, 500):
        clock.time_ms += moved_ms
        told.append(len(watch.step().changed))
    assert told == [1, 1, 0, 1]


def test_case_without_events_cannot_be_watched(store: SqliteStore) -> None:
    take(store, peer_with_embargoes(0))
    with pytest.raises(NotFound, match="no case"):
        Watch(store, Clock(), START, case(5))
