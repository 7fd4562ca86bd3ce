"""Consent: what the persons of a case permit, folded from its consent events.

Rules:
1. Default is no. A permission is a record in which both facts are true: informed of the risk, and
   agrees to the use. It counts for the acts of the log that holds it, and of no other.
2. A withdrawal in any log ends the use for all logs.
3. A record lifts a withdrawal only if it was written in knowledge of it: later in the same log, or
   by an author whose log refers to it. Claimed times decide nothing: a clock that lies revives no
   consent. Where nobody can tell which came first, the answer is no.
4. A record in which a fact is false ends what the same log recorded before it for the same use.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from registry.domain.content.act import ActContent
from registry.domain.content.kinds import ConsentRecorded, ConsentWithdrawn
from registry.domain.content.persons import PersonUse
from registry.domain.identifiers import LogId


class ConsentEvent(NamedTuple):
    """One consent event and what its author had read: the largest index known of each log."""

    log_id: LogId
    index: int  # type: ignore[assignment] # the field, not tuple.index
    content: ConsentRecorded | ConsentWithdrawn
    known: Mapping[LogId, int]


@dataclass(frozen=True, slots=True)
class Consents:
    """What is permitted in one case; empty = nothing."""

    _grants: Mapping[tuple[LogId, str, PersonUse], tuple[ConsentRecorded, ...]] = field(
        default_factory=dict
    )
    _withdrawn: frozenset[tuple[str, PersonUse]] = frozenset()

    def why_not(
        self, person_id: str, use: PersonUse, author_log: LogId, mechanisms: Collection[str] = ()
    ) -> str:
        """Tells why a person may not be named by an act of a log.

        Args:
            person_id: the person, as the case's events name it.
            use: what for.
            author_log: the log of the act.
            mechanisms: slugs of those that would get the name, for share_with_mechanisms.

        Returns:
            The reason; empty = a consent covers it.
        """
        grants = self._grants.get((author_log, person_id, use), ())
        if not grants and (person_id, use) in self._withdrawn:
            return "the consent was withdrawn"
        if not grants:
            return "no consent to this use is recorded in the author's log"
        covered = {slug for grant in grants for slug in grant.mechanisms}
        missing = sorted(set(mechanisms) - covered)
        if use == "share_with_mechanisms" and (missing or not mechanisms):
            return f"no consent covers {', '.join(missing) or 'mechanisms that are not named'}"
        return ""


def ends_a_use(content: ActContent | None) -> bool:
    """Whether content takes a permission back: a withdrawal, or a consent that was refused."""
    if isinstance(content, ConsentRecorded):
        return not (content.is_informed_of_risk and content.agrees)
    return isinstance(content, ConsentWithdrawn)


def fold_consents(events: Iterable[ConsentEvent]) -> Consents:
    """Folds the consent events of one case, in any order."""
    kept = tuple(events)
    withdrawals = tuple(each for each in kept if isinstance(each.content, ConsentWithdrawn))
    grants: dict[tuple[LogId, str, PersonUse], tuple[ConsentRecorded, ...]] = {}
    for event in sorted(kept, key=lambda each: (each.log_id, each.index)):
        record = event.content
        if not isinstance(record, ConsentRecorded):
            continue
        person_id = record.persons[0].person_id
        key = (event.log_id, person_id, record.use)
        if not (record.is_informed_of_risk and record.agrees):
            grants.pop(key, None)
        elif not any(
            _ends(each, person_id, record.use) and not _is_written_knowing(event, each)
            for each in withdrawals
        ):
            grants[key] = (*grants.get(key, ()), record)
    ended = {
        (each.content.person_id, use)
        for each in withdrawals
        if isinstance(each.content, ConsentWithdrawn)
        for use in each.content.uses or _ALL_USES
    }
    return Consents(grants, frozenset(ended))


_ALL_USES: tuple[PersonUse, ...] = ("names_to_state", "names_in_public", "share_with_mechanisms")


def _ends(withdrawal: ConsentEvent, person_id: str, use: PersonUse) -> bool:
    content = withdrawal.content
    return (
        isinstance(content, ConsentWithdrawn)
        and content.person_id == person_id
        and use in (content.uses or _ALL_USES)
    )


def _is_written_knowing(event: ConsentEvent, earlier: ConsentEvent) -> bool:
    """Whether one was written after the other for certain; two that claim both are neither."""
    if event.log_id == earlier.log_id:
        return event.index > earlier.index
    return (
        event.known.get(earlier.log_id, -1) >= earlier.index
        and earlier.known.get(event.log_id, -1) < event.index
    )
