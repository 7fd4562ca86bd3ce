"""A member as a witness: what it cosigns and when, over crashes and restored backups."""

import os
from pathlib import Path
from typing import Any

import pytest

from registry.errors import (
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
from tests.unit.application.federation_in_process import (
    Nodes,
    carry_entries,
    open_federation,
    opening,
)
from tests.unit.application.witness_world import (
    checkpoint_of,
    cosigned_by,
    grow,
)

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
