"""Good practices and working definitions, across all cases."""

from collections.abc import Iterable
from typing import Final

from registry.domain.content import ActContent, DefinitionAgreed, PracticeShared
from registry.domain.definitions import term_key
from registry.domain.identifiers import CaseId
from registry.store.read_models import Document
from registry.views.acting_rows import DefinitionRow, PracticeRow
from registry.views.acts import excerpt_of, name_of, place_key, words_of
from registry.views.case_file import CaseHistory, HistoryEntry
from registry.views.rows import encode_row

PRACTICES: Final = "practice"
DEFINITIONS: Final = "definition"
_SHOWN_MAX: Final = 4_000
_TEXT_MAX: Final = 100_000


def practice_documents(history: CaseHistory) -> Iterable[Document]:
    """One document for each good practice that was shared in a case; by date."""
    for event in history.events:
        if isinstance(event.content, PracticeShared):
            yield _practice(history.case_id, event, event.content)


def definition_documents(history: CaseHistory) -> Iterable[Document]:
    """One document for each definition that was agreed in a case; by term, then by date."""
    for event in history.events:
        if isinstance(event.content, DefinitionAgreed):
            yield _definition(history.case_id, event, event.content)


def _practice(case_id: CaseId, event: HistoryEntry, content: PracticeShared) -> Document:
    row = PracticeRow(
        case_id=event.case_id or case_id,
        origin=event.origin,
        index=event.index,
        mechanism=event.mechanism,
        body=content.acting_body,
        title=name_of(content),
        practice=excerpt_of(content.practice, _SHOWN_MAX),
        place=content.place,
        themes=content.themes,
        states=content.states,
        regions=content.regions,
        worked_for=content.worked_for,
        instruments=content.instruments,
        references=content.references,
        url=content.url,
        date=_date(content),
        is_invented=content.is_invented,
        is_confidential=event.is_confidential,
    )
    return Document(
        view=PRACTICES,
        key=place_key(event.origin, event.index),
        sort=row.date,
        row=encode_row(row),
        facets=(
            ("mechanism", event.mechanism),
            *(("theme", theme) for theme in row.themes),
            *(("state", state) for state in row.states),
            *(("instrument", code) for code in row.instruments),
            *(("body", code) for code in (content.acting_body, *row.worked_for)),
        ),
        text=f"{words_of([content])}\n{content.place}\n{content.practice}"[:_TEXT_MAX],
    )


def _definition(case_id: CaseId, event: HistoryEntry, content: DefinitionAgreed) -> Document:
    term = term_key(content.term)
    row = DefinitionRow(
        case_id=event.case_id or case_id,
        origin=event.origin,
        index=event.index,
        mechanism=event.mechanism,
        body=content.acting_body,
        term=content.term,
        definition=excerpt_of(content.definition, _SHOWN_MAX),
        held_by=tuple(dict.fromkeys(content.held_by or (content.acting_body,))),
        themes=content.themes,
        references=content.references,
        url=content.url,
        date=_date(content),
        recorded_ms=event.recorded_ms,
        is_invented=content.is_invented,
        is_confidential=event.is_confidential,
    )
    return Document(
        view=DEFINITIONS,
        key=place_key(event.origin, event.index),
        sort=f"{term}\t{row.date}",
        row=encode_row(row),
        facets=(
            ("term", term),
            ("mechanism", event.mechanism),
            *(("theme", theme) for theme in row.themes),
            *(("body", code) for code in row.held_by),
        ),
        text=f"{content.term}\n{content.definition}"[:_TEXT_MAX],
    )


def _date(content: ActContent) -> str:
    acted = content.act_date()
    return "" if acted is None else acted.value
