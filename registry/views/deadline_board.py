"""The deadline board: what is due at which State, across mechanisms, by day."""

from collections.abc import Collection, Iterable, Sequence
from typing import Final

from registry.domain.acts import Act
from registry.domain.content import CaseOpened
from registry.domain.deadlines import obligations_of
from registry.domain.identifiers import CaseId, Slug
from registry.domain.mechanisms import Profiles
from registry.store.read_models import Document
from registry.views.acts import Place, act_facets, place_key
from registry.views.rows import ObligationRow, encode_row

VIEW: Final = "obligation"


def obligation_documents(
    case_id: CaseId,
    case_title: str,
    acts: Sequence[Act],
    profiles: Profiles,
    *,
    confidential: Collection[Place],
) -> Iterable[Document]:
    """One document for each obligation of a case, open or not; sorted by the day it is due.

    Args:
        case_id: the case.
        case_title: shown in each row.
        acts: the readable acts of the case.
        profiles: the mechanisms' clocks.
        confidential: acts that are not for every member, and all that those are about.
    """
    openings = (act.place for act in acts if isinstance(act.content, CaseOpened))
    has_confidential_title = any(place in confidential for place in openings)
    by_place = {act.place: act for act in acts}
    for due in obligations_of(acts, profiles):
        act = by_place[due.origin, due.index]
        row = ObligationRow(
            case_id=case_id,
            case_title=case_title,
            matter=due.matter,
            origin=due.origin,
            index=due.index,
            mechanism=Slug(act.mechanism),
            body=due.body,
            states=due.states,
            instrument=due.instrument,
            due=due.due,
            is_by_clock=due.is_by_clock,
            state=due.state,
            met=due.met,
            references=act.content.references,
            is_invented=act.content.is_invented,
            is_confidential=has_confidential_title or act.place in confidential,
        )
        yield Document(
            view=VIEW,
            key=place_key(due.origin, due.index, due.matter),
            sort=due.due,
            row=encode_row(row),
            facets=(
                ("matter", due.matter),
                ("outcome", due.state),
                ("mechanism", act.mechanism),
                *act_facets(act.content, due.states),
            ),
        )
