"""Submissions: received, completed, declined; their source has no field and never travels."""

from typing import ClassVar, Literal

from pydantic import Field

from registry.domain.content.act import ActContent, Codes, Line, OptionalCode
from registry.domain.content.dates import PartialDate
from registry.domain.vocabulary import EventKind


class SubmissionReceived(ActContent):
    """A submission reached a mechanism; its source has no field here and never travels."""

    kind: ClassVar[EventKind] = EventKind.SUBMISSION_RECEIVED
    date_field: ClassVar[str] = "received_date"

    received_date: PartialDate | None = Field(default=None, description="when it was received")
    violations: Codes = Field(default=(), description="codes of the violations alleged")
    approached_bodies: Codes = Field(
        default=(), description="codes of the other bodies that were approached already"
    )
    acknowledged_date: PartialDate | None = Field(
        default=None, description="when its receipt was acknowledged to whoever sent it"
    )
    next_step: Line = Field(default="", description="what is to happen next")


class SubmissionUpdated(ActContent):
    """A submission was completed, acknowledged or taken a step further."""

    kind: ClassVar[EventKind] = EventKind.SUBMISSION_UPDATED
    date_field: ClassVar[str] = "updated_date"

    updated_date: PartialDate | None = Field(default=None, description="when it was updated")
    violations: Codes = Field(
        default=(), description="codes of the violations alleged, as known now"
    )
    approached_bodies: Codes = Field(
        default=(), description="codes of the other bodies that were approached, as known now"
    )
    acknowledged_date: PartialDate | None = Field(
        default=None, description="when its receipt was acknowledged to whoever sent it"
    )
    next_step: Line = Field(default="", description="what is to happen next")


class SubmissionDeclined(ActContent):
    """A mechanism declined to act on a submission."""

    kind: ClassVar[EventKind] = EventKind.SUBMISSION_DECLINED
    date_field: ClassVar[str] = "declined_date"

    declined_date: PartialDate | None = Field(default=None, description="when it was declined")
    ground: Literal[
        "",
        "outside_mandate",
        "not_enough_information",
        "no_consent",
        "pending_elsewhere",
        "out_of_time",
        "other",
    ] = Field(default="", description="why")
    referred_to: OptionalCode = Field(
        default="", description="code of the body that whoever sent it was referred to"
    )
