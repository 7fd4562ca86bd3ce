"""Measures, petitions, opinions and judgments, and their execution."""

from typing import ClassVar, Literal

from pydantic import Field

from registry.domain.content.act import ActContent, Line, Lines, OptionalCode, OptionalStateCode
from registry.domain.content.dates import PartialDate
from registry.domain.vocabulary import EventKind


class MeasureGranted(ActContent):
    """A precautionary, provisional or interim measure was granted."""

    kind: ClassVar[EventKind] = EventKind.MEASURE_GRANTED
    date_field: ClassVar[str] = "granted_date"

    granted_date: PartialDate | None = Field(default=None, description="when it was granted")
    instrument: OptionalCode = Field(default="", description="such as iachr.pm")
    addressee_state: OptionalStateCode = Field(
        default="", description="alpha-3 of the State that is to act"
    )
    reply_due_date: PartialDate | None = Field(default=None, description="when its report is due")
    beneficiaries: Line = Field(
        default="", description="who is protected, as a group; never a person's name"
    )


class MeasureExtended(ActContent):
    """A measure was extended in time or to more people; `about` names it."""

    kind: ClassVar[EventKind] = EventKind.MEASURE_EXTENDED
    date_field: ClassVar[str] = "extended_date"

    extended_date: PartialDate | None = Field(default=None, description="when it was extended")
    reply_due_date: PartialDate | None = Field(
        default=None, description="when the State's next report is due"
    )
    beneficiaries: Line = Field(
        default="", description="who is protected from now on, as a group; never a person's name"
    )


class MeasureLifted(ActContent):
    """A measure was lifted, in part or whole; `about` names it."""

    kind: ClassVar[EventKind] = EventKind.MEASURE_LIFTED
    date_field: ClassVar[str] = "lifted_date"

    lifted_date: PartialDate | None = Field(default=None, description="when it was lifted")
    is_partial: bool = Field(
        default=False, strict=False, description="whether a part of it goes on"
    )


class PetitionRegistered(ActContent):
    """A petition or an individual communication was registered."""

    kind: ClassVar[EventKind] = EventKind.PETITION_REGISTERED
    date_field: ClassVar[str] = "registered_date"

    registered_date: PartialDate | None = Field(default=None, description="when it was registered")
    submitted_date: PartialDate | None = Field(default=None, description="when it was submitted")
    instrument: OptionalCode = Field(default="", description="such as iachr.petition")
    respondent_state: OptionalStateCode = Field(
        default="", description="alpha-3 of the State it is against"
    )
    reply_due_date: PartialDate | None = Field(
        default=None, description="when the State's observations are due"
    )


class PetitionDecided(ActContent):
    """A stage of a petition was decided; `about` names the petition."""

    kind: ClassVar[EventKind] = EventKind.PETITION_DECIDED
    date_field: ClassVar[str] = "decided_date"

    decided_date: PartialDate | None = Field(default=None, description="when it was decided")
    instrument: OptionalCode = Field(
        default="", description="such as iachr.admissibility or iachr.merits"
    )
    stage: Literal["", "admissibility", "merits", "friendly_settlement", "archive"] = Field(
        default="", description="what was decided"
    )
    outcome: Literal[
        "", "admissible", "inadmissible", "violation", "no_violation", "settled", "archived"
    ] = Field(default="", description="how")
    followup_due_date: PartialDate | None = Field(
        default=None, description="when information on its execution is due"
    )


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
    addressee_state: OptionalStateCode = Field(
        default="", description="alpha-3 of the State it is addressed to"
    )
    followup_due_date: PartialDate | None = Field(
        default=None, description="when information on its follow-up is due"
    )


class JudgmentDelivered(ActContent):
    """A judgment was delivered, or a decision on the execution of one."""

    kind: ClassVar[EventKind] = EventKind.JUDGMENT_DELIVERED
    date_field: ClassVar[str] = "delivered_date"

    delivered_date: PartialDate | None = Field(default=None, description="when it was delivered")
    instrument: OptionalCode = Field(default="", description="such as coe.exec.resolution")
    court: Line = Field(
        default="", description="the court or the body that supervises the execution"
    )
    respondent_state: OptionalStateCode = Field(
        default="", description="alpha-3 of the State it is against"
    )
    outcome: Literal[
        "", "violation", "no_violation", "struck_out", "execution_open", "execution_closed"
    ] = Field(default="", description="how it ended")
    followup_due_date: PartialDate | None = Field(
        default=None, description="when the action plan or report is due"
    )


class CourtSubmissionMade(ActContent):
    """A submission was made to a court or to those who supervise its judgments."""

    kind: ClassVar[EventKind] = EventKind.COURT_SUBMISSION_MADE
    date_field: ClassVar[str] = "submitted_date"

    submitted_date: PartialDate | None = Field(default=None, description="when it was made")
    instrument: OptionalCode = Field(default="", description="such as coe.rule9 or coe.third_party")
    court: Line = Field(default="", description="the court or body")
    respondent_state: OptionalStateCode = Field(
        default="", description="alpha-3 of the State the proceedings are against"
    )


class TrialObserved(ActContent):
    """A trial or a hearing was observed."""

    kind: ClassVar[EventKind] = EventKind.TRIAL_OBSERVED
    date_field: ClassVar[str] = "observed_date"

    observed_date: PartialDate | None = Field(default=None, description="when it was observed")
    instrument: OptionalCode = Field(default="", description="such as eu.trial_observation")
    court: Line = Field(default="", description="the court")
    stage: Line = Field(default="", description="what was heard")
    next_hearing_date: PartialDate | None = Field(default=None, description="when it goes on")
