"""What the views show of reprisals, impunity and alerts, row by row."""

from dataclasses import dataclass

from registry.domain.identifiers import CaseId, Slug
from registry.domain.reprisals import Step
from registry.views.rows import Row


@dataclass(frozen=True, slots=True)
class ReprisalRow(Row):
    """A reprisal and what followed; see `registry.domain.reprisals.Reprisal` for most fields.

    `date` is when it occurred, `recorded` the day on which it was recorded, both ISO 8601.
    """

    case_id: CaseId
    origin: str
    index: int
    mechanism: Slug
    body: str
    date: str
    recorded: str
    title: str
    states: tuple[str, ...]
    confidence: str
    acts: tuple[str, ...]
    bodies: tuple[str, ...]
    cooperation: tuple[tuple[str, int], ...]
    words: tuple[str, ...]
    outcome: str
    resolved: str
    steps: tuple[Step, ...]
    standing: str
    targets: tuple[str, ...]
    references: tuple[str, ...]
    is_invented: bool
    is_confidential: bool


@dataclass(frozen=True, slots=True)
class ImpunityRow(Row):
    """One act on the timeline of reprisals and accountability.

    `what` are codes of what it tells: acts of a reprisal, a body, an outcome or a step; `reprisals`
    the reprisals that it belongs to, by origin and index.
    """

    case_id: CaseId
    origin: str
    index: int
    mechanism: Slug
    kind: str
    body: str
    date: str
    what: tuple[str, ...]
    authority: str
    title: str
    states: tuple[str, ...]
    reprisals: tuple[tuple[str, int], ...]
    is_invented: bool
    is_confidential: bool


@dataclass(frozen=True, slots=True)
class AlertRow(Row):
    """An act that alleges or links a reprisal, and whom it concerns: slugs with the reasons."""

    case_id: CaseId
    origin: str
    index: int
    mechanism: Slug
    kind: str
    body: str
    cooperated_with: str
    words: str
    date: str
    recorded_ms: int
    title: str
    states: tuple[str, ...]
    concerned: tuple[tuple[str, str], ...]
    is_invented: bool
    is_confidential: bool
