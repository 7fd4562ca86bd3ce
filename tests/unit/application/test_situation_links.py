"""A case with sealed events is not joined with the situation of a State, by whatever way round."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from registry.application import situation_links
from registry.application.situation_links import SituationLinks
from registry.domain.audience import named
from registry.domain.content import StatementIssued
from registry.domain.identifiers import CaseId, LogId, situation_case_id
from registry.domain.vocabulary import EventKind
from registry.errors import RuleViolation
from registry.log.links import LinkAnswer, LinkProposal
from registry.store.sqlite import SqliteStore
from registry.views import linking
from registry.views.case_list import SituationNames
from tests.storage.storage_world import OTHER, PEER, REGISTRY, THIRD, case, open_store
from tests.unit.application.federation_in_process import Node, opening
from tests.unit.application.persons_world import AYO, consent, naming, withdrawn
from tests.unit.views.view_world import (
    OTHER_MEMBER,
    PEER_MEMBER,
    Mechanism,
    only,
    reader_of,
    take,
    writes,
)

STATEMENT = StatementIssued(acting_body="a", basis="own_act")
SITUATION = situation_case_id(REGISTRY, "POL")
HERE, BETWEEN = case(1), case(2)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    opened = open_store(tmp_path)
    yield opened
    opened.close()


def both(*cases: CaseId) -> tuple[Mechanism, Mechanism]:
    """Two mechanisms that took part in some cases."""
    found = Mechanism(PEER), Mechanism(OTHER)
    for each in cases:
        for mechanism in found:
            mechanism.act(STATEMENT, case_id=each)
    return found


def links(peer: Mechanism, other: Mechanism, first: CaseId, second: CaseId) -> None:
    proposal = writes(peer, EventKind.CASE_LINK_PROPOSED, first, LinkProposal(second))
    writes(other, EventKind.CASE_LINK_ACCEPTED, second, LinkAnswer(*proposal))


def seals(mechanism: Mechanism, case_id: CaseId) -> None:
    audience = only(PEER_MEMBER, OTHER_MEMBER)
    mechanism.act(STATEMENT, case_id=case_id, audience=audience, kind=EventKind.SEALED)


def rules(store: SqliteStore, own: LogId, *mechanisms: Mechanism) -> SituationLinks:
    take(store, *mechanisms)
    return SituationLinks(reader_of(store), own, SituationNames(REGISTRY))


def test_event_is_not_sealed_in_a_case_that_a_link_joins_with_a_state(store: SqliteStore) -> None:
    peer, other = both(HERE, BETWEEN, SITUATION)
    links(peer, other, HERE, BETWEEN)
    links(other, peer, SITUATION, BETWEEN)
    judged = rules(store, peer.log_id, peer, other)

    with pytest.raises(RuleViolation, match="linked with the situation of a State") as refused:
        judged.check_sealed_event(HERE)
    assert (refused.value.field, refused.value.rule) == ("audience", "link_of_public_or_sealed")
    judged.check_sealed_event(case(3))


@pytest.mark.parametrize("sealed", [HERE, BETWEEN])
def test_sealed_case_is_not_linked_with_a_state_over_a_third_case(
    store: SqliteStore, sealed: CaseId
) -> None:
    peer, other = both(HERE, BETWEEN, SITUATION)
    links(peer, other, HERE, BETWEEN)
    seals(peer, sealed)
    judged = rules(store, peer.log_id, peer, other)

    for ends in ((BETWEEN, SITUATION), (SITUATION, HERE)):
        with pytest.raises(RuleViolation, match="sealed events is not linked"):
            judged.check_link(*ends)


def test_own_open_proposal_counts_and_that_of_another_does_not(store: SqliteStore) -> None:
    peer, other = both(HERE, SITUATION)
    writes(peer, EventKind.CASE_LINK_PROPOSED, HERE, LinkProposal(SITUATION))
    of_author = rules(store, peer.log_id, peer, other)
    of_other = SituationLinks(reader_of(store), other.log_id, SituationNames(REGISTRY))

    with pytest.raises(RuleViolation):
        of_author.check_sealed_event(HERE)
    of_other.check_sealed_event(HERE)


@pytest.mark.parametrize("kind", [EventKind.CASE_LINK_DECLINED, EventKind.CASE_UNLINKED])
def test_what_others_can_bring_into_effect_again_counts(
    store: SqliteStore, kind: EventKind
) -> None:
    peer, other = both(HERE, SITUATION)
    proposal = writes(peer, EventKind.CASE_LINK_PROPOSED, HERE, LinkProposal(SITUATION))
    for each in (EventKind.CASE_LINK_ACCEPTED, kind):
        writes(other, each, SITUATION, LinkAnswer(*proposal))
    by_author = rules(store, peer.log_id, peer, other)

    with pytest.raises(RuleViolation):
        by_author.check_sealed_event(HERE)
    writes(peer, EventKind.CASE_UNLINKED, HERE, LinkAnswer(*proposal))
    rules(store, peer.log_id, peer).check_sealed_event(HERE)


def test_own_acceptance_that_another_disputes_counts(store: SqliteStore) -> None:
    peer, other = both(HERE, SITUATION)
    third = Mechanism(THIRD)
    third.act(STATEMENT, case_id=SITUATION)
    proposal = writes(other, EventKind.CASE_LINK_PROPOSED, HERE, LinkProposal(SITUATION))
    writes(peer, EventKind.CASE_LINK_ACCEPTED, SITUATION, LinkAnswer(*proposal))
    writes(third, EventKind.CASE_LINK_DECLINED, SITUATION, LinkAnswer(*proposal))

    with pytest.raises(RuleViolation):
        rules(store, peer.log_id, peer, other, third).check_sealed_event(HERE)


def test_case_that_is_sealed_and_joined_already_takes_more(store: SqliteStore) -> None:
    peer, other = both(HERE, SITUATION)
    seals(peer, HERE)
    links(other, peer, HERE, SITUATION)

    rules(store, peer.log_id, peer, other).check_sealed_event(HERE)


def test_what_was_permitted_a_moment_ago_counts_before_it_is_in_the_log(
    store: SqliteStore,
) -> None:
    peer, other = both(HERE, BETWEEN, SITUATION)
    judged = rules(store, peer.log_id, peer, other)
    judged.check_sealed_event(HERE)
    with pytest.raises(RuleViolation):
        judged.check_link(HERE, SITUATION)
    judged.check_link(BETWEEN, SITUATION)
    with pytest.raises(RuleViolation):
        judged.check_sealed_event(BETWEEN)


def test_more_cases_than_are_looked_at_may_hold_a_situation(
    store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (linking, situation_links):
        monkeypatch.setattr(module, "LINKED_MAX", 3)
    peer, other = both(HERE, *map(case, range(10, 15)))
    for number in range(10, 15):
        links(peer, other, HERE, case(number))

    with pytest.raises(RuleViolation):
        rules(store, peer.log_id, peer, other).check_sealed_event(HERE)


def test_public_cases_are_linked_with_a_state(store: SqliteStore) -> None:
    peer, other = both(HERE, BETWEEN, SITUATION)
    links(peer, other, HERE, BETWEEN)

    rules(store, peer.log_id, peer, other).check_link(BETWEEN, SITUATION)


def test_withdrawal_waits_for_no_link_to_be_ended(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    case_id = node.record(opening()).case_id
    node.record(consent("share_with_mechanisms", "beta"), case_id)
    rules_here = node.registry.recording.situation_links
    monkeypatch.setattr(rules_here, "_is_derived", lambda _: True)
    monkeypatch.setattr(rules_here, "_is_sealed", lambda _: False)
    with pytest.raises(RuleViolation, match="linked with the situation"):
        node.record(naming(AYO), case_id, audience=named("beta"))
    node.record(withdrawn(), case_id)
