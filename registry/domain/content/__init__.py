"""What events say: one strict pydantic model for each kind, and its stored form."""

from registry.domain.content.act import ActContent, EventPointer, NativeGrade
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

__all__ = [
    "CONTENT_BY_KIND",
    "ActContent",
    "CaseOpened",
    "CommunicationSent",
    "DocumentPublished",
    "EventPointer",
    "FollowupAssessed",
    "FollowupInformation",
    "LegalReviewIssued",
    "NativeGrade",
    "OpinionAdopted",
    "PartialDate",
    "Precision",
    "RecommendationMade",
    "RecommendationResponse",
    "ReplyReceived",
    "ReportPublished",
    "StatementIssued",
    "SubmissionReceived",
    "VisitReportPublished",
    "decode_content",
    "encode_content",
    "kind_of_media_type",
    "media_type_of",
    "read_content",
]
