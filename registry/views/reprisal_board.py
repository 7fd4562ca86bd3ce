"""Reprisals with the accountability that followed, and one timeline of both.

What a row says follows from the logs alone; that nothing was done after so many months, and that a
reprisal came again after impunity, depends on the day of who asks and is said when rows are read.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from registry.domain.acts import Act, states_of
from registry.domain.content import (
    AccountabilityStep,
    ActContent,
    ReprisalAlleged,
    ReprisalLinked,
    ReprisalResolved,
)
from registry.domain.identifiers import Slug
from registry.domain.reprisals import Reprisal, date_of, reprisals_of, standing_of
from registry.domain.vocabulary import kind_code
from registry.store.read_models import Document
from registry.views.acts import Place, name_of, place_key, words_of
from registry.views.case_file import CaseHistory
from registry.views.reprisal_rows import ImpunityRow, ReprisalRow
from registry.views.rows import encode_row

VIEW: Final = "reprisal"
TIMELINE: Final = "impunity"
UNDATED: Final = "~"
"""The place of what has no date in a list that begins with the earliest: after all others."""
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_TOLD: Final = (ReprisalAlleged, ReprisalLinked, ReprisalResolved, AccountabilityStep)


def reprisal_documents(
    history: CaseHistory,
    acts: Sequence[Act],
    *,
    is_situation: bool,
    confidential: Collection[Place],
) -> Iterator[Document]:
    """The documents of both views.

    Args:
        history: of the case.
        acts: its readable acts.
        is_situation: whether its id is derived from a State: it gathers all there is, so that two
            reprisals in it need not have anything to do with each other.
        confidential: acts that are not for every member.
    """
    told = [act for act in acts if isinstance(act.content, _TOLD)]
    if not told:
        return
    found = reprisals_of(acts, f"case:{history.case_id.hex()}", is_situation=is_situation)
    of: dict[Place, list[Reprisal]] = {}
    for each in found:
        for place in each.shown:
            of.setdefault(place, []).append(each)
    recorded: dict[Place, int] = {
        (each.origin, each.index): each.recorded_ms for each in history.events
    }
    secret = {each.act.place for each in found if not each.shown.isdisjoint(confidential)}
    for each in found:
        is_confidential = each.act.place in secret
        yield _reprisal(history, each, recorded, is_confidential=is_confidential)
    for act in told:
        belongs_to = of.get(act.place, ())
        # A State that the act itself does not name comes from the reprisal or the opening.
        is_named = bool(states_of(act.content))
        shows_more = not is_named and any(each.act.place in secret for each in belongs_to)
        is_confidential = shows_more or act.place in confidential
        yield _on_timeline(history, act, belongs_to, is_confidential=is_confidential)


def recorded_day(recorded_ms: int) -> str:
    """The day of a time in milliseconds UTC, ISO 8601; empty = beyond all calendars."""
    try:
        return (_EPOCH + timedelta(milliseconds=recorded_ms)).date().isoformat()
    except OverflowError:
        return ""


def _reprisal(
    history: CaseHistory,
    found: Reprisal,
    recorded: Mapping[Place, int],
    *,
    is_confidential: bool,
) -> Document:
    act, content = found.act, found.act.content
    assert isinstance(content, ReprisalAlleged)  # noqa: S101 - the fold says so
    row = ReprisalRow(
        case_id=history.case_id,
        origin=act.origin,
        index=act.index,
        mechanism=Slug(act.mechanism),
        body=content.acting_body,
        date=found.date,
        recorded=recorded_day(recorded[act.place]),
        title=name_of(content),
        states=found.states,
        confidence=content.confidence,
        acts=content.acts,
        bodies=found.bodies,
        cooperation=found.cooperation,
        words=found.words,
        outcome=found.outcome,
        resolved=found.resolved,
        steps=found.steps,
        standing=standing_of(found.steps),
        targets=found.targets,
        references=content.references,
        is_invented=content.is_invented,
        is_confidential=is_confidential,
    )
    return Document(
        view=VIEW,
        key=place_key(act.origin, act.index),
        sort=row.date,
        row=encode_row(row),
        facets=(
            ("case", history.case_id.hex()),
            ("mechanism", act.mechanism),
            ("outcome", row.standing),
            *(("state", state) for state in row.states),
            *(("body", body) for body in row.bodies),
            *(("target", target) for target in row.targets),
        ),
        text=words_of([content]),
    )


def _on_timeline(
    history: CaseHistory, act: Act, of: Sequence[Reprisal], *, is_confidential: bool
) -> Document:
    content = act.content
    states = states_of(content) or tuple(
        dict.fromkeys(state for each in of for state in each.states)
    )
    row = ImpunityRow(
        case_id=history.case_id,
        origin=act.origin,
        index=act.index,
        mechanism=Slug(act.mechanism),
        kind=kind_code(content.kind),
        body=content.acting_body,
        date=date_of(content),
        what=tuple(_what(content)),
        authority=content.authority if isinstance(content, AccountabilityStep) else "",
        title=name_of(content),
        states=states,
        reprisals=tuple(each.act.place for each in of),
        is_invented=content.is_invented,
        is_confidential=is_confidential,
    )
    return Document(
        view=TIMELINE,
        key=place_key(act.origin, act.index),
        sort=row.date or UNDATED,
        row=encode_row(row),
        facets=(
            ("case", history.case_id.hex()),
            ("mechanism", act.mechanism),
            ("kind", row.kind),
            *(("state", state) for state in states),
        ),
    )


def _what(content: ActContent) -> Iterable[str]:
    """Codes of what an act tells."""
    match content:
        case ReprisalAlleged():
            return content.acts
        case ReprisalLinked():
            return filter(None, (content.cooperated_with,))
        case ReprisalResolved():
            return filter(None, (content.outcome,))
        case AccountabilityStep():
            return (content.step,)
        case _:
            return ()
