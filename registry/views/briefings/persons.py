"""Detentions, reprisals and steps of accountability in a briefing; persons only if they may be."""

from collections.abc import Iterator
from datetime import date
from typing import Final, NamedTuple

from registry.domain.acts import Act, said, states_of
from registry.domain.content import (
    AccountabilityStep,
    DetentionChanged,
    ReprisalAlleged,
    ReprisalLinked,
    ReprisalResolved,
)
from registry.domain.detention import Detention, count_days, detentions_of
from registry.domain.vocabulary import kind_code
from registry.views.acts import name_of
from registry.views.briefings.document import Block, Cell, Column, Paragraph
from registry.views.briefings.ground import Ground, by_date
from registry.views.briefings.told import ToldCase, day_of

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
    found: Detention


class _Step(NamedTuple):
    case: ToldCase
    act: Act


def detentions(ground: Ground) -> tuple[Block, ...]:
    """The section on detentions that lasted into the period, or began in it."""
    found = sorted(
        (each for case in ground.cases for each in _detained(ground, case)),
        key=lambda each: (by_date(each.found.opening), each.found.opening.place),
    )
    return (
        ground.section("detentions"),
        *ground.table(
            _DETAINED, found, lambda each: _detention(ground, each), nothing="no_detentions"
        ),
    )


def _detained(ground: Ground, case: ToldCase) -> Iterator[_Detained]:
    since = ground.order.since
    for found in detentions_of(case.acts):
        if case.fitting.isdisjoint(account.act.place for account in found.accounts):
            continue
        if since and _last_day(found) and _last_day(found) < since:
            continue
        yield _Detained(case, found)


def _last_day(found: Detention) -> str:
    """The last day on which it can have ended; empty = it may last."""
    end = found.course.end
    is_over = end is not None and not found.course.is_contradicted
    return str(end.last) if is_over and end is not None and end.last is not None else ""


def _detention(ground: Ground, each: _Detained) -> tuple[Cell, ...]:
    accounts = each.found.accounts
    acts = [account.act for account in accounts]
    began = next((a.date for a in accounts if a.what == "began"), "")
    states = dict.fromkeys(state for act in acts for state in states_of(act.content))
    return (
        ground.date_of(began),
        ground.title_of(each.case),
        ground.states(tuple(states)),
        " · ".join(dict.fromkeys(filter(None, _told_of(ground, each.found)))),
        _until(ground, each.found),
        _days(each.found, ground.as_of),
        ground.book.cite(*(act.place for act in acts)),
    )


def _told_of(ground: Ground, found: Detention) -> Iterator[str]:
    acts = [account.act for account in found.accounts]
    yield name_of(found.opening.content)
    for act in acts:
        yield said(act.content, "place", "")
        yield ", ".join(said(act.content, "charges", ()))
        if isinstance(act.content, DetentionChanged):
            change = ground.words.code(act.content.change or "other")
            yield f"{change} {day_of(act.content)}".strip()
    for act in acts:
        yield from (
            person.name
            for person in act.content.persons
            if person.person_id == found.person_id or not found.person_id
        )


def _until(ground: Ground, found: Detention) -> str:
    """When it ended; where mechanisms differ both is told."""
    ended = [account for account in found.accounts if account.what == "ended"]
    if not ended:
        return ground.words("still_detained")
    how = said(ended[-1].act.content, "release", "")
    end = ground.date_of(ended[-1].date)
    told = f"{end} ({ground.words.code(how)})" if how else end
    return f"{told} / {ground.words('still_detained')}" if found.course.is_contradicted else told


def _days(found: Detention, as_of: str) -> str:
    """Days in detention until a day; of dates that are known in part, at least and at most."""
    if not as_of or not found.course.start.is_known:
        return "-"
    days = count_days(found.course, date.fromisoformat(as_of)).days
    if days.most is None:
        return f"{days.least}+"
    return str(days.least) if days.least == days.most else f"{days.least}-{days.most}"


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
    is_alleged = any(isinstance(act.content, ReprisalAlleged) for act in case.told_acts())
    answers = (AccountabilityStep, ReprisalResolved)
    return is_alleged and not any(isinstance(act.content, answers) for act in case.acts)


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
