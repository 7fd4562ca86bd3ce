"""An act as the folds of a case see it: readable content at its place in a log."""

from collections.abc import Callable, Mapping
from functools import cache
from typing import Final, NamedTuple, TypeVar

from registry.domain.content import ActContent, AgendaItem, EventPointer

T = TypeVar("T")
_CONCERNED: Final = (
    "addressee_state",
    "respondent_state",
    "visited_state",
    "replying_state",
    "responding_state",
)


class Act(NamedTuple):
    """One readable event of a case.

    Attributes:
        origin: of its log.
        index: its place there.
        mechanism: slug of the mechanism that recorded it.
        content: what happened.
        knows: how much of each log of the case the author had seen, by origin: the index of the
            last event of the case, its own log included up to itself.
    """

    origin: str
    index: int  # type: ignore[assignment] # the field, not tuple.index
    mechanism: str
    content: ActContent
    knows: dict[str, int]

    @property
    def place(self) -> tuple[str, int]:
        """Origin and index."""
        return (self.origin, self.index)

    def knew(self, other: "Act") -> bool:
        """Whether the author had seen another act of the case when it recorded this one."""
        return self.knows.get(other.origin, -1) >= other.index


def place_of(pointer: EventPointer | None) -> tuple[str, int] | None:
    """What a pointer names, as origin and index."""
    return None if pointer is None else (pointer.origin, pointer.index)


def nearest_about(
    by_place: Mapping[tuple[str, int], Act], is_wanted: Callable[[Act], bool]
) -> dict[tuple[str, int], Act | None]:
    """For each act the nearest wanted one of what it is about, what that is about, and so on.

    Each act is passed once, whatever the number of those about it; a circle ends too.
    """
    found: dict[tuple[str, int], Act | None] = {}
    for start in by_place:
        path: list[tuple[str, int]] = []
        place: tuple[str, int] | None = start
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


def states_of(content: ActContent) -> tuple[str, ...]:
    """All States that an act concerns: those it names as such, and who it is addressed to."""
    named = [state for name in _concerned(type(content)) if (state := getattr(content, name))]
    if not named and len(content.states) <= 1:
        return content.states
    return tuple(dict.fromkeys((*content.states, *named)))


def said(content: ActContent, name: str, otherwise: T) -> T:
    """A field that not all kinds have; `otherwise` where a kind has none of that name.

    Asking a model for a field that it lacks costs microseconds, and a fold asks by the thousand.
    """
    return getattr(content, name) if name in _fields(type(content)) else otherwise


def themes_of(content: ActContent) -> tuple[str, ...]:
    """All themes of an act: its own, and those of the items of its agenda, if it has one."""
    agenda: tuple[AgendaItem, ...] = said(content, "agenda", ())
    if not agenda:
        return content.themes
    return tuple(dict.fromkeys((*content.themes, *(i.theme for i in agenda if i.theme))))


def instrument_of(content: ActContent) -> str:
    """The code of the instrument that an act names; empty = none."""
    return said(content, "instrument", "")


@cache
def _concerned(model: type[ActContent]) -> tuple[str, ...]:
    return tuple(name for name in _CONCERNED if name in _fields(model))


@cache
def _fields(model: type[ActContent]) -> frozenset[str]:
    return frozenset(model.model_fields)
