"""The order of record of a case: the same on every node that holds the same logs.

Predecessors of an event are its log's previous event on the case and the events its refs point to.
Repeatedly the smallest (time_ms, log_id, index) among the events whose held predecessors are all
placed is taken. If none is free, lying authors made a cycle: the smallest of the rest is taken and
flagged. Refs to events that are not held, or whose bytes are others, impose nothing and are told.

What a lying clock can do: it moves its own events. A clock that is ahead also takes along what was
written by those who had read its events (they stay behind them), past events that they have not
read; it never turns two events round of which one was written in knowledge of the other (only
authors who make a cycle together do that, and the flag tells).
"""

import heapq
from collections.abc import Iterable
from typing import NamedTuple

from registry.domain.identifiers import LeafHash, LogId
from registry.log.entry import EventRef


class CaseEvent(NamedTuple):
    """What the order needs of an event."""

    log_id: LogId
    index: int  # type: ignore[assignment] # the field, not tuple.index
    time_ms: int
    leaf_hash: LeafHash
    refs: tuple[EventRef, ...]


class PlacedEvent(NamedTuple):
    """An event in its place; whether a cycle was broken here; refs that found nothing."""

    event: CaseEvent
    is_in_cycle: bool
    unresolved: tuple[EventRef, ...]


_Place = tuple[LogId, int]
_Key = tuple[int, LogId, int]


class _Graph(NamedTuple):
    """How many predecessors each event waits for, who follows it, and its refs to nothing."""

    waiting: dict[_Place, int]
    followers: dict[_Place, list[_Place]]
    unresolved: dict[_Place, tuple[EventRef, ...]]


def order_case(events: Iterable[CaseEvent]) -> tuple[PlacedEvent, ...]:
    """Orders the held, non-void events of one case, in O(n log n) whatever their authors wrote."""
    by_place = {(event.log_id, event.index): event for event in events}
    in_time = _placed_by_time(by_place)
    return _placed_by_graph(by_place) if in_time is None else in_time


def _placed_by_time(by_place: dict[_Place, CaseEvent]) -> tuple[PlacedEvent, ...] | None:
    """All events by time, if each comes after its predecessors so: the smallest is always free.

    Where clocks are right that is so, and takes a third of the time. Each log's events come in
    their order then, so that its last one tells which of them are placed.
    """
    last: dict[LogId, int] = {}
    placed: list[PlacedEvent] = []
    for event in sorted(by_place.values(), key=_key):
        held, missing = _refs_of(event, by_place) if event.refs else ((), ())
        if event.index < last.get(event.log_id, -1) or any(
            ref.index > last.get(ref.log_id, -1) for ref in held
        ):
            return None
        last[event.log_id] = event.index
        placed.append(PlacedEvent(event, is_in_cycle=False, unresolved=missing))
    return tuple(placed)


def _refs_of(
    event: CaseEvent, by_place: dict[_Place, CaseEvent]
) -> tuple[tuple[EventRef, ...], tuple[EventRef, ...]]:
    """The refs of an event to what is held, and those that find nothing."""
    held: list[EventRef] = []
    missing: list[EventRef] = []
    for ref in event.refs:
        target = by_place.get((ref.log_id, ref.index))
        is_held = target is not None and target.leaf_hash == ref.leaf_hash
        (held if is_held else missing).append(ref)
    return tuple(held), tuple(missing)


def _placed_by_graph(by_place: dict[_Place, CaseEvent]) -> tuple[PlacedEvent, ...]:
    waiting, followers, unresolved = _graph(by_place)
    free = [_key(event) for place, event in by_place.items() if not waiting[place]]
    heapq.heapify(free)
    placed: list[PlacedEvent] = []
    done: set[_Place] = set()
    rest: list[_Key] = []
    while len(placed) < len(by_place):
        is_in_cycle = not free
        if is_in_cycle:
            # The rest is sorted once; what is placed meanwhile is skipped.
            rest = rest or _sorted_rest(by_place, done)
            while rest[-1][1:] in done:
                rest.pop()
            free.append(rest.pop())
        place = heapq.heappop(free)[1:]
        done.add(place)
        placed.append(PlacedEvent(by_place[place], is_in_cycle, unresolved.get(place, ())))
        for follower in followers.get(place, ()):
            waiting[follower] -= 1
            if not waiting[follower] and follower not in done:
                heapq.heappush(free, _key(by_place[follower]))
    return tuple(placed)


def _key(event: CaseEvent) -> _Key:
    return (event.time_ms, event.log_id, event.index)


def _sorted_rest(by_place: dict[_Place, CaseEvent], done: set[_Place]) -> list[_Key]:
    """What is not placed yet, the smallest last."""
    return sorted((_key(e) for p, e in by_place.items() if p not in done), reverse=True)


def _graph(by_place: dict[_Place, CaseEvent]) -> _Graph:
    graph = _Graph(dict.fromkeys(by_place, 0), {}, {})
    previous: dict[LogId, _Place] = {}
    for place in sorted(by_place):
        before = previous.get(place[0])
        if before is not None:
            graph.followers.setdefault(before, []).append(place)
            graph.waiting[place] += 1
        previous[place[0]] = place
        held, missing = _refs_of(by_place[place], by_place)
        for ref in held:
            graph.followers.setdefault((ref.log_id, ref.index), []).append(place)
            graph.waiting[place] += 1
        if missing:
            graph.unresolved[place] = missing
    return graph
