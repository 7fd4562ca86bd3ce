"""Promise 15 for fault proofs: broken variants, each killed by a named test.

Each test first passes on the software as it is; then one rule is left out and the same test must
fail.
"""

from collections.abc import Callable
from random import Random
from typing import Any

import pytest

from registry.log import fault_verdict
from registry.log.checkpoint import parse_checkpoint, parse_note
from registry.log.fault_proof import decode_fault_proof, encode_fault_proof
from registry.log.fault_verdict import verify_fault_proof
from registry.peer_errors import UnprovenFault
from registry.store.freezes import keep_proof
from tests.property import test_fault_proofs as forks
from tests.unit.log import fault_world
from tests.unit.log import test_fault_proof as kinds

Breaking = Callable[[pytest.MonkeyPatch], None]


def signatures_unchecked(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(
        fault_verdict,
        "verify_log_checkpoint",
        lambda note, _keys: parse_checkpoint(parse_note(note).text),
    )


def entry_signatures_unchecked(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(fault_verdict, "verify", lambda *_: True)


def named_size_believed(patch: pytest.MonkeyPatch) -> None:
    def believing(data: bytes, *by: Any) -> Any:
        named = decode_fault_proof(data)
        for at in range(len(data)):
            try:
                sound = verify_fault_proof(encode_fault_proof(named._replace(frozen_at=at)), *by)
            except UnprovenFault:
                continue
            return sound._replace(frozen_at=named.frozen_at)
        return verify_fault_proof(data, *by)

    patch.setattr(fault_world, "verify_fault_proof", believing)


def first_proof_counts(patch: pytest.MonkeyPatch) -> None:
    def first(proof: Any) -> Any:
        def change(cursor: Any, log_no: int, log_id: Any) -> Any:
            cursor.execute("SELECT 1 FROM freezes WHERE log_no = ?", (log_no,))
            return None if cursor.fetchone() else keep_proof(proof)(cursor, log_no, log_id)

        return change

    patch.setattr(forks, "keep_proof", first)


def replaced_keys_count(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(forks, "newest_generation", lambda _: 0)


def forks_are_checked() -> None:
    for seed in range(5):
        forks.check_author_with_many_histories(Random(seed))


def honest_authors_are_checked() -> None:
    for seed in range(10):
        forks.check_honest_author(Random(seed))


VARIANTS: dict[str, tuple[Breaking, Callable[[], None]]] = {
    "signatures_unchecked": (
        signatures_unchecked,
        kinds.test_note_that_a_stranger_signed_proves_nothing,
    ),
    "entry_signatures_unchecked": (
        entry_signatures_unchecked,
        kinds.test_entry_that_a_stranger_signed_proves_nothing,
    ),
    "named_size_believed": (named_size_believed, kinds.test_named_size_is_not_believed),
    "first_proof_counts": (first_proof_counts, forks_are_checked),
    "replaced_keys_count": (replaced_keys_count, honest_authors_are_checked),
}


@pytest.mark.parametrize("name", VARIANTS)
def test_broken_variant_is_killed_by_its_test(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    breaks, check = VARIANTS[name]
    check()

    breaks(monkeypatch)

    with pytest.raises((AssertionError, pytest.fail.Exception)):
        check()
