"""Detentions are the same however the logs of a case are mixed, and days never contradict dates."""

from datetime import date, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from registry.domain.acts import Act
from registry.domain.detention import count_days, detentions_of
from tests.unit.domain.detention_world import AYO, BEA, began, changed, ended

MECHANISMS = ("un", "iachr", "coe")
DATES = ("", "2023", "2024-01", "2024-01-05", "2024-01-31", "2024-02", "2024-03-01", "2024")
LAST = date(2024, 12, 31)


@st.composite
def logs(draw: st.DrawFn) -> list[list[Act]]:
    """The acts of each mechanism, in the order of its log."""
    found: list[list[Act]] = []
    for mechanism in MECHANISMS:
        acts: list[Act] = []
        for index in range(draw(st.integers(0, 3))):
            make = draw(st.sampled_from([began, changed, ended]))
            persons = draw(st.sampled_from([(), (AYO,), (BEA,), (AYO, BEA)]))
            fields: dict[str, Any] = {}
            if draw(st.booleans()):
                at = draw(st.integers(0, 2))
                fields["about"] = (draw(st.sampled_from(MECHANISMS)), at)
            if make is changed:
                fields["deprivation"] = draw(st.sampled_from(["", "pre_trial", "house_arrest"]))
            acts.append(make(mechanism, index, draw(st.sampled_from(DATES)), *persons, **fields))
        found.append(acts)
    return found


@st.composite
def mixed(draw: st.DrawFn, of: list[list[Act]]) -> list[Act]:
    """The same logs mixed in any way; each keeps its order."""
    left = [list(acts) for acts in of]
    found = []
    while any(left):
        log = draw(st.sampled_from([acts for acts in left if acts]))
        found.append(log.pop(0))
    return found


@given(st.data())
def test_order_of_arrival_changes_nothing(data: st.DataObject) -> None:
    story = data.draw(logs())

    assert detentions_of(data.draw(mixed(story))) == detentions_of(data.draw(mixed(story)))


@given(logs(), st.dates(date(2022, 1, 1), LAST))
def test_every_act_is_told_and_days_stay_within_what_is_possible(
    story: list[list[Act]], on: date
) -> None:
    acts = [act for log in story for act in log]
    found = detentions_of(acts)

    assert {a.act.place for each in found for a in each.accounts} == {act.place for act in acts}
    for each in found:
        count = count_days(each.course, on)
        later = count_days(each.course, on + timedelta(days=1))
        for days in (count.days, count.custody, count.house_arrest):
            assert days.least >= 0
            assert days.most is None or days.least <= days.most
        if count.standing != "not_begun":
            assert later.days.least >= count.days.least
            assert (later.days.most is None) == (count.days.most is None)
            assert (later.days.most or 0) >= (count.days.most or 0)
