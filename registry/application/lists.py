"""Lists: what the read models answer, filtered and paged, as far as a caller may know of it."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Final, Generic, TypeVar

from registry.domain.deadlines import LATE_MATTERS
from registry.domain.definitions import term_key
from registry.domain.identifiers import CaseId
from registry.domain.intents import LIVE
from registry.domain.references import Reference, parse_reference
from registry.errors import InvalidRequest
from registry.store.read_models import ReadModels
from registry.store.read_queries import Query
from registry.views import (
    acts,
    alert_list,
    case_list,
    deadline_board,
    detentions,
    follow_up,
    intent_list,
    link_list,
    meetings,
    practice_list,
    questions,
    reference_index,
    reprisal_board,
    statements,
)
from registry.views.acting_rows import DefinitionRow, IntentRow, PracticeRow, QuestionRow
from registry.views.acts import place_key, place_of_time
from registry.views.detention_rows import DetentionRow
from registry.views.meeting_rows import MeetingRow
from registry.views.reprisal_rows import AlertRow, ImpunityRow, ReprisalRow
from registry.views.rows import (
    ActRow,
    CaseRow,
    ConcordanceRow,
    ContentRow,
    FollowUpRow,
    LinkRow,
    ObligationRow,
    ReferenceRow,
    decode_row,
)
from registry.views.statement_rows import StatementRow

T = TypeVar("T")
C = TypeVar("C", bound=ContentRow)
_DAY_MS: Final = 24 * 60 * 60 * 1000
_LAST: Final = "\U0010ffff"
"""Sorts after every date."""
Facets = tuple[tuple[str, tuple[str, ...]], ...]


@dataclass(frozen=True, slots=True)
class Listed(Generic[T]):
    """Some rows of a list and where the next page starts (empty = no more)."""

    rows: tuple[T, ...]
    next_token: str


@dataclass(frozen=True, slots=True)
class Ask:
    """One page that is asked for.

    Attributes:
        limit: rows at most, from 1.
        token: from the page before; empty = from the start.
        facets: by name, one of these values each, such as ("state", ("POL",)).
        since, until: the range of dates, both included: days, months or years; empty = open.
        text: words that all stand in it; empty = any.
        hidden: cases that are left out, as if they were not there.
    """

    limit: int
    token: str = ""
    facets: Facets = ()
    since: str = ""
    until: str = ""
    text: str = ""
    hidden: Collection[CaseId] = ()


class Lists:
    """The lists of one node."""

    def __init__(
        self, models: ReadModels, note: Callable[[Sequence[ContentRow]], None] | None = None
    ) -> None:
        """Reads nothing yet.

        Args:
            models: what is read.
            note: is told the rows with content, page by page, before whoever asks; None = nobody.
        """
        self._models = models
        self._note = note

    def noted_by(self, note: Callable[[Sequence[ContentRow]], None]) -> "Lists":
        """The same lists for one who asks from outside."""
        return Lists(self._models, note)

    def unnoted(self) -> "Lists":
        """The same lists without notes: whoever chooses among rows notes what is shown."""
        return Lists(self._models)

    def note(self, rows: Sequence[ContentRow]) -> None:
        """Notes rows that were read without notes and are shown."""
        if self._note is not None:
            self._note(rows)

    def cases(self, ask: Ask) -> Listed[CaseRow]:
        """Cases by last activity, newest first; the dates are those of the last record, UTC."""
        since = place_of_time(_start_ms(ask.since)) if ask.since else ""
        before = place_of_time(_end_ms(ask.until)) if ask.until else ""
        return self._read(case_list.VIEW, CaseRow, replace(ask, since=since, until=""), before)

    def acts(self, ask: Ask) -> Listed[ActRow]:
        """Readable acts by their own dates, newest first; undated ones come last."""
        return self._read(acts.VIEW, ActRow, ask)

    def obligations(self, ask: Ask) -> Listed[ObligationRow]:
        """What is due, by day, earliest first."""
        view, before = deadline_board.VIEW, _after(ask.until)
        return self._read(view, ObligationRow, ask, before, is_ascending=True)

    def overdue(self, ask: Ask, today: date) -> Listed[ObligationRow]:
        """What is open and was due before a day; hearings are never overdue."""
        facets = (*ask.facets, ("outcome", ("open",)), ("matter", LATE_MATTERS))
        before = min(_after(ask.until) or _LAST, today.isoformat())
        asked = replace(ask, facets=facets)
        return self._read(deadline_board.VIEW, ObligationRow, asked, before, is_ascending=True)

    def follow_ups(self, ask: Ask) -> Listed[FollowUpRow]:
        """Recommendations, commitments and decisions with what came of them, newest first."""
        return self._read(follow_up.VIEW, FollowUpRow, ask)

    def concordances(self, ask: Ask) -> Listed[ConcordanceRow]:
        """What is said to ask the same."""
        return self._read(follow_up.CONCORDANCES, ConcordanceRow, ask)

    def detentions(
        self, ask: Ask, on: date, *, with_released: bool = False
    ) -> Listed[DetentionRow]:
        """Who is, or may be, held on a day, longest first.

        A page may have fewer rows than it can, or none, and yet another may follow.

        Args:
            ask: the page.
            on: the day.
            with_released: whether those that were released before it are listed too.
        """
        page = self._page(detentions.VIEW, DetentionRow, ask, is_ascending=True)
        is_wanted = detentions.has_begun if with_released else detentions.is_held
        rows = tuple(row for row in page.rows if is_wanted(row, on))
        if self._note is not None:
            self._note(rows)
        return Listed(rows, page.next_token)

    def reprisals(self, ask: Ask) -> Listed[ReprisalRow]:
        """Reprisals by when they occurred, newest first; undated ones come last."""
        return self._read(reprisal_board.VIEW, ReprisalRow, ask)

    def impunity(self, ask: Ask) -> Listed[ImpunityRow]:
        """Reprisals and accountability steps by their dates, earliest first, undated ones last."""
        return self._read(reprisal_board.TIMELINE, ImpunityRow, ask, is_ascending=True)

    def alerts(self, ask: Ask) -> Listed[AlertRow]:
        """Alerts by when they were recorded, newest first."""
        return self._read(alert_list.VIEW, AlertRow, ask)

    def statements(self, ask: Ask) -> Listed[StatementRow]:
        """Statements and how they stand, newest first; undated ones come last."""
        return self._read(statements.VIEW, StatementRow, ask)

    def meetings(self, ask: Ask) -> Listed[MeetingRow]:
        """Meetings by the day they were held, newest first."""
        return self._read(meetings.VIEW, MeetingRow, ask)

    def meeting(self, origin: str, index: int) -> MeetingRow | None:
        """One meeting, or None if there is none at that place (yet)."""
        text = self._models.row(meetings.VIEW, place_key(origin, index))
        if text is None:
            return None
        row = decode_row(MeetingRow, text)
        if self._note is not None:
            self._note((row,))
        return row

    def links(self, ask: Ask) -> Listed[LinkRow]:
        """Where links were proposed, newest first."""
        return self._page(link_list.VIEW, LinkRow, ask)

    def questions(self, ask: Ask, *, oldest_first: bool = False) -> Listed[QuestionRow]:
        """Questions between mechanisms by the time they were recorded, newest first."""
        return self._read(questions.VIEW, QuestionRow, ask, is_ascending=oldest_first)

    def references(self, text: str, ask: Ask) -> tuple[Reference, Listed[ReferenceRow]]:
        """Where a reference stands, in any spelling, and what updates it or is updated by it."""
        reference = parse_reference(text)
        named = ("named", reference_index.names_of(reference))
        asked = Ask(ask.limit, ask.token, (named,), hidden=ask.hidden)
        return reference, self._read(reference_index.VIEW, ReferenceRow, asked)

    def intents(self, ask: Ask) -> Listed[IntentRow]:
        """Intents by the day on which they lapse, earliest first; those without one come last."""
        return self._read(intent_list.VIEW, IntentRow, ask, is_ascending=True)

    def live_intents(self, ask: Ask, today: date) -> Listed[IntentRow]:
        """Those that stand on a day: nothing became of them yet, and they have not lapsed."""
        since = max(ask.since, today.isoformat())
        asked = replace(ask, since=since, facets=(*ask.facets, ("outcome", LIVE)))
        return self.intents(asked)

    def lapsed_intents(self, ask: Ask, today: date) -> Listed[IntentRow]:
        """Those of which nothing became before their day had passed."""
        before = min(_after(ask.until) or _LAST, today.isoformat())
        asked = replace(ask, facets=(*ask.facets, ("outcome", LIVE)))
        return self._read(intent_list.VIEW, IntentRow, asked, before, is_ascending=True)

    def practices(self, ask: Ask) -> Listed[PracticeRow]:
        """Good practices, newest first."""
        return self._read(practice_list.PRACTICES, PracticeRow, ask)

    def definitions(self, ask: Ask, term: str = "") -> Listed[DefinitionRow]:
        """Working definitions, term by term, the earliest of each first; a term narrows it down."""
        named = (("term", (term_key(term),)),) if term else ()
        asked = replace(ask, facets=(*ask.facets, *named))
        return self._read(practice_list.DEFINITIONS, DefinitionRow, asked, is_ascending=True)

    def _read(
        self,
        view: str,
        kind: type[C],
        ask: Ask,
        before: str = "",
        *,
        is_ascending: bool = False,
    ) -> Listed[C]:
        """A page of rows that show content; it is noted first."""
        page = self._page(view, kind, ask, before, is_ascending=is_ascending)
        self.note(page.rows)
        return page

    def _page(
        self,
        view: str,
        kind: type[T],
        ask: Ask,
        before: str = "",
        *,
        is_ascending: bool = False,
    ) -> Listed[T]:
        page = self._models.page(
            Query(
                view=view,
                limit=ask.limit,
                token=ask.token,
                facets=ask.facets,
                since=ask.since,
                before=before or _after(ask.until),
                text=ask.text,
                is_ascending=is_ascending,
                hidden=ask.hidden,
            )
        )
        return Listed(tuple(decode_row(kind, row) for row in page.rows), page.next_token)


def _start_ms(text: str) -> int:
    """Where a day, a month or a year begins, milliseconds UTC.

    Raises:
        InvalidRequest: there is no such day.
    """
    try:
        year, month, day = (*map(int, text.split("-")), 1, 1)[:3]
        return round(datetime(year, month, day, tzinfo=UTC).timestamp() * 1000)
    except ValueError as error:
        msg = f"there is no day {text!r}"
        raise InvalidRequest(msg) from error


def _end_ms(text: str) -> int:
    """Where what comes after a day, a month or a year begins."""
    start = datetime.fromtimestamp(_start_ms(text) / 1000, UTC)
    days = {len("2014"): 366, len("2014-06"): 31}.get(len(text), 1)
    try:
        after = start + timedelta(days=days)
    except OverflowError:
        return _start_ms("9999-12-31") + _DAY_MS
    # A month or a year may be shorter than that: what follows begins where its own text does.
    return _start_ms(after.date().isoformat()[: len(text)])


def _after(until: str) -> str:
    """The first place after a day, a month or a year, all of it included."""
    return until + _LAST if until else ""
