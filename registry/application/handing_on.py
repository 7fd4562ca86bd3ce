"""Withdrawals of others are handed on to those whom this mechanism gave the name.

Whoever withdraws a consent tells all that it knows may hold the names. Whom another mechanism gave
them further it may not know: that mechanism does, and tells them. Its node records that by itself,
as it confirms an erasure (docs/decisions/0040-withdrawals-are-handed-on-by-the-node.md).

What is handed on says which person, which uses, and that another mechanism reported it: not which
one, for those who get it may not be meant to know who works in the case. It goes to nobody else,
neither to whoever withdrew nor to those it told. Who is told once, by whomever, is told no more, so
that nodes that hand on to each other come to an end; a consent given again is not ended by it.
"""

from collections.abc import Collection, Iterator, Sequence
from hashlib import sha256
from typing import Final, TypeAlias

from registry.application.consent_folds import holders_of
from registry.application.recording import RecordCommand
from registry.application.registry import Registry
from registry.domain.audience import named
from registry.domain.consent import ALL_USES, ConsentEvent, InForce, withdrawals_in_force
from registry.domain.content import ConsentWithdrawn
from registry.domain.content.persons import PersonUse
from registry.domain.embargo import is_embargoed
from registry.domain.identifiers import CaseId, MemberId
from registry.errors import EntryError, RequestError
from registry.store.audiences import audience_of
from registry.store.values import read_header

_Told: TypeAlias = tuple[str, tuple[PersonUse, ...]]
"""A person's id, and the uses that ended."""
_REPORTED_BY: Final = "another mechanism of this registry"
_SUMMARY: Final = (
    "Handed on by the node, by itself: a consent was withdrawn at another mechanism. The uses that "
    "are named here end at once; none named = all."
)


class HandingOn:
    """Hands on for one node; for any thread."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._store = registry.store
        self._own_logs = frozenset(each.log_id for each in registry.own.as_writers())

    def hand_on(self, case_id: CaseId) -> int:
        """Records what is to be handed on in a case; returns how many events that were.

        Raises:
            TryLater: content is closed, or the own log takes no event now.
            StorageError: our own disk failed, or content of the case is damaged.
            RequestError, EntryError: one was refused; all others are recorded.
        """
        count, tried = 0, set[str]()
        refused: RequestError | EntryError | None = None
        # Looked at anew after each: a consent may have been given again meanwhile.
        while command := self._next(case_id, tried):
            tried.add(command.request_id)
            try:
                count += not self._registry.record(command).result().was_recorded_before
            except (RequestError, EntryError) as error:
                refused = error
        if refused is not None:
            raise refused
        return count

    def _next(self, case_id: CaseId, tried: Collection[str]) -> RecordCommand | None:
        return next((e for e in self._commands(case_id) if e.request_id not in tried), None)

    def _commands(self, case_id: CaseId) -> Iterator[RecordCommand]:
        case = self._registry.consents.of_case(case_id)
        in_force = withdrawals_in_force(case.events, self._own_logs)
        for (person_id, uses), members in self._untold(case_id, in_force).items():
            handed_on = [w for use in uses for w in self._of_others(in_force[person_id, use])]
            slugs = [self._registry.roster.member_by_id(each).slug for each in members]
            yield RecordCommand(
                request_id=_request_id(handed_on, person_id, uses, members),
                scope="",
                case_id=case_id,
                content=ConsentWithdrawn(
                    acting_body=self._registry.own.slug,
                    basis="reported_by",
                    reported_by=_REPORTED_BY,
                    summary=_SUMMARY,
                    is_invented=all(each.content.is_invented for each in handed_on),
                    person_id=person_id,
                    uses=() if uses == ALL_USES else uses,
                ),
                audience=named(*slugs),
                # The words above are the same for everybody: they mean no person.
                confirmed_person_ids=tuple(case.known.names),
                is_handing_on=True,
            )

    def _untold(self, case_id: CaseId, in_force: InForce) -> dict[_Told, list[MemberId]]:
        """Who is to be told of which person's uses."""
        found: dict[_Told, list[MemberId]] = {}
        taking_part = {each.id for each in self._registry.roster.active_members()}
        taking_part.discard(self._registry.own.id)
        for person_id, holders in self._given(case_id).items():
            uses_of: dict[MemberId, list[PersonUse]] = {}
            for use in ALL_USES:
                withdrawals = in_force.get((person_id, use), ())
                for member_id in self._not_told(holders & taking_part, withdrawals):
                    uses_of.setdefault(member_id, []).append(use)
            for member_id, uses in uses_of.items():
                found.setdefault((person_id, tuple(uses)), []).append(member_id)
        return found

    def _given(self, case_id: CaseId) -> dict[str, frozenset[MemberId]]:
        """The members that may hold a person's name from own events by now, by person.

        What an embargo still keeps here is given to nobody.
        """
        now_ms, roster = self._registry.clock_ms(), self._registry.roster
        found: dict[str, frozenset[MemberId]] = {}
        for event in self._registry.consents.of_case(case_id).naming:
            until_ms = event.header.parts[0].not_before_ms
            if event.log_id in self._own_logs and not is_embargoed(until_ms, now_ms=now_ms):
                holders = holders_of((event,), self._store, roster)
                for person_id in event.person_ids:
                    found[person_id] = found.get(person_id, frozenset()) | holders
        return found

    def _not_told(
        self, given: Collection[MemberId], withdrawals: Sequence[ConsentEvent]
    ) -> list[MemberId]:
        """Those that none of the withdrawals of one use tells; nobody if all are own ones.

        What stands past the end of its log tells nobody for certain: others may not fetch it.
        """
        left = sorted(given) if self._of_others(withdrawals) else []
        # Own ones first: where one was handed on already, thousands of others need no look.
        for event in sorted(withdrawals, key=lambda each: each.log_id not in self._own_logs):
            if not left:
                break
            if event.index >= self._store.log_state(event.log_id).valid_size:
                continue
            (entry,) = self._store.entries(event.log_id, event.index, event.index + 1)
            audience = audience_of(self._store, read_header(entry))
            left = [each for each in left if not audience.admits(each)]
        return left

    def _of_others(self, withdrawals: Sequence[ConsentEvent]) -> list[ConsentEvent]:
        return [each for each in withdrawals if each.log_id not in self._own_logs]


def _request_id(
    withdrawals: Sequence[ConsentEvent],
    person_id: str,
    uses: Sequence[PersonUse],
    members: Sequence[MemberId],
) -> str:
    """Says what is handed on to whom: nothing is recorded twice, whoever else tries meanwhile."""
    log_id, index = min((each.log_id, each.index) for each in withdrawals)
    told = f"{log_id.hex()} {index} {person_id} {' '.join(uses)} {members}"
    return f"withdrawal handed on {sha256(told.encode()).hexdigest()}"
