"""What a widening would let leave this node, and to whom, before it is signed.

Made by the functions that widening uses: it has no rule of its own. What a member was let hold
cannot be taken back, so that a wrong index is seen here or never.
"""

from dataclasses import dataclass

from registry.application.erasing import ControlRequests, WidenCommand
from registry.application.preview import Preview, slugs_of
from registry.application.second_person import SecondPerson
from registry.domain.content import ActContent, Attachment
from registry.domain.content.attachment import cleaned
from registry.domain.identifiers import CaseId, Slug
from registry.domain.release import NO_NAMES
from registry.domain.vocabulary import EventKind, kind_code
from registry.errors import RequestError
from registry.log.entry import Header
from registry.log.roster import Roster


@dataclass(frozen=True, slots=True)
class WideningPreview:
    """What a widening would let leave.

    Attributes:
        case_id: the case of the event.
        kind: code of what the event says, which its header may not tell.
        title: of the event, as recorded.
        new_recipients: slugs of those that may hold the content and could not before.
        attachments: its files that are not erased and would leave, too.
        preview: who may hold it then, the sizes of what is left of it, names, and what forbids it.
    """

    case_id: CaseId
    kind: str
    title: str
    new_recipients: tuple[Slug, ...]
    attachments: tuple[Attachment, ...]
    preview: Preview


def preview_widening(
    control: ControlRequests, second_person: SecondPerson, roster: Roster, command: WidenCommand
) -> WideningPreview:
    """Tells what widening would do. Records nothing.

    Raises:
        NotFound: there is no such event or mechanism, or no content of it is left to widen.
        RuleViolation: the content cannot be read here, so that nobody can tell.
        TryLater: content is closed.
    """
    asked = control.widening(command)
    content = control.content_of(asked)
    release, refusals = NO_NAMES, []
    try:
        release = control.judge_widening(asked)
    except RequestError as error:
        refusals.append(str(error))
    refusals += release.refusals
    if why_not := second_person.why_not_widen(command):
        refusals.append(why_not)
    header = asked.header
    before = slugs_of(asked.before, roster)
    after = slugs_of(asked.after, roster)
    return WideningPreview(
        case_id=header.case_id,
        kind=kind_code(content.kind),
        title=content.title,
        new_recipients=tuple(each for each in after if each not in before),
        attachments=_left(content, asked.left),
        preview=Preview(
            visible_kind=kind_code(EventKind.AUDIENCE_WIDENED),
            visible_to_all=_visible(header, after, is_all=asked.after.is_all),
            recipients=after,
            is_for_everyone=asked.after.is_all,
            size_classes=tuple(header.parts[ordinal].padded_size for ordinal in asked.left),
            not_before_ms=header.parts[0].not_before_ms,
            release=release,
            is_publishing=False,
            refusals=tuple(refusals),
        ),
    )


def _left(content: ActContent, left: tuple[int, ...]) -> tuple[Attachment, ...]:
    return tuple(cleaned(each) for each in content.attachments if each.ordinal in left)


def _visible(header: Header, after: tuple[Slug, ...], *, is_all: bool) -> tuple[str, ...]:
    to_whom = "every member" if is_all else ", ".join(after)
    return (
        f"kind: {kind_code(EventKind.AUDIENCE_WIDENED)}, of event {header.index}",
        f"case: {header.case_id.hex()}",
        f"who may hold the content: {to_whom}",
        "the mechanism that widens, and when",
    )
