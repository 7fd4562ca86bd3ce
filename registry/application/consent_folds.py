"""What is known of the persons of a case, folded from its contents: consents, and their names.

Persons are read from the JSON itself first, quickly: of thousands of events few name anybody.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from registry.application.knowledge import Place, what_authors_knew
from registry.application.named_persons import matters
from registry.domain.consent import (
    NONE_UNREAD,
    ConsentEvent,
    Consents,
    ends_a_use,
    fold_consents,
)
from registry.domain.content import ActContent, ConsentRecorded, ConsentWithdrawn
from registry.domain.identifiers import NO_LOGS_BEFORE, LogId, LogsBefore, MemberId
from registry.domain.release import KnownPersons
from registry.domain.vocabulary import EventKind
from registry.log.entry import Header
from registry.log.roster import Roster
from registry.store.audiences import audience_of
from registry.store.entry_reader import EntryReader
from registry.store.values import HeldPart, LogState, StoredEntry
from registry.views.events_read import not_void, read_content


class NamingEvent(NamedTuple):
    """An event whose content, held here, names persons."""

    log_id: LogId
    index: int  # type: ignore[assignment] # the field, not tuple.index
    header: Header
    person_ids: frozenset[str]


@dataclass(frozen=True, slots=True)
class CaseConsents:
    """What this node knows of the persons of a case."""

    known: KnownPersons
    naming: tuple[NamingEvent, ...]
    events: tuple[ConsentEvent, ...]
    logs_before: LogsBefore = field(default_factory=lambda: NO_LOGS_BEFORE)
    unread: Mapping[LogId, int] = field(default_factory=lambda: NONE_UNREAD)

    def with_record(
        self, log_id: LogId, content: ActContent, seen: Callable[[], Mapping[LogId, int]]
    ) -> KnownPersons:
        """What is known once `content` is recorded as the newest event of a log.

        Args:
            log_id: the log.
            content: what is about to be recorded in it.
            seen: gives the newest event of each log that its author holds.
        """
        is_consent = isinstance(content, ConsentRecorded | ConsentWithdrawn)
        if not content.persons and not is_consent:
            return self.known
        names = _merged(self.known.names, content)
        if not isinstance(content, ConsentRecorded | ConsentWithdrawn):
            return KnownPersons(self.known.consents, names)
        newest = ConsentEvent(log_id, 2**63, content, seen())
        return KnownPersons(self.fold((*self.events, newest)), names)

    def fold(self, events: Iterable[ConsentEvent]) -> Consents:
        """Folds other events than those of the case, by what else is known here."""
        return fold_consents(events, self.logs_before, self.unread)


_MAY_END_A_USE: Final = frozenset(
    {EventKind.SEALED, EventKind.CONSENT_RECORDED, EventKind.CONSENT_WITHDRAWN}
)
NO_CONSENTS: Final = CaseConsents(KnownPersons(Consents(), {}), (), ())
"""Of a case that is being opened, and of the situation of a State, which holds public records."""


def holders_of(
    naming: Iterable[NamingEvent], store: EntryReader, roster: Roster
) -> frozenset[MemberId]:
    """Ids of the members that may hold what some events say."""
    found: set[MemberId] = set()
    for event in naming:
        audience = audience_of(store, event.header)
        everyone = (member.id for member in roster.members)
        found.update(everyone if audience.is_all else audience.member_ids)
    return frozenset(found)


def fold_case(
    held: Sequence[StoredEntry],
    states: Mapping[LogId, LogState],
    headers: Mapping[Place, Header],
    parts: Iterable[HeldPart],
    logs_before: LogsBefore = NO_LOGS_BEFORE,
    read: Callable[[HeldPart], ActContent | None] = read_content,
) -> CaseConsents:
    """Folds what names persons in a case, or speaks of consents.

    Args:
        held: all entries of the case, void ones included.
        states: how much of each log counts.
        headers: of the entries.
        parts: their typed contents, as far as they are held.
        logs_before: which logs one member wrote, see `Roster.logs_before`.
        read: reads one, or gives what was read of it.
    """
    contents: list[tuple[Place, ActContent]] = []
    understood: set[Place] = set()
    for part in parts:
        place = (part.log_id, part.index)
        if not matters(part.media_type, part.content):
            understood.add(place)
        elif (found := read(part)) is not None:
            understood.add(place)
            contents.append((place, found))
    if not contents:
        return NO_CONSENTS
    counted = not_void(held, states)
    valid = {(e.log_id, e.index) for e in counted}
    speaks_of_consent = any(isinstance(c, ConsentRecorded | ConsentWithdrawn) for _, c in contents)
    known = what_authors_knew(counted, headers) if speaks_of_consent else {}
    events: list[ConsentEvent] = []
    naming: list[NamingEvent] = []
    names: Mapping[str, tuple[str, ...]] = {}
    for place, content in contents:
        # A withdrawal, or a no, counts wherever it stands; a void grant does not.
        if isinstance(content, ConsentRecorded | ConsentWithdrawn) and (
            ends_a_use(content) or place in valid
        ):
            events.append(ConsentEvent(*place, content, known.get(place, {})))
        if content.persons:
            ids = frozenset(person.person_id for person in content.persons)
            naming.append(NamingEvent(*place, headers[place], ids))
            names = _merged(names, content)
    unread = _unread(headers, understood, logs_before)
    persons = KnownPersons(fold_consents(events, logs_before, unread), names)
    return CaseConsents(persons, tuple(naming), tuple(events), logs_before, unread)


def _unread(
    headers: Mapping[Place, Header], understood: Collection[Place], logs_before: LogsBefore
) -> dict[LogId, int]:
    """The last event of each former log that may end a consent and whose content is not here."""
    former = {log_id for before in logs_before.values() for log_id in before}
    found: dict[LogId, int] = {}
    for place, header in headers.items():
        if place[0] in former and place not in understood and header.kind in _MAY_END_A_USE:
            found[place[0]] = max(place[1], found.get(place[0], -1))
    return found


def _merged(
    names: Mapping[str, tuple[str, ...]], content: ActContent
) -> dict[str, tuple[str, ...]]:
    merged = dict(names)
    for person in content.persons:
        known = merged.get(person.person_id, ())
        if person.name not in known:
            merged[person.person_id] = (*known, person.name)
    return merged
