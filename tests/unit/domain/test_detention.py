"""Detention: spells, days between dates that are known in part, and mechanisms that differ."""

from datetime import date
from typing import Any

import pytest

from registry.domain.acts import Act
from registry.domain.content import PartialDate
from registry.domain.detention import (
    Count,
    Days,
    Detention,
    Span,
    concerns_of,
    count_days,
    days_between,
    detentions_of,
    span_of,
)
from registry.domain.disagreements import disagreements_of
from registry.domain.vocabulary import EventKind as K
from tests.unit.domain.detention_world import AYO, BEA, act, began, changed, ended

TODAY = date(2024, 5, 1)


def only(*acts: Act) -> Detention:
    (found,) = detentions_of(acts)
    return found


def counted(found: Detention, on: date = TODAY) -> Count:
    return count_days(found.course, on)


def days(text: str) -> Span:
    return span_of(PartialDate(value=text))


# --- spans ------------------------------------------------------------------------------------


def test_month_and_year_mean_all_their_days_and_an_unknown_date_means_nothing() -> None:
    assert days("2024-02") == Span(date(2024, 2, 1), date(2024, 2, 29))
    assert days("2023") == Span(date(2023, 1, 1), date(2023, 12, 31))
    assert days("") == span_of(None) == Span(None, None)


def test_between_a_month_and_a_day_lie_at_least_and_at_most_so_many_days() -> None:
    assert days_between(days("2024-03"), days("2024-05-01")) == Days(31, 61)
    assert days_between(days("2024-03-20"), days("2024-03-21")) == Days(1, 1)
    assert days_between(days(""), days("2024-03-21")) == Days(0, None)
    assert days_between(days("2024-03-21"), days("2024-03")) == Days(0, 10)


# --- counting ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("acts", "standing", "total"),
    [
        ([began("un", 0, "2024-03-20", AYO)], "detained", (42, 42)),
        ([began("un", 0, "2024-03", AYO)], "detained", (31, 61)),
        ([began("un", 0, "2024", AYO)], "detained", (0, 121)),
        ([began("un", 0, "", AYO)], "detained", (0, None)),
        ([began("un", 0, "2024-06-01", AYO)], "not_begun", (0, 0)),
        ([began("un", 0, "2024-03-20")], "detained", (42, 42)),
        (
            [began("un", 0, "2024-03-20", AYO), ended("un", 1, "2024-03-30", AYO)],
            "released",
            (10, 10),
        ),
        ([began("un", 0, "2024-03", AYO), ended("un", 1, "2024-04", AYO)], "released", (1, 60)),
        ([began("un", 0, "2024-03-20", AYO), ended("un", 1, "", AYO)], "released", (0, 42)),
        ([began("un", 0, "2024-03-20", AYO), ended("un", 1, "2024", AYO)], "unclear", (0, 42)),
        (
            [began("un", 0, "2024-03-20", AYO), ended("un", 1, "2024-06-01", AYO)],
            "detained",
            (42, 42),
        ),
        # Whoever was held on a day has been detained at least since then.
        (
            [began("un", 0, "", AYO), changed("un", 1, "2024-04-01", AYO, change="health")],
            "detained",
            (30, None),
        ),
        ([ended("un", 0, "2024-04-01", AYO)], "released", (0, None)),
    ],
)
def test_days_are_counted_between_what_is_known(
    acts: list[Act], standing: str, total: tuple[int, int | None]
) -> None:
    count = counted(only(*acts))

    assert (count.standing, count.days) == (standing, total)
    assert count.custody == count.days


def test_days_count_from_the_arrest_if_that_was_before() -> None:
    found = only(began("un", 0, "2024-03-20", AYO, arrested_date="2024-03-18"))

    assert counted(found).days == Days(44, 44)


def test_days_pass_without_events() -> None:
    found = only(began("un", 0, "2024-03-20", AYO))

    assert [counted(found, date(2024, 3, day)).days.least for day in (20, 21, 31)] == [0, 1, 11]


