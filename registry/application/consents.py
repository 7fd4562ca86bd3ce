"""Consents of cases as this node holds them, and what leaves it that names persons.

`ConsentDesk` folds a case's consent events and asks `registry.domain.release` for every part that
goes to another member, the author's own or a relayed one. What it needs is read from the store, not
from the views: a withdrawal counts before it is acknowledged, however far the projector lags
behind. A fold is kept until content that names persons, or speaks of a consent, is stored or erased
in its case: of thousands of events few do, and a case is not read again for each of the others.

Persons are read from the JSON itself, whatever its kind and version; content in which none can be
looked for, because it is of another media type, goes where its author said, unless the event's
typed content names persons: attachments follow it. Content that speaks of persons and cannot be
read does not leave.
"""

import json
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Final, NamedTuple

from registry.domain.audience import EVERYONE, AudienceChoice
from registry.domain.consent import ConsentEvent, Consents, fold_consents
from registry.domain.content import (
    ActContent,
    ConsentRecorded,
    ConsentWithdrawn,
    decode_content,
    media_type_of,
)
from registry.domain.identifiers import CaseId, Commitment, LogId, MemberId
from registry.domain.release import KnownPersons, uses_of_audience
from registry.errors import InvalidContent, TryLater
from registry.log.entry import Audience, Header
from registry.log.merkle import leaf_hash
from registry.log.roster import Member
from registry.store.audiences import audience_of
from registry.store.values import (
    FreezeStored,
    HeldPart,
    PartsErased,
    PartsStored,
    StoredEntry,
    StoreEvent,
    read_header,
)
from registry.views.case_file import Reader, first_parts, visible_entries
from registry.views.case_list import SituationNames

_CASES_KEPT: Final = 256
_CONSENT_TYPES: Final = frozenset(
    media_type_of(model.kind) for model in (ConsentRecorded, ConsentWithdrawn)
)
_OWN_TYPE: Final = "application/vnd.registry."
_PERSONS: Final = b'"persons"'
_ESCAPE: Final = b"\\u00"
"""A name of a field may be written with escapes: then the bytes do not tell."""
_Place = tuple[LogId, int]


class NamingEvent(NamedTuple):
    """An event whose content, held here, names persons."""

    log_id: LogId
    index: int  # type: ignore[assignment] # the field, not tuple.index
    header: Header
    person_ids: frozenset[str]


class PartPlace(NamedTuple):
    """One part of an own event, as an erasure names it."""

    index: int  # type: ignore[assignment] # the field, not tuple.index
    ordinal: int
    commitment: Commitment


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


