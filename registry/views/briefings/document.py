"""A briefing as a document: headings, facts, tables and charts of plain text; no markup at all.

Whatever stands in it was written by others and is text. What makes Markdown, HTML or PDF of it
escapes every text alike, so that nobody can put markup into a briefing.
"""

from dataclasses import dataclass
from typing import Literal, NamedTuple, TypeAlias

Align: TypeAlias = Literal["text", "number", "code"]


class Cites(NamedTuple):
    """A cell that cites events, by their numbers in the list of citations."""

    numbers: tuple[int, ...]


Cell: TypeAlias = str | Cites


class Column(NamedTuple):
    """A column: its heading, its share of the width (0 = as wide as it needs), what it holds."""

    title: str
    share: int = 0
    align: Align = "text"


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading; level 1 is that of a section."""

    level: int
    text: str


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Some sentences; `is_warning` = they must not be overlooked."""

    text: str
    is_warning: bool = False


@dataclass(frozen=True, slots=True)
class Facts:
    """Labels with values."""

    rows: tuple[tuple[str, Cell], ...]


@dataclass(frozen=True, slots=True)
class Table:
    """A table; every row has as many cells as there are columns."""

    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]


@dataclass(frozen=True, slots=True)
class Chart:
    """A picture, as SVG of our own making, and the same in numbers where there are few."""

    svg: str
    caption: str
    table: Table | None = None


@dataclass(frozen=True, slots=True)
class Source:
    """An entry of the list of citations: number, `origin#index`, leaf hash in hexadecimal."""

    number: int
    place: str
    leaf_hash: str


@dataclass(frozen=True, slots=True)
class Sources:
    """The list of citations."""

    entries: tuple[Source, ...]


Block: TypeAlias = Heading | Paragraph | Facts | Table | Chart | Sources


@dataclass(frozen=True, slots=True)
class Document:
    """A briefing.

    Attributes:
        language: such as `en`.
        title: of the whole.
        subtitle: what it is about, in one line.
        running: stands at the foot of every page.
        page_of: how a page is numbered, with {page} and {pages}.
        day: the day as of which it tells, ISO 8601; empty = nothing has a date.
        blocks: what it says.
    """

    language: str
    title: str
    subtitle: str
    running: str
    page_of: str
    day: str
    blocks: tuple[Block, ...]
