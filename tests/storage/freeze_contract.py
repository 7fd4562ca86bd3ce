"""Where logs end: the contract that every backend keeps about freezes and fault proofs."""

from itertools import permutations
from typing import Final

import pytest

from registry.store.entries import EntryStore
from registry.store.values import FreezeStored, KeptProof
from tests.storage.storage_world import OTHER_ID, PEER_ID

LATE: Final = KeptProof(PEER_ID, 1, 7, "two_histories", b"late")
EARLY: Final = KeptProof(PEER_ID, 1, 4, "two_entries", b"early")
OF_OLD_KEY: Final = KeptProof(PEER_ID, 0, 2, "two_histories", b"of an old key")


def end_of(store: EntryStore) -> tuple[int | None, str | None]:
    state = store.log_state(PEER_ID)
    return state.frozen_at, state.frozen_reason


class FreezeContract:
    """Tests of a backend; the subclass gives the fixture `store`."""

    @pytest.mark.parametrize("order", [*permutations((LATE, EARLY, OF_OLD_KEY))])
    def test_smallest_proof_of_the_newest_key_ends_a_log_in_whatever_order(
        self, store: EntryStore, order: tuple[KeptProof, ...]
    ) -> None:
        for proof in order:
            store.keep_fault_proof(proof).result()

        assert end_of(store) == (4, "two_entries")
        assert store.fault_proofs() == [EARLY]

    def test_first_proof_of_two_that_say_the_same_is_kept(self, store: EntryStore) -> None:
        again = EARLY._replace(proof=b"again")

        assert store.keep_fault_proof(EARLY).result()
        assert not store.keep_fault_proof(again).result()
        assert not store.keep_fault_proof(LATE).result()
        assert store.fault_proofs() == [EARLY]

    def test_key_that_was_replaced_freezes_nothing_any_more(self, store: EntryStore) -> None:
        heard: list[object] = []
        store.add_listener(heard.append)
        store.keep_fault_proof(OF_OLD_KEY).result()

        assert store.drop_retired_proofs(PEER_ID, 1).result()
        assert not store.drop_retired_proofs(PEER_ID, 1).result()
        assert end_of(store) == (None, None)
        assert store.fault_proofs() == []
        frozen = FreezeStored(PEER_ID, 2, b"of an old key")
        assert heard == [frozen, FreezeStored(PEER_ID, None)]

    def test_freeze_without_a_proof_stays_whatever_becomes_of_proofs(
        self, store: EntryStore
    ) -> None:
        store.freeze(PEER_ID, 5, "cut_by_roster", b"").result()
        for proof in (OF_OLD_KEY, LATE):
            store.keep_fault_proof(proof).result()
            store.drop_retired_proofs(PEER_ID, 1).result()

        assert end_of(store) == (5, "cut_by_roster")
        store.keep_fault_proof(EARLY).result()
        assert end_of(store) == (4, "two_entries")
        assert store.log_state(OTHER_ID).frozen_at is None
