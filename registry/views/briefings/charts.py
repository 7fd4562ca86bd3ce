"""Charts as SVG of our own: whole numbers of points, one grey, text that everybody can read.

Rows of bars instead of colours, so that a copy in grey says the same. Coordinates are whole or have
one decimal, so that two machines write the same bytes.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Final
from xml.sax.saxutils import escape

from registry.views.briefings.plain_text import one_line

_LABEL: Final = 118
_PLOT: Final = 500
_TOTAL: Final = 42
_ROW: Final = 40
_BAR_MAX: Final = 26
_AXIS: Final = 22
_WIDTH: Final = _LABEL + _PLOT + _TOTAL
_LABELS_MAX: Final = 12
_NUMBERED_MIN: Final = 13
"""Columns must be so wide that a number above each can be read."""
_FONT: Final = "font-family=\"'Libertinus Serif', Georgia, serif\""
_INK: Final = "#222222"
_BAR: Final = "#5a5a5a"
_LINE: Final = "#bbbbbb"
_NAME_MAX: Final = 22
_STRIP_HEIGHT: Final = 44
_STRIP_LINE: Final = 20
_STRIP_EDGE: Final = 30


def bars(
    rows: Sequence[str],
    columns: Sequence[str],
    counts: Mapping[tuple[str, str], int],
    *,
    title: str,
    described: str,
) -> str:
    """One row of bars for each mechanism, on one scale.

    Args:
        rows: mechanisms.
        columns: months (`2024-03`) or years, without gaps.
        counts: by row and column; what is not there is 0.
        title: of the chart, for who cannot see it.
        described: likewise, in a sentence.
    """
    height = len(rows) * _ROW + _AXIS
    top = max(counts.values(), default=1)
    step = _PLOT / len(columns)
    parts = [_opening(_WIDTH, height, title, described)]
    for at, row in enumerate(rows):
        base = (at + 1) * _ROW - 4
        parts.append(_text(0, base - 6, _shortened(row), 11))
        parts.append(
            f'<line x1="{_LABEL}" y1="{base}" x2="{_LABEL + _PLOT}" y2="{base}" '
            f'stroke="{_LINE}" stroke-width="0.7"/>'
        )
        total = 0
        for place, column in enumerate(columns):
            count = counts.get((row, column), 0)
            total += count
            if count:
                parts += _bar(_LABEL + place * step, base, step, count, top)
        parts.append(_text(_WIDTH, base - 6, str(total), 11, anchor="end", weight="bold"))
    parts += _axis(columns, step, height)
    return "".join([*parts, "</svg>"])


def _bar(left: float, base: int, step: float, count: int, top: int) -> list[str]:
    tall = max(1.0, _BAR_MAX * count / top)
    wide = max(1.0, step * 0.7)
    x = left + (step - wide) / 2
    shape = f'<rect x="{x:.1f}" y="{base - tall:.1f}" width="{wide:.1f}" height="{tall:.1f}" '
    shape += f'fill="{_BAR}"/>'
    found = [shape]
    if step >= _NUMBERED_MIN:
        found.append(_text(left + step / 2, base - tall - 2, str(count), 8, anchor="middle"))
    return found


def _axis(columns: Sequence[str], step: float, height: int) -> list[str]:
    every = -(-len(columns) // _LABELS_MAX)
    return [
        _text(_LABEL + (place + 0.5) * step, height - 6, column, 8.5, anchor="middle")
        for place, column in enumerate(columns)
        if place % every == 0
    ]


def strip(days: Sequence[date], *, title: str, described: str) -> str:
    """A line of time with a mark for each act; the year stands where it begins.

    Args:
        days: of the acts, two different ones at least.
        title: of the chart, for who cannot see it.
        described: likewise, in a sentence.
    """
    first, last = min(days), max(days)
    length = (last - first).days
    span = _WIDTH - 2 * _STRIP_EDGE

    def place(day: date) -> float:
        return _STRIP_EDGE + span * (day - first).days / length

    line = f'<line x1="{_STRIP_EDGE}" y1="{_STRIP_LINE}" x2="{_WIDTH - _STRIP_EDGE}" '
    line += f'y2="{_STRIP_LINE}" stroke="{_INK}" stroke-width="0.8"/>'
    parts = [_opening(_WIDTH, _STRIP_HEIGHT, title, described), line]
    years = [date(year, 1, 1) for year in range(first.year + 1, last.year + 1)]
    every = -(-len(years) // _LABELS_MAX) if years else 1
    for year in years[::every]:
        x = place(year)
        parts.append(
            f'<line x1="{x:.1f}" y1="{_STRIP_LINE - 7}" x2="{x:.1f}" y2="{_STRIP_LINE + 7}" '
            f'stroke="{_LINE}" stroke-width="0.8"/>'
        )
        if place(first) + 40 < x < place(last) - 40:
            parts.append(_text(x, _STRIP_HEIGHT - 6, str(year.year), 8.5, anchor="middle"))
    for day, count in sorted(Counter(days).items()):
        size = min(6.0, 2.4 + 0.8 * count)
        parts.append(
            f'<circle cx="{place(day):.1f}" cy="{_STRIP_LINE}" r="{size:.1f}" fill="{_BAR}" '
            f'stroke="#ffffff" stroke-width="0.6"/>'
        )
    parts.append(_text(0, _STRIP_HEIGHT - 6, first.isoformat(), 8.5))
    parts.append(_text(_WIDTH, _STRIP_HEIGHT - 6, last.isoformat(), 8.5, anchor="end"))
    return "".join([*parts, "</svg>"])


def _opening(width: int, height: int, title: str, described: str) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        f'width="{width}" height="{height}" role="img">'
        f"<title>{escape(one_line(title))}</title><desc>{escape(one_line(described))}</desc>"
    )


def _text(
    x: float, y: float, text: str, size: float, *, anchor: str = "start", weight: str = "normal"
) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" {_FONT} font-size="{size}" fill="{_INK}" '
        f'text-anchor="{anchor}" font-weight="{weight}">{escape(one_line(text))}</text>'
    )


def _shortened(name: str) -> str:
    return name if len(name) <= _NAME_MAX else f"{name[: _NAME_MAX - 1]}…"