def test_house_arrest_is_counted_apart_and_ends_no_detention() -> None:
    acts = [
        began("un", 0, "2024-03-01", AYO, deprivation="pre_trial"),
        ended("un", 1, "2024-03-21", AYO, release="house_arrest"),
        changed("un", 2, "2024-04-01", AYO, deprivation="pre_trial"),
    ]
    count = counted(only(*acts[:2]))
    assert (count.standing, count.custody, count.house_arrest) == (
        "under_house_arrest",
        Days(20, 20),
        Days(41, 41),
    )
    count = counted(only(*acts))
    assert (count.standing, count.deprivation) == ("detained", "pre_trial")
    assert (count.days, count.custody, count.house_arrest) == (
        Days(61, 61),
        Days(50, 50),
        Days(11, 11),
    )


def test_house_arrest_from_some_day_of_a_month_gives_two_ranges() -> None:
    found = only(
        began("un", 0, "2024-03-01", AYO),
        changed("un", 1, "2024-04", AYO, deprivation="house_arrest"),
    )
    count = counted(found)

    assert (count.custody, count.house_arrest) == (Days(31, 60), Days(1, 30))
    undated = counted(
        only(began("un", 0, "2024-03-01", AYO), changed("un", 1, "", deprivation="house_arrest"))
    )
    assert (undated.custody, undated.house_arrest) == (Days(0, 61), Days(0, 61))


def test_phases_follow_each_other_and_a_sentence_is_one() -> None:
    found = only(
        began("un", 0, "2024-03-01", AYO, deprivation="police_custody"),
        changed("un", 1, "2024-03-03", AYO, change="charged", deprivation="pre_trial"),
        changed("un", 2, "2024-03-10", AYO, change="health"),
        changed("un", 3, "2024-04-01", AYO, change="sentenced"),
    )

    assert [phase.deprivation for phase in found.course.phases] == [
        "police_custody",
        "pre_trial",
        "sentenced",
    ]


# --- spells and subjects ------------------------------------------------------------------------


def shape(acts: list[Act]) -> list[tuple[str, list[tuple[str, int]]]]:
    """Of each detention the person's first letters and its acts as (mechanism, index)."""
    return [
        (found.person_id[:2], [(a.act.mechanism, a.act.index) for a in found.accounts])
        for found in detentions_of(acts)
    ]


def test_rearrest_is_another_detention() -> None:
    acts = [
        began("un", 0, "2024-01-10", AYO),
        ended("un", 1, "2024-02-10", AYO),
        began("un", 2, "2024-03-10", AYO),
    ]
    assert shape(acts) == [("a1", [("un", 0), ("un", 1)]), ("a1", [("un", 2)])]
    assert [counted(each).standing for each in detentions_of(acts)] == ["released", "detained"]


@pytest.mark.parametrize("about", [None, ("un", 1)])
def test_who_is_arrested_again_on_the_day_of_the_release_is_held(about: Any) -> None:
    acts = [
        began("un", 0, "2024-01-10", AYO),
        ended("un", 1, "2024-02-10", AYO, about=("un", 0)),
        began("un", 2, "2024-02-10", AYO, about=about),
    ]
    assert [counted(each).standing for each in detentions_of(acts)] == ["released", "detained"]


def test_who_is_arrested_and_released_on_one_day_is_free() -> None:
    acts = [began("un", 0, "2024-01-10", AYO), ended("un", 1, "2024-01-10", AYO)]

    assert counted(only(*acts)).standing == "released"
    assert counted(only(*acts)).days == Days(0, 0)


def test_release_of_some_month_ends_the_detention_that_it_is_about() -> None:
    acts = [
        began("un", 0, "2024-01-10", AYO),
        began("un", 1, "2024-03-10", AYO),
        ended("un", 2, "2024", AYO, about=("un", 0)),
    ]
    # In the year of its release the next detention began: the release comes first.
    assert [counted(each).standing for each in detentions_of(acts)][-1] == "detained"


