"""What would leave this node, and to whom, before anything is signed.

Made by the functions that recording uses: it has no rule of its own and can tell nothing else than
what recording then does.
"""

from dataclasses import dataclass

from registry.application.alert_advice import advise
from registry.application.recording import RecordCommand, Recording
from registry.domain.content import encode_content
from registry.domain.identifiers import Slug
from registry.domain.matching import MatchedName
from registry.domain.mechanisms import Profiles
from registry.domain.release import Release
from registry.domain.vocabulary import EventKind, kind_code
from registry.errors import RequestError
from registry.log.commitment import padded_size
from registry.log.entry import Audience
from registry.log.roster import Roster


@dataclass(frozen=True, slots=True)
class Preview:
    """What an event would let leave.

    Attributes:
        visible_kind: the kind as every member sees it.
        visible_to_all: facts of the header, one a line; every member gets the header.
        recipients: slugs of those that may hold the content, the author among them.
        is_for_everyone: whether a member that joins later may hold it too.
        size_classes: of each part, bytes.
        not_before_ms: when content starts to be sent; 0 = at once.
        release: named persons and names in the text.
        is_publishing: whether recording it makes something public.
        refusals: why recording would refuse; empty = it would not.
        warnings: what the officer should know; recording takes it all the same.
        add_to_audience: slugs of mechanisms that should be alerted and would not be.
    """

    visible_kind: str
    visible_to_all: tuple[str, ...]
    recipients: tuple[Slug, ...]
    is_for_everyone: bool
    size_classes: tuple[int, ...]
    not_before_ms: int
    release: Release
    is_publishing: bool
    refusals: tuple[str, ...]
    warnings: tuple[str, ...] = ()
    add_to_audience: tuple[Slug, ...] = ()


@dataclass(frozen=True, slots=True)
class AnswerPreview:
    """What an answer, or telling a result, would let leave.

    Attributes:
        text: exactly what is sent.
        preview: to whom, what else is told, and why it would be refused.
        names: of a private matching: of an answer those that would take part, of telling those that
            the other side would learn; they are not sent.
    """

    text: str
    preview: Preview
    names: tuple[MatchedName, ...] = ()


def preview_event(
    recording: Recording, roster: Roster, profiles: Profiles, command: RecordCommand
) -> Preview:
    """Tells what recording a command would do. Records nothing.

    Raises:
        InvalidRequest, NotFound: the audience is malformed or names nobody.
    """
    command, uploads = recording.with_attachments(command)
    choice, audience = recording.resolve(command)
    refusals: tuple[str, ...] = ()
    try:
        recording.check(command, audience)
    except RequestError as error:
        refusals = (str(error),)
    release = recording.judge(command, choice)
    sizes = (len(encode_content(command.content)), *(each.claim.size for each in uploads))
    kind = kind_code(command.content.kind if audience.is_all else EventKind.SEALED)
    advice = advise(
        command.content, audience, roster, profiles, not_before_ms=command.not_before_ms
    )
    return Preview(
        visible_kind=kind,
        visible_to_all=_visible(command, kind, audience, roster),
        recipients=slugs_of(audience, roster),
        is_for_everyone=audience.is_all,
        size_classes=tuple(padded_size(size) for size in sizes),
        not_before_ms=command.not_before_ms,
        release=release,
        is_publishing=recording.publishes(command.content, audience),
        refusals=(*refusals, *release.refusals),
        warnings=advice.warnings,
        add_to_audience=advice.add_to_audience,
    )


def slugs_of(audience: Audience, roster: Roster) -> tuple[Slug, ...]:
    """The members that take part today and that an audience admits."""
    return tuple(
        member.slug for member in roster.members if member.is_active and audience.admits(member.id)
    )


def _visible(
    command: RecordCommand, kind: str, audience: Audience, roster: Roster
) -> tuple[str, ...]:
    case = "a new case" if command.case_id is None else command.case_id.hex()
    to_whom = "every member" if audience.is_all else ", ".join(slugs_of(audience, roster))
    facts = [
        f"kind: {kind}",
        f"case: {case}",
        f"who may hold the content: {to_whom}",
        "the mechanism that records, and when",
        f"parts: {1 + len(command.attachments)}, each by its size class",
        "the newest events of the case that this node knows",
    ]
    if command.not_before_ms:
        facts.append(f"embargo until: {command.not_before_ms} ms UTC")
    return tuple(facts)
