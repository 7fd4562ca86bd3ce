"""What a roster says of where logs end is carried out whatever a node knows of them already."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest

from registry.application.membership.cuts import apply_cuts
from registry.log.member import Cut
from registry.log.roster import Roster
from registry.store.check import Finding, check_store
from registry.store.sqlite import SqliteStore
from registry.store.values import KeptProof
from tests.storage.storage_world import (
    NODE_KEYS,
    PEER,
    PEER_ID,
    Peer,
    open_store,
    roster,
    written_peer,
)

SIZE: Final = 14
CUT: Final = 10
OF_OLD_KEY: Final = KeptProof(PEER_ID, 0, 3, "two_histories", b"stands for a proof")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    opened = open_store(tmp_path)
    yield opened
    opened.close()


def cut_at(size: int, peer: Peer) -> Roster:
    """A roster that ends the log of `peer` as it is held there."""
    cut = Cut(size, peer.range_at(size).root(), "invented")
    plain = roster()
    members = [replace(m, cut=cut) if m.origin == PEER else m for m in plain.members]
    return replace(plain, members=tuple(members))


def end_of(store: SqliteStore) -> tuple[int | None, str | None]:
    state = store.log_state(PEER_ID)
    return state.frozen_at, state.frozen_reason


def found(store: SqliteStore, folder: Path, after: Roster) -> list[Finding]:
    """What fsck says of the log; the database is read beside the store."""
    all_found = check_store(folder / "log.db", after, node_keys=NODE_KEYS)
    return [each for each in all_found if each.origin == PEER]


# --- beside fault proofs --------------------------------------------------------------------------


def test_cut_that_came_while_a_proof_froze_the_log_holds_when_the_proof_is_let_go(
    store: SqliteStore,
) -> None:
    peer = written_peer(SIZE)
    store.ingest(peer.batch()).result()
    store.keep_fault_proof(OF_OLD_KEY).result()
    apply_cuts(store, cut_at(CUT, peer))
    assert end_of(store) == (3, "two_histories")

    assert store.drop_retired_proofs(PEER_ID, 1).result()

    assert end_of(store) == (CUT, "cut_by_roster")


def test_cut_that_came_before_proof_and_rotation_holds(store: SqliteStore) -> None:
    peer = written_peer(SIZE)
    store.ingest(peer.batch()).result()
    apply_cuts(store, cut_at(CUT, peer))
    store.keep_fault_proof(OF_OLD_KEY).result()
    store.drop_retired_proofs(PEER_ID, 1).result()
    apply_cuts(store, cut_at(CUT, peer))

    assert end_of(store) == (CUT, "cut_by_roster")


def test_cut_that_is_carried_out_at_every_start_is_told_once(store: SqliteStore) -> None:
    heard: list[object] = []
    peer = written_peer(SIZE)
    store.ingest(peer.batch()).result()
    store.keep_fault_proof(OF_OLD_KEY).result()
    store.add_listener(heard.append)
    for _ in range(3):
        apply_cuts(store, cut_at(CUT, peer))

    assert heard == []


def test_fsck_does_not_take_a_proof_for_the_cut(store: SqliteStore, tmp_path: Path) -> None:
    peer = written_peer(SIZE)
    store.ingest(peer.batch()).result()
    store.keep_fault_proof(OF_OLD_KEY).result()
    after = cut_at(CUT, peer)

    def told() -> list[str]:
        return [each.detail for each in found(store, tmp_path, after) if each.index == CUT]

    assert told() == [
        f"the roster cuts the log at {CUT}, and no freeze says so: start the node once"
    ]
    apply_cuts(store, after)
    assert told() == []
