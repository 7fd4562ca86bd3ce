"""Links: in effect only if both sides took part, and bound to the bytes of the proposal."""

from collections.abc import Iterator
from pathlib import Path
from unittest.mock import Mock

import pytest

from registry.domain.content import StatementIssued
from registry.domain.identifiers import CaseId, LeafHash, LogId
from registry.domain.vocabulary import EventKind
from registry.log.entry import EventRef
from registry.log.links import LinkAnswer, LinkProposal, encode_link
from registry.store.sqlite import SqliteStore
from registry.views.acts import place_key
from registry.views.case_file import read_history
from registry.views.link_list import link_documents
from registry.views.linking import CaseLink, Links
from tests.storage.storage_world import FOURTH, OTHER, PEER, THIRD, case, open_store
from tests.unit.views.view_world import Mechanism, reader_of, take, writes

STATEMENT = StatementIssued(acting_body="a", basis="own_act")
HERE, THERE, ELSEWHERE = case(1), case(2), case(3)
ACCEPTED = EventKind.CASE_LINK_ACCEPTED
DECLINED = EventKind.CASE_LINK_DECLINED
ENDED = EventKind.CASE_UNLINKED


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    opened = open_store(tmp_path)
    yield opened
    opened.close()


def proposes(mechanism: Mechanism, case_id: CaseId = HERE, other: CaseId = THERE) -> EventRef:
    return writes(mechanism, EventKind.CASE_LINK_PROPOSED, case_id, LinkProposal(other))


def answers(
    mechanism: Mechanism, kind: EventKind, proposal: EventRef, case_id: CaseId = THERE
) -> EventRef:
    return writes(mechanism, kind, case_id, LinkAnswer(*proposal))


def both() -> tuple[Mechanism, Mechanism]:
    """A mechanism with an act in the first case, and another with one in the second."""
    peer, other = Mechanism(PEER), Mechanism(OTHER)
    peer.act(STATEMENT, case_id=HERE)
    other.act(STATEMENT, case_id=THERE)
    return peer, other


def links_of(store: SqliteStore, *mechanisms: Mechanism) -> Links:
    take(store, *mechanisms)
    return Links(store, {state.log_id: state for state in store.log_states()})


def only_link(links: Links, case_id: CaseId = HERE) -> CaseLink:
    (found,) = links.of_case(case_id)
    return found


def test_link_is_in_effect_once_the_other_side_accepts(store: SqliteStore) -> None:
    peer, other = both()
    proposal = proposes(peer)
    answers(other, ACCEPTED, proposal)
    links = links_of(store, peer, other)

    link = only_link(links)
    assert (link.state, link.accepted_by) == ("accepted", (other.log_id,))
    assert links.joined(HERE) == links.joined(THERE) == tuple(sorted((HERE, THERE)))
    joined = read_history(reader_of(store), THERE, links.joined(THERE))
    assert {event.case_id for event in joined.events} == {HERE, THERE}
    again = read_history(reader_of(store), HERE, links.joined(HERE))
    assert (joined.digest, joined.events) == (again.digest, again.events)


def test_proposal_alone_and_one_that_is_declined_join_nothing(store: SqliteStore) -> None:
    peer, other = both()
    proposal = proposes(peer)
    assert only_link(links_of(store, peer, other)).state == "proposed"
    answers(other, DECLINED, proposal)
    links = links_of(store, other)

    assert only_link(links).state == "declined"
    assert links.joined(HERE) == (HERE,)


def test_last_answer_of_a_mechanism_counts(store: SqliteStore) -> None:
    peer, other = both()
    proposal = proposes(peer)
    for kind in (ACCEPTED, DECLINED, ACCEPTED):
        answers(other, kind, proposal)

    assert only_link(links_of(store, peer, other)).state == "accepted"


