"""Names leave a node only with consent: at recording, to peers, by relays; each lie by its name."""

import json

import pytest

from registry.application.named_persons import persons_in
from registry.application.sharing import SLICE_BYTES
from registry.domain.audience import EVERYONE, OWN_ONLY, named
from registry.domain.content import CommunicationSent, encode_content, media_type_of
from registry.domain.identifiers import CaseId, RequestKey
from registry.domain.vocabulary import EventKind
from registry.errors import InvalidRequest, Overloaded, RuleViolation
from registry.log.author import PartDraft, draft_event
from registry.log.entry import ALL_MEMBERS, Header, decode_header, split_entry
from registry.store.values import AppendRequest
from tests.unit.application.federation_in_process import (
    START_MS,
    Node,
    Nodes,
    carry_entries,
    carry_parts,
    opening,
    statement,
    wanted_parts,
)
from tests.unit.application.persons_world import AYO, BEA, consent, naming, withdrawn


def opened(node: Node) -> CaseId:
    return node.record(opening()).case_id


def holds(node: Node, author: Node, index: int) -> bool:
    return node.registry.store.part(author.log_id, index, 0) is not None


def smuggle(node: Node, case_id: CaseId, content: bytes, media_type: str = "") -> int:
    """Writes an event for all past every rule of recording, as a hostile author can."""
    draft = draft_event(
        log_id=node.log_id,
        case_id=case_id,
        kind=EventKind.STATEMENT_ISSUED,
        time_ms=START_MS,
        parts=(
            PartDraft(b"s" * 32, media_type or media_type_of(EventKind.STATEMENT_ISSUED), content),
        ),
        audience=ALL_MEMBERS,
        request_id=RequestKey(b""),
    )
    return node.registry.store.append(AppendRequest(draft, b"d" * 32)).result().index


# --- recording ------------------------------------------------------------------------------


def test_name_for_all_is_refused_without_consent_and_taken_with_it(node: Node) -> None:
    case_id = opened(node)
    with pytest.raises(RuleViolation, match=f"names_in_public of person {AYO.person_id}"):
        node.record(naming(AYO), case_id)
    node.record(consent("names_to_state"), case_id)
    node.record(consent("share_with_mechanisms", "beta"), case_id)
    with pytest.raises(RuleViolation, match="names_in_public"):
        node.record(naming(AYO), case_id)

    node.record(consent("names_in_public"), case_id)

    assert node.record(naming(AYO), case_id).index == 4
    with pytest.raises(RuleViolation, match=BEA.person_id):
        node.record(naming(AYO, BEA), case_id)


def test_name_for_mechanisms_needs_a_consent_that_names_each_of_them(node: Node) -> None:
    case_id = opened(node)
    node.record(consent("share_with_mechanisms", "beta"), case_id)

    node.record(naming(AYO), case_id, audience=named("beta"))
    with pytest.raises(RuleViolation, match="no consent covers gamma"):
        node.record(naming(AYO), case_id, audience=named("beta", "gamma"))


def test_name_that_stays_at_its_node_needs_no_consent(node: Node) -> None:
    case_id = opened(node)

    assert node.record(naming(AYO), case_id, audience=OWN_ONLY).index == 1


def test_communication_to_a_state_needs_a_consent_to_that_use_whoever_holds_it(
    node: Node,
) -> None:
    case_id = opened(node)
    letter = CommunicationSent(
        acting_body="a", basis="own_act", addressee_state="XXA", persons=(AYO,)
    )
    node.record(consent("names_in_public"), case_id)
    for audience in (OWN_ONLY, EVERYONE):
        with pytest.raises(RuleViolation, match="names_to_state"):
            node.record(letter, case_id, audience=audience)

    node.record(consent("names_to_state"), case_id)

    node.record(letter, case_id, audience=EVERYONE)


def test_consent_of_another_mechanism_permits_nothing_here(nodes: Nodes) -> None:
    alpha, beta = nodes["alpha"], nodes["beta"]
    case_id = opened(alpha)
    nodes.carry_all()
    beta.record(consent("share_with_mechanisms", "alpha"), case_id, audience=named("alpha"))
    nodes.carry_all()
    assert holds(alpha, beta, 0)

    with pytest.raises(RuleViolation, match="share_with_mechanisms"):
        alpha.record(naming(AYO), case_id, audience=named("beta"))