def test_record_without_a_date_that_is_about_a_release_begins_another_detention() -> None:
    acts = [
        began("un", 0, "2024-01-10", AYO),
        ended("un", 1, "2024-02-10", AYO),
        began("un", 2, "", AYO, about=("un", 1)),
    ]
    assert [counted(each).standing for each in detentions_of(acts)] == ["released", "detained"]


def test_account_of_another_mechanism_is_of_the_same_detention() -> None:
    acts = [
        began("un", 0, "2024-03-20", AYO),
        began("iachr", 0, "2024-03", AYO),
        ended("iachr", 1, "2024-04", AYO),
        ended("un", 1, "2024-04-10", AYO),
    ]
    found = only(*acts)

    assert counted(found).days == Days(21, 21)
    assert found.disputes == ()
    # What points at another's record is of it even after a release.
    late = began("coe", 0, "2024-04-20", about=("un", 0))
    assert len(detentions_of([*acts, late])) == 1


def test_persons_who_are_detained_together_are_counted_one_by_one() -> None:
    acts = [began("un", 0, "2024-03-20", AYO, BEA), ended("un", 1, "2024-04-20", BEA)]

    assert [(each.person_id[:2], counted(each).standing) for each in detentions_of(acts)] == [
        ("a1", "detained"),
        ("b2", "released"),
    ]


def test_act_that_names_nobody_is_of_whom_it_is_about_or_of_whoever_is_named_about_it() -> None:
    acts = [
        began("un", 0, "2024-03-20"),
        began("iachr", 0, "2024-03-20", AYO, about=("un", 0)),
        ended("un", 1, "2024-04-20", about=("un", 0)),
    ]
    assert shape(acts) == [("a1", [("iachr", 0), ("un", 0), ("un", 1)])]


def test_release_that_points_at_nothing_ends_the_only_detention_and_else_none() -> None:
    lonely = ended("coe", 0, "2024-04-20")

    assert counted(only(began("un", 0, "2024-03-20", AYO), lonely)).standing == "released"
    found = detentions_of([began("un", 0, "2024-03-20", AYO, BEA), lonely])
    assert [counted(each).standing for each in found] == ["released", "detained", "detained"]
    assert found[0].person_id == ""


def test_detentions_of_nobody_named_are_counted_one_by_one() -> None:
    acts = [began("un", 0, "2024-03-20"), began("un", 1, "2024-03-22")]

    assert [len(each.accounts) for each in detentions_of(acts)] == [1, 1]


def test_circle_of_pointers_is_folded_too() -> None:
    acts = [
        began("un", 0, "2024-03-20", about=("un", 1)),
        ended("un", 1, "2024-04-20", about=("un", 0)),
    ]
    found = detentions_of(acts)
    assert {a.act.place for each in found for a in each.accounts} == {a.place for a in acts}


def test_case_without_detention_has_none() -> None:
    assert detentions_of([act("un", 0, K.TRIAL_OBSERVED)]) == ()


def test_date_that_its_own_mechanism_calls_wrong_does_not_count() -> None:
    acts = [
        began("un", 0, "2024-01-20", AYO),
        began("un", 1, "2024-03-20", AYO),
        act("un", 2, K.EVENT_CORRECTED, about=("un", 0), wrong_fields=["detained_date"]),
    ]
    assert counted(only(*acts)).days == Days(42, 42)
    by_another = act("coe", 0, K.EVENT_CORRECTED, about=("un", 0), wrong_fields=["detained_date"])
    found = detentions_of([acts[0], by_another])
    assert counted(found[0]).days == Days(102, 102)


def test_last_claim_of_a_body_counts() -> None:
    acts = [began("un", 0, "2024-03-20", AYO), began("un", 1, "2024-03-25", AYO)]

    assert counted(only(*acts)).days == Days(37, 37)


