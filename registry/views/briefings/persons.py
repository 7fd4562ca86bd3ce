"""Detentions, reprisals and steps of accountability in a briefing; persons only if they may be."""

from collections.abc import Iterator
from datetime import date
from typing import Final, NamedTuple

from registry.domain.acts import Act, place_of, said, states_of
from registry.domain.content import (
    AccountabilityStep,
    DetentionChanged,
    DetentionRecorded,
    PersonReleased,
    ReprisalAlleged,
    ReprisalLinked,
    ReprisalResolved,
)
from registry.domain.vocabulary import kind_code
from registry.views.acts import Place, name_of
from registry.views.briefings.document import Block, Cell, Column, Paragraph
from registry.views.briefings.ground import Ground, by_date
from registry.views.briefings.told import ToldCase, day_of

_DAY: Final = 10
_DETAINED: Final = (
    Column("column_since"),
    Column("column_case", 5),
    Column("column_states", 3),
    Column("column_what", 5),
    Column("column_until", 3),
    Column("column_days", 0, "number"),
    Column("column_source", 2),
)
_REPRISALS: Final = (
    Column("column_date"),
    Column("column_case", 4),
    Column("column_what", 5),
    Column("column_with", 3),
    Column("column_confidence", 2),
    Column("column_source", 2),
)
_ABOUT_REPRISALS: Final = (ReprisalAlleged, ReprisalLinked, ReprisalResolved, AccountabilityStep)


class _Detained(NamedTuple):
    case: ToldCase
    act: Act
    changes: tuple[Act, ...]
    released: Act | None


class _Step(NamedTuple):
    case: ToldCase
    act: Act


def detentions(ground: Ground) -> tuple[Block, ...]:
    """The section on detentions that lasted into the period, or began in it."""
    found = sorted(
        (each for case in ground.cases for each in _detained(ground, case)),
        key=lambda each: (by_date(each.act), each.act.place),
    )
    return (
        ground.section("detentions"),
        *ground.table(
            _DETAINED, found, lambda each: _detention(ground, each), nothing="no_detentions"
        ),
    )


def _detained(ground: Ground, case: ToldCase) -> Iterator[_Detained]:
    begun = {a.place: a.place for a in case.acts if isinstance(a.content, DetentionRecorded)}
    changes: dict[Place, list[Act]] = {}
    released: dict[Place, Act] = {}
    for act in case.acts:
        place = begun.get(place_of(act.content.about) or ("", 0))
        if place is None:
            continue
        if isinstance(act.content, DetentionChanged):
            # What is about a change is about its detention, too.
            begun[act.place] = place
            changes.setdefault(place, []).append(act)
        elif isinstance(act.content, PersonReleased):
            released[place] = act
    for act in case.acts:
        if not isinstance(act.content, DetentionRecorded) or act.place not in case.fitting:
            continue
        end = released.get(act.place)
        ended = day_of(end.content) if end else ""
        if not ended or not ground.order.since or ended >= ground.order.since:
            yield _Detained(case, act, tuple(changes.get(act.place, ())), end)


def _detention(ground: Ground, each: _Detained) -> tuple[Cell, ...]:
    words, content = ground.words, each.act.content
    told = (
        name_of(content),
        said(content, "place", ""),
        ", ".join(said(content, "charges", ())),
        *(
            f"{words.code(said(a.content, 'change', '') or 'other')} {day_of(a.content)}".strip()
            for a in each.changes
        ),
        ", ".join(person.name for person in content.persons),
    )
    start = day_of(content)
    until = words("still_detained")
    if each.released is not None:
        how = said(each.released.content, "release", "")
        end = ground.date_of(day_of(each.released.content))
        until = f"{end} ({words.code(how)})" if how else end
    places = [a.place for a in (each.act, *each.changes, each.released) if a is not None]
    return (
        ground.date_of(start),
        ground.title_of(each.case),
        ground.states(states_of(content)),
        " · ".join(filter(None, told)),
        until,
        _days(start, day_of(each.released.content) if each.released else ground.as_of),
        ground.book.cite(*places),
    )


def _days(start: str, end: str) -> str:
    """Days in detention; counted only between days that are known."""
    if len(start) != _DAY or len(end) != _DAY or end < start:
        return "-"
    return str((date.fromisoformat(end) - date.fromisoformat(start)).days)


def reprisals(ground: Ground) -> tuple[Block, ...]:
    """The section on reprisals for cooperation, and on what was done about them."""
    words = ground.words
    found = sorted(
        (
            _Step(case, act)
            for case in ground.cases
            for act in case.told_acts()
            if isinstance(act.content, _ABOUT_REPRISALS)
        ),
        key=lambda each: (by_date(each.act), each.act.place),
    )
    alone = sum(_is_unanswered(case) for case in ground.cases)
    blocks: list[Block] = [ground.section("reprisals")]
    if alone:
        blocks.append(Paragraph(words("reprisals_unanswered", count=alone)))
    blocks += ground.table(
        _REPRISALS, found, lambda each: _step(ground, each), nothing="no_reprisals"
    )
    return tuple(blocks)


def _is_unanswered(case: ToldCase) -> bool:
    """Whether the recipients know of a reprisal in a case and of no step after it."""
    contents = [act.content for act in case.acts]
    is_alleged = any(isinstance(act.content, ReprisalAlleged) for act in case.told_acts())
    answers = (AccountabilityStep, ReprisalResolved)
    return is_alleged and not any(isinstance(each, answers) for each in contents)


def _step(ground: Ground, each: _Step) -> tuple[Cell, ...]:
    words, content = ground.words, each.act.content
    code = said(content, "step", "") or said(content, "outcome", "")
    kind = words.kind(kind_code(content.kind))
    told = (f"{kind}: {words.code(code)}" if code else kind, name_of(content))
    with_whom = (
        said(content, "cooperated_with", "")
        or said(content, "cooperation_words", "")
        or said(content, "authority", "")
    )
    confidence = said(content, "confidence", "")
    return (
        ground.date_of(day_of(content)),
        ground.title_of(each.case),
        " · ".join(filter(None, told)),
        with_whom or "-",
        words.code(confidence) if confidence else "-",
        ground.book.cite(each.act.place),
    )
