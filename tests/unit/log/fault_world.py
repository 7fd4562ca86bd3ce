"""What tests of fault proofs are made of: two histories of one author, and who judges them."""

from typing import Final

import pytest

from registry.domain.identifiers import LeafHash
from registry.errors import (
    EntryError,
)
from registry.log.entry import EventRef
from registry.log.fault_verdict import Verdict, verify_fault_proof
from registry.peer_errors import UnprovenFault
from tests.faults.two_faced import (
    LOG,
    ROSTER,
    TwoFaced,
    forked,
    versions_of,
    written,
)
from tests.unit.log.log_world import (
    ORIGIN,
    OTHER_LOG,
    signer,
)

PARTED: Final = 5
SIZE: Final = 9
ONE = written(SIZE)
OTHER = forked(ONE, PARTED, SIZE + 4)
THIEF = signer(99)


def judged(data: bytes) -> Verdict:
    return verify_fault_proof(data, ROSTER, versions_of)


def verdict(at: int, reason: str, generation: int = 0) -> Verdict:
    return Verdict(LOG, ORIGIN, at, reason, generation)


def refused(data: bytes, error: type[EntryError] = UnprovenFault) -> None:
    with pytest.raises(error):
        judged(data)


def ref(index: int) -> EventRef:
    return EventRef(OTHER_LOG, index, LeafHash(bytes(32)))


def bad_signature(author: TwoFaced) -> bytes:
    return author.make("bad", by=THIEF)


def going_back(field: str) -> TwoFaced:
    author = written(2)
    if field == "refs":
        author.write("first", refs=(ref(7),))
        author.write("between")
        author.write("later", refs=(ref(6),))
    else:
        author.write("first", roster_version=2)
        author.write("between", roster_version=2)
        author.write("later", roster_version=1)
    author.write("after")
    return author
