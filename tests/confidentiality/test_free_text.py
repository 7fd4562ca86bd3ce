"""A protected name in free text leaves by no later path: not widened, not after a withdrawal."""

import pytest

from registry.domain.audience import EVERYONE, OWN_ONLY, named
from registry.errors import RuleViolation
from tests.confidentiality.names_world import World
from tests.unit.application.erasing_world import held, widen
from tests.unit.application.federation_in_process import statement
from tests.unit.application.persons_world import AYO, consent, naming, withdrawn


def test_name_in_text_that_recording_refuses_is_not_sent_by_widening(world: World) -> None:
    alpha, beta = world.nodes["alpha"], world.nodes["beta"]
    case_id = world.open_case().case_id
    alpha.record(naming(AYO), case_id, audience=OWN_ONLY)
    with pytest.raises(RuleViolation, match="the name stands in the text"):
        alpha.record(statement(f"on {AYO.name}"), case_id, audience=named("beta"))
    kept = alpha.record(statement(f"on {AYO.name}"), case_id, audience=OWN_ONLY)

    with pytest.raises(RuleViolation, match="the name stands in the text"):
        widen(alpha, kept.index, "beta")
    world.nodes.carry_all()

    assert held(beta, alpha.log_id, kept.index) is None


def test_name_in_text_is_sent_to_nobody_once_its_consent_is_withdrawn(world: World) -> None:
    alpha, beta = world.nodes["alpha"], world.nodes["beta"]
    case_id = world.open_case().case_id
    alpha.record(consent("names_in_public"), case_id)
    told = alpha.record(statement(f"on {AYO.name}"), case_id, audience=EVERYONE)
    alpha.record(withdrawn(), case_id)
    world.nodes.carry_all()

    assert held(beta, alpha.log_id, told.index) is None
