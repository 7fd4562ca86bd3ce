"""The readable acts of a case: for the folds that follow, and as the list of all acts."""

from collections.abc import Iterable, Sequence
from typing import Final, TypeAlias

from registry.domain.acting import ACTING_KINDS
from registry.domain.acts import Act, instrument_of, place_of, said, states_of, themes_of
from registry.domain.content import ActContent
from registry.domain.identifiers import CaseId
from registry.domain.vocabulary import kind_code
from registry.store.read_models import Document
from registry.views.case_file import CaseHistory, HistoryEntry
from registry.views.rows import ActRow, encode_row

VIEW: Final = "act"
ACTING: Final = ("acting", "yes")
"""The facet of acts by which a body acts."""
IN_STATE: Final = "in_state"
ON_THEME: Final = "on_theme"
"""Facets of the same: States and themes of the act, or else of its case."""
Place: TypeAlias = tuple[str, int]
"""Origin and index of an event."""
_WORDS: Final = ("title", "summary", "own_number", "law_title", "law_number", "document_type")
_TEXT_MAX: Final = 100_000
_EXCERPT_MAX: Final = 160
_TIME_DIGITS: Final = 15
_YEAR_ONE_MS: Final = 10**14
"""Added to a time, so that those before 1970 sort before the others."""


def acts_of(history: CaseHistory) -> list[Act]:
    """The readable acts of a history, in its order."""
    origins = {event.log_id: event.origin for event in history.events}
    return [
        Act(
            event.origin,
            event.index,
            event.mechanism,
            event.content,
            {
                **{origins[r.log_id]: r.index for r in event.refs if r.log_id in origins},
                event.origin: event.index,
            },
        )
        for event in history.events
        if event.content is not None
    ]


def confidential_places(history: CaseHistory) -> frozenset[Place]:
    """The readable acts whose content is not for every member."""
    return frozenset((each.origin, each.index) for each in history.events if each.is_confidential)


def with_what_they_are_about(acts: Iterable[Act], places: Iterable[Place]) -> frozenset[Place]:
    """Some acts and all that they are about, directly or over others: rows of those show both."""
    about = {act.place: place_of(act.content.about) for act in acts}
    found: set[Place] = set()
    for place in places:
        at: Place | None = place
        # Each act is passed once, whatever the number of those about it, also in a circle.
        while at is not None and at not in found:
            found.add(at)
            at = about.get(at)
    return frozenset(found)


def act_documents(
    history: CaseHistory, *, states: Sequence[str] = (), themes: Sequence[str] = ()
) -> Iterable[Document]:
    """One document for each readable act.

    Args:
        history: of the case.
        states: of the case; those of an act by which a body acts, where it names none itself.
        themes: of the case; likewise.
    """
    for event in history.events:
        if event.content is not None:
            document = _document(history.case_id, event, event.content)
            if event.content.kind in ACTING_KINDS:
                facets = _acting_facets(event.content, states, themes)
                document = document._replace(facets=(*document.facets, *facets))
            yield document


def words_of(contents: Iterable[ActContent]) -> str:
    """The words by which acts are found; no names of persons."""
    found = [text for content in contents for text in _words(content)]
    return "\n".join(dict.fromkeys(found))[:_TEXT_MAX]


def place_key(origin: str, index: int, *rest: str) -> bytes:
    """A document's key: the event that it is of, and what else tells it apart."""
    return "\0".join((origin, str(index), *rest)).encode()


def place_of_time(time_ms: int) -> str:
    """The place of a time, in milliseconds UTC, in the order of a list."""
    return f"{time_ms + _YEAR_ONE_MS:0{_TIME_DIGITS}}"


def name_of(content: ActContent) -> str:
    """What an act is called in a list: its title, or else the first words of its summary."""
    if content.title:
        return content.title
    return excerpt_of(" ".join(content.summary.split()), _EXCERPT_MAX)


def excerpt_of(text: str, size_max: int) -> str:
    """A text up to so many characters, cut between words; the whole stands in its event."""
    return text if len(text) <= size_max else f"{text[:size_max].rsplit(' ', 1)[0]} …"


def _words(content: ActContent) -> Iterable[str]:
    yield from filter(None, (said(content, name, "") for name in _WORDS))
    yield from content.references
    yield from content.subjects
    yield from (party.name for party in content.parties)


def _document(case_id: CaseId, event: HistoryEntry, content: ActContent) -> Document:
    acted = content.act_date()
    row = ActRow(
        case_id=case_id,
        origin=event.origin,
        index=event.index,
        mechanism=event.mechanism,
        kind=event.kind,
        body=content.acting_body,
        instrument=instrument_of(content),
        date="" if acted is None else acted.value,
        recorded_ms=event.recorded_ms,
        title=name_of(content),
        states=states_of(content),
        themes=themes_of(content),
        references=content.references,
        is_invented=content.is_invented,
        is_confidential=event.is_confidential,
    )
    return Document(
        view=VIEW,
        key=place_key(event.origin, event.index),
        sort=row.date,
        row=encode_row(row),
        facets=(
            ("kind", kind_code(content.kind)),
            ("mechanism", event.mechanism),
            *act_facets(content, states_of(content)),
            *(("topic", topic) for topic in _topics(content)),
            ("case", case_id.hex()),
        ),
        text=words_of([content]),
    )


def _topics(content: ActContent) -> tuple[str, ...]:
    return said(content, "topics", ())


def _acting_facets(
    content: ActContent, states: Sequence[str], themes: Sequence[str]
) -> tuple[tuple[str, str], ...]:
    return (
        ACTING,
        *((IN_STATE, state) for state in states_of(content) or states),
        *((ON_THEME, theme) for theme in content.themes or themes),
    )


def act_facets(content: ActContent, states: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """The facets that rows about an act share."""
    instrument = instrument_of(content)
    return (
        ("body", content.acting_body),
        *((("instrument", instrument),) if instrument else ()),
        *(("state", state) for state in states),
        *(("theme", theme) for theme in themes_of(content)),
    )
