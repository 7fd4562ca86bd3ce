"""Follow-up: recommendations, commitments and decisions, and what came of each.

Every response is kept. Assessments stand in their native schemes, the derived scale beside them;
where those of two bodies that count (`registry.domain.claims`) differ on that scale, the row says
so. That several bodies ask the same is a proposal, until a person accepts or declines it.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Final

from registry.domain.acts import Act, instrument_of, place_of, said
from registry.domain.claims import assessments_of, last_claims
from registry.domain.content import (
    ActContent,
    CommitmentMade,
    ConcordanceAccepted,
    ConcordanceProposed,
    FollowupAssessed,
    FollowupInformation,
    NativeGrade,
    RecommendationMade,
    RecommendationResponse,
    ReplyReceived,
)
from registry.domain.grading import AMBIGUOUS, NOT_ASSESSED, date_of_grade, derived_of
from registry.domain.identifiers import CaseId, Slug
from registry.domain.vocabulary import kind_code
from registry.store.read_models import Document
from registry.views.acts import Place, act_facets, name_of, place_key, words_of
from registry.views.rows import (
    AssessmentRow,
    ConcordanceRow,
    FollowUpRow,
    ResponseRow,
    encode_row,
)

VIEW: Final = "follow_up"
CONCORDANCES: Final = "concordance"
_ASKING: Final = (RecommendationMade, CommitmentMade)


def follow_up_documents(
    case_id: CaseId, acts: Sequence[Act], *, confidential: Collection[Place]
) -> Iterable[Document]:
    """One document for each act of a case that is followed up.

    Args:
        case_id: the case.
        acts: its readable acts.
        confidential: acts that are not for every member, and all that those are about.
    """
    for act, row in follow_up_rows(case_id, acts, confidential=confidential):
        yield _document(act, row)


def follow_up_rows(
    case_id: CaseId, acts: Sequence[Act], *, confidential: Collection[Place]
) -> Iterator[tuple[Act, FollowUpRow]]:
    """Each act of a case that is followed up, and what came of it; arguments as above."""
    for act, after in followed_acts(acts):
        row = follow_up_row(case_id, act, after, is_confidential=act.place in confidential)
        yield act, row


def followed_acts(acts: Sequence[Act]) -> Iterator[tuple[Act, Sequence[Act]]]:
    """Each act of a case that is followed up, and the acts that are about it."""
    following: dict[tuple[str, int], list[Act]] = {}
    for act in acts:
        if (place := place_of(act.content.about)) is not None:
            following.setdefault(place, []).append(act)
    for act in acts:
        after = following.get(act.place, [])
        is_asking = isinstance(act.content, _ASKING)
        if is_asking or any(isinstance(each.content, FollowupAssessed) for each in after):
            yield act, after


def concordance_documents(
    case_id: CaseId, acts: Sequence[Act], *, confidential: Collection[Place]
) -> Iterable[Document]:
    """One document for each concordance that was proposed in a case; arguments as above."""
    answers: Mapping[tuple[str, int] | None, str] = {
        place_of(act.content.about): "declined" if act.content.is_declined else "accepted"
        for act in acts
        if isinstance(act.content, ConcordanceAccepted)
    }
    for act in acts:
        if not isinstance(act.content, ConcordanceProposed):
            continue
        first = place_of(act.content.about)
        others = [(each.origin, each.index) for each in act.content.same_as]
        events = tuple(dict.fromkeys(([first] if first else []) + others))
        state = answers.get(act.place, "proposed")
        row = ConcordanceRow(
            case_id=case_id,
            origin=act.origin,
            index=act.index,
            mechanism=Slug(act.mechanism),
            events=events,
            state=state,
            is_confidential=act.place in confidential,
        )
        yield Document(
            view=CONCORDANCES,
            key=place_key(act.origin, act.index),
            sort=state,
            row=encode_row(row),
            facets=(
                ("outcome", state),
                ("mechanism", act.mechanism),
                *(("event", f"{origin}#{index}") for origin, index in events),
            ),
        )


def follow_up_row(
    case_id: CaseId, act: Act, after: Sequence[Act], *, is_confidential: bool
) -> FollowUpRow:
    """What came of one act of a case, told by those that are about it."""
    content = act.content
    acted = content.act_date()
    assessments = tuple(_assessments(after))
    scale, is_contradicted = _scale(after)
    return FollowUpRow(
        case_id=case_id,
        origin=act.origin,
        index=act.index,
        mechanism=Slug(act.mechanism),
        kind=kind_code(content.kind),
        body=content.acting_body,
        instrument=instrument_of(content),
        date="" if acted is None else acted.value,
        title=name_of(content),
        states=_addressed(content),
        themes=content.themes,
        references=content.references,
        responses=tuple(_responses(act, after)),
        information_count=sum(isinstance(each.content, FollowupInformation) for each in after),
        assessments=assessments,
        scale=scale,
        is_contradicted=is_contradicted,
        is_invented=content.is_invented,
        is_confidential=is_confidential,
    )


def _document(act: Act, row: FollowUpRow) -> Document:
    return Document(
        view=VIEW,
        key=place_key(act.origin, act.index),
        sort=row.date,
        row=encode_row(row),
        facets=(
            ("kind", row.kind),
            ("mechanism", act.mechanism),
            ("outcome", row.scale),
            *act_facets(act.content, row.states),
        ),
        text=words_of([act.content]),
    )


def _addressed(content: ActContent) -> tuple[str, ...]:
    state = said(content, "addressee_state", "")
    return (state,) if state else content.states


def _responses(act: Act, after: Sequence[Act]) -> Iterable[ResponseRow]:
    first: NativeGrade | None = said(act.content, "response", None)
    if first is not None:
        yield _response(act, first, act.content)
    for each in after:
        if isinstance(each.content, RecommendationResponse):
            yield _response(each, each.content.response, each.content)
        elif isinstance(each.content, ReplyReceived):
            kind = each.content.reply_kind or "reply"
            yield _response(each, NativeGrade(scheme="reply", value=kind), each.content)


def _response(act: Act, grade: NativeGrade, content: ActContent) -> ResponseRow:
    return ResponseRow(
        Slug(act.mechanism), grade.scheme, grade.value, date_of_grade(grade, content)
    )


def _assessments(after: Sequence[Act]) -> Iterable[AssessmentRow]:
    for each in after:
        if isinstance(each.content, FollowupAssessed):
            grade = each.content.grade
            yield AssessmentRow(
                mechanism=Slug(each.mechanism),
                body=grade.assessor or each.content.acting_body,
                scheme=grade.scheme,
                value=grade.value,
                derived=derived_of(each.content),
                date=date_of_grade(grade, each.content),
            )


def _scale(after: Sequence[Act]) -> tuple[str, bool]:
    """The derived scale of the last assessments of each body, and whether they differ."""
    last = {claim.value for claim in last_claims(assessments_of(after))}
    derived = last - {AMBIGUOUS}
    if len(derived) > 1:
        return "contradicted", True
    if derived:
        return derived.pop(), False
    return (AMBIGUOUS if last else NOT_ASSESSED), False
