"""Follow-up, dates and references of a case, folded from its acts alone."""

from typing import Any, Final

import pytest

from registry.domain.acts import Act
from registry.domain.content.examples import example_of
from registry.domain.mechanisms import shipped_profiles
from registry.domain.references import parse_reference
from registry.domain.vocabulary import EventKind as K
from registry.views.acts import with_what_they_are_about
from registry.views.deadline_board import obligation_documents
from registry.views.follow_up import concordance_documents, follow_up_documents
from registry.views.reference_index import names_of, reference_documents
from registry.views.rows import (
    ConcordanceRow,
    FollowUpRow,
    ObligationRow,
    ReferenceRow,
    decode_row,
    encode_row,
)
from tests.storage.storage_world import case

UN: Final = "defenders.example/un/1"


def story(*told: tuple[str, K, int | None, dict[str, Any]]) -> list[Act]:
    """Acts: by whom, what, about which earlier one."""
    acts: list[Act] = []
    for index, (mechanism, kind, about, fields) in enumerate(told):
        pointer = None if about is None else {"origin": acts[about].origin, "index": about}
        origin = f"defenders.example/{mechanism}/1"
        content = example_of(kind, about=pointer, **fields)
        acts.append(Act(origin, index, mechanism, content, {origin: index}))
    return acts


def graded(scheme: str, value: str, **fields: Any) -> dict[str, Any]:
    return {"grade": {"scheme": scheme, "value": value}, "derived": "", **fields}


def rows(acts: list[Act]) -> list[FollowUpRow]:
    documents = follow_up_documents(case(1), acts, confidential=())
    return [decode_row(FollowUpRow, document.row) for document in documents]


ASKED = ("un", K.RECOMMENDATION_MADE, None, {"addressee_state": "XXB"})


def test_every_response_and_assessment_is_kept_in_its_own_scheme() -> None:
    acts = story(
        ASKED,
        ("upr", K.RECOMMENDATION_RESPONSE, 0, {"response": {"scheme": "upr", "value": "noted"}}),
        ("un", K.REPLY_RECEIVED, 0, {"reply_kind": "", "replied_date": None}),
        ("obs", K.FOLLOWUP_INFORMATION, 0, {}),
        ("coe", K.FOLLOWUP_ASSESSED, 0, graded("ccpr", "C1", acting_body="tb.ccpr")),
        ("coe", K.FOLLOWUP_ASSESSED, 0, graded("ccpr", "B1", acting_body="tb.ccpr")),
        ("iachr", K.FOLLOWUP_ASSESSED, 0, graded("iachr", "partial", acting_body="iachr")),
    )
    (row,) = rows(acts)

    assert [(r.scheme, r.value) for r in row.responses] == [
        ("upr", "supported"),
        ("upr", "noted"),
        ("reply", "reply"),
    ]
    assert [a.derived for a in row.assessments] == ["unsatisfactory", "partial", "partial"]
    assert (row.scale, row.is_contradicted, row.information_count) == ("partial", False, 1)
    assert row.states == ("XXB",)


@pytest.mark.parametrize(
    ("graded_on", "acted_on", "shown"),
    [
        ("", "2024-03-20", "2024-03-20"),
        (None, "2024-03-20", "2024-03-20"),
        ("2024-02", "2024-03-20", "2024-02"),
        ("2024-02", None, "2024-02"),
        ("", "", ""),
        (None, None, ""),
    ],
)
def test_date_of_a_grade_is_the_first_that_is_known(
    graded_on: str | None, acted_on: str | None, shown: str
) -> None:
    grade = {"scheme": "ccpr", "value": "B", "date": graded_on}
    acts = story(
        ASKED,
        ("upr", K.RECOMMENDATION_RESPONSE, 0, {"response": grade, "responded_date": acted_on}),
        ("coe", K.FOLLOWUP_ASSESSED, 0, {"grade": grade, "assessed_date": acted_on}),
    )
    (row,) = rows(acts)

    assert (row.responses[-1].date, row.assessments[0].date) == (shown, shown)


def test_bodies_that_differ_contradict_each_other_and_an_ambiguous_grade_does_not() -> None:
    other = ("iachr", K.FOLLOWUP_ASSESSED, 0, graded("iachr", "total", acting_body="iachr"))
    unsure = ("un", K.FOLLOWUP_ASSESSED, 0, graded("ccpr", "A", acting_body="tb.ccpr"))
    sure = ("un", K.FOLLOWUP_ASSESSED, 0, graded("ccpr", "B", acting_body="tb.ccpr"))

    assert [(r.scale, r.is_contradicted) for r in rows(story(ASKED, other, sure))] == [
        ("contradicted", True)
    ]
    assert [r.scale for r in rows(story(ASKED, other, unsure))] == ["implemented"]
    assert [r.scale for r in rows(story(ASKED, unsure))] == ["ambiguous"]
    assert [r.scale for r in rows(story(ASKED))] == ["not_assessed"]


def test_last_assessment_by_its_day_counts_and_one_that_judged_nothing_does_not() -> None:
    def by_ccpr(value: str, day: str, scheme: str = "ccpr") -> Any:
        fields = graded(scheme, value, acting_body="tb.ccpr", assessed_date=day)
        return ("un", K.FOLLOWUP_ASSESSED, 0, fields)

    later, earlier = by_ccpr("B", "2024-05-01"), by_ccpr("E", "2023-05-01")
    nothing, unsure = by_ccpr("noted", "2024-06-01", "upr"), by_ccpr("A", "2024-06-01")

    assert [r.scale for r in rows(story(ASKED, later, earlier))] == ["partial"]
    assert [r.scale for r in rows(story(ASKED, earlier, later))] == ["partial"]
    assert [r.scale for r in rows(story(ASKED, later, nothing))] == ["partial"]
    assert [r.scale for r in rows(story(ASKED, later, unsure))] == ["ambiguous"]
    assert [r.scale for r in rows(story(ASKED, nothing))] == ["not_assessed"]


