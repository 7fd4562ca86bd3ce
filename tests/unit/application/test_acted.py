"""Has anyone acted? A question between peers is no act, however its case is found."""

from collections.abc import Iterator
from typing import Any, Final

import pytest

from registry.application.acting import Acting, Answer, Question
from registry.domain.acting import ACTING_KINDS
from registry.domain.asking import ASKING_KINDS
from registry.domain.audience import EVERYONE
from registry.domain.content.examples import example_of
from registry.domain.identifiers import situation_case_id
from registry.domain.matters import Asked
from registry.domain.vocabulary import EventKind as K
from registry.domain.vocabulary import kind_code
from tests.unit.application.asking_world import AskingWorld, Officers, open_asking, question
from tests.unit.application.desk_world import ADA
from tests.unit.application.federation_in_process import Nodes

STATE: Final = "XXA"
CENTRE: Final = "Centre of the Invented Weir"
REFERENCE: Final = "UA XXA 3/2024"
MATTER: Final[dict[str, Any]] = {
    "states": (STATE,),
    "asked_date": {"value": "2024-05-06"},
    "references": (REFERENCE,),
    "parties": ({"kind": "organisation", "name": CENTRE},),
}
QUESTIONS: Final = (
    Question(name=CENTRE),
    Question(reference=REFERENCE),
    Question(asked=Asked(states=(STATE,), since="2024-05", until="2024-05")),
    Question(name=CENTRE, planned_instrument="iachr.petition"),
)


@pytest.fixture
def world(nodes: Nodes) -> Iterator[AskingWorld]:
    with open_asking(nodes) as opened:
        yield opened


def answers(officers: Officers, asked: Question) -> Answer:
    while officers.node.registry.projector.advance().is_behind:
        pass
    return Acting(officers.node.registry, officers.desk.desk).answer(ADA, asked)


@pytest.mark.parametrize("asked", QUESTIONS)
def test_question_to_a_peer_is_no_act_and_meets_no_procedure(
    world: AskingWorld, asked: Question
) -> None:
    alpha = world["alpha"]
    case_id = alpha.desk.opened()
    alpha.ask(case_id, question("beta", **MATTER))

    answer = answers(alpha, asked)

    acts = [act for each in answer.cases for act in each.acts]
    assert acts == []
    assert answer.overlaps == ()


def test_case_is_still_found_by_what_stands_in_a_question(world: AskingWorld) -> None:
    """A letter that names nobody and a question that does are of one matter."""
    alpha = world["alpha"]
    case_id = alpha.desk.opened()
    alpha.ask(case_id, question("beta", **MATTER))

    (found,) = answers(alpha, Question(name=CENTRE)).cases

    assert found.row.case_id == case_id
    assert found.rank.identified


def test_file_on_a_state_tells_acts_alone_as_cases_do(world: AskingWorld) -> None:
    node = world["alpha"].node
    file_of_the_state = situation_case_id(node.registry.registry_id, STATE)
    for kind in (K.MEETING_HELD, K.REPORT_PUBLISHED):
        told = {"states": (STATE,), "references": (REFERENCE,), "acting_body": "un.sr-defenders"}
        node.record(example_of(kind, **told), file_of_the_state, audience=EVERYONE)

    (found,) = answers(world["alpha"], Question(reference=REFERENCE)).cases

    assert [act.row.kind for act in found.acts] == [kind_code(K.REPORT_PUBLISHED)]


def test_no_kind_of_asking_is_a_kind_of_acting() -> None:
    assert not ASKING_KINDS & ACTING_KINDS
