"""What every backend must do with appends: subclass it with a fixture `store`, empty and open.

The fixture gives a store whose own log is OWN, with all ORIGINS registered and appends allowed.
"""

import threading

import pytest

from registry.domain.identifiers import CaseId, LogId, Origin, RequestKey
from registry.errors import (
    EntryError,
    LogReadOnly,
    NotFound,
    RegistryError,
    RequestIdReused,
)
from registry.log.checkpoint import verify_checkpoint
from registry.log.entry import EventRef
from registry.log.merkle import EMPTY_ROOT, leaf_hash
from registry.store.entries import EntryStore
from registry.store.values import AppendRequest, StoreEvent
from tests.storage.storage_world import (
    ORIGINS,
    OTHER,
    OTHER_ID,
    OWN,
    OWN_ID,
    PEER_ID,
    Peer,
    author_of,
    case,
    draft,
    refs_of,
    request,
    seed,
    written_peer,
)


class AppendContract:
    # --- logs -------------------------------------------------------------------------------

    def test_registered_logs_start_empty(self, store: EntryStore) -> None:
        states = store.log_states()

        assert [state.origin for state in states] == sorted(ORIGINS)
        assert {state.size for state in states} == {0}
        assert {state.root for state in states} == {EMPTY_ROOT}
        assert {state.note for state in states} == {None}

    def test_registering_a_log_again_changes_nothing(self, store: EntryStore) -> None:
        store.append(request("a")).result()
        store.register_logs([OWN, Origin("test/new/1")]).result()

        assert store.log_state(OWN_ID).size == 1
        assert len(store.log_states()) == len(ORIGINS) + 1

    def test_unknown_log_is_not_found(self, store: EntryStore) -> None:
        with pytest.raises(NotFound):
            store.log_state(LogId(b"?" * 32))
        with pytest.raises(NotFound):
            store.wanted_parts(LogId(b"?" * 32), 10)
        with pytest.raises(NotFound):
            store.freeze(LogId(b"?" * 32), 0, "why", b"").result()
        with pytest.raises(NotFound):
            store.set_parts_below(LogId(b"?" * 32), 0, []).result()

    # --- appends ----------------------------------------------------------------------------

    def test_appended_event_has_its_place_a_note_and_a_proof(self, store: EntryStore) -> None:
        done = store.append(request("a", case_id=case(1))).result()
        state = store.log_state(OWN_ID)

        assert (done.index, done.was_recorded_before) == (0, False)
        assert done.leaf_hash == leaf_hash(done.entry) == store.leaf_hash(OWN_ID, 0)
        assert store.entries(OWN_ID, 0, 9) == [done.entry]
        assert state.note is not None
        checkpoint = verify_checkpoint(state.note, origin=OWN, log_key=author_of(OWN).public_key)
        assert (checkpoint.size, checkpoint.root) == (1, state.root)
        assert state.noted_size == 1
        assert state.parts_below == 1

    def test_own_parts_are_held_with_their_event(self, store: EntryStore) -> None:
        store.append(request("words")).result()
        part = store.part(OWN_ID, 0, 0)

        assert part is not None
        assert (part.media_type, part.content) == ("text/plain", b"words")
        assert store.parts_of([(OWN_ID, 0, 1), (OWN_ID, 0, 0)]) == [part]
        assert store.part(OWN_ID, 0, 1) is None

    def test_repeated_request_returns_the_first_event(self, store: EntryStore) -> None:
        first = store.append(request("a", request_id="1")).result()
        again = store.append(request("a", request_id="1")).result()

        assert (again.index, again.entry) == (first.index, first.entry)
        assert again.was_recorded_before
        assert store.log_state(OWN_ID).size == 1
        assert store.has_request(RequestKey(seed("request 1")[:16]))
        assert not store.has_request(RequestKey(b"?" * 16))

    def test_request_id_with_other_content_is_refused(self, store: EntryStore) -> None:
        store.append(request("a", request_id="1")).result()

        with pytest.raises(RequestIdReused):
            store.append(request("b", request_id="1")).result()
        assert store.append(request("c", request_id="2")).result().index == 1

    def test_requests_without_id_are_never_the_same(self, store: EntryStore) -> None:
        places = [store.append(request("a")).result().index for _ in range(2)]

        assert places == [0, 1]

    @pytest.mark.parametrize(
        "broken",
        [
            draft("x")._replace(control=b"c" * 3000),
            draft("x")._replace(time_ms=2**70),
            draft("x")._replace(kind=2**40),
            draft("x")._replace(case_id=CaseId(b"short")),
        ],
        ids=["control", "time", "kind", "case"],
    )
    def test_bad_draft_fails_alone(self, store: EntryStore, broken: object) -> None:
        bad = AppendRequest(draft=broken, request_digest=b"")  # type: ignore[arg-type]
        futures = [store.append(r) for r in (request("a"), bad, request("b"))]

        assert futures[0].result().index == 0
        with pytest.raises((EntryError, RegistryError)):
            futures[1].result()
        assert futures[2].result().index == 1
        assert store.read_only_reason() is None

    def test_concurrent_appends_get_every_index_once(self, store: EntryStore) -> None:
        done: list[int] = []

        def work(name: int) -> None:
            for number in range(20):
                one = store.append(request(f"{name} {number}", case_id=case(number)))
                done.append(one.result().index)

        threads = [threading.Thread(target=work, args=(name,)) for name in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert sorted(done) == list(range(160))
        assert len(store.entries(OWN_ID, 0, 160)) == 160

    def test_cancelled_append_does_not_stop_the_writer(self, store: EntryStore) -> None:
        gate = threading.Event()
        entered = threading.Event()

        def block(_: StoreEvent) -> None:
            entered.set()
            gate.wait(10)

        store.add_listener(block)
        first = store.ingest(written_peer(1).batch())
        assert entered.wait(10)
        waiting = store.append(request("b"))
        assert waiting.cancel()
        gate.set()

        assert first.result(10).size == 1
        assert store.append(request("c")).result(10).index == 0

    def test_append_waits_for_whatever_is_being_written(self, store: EntryStore) -> None:
        gate = threading.Event()
        entered = threading.Event()

        def block(_: StoreEvent) -> None:
            entered.set()
            gate.wait(10)

        store.add_listener(block)
        store.ingest(written_peer(1).batch())
        assert entered.wait(10)
        waiting = [store.append(request("a")), store.append_now(request("b"))]
        assert not any(future.done() for future in waiting)
        gate.set()

        assert [future.result(10).index for future in waiting] == [0, 1]

    def test_appends_are_refused_while_not_allowed(self, store: EntryStore) -> None:
        store.refuse_appends("the operator closed it")

        assert store.read_only_reason() == "the operator closed it"
        with pytest.raises(LogReadOnly, match="the operator closed it"):
            store.append(request("a")).result()
        store.allow_appends()
        assert store.append(request("a")).result().index == 0

    def test_failing_listener_does_not_fail_the_append(self, store: EntryStore) -> None:
        def fail(_: StoreEvent) -> None:
            raise ZeroDivisionError

        store.add_listener(fail)

        assert store.append(request("a")).result().index == 0
        assert store.append(request("b")).result().index == 1
        assert store.read_only_reason() is None

    # --- refs -------------------------------------------------------------------------------

    def test_event_refers_to_the_last_held_event_of_each_other_log(self, store: EntryStore) -> None:
        peer = written_peer(7)
        store.ingest(peer.batch()).result()
        done = store.append(request("a", case_id=case(0))).result()

        assert refs_of(done.entry) == (EventRef(PEER_ID, 6, leaf_hash(peer.entries[6])),)
        assert store.refs_reached(OWN_ID, [(case(0), PEER_ID), (case(1), PEER_ID)]) == {
            (case(0), PEER_ID): 6
        }

    def test_event_outside_any_case_has_no_refs(self, store: EntryStore) -> None:
        store.ingest(written_peer(3).batch()).result()

        assert refs_of(store.append(request("a")).result().entry) == ()

    def test_ref_that_would_go_back_after_a_freeze_is_left_out(self, store: EntryStore) -> None:
        store.ingest(written_peer(7).batch()).result()
        store.append(request("a", case_id=case(0))).result()
        store.freeze(PEER_ID, 5, "log_diverged", b"proof").result()

        assert refs_of(store.append(request("b", case_id=case(0))).result().entry) == ()
        newer = store.append(request("c", case_id=case(1))).result()
        assert [ref.index for ref in refs_of(newer.entry)] == [4]

    def test_refs_are_sorted_by_log(self, store: EntryStore) -> None:
        other = Peer(OTHER)
        other.write("other", case_id=case(0))
        store.ingest(written_peer(1).batch()).result()
        store.ingest(other.batch()).result()
        refs = refs_of(store.append(request("a", case_id=case(0))).result().entry)

        assert [ref.log_id for ref in refs] == sorted([PEER_ID, OTHER_ID])
