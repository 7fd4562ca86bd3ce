"""The one export path: what may be used of a case for a purpose, all else left out and counted.

Reports, briefings, webhooks and search for others go through here. What is exported:
1. content that is readable here now: not sealed for us, not under an embargo, not erased;
2. for the public and for a State only content for all members; for named mechanisms only content
   that every one of them may hold;
3. names whose consent covers this purpose; others are taken out and counted. In what is for all
   members, who may be named in public may be named to mechanisms, too; in what is for some, that
   permits nothing: to be named in public is not to be named in confidence;
4. text in which no protected name stands: otherwise the whole event is left out.
Who information came from is no content, so that it cannot come here.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Literal, NamedTuple

from registry.application.consents import ConsentDesk
from registry.domain.content import ActContent, ConsentRecorded
from registry.domain.embargo import is_embargoed
from registry.domain.identifiers import LogId
from registry.domain.protected_names import Sought
from registry.domain.release import KnownPersons, Use, denied_names, judge_persons
from registry.errors import InvalidRequest
from registry.log.entry import Audience
from registry.log.roster import Member, Roster
from registry.views.case_file import CaseHistory, HistoryEntry, PartState, Reader

ExportPurpose = Literal["public", "state", "mechanisms"]


@dataclass(frozen=True, slots=True)
class Export:
    """What may be used.

    Attributes:
        events: in the order of record, without what may not be used.
        left_out: events that are of no use for the purpose or may not be used.
        names_taken_out: named persons that were taken out of `events` for want of consent.
        withheld: how many of them at which event, by log and index.
    """

    events: tuple[HistoryEntry, ...]
    left_out: int
    names_taken_out: int
    withheld: Mapping[tuple[LogId, int], int] = field(default_factory=dict)


class _Purpose(NamedTuple):
    """What names would be used for, and who is told.

    Each use is enough to permit a name; of content that is not for all members only the first.
    """

    uses: tuple[Use, ...]
    admits: Callable[[Audience], bool]


class Exporting:
    """Exports cases of one node; for any thread."""

    def __init__(self, reader: Reader, consents: ConsentDesk) -> None:
        self._reader = reader
        self._consents = consents

    def export(
        self, history: CaseHistory, purpose: ExportPurpose, recipients: tuple[str, ...] = ()
    ) -> Export:
        """Takes out of a history what may not be used.

        Raises:
            InvalidRequest: recipients are named, or not, against the purpose; or one takes part no
                more.
            NotFound: a recipient is no member.
        """
        rule = _rule(self._reader.roster, purpose, recipients)
        known = self._consents.of_case(history.case_id).known

        @cache
        def denied(uses: tuple[Use, ...], log_id: LogId) -> Sought:
            return denied_names(uses, log_id, known)

        kept: list[HistoryEntry] = []
        withheld: dict[tuple[LogId, int], int] = {}
        for event in history.events:
            content = self._readable(event)
            if content is None or not rule.admits(event.audience):
                continue
            uses = rule.uses if event.audience.is_all else rule.uses[:1]
            cleaned = _without_names(content, uses, event.log_id, known)
            if cleaned is None or denied(uses, event.log_id).find_in(cleaned):
                continue
            if taken_out := len(content.persons) - len(cleaned.persons):
                withheld[event.log_id, event.index] = taken_out
            kept.append(event if cleaned is content else replace(event, content=cleaned))
        left_out = len(history.events) - len(kept)
        return Export(tuple(kept), left_out, sum(withheld.values()), withheld)

    def _readable(self, event: HistoryEntry) -> ActContent | None:
        """The content if it is here and its time has come; an author reads its own before."""
        if event.content_state is not PartState.PRESENT:
            return None
        has_embargo = bool(event.not_before_ms)
        if has_embargo and is_embargoed(event.not_before_ms, now_ms=self._reader.now_ms()):
            return None
        return event.content


def recipients_of(roster: Roster, slugs: Iterable[str]) -> tuple[Member, ...]:
    """Finds the members that something is made for, each once, in the order asked.

    Raises:
        NotFound: one is no member.
        InvalidRequest: one was removed, or its log was ended.
    """
    members = tuple(roster.member_by_slug(slug) for slug in dict.fromkeys(slugs))
    for member in members:
        if not member.is_active:
            msg = f"{member.slug} takes part no more: nothing is made for it"
            raise InvalidRequest(msg)
    return members


def _rule(roster: Roster, purpose: ExportPurpose, recipients: tuple[str, ...]) -> _Purpose:
    if (purpose == "mechanisms") != bool(recipients):
        msg = "recipients are named if, and only if, the export is for mechanisms"
        raise InvalidRequest(msg)
    if purpose != "mechanisms":
        use = Use("names_in_public" if purpose == "public" else "names_to_state")
        return _Purpose((use,), lambda audience: audience.is_all)
    members = recipients_of(roster, recipients)
    return _Purpose(
        (
            Use("share_with_mechanisms", tuple(sorted(set(recipients)))),
            Use("names_in_public"),
        ),
        lambda audience: all(audience.admits(member.id) for member in members),
    )


def _without_names(
    content: ActContent, uses: tuple[Use, ...], log_id: LogId, known: KnownPersons
) -> ActContent | None:
    """The content without the persons whose consent is missing; None if nothing may be used."""
    if not content.persons:
        return content
    permitted = {
        verdict.person_id
        for verdict in judge_persons(content, uses, log_id, known)
        if not verdict.why_not
    }
    denied = {person.person_id for person in content.persons} - permitted
    if denied and isinstance(content, ConsentRecorded):
        return None
    if not denied:
        return content
    persons = tuple(each for each in content.persons if each.person_id not in denied)
    return content.model_copy(update={"persons": persons})
