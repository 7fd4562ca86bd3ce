"""Makes briefings: finds the cases, takes from each what all recipients may see, composes, renders.

A briefing is an export path: what stands in it has passed `Exporting` for the recipients, event by
event, and nothing else is read into it. Cases hidden from the caller are not opened at all.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import islice
from typing import Final, Literal, TypeAlias

from registry.application.briefings.html import to_html
from registry.application.briefings.markdown import to_markdown
from registry.application.briefings.pdf import to_pdf
from registry.application.briefings.reading import read_histories
from registry.application.exporting import Exporting, recipients_of
from registry.application.lists import Ask, Facets, Listed
from registry.application.memory import without_collecting
from registry.application.registry import Registry
from registry.application.stored_content import require_open
from registry.domain.identifiers import CaseId, LogId
from registry.errors import InvalidRequest, TryLater
from registry.store.values import LogState
from registry.views.acts import acts_of
from registry.views.briefings.composition import compose
from registry.views.briefings.document import Document
from registry.views.briefings.order import BriefingOrder, check_order
from registry.views.briefings.told import (
    NEVER_TOLD,
    Material,
    Recipient,
    ToldCase,
    fitting_places,
)
from registry.views.case_file import CaseHistory, PartState, Reader, read_vector
from registry.views.projector import ENTRIES, PARTS
from registry.views.rows import ActRow, CaseRow

Form: TypeAlias = Literal["md", "html", "pdf"]
FORMS: Final[Mapping[Form, tuple[Callable[[Document], bytes], str]]] = {
    "md": (to_markdown, "text/markdown; charset=utf-8"),
    "html": (to_html, "text/html; charset=utf-8"),
    "pdf": (to_pdf, "application/pdf"),
}
"""How each form is rendered, and its media type."""
EVENTS_MAX: Final = 120_000
_PAGE: Final = 500
_CASES_FEW: Final = 500
"""So many cases are read sooner than the list of all acts of a period."""
_ACTS_FEW: Final = 20_000
"""A period with more acts takes in most cases; the rest of its list is not worth reading."""
_CHANGES: Final = 500
_LAG_MAX: Final = 5_000
_FIRST_YEAR: Final = "0001"
"""No act that has a date lies before it."""


@dataclass(frozen=True, slots=True)
class Briefing:
    """A briefing that was made.

    Attributes:
        data: the file.
        media_type: of it.
        cases: how many cases it tells.
        confidential: by case, how many events it tells that are not for every member.
    """

    data: bytes
    media_type: str
    cases: int
    confidential: Mapping[CaseId, int]


class Briefings:
    """Makes the briefings of one node; for any thread, one at a time in each."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._reader = Reader(registry.store, registry.roster, registry.own.id, registry.clock_ms)
        self._exporting = Exporting(self._reader, registry.consents)

    def make(self, order: BriefingOrder, form: Form, hidden: Collection[CaseId] = ()) -> Briefing:
        """Makes one.

        Args:
            order: what is asked for.
            form: md, html or pdf.
            hidden: cases that whoever asks may not know of.

        Raises:
            InvalidRequest: a field of the order, it takes in too much, or a recipient takes part no
                more.
            NotFound: a recipient is no member.
            TryLater: content is closed, or the views are far behind.
        """
        check_order(order)
        with without_collecting():
            return self._make(order, form, hidden)

    def _make(self, order: BriefingOrder, form: Form, hidden: Collection[CaseId]) -> Briefing:
        material, confidential = self.gather(order, hidden)
        render, media_type = FORMS[form]
        document = compose(material, self._registry.profiles)
        return Briefing(render(document), media_type, len(material.cases), confidential)

    def gather(
        self, order: BriefingOrder, hidden: Collection[CaseId] = ()
    ) -> tuple[Material, dict[CaseId, int]]:
        """Takes from every case what all recipients may see; arguments and errors as `make`.

        Returns:
            The material, and how many confidential events it tells of each case.
        """
        store, roster = self._registry.store, self._registry.roster
        require_open(store)
        members = recipients_of(roster, order.recipients)
        states = {state.log_id: state for state in store.log_states()}
        vector = read_vector(store, roster, states)
        asked = store.in_order_of_arrival(self._candidates(order, frozenset(hidden)))
        if any(state.valid_size < _size_in(states, state.log_id) for state in store.log_states()):
            msg = "a log was frozen while the cases were looked for; ask again"
            raise TryLater(msg)
        cases: list[ToldCase] = []
        confidential: dict[CaseId, int] = {}
        events = 0
        consents = self._registry.consents
        for history in read_histories(self._reader, consents, asked, states, vector):
            events += len(history.events)
            if events > EVENTS_MAX:
                msg = (
                    f"this is about more than {EVENTS_MAX} events: name fewer themes or States, "
                    "or a shorter period"
                )
                raise InvalidRequest(msg)
            case, count = self.tell(history, order)
            if case.told:
                cases.append(case)
                confidential[history.case_id] = count
        recipients = tuple(
            sorted(Recipient(str(member.slug), member.display_name) for member in members)
        )
        cases.sort(key=lambda case: case.case_id)
        return Material(order, recipients, tuple(cases), vector), dict(sorted(confidential.items()))

    def tell(self, history: CaseHistory, order: BriefingOrder) -> tuple[ToldCase, int]:
        """What all recipients may see of a case, and how much of what is told is confidential.

        Raises:
            NotFound: a recipient is no member.
        """
        export = self._exporting.export(history, "mechanisms", order.recipients)
        kept = tuple(e for e in export.events if not isinstance(e.content, NEVER_TOLD))
        acts = tuple(acts_of(replace(history, events=kept)))
        situation_of = self._registry.situations.state_of(history.case_id) or ""
        fitting = fitting_places(acts, order, situation_of=situation_of)
        with_content = sum(e.content_state is not PartState.NONE for e in history.events)
        case = ToldCase(
            case_id=history.case_id,
            situation_of=situation_of,
            acts=acts,
            leaf_hashes={(str(e.origin), e.index): e.leaf_hash for e in kept},
            fitting=fitting.places,
            told=fitting.told,
            withheld=with_content - len(kept),
            names_taken_out=export.names_taken_out,
            digest=history.digest,
        )
        confidential = (e for e in kept if e.is_confidential)
        return case, sum((str(e.origin), e.index) in fitting.told for e in confidential)

    def _candidates(self, order: BriefingOrder, hidden: frozenset[CaseId]) -> set[CaseId]:
        """Every case that may be in it: those of the lists, and those that are not in them yet.

        Raises:
            TryLater: so much is not folded yet that all of it would have to be read, or the lists
                are made anew.
        """
        models, projector = self._registry.models, self._registry.projector
        cleared = models.times_cleared
        if projector.lag() > _LAG_MAX or projector.has_to_start_anew():
            msg = "the lists of this node are far behind its logs; ask again when they are not"
            raise TryLater(msg)
        places = {stream: models.place(stream) for stream in (ENTRIES, PARTS)}
        due = models.due_embargoes(self._registry.clock_ms())
        listed = self._listed(order, hidden)
        # After the lists, from before them: what was folded meanwhile may have moved to a page that
        # had been read.
        changed = set(self._changed_since(places))
        has_fallen = any(models.place(stream) < place for stream, place in places.items())
        if has_fallen or models.times_cleared != cleared:
            msg = "the lists of this node are made anew; ask again when they are there"
            raise TryLater(msg)
        return listed.union(changed, due) - hidden

    def _listed(self, order: BriefingOrder, hidden: frozenset[CaseId]) -> set[CaseId]:
        """The listed cases of the States and themes, and of those that have acts in the period."""
        lists = self._registry.lists
        facets: Facets = (("state", order.states), ("theme", order.themes))
        found = set(_cases_in(lists.cases, Ask(limit=_PAGE, facets=facets, hidden=hidden)))
        if len(found) <= _CASES_FEW or not (order.since or order.until):
            return found
        since = order.since or _FIRST_YEAR
        period = Ask(limit=_PAGE, since=since, until=order.until, hidden=hidden)
        acted = list(islice(_cases_in(lists.acts, period), _ACTS_FEW + 1))
        return found & set(acted) if len(acted) <= _ACTS_FEW else found

    def _changed_since(self, places: Mapping[str, int]) -> Iterator[CaseId]:
        store, after = self._registry.store, places[ENTRIES]
        while changes := store.changes(after, _CHANGES):
            yield from (change.case_id for change in changes)
            after = changes[-1].id
        after = places[PARTS]
        while parts := store.part_changes(after, _CHANGES):
            yield from (part.case_id for part in parts)
            after = parts[-1].id


def _size_in(states: Mapping[LogId, LogState], log_id: LogId) -> int:
    return states[log_id].valid_size if log_id in states else 0


def _cases_in(
    read: Callable[[Ask], Listed[CaseRow] | Listed[ActRow]], ask: Ask
) -> Iterator[CaseId]:
    """The cases that all pages of a list are about."""
    while True:
        page = read(ask)
        yield from (row.case_id for row in page.rows)
        if not page.next_token:
            return
        ask = replace(ask, token=page.next_token)
