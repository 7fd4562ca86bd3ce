"""What a side of a matching keeps goes with the content that it may be from."""

from collections.abc import Callable, Iterator
from time import monotonic

import pytest

from registry.application.erasing import ErasureTarget
from registry.errors import NotFound
from registry.store.matching_book import MatchingAge
from tests.unit.application.asking_world import AskingWorld, open_asking, question
from tests.unit.application.erasing_world import erase
from tests.unit.application.federation_in_process import Node, Nodes
from tests.unit.application.office_pages import office_bytes
from tests.unit.application.test_matching import holds, matched, result, tell

CANARY = "Xylocarp-4419"
CENTRE = "Centro Zumbidor 5512"


@pytest.fixture
def world(nodes: Nodes) -> Iterator[AskingWorld]:
    with open_asking(nodes) as opened:
        yield opened


def kept(world: AskingWorld, slug: str) -> list[MatchingAge]:
    return world[slug].desk.desk.matchings.book.ages()


def until(is_so: Callable[[], bool]) -> None:
    """The desk hears of an erasure beside all else."""
    deadline = monotonic() + 10
    while not is_so():
        assert monotonic() < deadline, "it did not come about"


def stands_in(node: Node, *texts: str) -> set[str]:
    """Which of these stand in a node's office database."""
    found = office_bytes(node)
    return {text for text in texts if text.encode() in found}


def test_erased_question_leaves_nothing_in_the_pages_of_the_office(world: AskingWorld) -> None:
    alpha = world["alpha"]
    case_id = holds(world, "alpha", CENTRE)
    asked = alpha.ask(case_id, question("beta", summary=CANARY), matches=True)
    # The positive control: both stand in the decrypted pages.
    assert stands_in(alpha.node, CENTRE, CANARY) == {CENTRE, CANARY}

    erase(alpha.node, ErasureTarget(asked.index, 0))

    until(lambda: not kept(world, "alpha"))
    until(lambda: not stands_in(alpha.node, CENTRE, CANARY))


def test_preview_that_was_never_asked_goes_with_the_case_and_not_with_another(
    world: AskingWorld,
) -> None:
    alpha = world["alpha"]
    first, second = holds(world, "alpha", "Centro Inventado"), holds(world, "alpha", CENTRE)
    asked = alpha.ask(first, question("beta"), matches=True)
    alpha.ask(second, question("gamma"), matches=True)
    assert len(kept(world, "alpha")) == 2

    erase(alpha.node, ErasureTarget(asked.index, 0))

    until(lambda: len(kept(world, "alpha")) == 1)
    assert [each.case_id for each in kept(world, "alpha")] == [second]
    assert stands_in(alpha.node, CENTRE) == {CENTRE}


def test_what_was_erased_while_no_desk_was_open_is_forgotten_at_the_start(nodes: Nodes) -> None:
    with open_asking(nodes) as world:
        case_id = holds(world, "alpha", CENTRE)
        asked = world["alpha"].ask(case_id, question("beta"), matches=True)
    erase(nodes["alpha"], ErasureTarget(asked.index, 0))
    assert stands_in(nodes["alpha"], CENTRE) == {CENTRE}

    with open_asking(nodes) as world:
        assert kept(world, "alpha") == []
        assert stands_in(nodes["alpha"], CENTRE) == set()


@pytest.mark.parametrize("is_question", [True, False], ids=["the question", "an own event"])
def test_who_was_asked_forgets_its_names_with_the_question_and_with_what_named_them(
    world: AskingWorld, *, is_question: bool
) -> None:
    alpha, beta = world["alpha"], world["beta"]
    case_id = holds(world, "alpha", "Centro Inventado")
    holds(world, "beta", CENTRE)
    named_at = beta.desk.size() - 1
    about = matched(world, "alpha", "beta", case_id)
    assert len(kept(world, "beta")) == 1
    assert stands_in(beta.node, CENTRE) == {CENTRE}

    if is_question:
        erase(alpha.node, ErasureTarget(about.question.event.index, 0))
        world.nodes.carry_all()
    else:
        erase(beta.node, ErasureTarget(named_at, 0))

    until(lambda: not kept(world, "beta"))
    until(lambda: not stands_in(beta.node, CENTRE))


def test_side_that_is_forgotten_tells_no_result(world: AskingWorld) -> None:
    alpha = world["alpha"]
    case_id = holds(world, "alpha", "Centro Inventado")
    named_at = alpha.desk.size() - 1
    holds(world, "beta", "Centro Inventado")
    about = matched(world, "alpha", "beta", case_id)
    erase(alpha.node, ErasureTarget(named_at, 0))
    until(lambda: not kept(world, "alpha"))

    with pytest.raises(NotFound, match="no secret of such a matching"):
        result(world, "alpha", about)
    with pytest.raises(NotFound, match="no secret of such a matching"):
        tell(world, "alpha", about)
