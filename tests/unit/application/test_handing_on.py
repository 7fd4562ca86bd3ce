"""Withdrawals are handed on to those whom this mechanism gave the name: once, to nobody else."""

from collections.abc import Iterator
from concurrent.futures import Future
from itertools import product
from pathlib import Path

import pytest

from registry.application.handing_on import HandingOn
from registry.application.recording import RecordCommand
from registry.domain.audience import OWN_ONLY, named
from registry.domain.consent import ALL_USES
from registry.domain.content import ConsentWithdrawn
from registry.domain.content.persons import PersonUse
from registry.domain.identifiers import CaseId, Slug
from registry.domain.vocabulary import EventKind
from registry.errors import LogReadOnly, RuleViolation
from registry.log.entry import Header
from registry.store.values import Appended, read_header
from registry.views.events_read import read_content
from tests.unit.application.desk_world import BEN, DeskWorld, open_world
from tests.unit.application.federation_in_process import (
    START_MS,
    Node,
    Nodes,
    found_federation,
    open_federation,
    open_node,
    opening,
    with_gone,
)
from tests.unit.application.persons_world import AYO, BEA, consent, naming, withdrawn

SHARE: PersonUse = "share_with_mechanisms"
FOUR = ("alpha", "beta", "gamma", "delta")


@pytest.fixture
def four(tmp_path: Path) -> Iterator[Nodes]:
    found_federation(tmp_path, FOUR)
    with open_federation(tmp_path, FOUR) as opened:
        yield opened


def gives(node: Node, case_id: CaseId, *others: str) -> int:
    """Names the person to others, with a consent that they hold and that asks for erasure."""
    wish = consent(SHARE, *others, erase_on_withdrawal=True)
    node.record(wish, case_id, audience=named(*others))
    return node.record(naming(AYO), case_id, audience=named(*others)).index


def given_further(nodes: Nodes) -> CaseId:
    """A case in which alpha names a person to beta, and to delta if there is one, beta to gamma."""
    case_id = nodes["alpha"].record(opening()).case_id
    gives(nodes["alpha"], case_id, "beta", *(["delta"] if "delta" in nodes else []))
    nodes.carry_all()
    gives(nodes["beta"], case_id, "gamma")
    nodes.carry_all()
    return case_id


def hand_on(node: Node, case_id: CaseId) -> int:
    return HandingOn(node.registry).hand_on(case_id)


def withdrawals(node: Node, of: Node, case_id: CaseId) -> list[tuple[Header, ConsentWithdrawn]]:
    """The withdrawals in the log of one node that another one can read."""
    store = node.registry.store
    found = []
    for entry in store.case_entries(case_id):
        part = store.part(entry.log_id, entry.index, 0)
        content = None if part is None else read_content(part)
        if entry.log_id == of.log_id and isinstance(content, ConsentWithdrawn):
            found.append((read_header(entry.entry), content))
    return found


def told_by(node: Node, case_id: CaseId) -> list[set[Slug]]:
    """Whom each withdrawal in a node's own log tells, besides itself."""
    roster = node.registry.roster
    return [
        {roster.member_by_id(m).slug for m in header.audience.member_ids} - {node.registry.own.slug}
        for header, _ in withdrawals(node, node, case_id)
    ]


def exports_the_name(node: Node, case_id: CaseId, to: str) -> bool:
    exported = node.registry.export(case_id, "mechanisms", (to,))
    return any(AYO in each.content.persons for each in exported.events if each.content is not None)


def proposed(world: DeskWorld) -> list[int]:
    """How many parts each act that waits would erase."""
    world.desk._errands.close()  # until all that was handed in is done
    acts = world.desk.pending(BEN, 0, 100)[0]
    return [len(act.erasure.targets) for act in acts if act.erasure]


def settle(nodes: Nodes, case_id: CaseId) -> int:
    """Hands on and carries until nothing happens any more; counts what was handed on."""
    counts: list[int] = []
    while not counts or counts[-1]:
        assert len(counts) < 10, "they hand on to each other for ever"
        nodes.carry_all()
        nodes.carry_all()
        counts.append(sum(hand_on(node, case_id) for node in nodes.values()))
    return sum(counts)


def test_holder_of_a_holder_learns_of_a_withdrawal_and_uses_the_name_no_more(four: Nodes) -> None:
    alpha, beta, gamma, delta = (four[slug] for slug in FOUR)
    case_id = given_further(four)
    gives(gamma, case_id, "delta")
    alpha.record(withdrawn(), case_id)
    assert told_by(alpha, case_id) == [{"beta", "delta"}], "alpha does not know of gamma"
    four.carry_all()
    assert exports_the_name(gamma, case_id, "delta")

    settle(four, case_id)

    assert not exports_the_name(gamma, case_id, "delta")
    with pytest.raises(RuleViolation):
        gamma.record(naming(AYO), case_id, audience=named("delta"))
    consents = gamma.registry.consents
    assert consents.is_withdrawn(case_id, AYO.person_id, beta.registry.own.origin)
    known = consents.of_case(case_id).known.consents
    for use, author in product(ALL_USES, (beta, gamma)):
        assert known.why_not(AYO.person_id, use, author.log_id, ("delta",))
    assert told_by(beta, case_id) == [{"gamma"}]
    assert [withdrawals(node, beta, case_id) for node in (alpha, delta)] == [[], []]


