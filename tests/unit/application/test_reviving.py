"""Attack: erase what ended a consent, so that the consent stands again."""

from typing import Any

import pytest

from registry.application.erasing import ErasureTarget
from registry.domain.audience import OWN_ONLY
from registry.errors import RuleViolation, TryLater
from tests.unit.application.erasing_world import erase
from tests.unit.application.federation_in_process import Node, opening, statement
from tests.unit.application.persons_world import AYO, consent, naming, withdrawn


def test_withdrawal_is_not_erased(node: Node) -> None:
    case_id = node.record(opening()).case_id
    node.record(consent("names_in_public"), case_id)
    index = node.record(withdrawn(), case_id).index

    with pytest.raises(RuleViolation, match="withdraws a consent"):
        erase(node, ErasureTarget(index, 0))

    with pytest.raises(RuleViolation, match="withdrawn"):
        node.record(naming(AYO), case_id)


@pytest.mark.parametrize("no", [{"agrees": False}, {"is_informed_of_risk": False}])
def test_no_is_erased_only_with_the_consent_that_it_ended(node: Node, no: dict[str, Any]) -> None:
    case_id = node.record(opening()).case_id
    given = node.record(consent("names_in_public"), case_id).index
    refused = node.record(consent("names_in_public", **no), case_id).index

    with pytest.raises(RuleViolation, match=f"event {given} would stand again"):
        erase(node, ErasureTarget(refused, 0))

    erase(node, ErasureTarget(refused, 0), ErasureTarget(given, 0), request_id="both")
    with pytest.raises(RuleViolation, match="no consent"):
        node.record(naming(AYO), case_id)


def test_no_that_ended_nothing_or_what_was_withdrawn_is_erased(node: Node) -> None:
    case_id = node.record(opening()).case_id
    alone = node.record(consent("names_to_state", agrees=False), case_id).index
    erase(node, ErasureTarget(alone, 0), request_id="alone")

    node.record(consent("names_in_public"), case_id)
    refused = node.record(consent("names_in_public", agrees=False), case_id).index
    node.record(withdrawn(), case_id)
    erase(node, ErasureTarget(refused, 0))

    with pytest.raises(RuleViolation, match="withdrawn"):
        node.record(naming(AYO), case_id)


def test_sealed_content_is_not_erased_while_nobody_can_read_what_it_is(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    case_id = node.record(opening()).case_id
    sealed = node.record(statement(), case_id, audience=OWN_ONLY).index
    node.registry.store.close_content()
    with pytest.raises(TryLater):
        erase(node, ErasureTarget(sealed, 0))

    node.registry.store.open_content()
    monkeypatch.setattr(node.registry.store, "parts_of", lambda _keys: [])
    with pytest.raises(RuleViolation, match="not here"):
        erase(node, ErasureTarget(sealed, 0))


def test_consent_itself_may_be_erased(node: Node) -> None:
    case_id = node.record(opening()).case_id
    given = node.record(consent("names_in_public"), case_id).index

    erase(node, ErasureTarget(given, 0))

    with pytest.raises(RuleViolation, match="no consent"):
        node.record(naming(AYO), case_id)
