"""Widening as a way to publish: names, kinds and content that nobody can read are judged first."""

import pytest

from registry.application.erasing import ErasureTarget
from registry.application.recording import RecordCommand
from registry.domain.audience import OWN_ONLY, named
from registry.errors import InvalidRequest, RuleViolation, TryLater
from tests.unit.application.erasing_world import erase, held, widen
from tests.unit.application.federation_in_process import Node, Nodes, opening, statement
from tests.unit.application.persons_world import AYO, consent, naming, withdrawn


def _size(node: Node) -> int:
    return node.registry.store.log_state(node.log_id).size


@pytest.mark.parametrize("slugs", [(), ("beta",)])
def test_name_is_not_published_by_widening_an_act_of_ones_own(
    node: Node, slugs: tuple[str, ...]
) -> None:
    case_id = node.record(opening()).case_id
    index = node.record(naming(AYO), case_id, audience=OWN_ONLY).index
    before = _size(node)

    with pytest.raises(RuleViolation, match=AYO.person_id):
        widen(node, index, *slugs)

    assert _size(node) == before


def test_consent_lets_a_name_be_widened_to_those_that_it_names_only(node: Node) -> None:
    case_id = node.record(opening()).case_id
    node.record(consent("share_with_mechanisms", "beta"), case_id)
    index = node.record(naming(AYO), case_id, audience=OWN_ONLY).index

    with pytest.raises(RuleViolation, match="gamma"):
        widen(node, index, "beta", "gamma", request_id="both")
    widen(node, index, "beta", request_id="beta")
    # Those that may hold it already count too: the wider audience is judged, not the addition.
    with pytest.raises(RuleViolation, match="gamma"):
        widen(node, index, "gamma", request_id="gamma")


def test_name_in_the_text_is_not_published_by_widening(node: Node) -> None:
    case_id = node.record(opening()).case_id
    node.record(naming(AYO), case_id, audience=OWN_ONLY)
    text = statement().model_copy(update={"summary": f"It concerns {AYO.name}."})
    index = node.record(text, case_id, audience=OWN_ONLY).index

    with pytest.raises(RuleViolation, match="record it anew"):
        widen(node, index)


def test_consent_is_not_given_again_by_widening_its_record(node: Node) -> None:
    case_id = node.record(opening()).case_id
    index = node.record(consent("share_with_mechanisms", "beta"), case_id, audience=OWN_ONLY).index
    node.record(withdrawn(), case_id)

    with pytest.raises(RuleViolation, match="withdrawn"):
        widen(node, index, "beta")


@pytest.mark.parametrize("content", [consent("names_in_public"), withdrawn()])
def test_records_of_consent_are_not_widened_to_every_member(node: Node, content: object) -> None:
    case_id = node.record(opening()).case_id
    node.record(consent("names_in_public"), case_id)
    index = node.record(content, case_id, audience=OWN_ONLY).index  # type: ignore[arg-type] # of the parameters

    with pytest.raises(InvalidRequest, match="never for all"):
        widen(node, index)


def test_content_that_is_closed_is_not_widened(node: Node) -> None:
    index = node.record(opening(), audience=OWN_ONLY).index
    node.registry.store.close_content()

    with pytest.raises(TryLater):
        widen(node, index, "beta")

    node.registry.store.open_content()
    widen(node, index, "beta")


@pytest.mark.parametrize("damage", ["lost", "other kind", "broken"])
def test_content_that_cannot_be_judged_is_not_widened(
    node: Node, monkeypatch: pytest.MonkeyPatch, damage: str
) -> None:
    index = node.record(opening(), audience=OWN_ONLY).index
    part = held(node, node.log_id, index)
    assert part is not None
    stored = {
        "lost": None,
        "other kind": part._replace(media_type="application/vnd.registry.invented+json;v=1"),
        "broken": part._replace(content=b"{}"),
    }[damage]
    monkeypatch.setattr(node.registry.store, "part", lambda *_place: stored)

    with pytest.raises(RuleViolation, match="cannot be judged"):
        widen(node, index, "beta")


def test_repeated_widening_is_answered_whatever_the_rules_say_by_then(nodes: Nodes) -> None:
    node = nodes["alpha"]
    case_id = node.record(opening()).case_id
    node.record(consent("share_with_mechanisms", "beta"), case_id)
    index = node.record(naming(AYO), case_id, audience=OWN_ONLY).index
    first = widen(node, index, "beta")
    node.record(withdrawn(), case_id)
    assert widen(node, index, "beta").index == first.index

    erase(node, ErasureTarget(index, 0))
    again = widen(node, index, "beta")

    assert (again.index, again.was_recorded_before) == (first.index, True)


def test_widened_act_is_judged_like_one_that_is_recorded_for_the_same(node: Node) -> None:
    case_id = node.record(opening()).case_id
    index = node.record(naming(AYO), case_id, audience=OWN_ONLY).index
    command = RecordCommand("r", "", case_id, naming(AYO), named("beta"))

    with pytest.raises(RuleViolation) as widening:
        widen(node, index, "beta")
    with pytest.raises(RuleViolation) as recording:
        node.registry.record(command)

    assert str(widening.value) == str(recording.value)
