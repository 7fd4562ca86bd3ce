"""Intents by the day on which they lapse, each with its answers and what became of it.

That one has lapsed, and which ones meet, is said when the list is read: see
`registry.domain.intents.state_on` and `registry.application.intents`.
"""

from collections.abc import Collection, Iterable, Sequence
from typing import Final

from registry.domain.acts import Act, states_of
from registry.domain.content import CaseOpened, IntentAnswered, IntentDeclared, PartialDate
from registry.domain.identifiers import CaseId, Slug
from registry.domain.intents import Answer, Intent, intents_of
from registry.store.read_models import Document
from registry.views.acting_rows import IntentAnswerRow, IntentRow
from registry.views.acts import Place, act_facets, excerpt_of, name_of, place_key, words_of
from registry.views.rows import encode_row

VIEW: Final = "intent"
_SUMMARY_MAX: Final = 500
_ANSWERS_MAX: Final = 200
"""So many are shown, the last ones; nobody needs as many."""
NEVER: Final = "~"
"""Sorts after every day: of an intent that lapses on none."""


def intent_documents(
    case_id: CaseId, case_title: str, acts: Sequence[Act], *, confidential: Collection[Place]
) -> Iterable[Document]:
    """One document for each intent of a case; sorted by the day on which it lapses.

    Args:
        case_id: the case.
        case_title: shown in each row.
        acts: the readable acts of the case.
        confidential: acts that are not for every member, and all that those are about.
    """
    found = intents_of(acts)
    if not found:
        return
    openings = (act.place for act in acts if isinstance(act.content, CaseOpened))
    has_confidential_title = any(place in confidential for place in openings)
    of_case = tuple(sorted({state for act in acts for state in states_of(act.content)}))
    for intent in found:
        own = states_of(intent.act.content)
        settled = intent.settled_by
        is_confidential = (
            intent.act.place in confidential
            or has_confidential_title
            or (settled is not None and settled.place in confidential)
            or (not own and bool(confidential))
        )
        row = _row(intent, case_id, case_title, own or of_case, is_confidential=is_confidential)
        yield Document(
            view=VIEW,
            key=place_key(row.origin, row.index),
            sort=row.lapses or NEVER,
            row=encode_row(row),
            facets=(
                ("outcome", row.state),
                ("mechanism", row.mechanism),
                ("case", case_id.hex()),
                *act_facets(intent.act.content, row.states),
            ),
            text=words_of([intent.act.content]),
        )


def _row(
    intent: Intent,
    case_id: CaseId,
    case_title: str,
    states: tuple[str, ...],
    *,
    is_confidential: bool,
) -> IntentRow:
    act, settled = intent.act, intent.settled_by
    content = act.content
    assert isinstance(content, IntentDeclared)  # noqa: S101 - the domain says so
    return IntentRow(
        case_id=case_id,
        case_title=case_title,
        origin=act.origin,
        index=act.index,
        mechanism=Slug(act.mechanism),
        body=content.acting_body,
        action=content.action,
        instrument=content.instrument,
        title=name_of(content),
        summary=excerpt_of(content.summary, _SUMMARY_MAX),
        states=states,
        themes=content.themes,
        declared=_text(content.declared_date),
        planned=_text(content.planned_date),
        planned_until=_text(content.planned_until_date),
        window_start="" if intent.window is None else intent.window.start,
        window_end="" if intent.window is None else intent.window.end,
        lapses=intent.lapses,
        state=intent.state,
        answers=tuple(map(_answer, intent.answers[-_ANSWERS_MAX:])),
        settled_origin="" if settled is None else settled.origin,
        settled_index=0 if settled is None else settled.index,
        settled="" if settled is None else _text(settled.content.act_date()),
        is_invented=content.is_invented,
        is_confidential=is_confidential,
    )


def _answer(answer: Answer) -> IntentAnswerRow:
    content = answer.act.content
    assert isinstance(content, IntentAnswered)  # noqa: S101 - the domain says so
    return IntentAnswerRow(
        origin=answer.act.origin,
        index=answer.act.index,
        mechanism=Slug(answer.act.mechanism),
        body=content.acting_body,
        answer=content.answer,
        date=_text(content.answered_date),
        proposed=_text(content.proposed_date),
        summary=excerpt_of(content.summary, _SUMMARY_MAX),
        counts=answer.counts,
    )


def _text(date: PartialDate | None) -> str:
    return "" if date is None else date.value
