"""The cases of a briefing: each with its facts and a timeline, what is left over in a line."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Final

from registry.domain.acts import Act, place_of, states_of, themes_of
from registry.domain.content import CaseOpened, EventCorrected
from registry.domain.disagreements import statuses_of
from registry.views.acts import Place
from registry.views.briefings.charts import strip
from registry.views.briefings.document import (
    Block,
    Cell,
    Chart,
    Column,
    Facts,
    Heading,
    Paragraph,
    Table,
)
from registry.views.briefings.figures import is_emblematic
from registry.views.briefings.ground import Ground, by_date
from registry.views.briefings.told import ToldCase, day_of

TIMELINE_MAX: Final = 100
"""Acts of one timeline: the newest of them."""
_DAY: Final = 10
_MARKS_MIN: Final = 3
_COLUMNS: Final = (
    Column("column_date"),
    Column("column_body", 2),
    Column("column_what", 6),
    Column("column_source", 1),
)
_OTHERS: Final = (
    Column("column_case", 6),
    Column("column_states", 3),
    Column("column_acts", 0, "number"),
    Column("column_withheld", 0, "number"),
    Column("column_source", 1),
)


def in_order(cases: tuple[ToldCase, ...]) -> tuple[ToldCase, ...]:
    """Cases as they are told: emblematic ones first, then those with most acts."""
    return tuple(
        sorted(cases, key=lambda case: (not is_emblematic(case), -len(case.told), case.case_id))
    )


def timelines(ground: Ground) -> tuple[Block, ...]:
    """The section."""
    blocks: list[Block] = [ground.section("cases")]
    if not ground.cases:
        blocks.append(Paragraph(ground.words("no_cases")))
    limit = ground.order.case_limit
    for number, case in enumerate(ground.cases[:limit], start=1):
        blocks += _case(ground, number, case)
    others = ground.cases[limit:]
    if others:
        blocks.append(Heading(2, ground.words("other_cases", count=len(others))))
        blocks += ground.table(
            _OTHERS, others, lambda case: _other(ground, case), nothing="no_cases"
        )
    return tuple(blocks)


def _case(ground: Ground, number: int, case: ToldCase) -> tuple[Block, ...]:
    words = ground.words
    acts = sorted(case.told_acts(), key=by_date)
    shown = acts[-TIMELINE_MAX:]
    blocks: list[Block] = [
        Heading(2, f"{number}. {ground.title_of(case)}"),
        Facts(_facts(ground, case)),
        *_strip(ground, acts),
    ]
    if len(shown) < len(acts):
        blocks.append(Paragraph(words("earlier_acts", count=len(acts) - len(shown))))
    corrected = _corrections(case)
    columns = tuple(each._replace(title=words(each.title)) for each in _COLUMNS)
    rows = tuple(
        (
            ground.date_of(day_of(act.content)),
            act.content.acting_body,
            _told(ground, act, corrected),
            ground.book.cite(act.place, *corrected.get(act.place, ())),
        )
        for act in shown
    )
    return (*blocks, Table(columns, rows))


def _told(ground: Ground, act: Act, corrected: Mapping[Place, Sequence[Place]]) -> str:
    text = ground.what(act)
    return f"{text} · {ground.words('corrected')}" if act.place in corrected else text


def _corrections(case: ToldCase) -> dict[Place, list[Place]]:
    """The corrections of each act, as far as the recipients may see them."""
    found: dict[Place, list[Place]] = {}
    for act in case.acts:
        about = place_of(act.content.about)
        if about is not None and isinstance(act.content, EventCorrected):
            found.setdefault(about, []).append(act.place)
    return found


def _facts(ground: Ground, case: ToldCase) -> tuple[tuple[str, str], ...]:
    words = ground.words
    acts = case.told_acts()
    states = dict.fromkeys(s for act in acts for s in states_of(act.content))
    themes = sorted({theme for act in acts for theme in themes_of(act.content)})
    mechanisms = sorted({act.mechanism for act in acts})
    outside = len(case.acts) - len(acts)
    status = _status(ground, case)
    marks = [words("emblematic")] if is_emblematic(case) else []
    rows = (
        (words("fact_id"), case.case_id.hex()),
        (words("fact_status"), ", ".join([status, *marks])),
        (words("fact_states"), ground.states(states)),
        (words("fact_themes"), ground.themes(themes)),
        (words("fact_mechanisms"), ", ".join(mechanisms)),
        (words("fact_outside"), str(outside) if outside else ""),
        (words("fact_withheld"), str(case.withheld) if case.withheld else ""),
    )
    return tuple(row for row in rows if row[1])


def _status(ground: Ground, case: ToldCase) -> str:
    said = set(statuses_of(case.acts).values())
    if len(said) > 1:
        return ground.words.code("disputed")
    return ground.words.code(said.pop() if said else "open")


def _strip(ground: Ground, acts: list[Act]) -> tuple[Block, ...]:
    days = [date.fromisoformat(day) for a in acts if len(day := day_of(a.content)) == _DAY]
    if len(days) < _MARKS_MIN or min(days) == max(days):
        return ()
    title = ground.words("strip_title")
    told = ground.words("strip_described", count=len(days), first=min(days), last=max(days))
    return (Chart(strip(days, title=title, described=told), told),)


def _other(ground: Ground, case: ToldCase) -> tuple[Cell, ...]:
    acts = case.told_acts()
    states = dict.fromkeys(s for act in acts for s in states_of(act.content))
    opened = [act.place for act in case.acts if isinstance(act.content, CaseOpened)]
    return (
        ground.title_of(case),
        ground.states(states),
        str(len(acts)),
        str(case.withheld),
        ground.book.cite(*(opened[:1] or [acts[0].place])),
    )
