r"""Digests: one hash for a case's history, one for everything a node holds.

    case   SHA-256("registry/history/v1\n" || case_id || u64be(count) || leaf hashes in order)
    node   SHA-256("registry/node/v1\n" || (case_id || case digest) in case_id order)

Always shown with the vector of checkpoints it stands for.
"""

from collections.abc import Iterable, Sequence
from hashlib import sha256

from registry.domain.identifiers import CaseId, LeafHash


def case_digest(case_id: CaseId, leaf_hashes: Sequence[LeafHash]) -> bytes:
    """Digest of a case's ordered events, 32 bytes."""
    head = b"registry/history/v1\n" + case_id + len(leaf_hashes).to_bytes(8, "big")
    return sha256(head + b"".join(leaf_hashes)).digest()


def node_digest(cases: Iterable[tuple[CaseId, bytes]]) -> bytes:
    """Digest over (case id, case digest) pairs in any order, 32 bytes."""
    pairs = b"".join(case_id + digest for case_id, digest in sorted(cases))
    return sha256(b"registry/node/v1\n" + pairs).digest()
