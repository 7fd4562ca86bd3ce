"""What the views show of detentions, row by row."""

from dataclasses import dataclass

from registry.domain.identifiers import CaseId, Slug
from registry.views.rows import Row


@dataclass(frozen=True, slots=True)
class PhaseRow(Row):
    """How somebody was held from a time on: the first and the last day that it can mean."""

    first: str
    last: str
    deprivation: str


@dataclass(frozen=True, slots=True)
class DetentionRow(Row):
    """One time that somebody was held; days ISO 8601, empty = nobody knows.

    Each date is the first and the last day that it can mean. The event is the one that tells what
    came first. How many days it has lasted, and whether it lasts, follow from the day of the call.
    `name` is empty if nobody is named here, or the person has taken a consent back.
    """

    case_id: CaseId
    case_title: str
    origin: str
    index: int
    mechanism: Slug
    person_id: str
    name: str
    start_first: str
    start_last: str
    is_ended: bool
    end_first: str
    end_last: str
    phases: tuple[PhaseRow, ...]
    is_contradicted: bool
    disputes: tuple[str, ...]
    release: str
    place: str
    authority: str
    charges: tuple[str, ...]
    next_hearing: str
    confidences: tuple[tuple[str, str], ...]
    mechanisms: tuple[Slug, ...]
    states: tuple[str, ...]
    themes: tuple[str, ...]
    is_invented: bool
    is_confidential: bool
