"""The kinds that this version records; each names its own dates."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field, StringConstraints, model_validator

from registry.domain.content.act import (
    ActContent,
    Line,
    Lines,
    NativeGrade,
    OptionalCode,
    OptionalStateCode,
)
from registry.domain.content.dates import PartialDate
from registry.domain.content.persons import PersonId, PersonUse
from registry.domain.vocabulary import EventKind

SlugText = Annotated[str, StringConstraints(pattern=r"^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$")]
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


class ConsentRecorded(ActContent):
    """What one person permits: both facts must be true for a permission; the default is no."""

    kind: ClassVar[EventKind] = EventKind.CONSENT_RECORDED
    date_field: ClassVar[str] = "given_date"
    is_never_for_all: ClassVar[bool] = True

    use: PersonUse = Field(
        description="names_to_state, names_in_public or share_with_mechanisms",
    )
    mechanisms: Annotated[tuple[SlugText, ...], Field(max_length=200, strict=False)] = Field(
        default=(), description="slugs of those that may hold the name, if the use is to share it"
    )
    is_informed_of_risk: bool = Field(
        default=False, strict=False, description="whether the person was told of the risk"
    )
    agrees: bool = Field(
        default=False, strict=False, description="whether the person agrees to this use"
    )
    how: Literal["", "written", "oral", "through_representative", "recorded_message"] = Field(
        default="", description="how it was given"
    )
    given_date: PartialDate | None = Field(default=None, description="when it was given")
    recorded_by: OptionalCode = Field(
        default="", description="code of the function that took it down; never a name"
    )
    erase_on_withdrawal: bool = Field(
        default=False,
        strict=False,
        description="whether a withdrawal asks for the erasure of what names the person",
    )

    @model_validator(mode="after")
    def _check_consent(self) -> "ConsentRecorded":
        if len(self.persons) != 1:
            msg = "persons: a consent is that of exactly one person"
            raise ValueError(msg)
        if (self.use == "share_with_mechanisms") != bool(self.mechanisms):
            msg = "mechanisms: are named if, and only if, the use is share_with_mechanisms"
            raise ValueError(msg)
        return self


class ConsentWithdrawn(ActContent):
    """A person withdrew consent: the use stops at once, at whoever holds the name."""

    kind: ClassVar[EventKind] = EventKind.CONSENT_WITHDRAWN
    date_field: ClassVar[str] = "withdrawn_date"
    is_never_for_all: ClassVar[bool] = True

    person_id: PersonId = Field(description="32 hexadecimal digits, as in persons")
    uses: Annotated[tuple[PersonUse, ...], Field(max_length=3, strict=False)] = Field(
        default=(), description="the uses that end; none named = all"
    )
    withdrawn_date: PartialDate | None = Field(default=None, description="when it was withdrawn")

    @model_validator(mode="after")
    def _check_withdrawal(self) -> "ConsentWithdrawn":
        if self.persons:
            msg = "persons: a withdrawal names nobody, it gives the id of the person"
            raise ValueError(msg)
        return self


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
