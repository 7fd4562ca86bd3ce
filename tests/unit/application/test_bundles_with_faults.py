"""Faults of authors in bundles: each is proven, and who has no network learns of it by a bundle."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from registry.application.bundles.reading import look_through
from registry.application.folder import NodeFolder
from registry.application.key_care.key_rotation import ask_for_rotation
from registry.application.membership.founding import load_signer
from registry.domain.identifiers import RootHash
from registry.log.bundle import BundleEntries, BundleFaultProof, BundleHead, BundleSealed, Record
from registry.log.fault_proof import FaultProof, decode_fault_proof, encode_fault_proof
from registry.peer_errors import UnprovenFault
from registry.store.values import KeptProof
from tests.unit.application.bundle_world import (
    Bundles,
    export,
    held_by,
    rewritten,
    take,
)
from tests.unit.application.federation_in_process import open_node
from tests.unit.application.test_bundles_of_liars import (
    ALL,
    ALPHA,
    alpha_in_memory,
    forked,
    opened,
    with_log,
    write_on,
)


@pytest.fixture
def beta(bundles: Bundles, tmp_path: Path) -> Path:
    return bundles.fresh(tmp_path / "beta")


def proofs_of(folder: Path) -> list[KeptProof]:
    node = opened(folder)
    try:
        return node.registry.store.fault_proofs()
    finally:
        node.registry.close()


@pytest.mark.parametrize("other_count", [1, 2, 3], ids=["shorter", "as long", "longer"])
def test_other_history_is_proven_where_it_parts_and_the_proof_goes_on_by_bundle(
    bundles: Bundles, beta: Path, tmp_path: Path, other_count: int
) -> None:
    take(beta, forked(bundles, tmp_path, 2, "one"))

    report = take(beta, forked(bundles, tmp_path, other_count, "two"))

    assert [(each.frozen_at, each.reason) for each in report.faults] == [(ALL, "two_entries")]
    assert held_by(beta).frozen == {ALPHA: ALL}
    # gamma has no network either, and holds nothing of it yet.
    told = export(beta, tmp_path / "from-beta.bundle")
    assert told.fault_proofs == 1
    assert [each.frozen_at for each in look_through(tmp_path / "from-beta.bundle").faults] == [ALL]
    gamma = bundles.fresh(tmp_path / "gamma", "gamma")
    carried = take(gamma, tmp_path / "from-beta.bundle")
    assert (carried.stopped, carried.faults) == (None, report.faults)
    assert held_by(gamma).frozen == {ALPHA: ALL}
    assert proofs_of(gamma) == proofs_of(beta)
    assert take(gamma, tmp_path / "from-beta.bundle").faults == []


def test_two_notes_are_a_proof_without_any_entry(
    bundles: Bundles, beta: Path, tmp_path: Path
) -> None:
    take(beta, forked(bundles, tmp_path, 2, "one"))
    forked(bundles, tmp_path, 1, "two")
    export(tmp_path / "two" / "alpha", tmp_path / "note.bundle", since=tmp_path / "two.bundle")

    report = take(beta, tmp_path / "note.bundle")

    assert [(each.frozen_at, each.reason) for each in report.faults] == [(ALL, "two_histories")]
    assert held_by(beta).frozen == {ALPHA: ALL}


def test_bad_entry_is_proven_with_its_signed_checkpoint(
    bundles: Bundles, beta: Path, tmp_path: Path
) -> None:
    alpha = alpha_in_memory(bundles)
    bad = bytearray(alpha.make_entry("bad", index=ALL))
    bad[-1] ^= 1
    alpha.add(bytes(bad))
    alpha.write("after it")

    report = take(beta, rewritten(bundles.bare, tmp_path / "bad.bundle", with_log(alpha, [0, 15])))

    assert [each.reason for each in report.faults] == ["bad_entry_signature"]
    assert [(each.frozen_at, each.reason) for each in proofs_of(beta)] == [
        (ALL, "bad_entry_signature")
    ]


def test_bad_entry_is_found_in_a_run_that_goes_past_the_end_of_its_log(
    bundles: Bundles, beta: Path, tmp_path: Path
) -> None:
    alpha = alpha_in_memory(bundles)
    bad = bytearray(alpha.make_entry("bad", index=ALL))
    bad[-1] ^= 1
    alpha.add(bytes(bad))
    for number in range(3):
        alpha.write(f"after it {number}")
    node = opened(beta)
    node.registry.store.freeze(ALPHA, ALL + 2, "removed_by_roster", b"").result()
    node.registry.close()

    report = take(beta, rewritten(bundles.bare, tmp_path / "bad.bundle", with_log(alpha, [0, 15])))

    assert report.stopped is None
    held = held_by(beta)
    assert (held.size(ALPHA), held.frozen) == (ALL, {ALPHA: ALL})


def with_proof(records: list[Record], proof: bytes) -> Sequence[Record]:
    content = [each for each in records if isinstance(each, BundleSealed)]
    return [*(each for each in records if each not in content), BundleFaultProof(proof), *content]


def test_proof_that_does_not_hold_stops_the_import_and_freezes_nothing(
    bundles: Bundles, beta: Path, tmp_path: Path
) -> None:
    take(beta, forked(bundles, tmp_path, 2, "one"))
    take(beta, forked(bundles, tmp_path, 1, "two"))
    (kept,) = proofs_of(beta)
    origin, frozen_at, fault = decode_fault_proof(kept.proof)
    lie = encode_fault_proof(FaultProof(origin, frozen_at - 1, fault))
    file = rewritten(
        bundles.whole, tmp_path / "lie.bundle", lambda records: with_proof(records, lie)
    )
    other = bundles.fresh(tmp_path / "other" / "beta")

    report = take(other, file)

    assert isinstance(report.stopped, UnprovenFault)
    assert (report.entries, report.faults) == (ALL, [])
    assert held_by(other).frozen == {}


def test_proof_of_a_key_that_was_replaced_since_freezes_nothing(
    bundles: Bundles, tmp_path: Path
) -> None:
    """A thief of the first key signs another history; alpha rotated the key long ago."""
    honest = bundles.fresh(tmp_path / "alpha", "alpha")
    ask_for_rotation(honest)
    node = open_node(tmp_path, "alpha")
    node.registry.log_key.rotate().result()
    node.registry.close()
    write_on(honest, 2)
    victim = bundles.fresh(tmp_path / "victim" / "beta")
    take(victim, forked(bundles, tmp_path, 2, "one"))
    take(victim, forked(bundles, tmp_path, 1, "two"))
    (kept,) = proofs_of(victim)
    export(honest, tmp_path / "rotated.bundle")
    file = rewritten(
        tmp_path / "rotated.bundle",
        tmp_path / "carried.bundle",
        lambda records: with_proof(records, kept.proof),
    )
    beta = bundles.fresh(tmp_path / "beta")

    report = take(beta, file)

    assert (report.stopped, report.faults) == (None, [])
    held = held_by(beta)
    assert (held.size(ALPHA), held.frozen) == (ALL + 3, {})


def test_rotation_in_a_bundle_lifts_what_a_thief_had_frozen(
    bundles: Bundles, tmp_path: Path
) -> None:
    """beta knew nothing of the rotation when the proof came; the log goes on by the same bundle."""
    honest = bundles.fresh(tmp_path / "alpha", "alpha")
    beta = bundles.fresh(tmp_path / "beta")
    take(beta, bundles.whole)
    node = opened(beta)
    proof = KeptProof(ALPHA, 0, ALL - 2, "two_entries", b"stands for a proof of the first key")
    node.registry.store.keep_fault_proof(proof).result()
    node.registry.close()
    ask_for_rotation(honest)
    node = open_node(tmp_path, "alpha")
    node.registry.log_key.rotate().result()
    node.registry.close()
    write_on(honest, 2)
    export(honest, tmp_path / "rotated.bundle", since=bundles.whole)

    report = take(beta, tmp_path / "rotated.bundle")

    assert (report.stopped, report.first_fault) == (None, None)
    held = held_by(beta)
    assert (held.size(ALPHA), held.frozen) == (ALL + 3, {})


@pytest.mark.parametrize("size", [3, ALL + 1, ALL + 3])
def test_note_forged_with_a_retired_key_does_not_freeze_the_importers_own_log(
    bundles: Bundles, tmp_path: Path, size: int
) -> None:
    """The last size is that of the key that counts: whoever signs there is another alpha."""
    mine = bundles.fresh(tmp_path / "alpha", "alpha")
    thief = alpha_in_memory(bundles)
    ask_for_rotation(mine)
    node = open_node(tmp_path, "alpha")
    node.registry.log_key.rotate().result()
    node.registry.close()
    write_on(mine, 2)
    if size > ALL + 1:
        thief = replace(thief, signer=load_signer(NodeFolder(mine), "log"))
    note = thief.note_at(size, RootHash(b"r" * 32))
    file = rewritten(
        bundles.bare,
        tmp_path / "forged.bundle",
        lambda records: [
            *(each for each in records if not isinstance(each, BundleHead | BundleEntries)),
            BundleHead(ALPHA, note, (), size),
        ],
    )

    report = take(mine, file)

    assert report.first_fault is not None
    assert report.first_fault.reason == "log_diverged"
    assert held_by(mine).frozen == ({ALPHA: ALL + 3} if size > ALL + 1 else {})
