"""The three registers that ship: every row is taken or reported, and how many of what is known.

The counts were taken from the files by hand: rows that name States, doubled keys, empty dates.
"""

import csv
import hashlib
from collections import Counter
from collections.abc import Iterator
from functools import lru_cache
from typing import Final

import pytest

from registry.domain.content import RecommendationMade
from registry.domain.decisions import check_new_event
from registry.domain.register_mapping import load_mapping, sample_register, shipped_mappings
from registry.domain.row_plans import RowPlan, plan_row
from registry.domain.rules import CaseFacts
from registry.errors import RuleViolation

COE: Final = "coe_commissioner"
TREATY_BODIES: Final = "un_treaty_bodies"
UPR: Final = "upr_defenders"
# From the note that came with the data: the first day of each session; of 15 and 16 the year only.
SESSIONS: Final = {
    "1": "2008-04-07",
    "2": "2008-05-05",
    "3": "2008-12-01",
    "4": "2009-02-02",
    "5": "2009-05-04",
    "6": "2009-11-30",
    "7": "2010-02-08",
    "8": "2010-05-03",
    "9": "2010-11-01",
    "10": "2011-01-24",
    "11": "2011-05-02",
    "12": "2011-10-03",
    "13": "2012-05-21",
    "14": "2012-10-22",
    "15": "2013",
    "16": "2013",
}
# The facts as they came: a sample that was touched is found here.
DIGESTS: Final = {
    COE: "0c04dffc72962a19792cc67b2547cfd5acbbddb9632df0d751d195a61bcef38d",
    TREATY_BODIES: "b8629cefe66f54f49c5ff9cb3c272c519eff4d46fb6df1416213193c4622fb14",
    UPR: "f89e5fe6a1dea7207b946285a8b65cfbdb5f0e96f319f00a97e96aa7bfc161f6",
}

each_register = pytest.mark.parametrize("name", [COE, TREATY_BODIES, UPR])


@lru_cache(maxsize=3)
def rows(name: str) -> tuple[dict[str, str], ...]:
    with sample_register(load_mapping(name)).open(encoding="utf-8", newline="") as file:
        return tuple(
            {column: cell.strip() for column, cell in row.items()} for row in csv.DictReader(file)
        )


@lru_cache(maxsize=3)
def plans(name: str) -> tuple[RowPlan, ...]:
    mapping = load_mapping(name)
    return tuple(plan_row(mapping, line, row) for line, row in enumerate(rows(name), start=2))


def changed_rows(name: str) -> Iterator[int]:
    """Lines that repeat a key with other facts, of rows that can be taken."""
    first: dict[str, RowPlan] = {}
    for planned in plans(name):
        if planned.acts and first.setdefault(planned.key, planned).acts != planned.acts:
            yield planned.line


@each_register
def test_sample_is_the_register_as_it_came(name: str) -> None:
    data = sample_register(load_mapping(name)).read_bytes()

    assert hashlib.sha256(data).hexdigest() == DIGESTS[name]


@each_register
def test_every_row_is_taken_or_reported(name: str) -> None:
    assert all(planned.acts or planned.problems for planned in plans(name))


@pytest.mark.parametrize(
    ("name", "row_count", "event_count", "reported"),
    [
        (COE, 1346, 1356, {}),
        (TREATY_BODIES, 1022, 1049, {"state_no_longer_exists": [56, 86, 98]}),
        (UPR, 1196, 1196, {"state_unknown": [123]}),
    ],
)
def test_rows_events_and_reports_of_a_register(
    name: str, row_count: int, event_count: int, reported: dict[str, list[int]]
) -> None:
    found: dict[str, list[int]] = {}
    for problem in (each for planned in plans(name) for each in planned.problems):
        found.setdefault(problem.reason, []).append(problem.line)

    assert len(plans(name)) == row_count
    assert sum(len(planned.acts) for planned in plans(name)) == event_count
    assert found == reported


def test_rows_without_any_event_are_those_whose_only_state_is_no_more() -> None:
    left = {(name, p.line) for name in shipped_mappings() for p in plans(name) if not p.acts}

    assert left == {(TREATY_BODIES, 86), (TREATY_BODIES, 98)}
    assert {rows(TREATY_BODIES)[line - 2]["states"] for _, line in left} == {"Yugoslavia"}


def refused_by_rules(name: str) -> Iterator[int]:
    for planned in plans(name):
        for act in planned.acts:
            case = CaseFacts(
                exists=True,
                is_new=False,
                is_situation=act.state is not None,
                own_origin="invented.example/un/1",
                event_at=lambda _origin, _index: None,
                own_acts=list,
            )
            try:
                check_new_event(act.content, is_for_all=True, case=case)
            except RuleViolation:
                yield planned.line


def test_decision_that_was_adopted_before_it_was_submitted_is_all_that_the_rules_refuse() -> None:
    refused = {name: list(refused_by_rules(name)) for name in shipped_mappings()}

    assert refused == {COE: [], TREATY_BODIES: [196], UPR: []}
    row = rows(TREATY_BODIES)[196 - 2]
    assert (row["submission_date"], row["decision_date"]) == ("08 Aug 1993", "26 Mar 1986")


def test_more_than_3500_records_are_taken() -> None:
    taken = {
        name: sum(bool(planned.acts) for planned in plans(name))
        - len([*changed_rows(name), *refused_by_rules(name)])
        for name in shipped_mappings()
    }

    assert taken == {COE: 1345, TREATY_BODIES: 1018, UPR: 1196}
    assert sum(taken.values()) == 3559


