"""Until its time, what is recorded of a joint statement goes to nobody who was not invited."""

import pytest

from registry.application.erasing import WidenCommand
from registry.domain.audience import DEFAULT_AUDIENCE, EVERYONE, named
from registry.domain.content import (
    EventPointer,
    StatementCosigned,
    StatementDrafted,
    StatementWithdrawn,
)
from registry.domain.content.statement_texts import StatementText, frozen_hash
from registry.errors import RuleViolation
from tests.unit.application.federation_in_process import START_MS, Node, Nodes, opening, statement

TEXTS = (StatementText(language="en", text="We are concerned (invented)."),)
OWN = {"acting_body": "a", "basis": "own_act", "is_invented": True}


def test_signature_of_a_draft_goes_to_nobody_who_was_not_invited(nodes: Nodes) -> None:
    alpha, beta = nodes["alpha"], nodes["beta"]
    case_id = alpha.record(opening()).case_id
    draft = StatementDrafted.model_validate(
        {**OWN, "title": "A draft", "texts": TEXTS, "invited": ("beta",), "needed_signatures": 1}
    )
    place = alpha.record(draft, case_id, audience=DEFAULT_AUDIENCE)
    nodes.carry_all()
    about = EventPointer(origin=place.origin, index=place.index)
    signature = StatementCosigned.model_validate(
        {**OWN, "about": about, "text_hash": frozen_hash(TEXTS)}
    )
    transcribed = StatementCosigned.model_validate(
        {**OWN, "basis": "public_record", "source": "a register", "about": about}
    )

    for content in (signature, transcribed):
        for audience in (named("alpha", "gamma"), EVERYONE):
            with pytest.raises(RuleViolation) as refused:
                beta.record(content, case_id, audience=audience)
            assert refused.value.rule == "draft_stays_among_invited"
    signed = beta.record(signature, case_id, audience=named("alpha"))
    for mechanisms in (("gamma",), ()):
        command = WidenCommand("widen", "", signed.index, mechanisms)
        with pytest.raises(RuleViolation) as refused:
            beta.registry.widen(command).result()
        assert refused.value.rule == "draft_stays_among_invited"


def test_withdrawal_of_a_sealed_statement_tells_nobody_of_it_before_its_time(node: Node) -> None:
    case_id = node.record(opening()).case_id
    sealed = node.record(statement("sealed"), case_id, not_before_ms=START_MS + 5000)
    about = EventPointer(origin=sealed.origin, index=sealed.index)
    content = StatementWithdrawn.model_validate({**OWN, "title": "sealed", "about": about})

    for opens_ms in (0, START_MS + 4999):
        with pytest.raises(RuleViolation) as refused:
            node.record(content, case_id, not_before_ms=opens_ms)
        assert refused.value.rule == "opens_with_its_statement"
    node.record(content, case_id, not_before_ms=START_MS + 5000)
    node.clock.time_ms += 5000
    node.record(content, case_id)
