"""One mechanism's profile: a file of data that a secretariat can change without code.

participant = "..."            who takes part
nature = "quasi_judicial"      or non_judicial, political, ngo, state
sources = ["..."]              where the facts of the file are from
region = "oas"                 whose States it deals with (regions.toml); left out = all States
confidentiality = "..."        in words; may be left out
to_be_confirmed = ["nature"]   fields that the mechanism itself has yet to confirm
mechanisms = ["un"]            slugs of members at whose node its bodies are at home, besides the
                               name of the file with hyphens; may be left out
[bodies]
"wgad" = "its name"            codes that act
[instruments."wgad.opinion"]
name = "Opinion"
kind = "opinion_adopted"       of the event that tells it
reference = "wgad.opinion"     scheme of its reference numbers; may be left out
reply_days = 60                a reply is due so long after the act; extension_days, and
followup_months = 6            information on what came of it, likewise; may be left out
audience = "own"               who may hold it if nothing is said: all or own; else as the kind
nature = "quasi_judicial"      where it is another than its kind and participant tell
to_be_confirmed = ["reply_days"]
"""

import tomllib
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from registry.domain.content.act import Code
from registry.domain.mechanisms.regions import WORLD, regions
from registry.domain.vocabulary import CURRENT_KINDS, EventKind, kind_code
from registry.errors import InvalidRequest

Nature = Literal["quasi_judicial", "non_judicial", "political", "ngo", "state"]
_Text = Annotated[str, StringConstraints(min_length=1, max_length=500)]
_RECORDED = frozenset(map(kind_code, CURRENT_KINDS))


class _Data(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Instrument(_Data):
    """A way of acting, such as an urgent appeal, and what follows from it."""

    name: _Text = Field(description="English name")
    kind: str = Field(description="code of the kind of event that tells it")
    reference: str = Field(default="", description="scheme of its references; empty = none public")
    reply_days: int = Field(default=0, ge=0, le=3660, description="0 = no clock of its own")
    extension_days: int = Field(default=0, ge=0, le=3660, description="0 = none foreseen")
    followup_months: int = Field(default=0, ge=0, le=120, description="0 = no clock of its own")
    audience: Literal["", "all", "own"] = Field(default="", description="empty = as the kind")
    nature: Nature | Literal[""] = Field(
        default="", description="of its procedure; empty = as the participant's, by its kind"
    )
    to_be_confirmed: tuple[str, ...] = Field(default=(), strict=False)

    @property
    def event_kind(self) -> EventKind:
        """The kind of event that tells it."""
        return EventKind[self.kind.upper()]


class Profile(_Data):
    """What is known of one participant."""

    participant: _Text = Field(description="who takes part")
    nature: Nature = Field(description="nature of its procedures")
    sources: tuple[_Text, ...] = Field(min_length=1, strict=False)
    confidentiality: str = Field(default="", max_length=500)
    to_be_confirmed: tuple[str, ...] = Field(default=(), strict=False)
    mechanisms: tuple[Code, ...] = Field(
        default=(), strict=False, description="slugs of members at whose node it is at home"
    )
    bodies: dict[Code, _Text] = Field(min_length=1, description="code of a body -> its name")
    instruments: dict[Code, Instrument] = Field(min_length=1, description="code -> instrument")
    region: str = Field(
        default=WORLD, description="code of the region whose States it deals with; empty = all"
    )


def read_profile(text: str, name: str) -> Profile:
    """Reads a profile.

    Args:
        text: TOML.
        name: of the file, for errors.

    Raises:
        InvalidRequest: it is no TOML, or a field is wrong; the text names it.
    """
    try:
        profile = Profile.model_validate(tomllib.loads(text))
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        place = ".".join(str(step) for step in first["loc"])
        msg = f"{name}: {place}: {first['msg']}"
        raise InvalidRequest(msg) from error
    except (ValueError, RecursionError) as error:
        # No TOML, a number of thousands of digits, or brackets nested by the hundred.
        msg = f"{name}: {error}"
        raise InvalidRequest(msg) from error
    if profile.region != WORLD and profile.region not in regions():
        msg = f"{name}: region: there is no region {profile.region!r}"
        raise InvalidRequest(msg)
    for code, instrument in profile.instruments.items():
        if instrument.kind not in _RECORDED:
            msg = f"{name}: instruments.{code}.kind: there is no kind {instrument.kind!r}"
            raise InvalidRequest(msg)
    return profile
