"""For random logs, lying clocks and every delivery order, all nodes tell one history."""

from graphlib import CycleError, TopologicalSorter
from itertools import permutations

from hypothesis import assume, given
from hypothesis import strategies as st

from registry.log.ordering import CaseEvent, PlacedEvent, order_case
from tests.property.federation import (
    CASES,
    CLOCKS,
    Federation,
    History,
    Node,
    honest_federations,
    lying_federations,
    node_that_received,
)

FEDERATIONS = st.one_of(honest_federations(), lying_federations())


def predecessors(events: list[CaseEvent]) -> dict[CaseEvent, list[CaseEvent]]:
    """Each event's held predecessors, found by looking at every pair."""
    found: dict[CaseEvent, list[CaseEvent]] = {}
    for event in events:
        earlier = [e for e in events if e.log_id == event.log_id and e.index < event.index]
        before = [max(earlier, key=lambda e: e.index)] if earlier else []
        targets = {(ref.log_id, ref.index, ref.leaf_hash) for ref in event.refs}
        before += [e for e in events if (e.log_id, e.index, e.leaf_hash) in targets]
        found[event] = before
    return found


def naive_order(events: list[CaseEvent]) -> list[tuple[CaseEvent, bool]]:
    """The design's rule, word by word, in cubic time."""
    before = predecessors(events)
    placed: list[tuple[CaseEvent, bool]] = []
    rest = set(events)
    while rest:
        free = {event for event in rest if rest.isdisjoint(before[event])}
        taken = min(free or rest, key=lambda e: (e.time_ms, e.log_id, e.index))
        placed.append((taken, not free))
        rest.remove(taken)
    return placed


def events_of(history: History) -> list[CaseEvent]:
    return [placed.event for placed in history.placed]


def has_cycle(events: list[CaseEvent]) -> bool:
    try:
        TopologicalSorter(predecessors(events)).prepare()
    except CycleError:
        return True
    return False


def histories(node: Node) -> list[History]:
    return [node.history(case_id) for case_id in CASES]


# --- one history --------------------------------------------------------------------------------


@given(FEDERATIONS, st.data())
def test_history_and_digests_are_equal_on_all_nodes(
    federation: Federation, data: st.DataObject
) -> None:
    nodes = [
        node_that_received(federation, data.draw(st.permutations(federation.written)))
        for _ in range(federation.logs)
    ]

    for node in nodes[1:]:
        assert histories(node) == histories(nodes[0])
        assert node.digest() == nodes[0].digest()


@given(lying_federations(), st.data())
def test_void_entries_that_only_some_nodes_hold_change_nothing(
    federation: Federation, data: st.DataObject
) -> None:
    valid = [event for event in federation.written if not federation.is_void(event)]
    void = [event for event in federation.written if federation.is_void(event)]
    some = [event for event in void if data.draw(st.booleans())]
    without = node_that_received(federation, data.draw(st.permutations(valid)))
    beside = node_that_received(federation, data.draw(st.permutations(valid + some)))

    assert histories(beside) == histories(without)
    assert beside.digest() == without.digest()
    assert sum(len(found.placed) for found in histories(beside)) == len(valid)


@given(FEDERATIONS, st.data())
def test_nodes_that_hold_as_much_of_every_log_agree_while_they_catch_up(
    federation: Federation, data: st.DataObject
) -> None:
    held = data.draw(st.integers(0, len(federation.written)))
    sizes = {log: data.draw(st.integers(0, held)) for log in {e.log_id for e in federation.written}}
    reached = [event for event in federation.written if event.place < sizes[event.log_id]]
    late = node_that_received(federation, reached[::-1])
    other = node_that_received(federation, data.draw(st.permutations(reached)))

    assert histories(late) == histories(other)
    assert late.digest() == other.digest()
    # Then the rest arrives, and both agree again with a node that got all of it at once.
    for event in federation.written:
        late.receive(event)
    assert histories(late) == histories(node_that_received(federation, federation.written))


@given(st.one_of(honest_federations(max_events=5), lying_federations(max_events=5)))
def test_every_permutation_of_a_small_federation_gives_one_history(
    federation: Federation,
) -> None:
    node = node_that_received(federation, federation.written)
    for case_id, told in zip(CASES, histories(node), strict=True):
        for arrived in permutations(events_of(told)):
            assert order_case(arrived) == told.placed, case_id


@given(FEDERATIONS)
def test_histories_that_differ_have_digests_that_differ(federation: Federation) -> None:
    node = node_that_received(federation, federation.written)
    assume(node.held)
    before = node.digest()
    place, (_, event) = node.held.popitem()
    assume(event.index < federation.cuts.get(place[0], event.index + 1))

    assert node.digest() != before


# --- the right history --------------------------------------------------------------------------