def test_what_is_handed_on_says_so_and_not_whose_it_is(nodes: Nodes) -> None:
    case_id = given_further(nodes)
    nodes["alpha"].record(withdrawn(withdrawn_date={"value": "2024-03-05"}), case_id)

    assert settle(nodes, case_id) == 1
    ((header, told),) = withdrawals(nodes["gamma"], nodes["beta"], case_id)
    assert header.kind == EventKind.SEALED
    assert (told.person_id, told.uses, told.is_invented) == (AYO.person_id, (), True)
    assert (told.acting_body, told.basis) == ("beta", "reported_by")
    assert "another mechanism" in told.reported_by
    assert told.withdrawn_date is None
    assert "alpha" not in told.model_dump_json()


def test_what_is_handed_on_asks_for_the_erasure_where_the_consents_did(nodes: Nodes) -> None:
    alpha, beta, gamma = nodes.values()
    case_id = given_further(nodes)
    wish = consent("names_in_public", erase_on_withdrawal=True)
    gamma.record(wish, case_id)
    gamma.record(naming(AYO), case_id, audience=OWN_ONLY)
    with open_world(beta) as at_beta, open_world(gamma) as at_gamma:
        alpha.record(withdrawn(), case_id)
        settle(nodes, case_id)

        assert proposed(at_beta) == [2]
        assert proposed(at_gamma) == [2]


def test_withdrawal_is_handed_on_once_however_often_it_is_looked_at(folder: Path) -> None:
    with open_federation(folder) as nodes:
        alpha, beta = nodes["alpha"], nodes["beta"]
        case_id = given_further(nodes)
        alpha.record(withdrawn(), case_id)
        nodes.carry_all()
        assert hand_on(beta, case_id) == 1
        assert hand_on(beta, case_id) == 0
        alpha.record(withdrawn(SHARE), case_id)  # once more, by whomever
        nodes.carry_all()
        assert hand_on(beta, case_id) == 0
    node = open_node(folder, "beta")
    try:
        assert hand_on(node, case_id) == 0
        assert len(told_by(node, case_id)) == 1
    finally:
        node.registry.close()


def test_what_a_closed_log_did_not_take_is_handed_on_later(nodes: Nodes) -> None:
    beta = nodes["beta"]
    case_id = given_further(nodes)
    nodes["alpha"].record(withdrawn(), case_id)
    nodes.carry_all()
    beta.registry.store.refuse_appends("invented")
    with pytest.raises(LogReadOnly):
        hand_on(beta, case_id)
    beta.registry.open_log()

    assert hand_on(beta, case_id) == 1


def test_whoever_is_told_already_is_not_told_again(nodes: Nodes) -> None:
    case_id = given_further(nodes)
    nodes["alpha"].record(withdrawn(), case_id, audience=named("gamma"))

    assert settle(nodes, case_id) == 0


def test_withdrawal_of_somebody_else_and_an_own_one_are_not_handed_on(nodes: Nodes) -> None:
    alpha, beta = nodes["alpha"], nodes["beta"]
    case_id = given_further(nodes)
    alpha.record(withdrawn(person=BEA), case_id, audience=named("beta"))
    nodes.carry_all()
    assert hand_on(beta, case_id) == 0
    beta.record(withdrawn(), case_id)
    assert hand_on(beta, case_id) == 0
    assert told_by(beta, case_id) == [{"alpha", "gamma"}]


def test_nodes_that_gave_each_other_the_name_come_to_an_end(four: Nodes) -> None:
    case_id = given_further(four)
    gives(four["gamma"], case_id, "beta", "delta")
    gives(four["delta"], case_id, "beta", "gamma")
    alpha = four["alpha"]
    gives(four["gamma"], case_id, "alpha")  # on its way when alpha withdraws
    alpha.record(withdrawn(), case_id)

    settle(four, case_id)

    for node in four.values():
        told = [slug for each in told_by(node, case_id) for slug in each]
        assert len(told) == len(set(told)), "nobody tells anybody twice"


def test_only_the_uses_that_nobody_told_of_are_handed_on(nodes: Nodes) -> None:
    alpha, beta, gamma = nodes.values()
    case_id = given_further(nodes)
    alpha.record(withdrawn("names_to_state"), case_id, audience=named("gamma"))
    alpha.record(withdrawn("names_to_state", SHARE), case_id)

    assert settle(nodes, case_id) == 1
    ((_, told),) = withdrawals(gamma, beta, case_id)
    assert told.uses == (SHARE,)