def test_consent_is_never_for_all_members(node: Node) -> None:
    case_id = opened(node)

    for content in (consent("names_in_public"), withdrawn()):
        with pytest.raises(InvalidRequest, match="never for all members"):
            node.record(content, case_id, audience=EVERYONE)


def test_withdrawal_takes_no_embargo(node: Node) -> None:
    case_id = opened(node)

    with pytest.raises(RuleViolation, match="embargo"):
        node.record(withdrawn(), case_id, not_before_ms=START_MS + 1000)


def test_withdrawal_by_another_mechanism_stops_recording(nodes: Nodes) -> None:
    alpha, beta = nodes["alpha"], nodes["beta"]
    case_id = opened(alpha)
    alpha.record(consent("names_in_public"), case_id)
    alpha.record(naming(AYO), case_id)
    nodes.carry_all()
    beta.record(withdrawn(), case_id)
    nodes.carry_all()

    with pytest.raises(RuleViolation, match="withdrawn"):
        alpha.record(naming(AYO), case_id)


# --- text -----------------------------------------------------------------------------------


@pytest.mark.parametrize("field", ["title", "summary", "document_type", "url"])
def test_protected_name_in_text_is_refused_by_the_id_of_the_person(node: Node, field: str) -> None:
    case_id = opened(node)
    node.record(naming(AYO), case_id, audience=OWN_ONLY)
    text = naming(**{field: "on zemlinski's arrest"})

    with pytest.raises(RuleViolation, match=AYO.person_id) as caught:
        node.record(text, case_id)

    assert "emlinski" not in str(caught.value)
    node.record(text, case_id, audience=OWN_ONLY)
    node.record(text, case_id, confirmed_person_ids=(AYO.person_id,))


def test_confirming_one_person_confirms_no_other_and_no_named_person(node: Node) -> None:
    case_id = opened(node)
    node.record(naming(AYO, BEA), case_id, audience=OWN_ONLY)
    text = naming(title="Zemlinski and Quintavalle")

    with pytest.raises(RuleViolation, match=BEA.person_id):
        node.record(text, case_id, confirmed_person_ids=(AYO.person_id,))
    with pytest.raises(RuleViolation, match="names_in_public"):
        node.record(naming(AYO), case_id, confirmed_person_ids=(AYO.person_id,))


def test_name_with_consent_may_stand_in_text(node: Node) -> None:
    case_id = opened(node)
    node.record(consent("names_in_public"), case_id)

    assert node.record(naming(title="Zemlinski"), case_id).index == 2


# --- sharing --------------------------------------------------------------------------------


def test_name_of_a_hostile_author_is_not_relayed(nodes: Nodes) -> None:
    alpha = nodes["alpha"]
    case_id = opened(alpha)

    smuggle(alpha, case_id, encode_content(naming(AYO)))
    nodes.carry_all()

    assert holds(nodes["beta"], alpha, 0)
    assert not holds(nodes["beta"], alpha, 1)


def test_names_are_taken_out_of_every_slice_of_an_answer(nodes: Nodes) -> None:
    alpha, beta = nodes["alpha"], nodes["beta"]
    case_id = opened(alpha)
    large = [naming(AYO, references=("x" * 500,) * 200, summary="y" * 20_000)] * 12
    places = [smuggle(alpha, case_id, encode_content(content)) for content in large]
    places.append(alpha.record(statement("last"), case_id).index)
    assert sum(len(encode_content(content)) for content in large) > SLICE_BYTES
    assert carry_entries(alpha, beta, alpha.log_id) is None
    wanted = {key: part.commitment for key, part in wanted_parts(beta, alpha.log_id).items()}

    given = alpha.registry.parts_for(beta.registry.own, wanted)

    assert [part.index for part in given] == [0, places[-1]]


def test_field_name_written_with_escapes_hides_nobody(nodes: Nodes) -> None:
    alpha = nodes["alpha"]
    case_id = opened(alpha)
    content = encode_content(naming(AYO)).replace(b'"persons"', b'"\\u0070ersons"')

    index = smuggle(alpha, case_id, content)
    nodes.carry_all()

    assert json.loads(content)["persons"]
    assert not holds(nodes["beta"], alpha, index)


