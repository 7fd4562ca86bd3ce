"""Consents over a new epoch: carried over, unless what may have ended them is not here."""

from pathlib import Path

import pytest

from registry.domain.audience import DEFAULT_AUDIENCE, EVERYONE, named
from registry.domain.content import ActContent
from registry.domain.identifiers import CaseId, LogId
from registry.errors import RuleViolation
from tests.unit.application.epoch_world import begin, carry, cut_of, opened
from tests.unit.application.federation_in_process import Node, opening
from tests.unit.application.persons_world import AYO, consent, naming, withdrawn
from tests.unit.application.test_rosters import founded

__all__ = ["founded"]


def recorded(
    folder: Path, *own: ActContent, size: int | None = None, for_beta: int = 1
) -> tuple[CaseId, LogId]:
    """Alpha records consents, the first of them for beta too, and begins a new epoch."""
    given = (consent("share_with_mechanisms", "beta"), consent("names_in_public"), *own)
    with opened(folder) as nodes:
        alpha = nodes["alpha"]
        case_id = alpha.record(opening()).case_id
        for place, content in enumerate(given):
            audience = named("beta") if place < for_beta else DEFAULT_AUDIENCE
            alpha.record(content, case_id, audience=audience)
        nodes.carry_all()
        log_id, cut = alpha.log_id, cut_of(alpha, size)
    begin(folder, "alpha", cut)
    return case_id, log_id


def may_name(node: Node, case_id: CaseId) -> bool:
    try:
        node.record(naming(AYO), case_id, audience=EVERYONE)
    except RuleViolation:
        return False
    return True


def test_new_log_names_who_agreed_in_the_former_one(founded: Path) -> None:
    case_id, log_id = recorded(founded)
    with opened(founded) as nodes:
        alpha = nodes["alpha"]
        assert alpha.log_id != log_id
        assert may_name(alpha, case_id)
        for other in ("beta", "gamma"):
            consents = nodes[other].registry.consents.of_case(case_id).known.consents
            assert consents.why_not(AYO.person_id, "names_in_public", nodes[other].log_id)


@pytest.mark.parametrize("end", [withdrawn(), consent("names_in_public", agrees=False)])
def test_what_ended_a_consent_in_the_former_log_holds_in_the_new_one(
    founded: Path, end: ActContent
) -> None:
    case_id, _ = recorded(founded, end)
    with opened(founded) as nodes:
        assert not may_name(nodes["alpha"], case_id)


def test_void_no_ends_the_consent_before_it(founded: Path) -> None:
    """Its log was cut before it: the person said no all the same."""
    no = consent("names_in_public", agrees=False)
    case_id, _ = recorded(founded, no, size=3)
    with opened(founded) as nodes:
        assert not may_name(nodes["alpha"], case_id)


@pytest.mark.parametrize("has_no", [True, False])
def test_consent_is_not_carried_over_a_no_that_nobody_could_give_back(
    founded: Path, *, has_no: bool
) -> None:
    """Alpha lost its database; beta holds the consent, and was never to hold what came after it."""
    later = [consent("names_in_public", agrees=False)] if has_no else []
    case_id, log_id = recorded(founded, *later, for_beta=2)
    for file in (founded / "alpha").glob("*.db*"):
        file.unlink()
    with opened(founded) as nodes:
        carry(nodes["beta"], nodes["alpha"], log_id)
        alpha = nodes["alpha"].registry
        assert alpha.store.part(log_id, 2, 0) is not None
        assert len(alpha.store.case_entries(case_id)) == 3 + has_no
        assert may_name(nodes["alpha"], case_id) is not has_no


def test_consent_in_a_former_log_is_of_no_use_to_another_member(founded: Path) -> None:
    case_id, _ = recorded(founded)
    with opened(founded) as nodes:
        nodes.carry_all()
        beta = nodes["beta"]
        assert not may_name(beta, case_id)
