"""Consent: what the persons of a case permit, folded from its consent events.

Rules:
1. Default is no. A permission is a record in which both facts are true: informed of the risk, and
   agrees to the use. It counts for the acts of the log that holds it, and of later logs of the same
   member, unless something stands after it in its log that could end it and cannot be read.
2. A withdrawal in any log ends the use for all logs.
3. A record lifts a withdrawal only if it was written in knowledge of it: later in the same log, or
   by an author whose log refers to it. Claimed times decide nothing: a clock that lies revives no
   consent. Where nobody can tell which came first, the answer is no.
4. A record in which a fact is false ends what the same log, or one of the same member before it,
   recorded earlier for the same use.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final, NamedTuple, TypeAlias

from registry.domain.content.act import ActContent
from registry.domain.content.kinds import ConsentRecorded, ConsentWithdrawn
from registry.domain.content.persons import PersonUse
from registry.domain.identifiers import NO_LOGS_BEFORE, LogId, LogsBefore

NONE_UNREAD: Final[Mapping[LogId, int]] = MappingProxyType({})


class ConsentEvent(NamedTuple):
    """One consent event and what its author had read: the largest index known of each log."""

    log_id: LogId
    index: int  # type: ignore[assignment] # the field, not tuple.index
    content: ConsentRecorded | ConsentWithdrawn
    known: Mapping[LogId, int]


InForce: TypeAlias = Mapping[tuple[str, PersonUse], Sequence[ConsentEvent]]
"""Withdrawals by person and use."""


@dataclass(frozen=True, slots=True)
class Consents:
    """What is permitted in one case; empty = nothing."""

    _grants: Mapping[tuple[LogId, str, PersonUse], tuple[ConsentRecorded, ...]] = field(
        default_factory=dict
    )
    _withdrawn: frozenset[tuple[str, PersonUse]] = frozenset()
    _carried: Mapping[tuple[LogId, str, PersonUse], tuple[ConsentRecorded, ...]] = field(
        default_factory=dict
    )
    """Those of former logs that count for later ones."""
    _logs_before: LogsBefore = field(default_factory=lambda: NO_LOGS_BEFORE)

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
        for former in self._logs_before.get(author_log, ()):
            grants += self._carried.get((former, person_id, use), ())
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


def fold_consents(
    events: Iterable[ConsentEvent],
    logs_before: LogsBefore = NO_LOGS_BEFORE,
    unread: Mapping[LogId, int] = NONE_UNREAD,
) -> Consents:
    """Folds the consent events of one case, in any order.

    Args:
        events: of the case.
        logs_before: which logs one member wrote.
        unread: by log, the last event of the case that may speak of a consent and cannot be read.
    """
    kept = tuple(events)

    def order(event: ConsentEvent) -> tuple[int, LogId, int]:
        return len(logs_before.get(event.log_id, ())), event.log_id, event.index

    withdrawals = tuple(each for each in kept if isinstance(each.content, ConsentWithdrawn))
    grants: dict[tuple[LogId, str, PersonUse], tuple[ConsentRecorded, ...]] = {}
    carried: dict[tuple[LogId, str, PersonUse], tuple[ConsentRecorded, ...]] = {}
    for event in sorted(kept, key=order):
        record = event.content
        if not isinstance(record, ConsentRecorded):
            continue
        person_id = record.persons[0].person_id
        key = (event.log_id, person_id, record.use)
        if not (record.is_informed_of_risk and record.agrees):
            for log_id in (event.log_id, *logs_before.get(event.log_id, ())):
                grants.pop((log_id, person_id, record.use), None)
                carried.pop((log_id, person_id, record.use), None)
        elif not any(
            _ends(each, person_id, record.use) and not _is_written_knowing(event, each)
            for each in withdrawals
        ):
            grants[key] = (*grants.get(key, ()), record)
            if not _may_be_ended_unread(event, logs_before, unread):
                carried[key] = (*carried.get(key, ()), record)
    ended = {
        (each.content.person_id, use)
        for each in withdrawals
        if isinstance(each.content, ConsentWithdrawn)
        for use in each.content.uses or ALL_USES
    }
    return Consents(grants, frozenset(ended), carried, logs_before)


def withdrawals_in_force(events: Iterable[ConsentEvent], logs: Collection[LogId]) -> InForce:
    """The withdrawals, by person and use, that no consent of some logs was recorded knowing.

    Args:
        events: of one case.
        logs: those of one member.
    """
    kept = tuple(events)
    grants: dict[tuple[str, PersonUse], list[ConsentEvent]] = {}
    for event in kept:
        record = event.content
        if isinstance(record, ConsentRecorded) and event.log_id in logs and not ends_a_use(record):
            grants.setdefault((record.persons[0].person_id, record.use), []).append(event)
    found: dict[tuple[str, PersonUse], list[ConsentEvent]] = {}
    for event in kept:
        if isinstance(event.content, ConsentWithdrawn):
            for use in event.content.uses or ALL_USES:
                key = (event.content.person_id, use)
                if not any(_is_written_knowing(each, event) for each in grants.get(key, ())):
                    found.setdefault(key, []).append(event)
    return found


ALL_USES: Final[tuple[PersonUse, ...]] = (
    "names_to_state",
    "names_in_public",
    "share_with_mechanisms",
)


def _may_be_ended_unread(
    event: ConsentEvent, logs_before: LogsBefore, unread: Mapping[LogId, int]
) -> bool:
    """Whether something that cannot be read stands after a record, in its log or a later one."""
    return event.index <= unread.get(event.log_id, -1) or any(
        event.log_id in logs_before.get(log_id, ()) for log_id in unread
    )


def _ends(withdrawal: ConsentEvent, person_id: str, use: PersonUse) -> bool:
    content = withdrawal.content
    return (
        isinstance(content, ConsentWithdrawn)
        and content.person_id == person_id
        and use in (content.uses or ALL_USES)
    )


def _is_written_knowing(event: ConsentEvent, earlier: ConsentEvent) -> bool:
    """Whether one was written after the other for certain; two that claim both are neither."""
    if event.log_id == earlier.log_id:
        return event.index > earlier.index
    return (
        event.known.get(earlier.log_id, -1) >= earlier.index
        and earlier.known.get(event.log_id, -1) < event.index
    )
