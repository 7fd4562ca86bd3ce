"""The tests would notice: deliberately broken variants, by promise, each killed by a named test.

Promise 15. A row names what is broken, and the test that breaks it and sees its check fail. A test
that is no longer there fails this one, and so does a promise without a row.
"""

import ast
from functools import lru_cache
from typing import Final

import pytest

from tests.architecture.test_modules import ROOT

_CONFIDENTIAL: Final = "tests/confidentiality/test_broken_variants.py::VARIANTS"
_OF_ONE_CALL: Final = "tests/confidentiality/test_broken_calls.py"
_SIMULATED: Final = "tests/simulation/test_broken_variants.py"
_KILLED: Final = "tests/faults/broken_stores.py::VARIANTS"
_SCRUBBED: Final = "tests/unit/application/test_scrub.py::test_variant_that"
_PROOFS: Final = "tests/property/test_fault_proofs_broken.py::VARIANTS"
BROKEN: Final = (
    (1, "acknowledged before the commit", f"{_KILLED}::answer_early"),
    (1, "acknowledged before the guard", f"{_KILLED}::forget_the_guard"),
    (1, "guard before the commit", f"{_KILLED}::guard_first"),
    (
        1,
        "acknowledged before the sync",
        f"{_SIMULATED}::test_acknowledging_before_the_disk_has_it_is_seen",
    ),
    (
        2,
        "relay blamed for its author",
        f"{_SIMULATED}::test_blaming_the_relay_of_two_histories_is_seen",
    ),
    (2, "served above the guard", f"{_SIMULATED}::test_serving_above_the_guard_is_seen"),
    (3, "stored hashes trusted", f"{_SCRUBBED}_trusts_stored_leaf_hashes_does_not_see_it"),
    (3, "repaired unverified", f"{_SCRUBBED}_repairs_without_verifying_takes_what_a_peer_made_up"),
    (3, "commitment not checked", f"{_SCRUBBED}_skips_the_commitment_does_not_see_it"),
    (3, "signature not checked", f"{_SIMULATED}::test_skipping_the_signature_check_is_seen"),
    (
        3,
        "head without consistency",
        f"{_SIMULATED}::test_taking_a_head_without_consistency_is_seen",
    ),
    (4, "proof with unchecked notes", f"{_PROOFS}::signatures_unchecked"),
    (4, "proof with unchecked entries", f"{_PROOFS}::entry_signatures_unchecked"),
    (4, "named size believed", f"{_PROOFS}::named_size_believed"),
    (4, "first proof counts", f"{_PROOFS}::first_proof_counts"),
    (4, "replaced keys count", f"{_PROOFS}::replaced_keys_count"),
    (5, "fence skipped", f"{_SIMULATED}::test_skipping_the_fence_is_seen"),
    (
        5,
        "guard put back with a backup",
        (
            "tests/unit/application/test_backup.py::"
            "test_restore_that_also_puts_the_guard_back_forks_the_log_alone_on_the_network"
        ),
    ),
    (6, "audience ignored", f"{_CONFIDENTIAL}::audience ignored"),
    (6, "bundle not sealed", f"{_CONFIDENTIAL}::bundle not sealed"),
    (6, "told to others by one call", f"{_OF_ONE_CALL}::told_to_others"),
    (7, "tombstone dropped", f"{_CONFIDENTIAL}::tombstone dropped"),
    (7, "journal of tombstones dropped", f"{_KILLED}::drop_the_journal"),
    (7, "tombstone dropped of one call", f"{_OF_ONE_CALL}::tombstone_dropped"),
    (8, "consent ignored", f"{_CONFIDENTIAL}::consent ignored"),
    (8, "source sent", f"{_CONFIDENTIAL}::source sent"),
    (8, "consent ignored by one call", f"{_OF_ONE_CALL}::name_not_judged"),
    (8, "consent ignored by matchings", f"{_OF_ONE_CALL}::consent ignored by matchings"),
    (8, "source sent by one call", f"{_OF_ONE_CALL}::source_sent"),
    (
        9,
        "cut ignored",
        (
            "tests/property/test_cuts_in_every_order.py::"
            "test_node_that_counts_what_is_past_a_cut_is_noticed"
        ),
    ),
    (
        10,
        "decoder with a bare exception",
        (
            "tests/fuzzing/test_every_decoder.py::"
            "test_a_decoder_that_breaks_is_found_and_its_input_kept_and_replayed"
        ),
    ),
    (
        11,
        "no budgets",
        "tests/unit/replication/test_budget.py::test_session_without_budgets_is_noticed",
    ),
)
PROMISES: Final = range(1, 12)


@lru_cache
def names_in(path: str) -> frozenset[str]:
    """Functions and the strings that a file has."""
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    return frozenset(
        node.name if isinstance(node, functions) else str(node.value)
        for node in ast.walk(tree)
        if isinstance(node, functions)
        or (isinstance(node, ast.Constant) and isinstance(node.value, str))
    )


@pytest.mark.parametrize("row", BROKEN, ids=lambda row: f"{row[0]}: {row[1]}")
def test_broken_variant_has_a_test(row: tuple[int, str, str]) -> None:
    path, *names = row[2].split("::")

    assert names[-1] in names_in(path)


def test_every_promise_has_a_broken_variant_and_twenty_there_are() -> None:
    assert {promise for promise, *_ in BROKEN} == set(PROMISES)
    assert len({test for *_, test in BROKEN}) >= 20
