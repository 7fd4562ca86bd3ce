"""What a roster says of where logs end is carried out whatever a node knows of them already."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import pytest

from registry.application.intake import EntryRun, LogIntake
from registry.application.membership.cuts import apply_cuts
from registry.domain.identifiers import LogId, RootHash
from registry.errors import CorruptDatabase
from registry.log.log_keys import LogKeys, keys_of_member
from registry.log.member import Cut, Member
from registry.log.roster import Roster
from registry.peer_errors import OtherThanRoster
from registry.replication.messages import Blame, blame_of
from registry.store.check import Finding, check_store
from registry.store.sqlite import SqliteStore
from registry.store.values import KeptProof
from tests.storage.storage_world import (
    NODE_KEYS,
    PEER,
    PEER_ID,
    REGISTRY,
    Peer,
    case,
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


# --- another history than the roster names --------------------------------------------------------


def branch() -> Peer:
    """What the same author wrote elsewhere, from the sixth entry on."""
    other = written_peer(5)
    for number in range(5, SIZE):
        other.write(f"other {number}", case_id=case(number % 3))
    return other


@pytest.mark.parametrize("held", [CUT, SIZE])
@pytest.mark.parametrize("proof", [None, OF_OLD_KEY])
def test_nothing_counts_of_another_history_than_the_roster_ends_the_log_with(
    store: SqliteStore, tmp_path: Path, held: int, proof: KeptProof | None
) -> None:
    store.ingest(branch().batch(end=held)).result()
    if proof is not None:
        store.keep_fault_proof(proof).result()
    after = cut_at(CUT, written_peer(SIZE))
    for _ in range(2):
        apply_cuts(store, after)

    assert end_of(store) == (0, "other_than_roster")
    assert store.log_state(PEER_ID).valid_size == 0
    reasons = [each.reason for each in found(store, tmp_path, after)]
    # The invented proof proves nothing, which fsck says too.
    assert reasons == ["other_than_roster", *["freeze_mismatch"] * (proof is not None)]


def test_part_of_another_history_below_the_cut_is_not_told_from_the_right_one(
    store: SqliteStore,
) -> None:
    store.ingest(branch().batch(end=CUT - 1)).result()
    apply_cuts(store, cut_at(CUT, written_peer(SIZE)))

    assert end_of(store) == (CUT, "cut_by_roster")


@pytest.mark.parametrize("damage", ["wrong", "cut short"])
def test_damaged_tree_is_not_taken_for_another_history(
    store: SqliteStore, monkeypatch: pytest.MonkeyPatch, damage: str
) -> None:
    peer = written_peer(SIZE)
    store.ingest(peer.batch()).result()

    def root_at(_log_id: LogId, _size: int) -> RootHash:
        if damage == "wrong":
            return RootHash(bytes(32))
        raise CorruptDatabase(damage)

    monkeypatch.setattr(store, "root_at", root_at)
    apply_cuts(store, cut_at(CUT, peer))

    assert end_of(store) == (CUT, "cut_by_roster")


@dataclass
class Home:
    """What taking entries needs of a node."""

    store: SqliteStore
    roster: Roster

    def log_keys(self, member: Member) -> LogKeys:
        return keys_of_member(REGISTRY, member)

    def versions_of(self, _member: Member) -> range:
        return range(1, 2)

    def takes(self, peer: Peer, size: int) -> None:
        """What somebody sends who holds so much of the log."""
        ends = {PEER_ID: CUT}
        intake = LogIntake(self, self.roster.member_by_log(PEER_ID), ends)
        start = intake.held.size
        head = intake.prove_head(peer.note_at(size), offered_size=size)
        intake.take(EntryRun(start, peer.entries[start:size], ()), head).result()


@pytest.mark.parametrize("held", [0, 3])
@pytest.mark.parametrize("size", [CUT, CUT + 2])
def test_entries_that_reach_the_cut_with_another_history_are_refused_and_the_right_ones_taken(
    store: SqliteStore, held: int, size: int
) -> None:
    peer = written_peer(SIZE)
    home = Home(store, cut_at(CUT, peer))
    apply_cuts(store, home.roster)
    if held:
        home.takes(peer, held)

    with pytest.raises(OtherThanRoster) as refused:
        home.takes(branch(), size)
    assert blame_of(refused.value) is Blame.AUTHOR
    assert store.log_state(PEER_ID).size == held

    home.takes(peer, size)
    assert store.log_state(PEER_ID).size == CUT
    apply_cuts(store, home.roster)
    assert end_of(store) == (CUT, "cut_by_roster")
