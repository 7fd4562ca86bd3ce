"""Ed25519 against vectors from outside: Wycheproof's verdicts, and ours on CCTV's edge cases."""

import json
from pathlib import Path
from typing import Any

import pytest

from registry.errors import MalformedEntry
from registry.log.signing import check_public_key, verify

VECTORS = Path(__file__).resolve().parents[2] / "vectors"
WYCHEPROOF: dict[str, Any] = json.loads((VECTORS / "wycheproof" / "ed25519_test.json").read_text())
CCTV: list[dict[str, Any]] = json.loads(
    (VECTORS / "cctv-ed25519" / "ed25519vectors.json").read_text()
)
# No small-order A or R, only canonical encodings, and an equation without the cofactor, which a
# residue of low order breaks. A key or R with a low-order component beside it is no reason.
REFUSED = {
    "low_order_A",
    "low_order_R",
    "non_canonical_A",
    "non_canonical_R",
    "low_order_residue",
    "reencoded_k",
}


def flags_of(vector: dict[str, Any]) -> set[str]:
    return set(vector["flags"] or ())


def test_every_wycheproof_verdict_is_ours() -> None:
    verdicts: dict[bool, int] = {True: 0, False: 0}
    for group in WYCHEPROOF["testGroups"]:
        key = bytes.fromhex(group["publicKey"]["pk"])
        for test in group["tests"]:
            found = verify(key, bytes.fromhex(test["msg"]), bytes.fromhex(test["sig"]))
            assert found == (test["result"] == "valid"), test["tcId"]
            verdicts[found] += 1

    assert verdicts == {True: 88, False: 63}


def test_every_cctv_edge_case_has_the_verdict_that_its_flags_demand() -> None:
    accepted = 0
    for vector in CCTV:
        found = verify(
            bytes.fromhex(vector["key"]), vector["msg"].encode(), bytes.fromhex(vector["sig"])
        )
        assert found == REFUSED.isdisjoint(flags_of(vector)), vector["number"]
        accepted += found

    assert (len(CCTV), accepted) == (914, 43)


def test_keys_with_a_low_order_component_are_never_admitted() -> None:
    weak = {"low_order_A", "low_order_component_A", "non_canonical_A"}
    verdicts = {True: 0, False: 0}
    for vector in CCTV:
        is_weak = not weak.isdisjoint(flags_of(vector))
        verdicts[is_weak] += 1
        if is_weak:
            with pytest.raises(MalformedEntry):
                check_public_key(bytes.fromhex(vector["key"]))
        else:
            check_public_key(bytes.fromhex(vector["key"]))

    assert verdicts == {True: 886, False: 28}
