"""Intents between three desks: who learns of one, of its answers and its end, and what meets it."""

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

import pytest

from registry.application.clients import add_client
from registry.application.erasing import WidenCommand
from registry.application.lists import Ask
from registry.domain.audience import EVERYONE
from registry.domain.content.examples import example_of
from registry.domain.vocabulary import EventKind as K
from registry.errors import InvalidRequest, NotFound, RuleViolation, TryLater
from registry.views.case_file import PartState
from tests.unit.application.acting_world import TODAY, Acting, acting, command
from tests.unit.application.desk_world import ADA, EVE
from tests.unit.application.federation_in_process import Nodes

WORD = "zephyrine"


@pytest.fixture
def desks(nodes: Nodes) -> Iterator[Mapping[str, Acting]]:
    folder = nodes["alpha"].registry.folder.path
    for client in (ADA, EVE):
        add_client(folder, client.name, folder / "clients" / client.name, client.role)
    with acting(nodes) as found:
        yield found


def told(desk: Acting, **asked: Any) -> list[tuple[str, str]]:
    """Who declared what stands how, as one node lists it."""
    return [(each.row.mechanism, each.state) for each in desk.sees(**asked)]


def answers_at(desk: Acting) -> list[tuple[str, str, str]]:
    return [(a.mechanism, a.answer, a.date) for each in desk.sees() for a in each.row.answers]


def example(kind: K, **fields: Any) -> Any:
    """An example, of the type of its kind."""
    return example_of(kind, **fields)


# --- who learns of it -----------------------------------------------------------------------------


def test_intent_and_its_answer_reach_the_chosen_and_nobody_else(
    nodes: Nodes, desks: Mapping[str, Acting]
) -> None:
    alpha, beta, gamma = desks.values()
    case_id = alpha.opens()
    nodes.carry_all()
    intent = alpha.declares(case_id, "beta", summary=WORD)
    nodes.carry_all()
    beta.answers(intent, "joins", summary=WORD, answered_date="2026-11-21")
    nodes.carry_all()

    assert told(beta) == told(alpha) == [("alpha", "answered")]
    assert answers_at(alpha) == answers_at(beta) == [("beta", "joins", "2026-11-21")]
    assert told(gamma) == []
    sealed = [e for e in gamma.node.registry.history(case_id).events if e.kind == "sealed"]
    assert [e.content_state for e in sealed] == [PartState.WITHHELD] * 2
    assert WORD.encode() not in gamma.node.registry.models.dump()
    assert WORD.encode() in beta.node.registry.models.dump()


def test_intent_is_declared_to_others_by_name(desks: Mapping[str, Acting]) -> None:
    alpha = desks["alpha"]
    case_id = alpha.opens()

    for nobody in ((), ("alpha",)):
        with pytest.raises(InvalidRequest, match="mechanisms: an intent is declared to others"):
            alpha.declares(case_id, *nobody)
    with pytest.raises(NotFound):
        alpha.declares(case_id, "delta")


def test_answer_goes_to_all_that_may_hold_the_intent_or_to_fewer(
    nodes: Nodes, desks: Mapping[str, Acting]
) -> None:
    alpha, beta, gamma = desks.values()
    case_id = alpha.opens()
    nodes.carry_all()
    intent = alpha.declares(case_id, "beta", "gamma")
    nodes.carry_all()
    beta.answers(intent, "supports")
    nodes.carry_all()
    assert len(answers_at(gamma)) == 1

    beta.answers(intent, "objects", "alpha")
    nodes.carry_all()
    assert [answer for _, answer, _ in answers_at(alpha)] == ["supports", "objects"]
    assert [answer for _, answer, _ in answers_at(gamma)] == ["supports"]


def test_answer_never_tells_of_an_intent_to_who_may_not_hold_it(
    nodes: Nodes, desks: Mapping[str, Acting]
) -> None:
    alpha, beta, gamma = desks.values()
    case_id = alpha.opens()
    nodes.carry_all()
    intent = alpha.declares(case_id, "beta")
    nodes.carry_all()

    with pytest.raises(RuleViolation) as refused:
        beta.answers(intent, "joins", "gamma")
    assert (refused.value.field, refused.value.rule) == ("mechanisms", "answer_stays_in_audience")
    with pytest.raises(NotFound, match="no intent 1 that can be read here"):
        gamma.answers(intent, "joins")
    with pytest.raises(NotFound):
        gamma.node.registry.log("defenders.example/nobody/1")


