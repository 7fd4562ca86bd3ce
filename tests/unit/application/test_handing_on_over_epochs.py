"""What a mechanism gave, and handed on, in a former log counts in the log that it began since."""

from pathlib import Path

import pytest

from registry.application.handing_on import HandingOn
from registry.domain.audience import named
from tests.unit.application.epoch_world import begin, cut_of, opened
from tests.unit.application.federation_in_process import opening
from tests.unit.application.persons_world import AYO, consent, naming, withdrawn
from tests.unit.application.test_rosters import founded

__all__ = ["founded"]


@pytest.mark.parametrize("handed_on_before", [False, True])
def test_name_given_in_a_former_log_is_handed_on_by_the_new_one_once(
    founded: Path, *, handed_on_before: bool
) -> None:
    with opened(founded) as nodes:
        alpha, beta = nodes["alpha"], nodes["beta"]
        case_id = alpha.record(opening()).case_id
        alpha.record(consent("share_with_mechanisms", "gamma"), case_id)
        alpha.record(naming(AYO), case_id, audience=named("gamma"))
        nodes.carry_all()
        beta.record(withdrawn(), case_id, audience=named("alpha"))
        nodes.carry_all()
        if handed_on_before:
            assert HandingOn(alpha.registry).hand_on(case_id) == 1
            nodes.carry_all()
        cut = cut_of(alpha)
    begin(founded, "alpha", cut)
    with opened(founded) as nodes:
        alpha, gamma = nodes["alpha"], nodes["gamma"]
        assert HandingOn(alpha.registry).hand_on(case_id) == (not handed_on_before)
        nodes.carry_all()
        consents = gamma.registry.consents
        assert consents.is_withdrawn(case_id, AYO.person_id, alpha.registry.own.origin)
