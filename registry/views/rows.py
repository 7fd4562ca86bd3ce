"""What the views show, row by row, and its stored form: canonical JSON, bytes in hexadecimal.

A row depends on the log alone and not on the way there, so that a rebuild gives the same bytes.
Rows that show content say whether any of it is not for every member (`is_confidential`): who lists
them is noted.
"""

from dataclasses import dataclass
from typing import Any, Final, Protocol, TypeVar

from pydantic import ConfigDict, TypeAdapter

from registry.domain.identifiers import CaseId, Slug

T = TypeVar("T")
_CONFIG: Final = ConfigDict(ser_json_bytes="hex", val_json_bytes="hex", extra="forbid")


class Row:
    """What every row begins with."""

    __slots__ = ()
    __pydantic_config__ = _CONFIG


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
class CaseRow(Row):
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
class ActRow(Row):
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
class ObligationRow(Row):
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
class ResponseRow(Row):
    """One response to a recommendation, in its own scheme."""

    mechanism: Slug
    scheme: str
    value: str
    date: str


@dataclass(frozen=True, slots=True)
class AssessmentRow(Row):
    """One assessment: the native grade, and beside it the derived scale (or `ambiguous`)."""

    mechanism: Slug
    body: str
    scheme: str
    value: str
    derived: str
    date: str


@dataclass(frozen=True, slots=True)
class FollowUpRow(Row):
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
class ConcordanceRow(Row):
    """Recommendations that are said to ask the same: proposed, accepted or declined by a person."""

    case_id: CaseId
    origin: str
    index: int
    mechanism: Slug
    events: tuple[tuple[str, int], ...]
    state: str
    is_confidential: bool


@dataclass(frozen=True, slots=True)
class LinkRow(Row):
    """Where a link was proposed."""

    origin: str
    index: int


@dataclass(frozen=True, slots=True)
class ReferenceRow(Row):
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
class NameRow(Row):
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
