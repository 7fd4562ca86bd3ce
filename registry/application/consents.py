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

from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from threading import Lock
from typing import Final, NamedTuple

from registry.application.consent_folds import (
    NO_CONSENTS,
    CaseConsents,
    fold_case,
    holders_of,
)
from registry.application.knowledge import Place
from registry.application.named_persons import (
    OWN_TYPE,
    WITHDRAWAL_TYPE,
    may_name,
    persons_in,
    read_consent,
    which_matter,
)
from registry.application.stored_content import require_open
from registry.domain.audience import EVERYONE, AudienceChoice
from registry.domain.consent import ends_a_use
from registry.domain.content import ConsentRecorded, ConsentWithdrawn
from registry.domain.identifiers import CaseId, Commitment, LogId, MemberId
from registry.domain.protected_names import find_names, texts_of
from registry.domain.release import uses_of_audience
from registry.log.entry import Audience, Header
from registry.log.roster import Member
from registry.store.audiences import audience_of
from registry.store.values import (
    FreezeStored,
    HeldPart,
    LogState,
    PartsErased,
    PartsStored,
    StoredEntry,
    StoreEvent,
    read_header,
)
from registry.views.case_file import Reader
from registry.views.case_list import SituationNames
from registry.views.events_read import EventsRead, read_content

_CASES_KEPT: Final = 256
_PARTS_AT_ONCE: Final = 64
_SHARING: Final = frozenset({"names_in_public", "share_with_mechanisms"})
"""The uses by which a name reaches another mechanism."""


class _NotShown(Exception):
    """An entry is here and not shown, while it is open which history of its log counts."""


class PartPlace(NamedTuple):
    """One part of an event of the own log, or of a former one, as an erasure names it."""

    log_id: LogId
    index: int  # type: ignore[assignment] # the field, not tuple.index
    ordinal: int
    commitment: Commitment


class ConsentsAsRead(NamedTuple):
    """What was stored when reading began: a version of all consents, and how long the logs were."""

    version: int
    states: Mapping[LogId, LogState]


