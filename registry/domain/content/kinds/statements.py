"""Statements: drafted, cosigned, issued, corrected, withdrawn.

A draft with texts is frozen: what is signed is the hash of its texts, and whatever is changed after
that is a new draft without signatures. See `registry.domain.statements`.
"""

from typing import Annotated, ClassVar

from pydantic import Field

from registry.domain.content.act import (
    ActContent,
    Codes,
    EventPointers,
    Line,
    OptionalCode,
    Text,
)
from registry.domain.content.dates import PartialDate
from registry.domain.content.kinds.consent import SlugText
from registry.domain.content.statement_texts import StatementTexts, TextHash
from registry.domain.vocabulary import EventKind

Slugs = Annotated[tuple[SlugText, ...], Field(max_length=50, strict=False)]


class StatementDrafted(ActContent):
    """A statement was drafted; about an earlier draft or statement of its own, it replaces that."""

    kind: ClassVar[EventKind] = EventKind.STATEMENT_DRAFTED
    date_field: ClassVar[str] = "drafted_date"

    drafted_date: PartialDate | None = Field(default=None, description="when it was drafted")
    instrument: OptionalCode = Field(default="", description="such as un.press")
    planned_date: PartialDate | None = Field(default=None, description="when it is to be issued")
    texts: StatementTexts = Field(
        default=(), description="its language versions; they are frozen with the draft"
    )
    invited: Slugs = Field(
        default=(),
        description="slugs of the mechanisms that are asked to sign; the draft is theirs",
    )
    needed_signatures: int = Field(
        default=0,
        ge=0,
        le=50,
        strict=False,  # protobuf's JSON writes 64 bits as text
        description="so many of those invited must have signed before it is issued",
    )
    release_ms: int = Field(
        default=0,
        ge=0,
        lt=2**53,
        strict=False,
        description="when all nodes are to show it, milliseconds UTC; 0 = as soon as it is issued",
    )


class StatementCosigned(ActContent):
    """A mechanism joined a statement; `about` names it."""

    kind: ClassVar[EventKind] = EventKind.STATEMENT_COSIGNED
    date_field: ClassVar[str] = "cosigned_date"

    cosigned_date: PartialDate | None = Field(default=None, description="when it joined")
    text_hash: TextHash = Field(
        default="", description="hash of the frozen texts that are signed, 64 hexadecimal digits"
    )


class StatementIssued(ActContent):
    """A statement was issued; of a joint one `about` names the draft."""

    kind: ClassVar[EventKind] = EventKind.STATEMENT_ISSUED
    date_field: ClassVar[str] = "issued_date"

    issued_date: PartialDate | None = Field(default=None, description="when it was issued")
    instrument: OptionalCode = Field(default="", description="such as un.press or coe.statement")
    document_type: Line = Field(default="", description="type as the register writes it")
    joint_bodies: Codes = Field(
        default=(), description="codes of the other bodies that issued it jointly"
    )
    texts: StatementTexts = Field(default=(), description="its language versions, as drafted")
    cosignatures: EventPointers = Field(
        default=(), description="the signatures of other mechanisms with which it was issued"
    )


class StatementCorrected(ActContent):
    """A statement was corrected; `about` names it, both are kept."""

    kind: ClassVar[EventKind] = EventKind.STATEMENT_CORRECTED
    date_field: ClassVar[str] = "corrected_date"

    corrected_date: PartialDate | None = Field(default=None, description="when it was corrected")
    correction: Text = Field(default="", description="what is right, in words; names no person")
    texts: StatementTexts = Field(
        default=(), description="the corrected language versions; the signatures are not theirs"
    )


class StatementWithdrawn(ActContent):
    """A statement, or the own signature of one, was withdrawn; `about` names it."""

    kind: ClassVar[EventKind] = EventKind.STATEMENT_WITHDRAWN
    date_field: ClassVar[str] = "withdrawn_date"

    withdrawn_date: PartialDate | None = Field(default=None, description="when it was withdrawn")
