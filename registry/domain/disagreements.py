"""Disagreements: acts of different mechanisms on one matter that say different things.

Both are kept and shown; nothing here decides who is right. A mechanism speaks with its last act on
a matter. Where one had seen what the other said and says something else, it disagrees knowingly;
where neither had, they acted at the same time, such as on two sides of a cut line.
"""

from collections.abc import Iterable, Iterator
from typing import Literal, NamedTuple, TypeAlias

from registry.domain.acts import Act, place_of
from registry.domain.content import (
    ActContent,
    CaseClosed,
    CaseMarkedEmblematic,
    CaseStatusChanged,
    FollowupAssessed,
    ReplyReceived,
)
from registry.domain.content.kinds.judgement import Fact
from registry.domain.grading import AMBIGUOUS, NOT_ASSESSED, derived_of

Matter: TypeAlias = Literal["status", "emblematic", "assessment", "reply_kind", "confidence"]


class Claim(NamedTuple):
    """What one mechanism says: the value, and the event that says it."""

    mechanism: str
    value: str
    origin: str
    index: int  # type: ignore[assignment] # the field, not tuple.index


class Disagreement(NamedTuple):
    """Different claims on one matter.

    Attributes:
        matter: what they differ on.
        about: the event that they are about, as origin and index; None = the case.
        claims: the last of each mechanism, by mechanism; at least two values.
        is_concurrent: whether two of them that differ were made without knowing of each other.
    """

    matter: Matter
    about: tuple[str, int] | None
    claims: tuple[Claim, ...]
    is_concurrent: bool


def disagreements_of(acts: Iterable[Act]) -> tuple[Disagreement, ...]:
    """Finds the disagreements of a case.

    Args:
        acts: the readable acts of one history, in its order.
    """
    last: dict[tuple[Matter, tuple[str, int] | None], dict[str, tuple[Act, str]]] = {}
    for act in acts:
        for matter, about, value in _said(act.content):
            last.setdefault((matter, about), {})[act.mechanism] = (act, value)
    found = []
    for (matter, about), by_mechanism in last.items():
        spoken = [by_mechanism[mechanism] for mechanism in sorted(by_mechanism)]
        if len({value for _, value in spoken}) > 1:
            claims = (Claim(act.mechanism, value, *act.place) for act, value in spoken)
            found.append(Disagreement(matter, about, tuple(claims), _is_concurrent(spoken)))
    return tuple(sorted(found, key=lambda each: (each.matter, each.about or ("", -1))))


def statuses_of(acts: Iterable[Act]) -> dict[str, str]:
    """The status that each mechanism gave the case, of those that gave one."""
    return {
        act.mechanism: value
        for act in acts
        for matter, _, value in _said(act.content)
        if matter == "status"
    }


def _said(content: ActContent) -> Iterator[tuple[Matter, tuple[str, int] | None, str]]:
    about = place_of(content.about)
    match content:
        case CaseClosed():
            yield "status", None, "closed"
        case CaseStatusChanged():
            yield "status", None, content.status
        case CaseMarkedEmblematic():
            yield "emblematic", None, "taken back" if content.is_taken_back else "marked"
        case FollowupAssessed() if about is not None:
            derived = derived_of(content)
            if derived not in {AMBIGUOUS, NOT_ASSESSED}:
                yield "assessment", about, derived
        case ReplyReceived() if about is not None and content.reply_kind:
            yield "reply_kind", about, content.reply_kind
        case Fact() if about is not None and content.confidence:
            yield "confidence", about, content.confidence
        case _:
            return


def _is_concurrent(spoken: list[tuple[Act, str]]) -> bool:
    return any(
        first_value != second_value and not first.knew(second) and not second.knew(first)
        for at, (first, first_value) in enumerate(spoken)
        for second, second_value in spoken[at + 1 :]
    )