class ConsentDesk:
    """Folds consents and decides what may leave; for any thread."""

    def __init__(self, reader: Reader) -> None:
        """Listens to the store from now on."""
        self._store = reader.store
        self._roster = reader.roster
        self._logs_before = reader.roster.logs_before()
        self._own_id = reader.member_id
        self._lock = Lock()
        self._version = 0
        self._kept: OrderedDict[CaseId, CaseConsents] = OrderedDict()
        self._situations = SituationNames(*reader.roster.registry_ids())
        self._withdrawn: set[CaseId] = set()
        self._missed: list[StoreEvent] = []
        self._store.add_listener(self._on_stored)

    def learn_withdrawals(self, cases: Iterable[CaseId]) -> None:
        """Takes cases in which a consent was withdrawn before this was made.

        What was written there with a consent that is gone leaves no more, nor names in its text.
        """
        self._withdrawn.update(cases)

    def cases_with_withdrawals(self) -> frozenset[CaseId]:
        """The cases in which a consent was withdrawn, as far as this node holds it.

        Raises:
            TryLater, DamagedLog: what was stored last cannot be read now.
        """
        self._learn_missed()
        return frozenset(self._withdrawn)

    def has_withdrawal(self, case_id: CaseId) -> bool:
        """Whether a case is among `cases_with_withdrawals`."""
        self._learn_missed()
        return case_id in self._withdrawn

    def _on_stored(self, event: StoreEvent) -> None:
        """Lets go of the folds that an event may change; called before its writer is answered."""
        try:
            self._take(event)
        except BaseException:
            # Which cases it changes could not be read: until it can, no fold and no name counts.
            self._missed.append(event)
            self._forget(None)
            raise

    def _learn_missed(self) -> None:
        """Takes what could not be read when it was stored; nothing leaves until it can be."""
        for event in tuple(self._missed):
            # Of a log of which nothing is shown now, nothing leaves and nothing is folded either.
            with suppress(_NotShown):
                self._take(event)
                with suppress(ValueError):  # somebody else took it
                    self._missed.remove(event)

    def _take(self, event: StoreEvent) -> None:
        match event:
            case PartsStored(log_id, keys, contents):
                changed = [keys[place] for place in which_matter(contents)]
            case PartsErased(log_id, keys):
                changed = list(keys)
            case FreezeStored():
                self._forget(None)
                return
            case _:
                return
        if not changed:
            return
        self._forget({self._header(log_id, index).case_id for index, _ in changed})
        if isinstance(event, PartsStored):
            ended = [
                index
                for (index, ordinal), part in zip(keys, event.contents, strict=True)
                if ordinal == 0 and ends_a_use(read_consent(*part))
            ]
            self.learn_withdrawals(self._header(log_id, index).case_id for index in ended)

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
        require_open(self._store)
        with self._lock:
            version = self._version
            kept = self._kept.get(case_id)
            if kept is not None:
                self._kept.move_to_end(case_id)
                return kept
        folded = self._read(case_id)
        self._keep(case_id, folded, version)
        return folded

    def before_reading(self) -> ConsentsAsRead:
        """To be asked for before a case is read for `keep_read`."""
        version = self._version
        return ConsentsAsRead(version, {state.log_id: state for state in self._store.log_states()})

    def keep_read(
        self,
        case_id: CaseId,
        held: Sequence[StoredEntry],
        read: EventsRead,
        as_read: ConsentsAsRead,
    ) -> None:
        """Folds the consents of a case from what was read of it already, for `of_case`.

        Args:
            case_id: the case.
            held: all its entries.
            read: what was read of them.
            as_read: from before they were read; nothing is kept if something has come since that
                may change what is known of consents.
        """
        places = [(each.log_id, each.index) for each in held]
        parts = [part for place in places if (part := read.parts.get(place)) is not None]
        folded = fold_case(
            held,
            as_read.states,
            read.headers,
            parts,
            self._logs_before,
            lambda part: read.contents[part.log_id, part.index],
        )
        self._keep(case_id, folded, as_read.version)

    def _keep(self, case_id: CaseId, folded: CaseConsents, version: int) -> None:
        with self._lock:
            # What was read before such an event is not kept after it.
            if version == self._version:
                self._kept[case_id] = folded
                while len(self._kept) > _CASES_KEPT:
                    self._kept.popitem(last=False)

    def sendable(
        self, parts: Sequence[HeldPart], member: Member, cases: Mapping[Place, CaseId]
    ) -> list[HeldPart]:
        """Returns those of the parts that may go to a member, in their order.

        Args:
            parts: what is asked for.
            member: who asks.
            cases: the case of each of their events.

        Raises:
            TryLater, DamagedLog: what was stored last cannot be read now.
        """
        known: dict[CaseId, CaseConsents] = {}
        heads: dict[Place, HeldPart | None] = {}
        self._learn_missed()
        withdrawn = self._withdrawn
        return [
            part
            for part in parts
            # Thousands a second pass here, and nearly all of them name nobody.
            if (
                part.ordinal == 0
                and not may_name(part.content)
                and (not withdrawn or cases[part.log_id, part.index] not in withdrawn)
            )
            or self._may_leave(part, member, known, heads)
        ]

    def may_send(self, key: tuple[LogId, int, int], member: Member) -> bool:
        """Whether one part may go to a member, for parts that are sent in pieces."""
        self._learn_missed()
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
        heads: dict[Place, HeldPart | None],
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
        if head.is_large and head.media_type.startswith(OWN_TYPE) and not head.ordinal:
            persons = None  # typed content that is too long to be looked through
        author = self._roster.member_by_log(part.log_id)
        if persons is None or author.id == member.id:
            return persons is not None
        header = self._header(part.log_id, part.index)
        case_id = header.case_id
        if not persons and case_id not in self._withdrawn:
            return True
        if case_id not in cases:
            cases[case_id] = self.of_case(case_id)
        choice = self._choice_of(audience_of(self._store, header), to=member)
        uses = uses_of_audience(choice, author.slug)
        return not any(
            cases[case_id].known.consents.why_not(person, use.use, part.log_id, use.mechanisms)
            for person in persons | self._withdrawn_in_text(head, cases[case_id])
            for use in uses
        )

    def _withdrawn_in_text(self, head: HeldPart, case: CaseConsents) -> frozenset[str]:
        """Who, of those that withdrew a consent, is named in the text of an event.

        A withdrawal itself goes to those who hold the names, whatever its words: without it they
        would use the name on. That it names nobody is judged when it is recorded.
        """
        withdrew = {
            event.content.person_id
            if isinstance(event.content, ConsentWithdrawn)
            else event.content.persons[0].person_id
            for event in case.events
            if ends_a_use(event.content)
        }
        if not withdrew or head.media_type == WITHDRAWAL_TYPE:
            return frozenset()
        content = read_content(head)
        texts = [head.content.decode(errors="replace")] if content is None else texts_of(content)
        known = case.known.names
        return find_names(texts, {person: known[person] for person in withdrew & known.keys()})

    def _choice_of(self, audience: Audience, *, to: Member) -> AudienceChoice:
        """What sending to a member means: everyone, or that member by name."""
        return EVERYONE if audience.is_all else AudienceChoice("named", (to.slug,))

    def is_withdrawn(self, case_id: CaseId, person_id: str, origin: str) -> bool:
        """Whether a name that a log gives is used no more: its person has withdrawn its sharing.

        What the own log holds was shared with nobody by its being read here.

        Raises:
            TryLater: content is closed.
        """
        if origin == self._roster.member_by_id(self._own_id).origin:
            return False
        return any(
            isinstance(event.content, ConsentWithdrawn)
            and event.content.person_id == person_id
            and (not event.content.uses or _SHARING & set(event.content.uses))
            for event in self.of_case(case_id).events
        )

    def withdrawal_audience(self, case_id: CaseId, person_id: str) -> frozenset[MemberId]:
        """Ids of the members that may hold content known here that names a person."""
        named = (e for e in self.of_case(case_id).naming if person_id in e.person_ids)
        return holders_of(named, self._store, self._roster)

    def parts_to_erase(
        self, case_id: CaseId, withdrawal: ConsentWithdrawn
    ) -> tuple[PartPlace, ...]:
        """The parts of own logs that name a person who asked for their erasure, if it did.

        Of the own log, and of those that this mechanism wrote before it.
        """
        own = self._roster.member_by_id(self._own_id).log_id
        logs = {own, *self._logs_before.get(own, ())}
        case = self.of_case(case_id)
        asked = any(
            isinstance(event.content, ConsentRecorded)
            and event.log_id in logs
            and event.content.erase_on_withdrawal
            and event.content.persons[0].person_id == withdrawal.person_id
            and (not withdrawal.uses or event.content.use in withdrawal.uses)
            # Whoever has agreed again since does not ask for it any more.
            and case.known.consents.why_not(
                withdrawal.person_id, event.content.use, own, event.content.mechanisms
            )
            for event in case.events
        )
        if not asked:
            return ()
        return tuple(
            PartPlace(event.log_id, event.index, ordinal, part.commitment)
            for event in case.naming
            if event.log_id in logs and withdrawal.person_id in event.person_ids
            for ordinal, part in enumerate(event.header.parts)
        )

    def _header(self, log_id: LogId, index: int) -> Header:
        found = self._store.entries(log_id, index, index + 1)
        if not found:
            raise _NotShown
        return read_header(found[0])

    def _read(self, case_id: CaseId) -> CaseConsents:
        states = {state.log_id: state for state in self._store.log_states()}
        held = self._store.case_entries(case_id)
        headers = {(e.log_id, e.index): read_header(e.entry) for e in held}
        return fold_case(held, states, headers, self._first_parts(headers), self._logs_before)

    def _first_parts(self, headers: Mapping[Place, Header]) -> Iterator[HeldPart]:
        """Some at a time: a case may hold more content than fits into memory."""
        keys = [(*place, 0) for place, header in headers.items() if header.parts]
        for start in range(0, len(keys), _PARTS_AT_ONCE):
            yield from self._store.parts_of(keys[start : start + _PARTS_AT_ONCE])
