"""A log that a roster ends stops at one size at every node, in whatever order things arrive there.

A node is handed the entries of a log in runs, and rosters that cut it, each in an order of its own:
entries that came before the cut, after it, or never; a cut that is lowered later. What a node
already knows to be past a cut it does not fetch.
"""

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple, TypeAlias

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from registry.application.membership.rosters import CUT_REASON
from registry.domain.content import StatementIssued
from registry.store.sqlite import SqliteStore
from registry.store.values import LogState
from registry.views.case_file import CaseHistory, read_history
from tests.storage.storage_world import OTHER, PEER, case, open_store
from tests.unit.views.view_world import Mechanism, reader_of, take

STATEMENT = StatementIssued(acting_body="a", basis="own_act")
CASE = case(1)
Step: TypeAlias = tuple[str, int]
"""("held", n) = the first n entries of the log have come; ("cut", n) = it ends at n."""


class Story(NamedTuple):
    """How long the log is, where it ends, and what each of three nodes meets in which order."""

    size: int
    end: int
    nodes: tuple[tuple[Step, ...], ...]


@st.composite
def stories(draw: st.DrawFn) -> Story:
    size = draw(st.integers(1, 10))
    cuts = draw(st.lists(st.integers(0, size), min_size=1, max_size=3))
    nodes = []
    for _ in range(3):
        runs = draw(st.lists(st.integers(1, size), max_size=4))
        steps = [("held", n) for n in runs] + [("cut", n) for n in cuts]
        nodes.append(tuple(draw(st.permutations(steps))))
    return Story(size, min(cuts), tuple(nodes))


def written(size: int) -> tuple[Mechanism, Mechanism]:
    """A log of some acts in one case, some of them about links, and another's acts there."""
    revoked, other = Mechanism(PEER), Mechanism(OTHER)
    for number in range(size):
        ref = revoked.act(STATEMENT, case_id=CASE, kind=None)
        if number % 3 == 0:
            other.act(STATEMENT, case_id=CASE, refs=(ref,))
    return revoked, other


def meets(store: SqliteStore, log: Mechanism, step: Step) -> None:
    what, size = step
    state = store.log_state(log.log_id)
    if what == "cut":
        if state.frozen_at is None or state.frozen_at > size:
            store.freeze(log.log_id, size, CUT_REASON, b"").result()
        return
    end = size if state.frozen_at is None else min(size, state.frozen_at)
    if end > state.size:
        take(store, log, end=end)


def told(store: SqliteStore) -> CaseHistory:
    return read_history(reader_of(store), CASE)


def check(story: Story) -> None:
    """Every node tells the same history, which ends where the smallest cut says."""
    log, other = written(story.size)
    histories = []
    for steps in story.nodes:
        with TemporaryDirectory() as folder:
            store = open_store(Path(folder))
            try:
                take(store, other)
                for step in (*steps, ("held", story.size)):
                    meets(store, log, step)
                assert store.log_state(log.log_id).valid_size == story.end
                histories.append(told(store))
            finally:
                store.close()

    first, *others = histories
    assert sum(event.log_id == log.log_id for event in first.events) == story.end
    assert all((h.digest, h.events) == (first.digest, first.events) for h in others)


@settings(max_examples=300, deadline=None)
@given(stories())
def test_revoked_log_stops_at_one_size_in_every_order(story: Story) -> None:
    check(story)


def test_node_that_counts_what_is_past_a_cut_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    story = Story(3, 1, ((("held", 3), ("cut", 1)), (("cut", 1), ("held", 3))))
    check(story)
    monkeypatch.setattr(LogState, "valid_size", property(lambda state: state.size))

    with pytest.raises(AssertionError):
        check(story)
