"""The deadline board: what is due at which State, across mechanisms, by day."""

from collections.abc import Iterable, Sequence
from typing import Final

from registry.domain.acts import Act
from registry.domain.deadlines import obligations_of
from registry.domain.identifiers import CaseId, Slug
from registry.domain.mechanisms import Profiles
from registry.store.read_models import Document
from registry.views.acts import act_facets, place_key
from registry.views.rows import ObligationRow, encode_row

VIEW: Final = "obligation"


def obligation_documents(
    case_id: CaseId, case_title: str, acts: Sequence[Act], profiles: Profiles
) -> Iterable[Document]:
    """One document for each obligation of a case, open or not; sorted by the day it is due."""
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
