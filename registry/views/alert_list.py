"""Alerts: reprisals for cooperation, for the officers of the mechanisms that they concern.

Whom an act concerns is told by `registry.domain.concerned`; which alerts were seen stays in the
node's office and is in no view.
"""

from collections.abc import Collection, Iterator, Sequence
from typing import Final

from registry.domain.acts import Act, states_of
from registry.domain.concerned import ALERTING, reasons_to_alert
from registry.domain.content import ReprisalAlleged, ReprisalLinked
from registry.domain.identifiers import Slug
from registry.domain.mechanisms import Profiles
from registry.domain.reprisals import date_of
from registry.domain.vocabulary import kind_code
from registry.store.read_models import Document
from registry.views.acts import Place, name_of, place_key, place_of_time, words_of
from registry.views.case_file import CaseHistory
from registry.views.reprisal_rows import AlertRow
from registry.views.rows import encode_row

VIEW: Final = "alert"
FOR: Final = "for"
"""Name of the facet: slugs of the mechanisms that an alert is for."""


def alerts_of(
    history: CaseHistory,
    acts: Sequence[Act],
    profiles: Profiles,
    *,
    confidential: Collection[Place],
) -> Iterator[AlertRow]:
    """The alerts of a case, in its order.

    Args:
        history: of the case.
        acts: its readable acts.
        profiles: at whose node which body is at home.
        confidential: acts that are not for every member.
    """
    if not any(act.content.kind in ALERTING for act in acts):
        return
    linked = {act.place: act for act in acts if isinstance(act.content, ReprisalAlleged)}
    recorded: dict[Place, int] = {
        (each.origin, each.index): each.recorded_ms for each in history.events
    }
    for act in acts:
        content = act.content
        if not isinstance(content, ReprisalAlleged | ReprisalLinked):
            continue
        yield AlertRow(
            case_id=history.case_id,
            origin=act.origin,
            index=act.index,
            mechanism=Slug(act.mechanism),
            kind=kind_code(content.kind),
            body=content.acting_body,
            cooperated_with=content.cooperated_with,
            words=content.cooperation_words,
            date=date_of(content),
            recorded_ms=recorded[act.place],
            title=name_of(content),
            states=states_of(content),
            concerned=tuple(reasons_to_alert(act, linked, profiles).items()),
            is_invented=content.is_invented,
            is_confidential=act.place in confidential,
        )


def alert_documents(
    history: CaseHistory,
    acts: Sequence[Act],
    profiles: Profiles,
    *,
    confidential: Collection[Place],
) -> Iterator[Document]:
    """One document for each alert; arguments as above."""
    contents = {act.place: act.content for act in acts}
    for row in alerts_of(history, acts, profiles, confidential=confidential):
        yield Document(
            view=VIEW,
            key=place_key(row.origin, row.index),
            sort=place_of_time(row.recorded_ms),
            row=encode_row(row),
            facets=(
                *((FOR, slug) for slug, _ in row.concerned),
                ("case", row.case_id.hex()),
                ("mechanism", row.mechanism),
                *(("state", state) for state in row.states),
            ),
            text=words_of([contents[row.origin, row.index]]),
        )
