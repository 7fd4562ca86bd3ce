"""What events say: one strict pydantic model for each kind, and its stored form."""

from registry.domain.content.act import ActContent, EventPointer, NativeGrade
from registry.domain.content.attachment import Attachment
from registry.domain.content.dates import PartialDate, Precision
from registry.domain.content.encoding import (
    CONTENT_BY_KIND,
    decode_content,
    encode_content,
    kind_of_media_type,
    media_type_of,
    read_content,
)
from registry.domain.content.kinds import (
    CaseOpened,
    CommunicationSent,
    ConsentRecorded,
    ConsentWithdrawn,
    DocumentPublished,
    FollowupAssessed,
    FollowupInformation,
    LegalReviewIssued,
    OpinionAdopted,
    RecommendationMade,
    RecommendationResponse,
    ReplyReceived,
    ReportPublished,
    StatementIssued,
    SubmissionReceived,
    VisitReportPublished,
)
from registry.domain.content.persons import NamedPerson, PersonUse, SourceIdentity

__all__ = [
    "CONTENT_BY_KIND",
    "ActContent",
    "Attachment",
    "CaseOpened",
    "CommunicationSent",
    "ConsentRecorded",
    "ConsentWithdrawn",
    "DocumentPublished",
    "EventPointer",
    "FollowupAssessed",
    "FollowupInformation",
    "LegalReviewIssued",
    "NamedPerson",
    "NativeGrade",
    "OpinionAdopted",
    "PartialDate",
    "PersonUse",
    "Precision",
    "RecommendationMade",
    "RecommendationResponse",
    "ReplyReceived",
    "ReportPublished",
    "SourceIdentity",
    "StatementIssued",
    "SubmissionReceived",
    "VisitReportPublished",
    "decode_content",
    "encode_content",
    "kind_of_media_type",
    "media_type_of",
    "read_content",
]
