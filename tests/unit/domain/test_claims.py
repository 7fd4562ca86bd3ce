"""Claims: the last of each body counts, and what judged nothing is none."""

from registry.domain.acts import Act
from registry.domain.claims import Claim, assessments_of, last_claims
from registry.domain.content.examples import example_of
from registry.domain.vocabulary import EventKind as K


def claim(value: str, date: str = "", by: str = "un", body: str = "tb.ccpr") -> Claim:
    return Claim(Act(f"r.example/{by}/1", 0, by, example_of(K.NOTE_ADDED), {}), body, value, date)


def last(*claims: Claim) -> list[str]:
    return [each.value for each in last_claims(claims)]


def test_last_claim_by_its_date_counts_in_whatever_order_they_were_recorded() -> None:
    assert last(claim("old", "2023"), claim("new", "2024-01")) == ["new"]
    assert last(claim("new", "2024-01"), claim("old", "2023")) == ["new"]


def test_of_claims_of_one_date_the_one_recorded_last_counts() -> None:
    assert last(claim("first", "2024"), claim("second", "2024")) == ["second"]
    assert last(claim("first"), claim("second")) == ["second"]


def test_of_a_year_its_last_day_counts() -> None:
    assert last(claim("spring", "2024-03"), claim("the year", "2024")) == ["the year"]
    assert last(claim("the year", "2024"), claim("spring", "2024-03")) == ["the year"]


def test_claim_of_an_unknown_date_counts_from_its_place_in_the_record() -> None:
    assert last(claim("dated", "2024"), claim("undated")) == ["undated"]
    assert last(claim("undated"), claim("dated", "2024")) == ["dated"]
    assert last(claim("dated", "2024"), claim("undated"), claim("old", "2023")) == ["undated"]


def test_each_body_of_each_mechanism_has_a_claim_of_its_own() -> None:
    claims = [claim("a"), claim("b", body="tb.cedaw"), claim("c", by="coe"), claim("d")]

    assert last(*claims) == ["d", "b", "c"]


def test_who_graded_and_when_stand_above_who_acted_and_what_judged_nothing_is_no_claim() -> None:
    grade = {"scheme": "ccpr", "value": "B", "assessor": "Invented panel", "date": "2024-01"}
    acts = [
        Act("r.example/un/1", 0, "un", example_of(kind, **fields), {})
        for kind, fields in (
            (K.FOLLOWUP_ASSESSED, {"grade": grade, "derived": ""}),
            (K.FOLLOWUP_ASSESSED, {"grade": grade, "derived": "not_assessed"}),
            (K.NOTE_ADDED, {}),
        )
    ]

    assert [each[1:] for each in assessments_of(acts)] == [("Invented panel", "partial", "2024-01")]
