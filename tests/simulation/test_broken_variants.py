"""The simulator sees: each test breaks one function of the program, and a rule must break."""

from contextlib import AbstractContextManager
from unittest import mock

from eventsourcing.sqlite import SQLiteCursor

from registry.errors import EntryError, RegistryError
from registry.replication.messages import Blame
from registry.replication.parting import PartingSearch
from registry.replication.recovery import OwnNote
from registry.store import connections, freezes
from registry.store.sqlite_writing import SqliteWriting
from registry_node.fence_steps import FenceSteps, Judged
from registry_node.heads import Subscription
from tests.simulation.run import run_seed

SEEDS = range(1, 13)


def first_broken(patch: AbstractContextManager[object], words: str, lie: str = "") -> int:
    """Runs seeds under a patch until one breaks the rule that has these words; 0 = none does."""
    for seed in SEEDS:
        with patch:
            outcome = run_seed(seed, lie=lie)
        if words in outcome.broken:
            assert not run_seed(seed, lie=lie).broken, "it was broken before"
            return seed
    return 0


def test_acknowledging_before_the_disk_has_it_is_seen() -> None:
    lazy = mock.patch.dict(connections.SETTINGS, {"synchronous": ("NORMAL", 1)})

    assert first_broken(lazy, "lost entries")


def test_serving_above_the_guard_is_seen() -> None:
    forgetful = mock.patch.object(SqliteWriting, "_advance_guard")

    assert first_broken(forgetful, "its guard stands at")


def test_skipping_the_fence_is_seen() -> None:
    nobody_has_any = Judged(OwnNote(size=0, is_consistent=True))
    hasty = mock.patch.object(FenceSteps, "judge", return_value=nobody_has_any)

    # Here a log lost all but its keys and went on from the beginning.
    assert first_broken(hasty, "did not converge")


def test_skipping_the_signature_check_is_seen() -> None:
    blind = mock.patch("registry.log.entry_rules.verify", return_value=True)

    assert first_broken(blind, "has not signed", "bad_signature")


def test_taking_a_head_without_consistency_is_seen() -> None:
    trusting = mock.patch("registry.replication.ingest.verify_consistency")

    assert first_broken(trusting, "do not lead to", "wrong_root")


def test_blaming_the_relay_of_two_histories_is_seen() -> None:
    rash = mock.patch("tests.simulation.following.blame_of", side_effect=_blame_the_peer)

    assert first_broken(rash, "dropped the honest")


def test_handing_on_no_fault_proofs_is_seen() -> None:
    silent = mock.patch.object(Subscription, "take_for", lambda reader, _: reader.take())

    assert first_broken(silent, "ends at [")


def test_proving_a_fork_later_than_where_it_is_is_seen() -> None:
    hasty = mock.patch.object(PartingSearch, "next_size", _asks_once)

    assert first_broken(hasty, "did not converge", "fork")


def test_freezing_where_nothing_is_wrong_is_seen() -> None:
    early = mock.patch.object(freezes, "_settle", _settle_at_one)

    assert first_broken(early, "its histories part at", "bad_signature")


def test_believing_an_accusation_without_its_signatures_is_seen() -> None:
    naive = mock.patch("registry.log.checkpoint.verify", return_value=True)

    assert first_broken(naive, "froze an honest log", "framing")


_settle = freezes._settle


def _settle_at_one(cursor: SQLiteCursor, log_no: int) -> None:
    _settle(cursor, log_no)
    cursor.execute(
        "UPDATE logs SET frozen_at = 1 WHERE log_no = ? AND frozen_at IS NOT NULL", (log_no,)
    )


def _asks_once(search: PartingSearch) -> int | None:
    if search.theirs is not None or search.is_agreed:
        return None
    return _next_size(search)


_next_size = PartingSearch.next_size


def _blame_the_peer(error: RegistryError) -> Blame:
    return Blame.PEER if isinstance(error, EntryError) else Blame.NOBODY
