"""How much is asked, answered and matched within a day; what is recorded is counted first."""

from dataclasses import dataclass
from threading import Lock
from typing import Final

from registry.application.desk import Desk
from registry.application.registry import Registry
from registry.application.roles import Client, is_same_person
from registry.errors import RegistryError, RuleViolation
from registry.store.asking_book import BookEntry
from registry.store.values import Appended, AppendRequest

DAY_MS: Final = 24 * 60 * 60 * 1000


@dataclass(frozen=True, slots=True)
class AskingLimits:
    """How much is asked and answered; a question to several counts once for each.

    Attributes:
        asked_by_officer: within 24 hours.
        asked_by_node: within 24 hours, by all officers.
        answered_to_member: within 24 hours.
        open_of_member: so many open questions of one member are shown at once.
        matched_with_member: private matchings within 24 hours.
    """

    asked_by_officer: int = 30
    asked_by_node: int = 100
    answered_to_member: int = 30
    open_of_member: int = 20
    matched_with_member: int = 3


class Counted:
    """Records what is within the limits; for any thread."""

    def __init__(self, registry: Registry, desk: Desk, limits: AskingLimits) -> None:
        self._registry = registry
        self._desk = desk
        self._limits = limits
        self._counting = Lock()

    def carry_out(
        self, client: Client, prepared: AppendRequest, entries: list[BookEntry]
    ) -> Appended:
        """Counts and records; what was recorded before is answered from the log and not counted.

        Raises:
            RuleViolation: it is over a limit.
            RequestError, Overloaded: see `Registry.record`.
        """
        key, book = prepared.draft.request_id, self._desk.asking_book
        is_new = bool(entries) and not self._registry.store.has_request(key)
        if is_new:
            with self._counting:
                self.refuse_too_many(entries)
                book.add(entries, forget_before_ms=entries[0].time_ms - DAY_MS)
        try:
            return self._desk.carry_out(client, prepared).result()
        except RegistryError:
            if is_new:
                book.drop(key)
            raise

    def refuse_too_many(self, entries: list[BookEntry]) -> None:
        """Refuses entries of one request that are over a limit.

        Raises:
            RuleViolation: rule `asked_too_much`.
        """
        first = entries[0]
        lately = [
            each
            for each in self._desk.asking_book.since(first.time_ms - DAY_MS)
            if each.request_key != first.request_key
        ]
        for action in dict.fromkeys(each.action for each in entries):
            self._refuse_past(
                [each for each in lately if each.action == action],
                [each for each in entries if each.action == action],
            )

    def _refuse_past(self, lately: list[BookEntry], entries: list[BookEntry]) -> None:
        first, limits = entries[0], self._limits
        if first.action == "asked":
            own = sum(is_same_person(each.officer, first.officer) for each in lately)
            count = len(entries)
            _refuse_more(limits.asked_by_officer, own + count, "questions of one officer")
            _refuse_more(limits.asked_by_node, len(lately) + count, "questions of this node")
            return
        count = 1 + sum(each.mechanism == first.mechanism for each in lately)
        if first.action == "answered":
            _refuse_more(limits.answered_to_member, count, f"answers to {first.mechanism}")
        else:
            _refuse_more(limits.matched_with_member, count, f"matchings with {first.mechanism}")


def _refuse_more(most: int, count: int, what: str) -> None:
    if count > most:
        msg = f"at most {most} {what} within 24 hours: wait until tomorrow"
        raise RuleViolation(msg, rule="asked_too_much")