def test_consent_that_was_given_again_is_not_ended_by_handing_on(nodes: Nodes) -> None:
    alpha, beta = nodes["alpha"], nodes["beta"]
    case_id = given_further(nodes)
    alpha.record(withdrawn(), case_id)
    nodes.carry_all()
    beta.record(consent(SHARE, "gamma"), case_id, audience=named("gamma"))

    assert hand_on(beta, case_id) == 1  # for the two other uses
    ((_, told),) = withdrawals(beta, beta, case_id)
    assert told.uses == ("names_to_state", "names_in_public")
    beta.record(naming(AYO), case_id, audience=named("gamma"))


def test_withdrawal_after_a_new_consent_is_handed_on_anew(nodes: Nodes) -> None:
    alpha, beta = nodes["alpha"], nodes["beta"]
    case_id = given_further(nodes)
    alpha.record(withdrawn(SHARE), case_id)
    assert settle(nodes, case_id) == 1
    gives(beta, case_id, "gamma")
    alpha.record(withdrawn(SHARE), case_id)

    assert settle(nodes, case_id) == 1
    assert told_by(beta, case_id) == [{"gamma"}, {"gamma"}]


def test_withdrawal_past_the_end_of_its_log_tells_nobody_and_is_handed_on(nodes: Nodes) -> None:
    """It counts where it is held, and who has seen the end of the log does not fetch it."""
    alpha, beta = nodes["alpha"], nodes["beta"]
    case_id = given_further(nodes)
    void = alpha.record(withdrawn(), case_id, audience=named("gamma")).index
    nodes.carry_all()
    beta.registry.store.freeze(alpha.log_id, void, "invented", b"").result()

    assert hand_on(beta, case_id) == 1
    assert told_by(beta, case_id) == [{"gamma"}]


def test_name_that_an_embargo_kept_here_was_given_to_nobody(nodes: Nodes) -> None:
    alpha, beta = nodes["alpha"], nodes["beta"]
    case_id = alpha.record(opening()).case_id
    gives(alpha, case_id, "beta")
    nodes.carry_all()
    beta.record(
        consent(SHARE, "gamma"), case_id, audience=named("gamma"), not_before_ms=START_MS + 1
    )
    beta.record(naming(AYO), case_id, audience=named("gamma"), not_before_ms=START_MS + 1)
    nodes.carry_all()
    alpha.record(withdrawn(), case_id)

    assert settle(nodes, case_id) == 0


def test_person_whose_withdrawal_is_refused_keeps_no_other_from_it(
    nodes: Nodes, monkeypatch: pytest.MonkeyPatch
) -> None:
    alpha, beta = nodes["alpha"], nodes["beta"]
    case_id = alpha.record(opening()).case_id
    for person in (AYO, BEA):
        wish = consent(SHARE, "beta", person=person)
        alpha.record(wish, case_id, audience=named("beta"))
        alpha.record(naming(person), case_id, audience=named("beta"))
    nodes.carry_all()
    for person in (AYO, BEA):
        wish = consent(SHARE, "gamma", person=person)
        beta.record(wish, case_id, audience=named("gamma"))
        beta.record(naming(person), case_id, audience=named("gamma"))
    for person in (AYO, BEA):
        alpha.record(withdrawn(person=person), case_id)
    nodes.carry_all()
    record = beta.registry.record

    def refuse_ayo(command: RecordCommand) -> "Future[Appended]":
        content = command.content
        if isinstance(content, ConsentWithdrawn) and content.person_id == AYO.person_id:
            msg = "invented"
            raise RuleViolation(msg)
        return record(command)

    monkeypatch.setattr(beta.registry, "record", refuse_ayo)
    with pytest.raises(RuleViolation, match="invented"):
        hand_on(beta, case_id)

    ((_, told),) = withdrawals(beta, beta, case_id)
    assert told.person_id == BEA.person_id


def test_member_that_takes_part_no_more_is_not_told(nodes: Nodes) -> None:
    beta = nodes["beta"]
    case_id = given_further(nodes)
    nodes["alpha"].record(withdrawn(), case_id)
    nodes.carry_all()
    handing = HandingOn(beta.registry)
    beta.registry.roster = with_gone(beta.registry.roster, "gamma", is_removed=True)

    assert handing.hand_on(case_id) == 0


def test_words_of_the_node_are_no_name_even_if_somebody_is_called_so(nodes: Nodes) -> None:
    alpha, beta = nodes["alpha"], nodes["beta"]
    case_id = given_further(nodes)
    called = AYO.model_copy(update={"name": "Another Mechanism"})
    beta.record(naming(called), case_id, audience=named("gamma"))
    alpha.record(withdrawn(), case_id)

    assert settle(nodes, case_id) == 1
