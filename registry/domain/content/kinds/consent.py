"""Consent of persons: given for a use, withdrawn; never for all members."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field, StringConstraints, model_validator

from registry.domain.content.act import ActContent, OptionalCode
from registry.domain.content.dates import PartialDate
from registry.domain.content.persons import PersonId, PersonUse
from registry.domain.vocabulary import EventKind

SlugText = Annotated[str, StringConstraints(pattern=r"^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$")]


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
