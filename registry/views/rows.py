"""What the views show, row by row, and its stored form: canonical JSON, bytes in hexadecimal.

A row depends on the log alone and not on the way there, so that a rebuild gives the same bytes.
Rows that show content say whether any of it is not for every member (`is_confidential`): who lists
them is noted.
"""

from dataclasses import dataclass
from typing import Any, Final, Protocol, TypeVar

from pydantic import ConfigDict, TypeAdapter

from registry.domain.identifiers import CaseId, Slug
from registry.domain.reprisals import Step

T = TypeVar("T")
_CONFIG: Final = ConfigDict(ser_json_bytes="hex", val_json_bytes="hex", extra="forbid")


class _Row:
    __slots__ = ()
    __pydantic_config__ = _CONFIG


Row = _Row
"""What rows that stand in other modules begin with."""


_ADAPTERS: Final[dict[type[Any], TypeAdapter[Any]]] = {}


class ContentRow(Protocol):
    """A row that shows content of a case."""

    @property
    def case_id(self) -> CaseId:
        """The case."""

    @property
    def is_confidential(self) -> bool:
        """Whether something that it shows comes from content that is not for every member."""


@dataclass(frozen=True, slots=True)
class CaseRow(_Row):
    """One line of the case list; times in milliseconds UTC as the authors recorded.

    `status` is what the mechanisms say of it: `open` if none says anything, `disputed` if they
    differ.
    """

    case_id: CaseId
    title: str
    states: tuple[str, ...]
    themes: tuple[str, ...]
    mechanisms: tuple[Slug, ...]
    own_numbers: tuple[str, ...]
    status: str
    disagreement_count: int
    event_count: int
    unreadable_count: int
    first_recorded_ms: int
    last_recorded_ms: int
    is_emblematic: bool
    is_invented: bool
    is_situation: bool
    has_withdrawal: bool
    digest: bytes
    is_confidential: bool


@dataclass(frozen=True, slots=True)
class ActRow(_Row):
    """One readable event; `date` is that of the act, empty = unknown."""

    case_id: CaseId
    origin: str
    index: int
    mechanism: Slug
    kind: str
    body: str
    instrument: str
    date: str
    recorded_ms: int
    title: str
    states: tuple[str, ...]
    themes: tuple[str, ...]
    references: tuple[str, ...]
    is_invented: bool
    is_confidential: bool


@dataclass(frozen=True, slots=True)
class ObligationRow(_Row):
    """Something due; see `registry.domain.deadlines.Obligation` for most fields."""

    case_id: CaseId
    case_title: str
    matter: str
    origin: str
    index: int
    mechanism: Slug
    body: str
    states: tuple[str, ...]
    instrument: str
    due: str
    is_by_clock: bool
    state: str
    met: str
    references: tuple[str, ...]
    is_invented: bool
    is_confidential: bool


@dataclass(frozen=True, slots=True)
class ResponseRow(_Row):
    """One response to a recommendation, in its own scheme."""

    mechanism: Slug
    scheme: str
    value: str
    date: str


@dataclass(frozen=True, slots=True)
class AssessmentRow(_Row):
    """One assessment: the native grade, and beside it the derived scale (or `ambiguous`)."""

    mechanism: Slug
    body: str
    scheme: str
    value: str
    derived: str
    date: str


@dataclass(frozen=True, slots=True)
class FollowUpRow(_Row):
    """A recommendation, a commitment or a decision that is followed up, and what came of it.

    `scale` is the derived scale on which the last assessments of all bodies agree; `contradicted`
    if they differ, `ambiguous` if none can be derived, `not_assessed` if there is none.
    """

    case_id: CaseId
    origin: str
    index: int
    mechanism: Slug
    kind: str
    body: str
    instrument: str
    date: str
    title: str
    states: tuple[str, ...]
    themes: tuple[str, ...]
    references: tuple[str, ...]
    responses: tuple[ResponseRow, ...]
    information_count: int
    assessments: tuple[AssessmentRow, ...]
    scale: str
    is_contradicted: bool
    is_invented: bool
    is_confidential: bool


@dataclass(frozen=True, slots=True)
class ConcordanceRow(_Row):
    """Recommendations that are said to ask the same: proposed, accepted or declined by a person."""

    case_id: CaseId
    origin: str
    index: int
    mechanism: Slug
    events: tuple[tuple[str, int], ...]
    state: str
    is_confidential: bool


@dataclass(frozen=True, slots=True)
class AgendaRow(_Row):
    """One item of an agenda; the theme may be empty."""

    title: str
    theme: str


@dataclass(frozen=True, slots=True)
class CommitmentRow(_Row):
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
class MeetingRow(_Row):
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


@dataclass(frozen=True, slots=True)
class LinkRow(_Row):
    """Where a link was proposed."""

    origin: str
    index: int


@dataclass(frozen=True, slots=True)
class ReferenceRow(_Row):
    """Where a reference stands, as written; `updates` is the normal form of what it updates."""

    case_id: CaseId
    origin: str
    index: int
    mechanism: Slug
    kind: str
    written: str
    scheme: str
    normal: str
    updates: str
    date: str
    is_confidential: bool


@dataclass(frozen=True, slots=True)
class PhaseRow(_Row):
    """How somebody was held from a time on: the first and the last day that it can mean."""

    first: str
    last: str
    deprivation: str


@dataclass(frozen=True, slots=True)
class DetentionRow(_Row):
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


@dataclass(frozen=True, slots=True)
class ReprisalRow(_Row):
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
class ImpunityRow(_Row):
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
class AlertRow(_Row):
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


@dataclass(frozen=True, slots=True)
class NameRow(_Row):
    """A name in a case and the first event of a log that gives it.

    `kind` is person, or that of a party; `person_id` is empty for a party.
    """

    case_id: CaseId
    origin: str
    index: int
    mechanism: Slug
    kind: str
    name: str
    role: str
    person_id: str
    states: tuple[str, ...]
    is_confidential: bool


def encode_row(row: Any) -> str:  # noqa: ANN401 - any of the rows
    """Canonical JSON: the bytes that a rebuild must reproduce."""
    return _adapter(type(row)).dump_json(row).decode()


def decode_row(kind: type[T], text: str) -> T:
    """Reads what `encode_row` wrote."""
    row: T = _adapter(kind).validate_json(text)
    return row


def _adapter(kind: type[Any]) -> TypeAdapter[Any]:
    """Made when a row of the kind is first met, wherever it stands."""
    if kind not in _ADAPTERS:
        _ADAPTERS[kind] = TypeAdapter(kind)
    return _ADAPTERS[kind]
