"""Asking peers: nothing is sent that was not seen, a person answers, and both sides keep it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from registry.application.asking import QuestionCommand
from registry.application.asking_limits import DAY_MS, AskingLimits
from registry.application.clients import add_client
from registry.application.erasing import WidenCommand
from registry.application.roles import Client, Role
from registry.domain.asking import confirmation_of
from registry.domain.content import PeerAnswered, decode_content
from registry.domain.identifiers import CaseId
from registry.domain.vocabulary import EventKind
from registry.errors import NotFound, RequestIdReused, RuleViolation
from registry.log.entry import decode_header, split_entry
from registry.views.case_file import PartState
from tests.unit.application.asking_world import AskingWorld, federation_copy, open_asking, question
from tests.unit.application.desk_world import ADA, BEN, EVE
from tests.unit.application.federation_in_process import (
    Ceremony,
    Nodes,
    carry_entries,
    open_federation,
    statement,
)
from tests.unit.application.persons_world import AYO, consent

AUDRA = Client("audra", Role.AUDITOR)
FEW = AskingLimits(asked_by_officer=3, asked_by_node=4, answered_to_member=2, open_of_member=2)


@pytest.fixture
def folder(ceremony: Ceremony, tmp_path: Path) -> Path:
    """Fresh copies of the founded folders, in memory."""
    return federation_copy(ceremony, tmp_path)


@pytest.fixture
def world(nodes: Nodes) -> Iterator[AskingWorld]:
    with open_asking(nodes, FEW) as opened:
        yield opened


@pytest.fixture
def case_id(world: AskingWorld) -> CaseId:
    return world["alpha"].desk.opened()


def rule(refused: pytest.ExceptionInfo[RuleViolation]) -> str:
    return refused.value.rule


# --- what is sent -------------------------------------------------------------------------------


def test_peer_gets_the_bytes_that_the_preview_showed_and_nobody_else_any(
    world: AskingWorld, case_id: CaseId
) -> None:
    alpha = world["alpha"]
    preview = alpha.asking.preview(ADA, QuestionCommand("q", case_id, question("beta")))
    before = alpha.desk.size()
    asked = alpha.asking.ask(
        ADA, QuestionCommand("q", case_id, question("beta")), preview.confirmation
    )
    world.nodes.carry_all()

    assert asked.index == before
    part = world["beta"].node.registry.store.part(alpha.node.log_id, asked.index, 0)
    assert part is not None
    assert part.content.decode() == preview.text
    assert preview.preview.recipients == ("alpha", "beta")
    assert world["gamma"].node.registry.store.part(alpha.node.log_id, asked.index, 0) is None
    header = decode_header(split_entry(asked.entry)[0])
    assert (header.kind, header.audience.is_all) == (EventKind.SEALED, False)
    (seen,) = [
        event
        for event in world["gamma"].node.registry.history(case_id).events
        if event.index == asked.index
    ]
    assert (seen.kind, seen.content, seen.content_state) == ("sealed", None, PartState.WITHHELD)


def test_preview_sends_nothing(world: AskingWorld, case_id: CaseId) -> None:
    before = world["alpha"].desk.size()

    world["alpha"].asking.preview(ADA, QuestionCommand("q", case_id, question("beta")))

    assert world["alpha"].desk.size() == before


@pytest.mark.parametrize("seen", [question("beta", summary="Other words"), question("gamma")])
def test_question_that_differs_from_its_preview_is_not_sent(
    world: AskingWorld, case_id: CaseId, seen: object
) -> None:
    before = world["alpha"].desk.size()
    for confirmation in ("", confirmation_of(case_id, seen)):  # type: ignore[arg-type]
        with pytest.raises(RuleViolation) as refused:
            world["alpha"].asking.ask(
                ADA, QuestionCommand("q", case_id, question("beta")), confirmation
            )
        assert rule(refused) == "asked_as_previewed"
    assert world["alpha"].desk.size() == before


def test_question_and_answer_cannot_be_recorded_or_widened_past_the_preview(
    world: AskingWorld, case_id: CaseId
) -> None:
    alpha = world["alpha"]
    asked = alpha.ask(case_id, question("beta"))
    for content in (
        question("beta"),
        PeerAnswered(acting_body="a", basis="own_act", answer="no"),
    ):
        with pytest.raises(RuleViolation) as refused:
            alpha.node.record(content, case_id, mechanisms=("beta",))
        assert rule(refused) == "asked_with_a_preview"
    with pytest.raises(RuleViolation) as refused:
        alpha.desk.desk.widen(ADA, WidenCommand("w", "ada", asked.index, ("gamma",)))
    assert rule(refused) == "asked_with_a_preview"


def test_question_to_an_unknown_mechanism_is_refused(world: AskingWorld, case_id: CaseId) -> None:
    with pytest.raises(NotFound, match="no mechanism delta takes part"):
        world["alpha"].ask(case_id, question("delta"))


# --- consent ------------------------------------------------------------------------------------


def test_name_goes_with_a_question_by_consent_to_that_mechanism_alone(
    world: AskingWorld, case_id: CaseId
) -> None:
    alpha = world["alpha"]
    naming = question("beta", persons=(AYO,), question="holds")
    with pytest.raises(RuleViolation, match="share_with_mechanisms of person a1a1"):
        alpha.ask(case_id, naming)
    alpha.node.record(consent("share_with_mechanisms", "gamma"), case_id)
    with pytest.raises(RuleViolation, match="no consent covers beta"):
        alpha.ask(case_id, naming)
    preview = alpha.asking.preview(ADA, QuestionCommand("q", case_id, naming))
    assert any("no consent covers beta" in each for each in preview.preview.refusals)

    alpha.node.record(consent("share_with_mechanisms", "beta"), case_id)

    alpha.ask(case_id, naming)


def test_words_of_questions_and_answers_are_searched_for_names(
    world: AskingWorld, case_id: CaseId
) -> None:
    alpha, beta = world["alpha"], world["beta"]
    alpha.node.record(consent("share_with_mechanisms", "beta"), case_id)
    in_words = question("gamma", summary="Do you know Ayo Zemlinski?")
    with pytest.raises(RuleViolation, match="the name stands in the text"):
        alpha.ask(case_id, in_words)
    alpha.ask(case_id, in_words, confirmed=(AYO.person_id,))
    alpha.ask(case_id, question("beta", persons=(AYO,)))
    world.nodes.carry_all()

    (received,) = beta.listed()
    with pytest.raises(RuleViolation, match="the name stands in the text"):
        beta.answer(received, words="Zemlinski is with us")


# --- answers ------------------------------------------------------------------------------------


def test_person_answers_and_both_sides_keep_question_answer_and_their_own_officer(
    world: AskingWorld, case_id: CaseId
) -> None:
    alpha, beta = world["alpha"], world["beta"]
    alpha.ask(case_id, question("beta", "gamma"))
    world.nodes.carry_all()
    (received,) = beta.listed()
    assert received.question.event.content == question("beta", "gamma")
    assert (received.question.officer, received.open_at) == ("", ("beta", "gamma"))

    beta.answer(received, "contact_us", client=BEN, words="Call the desk.")
    world.nodes.carry_all()

    (sent,) = alpha.listed("sent")
    (answered,) = beta.listed()
    for seen, officers in ((sent, ("ada", "")), (answered, ("", "ben"))):
        (told,) = seen.answers
        content = told.event.content
        assert isinstance(content, PeerAnswered)
        assert (content.answer, content.summary) == ("contact_us", "Call the desk.")
        assert (seen.question.officer, told.officer) == officers
        assert seen.open_at == ("gamma",)
    (at_gamma,) = world["gamma"].listed()
    assert at_gamma.answers == ()  # the answer is for who asked
    assert alpha.listed("sent", only_open=True) == [sent]
    assert beta.listed(only_open=True) == []
    assert alpha.listed() == beta.listed("sent") == []


def test_last_answer_counts_and_all_are_kept(world: AskingWorld, case_id: CaseId) -> None:
    alpha, beta = world["alpha"], world["beta"]
    alpha.ask(case_id, question("beta"))
    world.nodes.carry_all()
    (received,) = beta.listed()
    for said in ("no", "yes"):
        beta.answer(received, said)
    world.nodes.carry_all()

    (sent,) = alpha.listed("sent")
    assert [each.event.content.answer for each in sent.answers] == ["no", "yes"]  # type: ignore[union-attr]


def test_no_node_answers_by_itself(world: AskingWorld, case_id: CaseId) -> None:
    world["alpha"].ask(case_id, question("beta", "gamma"))
    before = {slug: world[slug].desk.size() for slug in world.nodes}
    for _ in range(3):
        world.nodes.carry_all()
        for slug, node in world.nodes.items():
            node.clock.time_ms += DAY_MS
            world[slug].listed()
            world[slug].desk.desk.look_for_missed_withdrawals()

    assert {slug: world[slug].desk.size() for slug in world.nodes} == before


def test_who_was_not_asked_cannot_answer(world: AskingWorld, case_id: CaseId) -> None:
    alpha = world["alpha"]
    alpha.ask(case_id, question("beta"))
    world.nodes.carry_all()
    (received,) = world["beta"].listed()

    for slug in ("gamma", "alpha"):
        with pytest.raises(RuleViolation) as refused:
            world[slug].answer(received)
        assert rule(refused) == "asked_is_answering"


def test_question_whose_content_is_on_its_way_is_not_there_yet(
    world: AskingWorld, case_id: CaseId
) -> None:
    alpha, beta = world["alpha"], world["beta"]
    alpha.ask(case_id, question("beta"))
    (sent,) = alpha.listed("sent")
    assert carry_entries(alpha.node, beta.node, alpha.node.log_id) is None

    with pytest.raises(NotFound, match="or not yet"):
        beta.answer(sent)


def test_answer_to_what_is_no_question_is_refused(world: AskingWorld, case_id: CaseId) -> None:
    alpha, beta = world["alpha"], world["beta"]
    alpha.ask(case_id, question("beta"))
    alpha.node.record(statement(), case_id, mechanisms=("beta",))
    world.nodes.carry_all()
    (received,) = beta.listed()
    stated = [e for e in beta.node.registry.history(case_id).events if e.index == 2]

    wrong = received.question._replace(event=stated[0])
    with pytest.raises(RuleViolation) as refused:
        beta.answer(type(received)(wrong, (), (), is_held_back=False))
    assert rule(refused) == "asked_is_answering"


def test_case_that_is_hidden_at_the_asked_node_hides_the_question(
    world: AskingWorld, case_id: CaseId
) -> None:
    beta = world["beta"]
    world["alpha"].ask(case_id, question("beta"))
    world.nodes.carry_all()
    folder = beta.node.registry.folder.path
    add_client(folder, "ada", folder / "clients" / "ada", Role.OFFICER)
    (received,) = beta.listed()
    beta.desk.desk.restrict(case_id, ["ada"])

    assert beta.listed(client=EVE) == []
    with pytest.raises(NotFound):
        beta.answer(received, client=EVE)
    with pytest.raises(NotFound):
        beta.asking.preview(EVE, QuestionCommand("q", case_id, question("alpha")))
    assert len(beta.listed()) == 1


# --- limits -------------------------------------------------------------------------------------


def test_officer_and_node_ask_so_much_in_a_day_and_no_more(
    world: AskingWorld, case_id: CaseId
) -> None:
    alpha = world["alpha"]
    alpha.ask(case_id, question("beta"), request_id="one")
    alpha.ask(case_id, question("beta", "gamma"))
    alpha.ask(case_id, question("beta"), request_id="one")  # again: asked once
    with pytest.raises(RuleViolation, match="at most 3 questions of one officer") as refused:
        alpha.ask(case_id, question("beta", summary="more"), client=ADA._replace(name="ADA"))
    assert rule(refused) == "asked_too_much"
    command = QuestionCommand("q", case_id, question("gamma"))
    assert any("at most 3" in each for each in alpha.asking.preview(ADA, command).preview.refusals)

    alpha.ask(case_id, question("beta", summary="Ben's"), client=BEN)
    with pytest.raises(RuleViolation, match="at most 4 questions of this node"):
        alpha.ask(case_id, question("beta", summary="Ben's second"), client=BEN)

    alpha.node.clock.time_ms += DAY_MS + 1
    alpha.ask(case_id, question("gamma"))


def test_limit_outlives_a_restart(folder: Path) -> None:
    with open_federation(folder) as nodes, open_asking(nodes, FEW) as world:
        case_id = world["alpha"].desk.opened()
        for number in range(3):
            world["alpha"].ask(case_id, question("beta", summary=f"question {number}"))
        nodes.carry_all()

    with open_federation(folder) as nodes, open_asking(nodes, FEW) as world:
        with pytest.raises(RuleViolation, match="at most 3"):
            world["alpha"].ask(case_id, question("beta", summary="after the restart"))
        assert len(world["alpha"].listed("sent")) == 3
        assert len(world["beta"].listed()) == 3


def test_asked_node_shows_the_oldest_open_questions_of_a_member_and_answers_them_first(
    world: AskingWorld, case_id: CaseId
) -> None:
    alpha, beta = world["alpha"], world["beta"]
    for number in range(3):
        alpha.node.clock.time_ms += 1
        alpha.ask(case_id, question("beta", summary=f"question {number}"))
    world.nodes.carry_all()

    third, second, first = beta.listed()
    assert [each.is_held_back for each in (first, second, third)] == [False, False, True]
    assert beta.listed(only_open=True) == [second, first]
    with pytest.raises(RuleViolation) as refused:
        beta.answer(third)
    assert rule(refused) == "oldest_first"

    beta.answer(first)

    assert [each.is_held_back for each in beta.listed()] == [False, False, False]
    beta.answer(third)
    with pytest.raises(RuleViolation, match="at most 2 answers to alpha") as refused:
        beta.answer(second)
    beta.node.clock.time_ms += DAY_MS + 1
    beta.answer(second)


def test_request_id_stands_for_one_question(world: AskingWorld, case_id: CaseId) -> None:
    alpha = world["alpha"]
    first = alpha.ask(case_id, question("beta"), request_id="q")
    again = alpha.ask(case_id, question("beta"), request_id="q")

    assert (again.index, again.was_recorded_before) == (first.index, True)
    with pytest.raises(RequestIdReused):
        alpha.ask(case_id, question("beta", summary="another"), request_id="q")
    assert len(alpha.desk.desk.asking_book.since(0)) == 1


def test_question_that_could_not_be_recorded_does_not_count(
    world: AskingWorld, case_id: CaseId
) -> None:
    alpha = world["alpha"]
    naming = question("beta", persons=(AYO,))
    for number in range(5):
        with pytest.raises(RuleViolation, match="no consent"):
            alpha.ask(case_id, naming, request_id=f"refused {number}")

    assert alpha.desk.desk.asking_book.since(0) == []


# --- who read, and what an auditor sees ---------------------------------------------------------


def test_reading_a_question_is_noted_and_an_auditor_reads_none(
    world: AskingWorld, case_id: CaseId
) -> None:
    beta = world["beta"]
    world["alpha"].ask(case_id, question("beta"))
    world.nodes.carry_all()

    beta.listed(client=EVE)
    beta.listed(client=AUDRA, shows_content=False)

    reads = beta.desk.desk.reads(AUDRA, None, 10, case_id)
    assert [(each.client, each.method) for each in reads] == [("eve", "ListQuestions")]


def test_erased_question_is_in_no_list(world: AskingWorld, case_id: CaseId) -> None:
    alpha, beta = world["alpha"], world["beta"]
    asked = alpha.ask(case_id, question("beta"))
    world.nodes.carry_all()
    act_id = alpha.desk.erase(asked.index).act_id
    alpha.desk.approve(BEN, act_id)
    world.nodes.carry_all()

    assert beta.listed() == alpha.listed("sent") == []
    part = alpha.node.registry.store.part(alpha.node.log_id, asked.index, 0)
    assert part is None or decode_content(part.media_type, part.content) is None
