"""Turns: of each asking member the oldest open questions alone are shown and answered."""

from registry.application.asking_limits import AskingLimits
from registry.application.lists import Ask
from registry.application.registry import Registry
from registry.domain.content import PeersAsked
from registry.errors import RuleViolation
from registry.views.acts import Place
from registry.views.case_file import HistoryEntry
from registry.views.questions import unanswered_by


class Turns:
    """Those of the members that ask one node; for any thread."""

    def __init__(self, registry: Registry, limits: AskingLimits) -> None:
        self._registry = registry
        self._own = registry.own.slug
        self._most = limits.open_of_member

    def refuse_out_of_turn(self, asked: HistoryEntry, answers: tuple[HistoryEntry, ...]) -> None:
        """Refuses an answer to a question that waits behind older ones.

        Raises:
            RuleViolation: rule `oldest_first`.
        """
        place, question = (asked.origin, asked.index), asked.content
        if not isinstance(question, PeersAsked) or self._own not in unanswered_by(
            question, answers
        ):
            return
        if self.must_wait(place, self.first_open(asked.mechanism)):
            msg = f"older questions of {asked.mechanism} are open: answer them first"
            raise RuleViolation(msg, field="about", rule="oldest_first")

    def first_open(self, asker: str) -> frozenset[Place]:
        """The oldest questions of a member that this one has not answered."""
        if asker == self._own:
            return frozenset()
        facets = (("mechanism", (asker,)), ("open_at", (self._own,)))
        ask = Ask(self._most, facets=facets)
        rows = self._registry.lists.questions(ask, oldest_first=True).rows
        return frozenset((row.origin, row.index) for row in rows)

    def must_wait(self, place: Place, first_open: frozenset[Place]) -> bool:
        """Whether a question is not among the first; a list that is not full may just be late."""
        return len(first_open) >= self._most and place not in first_open
