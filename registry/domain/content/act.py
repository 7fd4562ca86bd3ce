"""What every event says of the act behind it: who acted, on what basis, about what.

Whoever records is not always who acted: a transcription of somebody's public record names the body
that acted and the record, and never looks like the signer's own act.
"""

from typing import Annotated, ClassVar, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)

from registry.domain.content.attachment import ATTACHMENTS_MAX, Attachment
from registry.domain.content.dates import PartialDate
from registry.domain.content.persons import NamedPerson
from registry.domain.states import is_state_code
from registry.domain.vocabulary import EventKind


def _check_state(code: str) -> str:
    if code and not is_state_code(code):
        msg = "this is no ISO 3166 alpha-3 code"
        raise ValueError(msg)
    return code


Code = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$")]
OptionalCode = Annotated[str, StringConstraints(pattern=r"^([a-z0-9][a-z0-9._-]{0,63})?$")]
Line = Annotated[str, StringConstraints(max_length=500, strip_whitespace=True)]
Text = Annotated[str, StringConstraints(max_length=20_000)]
StateCode = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$"), AfterValidator(_check_state)]
OptionalStateCode = Annotated[
    str, StringConstraints(pattern=r"^([A-Z]{3})?$"), AfterValidator(_check_state)
]
# Lists come as lists, from JSON, protobuf and TOML alike; what stands in them is judged strictly.
Lines = Annotated[tuple[Line, ...], Field(max_length=200, strict=False)]
Codes = Annotated[tuple[Code, ...], Field(max_length=50, strict=False)]


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class EventPointer(_Value):
    """An event of the same case: what this one answers, follows up or corrects."""

    origin: Annotated[str, StringConstraints(min_length=1, max_length=300)] = Field(
        description="origin of the log that holds it"
    )
    index: int = Field(
        default=0,
        ge=0,
        lt=2**53,
        strict=False,  # protobuf's JSON writes 64 bits as text
        description="its place in that log",
    )


EventPointers = Annotated[tuple[EventPointer, ...], Field(max_length=50, strict=False)]


class Party(_Value):
    """Who a case or an act is about, apart from persons."""

    kind: Literal["organisation", "community", "project", "company", "state_body"] = Field(
        description="organisation, community, project, company or state_body"
    )
    name: Line = Field(min_length=1, description="its name")
    role: Literal["", "defender", "affected", "respondent", "operator", "other"] = Field(
        default="", description="defender, affected, respondent, operator or other"
    )
    state: OptionalStateCode = Field(default="", description="alpha-3 of where it is")


class AgendaItem(_Value):
    """One item of the agenda of a meeting; it names no person."""

    title: Line = Field(min_length=1, description="what it is about; names no person")
    theme: OptionalCode = Field(default="", description="code of the theme it belongs to")


class NativeGrade(_Value):
    """A grade in the assessor's own scheme; never converted silently."""

    scheme: Code = Field(description="such as upr, ccpr, cedaw, iachr, coe")
    value: Line = Field(
        min_length=1, description="as the scheme writes it, such as supported or B2"
    )
    assessor: Line = Field(default="", description="who graded, if not the acting body")
    date: PartialDate | None = Field(default=None, description="when it was graded")


class ActContent(_Value):
    """Fields of every kind."""

    kind: ClassVar[EventKind]
    date_field: ClassVar[str]
    is_never_for_all: ClassVar[bool] = False

    title: Line = Field(default="", description="a short name that people read")
    summary: Text = Field(default="", description="what happened, in words; names no person")
    acting_body: Code = Field(description="code of the body that acted, such as tb.ccpr")
    basis: Literal["own_act", "public_record", "reported_by"] = Field(
        description="own_act, public_record (then source is set) or reported_by"
    )
    reported_by: Line = Field(default="", description="who reported it; never a person")
    source: Line = Field(default="", description="where the public record is")
    references: Lines = Field(default=(), description="reference numbers as written")
    states: Annotated[tuple[StateCode, ...], Field(max_length=60, strict=False)] = Field(
        default=(), description="ISO 3166 alpha-3 codes of the States concerned"
    )
    themes: Codes = Field(default=(), description="codes of the vocabulary's themes")
    subjects: Lines = Field(default=(), description="subject headings as the register writes them")
    url: Line = Field(default="", description="where the document is published")
    is_invented: bool = Field(
        default=False,
        strict=False,  # people type yes or no
        description="an invented example, not a fact",
    )
    about: EventPointer | None = Field(
        default=None, description="the event of this case that this one answers or follows up"
    )
    persons: Annotated[tuple[NamedPerson, ...], Field(max_length=50, strict=False)] = Field(
        default=(), description="the persons that the event names; names stand nowhere else"
    )
    attachments: Annotated[
        tuple[Attachment, ...], Field(max_length=ATTACHMENTS_MAX, strict=False)
    ] = Field(default=(), description="files of the event; set by the node from what was uploaded")
    parties: Annotated[tuple[Party, ...], Field(max_length=50, strict=False)] = Field(
        default=(),
        description="organisations, communities, projects, companies and State bodies it is about",
    )
    own_number: Line = Field(
        default="", description="number of the case or file in the acting body's own system"
    )

    @model_validator(mode="after")
    def _check_basis(self) -> "ActContent":
        if self.basis == "public_record" and not self.source:
            msg = "source: a public record needs the place where it is published"
            raise ValueError(msg)
        if (self.basis == "reported_by") != bool(self.reported_by):
            msg = "reported_by: is set if, and only if, the basis is reported_by"
            raise ValueError(msg)
        return self

    def act_date(self) -> PartialDate | None:
        """The date of the act, or None if it is unknown."""
        found: PartialDate | None = getattr(self, self.date_field)
        return found if found is not None and found.value else None
