"""Recommendations and commitments, and what came of them."""

from typing import ClassVar

from pydantic import Field

from registry.domain.content.act import (
    ActContent,
    Codes,
    EventPointers,
    Line,
    NativeGrade,
    OptionalCode,
    OptionalStateCode,
)
from registry.domain.content.dates import PartialDate
from registry.domain.content.kinds.judgement import DerivedScale
from registry.domain.vocabulary import EventKind


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
    followup_due_date: PartialDate | None = Field(
        default=None, description="when information on its follow-up is due"
    )


class RecommendationResponse(ActContent):
    """The addressee of a recommendation responded to it; every response is kept."""

    kind: ClassVar[EventKind] = EventKind.RECOMMENDATION_RESPONSE
    date_field: ClassVar[str] = "responded_date"

    responded_date: PartialDate | None = Field(default=None, description="when it responded")
    responding_state: OptionalStateCode = Field(default="", description="alpha-3 of who responded")
    response: NativeGrade = Field(description="the response in its own scheme")
    instrument: OptionalCode = Field(default="", description="such as upr.response")


class FollowupInformation(ActContent):
    """Information on the follow-up of an earlier act was received."""

    kind: ClassVar[EventKind] = EventKind.FOLLOWUP_INFORMATION
    date_field: ClassVar[str] = "received_date"

    received_date: PartialDate | None = Field(default=None, description="when it was received")
    provided_by: OptionalCode = Field(default="", description="code of the body that provided it")
    instrument: OptionalCode = Field(
        default="", description="such as tb.followup or coe.exec.action_plan"
    )


class FollowupAssessed(ActContent):
    """The follow-up of an earlier act was assessed."""

    kind: ClassVar[EventKind] = EventKind.FOLLOWUP_ASSESSED
    date_field: ClassVar[str] = "assessed_date"

    assessed_date: PartialDate | None = Field(default=None, description="when it was assessed")
    grade: NativeGrade = Field(description="the grade in the assessor's own scheme")
    derived: DerivedScale = Field(
        default="",
        description="the derived scale that a person chose; empty = as the scheme's table has it",
    )
    instrument: OptionalCode = Field(default="", description="such as tb.assessment")


class ConcordanceProposed(ActContent):
    """Recommendations of several bodies were proposed to ask the same; `about` names one."""

    kind: ClassVar[EventKind] = EventKind.CONCORDANCE_PROPOSED
    date_field: ClassVar[str] = "proposed_date"

    proposed_date: PartialDate | None = Field(default=None, description="when it was proposed")
    same_as: EventPointers = Field(default=(), description="the others, in any case")


class ConcordanceAccepted(ActContent):
    """A person accepted a proposed concordance, or declined it; `about` names the proposal."""

    kind: ClassVar[EventKind] = EventKind.CONCORDANCE_ACCEPTED
    date_field: ClassVar[str] = "accepted_date"

    accepted_date: PartialDate | None = Field(
        default=None, description="when it was accepted or declined"
    )
    is_declined: bool = Field(
        default=False, strict=False, description="whether it was declined instead"
    )


class CommitmentMade(ActContent):
    """A body or a State committed itself to something; it is followed up like a recommendation."""

    kind: ClassVar[EventKind] = EventKind.COMMITMENT_MADE
    date_field: ClassVar[str] = "made_date"

    made_date: PartialDate | None = Field(default=None, description="when it was made")
    committed_bodies: Codes = Field(
        default=(), description="codes of the bodies that committed themselves"
    )
    addressee_state: OptionalStateCode = Field(
        default="", description="alpha-3 of the State that committed itself, if one did"
    )
    followup_due_date: PartialDate | None = Field(
        default=None, description="by when it is to be kept"
    )
    instrument: OptionalCode = Field(default="", description="such as upr.pledge")
