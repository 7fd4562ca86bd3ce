"""What every backend must do with what it mirrors and reads; see append_contract.py."""

from concurrent.futures import Future

import pytest

from registry.domain.identifiers import LogId
from registry.errors import (
    BackwardEntry,
    LogDiverged,
    MisplacedEntry,
    NotFound,
    RegistryError,
)
from registry.log.entry import EventRef
from registry.log.facts import GuardVerdict
from registry.log.merkle import EMPTY_ROOT, verify_consistency, verify_inclusion
from registry.store.entries import EntryStore
from registry.store.values import AskedParts, EntriesStored, FreezeStored, PartsStored, StoreEvent
from tests.storage.storage_world import (
    NOW_MS,
    OTHER_ID,
    OWN,
    OWN_ID,
    PEER_ID,
    Peer,
    case,
    part_of,
    request,
    seed,
    written_peer,
)

UNKNOWN_ID = LogId(b"?" * 32)


class MirrorContract:
    # --- ingest -----------------------------------------------------------------------------

    def test_ingested_batches_are_read_back(self, store: EntryStore) -> None:
        peer = written_peer(600)
        first = store.ingest(peer.batch(0, 500, has_note=False)).result()
        second = store.ingest(peer.batch(500)).result()

        assert (first.size, first.note, first.noted_size) == (500, None, 0)
        assert (second.size, second.noted_size) == (600, 600)
        assert second == store.log_state(PEER_ID)
        assert second.range == peer.range_at(600)
        assert store.entries(PEER_ID, 0, 600) == peer.entries

    def test_gap_and_repetition_are_refused(self, store: EntryStore) -> None:
        peer = written_peer(6)
        with pytest.raises(MisplacedEntry):
            store.ingest(peer.batch(1, 3)).result()
        store.ingest(peer.batch(0, 3)).result()
        with pytest.raises(MisplacedEntry):
            store.ingest(peer.batch(0, 3)).result()

        assert store.log_state(PEER_ID).size == 3

    def test_batch_past_a_freeze_is_refused_and_one_below_it_taken(self, store: EntryStore) -> None:
        peer = written_peer(6)
        store.freeze(PEER_ID, 4, "bad_entry_signature", b"proof").result()

        store.ingest(peer.batch(0, 4)).result()
        with pytest.raises(LogDiverged):
            store.ingest(peer.batch(4)).result()
        assert store.log_state(PEER_ID).size == 4

    def test_ref_that_goes_back_is_refused_with_its_batch(self, store: EntryStore) -> None:
        peer = Peer()
        for index in (5, 4):
            peer.write(f"r{index}", case_id=case(0), refs=[EventRef(OTHER_ID, index, seed("x"))])  # type: ignore[arg-type]
        store.ingest(peer.batch(0, 1)).result()

        with pytest.raises(BackwardEntry):
            store.ingest(peer.batch(1)).result()
        assert store.log_state(PEER_ID).size == 1

    def test_failed_batch_leaves_no_case_behind(self, store: EntryStore) -> None:
        peer = Peer()
        peer.write("a", case_id=case(0), refs=[EventRef(OTHER_ID, 5, seed("x"))])  # type: ignore[arg-type]
        peer.write("b", case_id=case(9))
        peer.write("c", case_id=case(0), refs=[EventRef(OTHER_ID, 4, seed("x"))])  # type: ignore[arg-type]
        store.ingest(peer.batch(0, 1)).result()
        with pytest.raises(BackwardEntry):
            store.ingest(peer.batch(1)).result()

        assert not store.has_case(case(9))
        store.ingest(peer.batch(1, 2)).result()
        assert [e.index for e in store.case_entries(case(9))] == [1]

    def test_listeners_hear_of_a_freeze(self, store: EntryStore) -> None:
        heard: list[StoreEvent] = []
        store.add_listener(heard.append)
        store.freeze(PEER_ID, 2, "log_diverged", b"proof").result()
        store.register_logs([]).result()

        assert heard == [FreezeStored(PEER_ID, 2)]

    def test_smallest_freeze_wins(self, store: EntryStore) -> None:
        for at, reason in ((5, "first"), (3, "second"), (4, "third")):
            store.freeze(PEER_ID, at, reason, b"").result()
        state = store.log_state(PEER_ID)

        assert (state.frozen_at, state.frozen_reason) == (3, "second")

    # --- reading ----------------------------------------------------------------------------

    def test_entries_are_limited_in_bytes_but_never_none(self, store: EntryStore) -> None:
        peer = written_peer(5)
        store.ingest(peer.batch()).result()
        size = sum(len(entry) for entry in peer.entries[:2])

        assert store.entries(PEER_ID, 0, 5, max_bytes=1) == peer.entries[:1]
        assert store.entries(PEER_ID, 0, 5, max_bytes=size) == peer.entries[:2]
        assert store.entries(PEER_ID, 3, 99) == peer.entries[3:]
        assert store.entries(PEER_ID, 5, 9) == []

    def test_every_proof_verifies(self, store: EntryStore) -> None:
        peer = written_peer(700)
        store.ingest(peer.batch(0, 300)).result()
        store.ingest(peer.batch(300)).result()
        for size in (1, 2, 255, 256, 257, 511, 512, 700):
            root = store.root_at(PEER_ID, size)
            assert root == peer.range_at(size).root()
            for index in {0, size // 2, size - 1}:
                verify_inclusion(
                    leaf=store.leaf_hash(PEER_ID, index),
                    index=index,
                    size=size,
                    path=store.inclusion_path(PEER_ID, index, size),
                    root=root,
                )
            verify_consistency(
                first_size=size,
                first_root=root,
                second_size=700,
                second_root=store.root_at(PEER_ID, 700),
                path=store.consistency_path(PEER_ID, size, 700),
            )

    def test_empty_log_is_a_prefix_of_everything(self, store: EntryStore) -> None:
        store.ingest(written_peer(3).batch()).result()

        assert store.root_at(PEER_ID, 0) == EMPTY_ROOT
        assert store.consistency_path(PEER_ID, 0, 3) == ()

    def test_proofs_outside_the_log_are_not_found(self, store: EntryStore) -> None:
        store.ingest(written_peer(3).batch()).result()
        for ask in (
            lambda: store.root_at(PEER_ID, 4),
            lambda: store.root_at(PEER_ID, -1),
            lambda: store.inclusion_path(PEER_ID, 3, 3),
            lambda: store.inclusion_path(PEER_ID, -1, 3),
            lambda: store.inclusion_path(PEER_ID, 0, 4),
            lambda: store.consistency_path(PEER_ID, 3, 2),
            lambda: store.consistency_path(PEER_ID, 1, 4),
            lambda: store.leaf_hash(PEER_ID, 3),
            lambda: store.leaf_hash(PEER_ID, -1),
        ):
            with pytest.raises(NotFound):
                ask()

    def test_case_is_read_over_all_logs(self, store: EntryStore) -> None:
        store.ingest(written_peer(4).batch()).result()
        store.append(request("a", case_id=case(0))).result()
        found = {(e.log_id, e.index) for e in store.case_entries(case(0))}

        assert found == {(PEER_ID, 0), (PEER_ID, 3), (OWN_ID, 0)}
        assert store.has_case(case(0))
        assert not store.has_case(case(7))
        assert store.case_entries(case(7)) == []

    def test_cases_read_together_are_those_read_alone(self, store: EntryStore) -> None:
        store.ingest(written_peer(6).batch()).result()
        store.append(request("a", case_id=case(1))).result()
        store.freeze(PEER_ID, 4, "bad_entry_signature", b"proof").result()
        asked = [case(2), case(7), case(1), case(0)]

        together = store.entries_of_cases(asked)

        assert list(together) == asked
        assert together == {each: store.case_entries(each) for each in asked}
        assert [(e.log_id, e.index) for e in together[case(1)]] == sorted(
            [(PEER_ID, 1), (PEER_ID, 4), (OWN_ID, 0)]
        )
        assert together[case(7)] == []
        assert store.entries_of_cases([]) == {}

    def test_cases_are_put_into_the_order_in_which_they_came(self, store: EntryStore) -> None:
        store.append(request("a", case_id=case(2))).result()
        store.ingest(written_peer(3).batch()).result()
        asked = {case(number) for number in (7, 0, 1, 2)}

        assert store.in_order_of_arrival(asked) == [case(2), case(0), case(1)]

    def test_case_ids_are_paged_in_order(self, store: EntryStore) -> None:
        store.ingest(written_peer(3).batch()).result()
        expected = sorted(case(number) for number in range(3))

        assert store.case_ids(None, 2) == expected[:2]
        assert store.case_ids(expected[1], 2) == expected[2:]
        assert store.case_ids(expected[2], 2) == []

    def test_received_time_is_this_nodes_clock(self, store: EntryStore) -> None:
        store.append(request("a", case_id=case(0))).result()
        store.ingest(written_peer(1).batch()).result()

        assert [entry.received_ms for entry in store.case_entries(case(0))] == [NOW_MS, NOW_MS]

    def test_changes_come_in_the_order_of_arrival(self, store: EntryStore) -> None:
        store.append(request("a", case_id=case(1))).result()
        store.ingest(written_peer(2).batch()).result()
        store.append(request("b")).result()
        changes = store.changes(0, 10)

        places = [(c.log_id, c.index) for c in changes]
        assert places == [(OWN_ID, 0), (PEER_ID, 0), (PEER_ID, 1), (OWN_ID, 1)]
        assert [c.case_id for c in changes] == [case(1), case(0), case(1), b""]
        assert store.changes(changes[1].id, 1) == [changes[2]]
        assert store.newest_change_id() == changes[-1].id

    # --- parts ------------------------------------------------------------------------------

    def test_parts_arrive_after_their_entries(self, store: EntryStore) -> None:
        peer = written_peer(3)
        store.ingest(peer.batch()).result()
        assert store.part(PEER_ID, 1, 0) is None
        store.put_parts([part_of(peer, 1)]).result()

        assert store.part(PEER_ID, 1, 0) == part_of(peer, 1)
        (change,) = [c for c in store.part_changes(0, 10) if c.log_id == PEER_ID]
        assert (change.index, change.ordinal, change.case_id) == (1, 0, case(1))
        assert store.part_changes(change.id, 10) == []

    def test_part_that_is_held_stays_as_it_is(self, store: EntryStore) -> None:
        peer = written_peer(1)
        store.ingest(peer.batch()).result()
        store.put_parts([part_of(peer, 0)]).result()
        store.put_parts([part_of(peer, 0)._replace(content=b"other")]).result()

        assert store.part(PEER_ID, 0, 0) == part_of(peer, 0)
        assert len(store.part_changes(0, 10)) == 1

    def test_part_of_an_entry_that_is_not_held_is_refused(self, store: EntryStore) -> None:
        peer = written_peer(3)
        store.ingest(peer.batch(0, 2)).result()

        with pytest.raises(NotFound):
            store.put_parts([part_of(peer, 0), part_of(peer, 2)]).result()
        assert store.part(PEER_ID, 0, 0) is None

    def test_wanted_parts_are_listed_until_they_are_held(self, store: EntryStore) -> None:
        peer = written_peer(5)
        store.ingest(peer.batch()).result()
        store.put_parts([part_of(peer, 0)]).result()
        store.set_parts_below(PEER_ID, 4, [(0, 0), (1, 0), (3, 0)]).result()

        assert store.log_state(PEER_ID).parts_below == 4
        assert store.wanted_parts(PEER_ID, 10) == [(1, 0), (3, 0)]
        assert store.wanted_parts(PEER_ID, 10, after=(1, 0)) == [(3, 0)]
        store.put_parts([part_of(peer, 3)]).result()
        assert store.wanted_parts(PEER_ID, 10) == [(1, 0)]
        assert store.wanted_count(PEER_ID) == 1
        store.set_parts_below(PEER_ID, 2, []).result()
        assert store.log_state(PEER_ID).parts_below == 4

    def test_parts_and_the_watermark_are_stored_together(self, store: EntryStore) -> None:
        peer = written_peer(5)
        store.ingest(peer.batch()).result()
        asked = AskedParts(PEER_ID, 4, [(0, 0), (1, 0), (3, 0)])
        store.put_parts([part_of(peer, 0), part_of(peer, 2)], asked).result()

        assert store.log_state(PEER_ID).parts_below == 4
        # What came along is not wanted, whatever the list says.
        assert store.wanted_parts(PEER_ID, 10) == [(1, 0), (3, 0)]
        assert store.part(PEER_ID, 2, 0) == part_of(peer, 2)

    def test_watermark_stays_where_it_is_if_its_parts_are_refused(self, store: EntryStore) -> None:
        peer = written_peer(3)
        store.ingest(peer.batch(0, 2)).result()

        with pytest.raises(NotFound):
            store.put_parts([part_of(peer, 2)], AskedParts(PEER_ID, 2, [(1, 0)])).result()
        with pytest.raises(NotFound):
            store.put_parts([part_of(peer, 0)], AskedParts(UNKNOWN_ID, 1, [])).result()
        assert store.log_state(PEER_ID).parts_below == 0
        assert store.wanted_parts(PEER_ID, 10) == []
        assert store.part(PEER_ID, 0, 0) is None

    def test_content_of_own_entries_from_a_peer_comes_after_them(self, store: EntryStore) -> None:
        lost = Peer(origin=OWN)
        for text in ("a", "b", "c"):
            lost.write(text)
        store.ingest(lost.batch()).result()
        assert store.log_state(OWN_ID).parts_below == 0
        store.put_parts([part_of(lost, 0)], AskedParts(OWN_ID, 2, [(1, 0)])).result()
        assert store.log_state(OWN_ID).parts_below == 2
        store.append(request("d")).result()

        # An own event does not hide that content of the ones before is still to be asked for.
        assert store.log_state(OWN_ID).parts_below == 2
        store.set_parts_below(OWN_ID, 4, []).result()
        store.append(request("e")).result()
        assert store.log_state(OWN_ID).parts_below == 5

    # --- listeners and the end --------------------------------------------------------------

    def test_listeners_hear_of_entries_and_parts(self, store: EntryStore) -> None:
        heard: list[StoreEvent] = []
        peer = written_peer(2)
        store.add_listener(heard.append)
        state = store.ingest(peer.batch()).result()
        part = part_of(peer, 1)
        store.put_parts([part]).result()
        store.append(request("a")).result()
        store.register_logs([]).result()  # the writer has told everything before

        assert heard[0] == EntriesStored(PEER_ID, 0, 2, state.note, 2, peer.entries)
        assert heard[1] == PartsStored(PEER_ID, ((1, 0),), ((part.media_type, part.content),))
        assert isinstance(heard[2], EntriesStored)
        assert (heard[2].log_id, heard[2].start, heard[2].end) == (OWN_ID, 0, 1)
        # Content of a peer's entries is still to be asked for; own entries come with theirs.
        assert (heard[0].parts_below, heard[2].parts_below) == (0, 1)

    def test_guard_and_database_agree_after_appends(self, store: EntryStore) -> None:
        store.append(request("a")).result()
        compared = store.own_state_against_guard()

        assert compared.kind is GuardVerdict.EQUAL
        assert (compared.guard_size, compared.database_size) == (1, 1)

    def test_closed_store_takes_nothing_and_finishes_what_waits(self, store: EntryStore) -> None:
        waiting: list[Future[object]] = [store.append(request(str(n))) for n in range(20)]  # type: ignore[misc]
        store.close()

        assert all(future.done() and future.exception() is None for future in waiting)
        with pytest.raises(RegistryError):
            store.append(request("late"))
        store.close()
