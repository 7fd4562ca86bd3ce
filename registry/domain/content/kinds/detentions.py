"""Detention, reprisals and accountability: facts, and how sure they are."""

from typing import ClassVar, Literal, TypeAlias

from pydantic import Field

from registry.domain.content.act import ActContent, Codes, EventPointer, Line, Lines, OptionalCode
from registry.domain.content.dates import PartialDate
from registry.domain.content.kinds.judgement import Fact
from registry.domain.vocabulary import EventKind

Deprivation: TypeAlias = Literal[
    "",
    "arrest",
    "police_custody",
    "pre_trial",
    "sentenced",
    "administrative",
    "immigration",
    "psychiatric",
    "incommunicado",
    "house_arrest",
]
"""How somebody is deprived of liberty."""


class DetentionRecorded(Fact):
    """A person is said to be detained."""

    kind: ClassVar[EventKind] = EventKind.DETENTION_RECORDED
    date_field: ClassVar[str] = "detained_date"

    detained_date: PartialDate | None = Field(default=None, description="when the detention began")
    place: Line = Field(default="", description="where, as far as it may be told")
    authority: Line = Field(default="", description="the authority that detains; never a person")
    charges: Lines = Field(default=(), description="charges as they were told")
    arrested_date: PartialDate | None = Field(
        default=None, description="when the person was arrested, if that was before"
    )
    deprivation: Deprivation = Field(default="", description="how the person is held")
    next_hearing_date: PartialDate | None = Field(
        default=None, description="when a judge hears the person"
    )


class DetentionChanged(Fact):
    """The circumstances of a detention changed; `about` names it."""

    kind: ClassVar[EventKind] = EventKind.DETENTION_CHANGED
    date_field: ClassVar[str] = "changed_date"

    changed_date: PartialDate | None = Field(default=None, description="when they changed")
    change: Literal[
        "",
        "charged",
        "transferred",
        "sentenced",
        "prolonged",
        "health",
        "conditions",
        "incommunicado",
        "other",
        "hearing",
    ] = Field(default="", description="what changed")
    place: Line = Field(default="", description="where, as far as it may be told")
    charges: Lines = Field(default=(), description="charges as they were told")
    deprivation: Deprivation = Field(
        default="", description="how the person is held from then on, if that changed"
    )
    next_hearing_date: PartialDate | None = Field(
        default=None, description="when a judge hears the person"
    )


class PersonReleased(Fact):
    """A person was released; `about` names the detention."""

    kind: ClassVar[EventKind] = EventKind.PERSON_RELEASED
    date_field: ClassVar[str] = "released_date"

    released_date: PartialDate | None = Field(
        default=None, description="when the person was released"
    )
    release: Literal[
        "",
        "unconditional",
        "conditional",
        "house_arrest",
        "acquitted",
        "sentence_served",
        "pardoned",
        "exchanged",
        "deported",
        "died_in_custody",
    ] = Field(default="", description="how")


class ReprisalAlleged(Fact):
    """A reprisal for cooperation was alleged."""

    kind: ClassVar[EventKind] = EventKind.REPRISAL_ALLEGED
    date_field: ClassVar[str] = "occurred_date"

    occurred_date: PartialDate | None = Field(default=None, description="when it occurred")
    cooperated_with: OptionalCode = Field(
        default="", description="code of the body cooperated with"
    )
    cooperation: EventPointer | None = Field(
        default=None, description="the event of any mechanism that was the cooperation"
    )
    cooperation_words: Line = Field(
        default="", description="the contact in words, if no event tells it; names no person"
    )
    acts: Codes = Field(default=(), description="codes of what was done")
    instrument: OptionalCode = Field(default="", description="such as sg.new_case")


class ReprisalLinked(ActContent):
    """A reprisal was linked to an act of cooperation; `about` names the reprisal."""

    kind: ClassVar[EventKind] = EventKind.REPRISAL_LINKED
    date_field: ClassVar[str] = "linked_date"

    linked_date: PartialDate | None = Field(default=None, description="when it was linked")
    cooperated_with: OptionalCode = Field(
        default="", description="code of the body cooperated with"
    )
    cooperation: EventPointer | None = Field(
        default=None, description="the event of any mechanism that was the cooperation"
    )
    cooperation_words: Line = Field(
        default="", description="the contact in words, if no event tells it; names no person"
    )


class ReprisalResolved(ActContent):
    """A reprisal was resolved; `about` names it."""

    kind: ClassVar[EventKind] = EventKind.REPRISAL_RESOLVED
    date_field: ClassVar[str] = "resolved_date"

    resolved_date: PartialDate | None = Field(default=None, description="when it was resolved")
    outcome: Literal["", "ended", "remedied", "refuted", "partly_remedied"] = Field(
        default="", description="how"
    )


class AccountabilityStep(Fact):
    """A step towards, or away from, accountability was taken."""

    kind: ClassVar[EventKind] = EventKind.ACCOUNTABILITY_STEP
    date_field: ClassVar[str] = "step_date"

    step_date: PartialDate | None = Field(default=None, description="when it was taken")
    step: Literal[
        "complaint_filed",
        "investigation_opened",
        "no_investigation",
        "investigation_closed",
        "indictment",
        "conviction",
        "acquittal",
        "reparation",
    ] = Field(description="which")
    authority: Line = Field(default="", description="the authority that took it; never a person")
