"""Which acts of which mechanisms concern a detention: opinions, measures, appeals, observation.

An act concerns it if it is about an act on it, names the person, or is of an instrument or a theme
that is of detention; so does any measure, opinion, judgment or observed trial of the case. What
names persons, and not this one, does not.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final, Literal, NamedTuple, TypeAlias

from registry.domain.acts import Act, instrument_of, place_of
from registry.domain.detention.fold import Detention
from registry.domain.detention.spans import Days, Span, days_between, span_of
from registry.domain.detention.subjects import DETENTION_ACTS, Place
from registry.domain.vocabulary import EventKind as K

Reason: TypeAlias = Literal[
    "its_own", "about_it", "names_the_person", "instrument", "theme", "kind"
]
THEMES: Final = frozenset(
    {"arbitrary_detention", "judicial_harassment", "torture", "enforced_disappearance"}
)
_OF_DETENTION: Final = ("wgad.", "eu.prison_visit")
_BY_KIND: Final = frozenset(
    {
        K.MEASURE_GRANTED,
        K.MEASURE_EXTENDED,
        K.MEASURE_LIFTED,
        K.OPINION_ADOPTED,
        K.JUDGMENT_DELIVERED,
        K.TRIAL_OBSERVED,
    }
)
_NEVER: Final = frozenset(
    {
        K.CASE_OPENED,
        K.CASE_CLOSED,
        K.CASE_STATUS_CHANGED,
        K.CASE_MARKED_EMBLEMATIC,
        K.CONSENT_RECORDED,
        K.CONSENT_WITHDRAWN,
        K.NOTE_ADDED,
        K.EVENT_CORRECTED,
    }
)
"""They say how a body works on the case, and nothing of the detention."""


class Concern(NamedTuple):
    """An act that concerns a detention.

    Attributes:
        act: the act.
        reason: why it does.
        is_before: whether it lies before the beginning for certain.
        day: how many days after the beginning, or before it; not counted where no date is known.
    """

    act: Act
    reason: Reason
    is_before: bool
    day: Days


def concerns_of(acts: Iterable[Act], detention: Detention) -> tuple[Concern, ...]:
    """One line of time: the detention's own acts and all others that concern it.

    Args:
        acts: the readable acts of the case, in the order of its history.
        detention: one of its detentions.

    Returns:
        By the dates of the acts; undated ones come last, in the order of record.
    """
    known = list(acts)
    spans = {each.act.place: each.span for each in detention.accounts}
    roots = _roots({act.place: act for act in known}, spans)
    found = [
        _concern(act, reason, spans.get(act.place, span_of(act.content.act_date())), detention)
        for act in known
        if (reason := _reason(act, detention, spans, roots)) is not None
    ]
    return tuple(sorted(found, key=_date))


def _concern(act: Act, reason: Reason, span: Span, detention: Detention) -> Concern:
    start = detention.course.start
    is_before = span.is_before(start)
    day = days_between(span, start) if is_before else days_between(start, span)
    return Concern(act, reason, is_before, day)


def _date(concern: Concern) -> tuple[bool, str]:
    acted = concern.act.content.act_date()
    return acted is None, "" if acted is None else acted.sort_key


def _reason(
    act: Act, detention: Detention, own: Mapping[Place, Span], about_it: frozenset[Place]
) -> Reason | None:
    content = act.content
    if act.place in own:
        return "its_own"
    if isinstance(content, DETENTION_ACTS) or content.kind in _NEVER:
        return None
    return next(_reasons(act, detention.person_id, about_it), None)


def _reasons(act: Act, person_id: str, about_it: frozenset[Place]) -> Iterator[Reason]:
    content = act.content
    persons = {person.person_id for person in content.persons}
    if act.place in about_it:
        yield "about_it"
    if person_id and person_id in persons:
        yield "names_the_person"
    if person_id and persons:
        return  # of others only
    if instrument_of(content).startswith(_OF_DETENTION):
        yield "instrument"
    if not THEMES.isdisjoint(content.themes):
        yield "theme"
    if content.kind in _BY_KIND:
        yield "kind"


def _roots(by_place: Mapping[Place, Act], own: Mapping[Place, Span]) -> frozenset[Place]:
    """The acts that are about an own one, directly or over others; each is passed once."""
    found: dict[Place, bool] = {}
    for start in by_place:
        path: list[Place] = []
        place: Place | None = start
        while place is not None and place in by_place and place not in found and place not in own:
            path.append(place)
            found[place] = False
            place = place_of(by_place[place].content.about)
        is_about = place is not None and (place in own or found.get(place, False))
        found.update(dict.fromkeys(path, is_about))
    return frozenset(place for place, is_about in found.items() if is_about)
