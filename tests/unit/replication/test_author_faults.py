"""An author's fault under its own checkpoint: kept up to there, named by index and reason."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias

import pytest

from registry.domain.identifiers import NO_CASE, CaseId, LeafHash, LogId
from registry.errors import LogDiverged, MalformedEntry, RootMismatch, TryLater
from registry.format.v1 import event_pb2
from registry.log.entry import EventRef, frame_entry, signed_message, split_entry
from registry.log.signing import Ed25519Signer
from registry.replication.entry_checks import (
    EntryFault,
    SliceResult,
    judge_slices,
)
from registry.replication.messages import Blame, blame_of
from registry.store.sqlite import SqliteStore
from tests.faults.honest_peer import HonestPeer
from tests.faults.receiver import MemoryKeeper, Receiver, StoreKeeper
from tests.storage.storage_world import (
    OTHER_ID,
    OWN_ID,
    PEER,
    REGISTRY,
    case,
    facts_of,
    open_store,
    seed,
)

GOOD = 6
"""Valid entries before the bad one."""
AFTER = 3


def honest_peer(count: int = GOOD) -> HonestPeer:
    peer = HonestPeer(PEER, REGISTRY, Ed25519Signer(seed(PEER)))
    for number in range(count):
        peer.write(f"event {number}", case_id=case(number % 2))
    return peer


def ref(index: int, log_id: LogId = OTHER_ID) -> EventRef:
    return EventRef(log_id, index, LeafHash(seed(f"event {index}")))


def resigned(peer: HonestPeer, change: Callable[[event_pb2.EventHeader], None]) -> bytes:
    """A good entry for the next place, changed and signed by its author all the same."""
    entry = peer.make_entry("bad", index=len(peer.entries), case_id=case(0))
    message = event_pb2.EventHeader.FromString(split_entry(entry)[0])
    change(message)
    header = message.SerializeToString(deterministic=True)
    return frame_entry(header, peer.signer.sign(signed_message(header)))


# --- one bad entry ------------------------------------------------------------------------------


def bad_signature(peer: HonestPeer) -> bytes:
    entry = peer.make_entry("bad", index=len(peer.entries))
    return entry[:-1] + bytes([entry[-1] ^ 1])


def header_that_is_none(peer: HonestPeer) -> bytes:
    header = b"\xff" * 40
    return frame_entry(header, peer.signer.sign(signed_message(header)))


def ref_to_own_log(peer: HonestPeer) -> bytes:
    def change(message: event_pb2.EventHeader) -> None:
        message.refs.add(log_id=peer.log_id, index=0, leaf_hash=bytes(32))

    return resigned(peer, change)


def ref_outside_any_case(peer: HonestPeer) -> bytes:
    def change(message: event_pb2.EventHeader) -> None:
        message.case_id = NO_CASE
        message.refs.add(log_id=OTHER_ID, index=0, leaf_hash=bytes(32))

    return resigned(peer, change)


def set_field(name: str, value: object) -> Callable[[HonestPeer], bytes]:
    return lambda peer: resigned(peer, lambda message: setattr(message, name, value))


BadEntry: TypeAlias = Callable[[HonestPeer], bytes]
BAD_ENTRIES: Final[dict[str, tuple[str, BadEntry]]] = {
    "bad_signature": ("bad_entry_signature", bad_signature),
    "no_header": ("malformed_entry", header_that_is_none),
    "no_entry": ("malformed_entry", lambda _: b""),
    "ref_to_own_log": ("malformed_entry", ref_to_own_log),
    "ref_outside_any_case": ("malformed_entry", ref_outside_any_case),
    "short_case_id": ("malformed_entry", set_field("case_id", b"short")),
    "time_out_of_range": ("malformed_entry", set_field("time_ms", 2**62)),
    "long_control": ("limit_exceeded", set_field("control", bytes(2049))),
    "index_said_twice": ("misplaced_entry", set_field("index", GOOD - 1)),
    "index_left_out": ("misplaced_entry", set_field("index", GOOD + 1)),
    "entry_of_another_log": ("foreign_entry", set_field("log_id", OWN_ID)),
    "entry_of_another_registry": ("foreign_registry_entry", set_field("registry_id", bytes(32))),
    "roster_of_no_version": ("malformed_entry", set_field("roster_version", 0)),
}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    store = open_store(tmp_path)
    yield store
    store.close()


@pytest.mark.parametrize("at_once", [1, GOOD, GOOD + 1, 500])
@pytest.mark.parametrize("name", BAD_ENTRIES)
def test_an_authors_fault_is_named_and_what_is_before_it_is_kept(name: str, at_once: int) -> None:
    reason, make = BAD_ENTRIES[name]
    peer = honest_peer()
    peer.add(make(peer))
    for number in range(AFTER):
        peer.write(f"after {number}")
    keeper = MemoryKeeper(peer.author)
    receiver = Receiver(peer.author, keeper)

    receiver.take_all(peer.messages(0, GOOD + 1 + AFTER, at_once=at_once))

    assert receiver.fault is not None
    assert (receiver.fault.place, receiver.fault.reason) == (GOOD, reason)
    assert receiver.fault.detail
    assert keeper.entries() == peer.entries[:GOOD]
    assert keeper.held().range == peer.range_at(GOOD)
    assert {batch.note for batch in keeper.batches} == {None}, "its checkpoint covers a bad entry"


def test_an_authors_fault_in_a_store_freezes_the_log_where_it_is(
    store: SqliteStore, tmp_path: Path
) -> None:
    peer = honest_peer()
    peer.add(bad_signature(peer))
    receiver = Receiver(peer.author, StoreKeeper(peer.author, store, tmp_path / "log.db"))

    receiver.take_all(peer.messages(0, GOOD + 1))
    assert receiver.fault is not None
    store.freeze(peer.log_id, receiver.fault.place, receiver.fault.reason, b"").result()

    state = store.log_state(peer.log_id)
    assert (state.size, state.root) == (GOOD, peer.range_at(GOOD).root())
    assert (state.frozen_at, state.frozen_reason) == (GOOD, "bad_entry_signature")
    assert store.entries(peer.log_id, 0, GOOD + 1) == peer.entries[:GOOD]


def test_a_first_entry_that_is_bad_leaves_nothing_to_keep() -> None:
    peer = honest_peer(0)
    peer.add(bad_signature(peer))
    keeper = MemoryKeeper(peer.author)
    receiver = Receiver(peer.author, keeper)

    receiver.take_all(peer.messages(0, 1))

    assert receiver.fault is not None
    assert receiver.fault.place == 0
    assert not keeper.batches


@pytest.mark.parametrize("first", range(16, 40, 7))
def test_of_two_bad_entries_in_different_slices_the_first_is_named(first: int) -> None:
    peer = honest_peer(first)
    peer.add(bad_signature(peer))
    while len(peer.entries) < 60:
        peer.write("between")
    peer.add(header_that_is_none(peer))
    keeper = MemoryKeeper(peer.author)
    receiver = Receiver(peer.author, keeper)

    receiver.take_all(peer.messages(0, 61))

    assert receiver.fault is not None
    assert (receiver.fault.place, receiver.fault.reason) == (first, "bad_entry_signature")
    assert len(keeper.entries()) == first


# --- order --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Event:
    case_id: CaseId
    refs: tuple[EventRef, ...] = ()
    roster_version: int = 1


A, B = case(0), case(1)
ORDERS: Final[dict[str, tuple[tuple[Event, ...], int | None]]] = {
    "refs_that_go_on": ((Event(A, (ref(1),)), Event(A, (ref(5),))), None),
    "refs_that_stay": ((Event(A, (ref(5),)), Event(A, (ref(5),))), None),
    "refs_of_other_cases": ((Event(A, (ref(5),)), Event(B, (ref(1),))), None),
    "refs_to_other_logs": ((Event(A, (ref(5),)), Event(A, (ref(1, OWN_ID),))), None),
    "refs_left_out": ((Event(A, (ref(5),)), Event(A), Event(A, (ref(5),))), None),
    "backward_ref": ((Event(A, (ref(5),)), Event(A, (ref(4),))), 1),
    "backward_ref_later": ((Event(A, (ref(5),)), Event(B), Event(A), Event(A, (ref(4),))), 3),
    "backward_ref_of_two": (
        (
            Event(A, tuple(sorted((ref(5), ref(5, OWN_ID))))),
            Event(A, tuple(sorted((ref(6), ref(3, OWN_ID))))),
        ),
        1,
    ),
    "backward_to_zero": ((Event(A, (ref(1),)), Event(A, (ref(0),))), 1),
    "roster_that_goes_on": ((Event(A), Event(A, roster_version=2)), None),
    "roster_that_goes_back": (
        (Event(A, roster_version=2), Event(A, roster_version=2), Event(A)),
        2,
    ),
}


def ordered_peer(events: tuple[Event, ...]) -> HonestPeer:
    peer = honest_peer(0)
    for number, event in enumerate(events):
        peer.write(
            f"event {number}",
            case_id=event.case_id,
            refs=event.refs,
            roster_version=event.roster_version,
        )
    return peer


@pytest.mark.parametrize("backend", ["memory", "store"])
@pytest.mark.parametrize("at_once", [1, 2, 500])
@pytest.mark.parametrize("name", ORDERS)
def test_refs_and_roster_versions_never_go_back_in_one_batch_or_over_many(
    name: str, at_once: int, backend: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    events, place = ORDERS[name]
    peer = ordered_peer(events)
    keeper: MemoryKeeper | StoreKeeper = MemoryKeeper(peer.author)
    if backend == "store":
        database = request.getfixturevalue("store")
        keeper = StoreKeeper(peer.author, database, tmp_path / "log.db")
    receiver = Receiver(peer.author, keeper, roster_version=2)

    receiver.take_all(peer.messages(0, len(events), at_once=at_once))

    found = receiver.fault
    assert (found and (found.place, found.reason)) == (
        None if place is None else (place, "backward_entry")
    )
    size = len(events) if place is None else place
    assert keeper.held().range == peer.range_at(size)


def test_an_entry_of_a_newer_roster_waits_for_it_and_is_nobodys_fault() -> None:
    peer = ordered_peer((Event(A), Event(A, roster_version=2)))
    keeper = MemoryKeeper(peer.author)
    receiver = Receiver(peer.author, keeper, roster_version=1)

    with pytest.raises(TryLater, match="entry 1 was written under roster 2, this node holds 1"):
        receiver.take_all(peer.messages(0, 2))
    assert receiver.fault is None
    assert not keeper.batches

    Receiver(peer.author, keeper, roster_version=2).take_all(peer.messages(0, 2))
    assert keeper.entries() == peer.entries


def test_a_fault_of_order_before_a_bad_entry_is_the_one_that_counts() -> None:
    peer = ordered_peer((Event(A, (ref(5),)), Event(A), Event(A, (ref(4),)), Event(A)))
    peer.add(bad_signature(peer))
    keeper = MemoryKeeper(peer.author)
    receiver = Receiver(peer.author, keeper)

    receiver.take_all(peer.messages(0, 5))

    assert receiver.fault is not None
    assert (receiver.fault.place, receiver.fault.reason) == (2, "backward_entry")
    assert keeper.entries() == peer.entries[:2]


@pytest.mark.parametrize("active", [range(2, 4), range(1, 1)])
def test_entry_under_a_roster_without_its_author_is_the_authors_fault(active: range) -> None:
    peer = honest_peer()
    facts = [facts_of(entry) for entry in peer.entries]

    judged = judge_slices(
        [SliceResult(facts, None, peer.author)],
        last_roster_version=1,
        newest_roster_version=3,
        active_versions=active,
        refs_reached=lambda *_: None,
    )

    assert judged.fault is not None
    assert (judged.fault.place, judged.fault.reason) == (0, "entry_outside_roster")
    assert judged.facts == []


def test_slices_after_the_first_fault_count_for_nothing() -> None:
    peer = honest_peer()
    facts = [facts_of(entry) for entry in peer.entries]
    fault = EntryFault(2, MalformedEntry.reason, "bad")

    judged = judge_slices(
        [SliceResult(facts[:2], fault, peer.author), SliceResult(facts[3:], None, peer.author)],
        last_roster_version=0,
        newest_roster_version=1,
        active_versions=range(1, 2),
        refs_reached=lambda *_: None,
    )

    assert judged == SliceResult(facts[:2], fault, peer.author)


# --- two histories ------------------------------------------------------------------------------


def test_honest_relay_of_the_other_of_two_histories_is_not_blamed_and_nothing_of_it_is_kept() -> (
    None
):
    author = honest_peer()
    branch = author.fork_at(GOOD - 1)
    for number in range(AFTER + 1):
        branch.write(f"other event {number}")
    size, keeper = len(branch.entries), MemoryKeeper(author.author)
    Receiver(author.author, keeper, offered_size=GOOD).take_all(author.messages(0, GOOD))
    before = keeper.picture()

    with pytest.raises(RootMismatch) as caught:
        Receiver(author.author, keeper, offered_size=size).take_all(branch.messages(GOOD, size))
    assert blame_of(caught.value) is Blame.AUTHOR
    with pytest.raises(LogDiverged) as caught_at_once:
        Receiver(author.author, keeper).take_all(branch.messages(GOOD - 1, GOOD))
    assert blame_of(caught_at_once.value) is Blame.AUTHOR
    assert keeper.picture() == before
