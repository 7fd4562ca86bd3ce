"""The simulator sees: each test breaks one function of the program, and a rule must break."""

from contextlib import AbstractContextManager
from unittest import mock

from registry.errors import EntryError, RegistryError
from registry.replication.messages import Blame
from registry.replication.recovery import OwnNote
from registry.store import connections
from registry.store.sqlite_writing import SqliteWriting
from registry_node.fence_steps import FenceSteps, Judged
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

    assert first_broken(rash, "dropped the honest", "fork")


def _blame_the_peer(error: RegistryError) -> Blame:
    return Blame.PEER if isinstance(error, EntryError) else Blame.NOBODY
