"""A briefing as one HTML file without scripts or links to anywhere: it opens offline and prints.

Every text is escaped, and a content security policy forbids what a mistake there could bring in.
"""

from collections.abc import Iterator, Sequence
from functools import singledispatch
from html import escape
from typing import Final

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

_STYLE: Final = """
:root { color-scheme: light; }
body { margin: 0 auto; max-width: 62rem; padding: 2rem 1.5rem 4rem; color: #1d1d1f;
  font: 16px/1.5 Georgia, 'Libertinus Serif', 'Times New Roman', serif; background: #fff; }
header { border-bottom: 2px solid #1d1d1f; margin-bottom: 1.5rem; }
h1 { font-size: 2rem; margin: 0; line-height: 1.2; }
.subtitle { font-size: 1.1rem; margin: .3rem 0 1rem; }
h2 { font-size: 1.35rem; margin: 2.4rem 0 .6rem; padding-bottom: .2rem;
  border-bottom: 1px solid #8a8a8a; break-after: avoid; }
h3 { font-size: 1.08rem; margin: 1.8rem 0 .4rem; break-after: avoid; }
p { margin: .5rem 0; }
.warning { border-left: 4px solid #1d1d1f; background: #f1f1f1; padding: .5rem .8rem;
  font-weight: bold; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; margin: .6rem 0 1rem; font-size: .92rem; }
th, td { text-align: left; vertical-align: top; padding: .3rem .6rem .3rem 0;
  border-bottom: 1px solid #d9d9d9; }
td.code, .facts td { overflow-wrap: anywhere; }
thead th { border-bottom: 1.5px solid #1d1d1f; }
thead { display: table-header-group; }
tr { break-inside: avoid; }
th.number, td.number { text-align: right; font-variant-numeric: tabular-nums; }
td.short { white-space: nowrap; }
td.code { font: .78rem/1.45 ui-monospace, 'DejaVu Sans Mono', monospace; }
table.facts { width: auto; } table.facts th { font-weight: normal; color: #4a4a4a;
  white-space: nowrap; padding-right: 1.4rem; }
table.facts th, table.facts td { border-bottom-color: #ececec; }
figure { margin: 1rem 0; overflow-x: auto; }
figure svg { width: 100%; min-width: 34rem; height: auto; display: block; }
figcaption { font-size: .88rem; color: #4a4a4a; margin-bottom: .3rem; }
a.cite { color: inherit; text-decoration: none; white-space: nowrap; }
a.cite:hover, a.cite:focus { text-decoration: underline; }
tr:target { background: #e6e6e6; }
footer { margin-top: 3rem; border-top: 1px solid #8a8a8a; font-size: .85rem; color: #4a4a4a; }
@media print { body { max-width: none; padding: 0; font-size: 10pt; } details { display: none; } }
"""
_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'"


def to_html(document: Document) -> bytes:
    """Renders a document, UTF-8."""
    words = Words(document.language)
    body = "\n".join(part for block in document.blocks for part in _parts(block, words))
    title = f"{document.title} · {document.subtitle}"
    return (
        f'<!doctype html>\n<html lang="{_text(document.language)}">\n<head>\n'
        '<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="referrer" content="no-referrer">\n'
        f"<title>{_text(title)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n"
        f'<header><h1>{_text(document.title)}</h1><p class="subtitle">'
        f"{_text(document.subtitle)}</p></header>\n<main>\n{body}\n</main>\n"
        f"<footer><p>{_text(document.running)}</p></footer>\n</body>\n</html>\n"
    ).encode()


@singledispatch
def _parts(block: Block, words: Words) -> Iterator[str]:
    del words
    msg = f"no parts for {type(block).__name__}"
    raise AssertionError(msg)


@_parts.register
def _(block: Heading, words: Words) -> Iterator[str]:
    del words
    level = block.level + 1
    yield f"<h{level}>{_text(block.text)}</h{level}>"


@_parts.register
def _(block: Paragraph, words: Words) -> Iterator[str]:
    del words
    kind = ' class="warning"' if block.is_warning else ""
    yield f"<p{kind}>{_text(block.text)}</p>"


@_parts.register
def _(block: Facts, words: Words) -> Iterator[str]:
    del words
    rows = "".join(
        f'<tr><th scope="row">{_text(name)}</th><td>{_cell(value)}</td></tr>'
        for name, value in block.rows
    )
    yield f'<div class="wide"><table class="facts"><tbody>{rows}</tbody></table></div>'


@_parts.register
def _(block: Table, words: Words) -> Iterator[str]:
    del words
    head = "".join(
        f'<th scope="col" class="{_class(column)}">{_text(column.title)}</th>'
        for column in block.columns
    )
    rows = "".join(f"<tr>{_cells(block.columns, row)}</tr>\n" for row in block.rows)
    yield (
        f'<div class="wide"><table>{_widths(block.columns)}<thead><tr>{head}</tr></thead>\n'
        f"<tbody>{rows}</tbody></table></div>"
    )


def _widths(columns: Sequence[Column]) -> str:
    """The shares of columns, so that tables of one kind stand alike; others take what they need."""
    whole = sum(each.share or 1 for each in columns)
    return "".join(
        f'<col style="width: {100 * each.share // whole}%">' if each.share else "<col>"
        for each in columns
    )


@_parts.register
def _(block: Chart, words: Words) -> Iterator[str]:
    yield f"<figure><figcaption>{_text(block.caption)}</figcaption>{block.svg}</figure>"
    if block.table is not None:
        yield f"<details><summary>{_text(words('chart_numbers'))}</summary>"
        yield from _parts(block.table, words)
        yield "</details>"


@_parts.register
def _(block: Sources, words: Words) -> Iterator[str]:
    head = f"<th></th><th>{_text(words('citation_event'))}</th>"
    head += f"<th>{_text(words('citation_hash'))}</th>"
    rows = "".join(
        f'<tr id="c{each.number}"><td class="short">[{each.number}]</td>'
        f'<td>{_text(each.place)}</td><td class="code">{_text(each.leaf_hash)}</td></tr>\n'
        for each in block.entries
    )
    yield (
        f'<div class="wide"><table><thead><tr>{head}</tr></thead>\n<tbody>{rows}</tbody>'
        "</table></div>"
    )


def _cells(columns: Sequence[Column], row: Sequence[Cell]) -> str:
    return "".join(
        f'<td class="{_class(column)}">{_cell(cell)}</td>'
        for column, cell in zip(columns, row, strict=True)
    )


def _class(column: Column) -> str:
    return column.align if column.align != "text" else "text" if column.share else "short"


def _cell(cell: Cell) -> str:
    if isinstance(cell, Cites):
        return " ".join(f'<a class="cite" href="#c{n}">[{n}]</a>' for n in cell.numbers)
    return _text(cell)


def _text(text: str) -> str:
    return escape(one_line(text))
