"""Good practices and working definitions for those who work with this node.

Practices are listed by theme, or found again from a case: ranked by what they share with it. What a
case is about is read from its history now; who asks must be allowed to know of it. Of definitions
it is said for each body whether it holds another one since; none is merged with another.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from registry.application.desk import Desk, confidential_count
from registry.application.lists import Ask, Listed
from registry.application.registry import Registry
from registry.application.roles import Client
from registry.application.stored_content import require_open
from registry.domain.acts import instrument_of
from registry.domain.definitions import Superseded, differing, superseded_in, term_key
from registry.domain.identifiers import CaseId
from registry.domain.practices import Needs, Reason, rank
from registry.views.acting_rows import DefinitionRow, PracticeRow
from registry.views.acts import Place

_CANDIDATES_MAX: Final = 1000
"""So many practices on the themes of a case, and as many on its States, are ranked: the newest."""
_OF_ONE_TERM_MAX: Final = 1000
"""So many definitions of one term are compared: the earliest."""


@dataclass(frozen=True, slots=True)
class RankedPractice:
    """A practice and why it fits a case; without a case there is no reason."""

    row: PracticeRow
    reasons: tuple[Reason, ...] = ()


@dataclass(frozen=True, slots=True)
class StandingDefinition:
    """A definition, the bodies that hold another one since, and how many wordings still stand."""

    row: DefinitionRow
    superseded: tuple[Superseded, ...]
    differing: int


class PracticeDesk:
    """Lists what a client may know of."""

    def __init__(self, registry: Registry, desk: Desk) -> None:
        self._registry = registry
        self._desk = desk

    def practices(self, client: Client, ask: Ask) -> Listed[RankedPractice]:
        """A page of good practices, newest first.

        Raises:
            InvalidRequest: the page token is not one of this list.
            TryLater: content is closed.
        """
        lists, asked = self._desk.lists_for(client, ask, "ListPractices")
        page = lists.practices(asked)
        return Listed(tuple(map(RankedPractice, page.rows)), page.next_token)

    def practices_for(
        self, client: Client, ask: Ask, case_id: CaseId
    ) -> tuple[list[RankedPractice], int]:
        """The practices that fit a case, the best first, and how many more there are.

        Args:
            client: who asks.
            ask: what they are narrowed down to; at most `limit` are returned, in one page.
            case_id: the case.

        Raises:
            NotFound: the case is not here, or not for this client.
            TryLater: content is closed.
        """
        require_open(self._registry.store)
        self._desk.require_case(client, case_id)
        history = self._registry.history(case_id)
        summary = self._registry.summary(history)
        contents = [event.content for event in history.events if event.content is not None]
        needs = Needs(
            frozenset(summary.themes),
            frozenset(summary.states),
            frozenset(map(instrument_of, contents)),
        )
        found = rank(self._candidates(client, ask, needs), needs)
        shown = [RankedPractice(row, reasons) for row, reasons in found[: ask.limit]]
        # The reasons tell what the case is about.
        count = confidential_count(history.events)
        self._desk.note_read(client, "ListPractices", case_id, count)
        self._desk.note_rows(client, "ListPractices", [each.row for each in shown])
        return shown, max(len(found) - ask.limit, 0)

    def definitions(self, client: Client, ask: Ask, term: str = "") -> Listed[StandingDefinition]:
        """A page of definitions, term by term, the earliest of each first.

        Raises:
            InvalidRequest: the page token is not one of this list.
            TryLater: content is closed.
        """
        lists, asked = self._desk.lists_for(client, ask, "ListDefinitions")
        page = lists.definitions(asked, term)
        over: dict[Place, tuple[Superseded, ...]] = {}
        counts: dict[str, int] = {}
        later: dict[Place, DefinitionRow] = {}
        for key in dict.fromkeys(term_key(row.term) for row in page.rows):
            known = self._registry.lists.definitions(
                Ask(_OF_ONE_TERM_MAX, hidden=asked.hidden), key
            ).rows
            over.update(superseded_in(known))
            later.update({(row.origin, row.index): row for row in known})
            counts[key] = differing(known)
        found = tuple(_standing(page.rows, over, counts))
        # Who is told what takes a definition's place has read of that one, too.
        listed = {(row.origin, row.index) for row in page.rows}
        told = {each.by for standing in found for each in standing.superseded} - listed
        self._desk.note_rows(client, "ListDefinitions", [later[place] for place in sorted(told)])
        return Listed(found, page.next_token)

    def _candidates(self, client: Client, ask: Ask, needs: Needs) -> Iterable[PracticeRow]:
        """Practices on a theme or a State of the case; not noted, since not all are shown."""
        hidden = self._desk.hidden_from(client)
        found: dict[Place, PracticeRow] = {}
        for name, values in (("theme", needs.themes), ("state", needs.states)):
            if values:
                facets = (*ask.facets, (name, tuple(sorted(values))))
                asked = replace(ask, limit=_CANDIDATES_MAX, facets=facets, hidden=hidden)
                rows = self._registry.lists.practices(asked).rows
                found.update({(row.origin, row.index): row for row in rows})
        return found.values()


def _standing(
    rows: Iterable[DefinitionRow],
    over: Mapping[Place, tuple[Superseded, ...]],
    counts: Mapping[str, int],
) -> Iterable[StandingDefinition]:
    for row in rows:
        superseded = over.get((row.origin, row.index), ())
        yield StandingDefinition(row, superseded, counts[term_key(row.term)])
