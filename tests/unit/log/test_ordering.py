"""The order of record: small cases, lies and cycles, each told in full."""

import random
from itertools import permutations

import pytest

from registry.domain.identifiers import LeafHash, LogId
from registry.log import ordering
from registry.log.entry import EventRef
from registry.log.merkle import leaf_hash
from registry.log.ordering import CaseEvent, PlacedEvent, order_case

Place = tuple[str, int]


def leaf_of(place: Place) -> LeafHash:
    return leaf_hash(repr(place).encode())


def ref(log: str, index: int, *, leaf: LeafHash | None = None) -> EventRef:
    return EventRef(LogId(log.encode()), index, leaf or leaf_of((log, index)))


def event(log: str, index: int, time_ms: int, *refs: EventRef) -> CaseEvent:
    return CaseEvent(LogId(log.encode()), index, time_ms, leaf_of((log, index)), refs)


def told(placed: tuple[PlacedEvent, ...]) -> str:
    """Such as `a0 b3! c1`; `!` marks a place where a cycle was broken."""
    return " ".join(
        f"{p.event.log_id.decode()}{p.event.index}{'!' * p.is_in_cycle}" for p in placed
    )


def order(*events: CaseEvent) -> str:
    """The order, which must be the same however the events arrive."""
    orders = {told(order_case(arrived)) for arrived in permutations(events)}
    assert len(orders) == 1
    return orders.pop()


def test_case_without_events_has_no_order() -> None:
    assert order_case([]) == ()


def test_strangers_stand_by_time_then_log_then_index() -> None:
    assert order(event("a", 0, 9), event("b", 0, 5), event("c", 0, 5)) == "b0 c0 a0"


def test_a_log_stands_in_its_own_order_whatever_its_clock_says() -> None:
    assert order(event("a", 0, 9), event("a", 3, -5), event("a", 7, 1)) == "a0 a3 a7"


def test_event_stands_after_what_its_author_held() -> None:
    assert order(event("a", 0, 100), event("b", 0, 1, ref("a", 0))) == "a0 b0"


def test_refs_hold_over_several_logs() -> None:
    late = event("c", 0, 0, ref("a", 0), ref("b", 0))

    assert order(event("a", 0, 5), event("b", 0, 4, ref("a", 0)), late) == "a0 b0 c0"


def test_clock_decades_behind_moves_only_the_liars_events() -> None:
    honest = (event("a", 0, 10), event("b", 0, 20, ref("a", 0), ref("l", 0)), event("c", 0, 15))

    assert order(*honest, event("l", 0, 12)) == "a0 l0 c0 b0"
    assert order(*honest, event("l", 0, -(10**12))) == "l0 a0 c0 b0"


def test_clock_decades_ahead_takes_along_only_those_who_read_it() -> None:
    # `a1` was written after reading the liar; it cannot stand before it, but `c0` can.
    honest = (event("a", 0, 10), event("a", 1, 20, ref("l", 0)), event("c", 0, 30))

    assert order(*honest, event("l", 0, 12)) == "a0 l0 a1 c0"
    assert order(*honest, event("l", 0, 10**12)) == "a0 c0 l0 a1"


@pytest.mark.parametrize(
    "target",
    [ref("b", 1), ref("z", 0), ref("b", 0, leaf=LeafHash(bytes(32)))],
    ids=["absent event", "absent log", "other bytes"],
)
def test_ref_to_nothing_imposes_nothing_and_is_told(target: EventRef) -> None:
    events = (event("a", 0, 1, target), event("b", 0, 2))

    assert order(*events) == "a0 b0"
    assert order_case(events)[0].unresolved == (target,)
    assert order_case(events)[1].unresolved == ()


def test_ref_that_holds_is_kept_beside_one_to_nothing() -> None:
    events = (event("a", 0, 1, ref("b", 0), ref("z", 0)), event("b", 0, 2))

    assert order(*events) == "b0 a0"
    assert order_case(events)[1].unresolved == (ref("z", 0),)


def test_cycle_is_broken_at_its_smallest_event_and_flagged_there() -> None:
    # Each log's first event refers to the other's second: both authors lied together.
    events = (
        event("a", 0, 5, ref("b", 1)),
        event("a", 1, 6),
        event("b", 0, 7, ref("a", 1)),
        event("b", 1, 8),
    )

    assert order(*events) == "a0! a1 b0 b1"


