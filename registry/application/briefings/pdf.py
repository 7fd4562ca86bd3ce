"""A briefing as PDF, set by typst from a template of ours.

What stands in it reaches the template as JSON, as values that are placed and never read as markup.
No clock (the day of the briefing dates the file), no system fonts, no files, no network: the same
document gives the same bytes wherever the same version of typst sets it.
"""

import json
import re
from datetime import UTC, datetime
from functools import cache, singledispatch
from importlib.resources import files
from typing import Any, Final

import typst

from registry.views.briefings.document import (
    Block,
    Cell,
    Chart,
    Cites,
    Column,
    Document,
    Facts,
    Heading,
    Paragraph,
    Sources,
    Table,
)
from registry.views.briefings.plain_text import one_line
from registry.views.briefings.wording import Words

_BEFORE_ANY_DAY: Final = "1970-01-01"
_SIGN: Final = re.compile("[._/]")
_LONG: Final = re.compile("[^\\s\u200b-]{22}")
_MAY_BREAK: Final = "\\g<0>\u200b"
"""Words may be broken after a sign and after 22 letters. typst takes ten times as long to do it."""


def to_pdf(document: Document) -> bytes:
    """Renders a document."""
    data = json.dumps(_document(document), ensure_ascii=False, separators=(",", ":"))
    day = datetime.fromisoformat(document.day or _BEFORE_ANY_DAY).replace(tzinfo=UTC)
    return typst.compile(
        _template(),
        format="pdf",
        ignore_system_fonts=True,
        sys_inputs={"briefing": data},
        timestamp=day,
    )


@cache
def _template() -> bytes:
    return (files(__package__) / "briefing.typ").read_bytes()


def _document(document: Document) -> dict[str, Any]:
    words = Words(document.language)
    return {
        "lang": document.language,
        "title": one_line(document.title),
        "subtitle": one_line(document.subtitle),
        "running": one_line(document.running),
        "page_of": document.page_of,
        "blocks": [_block(block, words) for block in document.blocks],
    }


@singledispatch
def _block(block: Block, words: Words) -> dict[str, Any]:
    del words
    msg = f"the template has no {type(block).__name__}"
    raise AssertionError(msg)


@_block.register
def _(block: Heading, words: Words) -> dict[str, Any]:
    del words
    return {"kind": "heading", "level": block.level, "text": one_line(block.text)}


@_block.register
def _(block: Paragraph, words: Words) -> dict[str, Any]:
    del words
    return {"kind": "text", "text": one_line(block.text), "warns": block.is_warning}


@_block.register
def _(block: Facts, words: Words) -> dict[str, Any]:
    del words
    rows = [[one_line(name), _cell(value)] for name, value in block.rows]
    return {"kind": "facts", "rows": rows}


@_block.register
def _(block: Table, words: Words) -> dict[str, Any]:
    del words
    return {
        "kind": "table",
        "columns": [
            {"title": one_line(each.title), "share": each.share, "align": each.align}
            for each in block.columns
        ],
        "rows": [list(map(_table_cell, block.columns, row)) for row in block.rows],
    }


@_block.register
def _(block: Chart, words: Words) -> dict[str, Any]:
    del words
    return {"kind": "chart", "svg": block.svg, "caption": one_line(block.caption)}


@_block.register
def _(block: Sources, words: Words) -> dict[str, Any]:
    return {
        "kind": "sources",
        "event": words("citation_event"),
        "hash": words("citation_hash"),
        "rows": [[each.number, each.place, each.leaf_hash] for each in block.entries],
    }


def _table_cell(column: Column, cell: Cell) -> str | list[int]:
    """Codes in a text are not hyphenated, yet must not run out of their cell."""
    shown = _cell(cell)
    if isinstance(shown, list) or column.align == "code":
        return shown
    return _LONG.sub(_MAY_BREAK, _SIGN.sub(_MAY_BREAK, shown))


def _cell(cell: Cell) -> str | list[int]:
    """A text as it is; citations as their numbers."""
    return list(cell.numbers) if isinstance(cell, Cites) else one_line(cell)
