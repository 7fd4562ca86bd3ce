"""Persons: named in a field of their own, or, as sources, in no content at all.

A name stands in `NamedPerson` and in no other field, so that consent can be asked for it wherever
content leaves. Who information came from is a `SourceIdentity`, and that type can be written into
nothing: no model holds it and nothing here serializes it.
"""

from typing import Annotated, Literal, Never, NoReturn

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

PersonUse = Literal["names_to_state", "names_in_public", "share_with_mechanisms"]
PersonId = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$")]


class NamedPerson(BaseModel):
    """A person of this case; whoever names a person first chooses 16 random bytes for it."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    person_id: PersonId = Field(description="32 hexadecimal digits, the same for one person")
    name: Annotated[str, StringConstraints(min_length=1, max_length=500, strip_whitespace=True)] = (
        Field(description="the person's name")
    )
    role: Annotated[str, StringConstraints(max_length=500, strip_whitespace=True)] = Field(
        default="", description="what the person is in this case, such as defender or counsel"
    )


class SourceIdentity:
    """Who information came from: kept at the node that received it, sent by no path.

    No dataclass and no model: what walks over fields finds none, and what serializes is refused.
    """

    __slots__ = ("_contact", "_name", "_note")

    def __init__(self, *, name: str, contact: str = "", note: str = "") -> None:
        self._name, self._contact, self._note = name, contact, note

    @property
    def name(self) -> str:
        """Name of the source."""
        return self._name

    @property
    def contact(self) -> str:
        """How to reach it."""
        return self._contact

    @property
    def note(self) -> str:
        """What else must be known of it."""
        return self._note

    def __repr__(self) -> str:
        """Tells nothing."""
        return "SourceIdentity(hidden)"

    def model_dump(self, *_: object, **__: object) -> Never:
        """Refuses to become fields."""
        _refuse()

    def model_dump_json(self, *_: object, **__: object) -> Never:
        """Refuses to become content."""
        _refuse()

    def __reduce_ex__(self, protocol: object) -> Never:
        """Refuses copies and pickles."""
        _refuse()


def _refuse() -> NoReturn:
    msg = "the identity of a source is not written into anything"
    raise TypeError(msg)