@given(FEDERATIONS)
def test_order_is_the_designs_rule_word_by_word(federation: Federation) -> None:
    for told in histories(node_that_received(federation, federation.written)):
        found = [(placed.event, placed.is_in_cycle) for placed in told.placed]

        assert found == naive_order(events_of(told))


@given(FEDERATIONS)
def test_no_event_stands_before_a_held_predecessor_unless_a_cycle_is_flagged(
    federation: Federation,
) -> None:
    for told in histories(node_that_received(federation, federation.written)):
        events = events_of(told)
        before = predecessors(events)
        for position, placed in enumerate(told.placed):
            if not placed.is_in_cycle:
                assert set(before[placed.event]) <= set(events[:position])
        assert any(placed.is_in_cycle for placed in told.placed) == has_cycle(events)


@given(honest_federations())
def test_honest_authors_never_see_a_flag_or_a_lost_ref(federation: Federation) -> None:
    for told in histories(node_that_received(federation, federation.written)):
        assert not any(placed.is_in_cycle or placed.unresolved for placed in told.placed)


@given(FEDERATIONS)
def test_every_ref_is_either_kept_or_told_as_not_received(federation: Federation) -> None:
    for told in histories(node_that_received(federation, federation.written)):
        held = {(e.log_id, e.index, e.leaf_hash) for e in events_of(told)}
        for placed in told.placed:
            lost = tuple(ref for ref in placed.event.refs if tuple(ref) not in held)
            assert placed.unresolved == lost


# --- what a lying clock can do ------------------------------------------------------------------


def readers_of(liar: bytes, events: list[CaseEvent]) -> set[CaseEvent]:
    """The liar's events and all that were written in knowledge of one, through any steps."""
    before = predecessors(events)
    found = {event for event in events if event.log_id == liar}
    while True:
        more = {e for e in events if e not in found and not found.isdisjoint(before[e])}
        if not more:
            return found
        found |= more


def without(placed: tuple[PlacedEvent, ...], left_out: set[CaseEvent]) -> list[tuple[bytes, int]]:
    names = {(event.log_id, event.index) for event in left_out}
    places = [(p.event.log_id, p.event.index) for p in placed]
    return [place for place in places if place not in names]


@given(honest_federations(), st.data())
def test_lying_clock_moves_nobody_who_has_not_read_the_liar(
    federation: Federation, data: st.DataObject
) -> None:
    for told in histories(node_that_received(federation, federation.written)):
        events = events_of(told)
        liar = events[data.draw(st.integers(0, len(events) - 1))].log_id if events else b""
        lied = [
            event._replace(time_ms=data.draw(CLOCKS)) if event.log_id == liar else event
            for event in events
        ]
        readers = readers_of(liar, events)

        assert without(order_case(lied), readers) == without(told.placed, readers)


@given(honest_federations(), st.data())
def test_clock_that_is_behind_moves_only_the_liars_own_events(
    federation: Federation, data: st.DataObject
) -> None:
    for told in histories(node_that_received(federation, federation.written)):
        # Everybody's clock first tells the truth: the n-th event was written at n.
        truth = [event._replace(time_ms=n) for n, event in enumerate(events_of(told))]
        liar = truth[data.draw(st.integers(0, len(truth) - 1))].log_id if truth else b""
        lied = [
            event._replace(time_ms=event.time_ms - data.draw(st.integers(0, 50 * 10**9)))
            if event.log_id == liar
            else event
            for event in truth
        ]
        own = {event for event in truth if event.log_id == liar}

        assert [placed.event for placed in order_case(truth)] == truth
        assert without(order_case(lied), own) == without(order_case(truth), own)


@given(honest_federations(), st.data())
def test_no_clock_turns_round_what_was_written_in_knowledge(
    federation: Federation, data: st.DataObject
) -> None:
    for told in histories(node_that_received(federation, federation.written)):
        events = [event._replace(time_ms=data.draw(CLOCKS)) for event in events_of(told)]
        places = {placed.event: n for n, placed in enumerate(order_case(events))}

        for event, before in predecessors(events).items():
            assert all(places[earlier] < places[event] for earlier in before)


def test_the_random_federations_hold_cycles_and_lost_refs() -> None:
    """What the properties above run on is not harmless: cycles and lost refs are among it."""
    seen = {"cycle": 0, "lost ref": 0, "void": 0}

    @given(lying_federations())
    def count(federation: Federation) -> None:
        seen["void"] += any(map(federation.is_void, federation.written))
        for told in histories(node_that_received(federation, federation.written)):
            seen["cycle"] += any(placed.is_in_cycle for placed in told.placed)
            seen["lost ref"] += any(placed.unresolved for placed in told.placed)

    count()

    assert min(seen.values()) > 0, seen
