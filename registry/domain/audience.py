"""Who may hold an event's content, as its recorder chooses; the default is data of the kind."""

from dataclasses import dataclass
from typing import Final, Literal

from registry.domain.content.act import ActContent
from registry.domain.content.kinds import StatementDrafted
from registry.domain.mechanisms import Profiles, shipped_profiles
from registry.domain.vocabulary import default_audience_of, kind_code
from registry.errors import InvalidRequest


@dataclass(frozen=True, slots=True)
class AudienceChoice:
    """A choice of audience.

    Attributes:
        kind: default (as the kind of event has it), all (every member), own (the author alone) or
            named.
        mechanisms: slugs, for named only; the author is always included.
    """

    kind: Literal["default", "all", "own", "named"] = "default"
    mechanisms: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuses a choice that says two things."""
        if (self.kind == "named") != bool(self.mechanisms):
            msg = "audience: mechanisms are named if, and only if, the audience is named mechanisms"
            raise InvalidRequest(msg)


DEFAULT_AUDIENCE: Final = AudienceChoice()
EVERYONE: Final = AudienceChoice("all")
OWN_ONLY: Final = AudienceChoice("own")


def named(*mechanisms: str) -> AudienceChoice:
    """Chooses named mechanisms.

    Raises:
        InvalidRequest: none is named.
    """
    return AudienceChoice("named", mechanisms)


def resolve_audience(
    choice: AudienceChoice,
    content: ActContent,
    profiles: Profiles | None = None,
    *,
    author: str = "",
) -> AudienceChoice:
    """Puts the default of the instrument, or of the kind, in the place of `default`.

    A public record is for all, whatever told it. A draft that others are invited to sign is for
    them and its author, and for nobody else.

    Args:
        choice: what whoever records chose.
        content: what happened.
        profiles: of this node; None = those that are shipped.
        author: slug of the mechanism that records, which may be named with the others.

    Raises:
        InvalidRequest: the content is of a kind that is never for all members, or it is a draft for
            others than those that it invites.
    """
    if isinstance(content, StatementDrafted) and content.invited:
        return _of_draft(choice, frozenset(content.invited), author)
    if choice.kind == "default":
        is_public = content.basis == "public_record" and not content.is_never_for_all
        choice = EVERYONE if is_public else _default(content, profiles or shipped_profiles())
    if choice.kind == "all" and content.is_never_for_all:
        msg = f"{kind_code(content.kind)} is never for all members: name those that need it"
        raise InvalidRequest(msg)
    return choice


def _of_draft(choice: AudienceChoice, invited: frozenset[str], author: str) -> AudienceChoice:
    if choice.kind == "default":
        return named(*sorted(invited))
    if choice.kind != "named" or set(choice.mechanisms) - {author} != invited:
        msg = "audience: a draft goes to all those that it invites, and to nobody else"
        raise InvalidRequest(msg)
    return choice


def _default(content: ActContent, profiles: Profiles) -> AudienceChoice:
    instrument = profiles.instrument(getattr(content, "instrument", ""))
    if instrument is not None and instrument.audience:
        return EVERYONE if instrument.audience == "all" else OWN_ONLY
    return AudienceChoice(default_audience_of(content.kind))
