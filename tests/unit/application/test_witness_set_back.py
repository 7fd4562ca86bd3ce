"""A witness that was set back, or lost its guard: it never signs a second history."""

import shutil
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from registry.application.cosignature_book import Verdict
from registry.application.folder import NodeFolder
from registry.application.witness import Witness
from registry.application.witness_guards import accept_lost_witness_guard, is_witness_guard_lost
from registry.domain.identifiers import Origin
from registry.errors import (
    BadProof,
    TryLater,
)
from registry.log.signing import Ed25519Signer
from registry.store.schema import WITNESSING_VERSION
from registry.store.witness_guard import WitnessGuard
from tests.unit.application.federation_in_process import (
    Nodes,
    carry_entries,
    open_federation,
    open_node,
    opening,
)
from tests.unit.application.witness_world import (
    checkpoint_of,
    cosigned_by,
    grow,
    made_by,
    set_back,
    verdicts,
)

# --- restored backups -----------------------------------------------------------------------------


def test_fork_is_not_cosigned_after_the_database_was_restored(folder: Path, tmp_path: Path) -> None:
    """Kills the variant that keeps its ratchet in the database alone."""
    with open_federation(folder) as nodes:
        grow(nodes)
    shutil.copytree(folder / "alpha", tmp_path / "saved-alpha")
    shutil.copytree(folder / "beta", tmp_path / "saved-beta")
    with open_federation(folder) as nodes:
        log_id = grow(nodes, count=2)
        (first,) = cosigned_by(nodes["beta"], log_id)
        assert first.checkpoint.size == 3

    # The author writes another history from event 1 on, and beta knows nothing of the first.
    set_back(folder / "alpha", tmp_path / "saved-alpha", with_guard=True)
    set_back(folder / "beta", tmp_path / "saved-beta")
    alpha, beta = open_node(folder, "alpha"), open_node(folder, "beta")
    try:
        alpha.clock.time_ms += 1
        for _ in range(4):
            alpha.record(opening("Another history"))
        carry_entries(alpha, beta, log_id)
        assert beta.registry.store.log_state(log_id).size == 5

        assert cosigned_by(beta, log_id) == []
        # Whoever brings it is told of the size, and has no proof from there.
        note = alpha.registry.proofs.checkpoint("")
        _, path = alpha.registry.proofs.consistency_path("", 3, 5)
        with pytest.raises(BadProof, match="does not extend"):
            beta.registry.witness.add_checkpoint(3, note, path)
    finally:
        alpha.registry.close()
        beta.registry.close()


def test_member_that_lost_its_guard_cosigns_nothing_until_others_have_shown_what_they_know(
    folder: Path,
) -> None:
    with open_federation(folder) as nodes:
        log_id = grow(nodes, count=3)
        (made,) = cosigned_by(nodes["beta"], log_id)
    (folder / "beta" / "guard" / "witness.bin").unlink()

    with open_federation(folder) as nodes:
        witness = nodes["beta"].registry.witness
        grow(nodes)
        assert witness.is_guard_lost
        assert cosigned_by(nodes["beta"], log_id) == []
        with pytest.raises(TryLater):
            witness.add_checkpoint(3, nodes["alpha"].registry.proofs.checkpoint(""), ())
        larger = made_by(folder, "beta", checkpoint_of(nodes["alpha"], log_id, 4))

        assert verdicts(nodes["beta"], larger) == [Verdict.ACCEPTED]
        witness.recover_guard()
        witness.recover_guard()

        assert witness._before(log_id).size == 4
        assert cosigned_by(nodes["beta"], log_id) == []
    assert made.checkpoint.size == 3


