"""Visits: announced, conducted, reported on."""

from typing import ClassVar

from pydantic import Field

from registry.domain.content.act import ActContent, Line, OptionalCode, OptionalStateCode
from registry.domain.content.dates import PartialDate
from registry.domain.vocabulary import EventKind


class VisitAnnounced(ActContent):
    """A visit was announced."""

    kind: ClassVar[EventKind] = EventKind.VISIT_ANNOUNCED
    date_field: ClassVar[str] = "announced_date"

    announced_date: PartialDate | None = Field(default=None, description="when it was announced")
    instrument: OptionalCode = Field(default="", description="such as un.visit or eu.prison_visit")
    visit_start_date: PartialDate | None = Field(default=None, description="first day of the visit")
    visit_end_date: PartialDate | None = Field(default=None, description="last day of the visit")
    visited_state: OptionalStateCode = Field(
        default="", description="alpha-3 of the State to be visited"
    )


class VisitConducted(ActContent):
    """A visit was conducted."""

    kind: ClassVar[EventKind] = EventKind.VISIT_CONDUCTED
    date_field: ClassVar[str] = "visit_end_date"

    visit_start_date: PartialDate | None = Field(default=None, description="first day of the visit")
    visit_end_date: PartialDate | None = Field(default=None, description="last day of the visit")
    instrument: OptionalCode = Field(default="", description="such as un.visit or eu.prison_visit")
    visited_state: OptionalStateCode = Field(default="", description="alpha-3 of the State visited")
    report_due_date: PartialDate | None = Field(
        default=None, description="when the report on it is due"
    )


class VisitReportPublished(ActContent):
    """A report on a visit was published."""

    kind: ClassVar[EventKind] = EventKind.VISIT_REPORT_PUBLISHED
    date_field: ClassVar[str] = "published_date"

    published_date: PartialDate | None = Field(default=None, description="when it was published")
    visit_start_date: PartialDate | None = Field(default=None, description="first day of the visit")
    visit_end_date: PartialDate | None = Field(default=None, description="last day of the visit")
    document_type: Line = Field(default="", description="type as the register writes it")
    instrument: OptionalCode = Field(default="", description="such as un.visit_report")
    visited_state: OptionalStateCode = Field(default="", description="alpha-3 of the State visited")