def test_intent_that_is_for_all_is_answered_to_its_own_mechanism_alone(
    nodes: Nodes, desks: Mapping[str, Acting]
) -> None:
    alpha, beta, gamma = desks.values()
    case_id = alpha.opens()
    intent = alpha.does(case_id, K.INTENT_DECLARED)
    nodes.carry_all()
    beta.answers(intent, "noted")
    alpha_answer = gamma.answers(intent, "joins", "beta")
    nodes.carry_all()

    assert {who for who, *_ in answers_at(alpha)} == {"beta", "gamma"}
    assert {who for who, *_ in answers_at(beta)} == {"beta", "gamma"}
    assert [who for who, *_ in answers_at(gamma)] == ["gamma"]
    assert alpha_answer.case_id == case_id


def test_withdrawal_reaches_all_that_hold_the_intent_by_now(
    nodes: Nodes, desks: Mapping[str, Acting]
) -> None:
    alpha, beta, gamma = desks.values()
    case_id = alpha.opens()
    nodes.carry_all()
    intent = alpha.declares(case_id, "beta")
    nodes.carry_all()
    with pytest.raises(RuleViolation) as refused:
        beta.withdraws(intent)
    assert refused.value.rule == "about_is_own"
    alpha.node.registry.widen(WidenCommand("wider", "", intent.index, ("gamma",))).result()
    nodes.carry_all()
    assert told(gamma) == [("alpha", "open")]

    alpha.withdraws(intent)
    nodes.carry_all()

    assert told(alpha) == told(beta) == told(gamma) == [("alpha", "withdrawn")]
    everyone = alpha.does(case_id, K.INTENT_DECLARED, EVERYONE)
    ended = alpha.withdraws(everyone)
    assert alpha.node.registry.history(case_id).events[ended.index].audience.is_all


def test_only_an_intent_is_answered_and_only_once_it_may_be_read(
    nodes: Nodes, desks: Mapping[str, Acting]
) -> None:
    alpha, beta, _ = desks.values()
    case_id = alpha.opens()
    note = alpha.does(case_id, K.NOTE_ADDED)
    later_ms = alpha.node.clock() + 10_000
    plan = example_of(K.INTENT_DECLARED)
    hidden = alpha.node.record(plan, case_id, mechanisms=("beta",), not_before_ms=later_ms)
    nodes.carry_all()

    for place in (note, hidden):
        with pytest.raises(NotFound, match="that can be read here"):
            beta.answers(place, "joins")
    alpha.withdraws(hidden)
    beta.node.registry.store.close_content()
    with pytest.raises(TryLater):
        beta.answers(hidden, "joins")


# --- how it stands --------------------------------------------------------------------------------


def test_intent_lapses_for_time_alone_and_is_fulfilled_by_what_was_meant(
    nodes: Nodes, desks: Mapping[str, Acting]
) -> None:
    alpha, beta, _ = desks.values()
    case_id = alpha.opens()
    nodes.carry_all()
    alpha.declares(case_id, "beta")
    alpha.declares(case_id, "beta", instrument="un.ua", lapses_date="2026-11-25")
    alpha.declares(case_id, "beta", planned_date=None, planned_until_date=None)
    nodes.carry_all()

    for desk in (alpha, beta):
        assert [each.state for each in desk.sees()] == ["lapsed", "open", "open"]
        assert [each.row.lapses for each in desk.sees("live")] == ["2026-12-05", ""]
        assert [each.row.instrument for each in desk.sees("lapsed")] == ["un.ua"]
        later = desk.sees("lapsed", today=date(2026, 12, 6))
        assert [each.row.lapses for each in later] == ["2026-11-25", "2026-12-05"]
    alpha.does(
        case_id,
        K.VISIT_CONDUCTED,
        instrument="un.visit",
        visited_state="XXA",
        visit_start_date="2026-12-01",
        visit_end_date="2026-12-03",
        report_due_date=None,
    )
    nodes.carry_all()
    assert [each.state for each in beta.sees()] == ["lapsed", "fulfilled", "open"]
    (done,) = beta.sees(facets=(("outcome", ("fulfilled",)),))
    assert (done.row.settled, done.row.settled_index) == ("2026-12-03", 4)
    assert beta.sees("live", since="2026-12", until="2026-12") == ()


# --- what meets -----------------------------------------------------------------------------------


