"""The figures of a briefing: how many of what, and who acted in which month."""

from collections import Counter
from typing import Final

from registry.domain.acts import Act
from registry.domain.content import CaseMarkedEmblematic
from registry.domain.vocabulary import EventKind
from registry.views.briefings.charts import bars
from registry.views.briefings.document import Block, Chart, Column, Facts, Paragraph, Table
from registry.views.briefings.ground import Ground
from registry.views.briefings.told import ToldCase, day_of

_YEAR: Final = 4
_MONTH: Final = 7
_MONTHS_MAX: Final = 36
_COLUMNS_MAX: Final = 60
_MONTHS_A_YEAR: Final = 12
_COUNTED: Final = (
    ("figure_communications", EventKind.COMMUNICATION_SENT),
    ("figure_replies", EventKind.REPLY_RECEIVED),
    ("figure_measures", EventKind.MEASURE_GRANTED),
    ("figure_opinions", EventKind.OPINION_ADOPTED),
    ("figure_statements", EventKind.STATEMENT_ISSUED),
    ("figure_recommendations", EventKind.RECOMMENDATION_MADE),
    ("figure_detentions", EventKind.DETENTION_RECORDED),
    ("figure_releases", EventKind.PERSON_RELEASED),
    ("figure_reprisals", EventKind.REPRISAL_ALLEGED),
    ("figure_steps", EventKind.ACCOUNTABILITY_STEP),
    ("figure_meetings", EventKind.MEETING_HELD),
)


def figures(ground: Ground) -> tuple[Block, ...]:
    """The section."""
    words = ground.words
    acts = [act for case in ground.cases for act in case.told_acts()]
    kinds = Counter(act.content.kind for act in acts)
    mechanisms = sorted({act.mechanism for act in acts})
    rows = [
        (words("figure_cases"), str(len(ground.cases))),
        (words("figure_emblematic"), str(sum(map(is_emblematic, ground.cases)))),
        (words("figure_acts"), str(len(acts))),
        (words("figure_mechanisms"), f"{len(mechanisms)} ({', '.join(mechanisms)})"),
        *((words(name), str(kinds[kind])) for name, kind in _COUNTED if kinds[kind]),
    ]
    return (ground.section("figures"), Facts(tuple(rows)), *_chart(ground, acts))


def is_emblematic(case: ToldCase) -> bool:
    """Whether a mechanism holds a case emblematic, as far as is told."""
    marks = {
        act.mechanism: not act.content.is_taken_back
        for act in case.acts
        if isinstance(act.content, CaseMarkedEmblematic)
    }
    return any(marks.values())


def _chart(ground: Ground, acts: list[Act]) -> tuple[Block, ...]:
    """Acts by mechanism and month; by year where the months are too many to be told apart."""
    words = ground.words
    days = Counter((act.mechanism, day_of(act.content)) for act in acts)
    months = sorted({day[:_MONTH] for _, day in days if len(day) >= _MONTH})
    columns = _months_between(months[0], months[-1]) if months else []
    precision = _MONTH
    if not columns or len(columns) > _MONTHS_MAX:
        precision = _YEAR
        years = sorted({day[:_YEAR] for _, day in days if day})
        columns = _years_between(years)[-_COLUMNS_MAX:]
    if not columns:
        return ()
    counts: Counter[tuple[str, str]] = Counter()
    for (who, day), count in days.items():
        if len(day) >= precision:
            counts[who, day[:precision]] += count
    placed = {key: count for key, count in counts.items() if key[1] in set(columns)}
    rows = sorted({who for who, _ in placed})
    by_month = precision == _MONTH
    caption = words("chart_by_month" if by_month else "chart_by_year")
    table = Table(
        (
            Column(words("chart_period"), 2),
            *(Column(row, 1, "number") for row in rows),
            Column(words("chart_total"), 1, "number"),
        ),
        tuple(
            (
                column,
                *(str(placed.get((row, column), 0)) for row in rows),
                str(sum(placed.get((row, column), 0) for row in rows)),
            )
            for column in columns
        ),
    )
    left = len(acts) - sum(placed.values())
    svg = bars(
        rows,
        columns,
        placed,
        title=caption,
        described=words("chart_described", count=sum(placed.values())),
    )
    blocks: tuple[Block, ...] = (Chart(svg, caption, table),)
    return (*blocks, Paragraph(words("chart_left_out", count=left))) if left else blocks


def _months_between(first: str, last: str) -> list[str]:
    start = int(first[:_YEAR]) * _MONTHS_A_YEAR + int(first[5:_MONTH]) - 1
    end = int(last[:_YEAR]) * _MONTHS_A_YEAR + int(last[5:_MONTH])
    return [
        f"{month // _MONTHS_A_YEAR:04}-{month % _MONTHS_A_YEAR + 1:02}"
        for month in range(start, end)
    ]


def _years_between(years: list[str]) -> list[str]:
    if not years:
        return []
    return [f"{year:04}" for year in range(int(years[0]), int(years[-1]) + 1)]