class ConsentDesk:
    """Folds consents and decides what may leave; for any thread."""

    def __init__(self, reader: Reader) -> None:
        """Listens to the store from now on."""
        self._store = reader.store
        self._roster = reader.roster
        self._own_id = reader.member_id
        self._lock = Lock()
        self._version = 0
        self._kept: OrderedDict[CaseId, CaseConsents] = OrderedDict()
        self._situations = SituationNames(reader.roster.registry_id)
        self._store.add_listener(self._on_stored)

    def _on_stored(self, event: StoreEvent) -> None:
        """Lets go of the folds that an event may change; called before its writer is answered."""
        match event:
            case PartsStored(log_id, keys, contents):
                matters = [key for key, part in zip(keys, contents, strict=True) if _matters(*part)]
            case PartsErased(log_id, keys):
                matters = list(keys)
            case FreezeStored():
                self._forget(None)
                return
            case _:
                return
        if matters:
            self._forget({self._header(log_id, index).case_id for index, _ in matters})

    def _forget(self, cases: Iterable[CaseId] | None) -> None:
        with self._lock:
            self._version += 1
            for case_id in list(self._kept) if cases is None else cases:
                self._kept.pop(case_id, None)

    def of_case(self, case_id: CaseId) -> CaseConsents:
        """Folds the consents of a case from what is stored now.

        Raises:
            TryLater: content is closed, so that what it would say cannot be read.
        """
        if self._situations.state_of(case_id) is not None:
            return NO_CONSENTS
        if self._store.content_is_closed:
            msg = "content is closed until the logs have caught up; try again in a moment"
            raise TryLater(msg)
        with self._lock:
            version = self._version
            kept = self._kept.get(case_id)
            if kept is not None:
                self._kept.move_to_end(case_id)
                return kept
        folded = self._read(case_id)
        with self._lock:
            # What was read before such an event is not kept after it.
            if version == self._version:
                self._kept[case_id] = folded
                while len(self._kept) > _CASES_KEPT:
                    self._kept.popitem(last=False)
        return folded

    def sendable(self, parts: Sequence[HeldPart], member: Member) -> list[HeldPart]:
        """Returns those of the parts that may go to a member, in their order."""
        cases: dict[CaseId, CaseConsents] = {}
        heads: dict[_Place, HeldPart | None] = {}
        return [
            part
            for part in parts
            # Thousands a second pass here, and nearly all of them name nobody.
            if (part.ordinal == 0 and not _may_name(part.content))
            or self._may_leave(part, member, cases, heads)
        ]

    def may_send(self, key: tuple[LogId, int, int], member: Member) -> bool:
        """Whether one part may go to a member, for parts that are sent in pieces."""
        log_id, index, ordinal = key
        part = HeldPart(log_id, index, ordinal, b"", "", b"")
        if ordinal == 0:
            held = self._store.part(log_id, index, 0)
            if held is None:
                return False
            part = held
        return self._may_leave(part, member, {}, {})

    def _may_leave(
        self,
        part: HeldPart,
        member: Member,
        cases: dict[CaseId, CaseConsents],
        heads: dict[_Place, HeldPart | None],
    ) -> bool:
        head: HeldPart | None = part
        if part.ordinal:
            place = (part.log_id, part.index)
            if place not in heads:
                heads[place] = self._store.part(part.log_id, part.index, 0)
            head = heads[place]
        if head is None:
            return False
        persons = persons_in(head.media_type, head.content)
        if head.is_large and head.media_type.startswith(_OWN_TYPE) and not head.ordinal:
            persons = None  # typed content that is too long to be looked through
        if persons is not None and not persons:
            return True
        author = self._roster.member_by_log(part.log_id)
        if persons is None or author.id == member.id:
            return persons is not None
        header = self._header(part.log_id, part.index)
        case_id = header.case_id
        if case_id not in cases:
            cases[case_id] = self.of_case(case_id)
        choice = self._choice_of(audience_of(self._store, header), to=member)
        return not any(
            cases[case_id].known.consents.why_not(person, use.use, part.log_id, use.mechanisms)
            for person in persons
            for use in uses_of_audience(choice, author.slug)
        )

    def _choice_of(self, audience: Audience, *, to: Member) -> AudienceChoice:
        """What sending to a member means: everyone, or that member by name."""
        return EVERYONE if audience.is_all else AudienceChoice("named", (to.slug,))

    def withdrawal_audience(self, case_id: CaseId, person_id: str) -> frozenset[MemberId]:
        """Ids of the members that may hold content known here that names a person."""
        everyone = {member.id for member in self._roster.members}
        found: set[MemberId] = set()
        for event in self.of_case(case_id).naming:
            if person_id in event.person_ids:
                audience = audience_of(self._store, event.header)
                found |= everyone if audience.is_all else set(audience.member_ids)
        return frozenset(found)

    def parts_to_erase(
        self, case_id: CaseId, withdrawal: ConsentWithdrawn
    ) -> tuple[PartPlace, ...]:
        """The parts of the own log that name a person who asked for their erasure, if it did."""
        own = self._roster.member_by_id(self._own_id).log_id
        case = self.of_case(case_id)
        asked = any(
            isinstance(event.content, ConsentRecorded)
            and event.log_id == own
            and event.content.erase_on_withdrawal
            and event.content.persons[0].person_id == withdrawal.person_id
            and (not withdrawal.uses or event.content.use in withdrawal.uses)
            for event in case.events
        )
        if not asked:
            return ()
        return tuple(
            PartPlace(event.index, ordinal, part.commitment)
            for event in case.naming
            if event.log_id == own and withdrawal.person_id in event.person_ids
            for ordinal, part in enumerate(event.header.parts)
        )

    def _header(self, log_id: LogId, index: int) -> Header:
        (entry,) = self._store.entries(log_id, index, index + 1)
        return read_header(entry)

    def _read(self, case_id: CaseId) -> CaseConsents:
        states = {state.log_id: state for state in self._store.log_states()}
        held = self._store.case_entries(case_id)
        headers = {(e.log_id, e.index): read_header(e.entry) for e in held}
        parts = first_parts(self._store, headers)
        valid = {(e.log_id, e.index) for e in visible_entries(self._store, states, case_id)}
        known = _what_authors_knew([e for e in held if (e.log_id, e.index) in valid], headers)
        events: list[ConsentEvent] = []
        naming: list[NamingEvent] = []
        names: Mapping[str, tuple[str, ...]] = {}
        for place, part in parts.items():
            content = _readable(part) if _matters(part.media_type, part.content) else None
            if content is None:
                continue
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


