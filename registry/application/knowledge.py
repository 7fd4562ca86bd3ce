"""What the author of an event knew of other events of its case, told by its log and its refs.

Claimed times play no part: an author knew what stands before in its own log, what its events refer
to, and what the authors of these knew.
"""

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from typing import TypeAlias

from registry.domain.identifiers import LogId
from registry.log.entry import Header
from registry.log.merkle import leaf_hash
from registry.store.values import StoredEntry

Place: TypeAlias = tuple[LogId, int]
"""(log, index) of an event."""


def what_authors_knew(
    entries: Iterable[StoredEntry], headers: Mapping[Place, Header]
) -> dict[Place, dict[LogId, int]]:
    """For each event the largest index of each log in its past, by its own log and by its refs.

    A ref counts only if it names the bytes that are held. Walked with a stack of its own: a hostile
    author can make pasts as deep as its log.
    """
    by_place = {(e.log_id, e.index): e for e in entries}
    before: dict[Place, tuple[Place, ...]] = {}
    previous: dict[LogId, Place] = {}
    for place in sorted(by_place):
        refs = [
            (ref.log_id, ref.index)
            for ref in headers[place].refs
            if (target := by_place.get((ref.log_id, ref.index))) is not None
            and leaf_hash(target.entry) == ref.leaf_hash
        ]
        earlier = previous.get(place[0])
        before[place] = (*refs, *([earlier] if earlier is not None else []))
        previous[place[0]] = place
    return _reach(before)


def _reach(before: Mapping[Place, tuple[Place, ...]]) -> dict[Place, dict[LogId, int]]:
    """Joins what predecessors knew, until nothing is learnt any more; cycles end too."""
    known: dict[Place, dict[LogId, int]] = {place: {} for place in before}
    followers: dict[Place, list[Place]] = {}
    for place, earlier in before.items():
        for each in earlier:
            followers.setdefault(each, []).append(place)
    waiting = OrderedDict.fromkeys(before)
    while waiting:
        place = waiting.popitem(last=False)[0]
        learnt = dict(known[place])
        learnt[place[0]] = max(learnt.get(place[0], -1), place[1])
        for follower in followers.get(place, ()):
            theirs = known[follower]
            newer = {log_id: i for log_id, i in learnt.items() if i > theirs.get(log_id, -1)}
            if newer:
                theirs.update(newer)
                waiting[follower] = None
    return known
