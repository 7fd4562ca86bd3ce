"""The kinds that this version records; each names its own dates."""

from typing import ClassVar, Literal

from pydantic import Field, model_validator

from registry.domain.content.act import (
    ActContent,
    Line,
    Lines,
    NativeGrade,
    OptionalCode,
    OptionalStateCode,
)
from registry.domain.content.dates import PartialDate
from registry.domain.vocabulary import EventKind

ReplyKind = Literal[
    "", "substantive", "acknowledgement", "immaterial", "rejection", "translation_pending"
]


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


class SubmissionReceived(ActContent):
    """A submission reached a mechanism; its source has no field here and never travels."""

    kind: ClassVar[EventKind] = EventKind.SUBMISSION_RECEIVED
    date_field: ClassVar[str] = "received_date"

    received_date: PartialDate | None = Field(default=None, description="when it was received")


class CommunicationSent(ActContent):
    """A communication was sent, such as an urgent appeal or an allegation letter."""

    kind: ClassVar[EventKind] = EventKind.COMMUNICATION_SENT
    date_field: ClassVar[str] = "sent_date"

    sent_date: PartialDate | None = Field(default=None, description="when it was sent")
    instrument: OptionalCode = Field(default="", description="such as un.ua or un.al")
    addressee_state: OptionalStateCode = Field(default="", description="alpha-3 of the addressee")
    reply_due_date: PartialDate | None = Field(default=None, description="when a reply is due")
    document_type: Line = Field(default="", description="type as the register writes it")


class ReplyReceived(ActContent):
    """A reply was received."""

    kind: ClassVar[EventKind] = EventKind.REPLY_RECEIVED
    date_field: ClassVar[str] = "received_date"

    received_date: PartialDate | None = Field(default=None, description="when it was received")
    reply_kind: ReplyKind = Field(default="", description="nature of the reply, empty = not judged")
    replying_state: OptionalStateCode = Field(default="", description="alpha-3 of who replied")


class StatementIssued(ActContent):
    """A statement was issued."""

    kind: ClassVar[EventKind] = EventKind.STATEMENT_ISSUED
    date_field: ClassVar[str] = "issued_date"

    issued_date: PartialDate | None = Field(default=None, description="when it was issued")
    instrument: OptionalCode = Field(default="", description="such as un.press or coe.statement")
    document_type: Line = Field(default="", description="type as the register writes it")


class OpinionAdopted(ActContent):
    """An opinion, views or another decision on communications was adopted."""

    kind: ClassVar[EventKind] = EventKind.OPINION_ADOPTED
    date_field: ClassVar[str] = "adopted_date"

    adopted_date: PartialDate | None = Field(default=None, description="when it was adopted")
    submitted_date: PartialDate | None = Field(
        default=None, description="when the communication was submitted"
    )
    instrument: OptionalCode = Field(default="", description="such as tb.views")
    decision_type: Line = Field(default="", description="type as the register writes it")
    communication_numbers: Lines = Field(default=(), description="numbers of the communications")
    session: Line = Field(default="", description="session as the register writes it")
    articles: Lines = Field(default=(), description="articles as the register writes them")
    document_type: Line = Field(default="", description="type as the register writes it")


class LegalReviewIssued(ActContent):
    """A review of a law or a draft law was issued."""

    kind: ClassVar[EventKind] = EventKind.LEGAL_REVIEW_ISSUED
    date_field: ClassVar[str] = "issued_date"

    issued_date: PartialDate | None = Field(default=None, description="when it was issued")
    instrument: OptionalCode = Field(default="", description="such as osce.opinion")
    law_title: Line = Field(default="", description="the law or draft law")
    document_type: Line = Field(default="", description="type as the register writes it")


class VisitReportPublished(ActContent):
    """A report on a visit was published."""

    kind: ClassVar[EventKind] = EventKind.VISIT_REPORT_PUBLISHED
    date_field: ClassVar[str] = "published_date"

    published_date: PartialDate | None = Field(default=None, description="when it was published")
    visit_start_date: PartialDate | None = Field(default=None, description="first day of the visit")
    visit_end_date: PartialDate | None = Field(default=None, description="last day of the visit")
    document_type: Line = Field(default="", description="type as the register writes it")


class DocumentPublished(ActContent):
    """Any other public document was published."""

    kind: ClassVar[EventKind] = EventKind.DOCUMENT_PUBLISHED
    date_field: ClassVar[str] = "published_date"

    published_date: PartialDate | None = Field(default=None, description="when it was published")
    document_type: Line = Field(default="", description="type as the register writes it")


class ReportPublished(ActContent):
    """An annual, thematic or activity report was published."""

    kind: ClassVar[EventKind] = EventKind.REPORT_PUBLISHED
    date_field: ClassVar[str] = "published_date"

    published_date: PartialDate | None = Field(default=None, description="when it was published")
    report_type: Literal["", "annual", "thematic", "activity"] = Field(
        default="", description="annual, thematic or activity"
    )
    document_type: Line = Field(default="", description="type as the register writes it")


class RecommendationMade(ActContent):
    """A recommendation was made to a State."""

    kind: ClassVar[EventKind] = EventKind.RECOMMENDATION_MADE
    date_field: ClassVar[str] = "made_date"

    made_date: PartialDate | None = Field(default=None, description="when it was made")
    instrument: OptionalCode = Field(default="", description="such as upr.recommendation")
    recommending_state: OptionalStateCode = Field(
        default="", description="alpha-3 of the State that made it, if a State did"
    )
    addressee_state: OptionalStateCode = Field(default="", description="alpha-3 of the addressee")
    session: Line = Field(default="", description="session as the register writes it")
    action_code: Line = Field(default="", description="action category as the register writes it")
    document_type: Line = Field(default="", description="type as the register writes it")
    response: NativeGrade | None = Field(
        default=None, description="the response that the register gives; later ones are events"
    )


class RecommendationResponse(ActContent):
    """The addressee of a recommendation responded to it; every response is kept."""

    kind: ClassVar[EventKind] = EventKind.RECOMMENDATION_RESPONSE
    date_field: ClassVar[str] = "responded_date"

    responded_date: PartialDate | None = Field(default=None, description="when it responded")
    responding_state: OptionalStateCode = Field(default="", description="alpha-3 of who responded")
    response: NativeGrade = Field(description="the response in its own scheme")


class FollowupInformation(ActContent):
    """Information on the follow-up of an earlier act was received."""

    kind: ClassVar[EventKind] = EventKind.FOLLOWUP_INFORMATION
    date_field: ClassVar[str] = "received_date"

    received_date: PartialDate | None = Field(default=None, description="when it was received")
    provided_by: OptionalCode = Field(default="", description="code of the body that provided it")


class FollowupAssessed(ActContent):
    """The follow-up of an earlier act was assessed."""

    kind: ClassVar[EventKind] = EventKind.FOLLOWUP_ASSESSED
    date_field: ClassVar[str] = "assessed_date"

    assessed_date: PartialDate | None = Field(default=None, description="when it was assessed")
    grade: NativeGrade = Field(description="the grade in the assessor's own scheme")
