"""A briefing on a period reads the cases that have acts in it, and tells what it would of all."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

import pytest

from registry.application.briefings import making
from registry.application.briefings.making import Briefings
from registry.application.briefings.reading import read_histories
from registry.application.lists import Ask, Listed
from registry.domain.identifiers import CaseId
from registry.domain.vocabulary import EventKind as K
from registry.errors import TryLater
from registry.store.values import KeptProof
from registry.views.briefings.order import BriefingOrder
from registry.views.case_file import CaseHistory
from registry.views.rows import CaseRow
from tests.unit.application.briefings.briefing_world import act, begin, tell
from tests.unit.application.federation_in_process import Node, Nodes

PERIODS: Final = (("2019", "2019"), ("2019-05", "2019-05"), ("2019-02", ""), ("", "2018"))


def noted(node: Node, day: str) -> CaseId:
    """A case, opened in 2024, with a note of a day, a month, a year or of nobody knows when."""
    story = begin(node, f"With a note of {day} (invented)")
    tell(node, story, act(K.NOTE_ADDED, f"Note of {day}", noted_date=day or None))
    return story.case_id


def read_for(monkeypatch: pytest.MonkeyPatch) -> list[CaseId]:
    """The cases that briefings read from now on."""
    read: list[CaseId] = []

    def listening(
        reader: Any, consents: Any, case_ids: Sequence[CaseId], *rest: Any
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
    before, undated = noted(node, "2018-12-31"), noted(node, "")
    noted(node, "2020-01-01")
    fold(node)
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
        if not since:
            assert set(read) == {before, not_folded}
    assert undated not in read


def after_the_first_page(
    node: Node, monkeypatch: pytest.MonkeyPatch, happens: Callable[[], None]
) -> None:
    """Lists have one row on a page; something happens when the first page of cases was read."""
    lists, read = node.registry.lists, node.registry.lists.cases

    def reading(ask: Ask) -> Listed[CaseRow]:
        page = read(ask)
        if not ask.token:
            happens()
        return page

    monkeypatch.setattr(making, "_PAGE", 1)
    monkeypatch.setattr(lists, "cases", reading)


def fold(node: Node) -> None:
    while node.registry.projector.advance().is_behind:
        pass


def test_case_that_is_folded_while_the_lists_are_read_is_told(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    case_id = noted(node, "2019-05-17")
    after_the_first_page(node, monkeypatch, lambda: fold(node))
    made = Briefings(node.registry).make(BriefingOrder(("beta",)), "md")
    assert case_id.hex() in made.data.decode()


def test_case_that_moves_to_a_page_that_was_read_is_told(
    node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    story = begin(node, "The oldest (invented)")
    noted(node, "2019-05-17")
    noted(node, "2019-05-18")
    fold(node)

    def record_and_fold() -> None:
        node.clock.time_ms += 1000
        tell(node, story, act(K.NOTE_ADDED, "The newest", noted_date="2020"))
        fold(node)

    after_the_first_page(node, monkeypatch, record_and_fold)
    made = Briefings(node.registry).make(BriefingOrder(("beta",)), "md")
    assert made.cases == 3
    assert story.case_id.hex() in made.data.decode()


@pytest.mark.parametrize("then", ["is_folded_again", "is_counted", "is_not_counted_yet"])
def test_nothing_is_told_from_lists_that_were_cleared_between_two_pages(
    node: Node, monkeypatch: pytest.MonkeyPatch, then: str
) -> None:
    noted(node, "2019-05-17")
    noted(node, "2019-05-18")
    fold(node)
    models = node.registry.models

    def clear() -> None:
        models.clear()
        if then == "is_folded_again":
            fold(node)
        elif then == "is_not_counted_yet":
            models.times_cleared -= 1

    after_the_first_page(node, monkeypatch, clear)
    with pytest.raises(TryLater, match="made anew"):
        Briefings(node.registry).make(BriefingOrder(("beta",)), "md")
    monkeypatch.undo()
    assert Briefings(node.registry).make(BriefingOrder(("beta",)), "md").cases == 2


def test_log_that_is_frozen_or_counts_again_meanwhile_is_told_of_as_a_whole_or_not_at_all(
    nodes: Nodes, monkeypatch: pytest.MonkeyPatch
) -> None:
    alpha, beta = nodes["alpha"], nodes["beta"]
    log_id, order = beta.registry.own.log_id, BriefingOrder(("beta",))
    noted(beta, "2019-05-17")
    nodes.carry_all()
    noted(alpha, "2019-05-18")
    fold(alpha)
    briefings, store = Briefings(alpha.registry), alpha.registry.store

    def freeze() -> None:
        store.keep_fault_proof(KeptProof(log_id, 0, 0, "two_histories", b"invented")).result()
        fold(alpha)

    with monkeypatch.context() as patch:
        after_the_first_page(alpha, patch, freeze)
        with pytest.raises(TryLater, match="was frozen"):
            briefings.make(order, "md")
    assert briefings.make(order, "md").cases == 1

    store.drop_retired_proofs(log_id, 1).result()
    with pytest.raises(TryLater, match="far behind"):
        briefings.make(order, "md")
    fold(alpha)
    assert briefings.make(order, "md").cases == 2
