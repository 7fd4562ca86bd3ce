"""Cases: opened, marked, their status, notes on them and corrections."""

from typing import ClassVar, Literal

from pydantic import Field, model_validator

from registry.domain.content.act import ActContent, Codes, OptionalCode, Text
from registry.domain.content.dates import PartialDate
from registry.domain.content.kinds.judgement import CaseStatus
from registry.domain.vocabulary import EventKind


class CaseOpened(ActContent):
    """A case was opened; its title names no person."""

    kind: ClassVar[EventKind] = EventKind.CASE_OPENED
    date_field: ClassVar[str] = "opened_date"

    opened_date: PartialDate | None = Field(default=None, description="when the case was opened")

    @model_validator(mode="after")
    def _check_title(self) -> "CaseOpened":
        if not self.title:
            msg = "title: a case needs a name that people can read"
            raise ValueError(msg)
        return self


class CaseMarkedEmblematic(ActContent):
    """A body marked a case as emblematic, or took the mark back."""

    kind: ClassVar[EventKind] = EventKind.CASE_MARKED_EMBLEMATIC
    date_field: ClassVar[str] = "marked_date"

    marked_date: PartialDate | None = Field(default=None, description="when it was marked")
    is_taken_back: bool = Field(
        default=False,
        strict=False,
        description="whether an earlier mark of the same body is taken back",
    )


class CaseStatusChanged(ActContent):
    """The status of a case at the acting body changed."""

    kind: ClassVar[EventKind] = EventKind.CASE_STATUS_CHANGED
    date_field: ClassVar[str] = "changed_date"

    changed_date: PartialDate | None = Field(default=None, description="when it changed")
    status: CaseStatus = Field(description="open, under_review, monitored, suspended or reopened")


class CaseClosed(ActContent):
    """The acting body closed a case; others may go on with it."""

    kind: ClassVar[EventKind] = EventKind.CASE_CLOSED
    date_field: ClassVar[str] = "closed_date"

    closed_date: PartialDate | None = Field(default=None, description="when it was closed")
    outcome: Literal[
        "",
        "resolved",
        "partly_resolved",
        "not_resolved",
        "inadmissible",
        "transferred",
        "discontinued",
    ] = Field(default="", description="how it ended")
    instrument: OptionalCode = Field(default="", description="such as obs.closure")


class NoteAdded(ActContent):
    """A note on a case."""

    kind: ClassVar[EventKind] = EventKind.NOTE_ADDED
    date_field: ClassVar[str] = "noted_date"

    noted_date: PartialDate | None = Field(default=None, description="when it was noted")


class EventCorrected(ActContent):
    """An earlier event was wrong; both are kept. `about` names the earlier one."""

    kind: ClassVar[EventKind] = EventKind.EVENT_CORRECTED
    date_field: ClassVar[str] = "corrected_date"

    corrected_date: PartialDate | None = Field(default=None, description="when it was corrected")
    wrong_fields: Codes = Field(default=(), description="names of the fields that were wrong")
    correction: Text = Field(default="", description="what is right, in words; names no person")
