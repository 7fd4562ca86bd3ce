"""Digests of a case and of a node."""

from hashlib import sha256

from registry.domain.identifiers import CaseId
from registry.log.digest import case_digest, node_digest
from registry.log.merkle import leaf_hash
from tests.unit.log.log_world import CASE

LEAVES = [leaf_hash(b"a"), leaf_hash(b"b")]
CASE_DIGEST = "8b1605501dbb50632af4b375a660eaec007550afa7dc170da274a9b8f4581cce"
NODE_DIGEST = "dd9221f65280c29137d068797a6cbe7d230134ba43520471bed0dbc00a08f3c6"
SMALLER = CaseId(b"\x02" * 16)


def test_frozen_case_digest() -> None:
    assert case_digest(CASE, LEAVES).hex() == CASE_DIGEST
    by_hand = b"registry/history/v1\n" + CASE + b"\x00" * 7 + b"\x02" + LEAVES[0] + LEAVES[1]
    assert sha256(by_hand).hexdigest() == CASE_DIGEST


def test_case_digest_tells_orders_and_cases_apart() -> None:
    digests = {
        case_digest(CASE, LEAVES),
        case_digest(CASE, LEAVES[::-1]),
        case_digest(CASE, LEAVES[:1]),
        case_digest(CASE, []),
        case_digest(SMALLER, LEAVES),
    }

    assert len(digests) == 5


def test_frozen_node_digest() -> None:
    first, second = (SMALLER, b"\x0b" * 32), (CASE, b"\x0a" * 32)

    assert node_digest([second, first]).hex() == NODE_DIGEST
    assert node_digest([first, second]).hex() == NODE_DIGEST
    by_hand = b"registry/node/v1\n" + b"".join(first) + b"".join(second)
    assert sha256(by_hand).hexdigest() == NODE_DIGEST
