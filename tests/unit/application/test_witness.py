"""A member as a witness: what it cosigns and when, over crashes and restored backups."""

import os
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from registry.application.cosignature_book import Verdict
from registry.application.folder import NodeFolder
from registry.application.witness import Witness
from registry.application.witness_guards import accept_lost_witness_guard, is_witness_guard_lost
from registry.domain.identifiers import Origin
from registry.errors import (
    BadProof,
    GuardError,
    NotAllowed,
    NotCosigned,
    Overloaded,
    StorageError,
    TryLater,
)
from registry.log.cosignature import is_made_by
from registry.log.signing import Ed25519Signer
from registry.store.cosignatures import Cosignatures
from registry.store.schema import WITNESSING_VERSION
from registry.store.witness_guard import WitnessGuard
from tests.unit.application.federation_in_process import (
    Nodes,
    carry_entries,
    found_federation,
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


@pytest.fixture(scope="module")
def founded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Founded once: keys and certificates take most of the time."""
    folder = tmp_path_factory.mktemp("founded")
    found_federation(folder)
    return folder


@pytest.fixture
def folder(founded: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(founded, tmp_path / "nodes"))


@pytest.fixture
def nodes(folder: Path) -> Iterator[Nodes]:
    with open_federation(folder) as nodes:
        yield nodes


# --- what is cosigned -----------------------------------------------------------------------------


def test_log_that_was_mirrored_is_cosigned_under_the_cosigner_key(nodes: Nodes) -> None:
    log_id = grow(nodes, count=3)
    beta = nodes["beta"].registry

    (made,) = cosigned_by(nodes["beta"], log_id)

    assert made.checkpoint == checkpoint_of(nodes["alpha"], log_id, 3)
    assert is_made_by(made, witness=beta.own.origin, cosigner_key=beta.own.cosigner_key)
    assert made.time_s == beta.clock_ms() // 1000
    assert beta.witness.book.witnessed(log_id, 3) == (1, 2)
    assert beta.witness.book.witnessed(log_id, 4) == (0, 2)


def test_nothing_is_cosigned_twice_and_the_own_log_never(nodes: Nodes) -> None:
    log_id = grow(nodes)

    assert len(cosigned_by(nodes["beta"], log_id)) == 1
    assert cosigned_by(nodes["beta"], log_id, log_id) == []
    assert cosigned_by(nodes["alpha"], log_id) == []


def test_checkpoint_is_not_cosigned_before_all_its_entries_are_here(nodes: Nodes) -> None:
    alpha, beta = nodes["alpha"], nodes["beta"]
    for _ in range(5):
        alpha.record(opening())
    carry_entries(alpha, beta, alpha.log_id, end=4)
    note = alpha.registry.proofs.checkpoint("")

    assert cosigned_by(beta, alpha.log_id) == []
    with pytest.raises(TryLater, match="ask again"):
        beta.registry.witness.add_checkpoint(0, note, ())

    carry_entries(alpha, beta, alpha.log_id)
    (made,) = cosigned_by(beta, alpha.log_id)
    assert made.checkpoint.size == 5


def test_frozen_log_is_cosigned_no_further_than_it_counts(nodes: Nodes) -> None:
    log_id = grow(nodes, count=2)
    beta = nodes["beta"].registry
    beta.store.freeze(log_id, 1, "invented", b"").result()

    assert cosigned_by(nodes["beta"], log_id) == []
    note = nodes["alpha"].registry.proofs.checkpoint("")
    with pytest.raises(NotCosigned, match="ended at 1"):
        beta.witness.add_checkpoint(0, note, ())


def test_checkpoint_that_is_brought_is_stored_before_it_is_answered(nodes: Nodes) -> None:
    log_id = grow(nodes, count=2)
    alpha, beta = nodes["alpha"].registry, nodes["beta"].registry

    answer = beta.witness.add_checkpoint(0, alpha.proofs.checkpoint(""), ())

    assert beta.store.cosignatures.all() == [answer]
    grow(nodes, count=3)
    _, path = alpha.proofs.consistency_path("", 2, 5)
    answer = beta.witness.add_checkpoint(2, alpha.proofs.checkpoint(""), path)
    assert answer.checkpoint == checkpoint_of(nodes["alpha"], log_id, 5)


def test_checkpoint_that_the_log_has_not_signed_is_refused(nodes: Nodes) -> None:
    grow(nodes)
    note = nodes["alpha"].registry.proofs.checkpoint("")
    with pytest.raises(NotAllowed):
        nodes["beta"].registry.witness.add_checkpoint(0, note.replace(b"/1\n1\n", b"/1\n2\n"), ())


def test_key_that_the_roster_does_not_name_cosigns_nothing(nodes: Nodes) -> None:
    log_id = grow(nodes)
    witness = nodes["beta"].registry.witness
    witness._signer = Ed25519Signer(b"another key of the node's folder")

    assert witness.cosign([log_id]) == []
    with pytest.raises(TryLater):
        witness.add_checkpoint(0, nodes["alpha"].registry.proofs.checkpoint(""), ())


# --- persist before answering ---------------------------------------------------------------------


def test_nothing_is_signed_that_was_not_written_down(
    nodes: Nodes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Kills the variant that answers before it persists."""
    log_id = grow(nodes)
    witness = nodes["beta"].registry.witness
    steps: list[str] = []
    sync, sign = os.fdatasync, type(witness._signer).sign

    def synced(handle: int) -> None:
        steps.append("sync")
        sync(handle)

    def signed(signer: Any, message: bytes) -> bytes:
        steps.append("sign")
        return sign(signer, message)

    monkeypatch.setattr(os, "fdatasync", synced)
    monkeypatch.setattr(type(witness._signer), "sign", signed)
    witness.cosign([log_id])

    assert steps == ["sync", "sign"]


def test_failed_write_signs_nothing_and_leaves_nothing_known(
    nodes: Nodes, monkeypatch: pytest.MonkeyPatch
) -> None:
    log_id = grow(nodes)
    witness = nodes["beta"].registry.witness

    def fail(*_: Any) -> None:
        raise OSError(5, "no disk")

    monkeypatch.setattr(os, "fdatasync", fail)
    with pytest.raises(GuardError):
        witness.cosign([log_id])
    assert witness.book.of_log(log_id) == []


def test_answer_is_not_given_if_it_cannot_be_stored(
    nodes: Nodes, monkeypatch: pytest.MonkeyPatch
) -> None:
    grow(nodes)

    def fail(*_: Any) -> None:
        msg = "no disk"
        raise StorageError(msg)

    monkeypatch.setattr(Cosignatures, "_put", fail)
    note = nodes["alpha"].registry.proofs.checkpoint("")
    with pytest.raises(StorageError):
        nodes["beta"].registry.witness.add_checkpoint(0, note, ())


def test_cosignature_that_found_no_room_is_made_again(
    nodes: Nodes, monkeypatch: pytest.MonkeyPatch
) -> None:
    log_id = grow(nodes)
    beta, note = nodes["beta"].registry, nodes["alpha"].registry.proofs.checkpoint("")

    def full(*_: Any) -> None:
        msg = "too much is waiting"
        raise Overloaded(msg)

    with monkeypatch.context() as patch:
        patch.setattr(beta.store.cosignatures, "put", full)
        with pytest.raises(Overloaded):
            beta.witness.add_checkpoint(0, note, ())
    assert beta.witness.book.of_log(log_id) == []

    (again,) = cosigned_by(nodes["beta"], log_id)
    assert again.checkpoint.size == 1


def test_checkpoint_that_is_brought_again_costs_no_write(
    nodes: Nodes, monkeypatch: pytest.MonkeyPatch
) -> None:
    grow(nodes)
    witness, note = nodes["beta"].registry.witness, nodes["alpha"].registry.proofs.checkpoint("")
    given = witness.add_checkpoint(0, note, ())

    def fail(*_: Any) -> None:
        pytest.fail("it was written again")

    monkeypatch.setattr(Cosignatures, "_put", fail)
    monkeypatch.setattr(os, "fdatasync", fail)
    assert witness.add_checkpoint(1, note, ()) == given


def test_cosignature_that_was_stored_late_takes_no_larger_one_away(nodes: Nodes) -> None:
    log_id = grow(nodes)
    witness = nodes["beta"].registry.witness
    (small,) = witness.cosign([log_id])
    grow(nodes)
    (large,) = cosigned_by(nodes["beta"], log_id)
    witness.stored([small])
    assert witness.book.of_log(log_id) == [large]


def test_cosignature_that_a_crash_took_is_made_again_after_the_restart(folder: Path) -> None:
    with open_federation(folder) as nodes:
        log_id = grow(nodes)
        nodes["beta"].registry.witness.cosign([log_id])  # and never stored
    with open_federation(folder) as nodes:
        (again,) = cosigned_by(nodes["beta"], log_id)
        assert again.checkpoint == checkpoint_of(nodes["alpha"], log_id, 1)
        assert cosigned_by(nodes["beta"], log_id) == []


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
