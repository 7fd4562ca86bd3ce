"""The text of a withdrawal: it reaches every holder and stays, and so it names nobody."""

from typing import Any

import pytest

from registry.application.erasing import ErasureTarget
from registry.application.recording import RecordCommand
from registry.domain.audience import DEFAULT_AUDIENCE, OWN_ONLY, AudienceChoice, named
from registry.domain.identifiers import CaseId
from registry.errors import RuleViolation
from tests.unit.application.erasing_world import erase, held, widen
from tests.unit.application.federation_in_process import Node, Nodes, opening
from tests.unit.application.persons_world import AYO, BEA, consent, naming, withdrawn

HOLDERS = named("beta", "gamma")
WORDS = "her brother Bea Quintavalle asked for it"


def shared_case(node: Node) -> CaseId:
    """Ayo is named to beta and gamma, Bea in content that stays here."""
    case_id = node.record(opening()).case_id
    node.record(consent("share_with_mechanisms", "beta", "gamma"), case_id)
    node.record(naming(AYO), case_id, audience=HOLDERS)
    node.record(naming(BEA), case_id, audience=OWN_ONLY)
    return case_id


@pytest.mark.parametrize("audience", [DEFAULT_AUDIENCE, OWN_ONLY, named("beta")], ids=str)
@pytest.mark.parametrize(
    "fields",
    [
        {"title": WORDS},
        {"summary": WORDS},
        {"references": (WORDS,)},
        {"own_number": "Quintavalle 7"},
        {"parties": ({"kind": "organisation", "name": "The Quintavalle family"},)},
    ],
    ids=lambda fields: next(iter(fields)),
)
def test_name_in_the_text_of_a_withdrawal_is_refused_and_previewed(
    nodes: Nodes, fields: dict[str, Any], audience: AudienceChoice
) -> None:
    alpha = nodes["alpha"]
    case_id = shared_case(alpha)
    command = RecordCommand("words", "", case_id, withdrawn(**fields), audience)

    preview = alpha.registry.preview(command)
    assert [each.person_id for each in preview.release.names_in_text] == [BEA.person_id]
    assert (len(preview.refusals), set(preview.recipients)) == (1, {"alpha", "beta", "gamma"})
    with pytest.raises(RuleViolation, match=BEA.person_id) as caught:
        alpha.registry.record(command)

    assert "uintavalle" not in str(caught.value)
    # Without the words it stops every use at once.
    alpha.record(withdrawn(), case_id, audience=audience)
    with pytest.raises(RuleViolation, match="withdrawn"):
        alpha.record(naming(AYO), case_id, audience=named("beta"))


def test_name_of_who_withdraws_and_one_with_consent_are_refused_too(node: Node) -> None:
    case_id = shared_case(node)
    node.record(consent("share_with_mechanisms", "beta", "gamma", person=BEA), case_id)
    for text, person in (("Zemlinski came", AYO), (WORDS, BEA)):
        with pytest.raises(RuleViolation, match=person.person_id):
            node.record(withdrawn(summary=text), case_id)


def test_name_is_refused_where_nobody_else_holds_the_withdrawal(node: Node) -> None:
    """Nothing of it can ever be erased, not even here."""
    case_id = node.record(opening()).case_id
    node.record(naming(AYO, BEA), case_id, audience=OWN_ONLY)
    with pytest.raises(RuleViolation, match=BEA.person_id):
        node.record(withdrawn(summary=WORDS), case_id)
    place = node.record(withdrawn(), case_id)
    with pytest.raises(RuleViolation, match="withdraws a consent"):
        erase(node, ErasureTarget(place.index, 0))


def test_words_that_mean_nobody_never_block_a_withdrawal(nodes: Nodes) -> None:
    alpha, beta = nodes["alpha"], nodes["beta"]
    case_id = shared_case(alpha)
    content = withdrawn(summary="taken down in Quintavalle street")

    place = alpha.record(content, case_id, confirmed_person_ids=(BEA.person_id,))
    nodes.carry_all()

    part = held(beta, alpha.log_id, place.index)
    assert part is not None
    assert b"Quintavalle street" in part.content


def test_withdrawal_reaches_holders_whoever_else_withdraws_later(nodes: Nodes) -> None:
    """Else a holder that was off would go on using the first name."""
    alpha, beta = nodes["alpha"], nodes["beta"]
    case_id = shared_case(alpha)
    words = withdrawn(summary="taken down in Quintavalle street")
    place = alpha.record(words, case_id, confirmed_person_ids=(BEA.person_id,))
    alpha.record(withdrawn(person=BEA), case_id)

    nodes.carry_all()

    assert held(beta, alpha.log_id, place.index) is not None


def test_widening_a_withdrawal_tells_no_name(nodes: Nodes) -> None:
    alpha = nodes["alpha"]
    case_id = alpha.record(opening()).case_id
    place = alpha.record(withdrawn(summary=WORDS), case_id)
    alpha.record(naming(BEA), case_id, audience=OWN_ONLY)

    with pytest.raises(RuleViolation, match=BEA.person_id):
        widen(alpha, place.index, "beta")
