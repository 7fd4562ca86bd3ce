"""A briefing as Markdown: every text is escaped, so that it stands there as it was written.

CommonMark lets any ASCII punctuation be escaped by a backslash; escaped is what could begin markup
within a line: no text of others begins one.
"""

import re
from collections.abc import Iterable, Iterator
from functools import singledispatch
from typing import Final

from registry.views.briefings.document import (
    Block,
    Cell,
    Chart,
    Cites,
    Document,
    Facts,
    Heading,
    Paragraph,
    Sources,
    Table,
)
from registry.views.briefings.plain_text import one_line
from registry.views.briefings.wording import Words

_MARKUP: Final = re.compile(r"([\\`*_\[\]<>#|&~$@])")
_ADDRESS: Final = re.compile(r":(?=//)|(?<=www)\.", re.IGNORECASE)
"""What would become a link by itself."""


def to_markdown(document: Document) -> bytes:
    """Renders a document, UTF-8."""
    words = Words(document.language)
    lines = [f"# {_text(document.title)}", "", f"**{_text(document.subtitle)}**", ""]
    for block in document.blocks:
        lines += [*_lines(block, words), ""]
    lines += ["---", "", f"*{_text(document.running)}*", ""]
    return "\n".join(lines).encode()


@singledispatch
def _lines(block: Block, words: Words) -> Iterator[str]:
    del words
    msg = f"no lines for {type(block).__name__}"
    raise AssertionError(msg)


@_lines.register
def _(block: Heading, words: Words) -> Iterator[str]:
    del words
    yield f"{'#' * (block.level + 1)} {_text(block.text)}"


@_lines.register
def _(block: Paragraph, words: Words) -> Iterator[str]:
    del words
    yield f"> **{_text(block.text)}**" if block.is_warning else _text(block.text)


@_lines.register
def _(block: Facts, words: Words) -> Iterator[str]:
    del words
    yield from _table(("", ""), ("---", "---"), block.rows)


@_lines.register
def _(block: Table, words: Words) -> Iterator[str]:
    del words
    rules = ["---:" if column.align == "number" else "---" for column in block.columns]
    yield from _table([column.title for column in block.columns], rules, block.rows)


@_lines.register
def _(block: Chart, words: Words) -> Iterator[str]:
    yield f"*{_text(block.caption)}*"
    if block.table is not None:
        yield ""
        yield from _lines(block.table, words)


@_lines.register
def _(block: Sources, words: Words) -> Iterator[str]:
    titles = ("", words("citation_event"), words("citation_hash"))
    rows = ((f"[{e.number}]", e.place, e.leaf_hash) for e in block.entries)
    yield from _table(titles, ("---:", "---", "---"), rows)


def _table(
    titles: Iterable[str], rules: Iterable[str], rows: Iterable[Iterable[Cell]]
) -> Iterator[str]:
    yield f"| {' | '.join(map(_text, titles))} |"
    yield f"|{'|'.join(rules)}|"
    for row in rows:
        yield f"| {' | '.join(map(_cell, row))} |"


def _cell(cell: Cell) -> str:
    if isinstance(cell, Cites):
        return " ".join(f"\\[{number}\\]" for number in cell.numbers)
    return _text(cell)


def _text(text: str) -> str:
    return _ADDRESS.sub(r"\\\g<0>", _MARKUP.sub(r"\\\1", one_line(text)))
