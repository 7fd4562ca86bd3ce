"""Statements that were issued, in a briefing; corrected and withdrawn ones say so."""

from typing import Final, NamedTuple

from registry.domain.acts import Act, place_of
from registry.domain.content import (
    StatementCorrected,
    StatementCosigned,
    StatementIssued,
    StatementWithdrawn,
)
from registry.views.acts import Place, name_of
from registry.views.briefings.document import Block, Cell, Column
from registry.views.briefings.ground import Ground, by_date
from registry.views.briefings.told import ToldCase, day_of

_COLUMNS: Final = (
    Column("column_date"),
    Column("column_issued_by", 4),
    Column("column_what", 6),
    Column("column_remarks", 3),
    Column("column_source", 2),
)
_FOLLOWING: Final = (StatementCosigned, StatementCorrected, StatementWithdrawn)


class _Issued(NamedTuple):
    act: Act
    after: tuple[Act, ...]


def statements(ground: Ground) -> tuple[Block, ...]:
    """The section."""
    found = sorted(
        (each for case in ground.cases for each in _issued(case)),
        key=lambda each: (by_date(each.act), each.act.place),
    )
    return (
        ground.section("statements"),
        *ground.table(_COLUMNS, found, lambda each: _row(ground, each), nothing="no_statements"),
    )


def _issued(case: ToldCase) -> list[_Issued]:
    issued = [act for act in case.told_acts() if isinstance(act.content, StatementIssued)]
    if not issued:
        return []
    after: dict[Place | None, list[Act]] = {}
    for act in case.acts:
        if isinstance(act.content, _FOLLOWING):
            about = place_of(act.content.about)
            after.setdefault(about, []).append(act)
    return [_Issued(act, tuple(after.get(act.place, ()))) for act in issued]


def _row(ground: Ground, each: _Issued) -> tuple[Cell, ...]:
    words, content = ground.words, each.act.content
    joint = content.joint_bodies if isinstance(content, StatementIssued) else ()
    joined = (a.content.acting_body for a in each.after if isinstance(a.content, StatementCosigned))
    bodies = dict.fromkeys((content.acting_body, *joint, *joined))
    remarks = []
    if any(isinstance(a.content, StatementCorrected) for a in each.after):
        remarks.append(words("corrected"))
    if any(isinstance(a.content, StatementWithdrawn) for a in each.after):
        remarks.append(words("withdrawn"))
    return (
        ground.date_of(day_of(content)),
        ", ".join(bodies),
        " · ".join(filter(None, (name_of(content), ", ".join(content.references)))),
        ", ".join(remarks) or "-",
        ground.book.cite(each.act.place, *(a.place for a in each.after)),
    )
