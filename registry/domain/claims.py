"""Claims: what an act says of a matter, and which claims of a body count by now.

The rule, for every view alike: the last claim of each body of each mechanism counts, by the date
of the claim, those of one date in the order of record. Of a month or a year its last day counts; a
claim of an unknown date counts from its place in the record. An assessment that judged nothing
(`not_assessed`) is no claim: it neither contradicts nor replaces what was assessed before. An
ambiguous one replaces what its body said before, but contradicts nothing, since nobody has said
where it stands.
"""

from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from registry.domain.acts import Act
from registry.domain.content import FollowupAssessed
from registry.domain.grading import NOT_ASSESSED, date_of_grade, derived_of

_AFTER_ALL_DAYS: Final = "~"
"""Put behind a date: 2024 sorts after 2024-12, and that after 2024-12-31."""


class Claim(NamedTuple):
    """What one act says of a matter.

    Attributes:
        act: the one that says it.
        body: who says it, within the act's mechanism; empty = the mechanism as one.
        value: what it says.
        date: when it was said, ISO 8601 as far as known; empty = unknown.
    """

    act: Act
    body: str
    value: str
    date: str

    @property
    def mechanism(self) -> str:
        """Slug of the mechanism that recorded it."""
        return self.act.mechanism


def assessments_of(acts: Iterable[Act]) -> Iterator[Claim]:
    """What acts assess, on the derived scale or `ambiguous`; in the order of the acts.

    The body is who graded if the grade names it, else who acted; the date is that of the grade.
    """
    for act in acts:
        content = act.content
        if not isinstance(content, FollowupAssessed):
            continue
        derived = derived_of(content)
        if derived != NOT_ASSESSED:
            body = content.grade.assessor or content.acting_body
            yield Claim(act, body, derived, date_of_grade(content.grade, content))


def last_claims(claims: Iterable[Claim]) -> tuple[Claim, ...]:
    """The claims that count: the last of each mechanism and body.

    Args:
        claims: of one matter, in the order of record.

    Returns:
        One for each mechanism and body, in the order in which each spoke first.
    """
    last: dict[tuple[str, str], Claim] = {}
    latest: dict[tuple[str, str], str] = {}
    for claim in claims:
        who = (claim.mechanism, claim.body)
        date = claim.date + _AFTER_ALL_DAYS if claim.date else latest.get(who, "")
        if date >= latest.get(who, ""):
            last[who], latest[who] = claim, date
    return tuple(last.values())
