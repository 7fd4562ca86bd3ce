"""What is known of the persons of a case, folded from its contents: consents, and their names.

Persons are read from the JSON itself first, quickly: of thousands of events few name anybody.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from registry.application.knowledge import Place, what_authors_knew
from registry.application.named_persons import matters, read_content
from registry.domain.consent import ConsentEvent, Consents, fold_consents
from registry.domain.content import ActContent, ConsentRecorded, ConsentWithdrawn
from registry.domain.identifiers import LogId
from registry.domain.release import KnownPersons
from registry.log.entry import Header
from registry.store.values import HeldPart, LogState, StoredEntry
from registry.views.events_read import not_void


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
        return KnownPersons(fold_consents((*self.events, newest)), names)


NO_CONSENTS: Final = CaseConsents(KnownPersons(Consents(), {}), (), ())
"""Of a case that is being opened, and of the situation of a State, which holds public records."""


def fold_case(
    held: Sequence[StoredEntry],
    states: Mapping[LogId, LogState],
    headers: Mapping[Place, Header],
    parts: Iterable[HeldPart],
) -> CaseConsents:
    """Folds what names persons in a case, or speaks of consents.

    Args:
        held: all entries of the case, void ones included.
        states: how much of each log counts.
        headers: of the entries.
        parts: their typed contents, as far as they are held.
    """
    contents = [
        ((part.log_id, part.index), content)
        for part in parts
        if matters(part.media_type, part.content) and (content := read_content(part)) is not None
    ]
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
        # A withdrawal counts wherever it stands; a void grant does not.
        if isinstance(content, ConsentWithdrawn) or (
            isinstance(content, ConsentRecorded) and place in valid
        ):
            events.append(ConsentEvent(*place, content, known.get(place, {})))
        if content.persons:
            ids = frozenset(person.person_id for person in content.persons)
            naming.append(NamingEvent(*place, headers[place], ids))
            names = _merged(names, content)
    persons = KnownPersons(fold_consents(events), names)
    return CaseConsents(persons, tuple(naming), tuple(events))


def _merged(
    names: Mapping[str, tuple[str, ...]], content: ActContent
) -> dict[str, tuple[str, ...]]:
    merged = dict(names)
    for person in content.persons:
        known = merged.get(person.person_id, ())
        if person.name not in known:
            merged[person.person_id] = (*known, person.name)
    return merged
