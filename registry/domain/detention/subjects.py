"""Of whom an act on a detention speaks: persons by their ids, or one detention of nobody named.

An act that names persons is of these. One that names nobody is of those that what it is about
names, or that what is about it names; where nobody names anybody, all acts that point at each other
are of one detention. A change or a release that points at nothing is of the only subject that the
case has, if it has one only.

Where a group names more than `GROUP_MAX` persons, nobody can tell of whom an act in it is that
names none and points at none: it is of nobody named.
"""

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple, TypeAlias

from registry.domain.acts import Act, nearest_about, place_of
from registry.domain.content import DetentionChanged, DetentionRecorded, PersonReleased

DETENTION_ACTS: Final = (DetentionRecorded, DetentionChanged, PersonReleased)
GROUP_MAX: Final = 50
"""As many as one act can name: else a few thousand acts could speak of millions of persons."""
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
        whoever = of_group if 0 < len(of_group) <= GROUP_MAX else [""]
        for act in group:
            naming = act if act.content.persons else nearest[act.place]
            for person_id in _ids(naming) if naming is not None else whoever:
                place = ("", 0) if person_id else first
                found.setdefault(Subject(person_id, *place), set()).add(act.place)
    only = next(iter(found)) if len(found) == 1 else None
    for act in loose:
        found.setdefault(only or Subject("", *act.place), set()).add(act.place)
    order = {act.place: position for position, act in enumerate(acts)}
    return {s: [acts[at] for at in sorted(order[each] for each in its)] for s, its in found.items()}


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
