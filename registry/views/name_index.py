"""Names of persons and organisations, found across spelling, order and script.

The words of other views hold no names of persons; here they stand as the content gives them, each
once for each case and log. Keys are facets: whoever looks for a name reads the rows that share one
and compares them (`registry.domain.names`). Nothing of it leaves the node but to its own readers.
"""

import json
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from registry.domain.acts import Act, states_of
from registry.domain.content import ActContent
from registry.domain.identifiers import CaseId, Slug
from registry.domain.names import fold_name, keys_of
from registry.store.read_models import Document
from registry.views.acts import Place
from registry.views.rows import NameRow, encode_row

VIEW: Final = "name"
KEY: Final = "key"
"""Name of the facet."""
PERSON: Final = "person"


class _Named(NamedTuple):
    kind: str
    name: str
    role: str
    person_id: str


def name_documents(
    case_id: CaseId, acts: Sequence[Act], *, confidential: Collection[Place]
) -> Iterable[Document]:
    """One document for each name in each log of a case.

    Args:
        case_id: the case.
        acts: its readable acts.
        confidential: those that are not for every member.
    """
    naming: dict[tuple[str, _Named], list[Act]] = {}
    for act in acts:
        for named in _named_in(act.content):
            naming.setdefault((act.origin, named), []).append(act)
    for (origin, named), found in naming.items():
        keys = keys_of(fold_name(named.name))
        if not keys:
            continue
        # One that every member may read, if there is one: who reads the row has read no more.
        act = next((each for each in found if each.place not in confidential), found[0])
        row = NameRow(
            case_id=case_id,
            origin=origin,
            index=act.index,
            mechanism=Slug(act.mechanism),
            kind=named.kind,
            name=named.name,
            role=named.role,
            person_id=named.person_id,
            states=tuple(sorted({code for each in found for code in states_of(each.content)})),
            is_confidential=act.place in confidential,
        )
        yield Document(
            view=VIEW,
            key=_key(case_id, origin, named),
            sort="",
            row=encode_row(row),
            facets=tuple((KEY, key) for key in sorted(keys)),
        )


def _key(case_id: CaseId, origin: str, named: _Named) -> bytes:
    """As JSON: whatever characters stand in a name, no two names have one key."""
    return json.dumps((case_id.hex(), origin, *named)).encode()


def _named_in(content: ActContent) -> Iterator[_Named]:
    for person in content.persons:
        yield _Named(PERSON, person.name, person.role, person.person_id)
    for party in content.parties:
        yield _Named(party.kind, party.name, party.role, "")