def test_persons_of_a_kind_that_is_not_known_here_are_protected_too(nodes: Nodes) -> None:
    alpha = nodes["alpha"]
    case_id = opened(alpha)
    content = json.dumps({"persons": [{"person_id": AYO.person_id, "name": AYO.name}]}).encode()

    index = smuggle(alpha, case_id, content, "application/vnd.registry.later_kind+json;v=9")
    nodes.carry_all()

    assert not holds(nodes["beta"], alpha, index)


def test_content_that_speaks_of_persons_and_cannot_be_read_does_not_leave(nodes: Nodes) -> None:
    alpha = nodes["alpha"]
    case_id = opened(alpha)

    index = smuggle(alpha, case_id, b'{"persons":[')
    nodes.carry_all()

    assert not holds(nodes["beta"], alpha, index)


def test_withdrawal_stops_the_author_and_every_relay_right_after_its_commit(nodes: Nodes) -> None:
    alpha, beta, gamma = (nodes[name] for name in ("alpha", "beta", "gamma"))
    case_id = opened(alpha)
    alpha.record(consent("share_with_mechanisms", "beta", "gamma"), case_id, audience=named("beta"))
    index = alpha.record(naming(AYO), case_id, audience=named("beta", "gamma")).index
    assert carry_entries(alpha, beta, alpha.log_id) is None
    carry_parts(alpha, beta, alpha.log_id)
    assert holds(beta, alpha, index)
    key = (alpha.log_id, index, 0)
    assert beta.registry.consents.may_send(key, gamma.registry.own)
    assert alpha.registry.consents.may_send(key, gamma.registry.own)

    place = alpha.record(withdrawn(), case_id)

    header = decode_header(
        split_entry(alpha.registry.store.entries(alpha.log_id, place.index, place.index + 1)[0])[0]
    )
    assert set(header.audience.member_ids) == {1, 2, 3}
    assert not alpha.registry.consents.may_send(key, gamma.registry.own)
    assert beta.registry.consents.may_send(key, gamma.registry.own)
    assert carry_entries(alpha, beta, alpha.log_id) is None
    carry_parts(alpha, beta, alpha.log_id)
    assert not beta.registry.consents.may_send(key, gamma.registry.own)
    assert carry_entries(alpha, gamma, alpha.log_id) is None
    assert carry_entries(alpha, gamma, alpha.log_id) is None
    for source in (alpha, beta):
        carry_parts(source, gamma, alpha.log_id)
    assert not holds(gamma, alpha, index)
    assert holds(gamma, alpha, place.index)


def test_withdrawal_whose_case_cannot_be_read_when_it_is_stored_lets_nothing_leave(
    nodes: Nodes, monkeypatch: pytest.MonkeyPatch
) -> None:
    alpha, gamma = nodes["alpha"], nodes["gamma"]
    consents = alpha.registry.consents
    case_id = opened(alpha)
    alpha.record(consent("share_with_mechanisms", "gamma"), case_id, audience=named("gamma"))
    index = alpha.record(naming(AYO), case_id, audience=named("gamma")).index
    key = (alpha.log_id, index, 0)
    assert consents.may_send(key, gamma.registry.own)

    def is_busy(*_: object) -> Header:
        msg = "every database connection is in use"
        raise Overloaded(msg)

    with monkeypatch.context() as patched:
        patched.setattr(consents, "_header", is_busy)
        alpha.record(withdrawn(), case_id)
        with pytest.raises(Overloaded):
            consents.may_send(key, gamma.registry.own)
        with pytest.raises(Overloaded):
            consents.sendable([], gamma.registry.own, {})

    assert not consents.may_send(key, gamma.registry.own)
    assert case_id in consents.cases_with_withdrawals()


def test_withdrawal_in_a_log_of_which_nothing_is_shown_holds_nothing_else_up(
    nodes: Nodes, monkeypatch: pytest.MonkeyPatch
) -> None:
    alpha = nodes["alpha"]
    consents = alpha.registry.consents
    case_id = opened(alpha)
    with monkeypatch.context() as patched:
        patched.setattr(consents._store, "entries", lambda *_: [])
        alpha.record(withdrawn(), case_id)
        assert consents.sendable([], nodes["gamma"].registry.own, {}) == []
        assert consents.cases_with_withdrawals() == frozenset()

    assert consents.cases_with_withdrawals() == {case_id}


