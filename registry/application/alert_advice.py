"""What an officer is told before a reprisal is recorded: whom it would not alert, and how it would.

Advice, never a refusal: whoever records may have reasons to leave a body out.
"""

from collections.abc import Iterable
from typing import NamedTuple

from registry.domain.concerned import ALERTING, mechanisms_cooperated_with
from registry.domain.content import ActContent
from registry.domain.identifiers import Slug
from registry.domain.mechanisms import Profiles
from registry.log.entry import Audience
from registry.log.roster import Member, Roster


class Advice(NamedTuple):
    """Warnings, and the mechanisms that the audience lacks so that their bodies are alerted."""

    warnings: tuple[str, ...] = ()
    add_to_audience: tuple[Slug, ...] = ()


def advise(
    content: ActContent,
    audience: Audience,
    roster: Roster,
    profiles: Profiles,
    *,
    not_before_ms: int = 0,
) -> Advice:
    """Tells whom recording would not alert.

    Args:
        content: what would be recorded.
        audience: who may hold it.
        roster: who is a member.
        profiles: at whose node which body is at home.
        not_before_ms: the end of an embargo; 0 = none.
    """
    if content.kind not in ALERTING:
        return Advice()
    slugs = mechanisms_cooperated_with(content, profiles)
    if not slugs:
        text = (
            "no body cooperated with is named (cooperated_with, cooperation): no other is alerted"
        )
        return Advice((text,))
    members = [each for each in roster.members if each.is_active and each.slug in slugs]
    if not members:
        text = f"the body cooperated with is at no member's node ({', '.join(slugs)}): not alerted"
        return Advice((text,))
    missing = tuple(each for each in members if not audience.admits(each.id))
    return Advice(tuple(_warnings(missing, not_before_ms)), tuple(each.slug for each in missing))


def _warnings(missing: Iterable[Member], not_before_ms: int) -> Iterable[str]:
    for each in missing:
        yield (
            f"{each.slug}, the body cooperated with, is not in the audience: it is NOT alerted "
            "and cannot protect those who came to it"
        )
    if not_before_ms:
        yield "under an embargo nobody else is alerted before it ends"