# --- mechanisms that differ ---------------------------------------------------------------------


def matters(*acts: Act) -> list[tuple[str, set[tuple[str, str]]]]:
    return [
        (each.matter, {(claim.mechanism, claim.value) for claim in each.claims})
        for each in disagreements_of(acts)
    ]


def test_days_that_cannot_be_the_same_are_a_disagreement_and_all_are_kept() -> None:
    acts = [began("un", 0, "2024-03-20", AYO), began("iachr", 0, "2024-03-25", AYO)]

    assert matters(*acts) == [("detained_date", {("un", "2024-03-20"), ("iachr", "2024-03-25")})]
    assert counted(only(*acts)).days == Days(37, 42)


def test_month_and_a_day_of_it_are_no_disagreement() -> None:
    assert matters(began("un", 0, "2024-03-20", AYO), began("iachr", 0, "2024-03", AYO)) == []


def test_one_mechanism_does_not_disagree_with_itself() -> None:
    other_body = began("un", 1, "2024-03-25", AYO, acting_body="wgad")

    assert matters(began("un", 0, "2024-03-20", AYO), other_body) == []


def test_release_after_which_another_says_that_the_person_is_held_is_disputed() -> None:
    acts = [
        began("un", 0, "2024-03-01", AYO),
        ended("un", 1, "2024-04-01", AYO),
        changed("iachr", 0, "2024-04-20", AYO, change="health"),
    ]
    assert counted(only(*acts)).standing == "disputed"
    assert matters(*acts) == [("released", {("un", "released"), ("iachr", "detained")})]
    assert counted(only(*acts), date(2024, 3, 10)).standing == "detained"


def test_disagreement_on_an_arrest_of_several_is_told_once() -> None:
    acts = [began("un", 0, "2024-03-20", AYO, BEA), began("iachr", 0, "2024-03-25", AYO, BEA)]

    assert len(matters(*acts)) == 1
    assert len(detentions_of(acts)) == 2


# --- what concerns it ---------------------------------------------------------------------------


def test_acts_of_all_mechanisms_that_concern_it_stand_on_one_line_of_time() -> None:
    acts = [
        act("un", 0, K.CASE_OPENED),
        began("un", 1, "2024-03-20", AYO),
        act("un", 2, K.COMMUNICATION_SENT, sent_date="2024-03-25", about=("un", 1), themes=[]),
        act("wgad", 0, K.OPINION_ADOPTED, adopted_date="2024-09-01", instrument="wgad.opinion"),
        act("un", 3, K.REPLY_RECEIVED, received_date="2024-04-25", about=("un", 2), themes=[]),
        act("eu", 0, K.TRIAL_OBSERVED, observed_date="2024-05-20", instrument=""),
        act("coe", 0, K.STATEMENT_ISSUED, issued_date="2024-03-10", themes=["torture"]),
        act("coe", 1, K.STATEMENT_ISSUED, issued_date="2024-03-11", themes=["land_rights"]),
        act("oif", 0, K.DEMARCHE_MADE, made_date="", persons=[BEA], themes=["torture"]),
        act("oif", 1, K.DEMARCHE_MADE, made_date="", persons=[AYO], themes=[]),
    ]
    concerns = concerns_of(acts, only(*acts))

    assert [(c.act.mechanism, c.act.index, c.reason) for c in concerns] == [
        ("coe", 0, "theme"),
        ("un", 1, "its_own"),
        ("un", 2, "about_it"),
        ("un", 3, "about_it"),
        ("eu", 0, "kind"),
        ("wgad", 0, "instrument"),
        ("oif", 1, "names_the_person"),
    ]
    assert [(c.is_before, c.day) for c in concerns[:3]] == [
        (True, Days(10, 10)),
        (False, Days(0, 0)),
        (False, Days(5, 5)),
    ]
