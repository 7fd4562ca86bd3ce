"""Intents for those who work with this node: declared to chosen mechanisms, answered, withdrawn.

An intent goes to the mechanisms that are named and to nobody else. An answer goes to those that may
hold the intent, or to fewer of them, the one that declared it always among them; a withdrawal goes
to all of them. Only an intent that can be read here is answered. Which live intents meet, and which
have lapsed, is said for the day on which the list is read.
"""

from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import date
from typing import Final, Literal, NamedTuple, TypeAlias, cast

from registry.application.desk import Desk
from registry.application.lists import Ask, Listed, Lists
from registry.application.recording import RecordCommand
from registry.application.registry import Registry
from registry.application.roles import Client
from registry.application.stored_content import require_open
from registry.domain.audience import EVERYONE, AudienceChoice, named
from registry.domain.content import IntentAnswered, IntentDeclared, IntentWithdrawn
from registry.domain.content.act import EventPointer
from registry.domain.embargo import is_embargoed
from registry.domain.identifiers import CaseId
from registry.domain.intents import LIVE, Window, do_meet, state_on
from registry.errors import InvalidRequest, NotFound, RuleViolation
from registry.log.entry import Audience
from registry.log.roster import Member
from registry.store.audiences import audience_of
from registry.store.values import Appended, read_header
from registry.views.acting_rows import IntentRow
from registry.views.case_file import read_content
from registry.views.events_read import first_parts

Standing: TypeAlias = Literal["any", "live", "lapsed"]
_COMPARED_MAX: Final = 500
"""So many live intents of one State or case are compared with one of it."""
CLASHES_MAX: Final = 50
"""So many are shown beside one intent; the rest is counted."""


@dataclass(frozen=True, slots=True)
class IntentCommand:
    """Who asks for a record of an intent, and as which request.

    Attributes:
        request_id: chosen by the caller, 1 to 200 characters.
        client: whoever asks.
        mechanisms: slugs of those that are to know.
        confirmed_person_ids: see `RecordCommand`.
    """

    request_id: str
    client: Client
    mechanisms: tuple[str, ...] = ()
    confirmed_person_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Clash:
    """A live intent of another mechanism that meets one in time, on the same State or case.

    Attributes:
        row: the other intent.
        states: alpha-3 of the States of both.
        is_same_case: whether both are of one case.
        start, end: the days that both windows have in common, ISO 8601, both included.
    """

    row: IntentRow
    states: tuple[str, ...]
    is_same_case: bool
    start: str
    end: str


@dataclass(frozen=True, slots=True)
class ListedIntent:
    """An intent, how it stands today, and what meets it; `left_out` more clashes are not shown."""

    row: IntentRow
    state: str
    clashes: tuple[Clash, ...] = ()
    left_out: int = 0


class _Held(NamedTuple):
    """A readable intent: whose, of which case, and who may hold it."""

    declared_by: Member
    case_id: CaseId
    audience: Audience


