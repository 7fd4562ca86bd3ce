"""Questions between mechanisms, and at whom they are still open: those that this node can read."""

from collections.abc import Iterable
from typing import Final

from registry.domain.acts import place_of
from registry.domain.content import PeerAnswered, PeersAsked
from registry.store.read_models import Document
from registry.views.acting_rows import QuestionRow
from registry.views.acts import Place, place_key, place_of_time
from registry.views.case_file import CaseHistory, HistoryEntry
from registry.views.rows import encode_row

VIEW: Final = "question"


def question_documents(history: CaseHistory) -> Iterable[Document]:
    """One document for each question in a case, in the order in which they were recorded."""
    answers = answers_in(history)
    for event in history.events:
        if isinstance(event.content, PeersAsked):
            place: Place = (event.origin, event.index)
            yield _document(history, event, event.content, answers.get(place, ()))


def answers_in(history: CaseHistory) -> dict[Place, tuple[HistoryEntry, ...]]:
    """The readable answers of those who were asked, by the question, in the order of record."""
    asked: dict[Place, tuple[str, ...]] = {
        (event.origin, event.index): event.content.mechanisms
        for event in history.events
        if isinstance(event.content, PeersAsked)
    }
    found: dict[Place, tuple[HistoryEntry, ...]] = {}
    for event in history.events:
        if not isinstance(event.content, PeerAnswered):
            continue
        place = place_of(event.content.about)
        if place is not None and event.mechanism in asked.get(place, ()):
            found[place] = (*found.get(place, ()), event)
    return found


def unanswered_by(question: PeersAsked, answers: Iterable[HistoryEntry]) -> tuple[str, ...]:
    """Slugs of those that were asked and have not answered, as far as this node can read."""
    answered = {event.mechanism for event in answers}
    return tuple(slug for slug in dict.fromkeys(question.mechanisms) if slug not in answered)


def _document(
    history: CaseHistory,
    event: HistoryEntry,
    question: PeersAsked,
    answers: Iterable[HistoryEntry],
) -> Document:
    row = QuestionRow(
        case_id=history.case_id,
        origin=event.origin,
        index=event.index,
        mechanism=event.mechanism,
        is_confidential=event.is_confidential,
    )
    return Document(
        view=VIEW,
        key=place_key(event.origin, event.index),
        sort=place_of_time(event.recorded_ms),
        row=encode_row(row),
        facets=(
            ("mechanism", event.mechanism),
            *(("asked", slug) for slug in dict.fromkeys(question.mechanisms)),
            *(("open_at", slug) for slug in unanswered_by(question, answers)),
            ("case", history.case_id.hex()),
        ),
    )
