"""The start-up fence: whether this node may append to its own log, decided without any I/O.

Every start begins read-only for the own log; reading and mirroring go on meanwhile.
1. The guard is compared with the database.
2. Reachable members are asked for the largest note they hold of the own log, for at most 1 s.
3. Guard equals or is behind a consistent database and no peer shows more: open. Nobody reachable
   satisfies this.
4. A peer shows more, consistently: the guard goes up to that, the own entries are pulled back, then
   the fence runs again. A peer that vanishes meanwhile leaves the guard ahead.
5. The guard is ahead: read-only until exactly that size and root are recovered.
   The guard is missing: read-only until all other active members, at least one, have answered, and
   as much is held as any of them has shown since the start.
6. Inconsistent: stop; the own log is frozen as far as it is held, a new epoch is needed.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final

from registry.domain.identifiers import Slug
from registry.log.facts import GuardComparison, GuardVerdict

ASK_AT_MOST_MS: Final = 1_000


@dataclass(frozen=True, slots=True)
class OwnNote:
    """What one member holds of this node's log; size 0 = nothing.

    Attributes:
        size: of its largest note.
        is_consistent: whether that does not contradict what is held here.
        note: the exact bytes if it does, for evidence.
    """

    size: int
    is_consistent: bool
    note: bytes = b""


@dataclass(frozen=True, slots=True)
class Open:
    """Append."""


@dataclass(frozen=True, slots=True)
class Wait:
    """Ask on; appends stay refused for `reason`."""

    reason: str


@dataclass(frozen=True, slots=True)
class PullBack:
    """Fetch the own log from this peer up to `size`, then decide again."""

    peer: Slug
    size: int


DAMAGED: Final = (
    "entries of the own log are damaged on this disk: waiting until the scrub has repaired them "
    "from a member, see `registry fsck`"
)


@dataclass(frozen=True, slots=True)
class Stop:
    """Never append to this log again; a new epoch is needed.

    Attributes:
        reason: for people.
        evidence: an own note that contradicts what is held; empty if it is the guard that does.
    """

    reason: str
    evidence: bytes = b""


Decision = Open | Wait | PullBack | Stop


def decide(
    comparison: GuardComparison,
    answers: Mapping[Slug, OwnNote],
    *,
    asked: int,
    failed: Collection[Slug] = (),
    shown: int = 0,
) -> Decision:
    """Decides on the own log, after its members were asked in parallel for `ASK_AT_MOST_MS`.

    Args:
        comparison: guard against database.
        answers: of the members that were reached, by slug.
        asked: how many other active members there are.
        failed: members that did not deliver what they showed; asked again after all others, so
            that one of them cannot keep the log closed.
        shown: the most entries that anybody has shown since the start.
    """
    if comparison.kind is GuardVerdict.DATABASE_DAMAGED:
        return Wait(DAMAGED)
    if comparison.kind is GuardVerdict.INCONSISTENT:
        return Stop("guard and database contradict each other: a new epoch is needed")
    others = sorted(slug for slug, note in answers.items() if not note.is_consistent)
    if others:
        return Stop(
            f"{', '.join(others)} holds another history of this log: it has forked",
            answers[others[0]].note,
        )
    more = [
        (slug in failed, -note.size, slug)
        for slug, note in answers.items()
        if note.size > comparison.database_size
    ]
    if more:
        _, size, slug = min(more)
        return PullBack(slug, -size)
    signed = max(comparison.guard_size, shown)
    return _without_more(comparison, answered=len(answers), asked=asked, signed=signed)


def _without_more(
    comparison: GuardComparison, *, answered: int, asked: int, signed: int
) -> Decision:
    """No member shows more of the own log now than the database has."""
    if comparison.kind is GuardVerdict.GUARD_AHEAD or signed > comparison.database_size:
        return Wait(
            f"this node has signed {signed} events and its database holds "
            f"{comparison.database_size}: waiting for a member that holds the rest"
        )
    if comparison.kind is GuardVerdict.GUARD_MISSING:
        if answered < asked or not asked:
            return Wait(
                "the guard is missing: waiting until all other members have answered "
                f"({answered} of {asked}), or the operator confirms that nothing is lost "
                "(registry recover FOLDER --guard-is-lost)"
            )
        return Open()
    return Open()
