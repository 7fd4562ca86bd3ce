"""What is seen of a matching: before it is sent, by whom it may be, and while consent stands."""

from collections.abc import Iterator

import pytest

from registry.application.asking import AnswerCommand
from registry.application.asking_limits import DAY_MS
from registry.application.matching_desk import TellCommand
from registry.application.preview import AnswerPreview
from registry.domain.content import EventPointer, PeerAnswered
from registry.domain.matching import MatchedName
from registry.errors import NotFound, RuleViolation
from tests.unit.application.asking_world import AskingWorld, open_asking, question
from tests.unit.application.desk_world import ADA
from tests.unit.application.federation_in_process import Nodes
from tests.unit.application.persons_world import AYO, withdrawn
from tests.unit.application.test_matching import (
    BACK,
    CENTRE,
    holds,
    matched,
    of,
    result,
    tell,
)


@pytest.fixture
def world(nodes: Nodes) -> Iterator[AskingWorld]:
    with open_asking(nodes) as opened:
        yield opened


def received(world: AskingWorld, *, matches: bool) -> PeerAnswered:
    """Alpha asks beta; what beta would answer."""
    case_id = holds(world, "alpha", "Centro Inventado")
    world["alpha"].ask(case_id, question("beta", question="holds"), matches=matches)
    world.nodes.carry_all()
    event = world["beta"].listed()[0].question.event
    return PeerAnswered(
        acting_body="b",
        basis="own_act",
        is_invented=True,
        about=EventPointer(origin=event.origin, index=event.index),
        answer="yes",
    )


# --- consent ------------------------------------------------------------------------------------


def test_withdrawal_takes_a_name_out_of_the_result_of_who_asked(world: AskingWorld) -> None:
    case_id = holds(world, "alpha", "Centro Inventado", beta=AYO)
    holds(world, "beta", "Centro Inventado", alpha=AYO)
    about = matched(world, "alpha", "beta", case_id)
    assert len(result(world, "alpha", about) or ()) == 2

    world["alpha"].node.record(withdrawn(), case_id)

    assert result(world, "alpha", about) == (CENTRE,)


# --- embargo ------------------------------------------------------------------------------------


def test_name_under_an_embargo_takes_no_part_on_either_side_until_it_ends(
    world: AskingWorld,
) -> None:
    alpha, beta = world["alpha"], world["beta"]
    case_id = alpha.desk.opened(request_id="sealed")
    opens_ms = alpha.node.clock.time_ms + DAY_MS
    alpha.node.record(of("Centro Inventado"), case_id, not_before_ms=opens_ms)
    with pytest.raises(RuleViolation, match="no organisation of this case"):
        alpha.ask(case_id, question("beta"), matches=True)
    alpha.node.record(of("Seen by all"), case_id)
    other = beta.desk.opened(request_id="sealed")
    beta.node.record(of("Centro Inventado"), other, not_before_ms=opens_ms)
    alpha.node.clock.time_ms = opens_ms

    about = matched(world, "alpha", "beta", case_id)
    assert result(world, "alpha", about) == ()

    beta.node.clock.time_ms = opens_ms + DAY_MS
    alpha.node.clock.time_ms = opens_ms + DAY_MS
    beta.answer(about, "yes", matches=True)
    world.nodes.carry_all()
    assert result(world, "alpha", about) == (CENTRE,)


# --- seen before it is sent ---------------------------------------------------------------------


def test_preview_of_an_answer_shows_what_is_sent_to_whom_and_which_names_take_part(
    world: AskingWorld,
) -> None:
    holds(world, "beta", "Centro Inventado", "Beta's own")
    beta, answer = world["beta"], received(world, matches=True)
    before = beta.desk.size()
    command = AnswerCommand("a", answer)
    found = beta.asking.preview_answer(ADA, command, matches=True)

    assert beta.desk.size() == before
    assert found.names == (MatchedName("organisation", "Beta's own"), CENTRE)
    assert found.preview.recipients == ("alpha", "beta")
    assert found.preview.refusals == ()
    assert "PreviewAnswer" in {each.method for each in beta.desk.desk.reads(ADA, None, 10, None)}
    appended = beta.asking.answer(ADA, command, matches=True)
    assert sent(world, "beta", appended.index) == found.text


def test_preview_of_a_plain_answer_names_nobody_and_tells_what_forbids_it(
    world: AskingWorld,
) -> None:
    beta, answer = world["beta"], received(world, matches=False)

    found = beta.asking.preview_answer(ADA, AnswerCommand("a", answer))

    assert (found.names, found.preview.refusals) == ((), ())
    with pytest.raises(RuleViolation, match="asks for no matching"):
        beta.asking.preview_answer(ADA, AnswerCommand("a", answer), matches=True)


def test_preview_of_an_answer_tells_that_it_is_one_too_many(world: AskingWorld) -> None:
    holds(world, "beta", "Centro Inventado")
    beta, answer = world["beta"], received(world, matches=True)
    for number in range(3):
        beta.asking.answer(ADA, AnswerCommand(f"{number}", answer), matches=True)

    (refusal,) = beta.asking.preview_answer(
        ADA, AnswerCommand("a", answer), matches=True
    ).preview.refusals

    assert "at most 3 matchings" in refusal


def test_preview_of_telling_shows_what_is_sent_and_what_they_would_learn(
    world: AskingWorld,
) -> None:
    case_id = holds(world, "alpha", "Centro Inventado", "Alpha's own")
    holds(world, "beta", "Centro Inventado")
    about = matched(world, "alpha", "beta", case_id)
    alpha, before = world["alpha"], world["alpha"].desk.size()

    found = preview_of_telling(world, about.question.event.index)

    assert alpha.desk.size() == before
    assert found.names == (CENTRE,)
    assert found.preview.recipients == ("alpha", "beta")
    assert found.preview.refusals == ()
    tell(world, "alpha", about)
    assert sent(world, "alpha", before) == found.text


def test_telling_is_not_previewed_before_anybody_agreed_or_by_who_was_asked(
    world: AskingWorld,
) -> None:
    case_id = holds(world, "alpha", "Centro Inventado")
    world["alpha"].ask(case_id, question("beta"), matches=True)
    index = world["alpha"].desk.size() - 1
    with pytest.raises(RuleViolation, match="nobody has agreed"):
        preview_of_telling(world, index)
    with pytest.raises(NotFound):
        preview_of_telling(world, index + 1)


def preview_of_telling(world: AskingWorld, index: int) -> AnswerPreview:
    return world["alpha"].matching.preview(ADA, TellCommand("tell", "", index, BACK))


def sent(world: AskingWorld, slug: str, index: int) -> str:
    node = world[slug].node
    part = node.registry.store.part(node.log_id, index, 0)
    assert part is not None
    return part.content.decode()
