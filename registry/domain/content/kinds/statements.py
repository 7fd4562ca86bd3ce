"""Statements: drafted, cosigned, issued, corrected, withdrawn."""

from typing import ClassVar

from pydantic import Field

from registry.domain.content.act import ActContent, Codes, Line, OptionalCode, Text
from registry.domain.content.dates import PartialDate
from registry.domain.vocabulary import EventKind


class StatementDrafted(ActContent):
    """A statement was drafted."""

    kind: ClassVar[EventKind] = EventKind.STATEMENT_DRAFTED
    date_field: ClassVar[str] = "drafted_date"

    drafted_date: PartialDate | None = Field(default=None, description="when it was drafted")
    instrument: OptionalCode = Field(default="", description="such as un.press")
    planned_date: PartialDate | None = Field(default=None, description="when it is to be issued")


class StatementCosigned(ActContent):
    """A mechanism joined a statement; `about` names it."""

    kind: ClassVar[EventKind] = EventKind.STATEMENT_COSIGNED
    date_field: ClassVar[str] = "cosigned_date"

    cosigned_date: PartialDate | None = Field(default=None, description="when it joined")


class StatementIssued(ActContent):
    """A statement was issued."""

    kind: ClassVar[EventKind] = EventKind.STATEMENT_ISSUED
    date_field: ClassVar[str] = "issued_date"

    issued_date: PartialDate | None = Field(default=None, description="when it was issued")
    instrument: OptionalCode = Field(default="", description="such as un.press or coe.statement")
    document_type: Line = Field(default="", description="type as the register writes it")
    joint_bodies: Codes = Field(
        default=(), description="codes of the other bodies that issued it jointly"
    )


class StatementCorrected(ActContent):
    """A statement was corrected; `about` names it, both are kept."""

    kind: ClassVar[EventKind] = EventKind.STATEMENT_CORRECTED
    date_field: ClassVar[str] = "corrected_date"

    corrected_date: PartialDate | None = Field(default=None, description="when it was corrected")
    correction: Text = Field(default="", description="what is right, in words; names no person")


class StatementWithdrawn(ActContent):
    """A statement was withdrawn; `about` names it."""

    kind: ClassVar[EventKind] = EventKind.STATEMENT_WITHDRAWN
    date_field: ClassVar[str] = "withdrawn_date"

    withdrawn_date: PartialDate | None = Field(default=None, description="when it was withdrawn")