class IntentDesk:
    """Lets a client declare, answer, withdraw and list intents in cases that it may know of."""

    def __init__(self, registry: Registry, desk: Desk) -> None:
        self._registry = registry
        self._desk = desk

    def declare(
        self, command: IntentCommand, case_id: CaseId, content: IntentDeclared
    ) -> "Future[Appended]":
        """Records an intent for the mechanisms that are named.

        Raises:
            InvalidRequest: no other mechanism is named.
            NotFound: the case or a mechanism is not known here, or not to this client.
            RequestError, Overloaded: see `Registry.record`.
        """
        if not set(command.mechanisms) - {self._registry.own.slug}:
            msg = "mechanisms: an intent is declared to others: name at least one"
            raise InvalidRequest(msg)
        return self._record(command, case_id, content, named(*command.mechanisms))

    def answer(
        self, command: IntentCommand, origin: str, index: int, content: IntentAnswered
    ) -> "Future[Appended]":
        """Records an answer to another mechanism's intent, for all that may hold it, or for fewer.

        Raises:
            NotFound: no such intent can be read here, or not by this client.
            RuleViolation: rule `answer_stays_in_audience`: a mechanism that is named may not hold
                the intent; or a rule of the kind.
            RequestError, Overloaded: see `Registry.record`.
        """
        intent = self._intent(command.client, origin, index)
        choice = self._choice(intent, command.mechanisms)
        about = EventPointer(origin=intent.declared_by.origin, index=index)
        told = content.model_copy(update={"about": about})
        return self._record(command, intent.case_id, told, choice)

    def withdraw(
        self, command: IntentCommand, origin: str, index: int, content: IntentWithdrawn
    ) -> "Future[Appended]":
        """Records that an own intent is withdrawn, for all that may hold it; raises as `answer`."""
        intent = self._intent(command.client, origin, index)
        choice = EVERYONE if intent.audience.is_all else named(*self._holders(intent.audience))
        about = EventPointer(origin=intent.declared_by.origin, index=index)
        told = content.model_copy(update={"about": about})
        return self._record(command, intent.case_id, told, choice)

    def listed(
        self, client: Client, ask: Ask, today: date, standing: Standing = "any"
    ) -> Listed[ListedIntent]:
        """A page of intents, each as it stands today beside the live ones that it meets.

        Raises:
            InvalidRequest: the page token is not one of this list.
            TryLater: content is closed.
        """
        lists, asked = self._desk.lists_for(client, ask, "ListIntents")
        page = _page(lists, asked, today, standing)
        near = _Near(self._registry.lists, asked, today)
        found = tuple(near.beside(row) for row in page.rows)
        shown = [clash.row for each in found for clash in each.clashes]
        self._desk.note_rows(client, "ListIntents", shown)
        return Listed(found, page.next_token)

    def _record(
        self,
        command: IntentCommand,
        case_id: CaseId,
        content: IntentDeclared | IntentAnswered | IntentWithdrawn,
        audience: AudienceChoice,
    ) -> "Future[Appended]":
        asked = RecordCommand(
            request_id=command.request_id,
            scope=command.client.name,
            case_id=case_id,
            content=content,
            audience=audience,
            confirmed_person_ids=command.confirmed_person_ids,
        )
        # No kind of these publishes anything, so that none waits for a second person.
        return cast("Future[Appended]", self._desk.record(command.client, asked))

    def _intent(self, client: Client, origin: str, index: int) -> _Held:
        store = self._registry.store
        require_open(store)
        case_id = self._desk.require_event(client, origin, index)
        member, _ = self._registry.log(origin)
        (entry,) = store.entries(member.log_id, index, index + 1)
        header = read_header(entry)
        place = (member.log_id, index)
        until_ms = header.parts[0].not_before_ms if header.parts else 0
        is_own = member.log_id == self._registry.own.log_id
        is_sealed = not is_own and is_embargoed(until_ms, now_ms=self._registry.clock_ms())
        part = None if is_sealed else first_parts(store, {place: header}).get(place)
        content, _, _ = read_content(header, part, self._registry.own.id)
        if not isinstance(content, IntentDeclared):
            msg = f"{member.origin} has no intent {index} that can be read here"
            raise NotFound(msg)
        return _Held(member, case_id, audience_of(store, header))

    def _choice(self, intent: _Held, wanted: Sequence[str]) -> AudienceChoice:
        """Who an answer is for; if nobody is named and the intent is for all, who declared it."""
        declared_by = intent.declared_by.slug
        holders = self._holders(intent.audience)
        outside = sorted(set(wanted) - set(holders))
        if outside:
            msg = (
                f"mechanisms: {', '.join(outside)} may not hold the intent, "
                "and would learn of it from the answer"
            )
            raise RuleViolation(msg, field="mechanisms", rule="answer_stays_in_audience")
        chosen = wanted or (() if intent.audience.is_all else holders)
        return named(*dict.fromkeys((declared_by, *chosen)))

    def _holders(self, audience: Audience) -> tuple[str, ...]:
        members = self._registry.roster.members
        return tuple(each.slug for each in members if each.is_active and audience.admits(each.id))


def _page(lists: Lists, ask: Ask, today: date, standing: Standing) -> Listed[IntentRow]:
    if standing == "live":
        return lists.live_intents(ask, today)
    if standing == "lapsed":
        return lists.lapsed_intents(ask, today)
    return lists.intents(ask)


@dataclass
class _Near:
    """Live intents on a State or in a case, each looked up once for a page; whoever asks for it."""

    lists: Lists
    ask: Ask
    today: date
    known: dict[tuple[str, str], tuple[IntentRow, ...]] = field(default_factory=dict)

    def beside(self, row: IntentRow) -> ListedIntent:
        """An intent as it stands today, with what meets it by the days that both name."""
        state = state_on(row.state, row.lapses, self.today)
        if state not in LIVE or not row.window_end:
            return ListedIntent(row, state)
        on_states = (self._at("state", each) for each in row.states)
        near = [r for rows in (*on_states, self._at("case", row.case_id.hex())) for r in rows]
        others = {(r.origin, r.index): r for r in near if r.mechanism != row.mechanism}
        clashes = [clash for other in others.values() if (clash := _clash(row, other))]
        clashes.sort(key=lambda each: (each.start, each.row.origin, each.row.index))
        left_out = max(len(clashes) - CLASHES_MAX, 0)
        return ListedIntent(row, state, tuple(clashes[:CLASHES_MAX]), left_out)

    def _at(self, name: str, value: str) -> tuple[IntentRow, ...]:
        if (name, value) not in self.known:
            # Only who may know of a case is asked for, not what the list is narrowed down to.
            asked = Ask(_COMPARED_MAX, facets=((name, (value,)),), hidden=self.ask.hidden)
            self.known[name, value] = self.lists.live_intents(asked, self.today).rows
        return self.known[name, value]


def _clash(first: IntentRow, second: IntentRow) -> Clash | None:
    if not second.window_end:
        return None
    windows = [Window(each.window_start, each.window_end) for each in (first, second)]
    if not do_meet(*windows):
        return None
    return Clash(
        row=second,
        states=tuple(state for state in first.states if state in second.states),
        is_same_case=first.case_id == second.case_id,
        start=max(each.start for each in windows),
        end=min(each.end for each in windows),
    )
