"""The history of a case: order, digest, vector, remarks, and what is said of each content."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from registry.domain.content import CaseOpened, ReplyReceived, StatementIssued
from registry.domain.identifiers import LeafHash, LogId
from registry.errors import CorruptDatabase
from registry.log.entry import EventRef
from registry.log.merkle import leaf_hash
from registry.store.entries import EntryStore
from registry.store.sqlite import SqliteStore
from registry.store.values import StoredEntry
from registry.views.case_file import read_history
from tests.storage.storage_world import (
    NOW_MS,
    OTHER,
    OTHER_ID,
    OWN,
    PEER,
    PEER_ID,
    case,
    open_store,
    request,
    seed,
)
from tests.unit.views.view_world import (
    Mechanism,
    digest_of,
    places,
    reader_of,
    take,
)

CASE = case(1)
STATEMENT = StatementIssued(acting_body="coe.commissioner", basis="own_act", title="A statement")
REPLY = ReplyReceived(acting_body="un.sr-hrd", basis="own_act")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    opened = open_store(tmp_path)
    yield opened
    opened.close()


@pytest.fixture
def peer() -> Mechanism:
    return Mechanism(PEER)


@pytest.fixture
def other() -> Mechanism:
    return Mechanism(OTHER)


def test_events_of_all_logs_stand_in_the_order_of_record(
    store: EntryStore, peer: Mechanism, other: Mechanism
) -> None:
    peer.act(STATEMENT, case_id=CASE, time_ms=NOW_MS + 30)
    peer.act(STATEMENT, case_id=case(2), time_ms=NOW_MS)
    other.act(STATEMENT, case_id=CASE, time_ms=NOW_MS + 10)
    other.act(STATEMENT, case_id=CASE, time_ms=NOW_MS + 40)
    take(store, peer, other)

    history = read_history(reader_of(store), CASE)

    assert places(history) == [("other", 0), ("peer", 0), ("other", 1)]
    assert [event.position for event in history.events] == [0, 1, 2]
    assert [event.recorded_ms - NOW_MS for event in history.events] == [10, 30, 40]
    assert [event.content for event in history.events] == [STATEMENT] * 3


def test_lying_clock_moves_no_answer_before_its_question(
    store: EntryStore, peer: Mechanism, other: Mechanism
) -> None:
    asked = peer.act(STATEMENT, case_id=CASE, time_ms=NOW_MS)
    other.act(REPLY, case_id=CASE, time_ms=NOW_MS - 10**9, refs=[asked])
    take(store, other, peer)

    history = read_history(reader_of(store), CASE)

    assert places(history) == [("peer", 0), ("other", 0)]
    assert [event.remarks for event in history.events] == [(), ()]


def test_digest_and_vector_are_those_of_the_design(
    store: EntryStore, peer: Mechanism, other: Mechanism
) -> None:
    first = peer.act(STATEMENT, case_id=CASE)
    second = other.act(REPLY, case_id=CASE, refs=[first])
    peer.act(STATEMENT, case_id=case(2))
    take(store, peer, other)

    history = read_history(reader_of(store), CASE)

    assert history.digest == digest_of(CASE, [first.leaf_hash, second.leaf_hash])
    assert [(place.origin, place.size) for place in history.vector] == [(OTHER, 1), (PEER, 2)]
    assert [place.root for place in history.vector] == [
        other.range_at(1).root(),
        peer.range_at(2).root(),
    ]


def test_unknown_case_has_no_events_and_the_digest_of_none(store: EntryStore) -> None:
    history = read_history(reader_of(store), CASE)

    assert history.events == ()
    assert history.digest == digest_of(CASE, [])
    assert history.vector == ()


def test_digest_does_not_depend_on_content_that_is_held(store: EntryStore, peer: Mechanism) -> None:
    peer.act(STATEMENT, case_id=CASE)
    take(store, peer, with_parts=False)
    before = read_history(reader_of(store), CASE)
    store.put_parts(peer.parts()).result()
    after = read_history(reader_of(store), CASE)

    assert before.digest == after.digest
    assert before.vector == after.vector
    assert before.events != after.events


def test_log_that_grows_while_it_is_read_changes_nothing(
    store: SqliteStore, peer: Mechanism, other: Mechanism, monkeypatch: pytest.MonkeyPatch
) -> None:
    peer.act(STATEMENT, case_id=CASE)
    take(store, peer)
    expected = read_history(reader_of(store), CASE)
    peer.act(STATEMENT, case_id=CASE, time_ms=NOW_MS - 5)
    other.act(STATEMENT, case_id=CASE, time_ms=NOW_MS - 5)
    read_entries = store.case_entries

    def grow_and_read(case_id: object) -> list[StoredEntry]:
        assert case_id == CASE
        take(store, peer, other)
        return read_entries(CASE)

    monkeypatch.setattr(store, "case_entries", grow_and_read)
    history = read_history(reader_of(store), CASE)
    monkeypatch.undo()

    assert history == expected
    assert len(read_history(reader_of(store), CASE).events) == 3


def test_reference_to_what_is_not_here_is_told_and_holds_nothing_up(
    store: EntryStore, peer: Mechanism
) -> None:
    absent = EventRef(OTHER_ID, 7, LeafHash(seed("absent")))
    unknown = EventRef(LogId(b"\xff" * 32), 3, LeafHash(seed("unknown")))
    peer.act(STATEMENT, case_id=CASE, refs=sorted([absent, unknown]))
    take(store, peer)

    (event,) = read_history(reader_of(store), CASE).events

    assert set(event.remarks) == {
        f"refers to event 7 of {OTHER}, not received",
        f"refers to event 3 of {'ff' * 32}, not received",
    }


def test_reference_to_other_bytes_than_are_held_imposes_no_order(
    store: EntryStore, peer: Mechanism, other: Mechanism
) -> None:
    held = peer.act(STATEMENT, case_id=CASE, time_ms=NOW_MS)
    forged = held._replace(leaf_hash=LeafHash(seed("other bytes")))
    other.act(REPLY, case_id=CASE, time_ms=NOW_MS - 5, refs=[forged])
    take(store, peer, other)

    history = read_history(reader_of(store), CASE)

    assert places(history) == [("other", 0), ("peer", 0)]
    assert history.events[0].remarks == (f"refers to event 0 of {PEER}, not received",)


def test_reference_into_another_case_imposes_no_order(
    store: EntryStore, peer: Mechanism, other: Mechanism
) -> None:
    elsewhere = peer.act(STATEMENT, case_id=case(2))
    other.act(REPLY, case_id=CASE, refs=[elsewhere])
    take(store, peer, other)

    (event,) = read_history(reader_of(store), CASE).events

    assert event.remarks == (f"refers to event 0 of {PEER}, not received",)


def contradict(peer: Mechanism, other: Mechanism) -> None:
    """Each one's first event refers to the other's second: nobody can be first."""
    second = {}
    for each in (peer, other):
        trial = Mechanism(each.origin)
        trial.empty(case_id=CASE)
        second[each.origin] = trial.empty(case_id=CASE)
    peer.empty(case_id=CASE, refs=[second[OTHER]])
    other.empty(case_id=CASE, refs=[second[PEER]])
    assert peer.empty(case_id=CASE) == second[PEER]
    assert other.empty(case_id=CASE) == second[OTHER]


def test_references_in_a_circle_are_told_and_everything_is_placed(
    store: EntryStore, peer: Mechanism, other: Mechanism
) -> None:
    contradict(peer, other)
    take(store, peer, other)

    history = read_history(reader_of(store), CASE)

    assert sorted(places(history)) == [("other", 0), ("other", 1), ("peer", 0), ("peer", 1)]
    circle = "the authors' references contradict each other: placed by recorded time"
    assert [event.remarks for event in history.events].count((circle,)) == 1
    assert history.events[0].remarks == (circle,)


# --- frozen logs ----------------------------------------------------------------------------


def test_void_events_are_neither_ordered_nor_counted(
    store: EntryStore, peer: Mechanism, other: Mechanism
) -> None:
    kept = peer.act(STATEMENT, case_id=CASE)
    void = peer.act(STATEMENT, case_id=CASE, time_ms=NOW_MS - 10)
    other.act(REPLY, case_id=CASE, time_ms=NOW_MS + 5, refs=[void])
    take(store, peer, other)
    store.freeze(PEER_ID, 1, "bad_entry_signature", b"").result()

    history = read_history(reader_of(store), CASE)

    assert places(history) == [("peer", 0), ("other", 0)]
    assert history.events[1].remarks == (f"refers to event 1 of {PEER}, not received",)
    assert history.digest == digest_of(CASE, [kept.leaf_hash, leaf_hash(other.entries[0])])


def test_vector_of_a_frozen_log_says_its_valid_size(store: EntryStore, peer: Mechanism) -> None:
    for _ in range(3):
        peer.act(STATEMENT, case_id=CASE)
    take(store, peer)
    store.freeze(PEER_ID, 2, "bad_entry_signature", b"").result()

    (place,) = read_history(reader_of(store), CASE).vector

    assert (place.size, place.root) == (2, peer.range_at(2).root())


def test_log_frozen_from_its_first_entry_counts_for_nothing(
    store: EntryStore, peer: Mechanism
) -> None:
    peer.act(STATEMENT, case_id=CASE)
    take(store, peer)
    store.freeze(PEER_ID, 0, "bad_entry_signature", b"").result()

    history = read_history(reader_of(store), CASE)

    assert history.events == ()
    assert history.vector == ()


def test_log_frozen_where_it_ends_counts_in_full(store: EntryStore, peer: Mechanism) -> None:
    peer.act(STATEMENT, case_id=CASE)
    take(store, peer)
    store.freeze(PEER_ID, 5, "bad_entry_signature", b"").result()

    history = read_history(reader_of(store), CASE)

    assert places(history) == [("peer", 0)]
    assert history.vector[0].size == 1


# --- own log and own disk ---------------------------------------------------------------


def test_own_events_are_part_of_the_history(store: EntryStore, peer: Mechanism) -> None:
    peer.act(CaseOpened(acting_body="a", basis="own_act", title="T"), case_id=CASE)
    take(store, peer)
    store.append(request("words", case_id=CASE)).result()

    history = read_history(reader_of(store), CASE)

    assert places(history) == [("peer", 0), ("own", 0)]
    assert [place.origin for place in history.vector] == [OWN, PEER]


def test_damaged_entry_is_told_as_damage_of_this_disk(
    store: SqliteStore, peer: Mechanism, monkeypatch: pytest.MonkeyPatch
) -> None:
    peer.empty(case_id=CASE)
    take(store, peer)
    damaged = StoredEntry(PEER_ID, 0, b"\xff" * 200, NOW_MS)
    monkeypatch.setattr(store, "case_entries", lambda _: [damaged])

    with pytest.raises(CorruptDatabase, match="fsck"):
        read_history(reader_of(store), CASE)
