"""What the views show of joint statements, row by row."""

from dataclasses import dataclass

from registry.domain.identifiers import CaseId, Slug
from registry.views.rows import Row


@dataclass(frozen=True, slots=True)
class SignatureRow(Row):
    """One mechanism's signature of a statement; see `registry.domain.statements.Signature`."""

    mechanism: Slug
    origin: str
    index: int
    state: str
    date: str
    recorded_ms: int
    withdrawn_date: str


@dataclass(frozen=True, slots=True)
class StatementRow(Row):
    """How a statement stands; see `registry.domain.statements.Statement` for most fields.

    Places are (origin, index). `release_ms` is the embargo of the issue, or what its draft plans;
    0 = none. `replaces` is what its draft says that it takes the place of.
    """

    case_id: CaseId
    origin: str
    index: int
    mechanism: Slug
    body: str
    instrument: str
    date: str
    recorded_ms: int
    title: str
    states: tuple[str, ...]
    themes: tuple[str, ...]
    status: str
    text_hash: str
    languages: tuple[str, ...]
    invited: tuple[str, ...]
    needed: int
    signatures: tuple[SignatureRow, ...]
    standing: int
    issued: tuple[str, int] | None
    release_ms: int
    superseded_by: tuple[str, int] | None
    replaces: tuple[str, int] | None
    corrections: int
    withdrawn_date: str
    is_invented: bool
    is_confidential: bool
