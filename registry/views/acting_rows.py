"""Rows of acting together: intents with their answers, good practices, working definitions.

See `registry.views.rows` for the rules of all rows.
"""

from dataclasses import dataclass

from registry.domain.identifiers import CaseId, Slug
from registry.views.rows import Row


@dataclass(frozen=True, slots=True)
class IntentAnswerRow(Row):
    """One answer to an intent; `counts` = it is the last one of its body."""

    origin: str
    index: int
    mechanism: Slug
    body: str
    answer: str
    date: str
    proposed: str
    summary: str
    counts: bool


@dataclass(frozen=True, slots=True)
class IntentRow(Row):
    """A declared intent; see `registry.domain.intents.Intent` for most fields.

    Dates are ISO 8601 as far as they are known, empty = unknown; `window_start` and `window_end`
    are days. `states` are those of the intent, or else those of its case. `settled_origin` and
    `settled_index` name the act that fulfilled or withdrew it, if `settled_origin` is not empty.
    """

    case_id: CaseId
    case_title: str
    origin: str
    index: int
    mechanism: Slug
    body: str
    action: str
    instrument: str
    title: str
    summary: str
    states: tuple[str, ...]
    themes: tuple[str, ...]
    declared: str
    planned: str
    planned_until: str
    window_start: str
    window_end: str
    lapses: str
    state: str
    answers: tuple[IntentAnswerRow, ...]
    settled_origin: str
    settled_index: int
    settled: str
    is_invented: bool
    is_confidential: bool


@dataclass(frozen=True, slots=True)
class PracticeRow(Row):
    """A good practice: on which themes, where and for whom it worked; `date` empty = unknown."""

    case_id: CaseId
    origin: str
    index: int
    mechanism: Slug
    body: str
    title: str
    practice: str
    place: str
    themes: tuple[str, ...]
    states: tuple[str, ...]
    regions: tuple[str, ...]
    worked_for: tuple[str, ...]
    instruments: tuple[str, ...]
    references: tuple[str, ...]
    url: str
    date: str
    is_invented: bool
    is_confidential: bool


@dataclass(frozen=True, slots=True)
class DefinitionRow(Row):
    """A working definition of a term and who holds it; `date` empty = unknown.

    `recorded_ms` is the author's clock, milliseconds UTC.
    """

    case_id: CaseId
    origin: str
    index: int
    mechanism: Slug
    body: str
    term: str
    definition: str
    held_by: tuple[str, ...]
    themes: tuple[str, ...]
    references: tuple[str, ...]
    url: str
    date: str
    recorded_ms: int
    is_invented: bool
    is_confidential: bool


@dataclass(frozen=True, slots=True)
class QuestionRow(Row):
    """Where a mechanism asked others something; what it asked is read from the case."""

    case_id: CaseId
    origin: str
    index: int
    mechanism: Slug
    is_confidential: bool