def test_event_that_refers_to_itself_is_flagged() -> None:
    assert order(event("a", 0, 5, ref("a", 0)), event("b", 0, 9)) == "b0 a0!"


def test_two_cycles_are_broken_one_after_the_other() -> None:
    first = (event("a", 0, 1, ref("b", 0)), event("b", 0, 2, ref("a", 0)))
    second = (event("c", 0, 3, ref("d", 0)), event("d", 0, 4, ref("c", 0)))

    assert order(*first, *second) == "a0! b0 c0! d0"


def test_cycle_within_a_cycle_is_broken_twice() -> None:
    events = (
        event("a", 0, 1, ref("b", 0), ref("c", 0)),
        event("b", 0, 3, ref("c", 0)),
        event("c", 0, 2, ref("b", 0)),
    )

    assert order(*events) == "a0! c0! b0"


def test_what_stands_before_and_after_a_cycle_is_free_of_the_flag() -> None:
    events = (
        event("a", 0, 5, ref("b", 0), ref("x", 0)),
        event("b", 0, 6, ref("a", 0)),
        event("x", 0, 100),
        event("y", 0, 200, ref("b", 0)),
    )

    assert order(*events) == "x0 a0! b0 y0"


@pytest.mark.parametrize("seed", range(200))
def test_order_by_time_is_that_of_the_graph_wherever_it_holds(seed: int) -> None:
    rng = random.Random(seed)
    events: list[CaseEvent] = []
    for number in range(rng.randrange(12)):
        log = rng.choice("abc")
        refs = {
            other: ref(other, rng.randrange(4), leaf=rng.choice([None, None, leaf_of(("x", 0))]))
            for other in rng.sample("abc", rng.randrange(3))
            if other != log or rng.random() < 0.1
        }
        index = sum(each.log_id == log.encode() for each in events)
        time_ms = number if seed % 2 else rng.randrange(6)
        events.append(event(log, index, time_ms, *refs.values()))
    by_place = {(each.log_id, each.index): each for each in events}

    by_graph = ordering._placed_by_graph(by_place)

    assert order_case(events) == by_graph
    assert ordering._placed_by_time(by_place) in (None, by_graph)


def test_placed_event_carries_what_was_given() -> None:
    given = event("a", 0, 1)

    assert order_case([given]) == (PlacedEvent(given, is_in_cycle=False, unresolved=()),)


def long_case(count: int, *, is_cyclic: bool) -> list[CaseEvent]:
    """Four logs that take turns and each refer to the one before; cyclic: also to the one after."""
    logs = ("a", "b", "c", "d")
    events = []
    for number in range(count):
        index, at = divmod(number, len(logs))
        refs = []
        if number:
            before_index, before = divmod(number - 1, len(logs))
            refs.append(ref(logs[before], before_index))
        if is_cyclic and number + 1 < count:
            after_index, after = divmod(number + 1, len(logs))
            refs.append(ref(logs[after], after_index))
        events.append(event(logs[at], index, -number, *refs))
    return events


class CountedTime(int):
    """A time that counts how often any is compared."""

    comparisons = 0

    def __lt__(self, other: int) -> bool:
        CountedTime.comparisons += 1
        return int(self) < int(other)


@pytest.mark.parametrize("is_cyclic", [False, True])
def test_ten_thousand_events_in_one_chain_take_no_recursion_and_no_quadratic_work(
    is_cyclic: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    events = [
        given._replace(time_ms=CountedTime(given.time_ms))
        for given in long_case(10_000, is_cyclic=is_cyclic)
    ]
    CountedTime.comparisons = 0

    placed = order_case(reversed(events))

    assert len(placed) == 10_000
    assert CountedTime.comparisons < 10_000 * 50
    if not is_cyclic:
        assert [p.event for p in placed] == events


def test_ten_thousand_concurrent_events_take_no_quadratic_work() -> None:
    events = [event(f"log {n}", 0, CountedTime(n * 7919 % 10_007)) for n in range(10_000)]
    CountedTime.comparisons = 0

    placed = order_case(events)

    times = [p.event.time_ms for p in placed]
    assert times == sorted(times)
    assert 10_000 < CountedTime.comparisons < 10_000 * 50
