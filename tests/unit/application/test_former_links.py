"""Links over a new epoch, as their mechanism asks for them: it ends what its former log began."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from registry.application.linking import LinkCommand
from registry.domain.identifiers import CaseId
from registry.errors import RuleViolation
from registry.store.values import AppendRequest
from tests.unit.application.epoch_world import begin, cut_of, opened
from tests.unit.application.federation_in_process import Node, opening
from tests.unit.application.test_rosters import founded

__all__ = ["founded"]
FORMER = "invented.example/alpha/1"
BETA = "invented.example/beta/1"


def say(node: Node, request: AppendRequest) -> int:
    return node.registry.store.append(request).result().index


def command(name: str) -> LinkCommand:
    return LinkCommand(name, "")


def refused(rule: str, ask: Callable[[], AppendRequest]) -> bool:
    with pytest.raises(RuleViolation) as found:
        ask()
    return found.value.rule == rule


def linked(folder: Path, proposer: str) -> tuple[CaseId, CaseId, int]:
    """Alpha and beta linked a case of each; alpha has begun a new epoch since."""
    with opened(folder) as nodes:
        alpha, beta, _ = nodes.values()
        one, two = (alpha, beta) if proposer == "alpha" else (beta, alpha)
        first, second = (node.record(opening()).case_id for node in (one, two))
        nodes.carry_all()
        at = say(one, one.registry.linking.propose(command("p"), first, second))
        nodes.carry_all()
        answer = two.registry.linking.answer(
            command("a"), one.registry.own.origin, at, accepts=True
        )
        say(two, answer)
        nodes.carry_all()
        cut = cut_of(alpha)
    begin(folder, "alpha", cut)
    return first, second, at


def test_new_log_ends_the_link_that_the_former_one_proposed(founded: Path) -> None:
    first, second, at = linked(founded, "alpha")
    with opened(founded) as nodes:
        alpha = nodes["alpha"].registry.linking
        assert alpha.joined(first, lambda _: True) == tuple(sorted((first, second)))
        for accepts in (True, False):
            answer = partial(alpha.answer, command("own"), FORMER, at, accepts=accepts)
            assert refused("link_answered_by_another", answer)
        say(nodes["alpha"], alpha.end(command("e"), FORMER, at))
        nodes.carry_all()
        for node in nodes.values():
            assert node.registry.linking.at(FORMER, at).is_closed
            assert node.registry.linking.joined(first, lambda _: True) == (first,)
        assert refused("link_ended", lambda: alpha.end(command("again"), FORMER, at))


def test_new_log_takes_back_what_the_former_one_accepted_or_declines_it(founded: Path) -> None:
    first, second, at = linked(founded, "beta")
    with opened(founded) as nodes:
        alpha = nodes["alpha"].registry.linking
        accepts = partial(alpha.answer, command("y"), BETA, at, accepts=True)
        assert refused("link_answered_once", accepts)
        say(nodes["alpha"], alpha.answer(command("n"), BETA, at, accepts=False))
        nodes.carry_all()
        assert nodes["beta"].registry.linking.at(BETA, at).state == "declined"
        say(nodes["alpha"], accepts())
        say(nodes["alpha"], alpha.end(command("e"), BETA, at))
        nodes.carry_all()
        for node in nodes.values():
            assert node.registry.linking.joined(second, lambda _: True) == (second,)
            assert not node.registry.linking.at(BETA, at).is_closed
        again = partial(alpha.answer, command("y again"), BETA, at, accepts=True)
        assert refused("link_ended", again)
        assert refused("link_ended", lambda: alpha.end(command("again"), BETA, at))
    assert first != second


def test_new_proposal_needs_an_act_in_the_new_log(founded: Path) -> None:
    first, second, _ = linked(founded, "alpha")
    with opened(founded) as nodes:
        ask = partial(nodes["alpha"].registry.linking.propose, command("p"), first, second)
        assert refused("link_by_who_took_part", ask)
