"""Detentions in the views: rows hold dates and no days, names go with a consent."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from registry.application.lists import Ask, Lists
from registry.domain.acts import Act
from registry.domain.detention import Days
from registry.domain.identifiers import Slug
from registry.domain.vocabulary import EventKind as K
from registry.store.read_models import CaseFold, ReadModels, open_read_models
from registry.views.detention_rows import DetentionRow
from registry.views.detentions import count_of, detention_documents, detention_rows
from registry.views.rows import CaseRow, decode_row
from tests.storage.storage_world import VIEWS_KEY, case
from tests.unit.domain.detention_world import AYO, BEA, act, began, changed, ended, origin

CASE = CaseRow(
    case_id=case(1),
    title="An invented case",
    states=("POL",),
    themes=("arbitrary_detention",),
    mechanisms=(Slug("un"),),
    own_numbers=(),
    status="open",
    disagreement_count=0,
    event_count=1,
    unreadable_count=0,
    first_recorded_ms=0,
    last_recorded_ms=0,
    is_emblematic=False,
    is_invented=True,
    is_situation=False,
    has_withdrawal=False,
    digest=b"",
    is_confidential=False,
)


@pytest.fixture
def models(tmp_path: Path) -> Iterator[ReadModels]:
    opened = open_read_models(tmp_path / "views.db", VIEWS_KEY)
    yield opened
    opened.close()


def rows(*acts: Act, confidential: frozenset[tuple[str, int]] = frozenset()) -> list[DetentionRow]:
    return list(detention_rows(CASE, acts, confidential=confidential))


def test_row_is_the_same_whenever_it_is_made_and_gives_other_days_on_another_day() -> None:
    (document,) = detention_documents(
        CASE, [began("un", 0, "2024-03", AYO)], confidential=frozenset()
    )
    row = decode_row(DetentionRow, document.row)

    assert document.sort == "2024-03-01"
    assert count_of(row, date(2024, 5, 1)).days == Days(31, 61)
    assert count_of(row, date(2024, 5, 2)).days == Days(32, 62)
    assert AYO["name"] not in document.text
    assert ("state", "XXA") in document.facets or ("state", "POL") in document.facets


def test_name_is_left_out_once_a_consent_is_taken_back_or_refused() -> None:
    record = began("un", 0, "2024-03-20", AYO, BEA)
    withdrawn = act("un", 1, K.CONSENT_WITHDRAWN, person_id=AYO["person_id"])
    refused = act("un", 2, K.CONSENT_RECORDED, persons=[BEA], agrees=False)

    assert [row.name for row in rows(record)] == [AYO["name"], BEA["name"]]
    assert [row.name for row in rows(record, withdrawn)] == ["", BEA["name"]]
    assert [row.name for row in rows(record, withdrawn, refused)] == ["", ""]


def test_what_was_told_last_is_shown() -> None:
    (row,) = rows(
        began("un", 0, "2024-03-20", AYO, place="A town", next_hearing_date="2024-05-01"),
        changed("iachr", 0, "2024-03-25", AYO, place="A city", charges=["another"]),
        ended("un", 1, "2024-04-20", AYO, release="pardoned"),
    )
    assert (row.place, row.charges, row.release) == ("A city", ("another",), "pardoned")
    assert (row.next_hearing, row.mechanisms) == ("2024-05-01", ("iachr", "un"))


def test_row_says_whether_anything_it_shows_is_not_for_every_member() -> None:
    acts = (began("un", 0, "2024-03-20", AYO), changed("un", 1, "2024-03-25", AYO))

    assert not rows(*acts)[0].is_confidential
    assert rows(*acts, confidential=frozenset({(origin("un"), 1)}))[0].is_confidential
    opening = act("un", 2, K.CASE_OPENED)
    titled = rows(*acts, opening, confidential=frozenset({(origin("un"), 2)}))
    assert titled[0].is_confidential


def test_list_tells_who_is_held_on_a_day_longest_first(models: ReadModels) -> None:
    stories = (
        [began("un", 0, "2024-03-20", AYO)],
        [began("un", 0, "2023", BEA)],
        [began("un", 0, "2022-01-01"), ended("un", 1, "2024-04-01", about=("un", 0))],
        [began("un", 0, "")],
        [began("un", 0, "2024-06-01")],
    )
    folds = []
    for number, acts in enumerate(stories):
        documents = detention_documents(CASE, acts, confidential=frozenset())
        keyed = [document._replace(key=b"%d" % number) for document in documents]
        folds.append(CaseFold(case(number), tuple(keyed)))
    models.save(folds, {})
    noted: list[int] = []
    lists = Lists(models, lambda shown: noted.append(len(shown)))

    def starts(on: date, *, with_released: bool = False) -> list[str]:
        found = lists.detentions(Ask(limit=10), on, with_released=with_released)
        return [row.start_first for row in found.rows]

    assert starts(date(2024, 5, 1)) == ["2023-01-01", "2024-03-20", ""]
    assert starts(date(2024, 3, 25)) == ["2022-01-01", "2023-01-01", "2024-03-20", ""]
    assert starts(date(2024, 5, 1), with_released=True)[0] == "2022-01-01"
    assert starts(date(2024, 7, 1))[-2:] == ["2024-06-01", ""]
    assert noted == [3, 4, 4, 4]


def test_row_that_borrows_from_other_acts_of_a_confidential_case_is_confidential() -> None:
    elsewhere = frozenset({(origin("un"), 7)})
    named = {"states": ["POL"], "themes": ["arbitrary_detention"]}
    plain = began("un", 0, "2024-03-20", AYO, **named)
    borrowing = began("un", 0, "2024-03-20", AYO, states=[], themes=["arbitrary_detention"])

    (own,), (borrowed,) = (
        rows(plain, confidential=elsewhere),
        rows(borrowing, confidential=elsewhere),
    )

    assert (own.is_confidential, borrowed.is_confidential) == (False, True)
    assert borrowed.states == CASE.states


def test_row_that_says_who_is_held_by_what_another_act_names_is_confidential() -> None:
    secret = began("un", 0, "2024-01-01", AYO)
    said = {"states": ["POL"], "themes": ["arbitrary_detention"]}
    acts = (
        secret,
        ended("un", 1, "2024-02-01", about=("un", 0)),
        began("un", 2, "2024-03-01", about=("un", 0), **said),
    )

    found = rows(*acts, confidential=frozenset({secret.place}))

    assert [(each.person_id, each.is_confidential) for each in found] == [
        (AYO["person_id"], True),
        (AYO["person_id"], True),
    ]