def test_member_that_was_set_back_whole_learns_from_others_what_it_has_cosigned(
    folder: Path, tmp_path: Path
) -> None:
    with open_federation(folder) as nodes:
        grow(nodes)
    shutil.copytree(folder / "beta", tmp_path / "saved")
    with open_federation(folder) as nodes:
        log_id = grow(nodes, count=2)
        (made,) = cosigned_by(nodes["beta"], log_id)
    set_back(folder / "beta", tmp_path / "saved", with_guard=True)

    with open_federation(folder, ("beta",)) as nodes:
        beta = nodes["beta"]
        assert verdicts(beta, made) == [Verdict.AHEAD]
        assert cosigned_by(beta, log_id) == []
        assert beta.registry.witness._before(log_id) == made.checkpoint[1:]


def test_guard_that_was_set_back_alone_follows_the_database(folder: Path, tmp_path: Path) -> None:
    with open_federation(folder) as nodes:
        grow(nodes)
    shutil.copytree(folder / "beta" / "guard", tmp_path / "saved")
    with open_federation(folder) as nodes:
        log_id = grow(nodes)
        cosigned_by(nodes["beta"], log_id)
    shutil.copy(tmp_path / "saved" / "witness.bin", folder / "beta" / "guard" / "witness.bin")

    with open_federation(folder) as nodes:
        assert nodes["beta"].registry.witness._before(log_id).size == 2


def test_guard_of_another_key_says_nothing(nodes: Nodes) -> None:
    """A new epoch begins with a guard of its own, made when its keys are taken."""
    log_id = grow(nodes)
    cosigned_by(nodes["beta"], log_id)
    beta = nodes["beta"].registry
    signer = Ed25519Signer(b"n" * 32)
    own = replace(
        beta.own, origin=Origin("invented.example/beta/2"), cosigner_key=signer.public_key
    )

    def witness() -> Witness:
        return Witness(
            beta.folder,
            beta.roster,
            own,
            beta.store,
            signer=signer,
            log_keys=beta.log_keys,
            now_ms=beta.clock_ms,
        )

    assert witness().is_guard_lost
    WitnessGuard.create(beta.folder.witness_file, signer.public_key, {})
    begun = witness()
    (made,) = begun.cosign([log_id])
    assert made.witness == "invented.example/beta/2"
    begun.close()


# --- when the guard is made -----------------------------------------------------------------------


def test_database_of_before_witnessing_gets_a_guard_at_its_first_start(folder: Path) -> None:
    beta = NodeFolder(folder / "beta")
    with open_federation(folder) as nodes:
        log_id = grow(nodes)
    beta.witness_file.unlink()
    make_older_than_witnessing(beta.database)

    assert not is_witness_guard_lost(beta)
    with open_federation(folder, ("beta",)) as nodes:
        assert len(cosigned_by(nodes["beta"], log_id)) == 1
    beta.witness_file.unlink()
    assert is_witness_guard_lost(beta)
    with open_federation(folder, ("beta",)) as nodes:
        assert nodes["beta"].registry.witness.is_guard_lost, "it was migrated: it is lost"


def make_older_than_witnessing(database: Path) -> None:
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("DROP TABLE cosignatures")
        connection.execute("DROP TABLE waiting_erasures")
        connection.execute("ALTER TABLE tombstones DROP COLUMN by_log_no")
        connection.execute("UPDATE meta SET schema_version = ?", (WITNESSING_VERSION - 1,))
        connection.commit()


def test_lost_guard_that_an_operator_accepts_is_made_of_what_is_stored(folder: Path) -> None:
    beta = NodeFolder(folder / "beta")
    with open_federation(folder) as nodes:
        log_id = grow(nodes, count=2)
        (made,) = cosigned_by(nodes["beta"], log_id)
    beta.witness_file.write_bytes(b"damaged")

    accept_lost_witness_guard(beta)

    assert beta.witness_file.with_name("witness.bin.damaged").exists()
    assert not is_witness_guard_lost(beta)
    with open_federation(folder, ("beta",)) as nodes:
        witness = nodes["beta"].registry.witness
        assert not witness.is_guard_lost
        assert witness._before(log_id) == made.checkpoint[1:]
