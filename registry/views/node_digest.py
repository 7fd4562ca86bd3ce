"""The digest of everything a node holds: one hash over all case digests, under one vector."""

from dataclasses import dataclass
from typing import Final

from registry.domain.identifiers import CaseId
from registry.log.digest import node_digest
from registry.views.case_file import LogPlace, Reader, digest_of_case, read_vector

_PAGE: Final = 1000


@dataclass(frozen=True, slots=True)
class NodeDigest:
    """One hash over all cases, their number, and the vector it stands for."""

    digest: bytes
    case_count: int
    vector: tuple[LogPlace, ...]


def read_node_digest(reader: Reader) -> NodeDigest:
    """Folds every case that a store holds; reads all entries, so ask seldom.

    The states of the logs are read first and entries past them are left out: two nodes with equal
    vectors have equal digests, whatever arrives meanwhile.

    Raises:
        CorruptDatabase: a stored entry cannot be parsed.
    """
    states = {state.log_id: state for state in reader.store.log_states()}
    pairs: list[tuple[CaseId, bytes]] = []
    after: CaseId | None = None
    while page := reader.store.case_ids(after, _PAGE):
        for case_id in page:
            digest = digest_of_case(reader.store, states, case_id)
            if digest is not None:
                pairs.append((case_id, digest))
        after = page[-1]
    return NodeDigest(
        digest=node_digest(pairs),
        case_count=len(pairs),
        vector=read_vector(reader.store, reader.roster, states),
    )
