"""Decisions: what may be recorded now, judged at the author's node only, before it signs.

Pure functions over the facts of a case, in the style of eventsourcing's functional aggregates.
Other nodes judge form, signature and place, never this: otherwise nodes would differ.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Final

from registry.domain.content import ActContent, PartialDate
from registry.domain.vocabulary import CURRENT_KINDS, EventKind, kind_code
from registry.errors import NotFound, RuleViolation

_ORDERED_DATES: Final = (
    ("sent_date", "reply_due_date"),
    ("submitted_date", "adopted_date"),
    ("visit_start_date", "visit_end_date"),
    ("visit_start_date", "published_date"),
)


@dataclass(frozen=True, slots=True)
class CaseFacts:
    """What the rules need to know of the case.

    Attributes:
        exists: whether an event of it is held, or it is a situation, or it is being opened.
        is_new: whether it is being opened.
        is_situation: whether its id is derived from a State.
        holds_event: tells whether the event at (origin, index) belongs to it.
    """

    exists: bool
    is_new: bool
    is_situation: bool
    holds_event: Callable[[str, int], bool]


def check_new_event(content: ActContent, *, is_for_all: bool, case: CaseFacts) -> None:
    """Applies every rule to an event that is about to be recorded.

    Raises:
        NotFound: the case, or the event it is about, is not known here.
        RuleViolation: the rules do not allow it; the text says which.
    """
    if not case.exists:
        msg = "no such case is known here; open one first, or wait until it has arrived"
        raise NotFound(msg)
    _check_kind(content.kind, case)
    if case.is_situation and not is_for_all:
        msg = "the situation of a State holds public records only: its events are for all members"
        raise RuleViolation(msg)
    pointer = content.about
    if pointer is not None and not case.holds_event(pointer.origin, pointer.index):
        msg = f"about: event {pointer.index} of {pointer.origin} is not in this case here"
        raise NotFound(msg)
    _check_dates(content)


def _check_kind(kind: EventKind, case: CaseFacts) -> None:
    if kind not in CURRENT_KINDS:
        msg = f"{kind_code(kind)} cannot be recorded by this version"
        raise RuleViolation(msg)
    if (kind is EventKind.CASE_OPENED) != case.is_new:
        msg = "case_opened opens a new case and nothing else does: use OpenCase for it"
        raise RuleViolation(msg)


def _check_dates(content: ActContent) -> None:
    """Refuses orders of dates that cannot be."""
    for earlier, later in _ordered_dates(type(content)):
        first: PartialDate | None = getattr(content, earlier)
        second: PartialDate | None = getattr(content, later)
        if first is not None and second is not None and first.is_after(second):
            msg = f"{later} {second.value} lies before {earlier} {first.value}"
            raise RuleViolation(msg)


@cache
def _ordered_dates(model: type[ActContent]) -> tuple[tuple[str, str], ...]:
    """The pairs that a kind has: asking a model for a field that it lacks costs microseconds."""
    fields = model.model_fields
    return tuple(pair for pair in _ORDERED_DATES if fields.keys() >= set(pair))
