"""Links over new epochs: a later log goes on where the log before of its member ended."""

from collections.abc import Iterator, Sequence
from itertools import permutations
from pathlib import Path

import pytest

from registry.domain.identifiers import Origin
from registry.log.entry import EventRef
from registry.store.sqlite import SqliteStore
from registry.views.linking import Links
from tests.storage.former_logs_world import (
    FIRST,
    FIRST_ID,
    SECOND,
    SECOND_ID,
    THIRD,
    later_roster,
    store_of,
)
from tests.storage.storage_world import FOURTH, OTHER, case
from tests.unit.views.test_linking import (
    ACCEPTED,
    DECLINED,
    ENDED,
    HERE,
    STATEMENT,
    THERE,
    answers,
    only_link,
    proposes,
)
from tests.unit.views.view_world import Mechanism, take


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    with store_of(tmp_path) as opened:
        yield opened


def links_of(store: SqliteStore, *mechanisms: Mechanism) -> Links:
    take(store, *mechanisms)
    states = {state.log_id: state for state in store.log_states()}
    return Links(store, states, later_roster().logs_before())


def linked(
    proposer: Origin = FIRST, acceptor: Origin = OTHER
) -> tuple[Mechanism, Mechanism, EventRef]:
    """A link in effect between the first case and the second."""
    one, two = Mechanism(proposer), Mechanism(acceptor)
    one.act(STATEMENT, case_id=HERE)
    two.act(STATEMENT, case_id=THERE)
    proposal = proposes(one)
    answers(two, ACCEPTED, proposal)
    return one, two, proposal


@pytest.mark.parametrize("later", [SECOND, THIRD])
@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_later_log_ends_what_a_former_one_proposed_in_every_order(
    store: SqliteStore, later: Origin, order: Sequence[int]
) -> None:
    first, other, proposal = linked()
    second = Mechanism(later)
    answers(second, ENDED, proposal, HERE)
    logs = [first, other, second]
    links = links_of(store, *(logs[place] for place in order))
    link = only_link(links)
    assert (link.state, link.is_closed, link.ended_by) == ("ended", True, (second.log_id,))
    assert links.joined(HERE) == (HERE,)


def test_later_log_takes_back_what_a_former_one_accepted_and_accepts_no_more(
    store: SqliteStore,
) -> None:
    other, first, proposal = linked(OTHER, FIRST)
    second = Mechanism(SECOND)
    answers(second, ENDED, proposal)
    answers(second, ACCEPTED, proposal)
    link = only_link(links_of(store, other, first, second))
    assert (link.state, link.is_closed, link.accepted_by) == ("ended", False, ())
    answers(second, DECLINED, proposal)
    assert only_link(links_of(store, second)).declined_by == (SECOND_ID,)


def test_last_answer_of_a_member_counts_whatever_its_log(store: SqliteStore) -> None:
    other, first, proposal = linked(OTHER, FIRST)
    second = Mechanism(SECOND)
    answers(second, DECLINED, proposal)
    link = only_link(links_of(store, second, first, other))
    assert (link.state, link.accepted_by, link.declined_by) == ("declined", (), (SECOND_ID,))
    answers(second, ACCEPTED, proposal)
    assert only_link(links_of(store, second)).state == "accepted"


def test_mechanism_does_not_accept_what_it_proposed_in_a_former_log(store: SqliteStore) -> None:
    first, second = Mechanism(FIRST), Mechanism(SECOND)
    first.act(STATEMENT, case_id=HERE)
    proposal = proposes(first)
    second.act(STATEMENT, case_id=THERE)
    answers(second, ACCEPTED, proposal)
    link = only_link(links_of(store, first, second))
    assert (link.state, link.accepted_by) == ("proposed", ())


@pytest.mark.parametrize("who", [FOURTH, OTHER])
def test_end_by_another_member_ends_no_proposal(store: SqliteStore, who: Origin) -> None:
    first, other, proposal = linked()
    ender = other if who == OTHER else Mechanism(who)
    if ender is not other:
        ender.act(STATEMENT, case_id=HERE)
        ender.act(STATEMENT, case_id=THERE)
    answers(ender, ENDED, proposal, HERE)
    link = only_link(links_of(store, first, other, *([] if ender is other else [ender])))
    assert not link.is_closed
    assert link.state == "accepted"


def test_void_end_of_a_later_log_has_no_effect(store: SqliteStore) -> None:
    first, other, proposal = linked()
    second = Mechanism(SECOND)
    second.act(STATEMENT, case_id=case(9))
    answers(second, ENDED, proposal, HERE)
    take(store, second)
    store.freeze(SECOND_ID, 1, "cut", b"").result()
    assert only_link(links_of(store, first, other)).state == "accepted"


def test_answer_counts_where_only_a_former_log_took_part_and_a_proposal_does_not(
    store: SqliteStore,
) -> None:
    first, second, other = Mechanism(FIRST), Mechanism(SECOND), Mechanism(OTHER)
    first.act(STATEMENT, case_id=THERE)
    other.act(STATEMENT, case_id=HERE)
    proposal = proposes(other)
    answers(second, ACCEPTED, proposal)
    proposes(second, THERE, case(3))
    links = links_of(store, first, second, other)
    assert only_link(links).accepted_by == (SECOND_ID,)
    assert [link.log_id for link in links.of_case(THERE)] == [other.log_id]
    assert FIRST_ID not in {link.log_id for link in links.of_case(THERE)}
