"""Intents: what a mechanism means to do, so that others can join or wait."""

from typing import ClassVar, Literal, TypeAlias

from pydantic import Field

from registry.domain.content.act import ActContent, OptionalCode, OptionalStateCode
from registry.domain.content.dates import PartialDate
from registry.domain.vocabulary import EventKind

PlannedAction: TypeAlias = Literal[
    "",
    "visit",
    "communication",
    "statement",
    "demarche",
    "dialogue",
    "trial_observation",
    "court_submission",
    "legal_review",
    "report",
    "other",
]
IntentAnswer: TypeAlias = Literal["", "joins", "supports", "defers", "objects", "noted"]


class IntentDeclared(ActContent):
    """A mechanism said that it means to act."""

    kind: ClassVar[EventKind] = EventKind.INTENT_DECLARED
    date_field: ClassVar[str] = "declared_date"

    declared_date: PartialDate | None = Field(default=None, description="when it was declared")
    instrument: OptionalCode = Field(default="", description="what it means to use, such as un.ua")
    planned_date: PartialDate | None = Field(
        default=None, description="when it means to act; of a window the beginning"
    )
    addressee_state: OptionalStateCode = Field(default="", description="alpha-3 of the addressee")
    action: PlannedAction = Field(default="", description="what it means to do, such as visit")
    planned_until_date: PartialDate | None = Field(
        default=None, description="the end of the window in which it means to act"
    )
    lapses_date: PartialDate | None = Field(
        default=None, description="the last day on which it stands; else the end of the window"
    )


class IntentAnswered(ActContent):
    """A mechanism answered another's declared intent; `about` names it."""

    kind: ClassVar[EventKind] = EventKind.INTENT_ANSWERED
    date_field: ClassVar[str] = "answered_date"

    answered_date: PartialDate | None = Field(default=None, description="when it was answered")
    answer: IntentAnswer = Field(default="", description="what it answered")
    proposed_date: PartialDate | None = Field(
        default=None, description="when whoever answers could act, or would have it done"
    )


class IntentWithdrawn(ActContent):
    """A declared intent was withdrawn; `about` names it."""

    kind: ClassVar[EventKind] = EventKind.INTENT_WITHDRAWN
    date_field: ClassVar[str] = "withdrawn_date"

    withdrawn_date: PartialDate | None = Field(default=None, description="when it was withdrawn")
