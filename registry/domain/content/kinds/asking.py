"""Questions to other mechanisms and what a person there answered; never for all members."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field, StringConstraints, model_validator

from registry.domain.content.act import ActContent
from registry.domain.content.dates import PartialDate
from registry.domain.content.kinds.consent import SlugText
from registry.domain.vocabulary import EventKind

PointText = Annotated[str, StringConstraints(max_length=43)]
Points = Annotated[tuple[PointText, ...], Field(max_length=1024, strict=False)]
"""Points of private matching, 43 characters of base64url each; see registry.domain.matching."""


class PeersAsked(ActContent):
    """A mechanism asked others whether they have acted, or hold something; `summary` says what."""

    kind: ClassVar[EventKind] = EventKind.PEERS_ASKED
    date_field: ClassVar[str] = "asked_date"
    is_never_for_all: ClassVar[bool] = True

    asked_date: PartialDate | None = Field(default=None, description="when it was asked")
    mechanisms: Annotated[tuple[SlugText, ...], Field(max_length=200, strict=False)] = Field(
        default=(), description="slugs of those that are asked"
    )
    question: Literal["", "acted", "holds", "other"] = Field(
        default="",
        description="acted (have you acted on this), holds (do you hold this) or other",
    )
    matching_nonce: PointText = Field(default="", description="of a private matching; 43 signs")
    matching_points: Points = Field(
        default=(), description="names of who asks that take part, as points; no name stands there"
    )


class PeerAnswered(ActContent):
    """A person at a mechanism answered another's question; `about` names it."""

    kind: ClassVar[EventKind] = EventKind.PEER_ANSWERED
    date_field: ClassVar[str] = "answered_date"
    is_never_for_all: ClassVar[bool] = True

    answered_date: PartialDate | None = Field(default=None, description="when it was answered")
    answer: Literal["yes", "no", "contact_us"] = Field(description="yes, no or contact_us")
    matching_points: Points = Field(
        default=(), description="names of who answers that take part, as points"
    )
    returned_points: Points = Field(
        default=(), description="the points of who asks, times the secret of who answers"
    )

    @model_validator(mode="after")
    def _check_answer(self) -> "PeerAnswered":
        if self.persons:
            msg = "persons: an answer names nobody"
            raise ValueError(msg)
        return self


class MatchingReturned(ActContent):
    """Who asked let who answered learn what both hold; `about` names the answer."""

    kind: ClassVar[EventKind] = EventKind.MATCHING_RETURNED
    date_field: ClassVar[str] = "returned_date"
    is_never_for_all: ClassVar[bool] = True

    returned_date: PartialDate | None = Field(default=None, description="when it was returned")
    returned_points: Points = Field(
        default=(), description="the points of who answered, times the secret of who asked"
    )

    @model_validator(mode="after")
    def _check_return(self) -> "MatchingReturned":
        if self.persons:
            msg = "persons: what is returned names nobody"
            raise ValueError(msg)
        return self
