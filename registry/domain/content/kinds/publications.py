"""Reports, other documents, practices, definitions and meetings."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from registry.domain.content.act import (
    ActContent,
    AgendaItem,
    Codes,
    Line,
    OptionalCode,
    Text,
)
from registry.domain.content.dates import PartialDate
from registry.domain.vocabulary import EventKind


class ReportPublished(ActContent):
    """An annual, thematic or activity report was published."""

    kind: ClassVar[EventKind] = EventKind.REPORT_PUBLISHED
    date_field: ClassVar[str] = "published_date"

    published_date: PartialDate | None = Field(default=None, description="when it was published")
    report_type: Literal["", "annual", "thematic", "activity"] = Field(
        default="", description="annual, thematic or activity"
    )
    document_type: Line = Field(default="", description="type as the register writes it")
    instrument: OptionalCode = Field(default="", description="such as sg.annual_report")


class DocumentPublished(ActContent):
    """Any other public document was published."""

    kind: ClassVar[EventKind] = EventKind.DOCUMENT_PUBLISHED
    date_field: ClassVar[str] = "published_date"

    published_date: PartialDate | None = Field(default=None, description="when it was published")
    document_type: Line = Field(default="", description="type as the register writes it")
    instrument: OptionalCode = Field(default="", description="such as coe.issue_paper")


class PracticeShared(ActContent):
    """A good practice was shared."""

    kind: ClassVar[EventKind] = EventKind.PRACTICE_SHARED
    date_field: ClassVar[str] = "shared_date"

    shared_date: PartialDate | None = Field(default=None, description="when it was shared")
    practice: Text = Field(default="", description="the practice, in words; names no person")
    place: Line = Field(default="", description="where it worked, in words")
    regions: Codes = Field(
        default=(), description="codes of the regions where it worked, such as africa"
    )
    worked_for: Codes = Field(default=(), description="codes of the bodies that it worked for")
    instruments: Codes = Field(
        default=(), description="codes of the instruments that it uses, such as un.ua"
    )


class DefinitionAgreed(ActContent):
    """A working definition was agreed."""

    kind: ClassVar[EventKind] = EventKind.DEFINITION_AGREED
    date_field: ClassVar[str] = "agreed_date"

    agreed_date: PartialDate | None = Field(default=None, description="when it was agreed")
    term: Line = Field(min_length=1, description="what is defined, such as reprisal")
    definition: Text = Field(default="", description="the definition")
    held_by: Codes = Field(default=(), description="codes of the bodies that hold it")


class MeetingHeld(ActContent):
    """A meeting was held: what was on its agenda and which bodies took part, never who spoke."""

    kind: ClassVar[EventKind] = EventKind.MEETING_HELD
    date_field: ClassVar[str] = "held_date"

    held_date: PartialDate | None = Field(default=None, description="when it was held")
    place: Line = Field(default="", description="where it was held")
    participants: Codes = Field(default=(), description="codes of the bodies that took part")
    agenda: Annotated[tuple[AgendaItem, ...], Field(max_length=100, strict=False)] = Field(
        default=(), description="the items of the agenda, in their order"
    )
