"""Row plans: what a row becomes, and that nothing of it is left out without being told."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.domain.content import CaseOpened, OpinionAdopted, RecommendationMade, StatementIssued
from registry.domain.register_mapping import RegisterMapping, parse_mapping
from registry.domain.row_plans import (
    REQUEST_ID_MAX,
    ProblemReason,
    RowPlan,
    plan_row,
    register_case,
)
from tests.unit.domain.mapping_example import EMPTY_ROW, MAPPING, SMALL

PRESS = {"no": "7", "type": "Press"}


def plan(mapping: RegisterMapping = MAPPING, /, **cells: str) -> RowPlan:
    return plan_row(mapping, 12, {**EMPTY_ROW, **PRESS, **cells})


def problems(planned: RowPlan) -> list[tuple[int, str, str]]:
    return [(each.line, each.reason.value, each.detail) for each in planned.problems]


def states(planned: RowPlan) -> list[str | None]:
    return [act.state for act in planned.acts]


def only_content(planned: RowPlan) -> Any:
    (act,) = planned.acts
    assert planned.problems == ()
    return act.content


def test_row_without_a_state_goes_to_the_case_of_the_register() -> None:
    planned = plan()

    assert states(planned) == [None]
    assert planned.acts[0].content.states == ()
    assert planned.line == 12


def test_case_of_the_register_has_one_request_id() -> None:
    request_id, content = register_case(MAPPING)

    assert request_id == "small:case"
    assert isinstance(content, CaseOpened)
    assert content.title == "Invented records that name no State"


def test_row_becomes_one_event_for_each_named_state() -> None:
    planned = plan(states="Poland; XKX;;XXA ")

    assert states(planned) == ["POL", "XKX", "XXA"]
    assert planned.problems == ()
    assert {act.content.states for act in planned.acts} == {("POL", "XKX", "XXA")}
    assert len({act.request_id for act in planned.acts}) == 3


def test_state_named_twice_is_one_state() -> None:
    assert states(plan(states="Poland;POL;poland")) == ["POL"]


def test_order_in_which_states_are_named_changes_nothing() -> None:
    assert plan(states="XKX;Poland") == plan(states="Poland;XKX")


def test_state_that_is_no_more_is_reported_and_the_others_are_taken() -> None:
    planned = plan(states="Yugoslavia;Serbia;Atlantis")

    assert states(planned) == ["SRB"]
    assert problems(planned) == [
        (12, "state_no_longer_exists", "states: 'Yugoslavia' is no more"),
        (12, "state_unknown", "states: 'Atlantis' is no State that is known"),
    ]


def test_row_whose_states_are_all_unknown_does_not_go_to_the_case_without_state() -> None:
    planned = plan(states="Yugoslavia;Atlantis")

    assert planned.acts == ()
    assert [each[1] for each in problems(planned)] == ["state_no_longer_exists", "state_unknown"]


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("2010-06-14", "2010-06-14"),
        ("2010-06", "2010-06"),
        ("2010", "2010"),
        ("14 Jun 2010", "2010-06-14"),
        ("4 Jun 2010", "2010-06-04"),
        ("14 June 2010", "2010-06-14"),
        ("14 JUN 2010", "2010-06-14"),
        ("14 may 2010", "2010-05-14"),
        ("Dec 2010", "2010-12"),
        ("September 2010", "2010-09"),
        ("29 Feb 2012", "2012-02-29"),
    ],
)
def test_date_is_read_in_its_form_and_kept_as_precise_as_it_is(written: str, expected: str) -> None:
    date = only_content(plan(date=written)).issued_date

    assert date.value == expected
    assert date.precision.value == {4: "year", 7: "month", 10: "day"}[len(expected)]


def test_undated_row_stays_undated() -> None:
    assert only_content(plan(date="")).act_date() is None


@pytest.mark.parametrize(
    "written",
    [
        "31 Feb 2010",
        "29 Feb 2010",
        "0 Jun 2010",
        "14 Jum 2010",
        "14 Junk 2010",
        "14 Jun 10",
        "14. Jun 2010",
        "14/06/2010",
        "06/14/2010",
        "2010-13",
        "2010-06-31",
        "20100614",
        "0000",
        "unknown",
        "14 Jun ٢٠١٠",
    ],
)
def test_date_that_cannot_be_is_reported_and_never_guessed(written: str) -> None:
    planned = plan(date=written)

    assert planned.acts == ()
    assert problems(planned) == [(12, "date_unreadable", f"date: {written!r} is no date")]


def test_main_date_goes_to_the_date_field_of_the_kind() -> None:
    opinion = only_content(plan(type="View", date="2010"))

    assert isinstance(opinion, OpinionAdopted)
    assert opinion.adopted_date is not None
    assert isinstance(only_content(plan(type="Press", date="2010")), StatementIssued)


def test_kind_that_the_mapping_does_not_know_is_reported() -> None:
    planned = plan(type="Poem")

    assert planned.acts == ()
    assert problems(planned) == [(12, "value_unknown", "type: 'Poem' has no kind in the mapping")]


def test_value_that_the_mapping_does_not_know_is_reported() -> None:
    planned = plan(type="Recommendation", answer="Perhaps")

    assert planned.acts == ()
    assert problems(planned) == [(12, "value_unknown", "answer: 'Perhaps' is not in the mapping")]


def test_field_that_the_kind_does_not_have_is_not_read() -> None:
    assert only_content(plan(type="Press", answer="Perhaps")).document_type == "Press"


def test_fields_come_from_values_tables_lists_states_and_schemes() -> None:
    content = only_content(
        plan(
            no="7/8",
            type="Recommendation",
            states="Poland",
            by="Ivory Coast",
            answer="Yes",
            tags="a",
        )
    )

    assert isinstance(content, RecommendationMade)
    assert (content.acting_body, content.basis) == ("un", "own_act")
    assert content.references == ("7", "8")
    assert (content.recommending_state, content.addressee_state) == ("CIV", "POL")
    assert content.session == "first"
    assert content.subjects == ("a",)
    assert content.response is not None
    assert (content.response.scheme, content.response.value) == ("upr", "supported")


def test_empty_cells_say_nothing() -> None:
    content = only_content(plan(type="Recommendation"))

    assert (content.response, content.recommending_state, content.session) == (None, "", "")


@pytest.mark.parametrize(
    ("by", "reason"), [("Atlantis", "state_unknown"), ("Yugoslavia", "state_no_longer_exists")]
)
def test_state_that_only_describes_is_reported_and_the_row_is_taken_without_it(
    by: str, reason: str
) -> None:
    planned = plan(type="Recommendation", states="Poland", by=by)

    assert states(planned) == ["POL"]
    assert [each[1] for each in problems(planned)] == [reason]
    assert problems(planned)[0][2].startswith(f"by: {by!r} ")
    assert problems(planned)[0][2].endswith("; the row is taken without it")


def test_state_of_the_states_column_is_reported_once() -> None:
    planned = plan(type="Recommendation", states="Poland;Yugoslavia")

    assert states(planned) == ["POL"]
    assert [each[1] for each in problems(planned)] == ["state_no_longer_exists"]


def test_content_that_breaks_a_rule_is_reported_with_the_field() -> None:
    planned = plan(tags=";".join(["x" * 501]))

    assert planned.acts == ()
    assert planned.problems[0].reason is ProblemReason.CONTENT_INVALID
    assert planned.problems[0].detail.startswith("subjects.0: ")


def test_row_whose_key_is_empty_is_reported() -> None:
    planned = plan(no="", part="")

    assert planned.acts == ()
    assert problems(planned)[0][:2] == (12, "key_missing")
    assert "no, part" in problems(planned)[0][2]


def test_row_with_a_part_of_its_key_is_taken() -> None:
    assert only_content(plan(no="7", part=""))


def test_request_id_names_the_register_the_key_and_the_number_of_the_event() -> None:
    assert [act.request_id for act in plan(no="7", part="b", states="XXA;POL").acts] == [
        "small:7:b:1",
        "small:7:b:2",
    ]


def test_request_id_does_not_depend_on_facts_outside_the_key() -> None:
    ids = {
        plan(**facts).acts[0].request_id
        for facts in (
            {},
            {"date": "2010"},
            {"states": "Poland"},
            {"states": "Poland;XXA"},
            {"type": "View"},
        )
    }

    assert ids == {"small:7::1"}


_keys = st.text(st.characters(exclude_categories=["Cs"]), max_size=120)


@given(st.tuples(_keys, _keys), st.tuples(_keys, _keys))
def test_different_keys_never_share_a_request_id(
    one: tuple[str, str], other: tuple[str, str]
) -> None:
    keys = [plan(no=no, part=part).key for no, part in (one, other)]

    assert (keys[0] == keys[1]) is (one == other)


def test_key_with_the_separator_of_request_ids_is_told_from_two_keys() -> None:
    keys = {plan(no=no, part=part).key for no, part in (("a:b", "c"), ("a", "b:c"), ("a%3Ab", "c"))}

    assert len(keys) == 3


@given(st.integers(0, 400))
def test_request_id_is_never_longer_than_a_node_takes(length: int) -> None:
    planned = plan(no="k" * length, part="p", states="Poland;XXA")

    assert all(len(act.request_id) <= REQUEST_ID_MAX for act in planned.acts)


def test_long_keys_that_differ_at_the_end_stay_apart() -> None:
    assert plan(no="k" * 300 + "1").key != plan(no="k" * 300 + "2").key
    assert plan(no="k" * 300).key == plan(no="k" * 300).key


def test_kind_without_a_column_is_that_of_every_row() -> None:
    one = SMALL.replace('column = "type"\n\n[kind.values]', "[kind.values]")
    one = one.replace('"Press" = "statement_issued"\n', "").replace(
        '"View" = "opinion_adopted"\n"Recommendation" = "recommendation_made"',
        '"" = "recommendation_made"',
    )

    planned = plan(parse_mapping(one, "one"), type="whatever")

    assert isinstance(planned.acts[0].content, RecommendationMade)
