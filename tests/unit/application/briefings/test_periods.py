"""A briefing on a period reads the cases that have acts in it, and tells what it would of all."""

from collections.abc import Iterable, Iterator
from typing import Any, Final

import pytest

from registry.application.briefings import making
from registry.application.briefings.making import Briefings
from registry.application.briefings.reading import read_histories
from registry.domain.identifiers import CaseId
from registry.domain.vocabulary import EventKind as K
from registry.views.briefings.order import BriefingOrder
from registry.views.case_file import CaseHistory
from tests.unit.application.briefings.briefing_world import act, begin, tell
from tests.unit.application.federation_in_process import Node

PERIODS: Final = (("2019", "2019"), ("2019-05", "2019-05"), ("2019-02", ""), ("", "2018"))


def noted(node: Node, day: str) -> CaseId:
    """A case, opened in 2024, with a note of a day, a month or a year."""
    story = begin(node, f"With a note of {day} (invented)")
    tell(node, story, act(K.NOTE_ADDED, f"Note of {day}", noted_date=day))
    return story.case_id


def read_for(monkeypatch: pytest.MonkeyPatch) -> list[CaseId]:
    """The cases that briefings read from now on."""
    read: list[CaseId] = []

    def listening(
        reader: Any, consents: Any, case_ids: Iterable[CaseId], *rest: Any
    ) -> Iterator[CaseHistory]:
        read.extend(case_ids)
        return read_histories(reader, consents, case_ids, *rest)

    monkeypatch.setattr(making, "read_histories", listening)
    return read


def test_cases_without_an_act_in_the_period_are_not_read(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_may, in_that_year = noted(node, "2019-05-17"), noted(node, "2019")
    hidden = noted(node, "2019-05-18")
    noted(node, "2018-12-31")
    noted(node, "2020-01-01")
    while node.registry.projector.advance().is_behind:
        pass
    not_folded = noted(node, "2017")
    read = read_for(monkeypatch)
    briefings = Briefings(node.registry)

    for since, until in PERIODS:
        order = BriefingOrder(("beta",), since=since, until=until)
        monkeypatch.setattr(making, "_CASES_FEW", making.EVENTS_MAX)
        of_all = briefings.make(order, "md", {hidden})
        monkeypatch.setattr(making, "_CASES_FEW", 0)
        with monkeypatch.context() as patch:
            patch.setattr(making, "_ACTS_FEW", 0)
            assert briefings.make(order, "md", {hidden}) == of_all
        read.clear()
        of_some = briefings.make(order, "md", {hidden})
        assert of_some == of_all
        if since == until == "2019-05":
            assert set(read) == {in_may, not_folded}
        if since == until == "2019":
            assert set(read) == {in_may, in_that_year, not_folded}


def test_case_that_is_folded_while_the_lists_are_read_is_told(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    case_id = noted(node, "2019-05-17")
    briefings = Briefings(node.registry)
    listed = briefings._listed

    def listed_before_a_fold(*arguments: Any) -> set[CaseId]:
        found = listed(*arguments)
        while node.registry.projector.advance().is_behind:
            pass
        return found

    monkeypatch.setattr(briefings, "_listed", listed_before_a_fold)
    made = briefings.make(BriefingOrder(("beta",)), "md")
    assert case_id.hex() in made.data.decode()
