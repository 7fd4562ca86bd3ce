"""What is overdue, and what came of recommendations and decisions, in a briefing."""

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Final, NamedTuple

from registry.domain.acts import Act
from registry.domain.content import CommitmentMade
from registry.domain.deadlines import Obligation, is_overdue, obligations_of
from registry.views.acts import Place
from registry.views.briefings.document import Block, Cell, Column, Paragraph
from registry.views.briefings.ground import Ground
from registry.views.briefings.told import ToldCase, day_of
from registry.views.follow_up import follow_up_row, followed_acts
from registry.views.rows import FollowUpRow

_DUE: Final = (
    Column("column_due"),
    Column("column_what", 3),
    Column("column_by", 3),
    Column("column_asked_by", 3),
    Column("column_case", 5),
    Column("column_source", 2),
)
_RECOMMENDED: Final = (
    Column("column_date"),
    Column("column_body", 3),
    Column("column_to", 3),
    Column("column_what", 6),
    Column("column_responses", 3),
    Column("column_stands", 3),
    Column("column_source", 2),
)


class _Due(NamedTuple):
    case: ToldCase
    due: Obligation


class _Followed(NamedTuple):
    case: ToldCase
    act: Act
    after: Sequence[Act]

    @property
    def order(self) -> tuple[bool, str, Place]:
        day = day_of(self.act.content)
        return (not day, day, self.act.place)


def overdue(ground: Ground) -> tuple[Block, ...]:
    """The section on what is overdue as of the day."""
    words = ground.words
    found = sorted(_overdue(ground), key=lambda each: (each.due.due, each.due.origin, each.due))

    def row(each: _Due) -> tuple[Cell, ...]:
        due = each.due
        return (
            due.due,
            words.code(due.matter) + (f" ({words('by_the_clock')})" if due.is_by_clock else ""),
            ground.states(due.states),
            due.instrument or due.body,
            ground.title_of(each.case),
            ground.book.cite((due.origin, due.index)),
        )

    return (
        ground.section("overdue"),
        Paragraph(words("overdue_as_seen", day=ground.as_of or words("undated"))),
        *ground.table(_DUE, found, row, nothing="no_overdue"),
    )


def _overdue(ground: Ground) -> Iterator[_Due]:
    if not ground.as_of:
        return
    today = date.fromisoformat(ground.as_of)
    for case in ground.cases:
        for due in obligations_of(case.acts, ground.profiles):
            is_asked = (due.origin, due.index) in case.fitting
            if is_asked and is_overdue(due.matter, due.state, due.due, today):
                yield _Due(case, due)


def recommendations(ground: Ground) -> tuple[Block, ...]:
    """The section on recommendations and decisions, and what came of them."""
    found = sorted(
        (each for case in ground.cases for each in _followed(case)),
        key=lambda each: each.order,
    )

    def row(each: _Followed) -> tuple[Cell, ...]:
        asked = follow_up_row(each.case.case_id, each.act, each.after, is_confidential=False)
        return (
            ground.date_of(asked.date),
            asked.body,
            ground.states(asked.states),
            " · ".join(filter(None, (asked.title, ", ".join(asked.references)))),
            _responses(ground, asked),
            _standing(ground, asked),
            ground.book.cite(each.act.place, *(act.place for act in each.after)),
        )

    return (
        ground.section("recommendations"),
        *ground.table(_RECOMMENDED, found, row, nothing="no_recommendations"),
    )


def _followed(case: ToldCase) -> Iterator[_Followed]:
    """Those that were made, answered or assessed in the period; commitments stand with meetings."""
    for act, after in followed_acts(case.acts):
        is_told = act.place in case.told or any(each.place in case.told for each in after)
        if is_told and not isinstance(act.content, CommitmentMade):
            yield _Followed(case, act, after)


def _responses(ground: Ground, row: FollowUpRow) -> str:
    told = (f"{_grade(ground, r.scheme, r.value)} {r.date}".strip() for r in row.responses)
    return "; ".join(told) or ground.words.code("no_response")


def _grade(ground: Ground, scheme: str, value: str) -> str:
    return ground.words.code(value) if scheme == "reply" else f"{scheme}: {value}"


def _standing(ground: Ground, row: FollowUpRow) -> str:
    native = (f"{each.scheme}: {each.value} ({each.body})" for each in row.assessments)
    return "; ".join((ground.words.code(row.scale), *native))
