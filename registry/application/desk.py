"""The desk: what a client of this node may know of and do, and who did what.

Every read and write of a case by a client passes here. A case that is restricted to other clients
is answered as one that does not exist: by the same error, found in the same way, before any work is
done for it. Who did an act stands beside its event; what waits for a second person, who may know of
a case and who has read what stand in the office database. None of it leaves the node.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from functools import partial
from typing import Final, NamedTuple, TypeAlias, cast

from registry.application.acts import KEY_NAME, Act, ActSealer
from registry.application.alerts import Alerts
from registry.application.approvals import (
    ERASE,
    PUBLISH,
    Approvals,
    Asking,
    PendingAct,
    write_erasure,
)
from registry.application.clients import read_clients
from registry.application.erasing import EraseCommand, WidenCommand
from registry.application.errands import Errands
from registry.application.kept_matchings import KeptMatchings
from registry.application.lists import Ask, Lists
from registry.application.policy import Policy, read_policy
from registry.application.recording import RecordCommand
from registry.application.registry import Registry
from registry.application.roles import Client
from registry.application.second_person import SecondPerson
from registry.application.stored_content import require_open
from registry.application.widening_preview import WideningPreview, preview_widening
from registry.application.withdrawals import Withdrawals, withdrawals_in
from registry.domain.content import ConsentWithdrawn, SourceIdentity
from registry.domain.identifiers import CaseId
from registry.errors import InvalidRequest, NotFound
from registry.log.control import TARGETS_MAX
from registry.store.office import Office, ReadRow
from registry.store.values import (
    Appended,
    AppendRequest,
    PartsErased,
    PartsStored,
    StoreEvent,
    read_header,
)
from registry.views.case_file import HistoryEntry
from registry.views.rows import ContentRow

_ID_SIZE_BYTES: Final = 16


class Waiting(NamedTuple):
    """Instead of an event: the act that waits for a second person."""

    act_id: str


Outcome: TypeAlias = "Future[Appended | Waiting]"


@dataclass(frozen=True, slots=True)
class Order:
    """What a client asks to record, besides the command.

    Attributes:
        source: who the information came from; kept at this node alone.
        request: gives the request as the caller wrote it; whoever approves reads it again.
        fingerprint: of the caller's certificate.
    """

    source: SourceIdentity | None = None
    request: Callable[[], bytes] = bytes
    fingerprint: str = ""


class Desk:
    """One node's desk; for any thread."""

    def __init__(
        self,
        registry: Registry,
        office: Office,
        policy: Policy,
        *,
        random_bytes: Callable[[int], bytes],
    ) -> None:
        self._registry, self._store = registry, registry.store
        self._office = office
        self.asking_book = office.asking
        self.matchings = KeptMatchings(registry, office.matching)
        self._policy = policy
        self.second_person = SecondPerson(policy, registry.recording, registry.control)
        self._acts = ActSealer(registry.store.database_key(KEY_NAME), random_bytes)
        self._restricted = office.restrictions()
        self._nobodys_case = CaseId(random_bytes(_ID_SIZE_BYTES))
        self.alerts = Alerts(registry, office)
        self.approvals = Approvals(registry, office, self._acts, random_bytes)
        self._withdrawals = Withdrawals(registry, office, self.approvals)
        self._errands = Errands("desk")
        registry.store.add_listener(self._hear)

    def close(self) -> None:
        """Finishes what is being written; the registry is closed after the desk."""
        self._errands.close()
        self._office.close()

    def look_for_missed_withdrawals(self) -> None:
        """Begins to look, beside all else, for withdrawals whose erasures were not proposed yet.

        Call it once content is open.
        """
        missed = iter(self._registry.consents.cases_with_withdrawals())

        def propose_next() -> bool:
            case_id = next(missed, None)
            if case_id is not None:
                self._withdrawals.propose_missed(case_id)
            return case_id is not None

        self._errands.hand_in_pieces(propose_next)

    # --- who may know of a case -----------------------------------------------------------------

    def may_see(self, client: Client, case_id: CaseId) -> bool:
        """Whether a client may know of a case, if it exists."""
        allowed = self._restricted.get(case_id)
        return allowed is None or client.name in allowed

    def hidden_from(self, client: Client) -> frozenset[CaseId]:
        """The cases that a list for this client leaves out."""
        return frozenset(c for c, names in self._restricted.items() if client.name not in names)

    def require_case(self, client: Client, case_id: CaseId) -> None:
        """Refuses a case that does not exist, or that the client may not know of, alike.

        Raises:
            NotFound: one or the other.
        """
        # A hidden case is looked for under an id that nobody has: it takes as long as any other.
        asked = case_id if self.may_see(client, case_id) else self._nobodys_case
        if self._registry.situations.state_of(asked) is None and not self._store.has_case(asked):
            msg = f"no case {case_id.hex()} is known here; open one first, or wait until it arrives"
            raise NotFound(msg)

    def require_event(self, client: Client, origin: str, index: int) -> CaseId:
        """Returns the case of an event; refuses one that is not here or hidden, alike.

        Args:
            client: who asks.
            origin: the log; empty = the own log.
            index: the event's place.

        Raises:
            NotFound: one or the other, or no such log.
        """
        member, state = self._registry.log(origin)
        if 0 <= index < state.size:
            (entry,) = self._store.entries(member.log_id, index, index + 1)
            case_id = read_header(entry).case_id
            if self.may_see(client, case_id):
                return case_id
        msg = f"{member.origin} has no event {index} here"
        raise NotFound(msg)

    def lists_for(self, client: Client, ask: Ask, method: str) -> tuple[Lists, Ask]:
        """The lists as far as a client may know of the cases; what they show `method` is noted.

        Raises:
            TryLater: content is closed.
        """
        require_open(self._store)
        lists = self._registry.lists.noted_by(partial(self.note_rows, client, method))
        return lists, replace(ask, hidden=self.hidden_from(client))

    def restrict(self, case_id: CaseId, names: Sequence[str]) -> None:
        """Limits a case to named clients; none = the limit is lifted.

        Raises:
            NotFound: no such case is here.
            InvalidRequest: no such client, or the case is the situation of a State.
        """
        if self._registry.situations.state_of(case_id) is not None:
            msg = "the situation of a State is public record: it cannot be limited to some clients"
            raise InvalidRequest(msg)
        if not self._store.has_case(case_id):
            msg = f"no case {case_id.hex()} is known here"
            raise NotFound(msg)
        known = {client.name for client in read_clients(self._registry.folder).values()}
        for name in names:
            if name not in known:
                msg = f"no client named {name[:80]} is listed here"
                raise InvalidRequest(msg)
        self._office.restrict(case_id, sorted(set(names)))
        self._restricted = self._office.restrictions()

    # --- acts -----------------------------------------------------------------------------------

    def record(self, client: Client, command: RecordCommand, order: Order | None = None) -> Outcome:
        """Records an event, or keeps it until a second person has approved.

        Raises:
            NotFound: no such case is here, or not for this client.
            RequestError, Overloaded: see `Registry.record`.
        """
        if command.case_id is not None:
            self.require_case(client, command.case_id)
        order = order or Order()
        prepared = self._registry.recording.prepare(command)
        if self.approvals.is_waiting(prepared) or self.second_person.is_needed(command):
            asking = Asking(client.name, order.fingerprint, PUBLISH, order.request())
            return self._ask(asking, prepared)
        appended = self._append(client, prepared, order.source)
        if isinstance(command.content, ConsentWithdrawn) and command.case_id is not None:
            appended.result()
            self._withdrawals.propose(command.case_id)
        return cast("Outcome", appended)

    def widen(self, client: Client, command: WidenCommand) -> "Future[Appended]":
        """Lets more mechanisms hold the content of an own event.

        Raises:
            NotFound: no such event is here, or not for this client.
            RuleViolation: it would publish an act past the second person.
            RequestError, Overloaded: see `Registry.widen`.
        """
        self.require_event(client, "", command.index)
        prepared = self._registry.control.widen(command)
        if not self._store.has_request(prepared.draft.request_id):
            self.second_person.refuse_widening(command)
        return self._append(client, prepared, None)

    def preview_widening(self, client: Client, command: WidenCommand) -> WideningPreview:
        """Tells what a widening would let leave, and to whom; the read is kept.

        Raises:
            NotFound: no such event is here, or not for this client.
            RuleViolation, TryLater: see `preview_widening`.
        """
        case_id = self.require_event(client, "", command.index)
        registry = self._registry
        found = preview_widening(registry.control, self.second_person, registry.roster, command)
        is_secret = not registry.control.widening(command).before.is_all
        self.note_read(client, "PreviewWidening", case_id, int(is_secret))
        return found

    def carry_out(self, client: Client, prepared: AppendRequest) -> "Future[Appended]":
        """Records an event that was judged already, with a note of who did it."""
        return self._append(client, prepared, None)

    def erase(self, client: Client, command: EraseCommand, fingerprint: str = "") -> Outcome:
        """Erases content of own events, or keeps that until a second person has approved.

        Raises:
            NotFound: no such event is here, or not for this client.
            RequestError, Overloaded: see `Registry.erase`.
        """
        for index in {target.index for target in command.targets[: TARGETS_MAX + 1]}:
            self.require_event(client, command.origin, index)
        prepared = self._registry.control.erase(command)
        if self.approvals.is_waiting(prepared) or self._policy.two_people_to_erase:
            asking = Asking(client.name, fingerprint, ERASE, write_erasure(command))
            return self._ask(asking, prepared)
        return cast("Outcome", self._append(client, prepared, None))

    def pending(self, client: Client, after: int, limit: int) -> tuple[list[PendingAct], int]:
        """Lists acts that wait, oldest first, those after a place only; 0 = that was all.

        Raises:
            TryLater: content is closed.
        """
        require_open(self._store)
        return self.approvals.listed(after, limit, lambda case_id: self.may_see(client, case_id))

    def approve(
        self,
        client: Client,
        act_id: str,
        read_request: Callable[[PendingAct], tuple[RecordCommand, SourceIdentity | None]],
    ) -> Appended:
        """Carries out an act as its second person; see `Approvals.approve`."""
        return self.approvals.approve(
            client, act_id, read_request, lambda case_id: self.may_see(client, case_id)
        )

    def decline(self, client: Client, act_id: str) -> None:
        """Forgets an act that waits; see `Approvals.decline`."""
        self.approvals.decline(client, act_id, lambda case_id: self.may_see(client, case_id))

    # --- who did what, who read what ------------------------------------------------------------

    def act(self, client: Client, index: int) -> tuple[Act, int]:
        """Tells who did an act of the own log, and when it was recorded.

        Raises:
            NotFound: no such event, not for this client, or nothing was kept.
        """
        self.require_event(client, "", index)
        note = self._store.act_note(self._registry.own.log_id, index)
        if note is None:
            msg = f"nothing is kept of who recorded event {index}"
            raise NotFound(msg)
        (entry,) = self._store.entries(self._registry.own.log_id, index, index + 1)
        return self._acts.read_act(note), read_header(entry).time_ms

    def source_of(self, client: Client, index: int) -> SourceIdentity:
        """Tells who the information of an own event came from; the read is kept.

        Raises:
            NotFound: no such event, not for this client, or nothing is kept.
            TryLater: content is closed.
        """
        require_open(self._store)
        case_id = self.require_event(client, "", index)
        note = self._store.act_note(self._registry.own.log_id, index)
        source = None if note is None else self._acts.read_source(note)
        if source is None:
            msg = f"no source is kept of event {index}"
            raise NotFound(msg)
        self.note_read(client, "GetSource", case_id, 1)
        return source

    def note_read(self, client: Client, method: str, case_id: CaseId, events: int) -> None:
        """Like `note_reads`, of one case."""
        self.note_reads(client, method, {case_id: events})

    def note_rows(self, client: Client, method: str, rows: Iterable[ContentRow]) -> None:
        """Like `note_reads`, of rows of a list: counts, case by case, those that show such."""
        self.note_reads(client, method, Counter(r.case_id for r in rows if r.is_confidential))

    def note_reads(self, client: Client, method: str, counts: Mapping[CaseId, int]) -> None:
        """Keeps that a client was shown content that is not for every member; before it is.

        `counts` tells of each case how many events, or rows of a list, show such; 0 = not kept.
        """
        shown = {case_id: count for case_id, count in counts.items() if count}
        if shown:
            self._office.add_reads(self._registry.clock_ms(), client.name, method, shown)

    def reads(
        self, client: Client, before: int | None, limit: int, case_id: CaseId | None
    ) -> list[ReadRow]:
        """Lists reads of cases that a client may know of, newest first, before a number only."""
        found: list[ReadRow] = []
        while len(found) < limit and (rows := self._office.reads_before(before, limit, case_id)):
            found += [row for row in rows if self.may_see(client, row.case_id)]
            before = rows[-1].read_no
        return found[:limit]

    # --- inside ---------------------------------------------------------------------------------

    def _append(
        self, client: Client, prepared: AppendRequest, source: SourceIdentity | None
    ) -> "Future[Appended]":
        note = self._acts.seal(Act(client.name, self._registry.clock_ms()), source)
        return self._store.append_now(prepared._replace(note=note))

    def _ask(self, asking: Asking, prepared: AppendRequest) -> Outcome:
        act_id = self.approvals.ask(asking, prepared)
        if act_id is None:
            # Carried out already: the log answers, or refuses a request id used twice.
            return cast("Outcome", self._store.append_now(prepared))
        answer: Future[Appended | Waiting] = Future()
        answer.set_result(Waiting(act_id))
        return answer

    def _hear(self, event: StoreEvent) -> None:
        if isinstance(event, PartsErased):
            self._errands.hand(self.approvals.drop_overtaken)
            self._errands.hand(self.matchings.forget)
        elif isinstance(event, PartsStored):
            for index in withdrawals_in(event):
                self._errands.hand(partial(self._withdrawals.propose_at, event.log_id, index))


def confidential_count(events: Iterable[HistoryEntry]) -> int:
    """Counts events whose content is shown and is not for every member."""
    return sum(event.is_confidential for event in events)


def open_desk(registry: Registry, *, random_bytes: Callable[[int], bytes]) -> Desk:
    """Opens the desk of an open registry; close it before the registry.

    Raises:
        StorageError: the office database or the policy is damaged.
    """
    office = Office(registry.folder.office_database, registry.store.database_key("office"))
    try:
        office.begin_log(registry.own.log_id)
        return Desk(registry, office, read_policy(registry.folder), random_bytes=random_bytes)
    except BaseException:
        office.close()
        raise