def test_decision_is_followed_up_once_it_was_assessed_and_a_commitment_at_once() -> None:
    opinion = ("wgad", K.OPINION_ADOPTED, None, {"addressee_state": "", "states": ["XXC"]})
    assert rows(story(opinion)) == []
    (row,) = rows(story(opinion, ("un", K.FOLLOWUP_ASSESSED, 0, graded("upr", "noted"))))
    assert (row.kind, row.scale, row.states) == ("opinion_adopted", "not_assessed", ("XXC",))
    assert len(rows(story(("un", K.COMMITMENT_MADE, None, {})))) == 1


def test_concordance_stands_as_proposed_until_a_person_answers() -> None:
    proposal: Any = ("obs", K.CONCORDANCE_PROPOSED, 0, {})
    for answer, state in ((None, "proposed"), (False, "accepted"), (True, "declined")):
        told: list[Any] = [ASKED, proposal]
        if answer is not None:
            told.append(("un", K.CONCORDANCE_ACCEPTED, 1, {"is_declined": answer}))
        (document,) = concordance_documents(case(1), story(*told), confidential=())
        row = decode_row(ConcordanceRow, document.row)
        assert (row.state, row.mechanism) == (state, "obs")
        assert row.events == ((UN, 0), ("defenders.example/achpr/1", 5))
        assert ("event", "defenders.example/achpr/1#5") in document.facets


def test_obligations_are_sorted_by_their_day_and_owed_by_their_state() -> None:
    letter = {"instrument": "un.ua", "reply_due_date": None, "addressee_state": "XXB"}
    acts = story(("un", K.COMMUNICATION_SENT, None, letter))
    (document,) = obligation_documents(
        case(1), "A matter", acts, shipped_profiles(), confidential=()
    )
    row = decode_row(ObligationRow, document.row)

    assert document.sort == row.due == "2024-04-30"
    assert {("state", "XXB"), ("outcome", "open"), ("matter", "reply_due")} <= set(document.facets)
    assert encode_row(row) == document.row


def test_reference_is_found_by_itself_and_by_what_it_updates() -> None:
    written = ["TUN 001 / 0517 / OBS 052.1", "some number of nobody"]
    acts = story(("obs", K.STATEMENT_ISSUED, None, {"references": written, "own_number": "F-7"}))
    documents = list(reference_documents(case(1), acts, confidential=()))
    found = [decode_row(ReferenceRow, each.row) for each in documents]

    assert [row.written for row in found] == [*written, "F-7"]
    assert [row.scheme for row in found] == ["obs.appeal", "unknown", "unknown"]
    base = names_of(parse_reference("TUN 001/0517/OBS 052"))
    assert ("named", base[0]) in documents[0].facets
    assert names_of(parse_reference("f-7")) == names_of(parse_reference("F-7"))
    assert names_of(parse_reference("F-7")) != names_of(parse_reference("F-8"))


# --- what is not for every member -----------------------------------------------------------------


def test_row_is_confidential_if_it_shows_anything_of_an_act_that_is() -> None:
    acts = story(
        ASKED,
        ASKED,
        ("coe", K.FOLLOWUP_ASSESSED, 1, graded("ccpr", "C1", acting_body="tb.ccpr")),
        ("un", K.RECOMMENDATION_MADE, None, {"addressee_state": "XXB", "references": ["A/1"]}),
    )
    own = {acts[2].place, acts[3].place}
    shown = with_what_they_are_about(acts, own)

    documents = follow_up_documents(case(1), acts, confidential=shown)
    found = [decode_row(FollowUpRow, document.row) for document in documents]
    assert [(row.index, row.is_confidential) for row in found] == [(0, False), (1, True), (3, True)]
    references = reference_documents(case(1), acts, confidential=own)
    named = [decode_row(ReferenceRow, document.row) for document in references]
    assert {row.index for row in named if row.is_confidential} <= {2, 3}
    assert any(row.is_confidential for row in named if row.written == "A/1")


def test_obligation_is_confidential_by_a_reply_to_a_later_letter_or_by_its_title() -> None:
    acts = story(
        ("un", K.COMMUNICATION_SENT, None, {"addressee_state": "XXB"}),
        ("un", K.REPLY_EXTENSION_GRANTED, 0, {}),
        ("un", K.REPLY_RECEIVED, 1, {}),
        ("un", K.CASE_OPENED, None, {}),
    )

    def is_confidential(*which: int) -> bool:
        shown = with_what_they_are_about(acts, [acts[each].place for each in which])
        found = obligation_documents(
            case(1), "A matter", acts, shipped_profiles(), confidential=shown
        )
        rows = [decode_row(ObligationRow, document.row) for document in found]
        return next(row.is_confidential for row in rows if row.index == 0)

    assert not is_confidential()
    assert is_confidential(0)
    assert is_confidential(2)
    assert is_confidential(3)


def test_concordance_is_confidential_by_its_answer_and_acts_about_each_other_end() -> None:
    acts = story(("un", K.CONCORDANCE_PROPOSED, None, {}), ("un", K.CONCORDANCE_ACCEPTED, 0, {}))
    shown = with_what_they_are_about(acts, [acts[1].place])
    (document,) = concordance_documents(case(1), acts, confidential=shown)
    assert decode_row(ConcordanceRow, document.row).is_confidential

    first, second = acts
    circle = [
        first._replace(content=first.content.model_copy(update={"about": second.content.about})),
        second,
    ]
    assert with_what_they_are_about(circle, [second.place]) == {first.place, second.place}