def test_relay_that_holds_no_consent_says_no_where_the_author_says_yes(nodes: Nodes) -> None:
    alpha, beta, gamma = (nodes[name] for name in ("alpha", "beta", "gamma"))
    case_id = opened(alpha)
    alpha.record(consent("names_in_public"), case_id, audience=OWN_ONLY)
    index = alpha.record(naming(AYO), case_id).index
    nodes.carry_all()
    key = (alpha.log_id, index, 0)

    assert holds(beta, alpha, index)
    assert holds(gamma, alpha, index)
    assert alpha.registry.consents.may_send(key, gamma.registry.own)
    assert not beta.registry.consents.may_send(key, gamma.registry.own)


def test_author_gets_its_own_content_back_whatever_was_withdrawn(nodes: Nodes) -> None:
    alpha, beta = nodes["alpha"], nodes["beta"]
    case_id = opened(alpha)
    alpha.record(consent("names_in_public"), case_id)
    index = alpha.record(naming(AYO), case_id).index
    nodes.carry_all()
    alpha.record(withdrawn(), case_id)
    nodes.carry_all()

    assert beta.registry.consents.may_send((alpha.log_id, index, 0), alpha.registry.own)
    assert not beta.registry.consents.may_send(
        (alpha.log_id, index, 0), nodes["gamma"].registry.own
    )


def test_clock_that_lies_revives_no_consent(nodes: Nodes) -> None:
    """The withdrawal claims a time before the consent, and nobody saw the other's event."""
    alpha, beta, gamma = (nodes[name] for name in ("alpha", "beta", "gamma"))
    case_id = opened(alpha)
    nodes.carry_all()
    beta.clock.time_ms -= 10**9
    beta.record(withdrawn(), case_id, audience=named("alpha"))
    alpha.record(consent("names_in_public"), case_id)
    index = alpha.record(naming(AYO), case_id).index
    key = (alpha.log_id, index, 0)
    assert alpha.registry.consents.may_send(key, gamma.registry.own)

    nodes.carry_all()

    assert not alpha.registry.consents.may_send(key, gamma.registry.own)
    alpha.record(consent("names_in_public"), case_id)
    assert alpha.registry.consents.may_send(key, gamma.registry.own)


def test_parts_that_name_nobody_cost_no_look_at_a_case(
    node: Node, nodes: Nodes, monkeypatch: pytest.MonkeyPatch
) -> None:
    receipt = node.record(statement(), opened(node))
    monkeypatch.setattr(node.registry.consents, "of_case", lambda _: pytest.fail("case read"))

    assert node.registry.consents.may_send(
        (node.log_id, receipt.index, 0), nodes["beta"].registry.own
    )


# --- erasure --------------------------------------------------------------------------------


@pytest.mark.parametrize("asks", [True, False])
def test_withdrawal_names_the_parts_to_erase_if_the_consent_asked_for_it(
    node: Node, *, asks: bool
) -> None:
    case_id = opened(node)
    node.record(consent("names_in_public", erase_on_withdrawal=asks), case_id)
    node.record(naming(AYO), case_id)
    node.record(naming(BEA), case_id, audience=OWN_ONLY)
    node.record(withdrawn(), case_id)

    places = node.registry.consents.parts_to_erase(case_id, withdrawn())

    assert [(place.index, place.ordinal) for place in places] == ([(1, 0), (2, 0)] if asks else [])
    assert node.registry.consents.parts_to_erase(case_id, withdrawn(person=BEA)) == ()
    assert node.registry.consents.parts_to_erase(case_id, withdrawn("names_to_state")) == ()


def test_persons_are_read_from_json_only() -> None:
    assert persons_in("application/pdf", b'"persons"') == frozenset()
    assert persons_in("application/vnd.registry.x+json;v=1", b'{"a":"\\u0001"}') == frozenset()
    assert persons_in("application/vnd.registry.x+json;v=1", b'{"persons":3}') is None
