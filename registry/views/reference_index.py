"""References by their normal form: found by any spelling, and from a document to its updates."""

from collections.abc import Collection, Iterable, Sequence
from typing import Final

from registry.domain.acts import Act
from registry.domain.identifiers import CaseId, Slug
from registry.domain.references import Reference, parse_reference
from registry.domain.references.value import UNKNOWN
from registry.domain.vocabulary import kind_code
from registry.store.read_models import Document, Facets
from registry.views.acts import Place, place_key
from registry.views.rows import ReferenceRow, encode_row

VIEW: Final = "reference"


def reference_documents(
    case_id: CaseId, acts: Sequence[Act], *, confidential: Collection[Place]
) -> Iterable[Document]:
    """One document for each reference of each act; the own number of a file counts as one.

    Args:
        case_id: the case.
        acts: its readable acts.
        confidential: those that are not for every member.
    """
    for act in acts:
        content = act.content
        acted = content.act_date()
        numbers = (content.own_number,) if content.own_number else ()
        for at, written in enumerate((*content.references, *numbers)):
            reference = parse_reference(written)
            row = ReferenceRow(
                case_id=case_id,
                origin=act.origin,
                index=act.index,
                mechanism=Slug(act.mechanism),
                kind=kind_code(content.kind),
                written=written,
                scheme=reference.scheme,
                normal=reference.normal,
                updates=reference.updates,
                date="" if acted is None else acted.value,
                is_confidential=act.place in confidential,
            )
            yield Document(
                view=VIEW,
                key=place_key(act.origin, act.index, str(at)),
                sort=row.date,
                row=encode_row(row),
                facets=_facets(reference),
            )


def names_of(reference: Reference) -> tuple[str, ...]:
    """The values of the facet `named` by which a reference is found: itself, and what it updates.

    Whoever asks for an update finds the first document with it, and the other updates.
    """
    if reference.scheme == UNKNOWN:
        return (f"{UNKNOWN} {reference.normal.casefold()}",)
    normals = dict.fromkeys(filter(None, (reference.normal, reference.updates)))
    return tuple(f"{reference.scheme} {normal}" for normal in normals)


def _facets(reference: Reference) -> Facets:
    return tuple(("named", name) for name in names_of(reference))