def test_intents_of_two_mechanisms_that_meet_on_a_state_stand_beside_each_other(
    nodes: Nodes, desks: Mapping[str, Acting]
) -> None:
    alpha, beta, gamma = desks.values()
    first, second = alpha.opens(), beta.opens()
    nodes.carry_all()
    alpha.declares(first, "beta")
    beta.declares(second, "alpha", planned_date="2026-12-05", planned_until_date="2026-12-20")
    beta.declares(second, "alpha", planned_date="2026-12-06", planned_until_date="2026-12-07")
    beta.declares(second, "alpha", addressee_state="XXB")
    gamma_case = gamma.opens()
    nodes.carry_all()
    gamma.declares(gamma_case, "beta")
    nodes.carry_all()

    (mine,) = alpha.sees("live", facets=(("mechanism", ("alpha",)),))
    assert [(c.row.mechanism, c.states, c.start, c.end) for c in mine.clashes] == [
        ("beta", ("XXA",), "2026-12-05", "2026-12-05")
    ]
    assert not mine.clashes[0].is_same_case
    theirs = alpha.sees("live", facets=(("mechanism", ("beta",)),))
    assert [len(each.clashes) for each in theirs] == [0, 0, 1]
    # Beta was told by both; neither of them was told of the other.
    (of_alpha,) = beta.sees("live", facets=(("mechanism", ("alpha",)),))
    assert [c.row.mechanism for c in of_alpha.clashes] == ["gamma", "beta"]


def test_intents_in_one_case_meet_and_what_is_over_or_has_no_day_meets_nothing(
    nodes: Nodes, desks: Mapping[str, Acting]
) -> None:
    alpha, beta, _ = desks.values()
    case_id = alpha.opens()
    nodes.carry_all()
    alpha.declares(case_id, "beta", addressee_state="")
    other = beta.declares(case_id, "alpha", addressee_state="XXB", instrument="coe.letter")
    nodes.carry_all()
    row = alpha.sees()[0]
    assert [(c.is_same_case, c.start) for c in row.clashes] == [(True, "2026-12-01")]
    assert [len(each.clashes) for each in alpha.sees(today=date(2026, 12, 6))] == [0, 0]

    beta.withdraws(other)
    beta.declares(case_id, "alpha", planned_date=None, planned_until_date=None)
    nodes.carry_all()
    assert [len(each.clashes) for each in alpha.sees()] == [0, 0, 0]


def test_case_that_is_limited_to_others_is_in_no_list_and_meets_nothing(
    nodes: Nodes, desks: Mapping[str, Acting]
) -> None:
    alpha, beta, _ = desks.values()
    shown, hidden = alpha.opens(), beta.opens()
    nodes.carry_all()
    alpha.declares(shown, "beta")
    secret = beta.declares(hidden, "alpha")
    nodes.carry_all()
    assert [len(each.clashes) for each in alpha.sees(client=EVE)] == [1, 1]

    alpha.world.desk.restrict(hidden, ["ada"])

    (left,) = alpha.sees(client=EVE)
    assert (left.row.mechanism, left.clashes) == ("alpha", ())
    assert len(alpha.sees()) == 2
    with pytest.raises(NotFound) as refused:
        alpha.answers(secret, "joins", client=EVE)
    with pytest.raises(NotFound) as absent:
        alpha.intents.answer(
            command(client=EVE), secret.origin, 99, example(K.INTENT_ANSWERED, about=None)
        )
    assert str(refused.value) == str(absent.value).replace("99", str(secret.index))
    with pytest.raises(NotFound):
        alpha.declares(hidden, "beta", client=EVE)
    alpha.answers(secret, "joins")


def test_who_was_shown_an_intent_and_what_meets_it_is_kept(
    nodes: Nodes, desks: Mapping[str, Acting]
) -> None:
    alpha, beta, _ = desks.values()
    first, second = alpha.opens(), beta.opens()
    nodes.carry_all()
    alpha.declares(first, "beta")
    beta.declares(second, "alpha")
    nodes.carry_all()
    alpha.fold()

    alpha.intents.listed(EVE, Ask(10, facets=(("mechanism", ("alpha",)),)), TODAY, "live")

    for case_id in (first, second):
        (read,) = alpha.world.desk.reads(ADA, None, 10, case_id)
        assert (read.client, read.method, read.events) == ("eve", "ListIntents", 1)


def test_request_is_recorded_once_and_names_leave_with_consent_alone(
    desks: Mapping[str, Acting],
) -> None:
    alpha = desks["alpha"]
    case_id = alpha.opens()
    asked, plan = command("beta"), example(K.INTENT_DECLARED)
    first = alpha.intents.declare(asked, case_id, plan).result()
    again = alpha.intents.declare(asked, case_id, plan).result()
    assert (first.index, again.was_recorded_before) == (again.index, True)

    person = {"person_id": "a1" * 16, "name": "Ayo Zemlinski"}
    naming = example(K.INTENT_DECLARED, persons=[person])
    with pytest.raises(RuleViolation, match="share_with_mechanisms of person"):
        alpha.intents.declare(command("beta"), case_id, naming)
