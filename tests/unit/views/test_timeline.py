"""The timeline: sorted by the act's own date, and never mixed up with the order of record."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from registry.domain.content import PartialDate, ReplyReceived, StatementIssued
from registry.domain.vocabulary import EventKind
from registry.store.guard import Guard
from registry.store.sqlite import SqliteStore, open_sqlite_store
from registry.views.case_file import CaseHistory, PartState, read_history
from registry.views.timeline import TimelineItem, read_timeline
from tests.storage.storage_world import (
    NODE_KEYS,
    NOW_MS,
    ORIGINS,
    OWN,
    PEER,
    author_of,
    case,
    open_store,
    request,
)
from tests.unit.views.view_world import OTHER_MEMBER, PEER_MEMBER, Mechanism, only, reader_of, take

CASE = case(1)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    opened = open_store(tmp_path)
    yield opened
    opened.close()


def statement(day: str | None) -> StatementIssued:
    date = None if day is None else PartialDate(value=day)
    return StatementIssued(acting_body="a", basis="own_act", issued_date=date, title=day or "?")


def read(store: SqliteStore) -> tuple[CaseHistory, tuple[TimelineItem, ...]]:
    history = read_history(reader_of(store), CASE)
    return history, read_timeline(history)


def test_acts_stand_by_their_own_dates_and_not_by_when_they_were_recorded(
    store: SqliteStore,
) -> None:
    peer = Mechanism(PEER)
    for day in ("2019-03-01", "2014-06-14", "2017-08-22"):
        peer.act(statement(day), case_id=CASE)
    take(store, peer)

    history, timeline = read(store)

    assert [item.event.index for item in timeline] == [1, 2, 0]
    assert [event.index for event in history.events] == [0, 1, 2]
    assert [item.act_date.value for item in timeline if item.act_date] == [
        "2014-06-14",
        "2017-08-22",
        "2019-03-01",
    ]


def test_year_stands_before_its_months_and_a_month_before_its_days(store: SqliteStore) -> None:
    peer = Mechanism(PEER)
    for day in ("2014-06-14", "2014-06", "2014", "2013-12-31", "2014-07"):
        peer.act(statement(day), case_id=CASE)
    take(store, peer)

    _, timeline = read(store)

    found = [(d.value, d.precision.value) for d in (item.act_date for item in timeline) if d]
    assert found == [
        ("2013-12-31", "day"),
        ("2014", "year"),
        ("2014-06", "month"),
        ("2014-06-14", "day"),
        ("2014-07", "month"),
    ]


def test_acts_without_a_readable_date_come_last_in_the_order_of_record(store: SqliteStore) -> None:
    peer = Mechanism(PEER)
    peer.act(statement(None), case_id=CASE)
    peer.act(
        statement("2001-01-01"),
        case_id=CASE,
        kind=EventKind.SEALED,
        audience=only(PEER_MEMBER, OTHER_MEMBER),
    )
    peer.act(statement(""), case_id=CASE)
    peer.empty(case_id=CASE)
    peer.act(statement("2020"), case_id=CASE)
    take(store, peer, with_parts=False)
    store.put_parts(peer.parts([0, 2, 4])).result()

    _, timeline = read(store)

    assert [item.event.index for item in timeline] == [4, 0, 1, 2, 3]
    assert [item.act_date for item in timeline[1:]] == [None] * 4
    assert timeline[2].event.content_state is PartState.WITHHELD


def test_acts_of_one_date_keep_the_order_of_record(store: SqliteStore) -> None:
    peer = Mechanism(PEER)
    peer.act(statement("2014"), case_id=CASE, time_ms=NOW_MS + 7)
    reply = ReplyReceived(acting_body="a", basis="own_act", received_date=PartialDate(value="2014"))
    peer.act(reply, case_id=CASE, time_ms=NOW_MS)
    take(store, peer)

    _, timeline = read(store)

    assert [item.event.position for item in timeline] == [0, 1]


def test_each_act_shows_when_it_was_recorded_and_when_it_was_received(tmp_path: Path) -> None:
    clock = [NOW_MS + 100]
    Guard.create(tmp_path / "guard", OWN)
    guard = Guard.open(tmp_path / "guard", OWN)
    store = open_sqlite_store(
        tmp_path / "log.db",
        author=author_of(OWN),
        guard=guard,
        node_keys=NODE_KEYS,
        now_ms=lambda: clock[0],
    )
    store.register_logs(ORIGINS).result()
    store.allow_appends()
    peer = Mechanism(PEER)
    peer.act(statement("2014"), case_id=CASE, time_ms=NOW_MS - 50)
    take(store, peer)
    clock[0] += 900
    peer.act(statement("2013"), case_id=CASE, time_ms=NOW_MS - 40)
    take(store, peer)
    clock[0] += 1
    store.append(request("own", case_id=CASE)).result()

    _, timeline = read(store)
    store.close()

    shown = [(i.event.recorded_ms - NOW_MS, i.event.received_ms - NOW_MS) for i in timeline]
    assert shown == [(-40, 1000), (-50, 100), (0, 1001)]