@pytest.mark.parametrize("who", ["peer", "other"])
def test_either_side_ends_a_link_and_a_third_party_does_not(store: SqliteStore, who: str) -> None:
    peer, other = both()
    proposal = proposes(peer)
    answers(other, ACCEPTED, proposal)
    ender, where = (peer, HERE) if who == "peer" else (other, THERE)
    answers(ender, ENDED, proposal, where)
    links = links_of(store, peer, other)

    assert only_link(links).state == "ended"
    assert links.joined(HERE) == (HERE,)


def third(*cases: CaseId) -> Mechanism:
    """A mechanism that wrote one event, of no use, in each of some cases."""
    stranger = Mechanism(THIRD)
    for each in cases:
        stranger.act(STATEMENT, case_id=each)
    return stranger


@pytest.mark.parametrize(("again", "state"), [(DECLINED, "disputed"), (ACCEPTED, "accepted")])
def test_one_that_accepts_ends_its_own_acceptance_alone_and_for_good(
    store: SqliteStore, again: EventKind, state: str
) -> None:
    peer, other = both()
    stranger = third(THERE)
    proposal = proposes(peer)
    answers(other, ACCEPTED, proposal)
    for kind in (ACCEPTED, ENDED, again):
        answers(stranger, kind, proposal)
    link = only_link(links_of(store, peer, other, stranger))

    assert (link.state, link.accepted_by) == (state, (other.log_id,))
    assert link.ended_by == (stranger.log_id,)


@pytest.mark.parametrize("case_id", [HERE, THERE])
def test_nobody_forces_a_link_on_those_who_took_part_in_either_case(
    store: SqliteStore, case_id: CaseId
) -> None:
    peer, other = both()
    stranger, helper = third(HERE), Mechanism(FOURTH)
    helper.act(STATEMENT, case_id=THERE)
    proposal = proposes(stranger)
    answers(helper, ACCEPTED, proposal)
    answers(peer if case_id == HERE else other, DECLINED, proposal, case_id)
    links = links_of(store, peer, other, stranger, helper)

    assert only_link(links).state == "disputed"
    assert links.joined(HERE) == (HERE,)


def test_proposer_ends_a_link_for_all(store: SqliteStore) -> None:
    peer, other = both()
    proposal = proposes(peer)
    answers(peer, ENDED, proposal, HERE)
    answers(other, ACCEPTED, proposal)
    link = only_link(links_of(store, peer, other))

    assert (link.state, link.ended_by) == ("ended", (peer.log_id,))


def test_a_thousand_answers_to_one_proposal_read_each_case_once(store: SqliteStore) -> None:
    peer, other = both()
    proposal = proposes(peer)
    for number in range(1000):
        answers(other, DECLINED if number % 2 else ACCEPTED, proposal)
    links = links_of(store, peer, other)
    links._store = spy = Mock(wraps=store)

    assert only_link(links).state == "declined"
    assert spy.case_entries.call_count == 2


def test_end_by_one_that_only_declined_changes_nothing(store: SqliteStore) -> None:
    peer, other = both()
    proposal = proposes(peer)
    answers(other, DECLINED, proposal)
    answers(other, ENDED, proposal)

    assert only_link(links_of(store, peer, other)).state == "declined"


def test_who_recorded_nothing_in_a_case_neither_proposes_for_it_nor_answers(
    store: SqliteStore,
) -> None:
    peer, other = both()
    stranger = proposes(other, HERE, THERE)
    answers(peer, ACCEPTED, stranger)
    mine = proposes(peer, HERE, ELSEWHERE)
    answers(other, ACCEPTED, mine, ELSEWHERE)
    links = links_of(store, peer, other)

    assert links.at(other.log_id, stranger.index) is None
    assert only_link(links).state == "proposed"
    assert links.joined(HERE) == (HERE,)


