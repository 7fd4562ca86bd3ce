"""What the views show of meetings, row by row."""

from dataclasses import dataclass

from registry.domain.identifiers import CaseId, Slug
from registry.views.rows import Row


@dataclass(frozen=True, slots=True)
class AgendaRow(Row):
    """One item of an agenda; the theme may be empty."""

    title: str
    theme: str


@dataclass(frozen=True, slots=True)
class CommitmentRow(Row):
    """What somebody committed itself to at a meeting, and how it stands.

    `due` and `outcome` are those of its obligation (empty = it names no day), `scale` as in
    `FollowUpRow`.
    """

    origin: str
    index: int
    mechanism: Slug
    body: str
    title: str
    date: str
    bodies: tuple[str, ...]
    state: str
    due: str
    outcome: str
    met: str
    scale: str
    is_invented: bool


@dataclass(frozen=True, slots=True)
class MeetingRow(Row):
    """A meeting: agenda, the bodies that took part, and the commitments made at it."""

    case_id: CaseId
    origin: str
    index: int
    mechanism: Slug
    body: str
    date: str
    title: str
    place: str
    participants: tuple[str, ...]
    agenda: tuple[AgendaRow, ...]
    states: tuple[str, ...]
    themes: tuple[str, ...]
    references: tuple[str, ...]
    commitments: tuple[CommitmentRow, ...]
    is_invented: bool
    is_confidential: bool
