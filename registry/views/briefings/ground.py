"""What all sections of a briefing stand on: words, citations, the cases, small cells of text."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeVar

from registry.domain.acts import Act, instrument_of
from registry.domain.identifiers import LeafHash
from registry.domain.mechanisms import Profiles
from registry.domain.vocabulary import kind_code
from registry.views.acts import Place, name_of
from registry.views.briefings.document import (
    Block,
    Cell,
    Cites,
    Column,
    Heading,
    Paragraph,
    Source,
    Table,
)
from registry.views.briefings.order import BriefingOrder
from registry.views.briefings.told import ToldCase, day_of
from registry.views.briefings.wording import Words

T = TypeVar("T")
ROWS_MAX: Final = 120
"""Rows of one table; what is beyond is counted."""
_ID_DIGITS: Final = 8
_TITLES_MAX: Final = 3


@dataclass(slots=True)
class CitationBook:
    """Numbers the events that are cited, in the order in which they are cited first."""

    leaf_hashes: Mapping[Place, LeafHash]
    _numbers: dict[Place, int] = field(default_factory=dict)

    def cite(self, *places: Place) -> Cites:
        """Cites events; those that the recipients may not see are not named."""
        known = [place for place in dict.fromkeys(places) if place in self.leaf_hashes]
        return Cites(tuple(self._numbers.setdefault(p, len(self._numbers) + 1) for p in known))

    def sources(self) -> tuple[Source, ...]:
        """All that was cited so far."""
        return tuple(
            Source(number, f"{origin}#{index}", self.leaf_hashes[origin, index].hex())
            for (origin, index), number in self._numbers.items()
        )


@dataclass(frozen=True, slots=True)
class Ground:
    """What sections are made from.

    Attributes:
        words: of the language.
        book: cites events.
        order: what was asked for.
        cases: as of the day, those that come first first.
        as_of: the day, ISO 8601; empty = nothing has a date.
        profiles: the mechanisms' clocks.
    """

    words: Words
    book: CitationBook
    order: BriefingOrder
    cases: tuple[ToldCase, ...]
    as_of: str
    profiles: Profiles

    def title_of(self, case: ToldCase) -> str:
        """What a case is called."""
        if case.situation_of:
            return self.words("situation", state=self.words.state(case.situation_of))
        titles = list(dict.fromkeys(each.title for each in case.openings))[:_TITLES_MAX]
        title = " / ".join(titles) or self.words("untitled", id=case.case_id.hex()[:_ID_DIGITS])
        is_marked = not case.is_invented or "(invented)" in title
        return title if is_marked else f"{title} ({self.words('invented')})"

    def date_of(self, text: str) -> str:
        """A date, or that it is not known."""
        return text or self.words("undated")

    def what(self, act: Act) -> str:
        """An act in one line: kind, instrument, title, references, the persons it may name."""
        content = act.content
        kind = self.words.kind(kind_code(content.kind))
        instrument = instrument_of(content)
        persons = (f"{p.name} ({p.role})" if p.role else p.name for p in content.persons)
        told = (
            f"{kind} ({instrument})" if instrument else kind,
            name_of(content),
            ", ".join(content.references),
            ", ".join(persons),
        )
        return " · ".join(filter(None, told))

    def states(self, codes: Iterable[str]) -> str:
        """States, one after the other."""
        return ", ".join(map(self.words.state, codes))

    def themes(self, codes: Iterable[str]) -> str:
        """Themes, one after the other."""
        return ", ".join(map(self.words.theme, codes))

    def section(self, name: str) -> Heading:
        """The heading of a section."""
        return Heading(1, self.words(name))

    def table(
        self,
        columns: Sequence[Column],
        items: Sequence[T],
        row: Callable[[T], tuple[Cell, ...]],
        *,
        nothing: str,
    ) -> tuple[Block, ...]:
        """A table, as many rows as are read, and how many more there are.

        Args:
            columns: their titles are names of words.
            items: all that it could show.
            row: makes a row of one.
            nothing: the words that stand there if there is none.
        """
        if not items:
            return (Paragraph(self.words(nothing)),)
        named = tuple(each._replace(title=self.words(each.title)) for each in columns)
        shown: tuple[Block, ...] = (Table(named, tuple(map(row, items[:ROWS_MAX]))),)
        left = len(items) - ROWS_MAX
        return (*shown, Paragraph(self.words("more_rows", count=left))) if left > 0 else shown


def by_date(act: Act) -> tuple[bool, str]:
    """Sorts acts by their dates, undated ones last; equal ones stay in the order of record."""
    day = day_of(act.content)
    return (not day, day)