def test_act_after_the_answer_makes_nobody_take_part_before_it(store: SqliteStore) -> None:
    peer, other = both()
    mine = proposes(peer, HERE, ELSEWHERE)
    answers(other, ACCEPTED, mine, ELSEWHERE)
    other.act(STATEMENT, case_id=ELSEWHERE)

    assert only_link(links_of(store, peer, other)).state == "proposed"


@pytest.mark.parametrize("change", ["leaf", "index", "log", "case"])
def test_answer_to_other_bytes_or_in_another_case_is_no_answer(
    store: SqliteStore, change: str
) -> None:
    peer, other = both()
    other.act(STATEMENT, case_id=ELSEWHERE)
    proposal = proposes(peer)
    forged = {
        "leaf": proposal._replace(leaf_hash=LeafHash(b"x" * 32)),
        "index": proposal._replace(index=proposal.index - 1),
        "log": proposal._replace(log_id=LogId(b"l" * 32)),
        "case": proposal,
    }[change]
    answers(other, ACCEPTED, forged, ELSEWHERE if change == "case" else THERE)

    assert only_link(links_of(store, peer, other)).state == "proposed"


def test_own_proposal_is_not_answered_by_its_author(store: SqliteStore) -> None:
    peer = Mechanism(PEER)
    peer.act(STATEMENT, case_id=HERE)
    peer.act(STATEMENT, case_id=THERE)
    answers(peer, ACCEPTED, proposes(peer))

    assert only_link(links_of(store, peer)).state == "proposed"


@pytest.mark.parametrize(
    "control",
    [
        b"\xff",
        encode_link(LinkProposal(CaseId(b"short"))),
        encode_link(LinkProposal(HERE)),
        encode_link(LinkProposal(THERE)) + b"\x1a\x01x",
    ],
)
def test_control_that_breaks_a_rule_of_form_has_no_effect(
    store: SqliteStore, control: bytes
) -> None:
    peer, other = both()
    writes(peer, EventKind.CASE_LINK_PROPOSED, HERE, LinkProposal(THERE), control)
    links = links_of(store, peer, other)

    assert links.of_case(HERE) == []
    assert len(read_history(reader_of(store), HERE).events) == 2


def test_void_answer_counts_for_nothing(store: SqliteStore) -> None:
    peer, other = both()
    proposal = proposes(peer)
    accepted = answers(other, ACCEPTED, proposal)
    take(store, peer, other)
    store.freeze(other.log_id, accepted.index, "bad_entry_signature", b"").result()

    assert only_link(links_of(store)).state == "proposed"


def test_case_that_is_not_to_be_seen_leads_nowhere(store: SqliteStore) -> None:
    peer, other = both()
    answers(other, ACCEPTED, proposes(peer))
    peer.act(STATEMENT, case_id=ELSEWHERE)
    further = proposes(other, THERE, ELSEWHERE)
    answers(peer, ACCEPTED, further, ELSEWHERE)
    links = links_of(store, peer, other)

    assert set(links.joined(HERE)) == {HERE, THERE, ELSEWHERE}
    assert links.joined(HERE, lambda each: each != THERE) == (HERE,)


def test_list_of_links_holds_proposals_by_who_took_part_alone(store: SqliteStore) -> None:
    peer, other = both()
    proposes(other)
    own = proposes(peer)
    take(store, peer, other)
    (listed,) = link_documents(read_history(reader_of(store), HERE))

    assert listed.key == place_key(PEER, own.index)


def test_what_strangers_name_makes_no_other_case_be_read(store: SqliteStore) -> None:
    peer, other = both()
    stranger = third(ELSEWHERE)
    elsewhere = proposes(stranger, ELSEWHERE, case(9))
    answers(stranger, ENDED, elsewhere, HERE)
    proposes(stranger, HERE, ELSEWHERE)
    links = links_of(store, peer, other, stranger)
    links._store = spy = Mock(wraps=store)

    assert links.of_case(HERE) == []
    assert [call.args for call in spy.case_entries.call_args_list] == [(HERE,)]