def persons_in(media_type: str, content: bytes) -> frozenset[str] | None:
    """Reads the ids of the persons that typed content names, whatever its kind and version.

    Returns:
        The ids; None if it speaks of persons and cannot be read.
    """
    if not _may_name(content):
        return frozenset()
    if not media_type.startswith(_OWN_TYPE):
        return frozenset()
    try:
        fields = json.loads(content)
        return frozenset(str(person["person_id"]) for person in fields.get("persons", ()))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None


def _matters(media_type: str, content: bytes) -> bool:
    """Whether content may change what is known of consents and names in its case."""
    return _may_name(content) or media_type in _CONSENT_TYPES


def _may_name(content: bytes) -> bool:
    # One byte is looked for quicker than four.
    return _PERSONS in content or (b"\\" in content and _ESCAPE in content)


def _readable(part: HeldPart) -> ActContent | None:
    try:
        return decode_content(part.media_type, part.content)
    except InvalidContent:
        return None


def _merged(
    names: Mapping[str, tuple[str, ...]], content: ActContent
) -> dict[str, tuple[str, ...]]:
    merged = dict(names)
    for person in content.persons:
        known = merged.get(person.person_id, ())
        if person.name not in known:
            merged[person.person_id] = (*known, person.name)
    return merged


def _what_authors_knew(
    entries: Iterable[StoredEntry], headers: Mapping[_Place, Header]
) -> dict[_Place, dict[LogId, int]]:
    """For each event the largest index of each log in its past, by its own log and by its refs.

    A ref counts only if it names the bytes that are held. Walked with a stack of its own: a hostile
    author can make pasts as deep as its log.
    """
    by_place = {(e.log_id, e.index): e for e in entries}
    before: dict[_Place, tuple[_Place, ...]] = {}
    previous: dict[LogId, _Place] = {}
    for place in sorted(by_place):
        refs = [
            (ref.log_id, ref.index)
            for ref in headers[place].refs
            if (target := by_place.get((ref.log_id, ref.index))) is not None
            and leaf_hash(target.entry) == ref.leaf_hash
        ]
        earlier = previous.get(place[0])
        before[place] = (*refs, *([earlier] if earlier is not None else []))
        previous[place[0]] = place
    return _reach(before)


def _reach(before: Mapping[_Place, tuple[_Place, ...]]) -> dict[_Place, dict[LogId, int]]:
    """Joins what predecessors knew, until nothing is learnt any more; cycles end too."""
    known: dict[_Place, dict[LogId, int]] = {place: {} for place in before}
    followers: dict[_Place, list[_Place]] = {}
    for place, earlier in before.items():
        for each in earlier:
            followers.setdefault(each, []).append(place)
    waiting = OrderedDict.fromkeys(before)
    while waiting:
        place = waiting.popitem(last=False)[0]
        learnt = dict(known[place])
        learnt[place[0]] = max(learnt.get(place[0], -1), place[1])
        for follower in followers.get(place, ()):
            theirs = known[follower]
            newer = {log_id: i for log_id, i in learnt.items() if i > theirs.get(log_id, -1)}
            if newer:
                theirs.update(newer)
                waiting[follower] = None
    return known
