"""Meetings: what was on the agenda, which bodies took part, and what became of commitments."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from typing import Final

from registry.domain.acts import Act, place_of, themes_of
from registry.domain.content import CommitmentMade, MeetingHeld
from registry.domain.deadlines import Obligation, obligations_of
from registry.domain.identifiers import CaseId, Slug
from registry.domain.mechanisms import Profiles
from registry.store.read_models import Document
from registry.views.acts import Place, act_facets, name_of, place_key, words_of
from registry.views.follow_up import follow_up_rows
from registry.views.meeting_rows import AgendaRow, CommitmentRow, MeetingRow
from registry.views.rows import encode_row

VIEW: Final = "meeting"
COMMITMENTS_MAX: Final = 200
"""So many of one meeting stand in its row, the first ones; each stands in the follow-up as well."""


def meeting_documents(
    case_id: CaseId, acts: Sequence[Act], profiles: Profiles, *, confidential: Collection[Place]
) -> Iterable[Document]:
    """One document for each meeting of a case.

    Args:
        case_id: the case.
        acts: its readable acts.
        profiles: the mechanisms' clocks, for commitments that name no day.
        confidential: acts that are not for every member, and all that those are about.
    """
    rows = meeting_rows(case_id, acts, profiles, confidential=confidential)
    by_place = {act.place: act for act in acts} if rows else {}
    for row in rows:
        yield _document(row, by_place[row.origin, row.index])


def meeting_rows(
    case_id: CaseId, acts: Sequence[Act], profiles: Profiles, *, confidential: Collection[Place]
) -> tuple[MeetingRow, ...]:
    """The meetings of a case with the commitments that are about them; arguments as above."""
    held = [act for act in acts if isinstance(act.content, MeetingHeld)]
    if not held:
        return ()
    about = {act.place: place_of(act.content.about) for act in acts}
    made: dict[Place | None, list[CommitmentRow]] = {}
    for row in commitment_rows(case_id, acts, profiles):
        made.setdefault(about[row.origin, row.index], []).append(row)
    return tuple(
        _meeting(
            case_id,
            act,
            act.content,
            tuple(made.get(act.place, ())),
            is_confidential=act.place in confidential,
        )
        for act in held
        if isinstance(act.content, MeetingHeld)
    )


def commitment_rows(
    case_id: CaseId, acts: Sequence[Act], profiles: Profiles
) -> tuple[CommitmentRow, ...]:
    """All commitments of a case and how they stand, in the order of record."""
    if not any(isinstance(act.content, CommitmentMade) for act in acts):
        return ()
    followed = follow_up_rows(case_id, acts, confidential=())
    scales = {(row.origin, row.index): row.scale for _, row in followed}
    due = {
        (each.origin, each.index): each
        for each in obligations_of(acts, profiles)
        if each.matter == "followup_due"
    }
    return tuple(
        _commitment(act, act.content, due.get(act.place), scales.get(act.place, ""))
        for act in acts
        if isinstance(act.content, CommitmentMade)
    )


def _meeting(
    case_id: CaseId,
    act: Act,
    content: MeetingHeld,
    commitments: tuple[CommitmentRow, ...],
    *,
    is_confidential: bool,
) -> MeetingRow:
    acted = content.act_date()
    return MeetingRow(
        case_id=case_id,
        origin=act.origin,
        index=act.index,
        mechanism=Slug(act.mechanism),
        body=content.acting_body,
        date="" if acted is None else acted.value,
        title=name_of(content),
        place=content.place,
        participants=content.participants,
        agenda=tuple(AgendaRow(each.title, each.theme) for each in content.agenda),
        states=content.states,
        themes=themes_of(content),
        references=content.references,
        commitments=commitments,
        is_invented=content.is_invented,
        is_confidential=is_confidential,
    )


def _commitment(
    act: Act, content: CommitmentMade, due: Obligation | None, scale: str
) -> CommitmentRow:
    acted = content.act_date()
    return CommitmentRow(
        origin=act.origin,
        index=act.index,
        mechanism=Slug(act.mechanism),
        body=content.acting_body,
        title=name_of(content),
        date="" if acted is None else acted.value,
        bodies=content.committed_bodies,
        state=content.addressee_state,
        due="" if due is None else due.due,
        outcome="" if due is None else due.state,
        met="" if due is None else due.met,
        scale=scale,
        is_invented=content.is_invented,
    )


def _document(row: MeetingRow, act: Act) -> Document:
    content = act.content
    own = act_facets(content, row.states)
    themes = ((("theme", theme)) for theme in row.themes)
    bodies = (("body", body) for body in row.participants)
    titles = [item.title for item in row.agenda]
    return Document(
        view=VIEW,
        key=place_key(row.origin, row.index),
        sort=row.date,
        row=encode_row(replace(row, commitments=row.commitments[:COMMITMENTS_MAX])),
        facets=tuple(dict.fromkeys((("mechanism", str(row.mechanism)), *own, *themes, *bodies))),
        text="\n".join((words_of([content]), row.place, *titles)),
    )
