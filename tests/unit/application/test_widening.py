"""Widening: who may hold the content of an earlier event from then on, and who may not."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from registry.application.erasing import ErasureTarget
from registry.domain.audience import EVERYONE, OWN_ONLY, named
from registry.errors import NotFound, RuleViolation
from registry.log.control import (
    AudienceWidened,
)
from registry.log.entry import ALL_MEMBERS
from registry.views.case_file import PartState
from tests.unit.application.erasing_world import (
    CANARY,
    erase,
    held,
    say,
    widen,
)
from tests.unit.application.federation_in_process import (
    Nodes,
    carry_entries,
    carry_parts,
    found_federation,
    open_federation,
    opening,
    statement,
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    found_federation(tmp_path)
    return tmp_path


@pytest.fixture
def nodes(folder: Path) -> Iterator[Nodes]:
    with open_federation(folder) as opened:
        yield opened


def test_widening_lets_a_member_have_the_content_and_nobody_else(nodes: Nodes) -> None:
    alpha, beta, gamma = nodes["alpha"], nodes["beta"], nodes["gamma"]
    opened = alpha.record(opening(CANARY), audience=OWN_ONLY)
    for node in (beta, gamma):
        carry_entries(alpha, node, alpha.log_id)
        node.registry.store.set_parts_below(alpha.log_id, 1, []).result()
        events = node.registry.history(opened.case_id).events
        assert events[0].content_state is PartState.WITHHELD
    widen(alpha, opened.index, "beta")
    for node in (beta, gamma):
        carry_entries(alpha, node, alpha.log_id)
    assert beta.registry.store.wanted_parts(alpha.log_id, 9) == [(opened.index, 0)]
    assert gamma.registry.store.wanted_parts(alpha.log_id, 9) == []
    events = beta.registry.history(opened.case_id).events
    assert events[0].content_state is PartState.NOT_HERE
    nodes.carry_all()
    assert held(beta, alpha.log_id, opened.index) is not None
    assert held(gamma, alpha.log_id, opened.index) is None
    events = gamma.registry.history(opened.case_id).events
    assert events[0].content_state is PartState.WITHHELD


def test_widening_that_comes_while_the_watermark_passes_is_not_forgotten(nodes: Nodes) -> None:
    alpha, beta, gamma = nodes["alpha"], nodes["beta"], nodes["gamma"]
    opened = alpha.record(opening(CANARY), audience=OWN_ONLY)
    widen(alpha, opened.index, "beta")
    for node in (beta, gamma):
        carry_entries(alpha, node, alpha.log_id)
        node.registry.store.set_parts_below(alpha.log_id, 2, []).result()
    assert beta.registry.store.wanted_parts(alpha.log_id, 9) == [(opened.index, 0)]
    assert gamma.registry.store.wanted_parts(alpha.log_id, 9) == []


def test_widening_by_another_log_has_no_effect(nodes: Nodes) -> None:
    alpha, beta, gamma = nodes["alpha"], nodes["beta"], nodes["gamma"]
    opened = alpha.record(opening(CANARY), audience=named("beta"))
    nodes.carry_all()
    for number in range(2):
        beta.record(statement(f"{number}"), opened.case_id, audience=EVERYONE)
    leaf = alpha.registry.store.leaf_hash(alpha.log_id, opened.index)
    everyone = AudienceWidened(opened.index, leaf, ALL_MEMBERS)
    say(beta, opened.case_id, everyone)
    nodes.carry_all()
    assert carry_parts(beta, gamma, alpha.log_id) == []
    assert held(gamma, alpha.log_id, opened.index) is None


def test_narrower_or_equal_widening_is_refused(nodes: Nodes) -> None:
    alpha = nodes["alpha"]
    opened = alpha.record(opening(), audience=named("beta"))
    with pytest.raises(RuleViolation, match="already"):
        widen(alpha, opened.index, "alpha", "beta")
    widen(alpha, opened.index, request_id="all")
    with pytest.raises(RuleViolation, match="already"):
        widen(alpha, opened.index, "gamma", request_id="gamma")


def test_erased_content_cannot_be_widened(nodes: Nodes) -> None:
    alpha = nodes["alpha"]
    opened = alpha.record(opening(), audience=named("beta"))
    erase(alpha, ErasureTarget(opened.index, 0))
    with pytest.raises(NotFound):
        widen(alpha, opened.index, "gamma")