def test_same_key_with_other_facts_is_in_two_rows() -> None:
    assert {name: list(changed_rows(name)) for name in shipped_mappings()} == {
        COE: [666],  # one document, once as a country report and once as other
        TREATY_BODIES: [993],  # one decision, once against two States and once against one
        UPR: [],
    }


def test_same_key_with_the_same_facts_is_in_one_pair_of_rows() -> None:
    keys = Counter(planned.key for planned in plans(COE))
    doubled = [p for p in plans(COE) if keys[p.key] > 1 and p.line not in {665, 666}]

    assert [planned.line for planned in doubled] == [87, 88]
    assert doubled[0].acts == doubled[1].acts


@each_register
def test_row_becomes_one_event_for_each_state_that_it_names(name: str) -> None:
    column = load_mapping(name).states.column
    for row, planned in zip(rows(name), plans(name), strict=True):
        named = {each.strip() for each in row[column].split(";")} - {""}
        refused = [p for p in planned.problems if p.detail.startswith(f"{column}: ")]

        expected = len(named) - len(refused) if named else 1

        assert len(planned.acts) == expected, planned.line
        assert all((act.state is None) == (not named) for act in planned.acts)


def test_documents_that_name_no_state_go_to_the_case_of_the_register() -> None:
    without = [act for p in plans(COE) for act in p.acts if act.state is None]

    assert len(without) == 589
    assert sum(bool(row["states_iso3"]) for row in rows(COE)) == 757
    assert not [act for p in plans(TREATY_BODIES) for act in p.acts if act.state is None]


def test_user_assigned_code_of_the_register_is_taken() -> None:
    assert sum(act.state == "XKX" for p in plans(COE) for act in p.acts) == 6


def test_every_document_type_has_a_kind() -> None:
    kinds: dict[str, set[str]] = {}
    for row, planned in zip(rows(COE), plans(COE), strict=True):
        kinds.setdefault(row["doc_type"], set()).update(
            act.content.kind.name.lower() for act in planned.acts
        )

    assert kinds == {
        "Activity report": {"report_published"},
        "Country report": {"visit_report_published"},
        "Follow-up report": {"visit_report_published"},
        "Issue paper": {"report_published"},
        "Letter": {"communication_sent"},
        "Memorandum": {"document_published"},
        "Opinion": {"opinion_adopted"},
        "Other": {"document_published"},
        "Recommendation": {"recommendation_made"},
        "Rule 9": {"document_published"},
        "Third party intervention": {"document_published"},
    }


@pytest.mark.parametrize(
    ("name", "column"), [(COE, "date"), (TREATY_BODIES, "decision_date"), (UPR, "session")]
)
def test_dated_rows_keep_their_date_and_undated_rows_stay_undated(name: str, column: str) -> None:
    undated = 0
    for row, planned in zip(rows(name), plans(name), strict=True):
        for act in planned.acts:
            date = act.content.act_date()
            assert (date is not None) == bool(row[column]), planned.line
            undated += date is None
    assert undated == {COE: 0, TREATY_BODIES: 371, UPR: 0}[name]


def test_date_in_words_is_read_to_the_day() -> None:
    (act,) = plans(TREATY_BODIES)[0].acts

    assert rows(TREATY_BODIES)[0]["decision_date"] == "08 Nov 2013"
    assert act.content.act_date() is not None
    assert act.content.model_dump(mode="json", exclude_defaults=True) == {
        "acting_body": "tb.cat",
        "basis": "public_record",
        "source": "OHCHR jurisprudence database",
        "references": ["CAT/C/51/D/426/2010"],
        "states": ["CHE"],
        "adopted_date": {"value": "2013-11-08", "precision": "day"},
        "submitted_date": {"value": "2010-06-14", "precision": "day"},
        "decision_type": "Adoption of views",
        "communication_numbers": ["426/2010"],
        "session": "51",
    }


def test_recommendation_is_dated_by_its_session_and_by_the_year_where_no_more_is_known() -> None:
    seen = set()
    for row, planned in zip(rows(UPR), plans(UPR), strict=True):
        (act,) = planned.acts
        date = act.content.act_date()
        assert date is not None
        assert date.value == SESSIONS[row["session"]]
        assert date.precision == ("year" if row["session"] in {"15", "16"} else "day")
        seen.add(row["session"])
    assert seen == set(SESSIONS)


def test_recommendation_keeps_both_states_and_the_response_in_its_own_scheme() -> None:
    responses = {"Accepted": "supported", "Noted": "noted"}
    for row, planned in zip(rows(UPR), plans(UPR), strict=True):
        (act,) = planned.acts
        assert isinstance(act.content, RecommendationMade)
        assert act.content.addressee_state == act.state
        assert bool(act.content.recommending_state) == (planned.line != 123)
        assert act.content.response is not None
        assert act.content.response.scheme == "upr"
        assert act.content.response.value == responses[row["response"]]
        assert act.content.action_code == row["action_code"]


@each_register
def test_transcription_never_looks_like_an_own_act(name: str) -> None:
    contents = [act.content for planned in plans(name) for act in planned.acts]

    assert {content.basis for content in contents} == {"public_record"}
    assert all(content.source and content.references for content in contents)


@each_register
def test_request_ids_of_one_row_are_its_own(name: str) -> None:
    for planned in plans(name):
        ids = [act.request_id for act in planned.acts]
        assert ids == [f"{planned.key}:{n}" for n in range(1, len(ids) + 1)]
        assert all(len(each) <= 200 for each in ids)
