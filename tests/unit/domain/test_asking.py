"""Questions and answers: what may be asked, who may answer, and what a confirmation stands for."""

import hashlib
from typing import Any

import pytest

from registry.domain.asking import (
    ASKING_KINDS,
    WORDS_MAX,
    check_answer,
    check_question,
    confirmation_of,
    refuse_plain_recording,
)
from registry.domain.content import EventPointer, PeerAnswered, PeersAsked, encode_content
from registry.domain.identifiers import CaseId
from registry.domain.vocabulary import EventKind
from registry.errors import RuleViolation
from tests.unit.application.persons_world import AYO

CASE = CaseId(b"an invented case")
EVENT = EventPointer(origin="r.example/un/1", index=3)


def question(**fields: Any) -> PeersAsked:
    given = {"mechanisms": ("iachr",), "summary": "an invented matter", "basis": "own_act"}
    return PeersAsked(**{"acting_body": "un", **given, **fields})


def answer(**fields: Any) -> PeerAnswered:
    given = {"answer": "no", "about": EVENT, "basis": "own_act"}
    return PeerAnswered(**{"acting_body": "iachr", **given, **fields})


def rule_of(refused: pytest.ExceptionInfo[RuleViolation]) -> str:
    return refused.value.rule


@pytest.mark.parametrize(
    ("fields", "rule"),
    [
        ({"mechanisms": ()}, "question_names_peers"),
        ({"mechanisms": ("un",)}, "question_names_peers"),
        ({"mechanisms": ("iachr", "iachr")}, "question_names_peers"),
        ({"summary": ""}, "question_asks_something"),
        ({"summary": "", "title": "A title alone"}, "question_asks_something"),
        ({"basis": "public_record", "source": "a register"}, "question_is_own"),
    ],
)
def test_question_to_nobody_about_nothing_or_of_another_is_refused(
    fields: dict[str, Any], rule: str
) -> None:
    with pytest.raises(RuleViolation) as refused:
        check_question(question(**fields), "un")
    assert rule_of(refused) == rule


@pytest.mark.parametrize(
    "fields", [{"references": ("UA XXA 1/2024",)}, {"persons": (AYO,)}, {"about": EVENT}]
)
def test_question_may_say_what_it_is_about_without_words(fields: dict[str, Any]) -> None:
    check_question(question(summary="", **fields), "un")


def test_answer_of_a_mechanism_that_was_not_asked_is_refused() -> None:
    check_answer(question(), "un", "iachr", answer())

    for asked, asker, own in (
        (question(), "un", "coe"),
        (question(mechanisms=("un",)), "un", "un"),
        (answer(), "un", "iachr"),
        (None, "un", "iachr"),
    ):
        with pytest.raises(RuleViolation) as refused:
            check_answer(asked, asker, own, answer())
        assert rule_of(refused) == "asked_is_answering"


def test_answer_is_short_and_its_own() -> None:
    with pytest.raises(RuleViolation) as refused:
        check_answer(question(), "un", "iachr", answer(summary="x" * (WORDS_MAX + 1)))
    assert rule_of(refused) == "answer_is_short"
    with pytest.raises(RuleViolation) as refused:
        check_answer(question(), "un", "iachr", answer(basis="public_record", source="x"))
    assert rule_of(refused) == "answer_is_own"


def test_answer_names_nobody() -> None:
    with pytest.raises(ValueError, match="an answer names nobody"):
        answer(persons=(AYO,))


def test_confirmation_is_the_hash_of_what_is_sent_where_and_to_whom() -> None:
    asked = question(mechanisms=("iachr", "coe"))
    told = b"registry/question/v1\n" + CASE + b"coe,iachr\n" + encode_content(asked)

    assert confirmation_of(CASE, asked) == hashlib.sha256(told).hexdigest()


def test_every_difference_has_another_confirmation() -> None:
    told = {
        confirmation_of(CASE, question()),
        confirmation_of(CaseId(b"another invented"), question()),
        confirmation_of(CASE, question(summary="another matter")),
        confirmation_of(CASE, question(mechanisms=("coe",))),
        confirmation_of(CASE, question(mechanisms=("coe", "iachr"))),
        confirmation_of(CASE, question(question="holds")),
        confirmation_of(CASE, question(persons=(AYO,))),
    }

    assert len(told) == 7


def test_questions_and_answers_are_recorded_by_their_own_calls_alone() -> None:
    for kind in EventKind:
        if kind in ASKING_KINDS:
            with pytest.raises(RuleViolation):
                refuse_plain_recording(kind)
        else:
            refuse_plain_recording(kind)
