"""Detentions: one document for each time that somebody was held, by when it began.

Rows hold dates, never a number of days: that follows from the day on which somebody asks. A name
stands in a row if an act of this detention names the person, and no longer once the person has
taken a consent back in this case.
"""

from collections.abc import Collection, Iterable, Sequence
from datetime import date
from typing import Final

from registry.domain.acts import Act, said, states_of
from registry.domain.consent import ends_a_use
from registry.domain.content import (
    CaseOpened,
    ConsentRecorded,
    ConsentWithdrawn,
    PartialDate,
    PersonReleased,
)
from registry.domain.content.kinds.judgement import Fact
from registry.domain.detention import (
    HELD,
    Count,
    Course,
    Detention,
    Phase,
    Span,
    count_days,
    detentions_of,
)
from registry.domain.identifiers import Slug
from registry.store.read_models import Document
from registry.views.acts import Place, place_key
from registry.views.detention_rows import DetentionRow, PhaseRow
from registry.views.rows import CaseRow, encode_row

VIEW: Final = "detention"
_UNDATED: Final = "~"
"""Sorts after every day."""


def detention_documents(
    case: CaseRow, acts: Sequence[Act], *, confidential: Collection[Place]
) -> Iterable[Document]:
    """One document for each detention of a case, sorted by when it can have begun at first.

    Args:
        case: the line on the case.
        acts: its readable acts.
        confidential: acts that are not for every member, and all that those are about.
    """
    for row in detention_rows(case, acts, confidential=confidential):
        yield Document(
            view=VIEW,
            key=place_key(row.origin, row.index, row.person_id),
            sort=row.start_first or row.start_last or _UNDATED,
            row=encode_row(row),
            facets=(
                *(("mechanism", mechanism) for mechanism in row.mechanisms),
                *(("state", state) for state in row.states),
                *(("theme", theme) for theme in row.themes),
                ("case", case.case_id.hex()),
            ),
        )


def detention_rows(
    case: CaseRow, acts: Sequence[Act], *, confidential: Collection[Place]
) -> tuple[DetentionRow, ...]:
    """The rows of a case; arguments as above."""
    found = detentions_of(acts)
    withdrew = _withdrew(acts) if found else frozenset()
    is_titled = any(place in confidential for place in _openings(acts)) if found else False
    return tuple(_row(each, case, withdrew, confidential, is_titled=is_titled) for each in found)


def course_of(row: DetentionRow) -> Course:
    """What counting needs of a row."""
    end = _span(row.end_first, row.end_last) if row.is_ended else None
    phases = (Phase(_span(each.first, each.last), each.deprivation) for each in row.phases)
    return Course(_span(row.start_first, row.start_last), end, tuple(phases), row.is_contradicted)


def count_of(row: DetentionRow, on: date) -> Count:
    """How a detention stands on a day, and its days until then."""
    return count_days(course_of(row), on)


def is_held(row: DetentionRow, on: date) -> bool:
    """Whether the person is, or may be, held on a day."""
    return count_of(row, on).standing in HELD


def has_begun(row: DetentionRow, on: date) -> bool:
    """Whether it may have begun on a day or before."""
    return count_of(row, on).standing != "not_begun"


def _row(
    found: Detention,
    case: CaseRow,
    withdrew: Collection[str],
    confidential: Collection[Place],
    *,
    is_titled: bool,
) -> DetentionRow:
    acts = [account.act for account in found.accounts]
    start, end = found.course.start, found.course.end
    states = dict.fromkeys(state for act in acts for state in states_of(act.content))
    themes = dict.fromkeys(theme for act in acts for theme in act.content.themes)
    opening = found.opening
    is_named = not found.person_id or any(
        person.person_id == found.person_id for act in acts for person in act.content.persons
    )
    # What its own acts do not say comes from others of the case, whoever may read those.
    borrows = not (is_named and states and themes)
    return DetentionRow(
        case_id=case.case_id,
        case_title=case.title,
        origin=opening.origin,
        index=opening.index,
        mechanism=Slug(opening.mechanism),
        person_id=found.person_id,
        name="" if found.person_id in withdrew else _name(found.person_id, acts),
        start_first=_text(start.first),
        start_last=_text(start.last),
        is_ended=end is not None,
        end_first="" if end is None else _text(end.first),
        end_last="" if end is None else _text(end.last),
        phases=tuple(
            PhaseRow(_text(each.since.first), _text(each.since.last), each.deprivation)
            for each in found.course.phases
        ),
        is_contradicted=found.course.is_contradicted,
        disputes=tuple(each.matter for each in found.disputes),
        release=_last(
            act.content.release for act in acts if isinstance(act.content, PersonReleased)
        ),
        place=_last(said(act.content, "place", "") for act in acts),
        authority=_last(said(act.content, "authority", "") for act in acts),
        charges=_charges(acts),
        next_hearing=_last(_hearings(acts)),
        confidences=_confidences(acts),
        mechanisms=tuple(sorted({Slug(act.mechanism) for act in acts})),
        states=tuple(sorted(states)) or case.states,
        themes=tuple(sorted(themes)) or case.themes,
        is_invented=all(act.content.is_invented for act in acts),
        is_confidential=(
            is_titled
            or (borrows and bool(confidential))
            or any(act.place in confidential for act in acts)
        ),
    )


def _openings(acts: Iterable[Act]) -> Iterable[Place]:
    return (act.place for act in acts if isinstance(act.content, CaseOpened))


def _withdrew(acts: Iterable[Act]) -> frozenset[str]:
    """The persons that have taken a consent back, or refused one."""
    found = set()
    for act in acts:
        if not ends_a_use(act.content):
            continue
        if isinstance(act.content, ConsentWithdrawn):
            found.add(act.content.person_id)
        elif isinstance(act.content, ConsentRecorded):
            found |= {person.person_id for person in act.content.persons}
    return frozenset(found)


def _name(person_id: str, acts: Iterable[Act]) -> str:
    """The name as it was recorded last; empty = nobody names the person here."""
    return _last(
        person.name
        for act in acts
        for person in act.content.persons
        if person_id and person.person_id == person_id
    )


def _hearings(acts: Iterable[Act]) -> Iterable[str]:
    none: PartialDate | None = None
    dates = (said(act.content, "next_hearing_date", none) for act in acts)
    return sorted(each.value for each in dates if each is not None and each.value)


def _charges(acts: Iterable[Act]) -> tuple[str, ...]:
    """Those that were told last."""
    none: tuple[str, ...] = ()
    told = [charges for act in acts if (charges := said(act.content, "charges", none))]
    return told[-1] if told else ()


def _confidences(acts: Iterable[Act]) -> tuple[tuple[str, str], ...]:
    """How sure each mechanism was last."""
    facts = ((act.mechanism, act.content) for act in acts)
    told = {
        who: fact.confidence for who, fact in facts if isinstance(fact, Fact) and fact.confidence
    }
    return tuple(sorted(told.items()))


def _last(texts: Iterable[str]) -> str:
    """The last that says anything."""
    return next((text for text in reversed(list(texts)) if text), "")


def _text(value: date | None) -> str:
    return "" if value is None else value.isoformat()


def _span(first: str, last: str) -> Span:
    return Span(
        date.fromisoformat(first) if first else None, date.fromisoformat(last) if last else None
    )
