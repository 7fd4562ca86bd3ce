"""Meetings with their agendas, and what became of commitments, in a briefing."""

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from registry.domain.acts import Act, place_of
from registry.domain.content import MeetingHeld
from registry.views.briefings.document import Block, Cell, Column, Facts, Heading, Paragraph
from registry.views.briefings.ground import Ground, by_date
from registry.views.briefings.told import ToldCase
from registry.views.meeting_rows import CommitmentRow, MeetingRow
from registry.views.meetings import commitment_rows, meeting_rows

MEETINGS_MAX: Final = 20
"""Meetings that are told with their agendas: the newest."""
_COMMITTED: Final = (
    Column("column_by", 3),
    Column("column_what", 5),
    Column("column_due"),
    Column("column_stands", 3),
    Column("column_source", 1),
)


class _Held(NamedTuple):
    case: ToldCase
    act: Act


def meetings(ground: Ground) -> tuple[Block, ...]:
    """The section; with it commitments that were made elsewhere."""
    words = ground.words
    held = sorted(
        (
            _Held(case, act)
            for case in ground.cases
            for act in case.told_acts()
            if isinstance(act.content, MeetingHeld)
        ),
        key=lambda each: (by_date(each.act), each.act.place),
    )
    blocks: list[Block] = [ground.section("meetings")]
    if len(held) > MEETINGS_MAX:
        blocks.append(Paragraph(words("earlier_meetings", count=len(held) - MEETINGS_MAX)))
    for row in _rows(ground, held[-MEETINGS_MAX:]):
        blocks += _meeting(ground, row)
    alone = [row for case in ground.cases for row in _alone(ground, case)]
    if alone:
        blocks.append(Heading(2, words("other_commitments")))
        blocks += _commitments(ground, alone)
    if not held and not alone:
        blocks.append(Paragraph(words("no_meetings")))
    return tuple(blocks)


def _rows(ground: Ground, held: Sequence[_Held]) -> list[MeetingRow]:
    """What is told of some meetings."""
    cases = {each.case.case_id: each.case for each in held}
    rows = {
        (row.origin, row.index): row
        for case in cases.values()
        for row in meeting_rows(case.case_id, case.acts, ground.profiles, confidential=())
    }
    return [rows[each.act.place] for each in held]


def _meeting(ground: Ground, row: MeetingRow) -> Iterator[Block]:
    words = ground.words
    agenda: list[tuple[str, Cell]] = []
    for number, item in enumerate(row.agenda, start=1):
        theme = f" ({words.theme(item.theme)})" if item.theme else ""
        name = "" if agenda else words("fact_agenda")
        agenda.append((name, f"{number}. {item.title}{theme}"))
    facts: tuple[tuple[str, Cell], ...] = (
        (words("fact_place"), row.place),
        (words("fact_participants"), ", ".join(row.participants)),
        *agenda,
        (words("column_source"), ground.book.cite((row.origin, row.index))),
    )
    yield Heading(2, f"{ground.date_of(row.date)} · {row.title}")
    yield Facts(tuple(fact for fact in facts if fact[1]))
    yield from _commitments(ground, row.commitments)


def _commitments(
    ground: Ground, rows: tuple[CommitmentRow, ...] | list[CommitmentRow]
) -> tuple[Block, ...]:
    return ground.table(
        _COMMITTED, rows, lambda row: _commitment(ground, row), nothing="no_commitments"
    )


def _commitment(ground: Ground, row: CommitmentRow) -> tuple[Cell, ...]:
    words = ground.words
    by = ", ".join(filter(None, (*row.bodies, words.state(row.state) if row.state else "")))
    is_late = row.outcome == "open" and bool(ground.as_of) and row.due < ground.as_of
    outcome = "overdue" if is_late else row.outcome
    return (
        by or row.body,
        row.title,
        row.due or "-",
        "; ".join(words.code(each) for each in (outcome, row.scale) if each),
        ground.book.cite((row.origin, row.index)),
    )


def _alone(ground: Ground, case: ToldCase) -> Iterator[CommitmentRow]:
    """Commitments that are about no meeting that the recipients may see."""
    rows = commitment_rows(case.case_id, case.acts, ground.profiles)
    if not rows:
        return
    at_meetings = {act.place for act in case.acts if isinstance(act.content, MeetingHeld)}
    about = {act.place: place_of(act.content.about) for act in case.told_acts()}
    for row in rows:
        place = (row.origin, row.index)
        if place in about and about[place] not in at_meetings:
            yield row
