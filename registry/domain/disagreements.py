"""Disagreements: acts of different bodies on one matter that say different things.

All are kept and shown; nothing here decides who is right. Which claims of a body count is the rule
of `registry.domain.claims`; on the status of a case, and whether it is emblematic, a mechanism
speaks as one, in the order of record, as it does in `registry.domain.rules.own_status`. Where one
had seen what the other said and says something else, it disagrees knowingly; where neither had,
they acted at the same time, such as on two sides of a cut line.
"""

from collections.abc import Iterable, Iterator
from typing import Literal, NamedTuple, TypeAlias

from registry.domain.acts import Act, place_of
from registry.domain.claims import Claim, assessments_of, last_claims
from registry.domain.content import (
    CaseClosed,
    CaseMarkedEmblematic,
    CaseStatusChanged,
    ReplyReceived,
)
from registry.domain.content.kinds.judgement import Fact
from registry.domain.detention import detentions_of
from registry.domain.grading import AMBIGUOUS

Matter: TypeAlias = Literal[
    "status",
    "emblematic",
    "assessment",
    "reply_kind",
    "confidence",
    "detained_date",
    "released_date",
    "released",
]
_Topic: TypeAlias = tuple[Matter, tuple[str, int] | None]


class Disagreement(NamedTuple):
    """Different claims on one matter.

    Attributes:
        matter: what they differ on.
        about: the event that they are about, as origin and index; None = the case.
        claims: of those that count one for each mechanism and value, in this order; at least two
            values.
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
    known = list(acts)
    said: dict[_Topic, list[Claim]] = {}
    for act in known:
        for topic, claim in _said(act):
            said.setdefault(topic, []).append(claim)
    found = []
    for (matter, about), made in said.items():
        claims = _shown(last_claims(made))
        if len({claim.value for claim in claims}) > 1:
            found.append(Disagreement(matter, about, claims, _is_concurrent(claims)))
    found += _of_detentions(known)
    return tuple(sorted(found, key=lambda each: (each.matter, each.about or ("", -1))))


def statuses_of(acts: Iterable[Act]) -> dict[str, str]:
    """The status that each mechanism gave the case, of those that gave one."""
    given = [claim for act in acts for (matter, _), claim in _said(act) if matter == "status"]
    return {claim.mechanism: claim.value for claim in last_claims(given)}


def _of_detentions(acts: Iterable[Act]) -> Iterable[Disagreement]:
    """On detentions: once for each, however many persons were detained together."""
    found: dict[tuple[Matter, tuple[str, int]], Disagreement] = {}
    for detention in detentions_of(acts):
        for matter, claimed in detention.disputes:
            about, claims = detention.opening.place, _shown(claimed)
            found[matter, about] = Disagreement(matter, about, claims, _is_concurrent(claims))
    return found.values()


def _said(act: Act) -> Iterator[tuple[_Topic, Claim]]:
    content = act.content
    match content:
        case CaseClosed():
            yield ("status", None), Claim(act, "", "closed", "")
        case CaseStatusChanged():
            yield ("status", None), Claim(act, "", content.status, "")
        case CaseMarkedEmblematic():
            mark = "taken back" if content.is_taken_back else "marked"
            yield ("emblematic", None), Claim(act, "", mark, "")
    about = place_of(content.about)
    if about is None:
        return
    body = content.acting_body
    match content:
        case ReplyReceived() if content.reply_kind:
            received = content.act_date()
            date = "" if received is None else received.value
            yield ("reply_kind", about), Claim(act, body, content.reply_kind, date)
        case Fact() if content.confidence:
            # The date of the act is that of the fact, not of who judges it.
            yield ("confidence", about), Claim(act, body, content.confidence, "")
        case _:
            for claim in assessments_of([act]):
                yield ("assessment", about), claim


def _shown(claims: Iterable[Claim]) -> tuple[Claim, ...]:
    """One for each mechanism and value that can be compared: no more than there are of those.

    A mechanism can name as many bodies as it likes, and every pair of claims is looked at.
    """
    shown = {(c.mechanism, c.value): c for c in claims if c.value != AMBIGUOUS}
    return tuple(shown[key] for key in sorted(shown))


def _is_concurrent(claims: tuple[Claim, ...]) -> bool:
    return any(
        first.value != second.value
        and not first.act.knew(second.act)
        and not second.act.knew(first.act)
        for at, first in enumerate(claims)
        for second in claims[at + 1 :]
    )
