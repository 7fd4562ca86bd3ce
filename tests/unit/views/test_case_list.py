"""The case list: what a line says of a case, and pages that neither repeat nor lose one."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest

from registry.application.lists import Ask, Listed, Lists
from registry.domain.content import CaseOpened, StatementIssued
from registry.domain.identifiers import CaseId, Slug, situation_case_id
from registry.domain.vocabulary import EventKind
from registry.errors import InvalidRequest
from registry.store.read_models import CaseFold, ReadModels, open_read_models
from registry.store.sqlite import SqliteStore
from registry.views.case_file import read_history
from registry.views.case_list import SituationNames, case_document, summarise
from registry.views.rows import CaseRow, decode_row, encode_row
from tests.storage.storage_world import NOW_MS, OTHER, PEER, REGISTRY, VIEWS_KEY, case, open_store
from tests.unit.views.view_world import (
    OTHER_MEMBER,
    OWN_MEMBER,
    PEER_MEMBER,
    Mechanism,
    digest_of,
    only,
    reader_of,
    take,
)

CASE = case(1)
SITUATIONS = SituationNames(REGISTRY)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    opened = open_store(tmp_path)
    yield opened
    opened.close()


@pytest.fixture
def models(tmp_path: Path) -> Iterator[ReadModels]:
    opened = open_read_models(tmp_path / "views.db", VIEWS_KEY)
    yield opened
    opened.close()


def statement(*states: str) -> StatementIssued:
    return StatementIssued(acting_body="a", basis="own_act", states=states)


def opening(title: str, *, is_invented: bool = False) -> CaseOpened:
    return CaseOpened(acting_body="a", basis="own_act", title=title, is_invented=is_invented)


def line_of(store: SqliteStore, case_id: CaseId) -> CaseRow:
    return summarise(read_history(reader_of(store), case_id), SITUATIONS)


# --- lines ----------------------------------------------------------------------------------


def test_line_of_a_case_gathers_what_its_events_say(store: SqliteStore) -> None:
    peer, other = Mechanism(PEER), Mechanism(OTHER)
    opened = peer.act(
        opening("An invented matter", is_invented=True), case_id=CASE, time_ms=NOW_MS + 5
    )
    second = other.act(statement("POL", "XXA"), case_id=CASE, time_ms=NOW_MS - 10**6, refs=[opened])
    third = peer.act(statement("EGY"), case_id=CASE, time_ms=NOW_MS + 9)
    take(store, peer, other)

    assert line_of(store, CASE) == CaseRow(
        case_id=CASE,
        title="An invented matter",
        states=("EGY", "POL", "XXA"),
        themes=(),
        own_numbers=(),
        status="open",
        disagreement_count=0,
        is_emblematic=False,
        mechanisms=(Slug("other"), Slug("peer")),
        event_count=3,
        unreadable_count=0,
        first_recorded_ms=NOW_MS - 10**6,
        last_recorded_ms=NOW_MS + 9,
        is_invented=True,
        is_situation=False,
        has_withdrawal=False,
        is_confidential=False,
        digest=digest_of(CASE, [opened.leaf_hash, second.leaf_hash, third.leaf_hash]),
    )


def test_case_that_another_opens_again_shows_both_titles_and_stays_real(store: SqliteStore) -> None:
    peer, other = Mechanism(PEER), Mechanism(OTHER)
    peer.act(opening("A matter"), case_id=CASE, time_ms=NOW_MS)
    other.act(opening("Mere invention", is_invented=True), case_id=CASE, time_ms=NOW_MS - 10**9)
    take(store, peer, other)
    line = line_of(store, CASE)

    assert (line.title, line.is_invented) == ("Mere invention / A matter", False)


def test_situation_is_named_after_its_state(store: SqliteStore) -> None:
    peer = Mechanism(PEER)
    case_id = situation_case_id(REGISTRY, "POL")
    peer.act(statement(), case_id=case_id)
    take(store, peer)

    line = line_of(store, case_id)

    assert (line.title, line.states, line.is_situation) == ("Situation in Poland", ("POL",), True)
    assert not line.is_invented


def test_user_assigned_codes_have_situations_and_foreign_registries_do_not() -> None:
    assert SITUATIONS.state_of(situation_case_id(REGISTRY, "XXA")) == "XXA"
    assert SITUATIONS.state_of(situation_case_id(REGISTRY, "XKX")) == "XKX"
    assert (
        SituationNames(type(REGISTRY)(b"q" * 32)).state_of(situation_case_id(REGISTRY, "POL"))
        is None
    )
    assert SITUATIONS.state_of(CASE) is None


def test_events_that_cannot_be_read_are_counted_and_give_no_title(store: SqliteStore) -> None:
    peer = Mechanism(PEER)
    peer.act(opening("Not for us"), case_id=CASE, kind=EventKind.SEALED, audience=only(PEER_MEMBER))
    peer.act(
        statement("EGY"),
        case_id=CASE,
        kind=EventKind.SEALED,
        audience=only(PEER_MEMBER, OTHER_MEMBER),
    )
    peer.act(statement("POL"), case_id=CASE)
    peer.empty(case_id=CASE)
    take(store, peer, with_parts=False)

    assert line_of(store, CASE).unreadable_count == 3

    store.put_parts(peer.parts([2])).result()
    line = line_of(store, CASE)

    assert (line.event_count, line.unreadable_count) == (4, 2)
    assert (line.title, line.states) == ("", ("POL",))


def test_title_of_the_first_opening_in_the_order_of_record_stands_first(store: SqliteStore) -> None:
    peer, other = Mechanism(PEER), Mechanism(OTHER)
    peer.act(opening("later"), case_id=CASE, time_ms=NOW_MS + 1)
    other.act(opening("earlier"), case_id=CASE, time_ms=NOW_MS)
    take(store, peer, other)

    assert line_of(store, CASE).title == "earlier / later"


def test_line_is_confidential_while_it_says_what_is_not_for_every_member(
    store: SqliteStore,
) -> None:
    peer = Mechanism(PEER)
    peer.act(opening("A matter"), case_id=CASE)
    peer.act(statement("EGY"), case_id=CASE, kind=EventKind.SEALED, audience=only(OWN_MEMBER))
    take(store, peer, with_parts=False)
    assert not line_of(store, CASE).is_confidential

    store.put_parts(peer.parts()).result()
    line = line_of(store, CASE)
    assert (line.is_confidential, line.states) == (True, ("EGY",))


def test_line_survives_being_written_down(store: SqliteStore) -> None:
    peer = Mechanism(PEER)
    peer.act(opening("Où? «é»\n"), case_id=CASE)
    take(store, peer)
    line = line_of(store, CASE)

    assert decode_row(CaseRow, encode_row(line)) == line


# --- pages ----------------------------------------------------------------------------------


def row(number: int, *, time_ms: int, states: tuple[str, ...] = (), by: str = "peer") -> CaseRow:
    return CaseRow(
        case_id=case(number),
        title=f"case {number}",
        states=states,
        themes=(),
        own_numbers=(),
        status="open",
        disagreement_count=0,
        is_emblematic=False,
        mechanisms=(Slug(by),),
        event_count=1,
        unreadable_count=0,
        first_recorded_ms=time_ms,
        last_recorded_ms=time_ms,
        is_invented=False,
        is_situation=False,
        has_withdrawal=False,
        is_confidential=False,
        digest=b"d" * 32,
    )


def save(models: ReadModels, *rows: CaseRow) -> None:
    models.save([CaseFold(each.case_id, (case_document(each, ()),)) for each in rows], {})


def page_of(models: ReadModels, limit: int, token: str = "", **facets: str) -> Listed[CaseRow]:
    asked = tuple((name, (value,)) for name, value in facets.items())
    return Lists(models).cases(Ask(limit, token, asked))


def pages(models: ReadModels, limit: int, **facets: str) -> list[list[CaseRow]]:
    found, token = [], ""
    while True:
        page = page_of(models, limit, token, **facets)
        found.append(list(page.rows))
        token = page.next_token
        if not token:
            return found


def test_pages_hold_every_case_once_newest_first(models: ReadModels) -> None:
    rows = [row(n, time_ms=NOW_MS + n % 3) for n in range(10)]
    save(models, *rows)
    latest_first = sorted(enumerate(rows), key=lambda at: (-at[1].last_recorded_ms, -at[0]))
    expected = [each for _, each in latest_first]

    found = pages(models, 3)

    assert [len(page) for page in found] == [3, 3, 3, 1]
    assert [each for page in found for each in page] == expected
    assert [each for page in pages(models, 5) for each in page] == expected
    assert page_of(models, 10).next_token == ""


def test_times_before_1970_are_paged_too(models: ReadModels) -> None:
    rows = [row(n, time_ms=-(10**12) * n) for n in range(4)]
    save(models, *rows)

    assert [each.case_id for page in pages(models, 1) for each in page] == [
        case(n) for n in range(4)
    ]


def test_cursor_stays_where_it_is_while_cases_change(models: ReadModels) -> None:
    rows = [row(n, time_ms=NOW_MS - n) for n in range(6)]
    save(models, *rows)
    first = page_of(models, 2)
    save(
        models,
        row(77, time_ms=NOW_MS + 5),
        replace(rows[0], last_recorded_ms=NOW_MS + 9),
        replace(rows[3], title="another title"),
    )

    rest = page_of(models, 9, first.next_token)

    assert [each.case_id for each in first.rows] == [case(0), case(1)]
    assert [each.case_id for each in rest.rows] == [case(n) for n in (2, 3, 4, 5)]
    assert rest.rows[1].title == "another title"


def test_filters_of_state_and_mechanism_hold_over_pages(models: ReadModels) -> None:
    rows = [
        row(
            n,
            time_ms=NOW_MS - n,
            states=("POL", "EGY") if n % 2 else ("EGY",),
            by="peer" if n % 3 else "other",
        )
        for n in range(12)
    ]
    save(models, *rows)

    def found(**filters: str) -> list[int]:
        listed = [each.case_id for page in pages(models, 2, **filters) for each in page]
        return [n for case_id in listed for n in range(12) if case(n) == case_id]

    assert found(state="POL") == [1, 3, 5, 7, 9, 11]
    assert found(mechanism="other") == [0, 3, 6, 9]
    assert found(state="POL", mechanism="other") == [3, 9]
    assert found(state="EGY") == list(range(12))
    assert found(state="XXA") == found(mechanism="nobody") == []
    assert found(state="' OR 1=1 --") == []


@pytest.mark.parametrize(
    ("since", "until", "found"),
    [
        ("2023-12-31", "", [0, 1, 2, 3]),
        ("2024", "2024", [0, 1, 2]),
        ("2024-02", "2024-02", [1]),
        ("2024-02-29", "2024-02-29", [1]),
        ("2024-12-31", "", [0, 3]),
        ("", "2024-01-31", [2]),
        ("2024-12", "2024-12-31", [0]),
        ("2025", "9999", [3]),
        ("2024-12-31", "9999-12-31", [0, 3]),
    ],
)
def test_dates_are_those_of_the_last_record(
    models: ReadModels, since: str, until: str, found: list[int]
) -> None:
    days = ["2024-12-31T23:59:59.999", "2024-02-29T00:00", "2024-01-01T00:00", "2025-01-01T00:00"]
    times = [int(datetime.fromisoformat(f"{day}+00:00").timestamp() * 1000) for day in days]
    save(models, *(row(n, time_ms=time) for n, time in enumerate(times)))

    page = Lists(models).cases(Ask(9, since=since, until=until))

    assert sorted(n for each in page.rows for n in range(4) if case(n) == each.case_id) == found


def test_day_that_is_none_is_refused(models: ReadModels) -> None:
    with pytest.raises(InvalidRequest, match="no day"):
        Lists(models).cases(Ask(9, since="2024-02-30"))


def test_filter_forgets_a_state_that_a_case_has_no_more(models: ReadModels) -> None:
    save(models, row(1, time_ms=NOW_MS, states=("POL",)))
    save(models, row(1, time_ms=NOW_MS, states=("EGY",), by="other"))

    assert page_of(models, 5, state="POL").rows == ()
    assert page_of(models, 5, mechanism="peer").rows == ()
    assert len(page_of(models, 5, state="EGY", mechanism="other").rows) == 1


@pytest.mark.parametrize("token", ["x", "AAAA", "é" * 32, "\ud800", "A" * 33, "A" * 28 + "===="])
def test_token_that_nobody_gave_is_refused(models: ReadModels, token: str) -> None:
    with pytest.raises(InvalidRequest, match="token"):
        page_of(models, 5, token)
