"""Of whom an act on a detention speaks: persons by their ids, or one detention of nobody named.

An act that names persons is of these. One that names nobody is of those that what it is about
names, or that what is about it names; where nobody names anybody, all acts that point at each other
are of one detention. A change or a release that points at nothing is of the only subject that the
case has, if it has one only.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple, TypeAlias

from registry.domain.acts import Act, place_of
from registry.domain.content import DetentionChanged, DetentionRecorded, PersonReleased

DETENTION_ACTS: Final = (DetentionRecorded, DetentionChanged, PersonReleased)
Place: TypeAlias = tuple[str, int]


class Subject(NamedTuple):
    """A person, by id, or else the first event of a detention in which nobody is named."""

    person_id: str
    origin: str
    index: int  # type: ignore[assignment] # the field, not tuple.index


def subjects_of(acts: Sequence[Act]) -> dict[Subject, list[Act]]:
    """Sorts acts on detentions by whom they are of.

    Args:
        acts: those of `DETENTION_ACTS` of one case.

    Returns:
        The acts of each subject, in the order in which they came.
    """
    by_place = {act.place: act for act in acts}
    nearest = nearest_about(by_place, lambda act: bool(act.content.persons))
    found: dict[Subject, set[Place]] = {}
    loose: list[Act] = []
    for group in _joined(by_place):
        of_group = sorted({id_ for act in group for id_ in _ids(act)})
        if not of_group and not any(isinstance(a.content, DetentionRecorded) for a in group):
            loose += group
            continue
        first = min(act.place for act in group)
        for act in group:
            naming = act if act.content.persons else nearest[act.place]
            for person_id in _ids(naming) if naming is not None else of_group or [""]:
                place = ("", 0) if person_id else first
                found.setdefault(Subject(person_id, *place), set()).add(act.place)
    only = next(iter(found)) if len(found) == 1 else None
    for act in loose:
        found.setdefault(only or Subject("", *act.place), set()).add(act.place)
    return {subject: [a for a in acts if a.place in its] for subject, its in found.items()}


def nearest_about(
    by_place: Mapping[Place, Act], is_wanted: Callable[[Act], bool]
) -> dict[Place, Act | None]:
    """For each act the nearest wanted one of what it is about, what that is about, and so on.

    Each act is passed once, whatever the number of those about it; a circle ends too.
    """
    found: dict[Place, Act | None] = {}
    for start in by_place:
        path: list[Place] = []
        place: Place | None = start
        nearest: Act | None = None
        while place is not None and place not in found:
            path.append(place)
            found[place] = None  # until it is known; in a circle it stays so
            place = place_of(by_place[place].content.about)
            if place is None or (about := by_place.get(place)) is None:
                break
            if is_wanted(about):
                nearest = about
                break
        else:
            nearest = None if place is None else found[place]
        for each in reversed(path):
            found[each] = nearest
    return found


def _ids(act: Act) -> list[str]:
    return sorted({person.person_id for person in act.content.persons})


def _joined(by_place: Mapping[Place, Act]) -> list[list[Act]]:
    """The acts that point at each other, directly or over others."""
    groups: dict[Place, list[Act]] = {place: [act] for place, act in by_place.items()}
    for place, act in by_place.items():
        about = place_of(act.content.about)
        if about is None or about not in groups or groups[about] is groups[place]:
            continue
        smaller, larger = sorted((groups[about], groups[place]), key=len)
        larger += smaller
        for each in smaller:
            groups[each.place] = larger
    return list({id(group): group for group in groups.values()}.values())
