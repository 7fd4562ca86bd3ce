"""Which mechanisms a reprisal concerns: those whose officers are alerted at once.

The mechanism that records it; the one whose body was cooperated with, as the profiles say at whose
node a body is at home; and the one in whose log the act of cooperation stands. Who else may hold
the content is not alerted by it.
"""

from collections.abc import Mapping
from typing import Final

from registry.domain.acts import Act, place_of
from registry.domain.content import ActContent, EventPointer, ReprisalAlleged, ReprisalLinked
from registry.domain.mechanisms import Profiles
from registry.domain.vocabulary import EventKind

ALERTING: Final = frozenset({EventKind.REPRISAL_ALLEGED, EventKind.REPRISAL_LINKED})
"""Kinds of events that alert."""
RECORDED: Final = "recorded"
COOPERATED_WITH: Final = "cooperated_with"
LINKED: Final = "linked"
_ORIGIN_PARTS: Final = 3


def mechanisms_cooperated_with(content: ActContent, profiles: Profiles) -> tuple[str, ...]:
    """Slugs of the mechanisms with which the victims of a reprisal cooperated.

    Not all of them need be members. Content of other kinds names none.
    """
    if not isinstance(content, ReprisalAlleged | ReprisalLinked):
        return ()
    homes = profiles.homes_of(content.cooperated_with) if content.cooperated_with else ()
    return tuple(dict.fromkeys((*homes, *_writer_of(content.cooperation))))


def reasons_to_alert(
    act: Act, linked: Mapping[tuple[str, int], Act], profiles: Profiles
) -> dict[str, str]:
    """Why which mechanism is alerted by an act: reasons by slug.

    Args:
        act: alleges or links a reprisal; others alert nobody.
        linked: the acts of the case by place, to find the reprisal that a link is about.
        profiles: at whose node which body is at home.

    Returns:
        `cooperated_with`, `recorded` (this act) or `linked` (it is about a reprisal that the
        mechanism recorded), the first that fits.
    """
    if act.content.kind not in ALERTING:
        return {}
    reasons = dict.fromkeys(mechanisms_cooperated_with(act.content, profiles), COOPERATED_WITH)
    reasons.setdefault(act.mechanism, RECORDED)
    place = place_of(act.content.about)
    if isinstance(act.content, ReprisalLinked) and place is not None and place in linked:
        reasons.setdefault(linked[place].mechanism, LINKED)
    return reasons


def _writer_of(pointer: EventPointer | None) -> tuple[str, ...]:
    """The mechanism that writes a log, as its origin says; a guess at it would be a false alert."""
    parts = [] if pointer is None else pointer.origin.split("/")
    return (parts[1],) if len(parts) == _ORIGIN_PARTS and parts[1] else ()
