"""The search behind "has anyone acted?": from a question to cases with reasons and acts.

Names are compared with the rows that share a key with them, references with the index of
references, circumstances with the list of acts. All cases that were found are ranked by their
lines first; only of those that are shown the acts are read.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from registry.application.consents import ConsentDesk
from registry.application.lists import Ask, Lists
from registry.domain.acting import ACTING_KINDS, STATE, Procedure, nature_of
from registry.domain.identifiers import CaseId
from registry.domain.matters import (
    Asked,
    Rank,
    Reason,
    agrees_in_all,
    circumstances,
    is_certain,
    name_reason,
    rank_of,
    reference_reason,
)
from registry.domain.mechanisms import Profiles
from registry.domain.names import (
    LIKELY,
    KnownWords,
    NameMatch,
    fold_name,
    keys_of,
    match_names,
)
from registry.domain.vocabulary import CURRENT_KINDS, EventKind, kind_code
from registry.store.candidates import Sharing
from registry.store.read_models import ReadModels
from registry.store.read_queries import Query
from registry.views import acts, case_list, name_index
from registry.views.acts import ACTING, IN_STATE, ON_THEME, place_key
from registry.views.rows import ActRow, CaseRow, ContentRow, NameRow, decode_row

ACTS_SHOWN: Final = 30
ASKED_MATTER: Final = "asked"
"""The matter of what a reference or a whole name identifies."""
_CANDIDATES: Final = 150
_PLACES: Final = 200
_REASONS_SHOWN: Final = 8
_KINDS: Final[Mapping[str, EventKind]] = {kind_code(kind): kind for kind in CURRENT_KINDS}
_LAST: Final = "\U0010ffff"
"""Sorts after every date."""


@dataclass(frozen=True, slots=True)
class ActingAct:
    """What a body did, and the nature of the procedure (empty = not known)."""

    row: ActRow
    nature: str


@dataclass(frozen=True, slots=True)
class MatchedCase:
    """A case that was found, why, and what bodies have done in it, newest first."""

    row: CaseRow
    rank: Rank
    reasons: tuple[Reason, ...]
    acts: tuple[ActingAct, ...]
    has_more_acts: bool


@dataclass(slots=True)
class _Found:
    """What tells of one case: reasons, matches of names, places and dates of acts, rows read."""

    reasons: list[Reason] = field(default_factory=list)
    names: list[NameMatch] = field(default_factory=list)
    places: set[tuple[str, int]] = field(default_factory=set)
    dates: set[str] = field(default_factory=set)
    rows: list[ContentRow] = field(default_factory=list)


class Search:
    """One search; made for one question."""

    def __init__(
        self,
        models: ReadModels,
        profiles: Profiles,
        consents: ConsentDesk,
        hidden: Collection[CaseId],
    ) -> None:
        """Reads nothing yet.

        Args:
            models: what is read.
            profiles: of the mechanisms, for the nature of acts.
            consents: tells whose name is used no more.
            hidden: cases that are left out, as if they were not there.
        """
        self._models = models
        self._lists = Lists(models)
        self._profiles = profiles
        self._consents = consents
        self._hidden = hidden
        self._found: dict[CaseId, _Found] = {}

    def find_reference(self, text: str) -> None:
        """Finds where a reference stands, in any spelling."""
        reference, page = self._lists.references(text, Ask(_PLACES, hidden=self._hidden))
        for row in page.rows:
            is_same = row.normal.casefold() == reference.normal.casefold()
            found = self._of(row.case_id)
            found.reasons.append(reference_reason(row.written, is_same=is_same))
            found.places.add((row.origin, row.index))
            found.rows.append(row)

    def find_name(self, text: str) -> None:
        """Finds names that are likely the same."""
        wanted = fold_name(text)
        keys = sorted(keys_of(wanted))
        sharing = Sharing(name_index.VIEW, name_index.KEY, keys, _CANDIDATES, self._hidden)
        # One name stands in many cases and logs: it is compared once.
        matches: dict[str, NameMatch] = {}
        words: KnownWords = {}
        for row in (decode_row(NameRow, text) for text in self._models.sharing(sharing)):
            match = matches.get(row.name)
            if match is None:
                match = matches[row.name] = match_names(wanted, fold_name(row.name, words))
            if match.score < LIKELY or self._is_withdrawn(row):
                continue
            found = self._of(row.case_id)
            found.names.append(match)
            found.reasons.append(name_reason(row.kind, row.name, match))
            found.places.add((row.origin, row.index))
            found.rows.append(row)

    def find_circumstances(self, asked: Asked, limit: int) -> None:
        """Finds the newest cases with an act that agrees with all that is asked for."""
        if not any(asked):
            return
        facets = (
            (ACTING[0], (ACTING[1],)),
            (IN_STATE, tuple(asked.states)),
            (ON_THEME, tuple(asked.themes)),
        )
        cases: set[CaseId] = set()
        for since, before in _ranges(asked):
            query = Query(
                acts.VIEW, _PLACES, facets=facets, since=since, before=before, hidden=self._hidden
            )
            for text in self._models.page(query).rows:
                row = decode_row(ActRow, text)
                cases.add(row.case_id)
                if len(cases) > limit:
                    break
                found = self._of(row.case_id)
                found.places.add((row.origin, row.index))
                found.dates.add(row.date)

    def cases(self, asked: Asked, limit: int) -> tuple[list[MatchedCase], bool]:
        """What was found, best first, and whether there is more."""
        rows = [decode_row(CaseRow, t) for t in self._models.rows(case_list.VIEW, self._found)]
        ranked = sorted(
            rows, key=lambda row: (self._rank(row, asked), row.last_recorded_ms), reverse=True
        )
        kept = [row for row in ranked if self._is_wanted(row, asked)]
        found = [self._case(row, asked) for row in kept[:limit]]
        found.sort(key=lambda each: (each.rank, _newest(each)), reverse=True)
        return found, len(kept) > limit

    def rows_of(self, cases: Iterable[MatchedCase]) -> list[ContentRow]:
        """Every row with content that some cases show."""
        rows: list[ContentRow] = []
        for each in cases:
            rows += [each.row, *self._found[each.row.case_id].rows]
            rows += [act.row for act in each.acts]
        return rows

    def procedures(self, cases: Iterable[MatchedCase]) -> list[Procedure]:
        """The procedures of the cases that a reference or a name identifies, by their matters.

        What the file on a State gathers is no matter of its own.
        """
        found: list[Procedure] = []
        for each in cases:
            if not each.rank.identified:
                continue
            of_case = self._found[each.row.case_id]
            is_asked = is_certain(of_case.reasons, of_case.names)
            if each.row.is_situation and not is_asked:
                continue
            matter = ASKED_MATTER if is_asked else each.row.case_id.hex()
            found += [Procedure(matter, act.row.body, act.nature) for act in each.acts]
        return found

    # --- inside ---------------------------------------------------------------------------------

    def _of(self, case_id: CaseId) -> _Found:
        return self._found.setdefault(case_id, _Found())

    def _is_withdrawn(self, row: NameRow) -> bool:
        return (
            bool(row.person_id)
            and row.case_id in self._consents.cases_with_withdrawals()
            and self._consents.is_withdrawn(row.case_id, row.person_id, row.origin)
        )

    def _reasons(self, row: CaseRow, asked: Asked, dates: Iterable[str] = ()) -> list[Reason]:
        found = self._found[row.case_id]
        own = sorted(dict.fromkeys(found.reasons), key=lambda each: -each.score)
        every = {*found.dates, *dates}
        return [
            *own[:_REASONS_SHOWN],
            *circumstances(asked, states=row.states, themes=row.themes, dates=every),
        ]

    def _rank(self, row: CaseRow, asked: Asked) -> Rank:
        return rank_of(self._reasons(row, asked))

    def _is_wanted(self, row: CaseRow, asked: Asked) -> bool:
        reasons = self._reasons(row, asked)
        return bool(rank_of(reasons).identified) or agrees_in_all(asked, reasons)

    def _case(self, row: CaseRow, asked: Asked) -> MatchedCase:
        every = self._acts_of(row)
        acting = [act for act in map(self._acting, every[:ACTS_SHOWN]) if act is not None]
        # One whose State does is no act of a mechanism: its date is no circumstance.
        reasons = self._reasons(row, asked, [act.row.date for act in acting])
        return MatchedCase(
            row=row,
            rank=rank_of(reasons),
            reasons=tuple(reasons),
            acts=tuple(acting),
            has_more_acts=len(every) > ACTS_SHOWN,
        )

    def _acts_of(self, row: CaseRow) -> Sequence[ActRow]:
        """The acts of a case, newest first, one more than is shown.

        The file on a State gathers matters of all kinds: only what was found itself counts there.
        """
        if row.is_situation:
            keys = [place_key(*place) for place in self._found[row.case_id].places]
            found = [decode_row(ActRow, text) for text in self._models.rows(acts.VIEW, keys)]
            return sorted(found, key=lambda act: act.date, reverse=True)
        facets = (("case", (row.case_id.hex(),)), (ACTING[0], (ACTING[1],)))
        query = Query(acts.VIEW, ACTS_SHOWN + 1, facets=facets)
        return [decode_row(ActRow, text) for text in self._models.page(query).rows]

    def _acting(self, row: ActRow) -> ActingAct | None:
        kind = _KINDS.get(row.kind)
        # The file on a State also holds what is no act of a body, such as questions to peers.
        if kind not in ACTING_KINDS:
            return None
        nature = nature_of(kind, row.instrument, row.body, self._profiles)
        return None if nature == STATE else ActingAct(row, nature)


def _ranges(asked: Asked) -> list[tuple[str, str]]:
    """The ranges of dates to read, their ends not included.

    An act that is known to the year alone may be of any month of it: those that are known no better
    than to the year or the month in which the period begins stand before it in the list.
    """
    found = [(asked.since, asked.until and asked.until + _LAST)]
    for size in (len("2014"), len("2014-06")):
        if size < len(asked.since):
            start = asked.since[:size]
            found.append((start, f"{start}-"))
    return found


def _newest(case: MatchedCase) -> str:
    return max((act.row.date for act in case.acts), default="")
