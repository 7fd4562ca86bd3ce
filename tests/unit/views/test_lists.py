"""Lists: every combination of filters gives what a plain search gives, page by page, none twice."""

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from registry.domain.identifiers import CaseId
from registry.errors import CorruptDatabase, InvalidRequest, StorageError
from registry.store.read_models import (
    DAMAGE_MARK,
    CaseFold,
    Document,
    ReadModels,
    open_read_models,
)
from registry.store.read_queries import Query
from tests.storage.storage_world import VIEWS_KEY, case

NAMES = {"state": ["POL", "EGY", "XXA"], "theme": ["land", "press"], "kind": ["a", "b", "c"]}
PAGE = 4096
WORDS = ["river", "letter", "réponse", "reply"]


@pytest.fixture
def models(tmp_path: Path) -> Iterator[ReadModels]:
    opened = open_read_models(tmp_path / "views.db", VIEWS_KEY)
    yield opened
    opened.close()


def documents(rng: random.Random, count: int) -> list[Document]:
    return [
        Document(
            view=rng.choice(["act", "other"]),
            key=f"{number}".encode(),
            sort=rng.choice(["", "2023", "2024-01", "2024-01-05", "2024-02"]),
            row=f'"{number}"',
            facets=tuple(
                (name, value)
                for name, values in NAMES.items()
                for value in rng.sample(values, rng.randrange(len(values)))
            ),
            text=" ".join(rng.sample(WORDS, rng.randrange(len(WORDS)))),
        )
        for number in range(count)
    ]


def save(models: ReadModels, found: list[Document]) -> None:
    folds = [CaseFold(case(n), tuple(found[n::5])) for n in range(5)]
    models.save(folds, {})


def all_rows(models: ReadModels, query: Query) -> list[str]:
    rows: list[str] = []
    token = ""
    while True:
        page = models.page(Query(**{**_fields(query), "token": token}))
        assert len(page.rows) <= query.limit
        rows += page.rows
        token = page.next_token
        if not token:
            return rows


def _fields(query: Query) -> dict[str, Any]:
    return {name: getattr(query, name) for name in Query.__slots__}


def fits(document: Document, query: Query, hidden: set[bytes]) -> bool:
    return (
        document.view == query.view
        and document.key not in hidden
        and all(
            any((name, value) in document.facets for value in values)
            for name, values in query.facets
            if values
        )
        and (not query.since or document.sort >= query.since)
        and (not query.before or document.sort < query.before)
        and (not query.text or query.text.split()[0] in document.text.split())
    )


@pytest.mark.parametrize("seed", range(12))
def test_pages_of_any_filter_are_those_of_a_plain_search(models: ReadModels, seed: int) -> None:
    rng = random.Random(seed)
    found = documents(rng, 60)
    save(models, found)
    for _ in range(25):
        facets = tuple(
            (name, tuple(rng.sample(values, rng.randrange(3) % len(values))))
            for name, values in NAMES.items()
            if rng.random() < 0.6
        )
        hidden_at = rng.choice([[], [2], [0, 4]])
        query = Query(
            view="act",
            limit=rng.choice([1, 3, 100]),
            facets=facets,
            since=rng.choice(["", "2023", "2024-01"]),
            before=rng.choice(["", "2024-02"]),
            text=rng.choice(["", "river", "réponse"]),
            is_ascending=rng.random() < 0.5,
            hidden=frozenset(case(n) for n in hidden_at),
        )
        keys = {each.key for n in hidden_at for each in found[n::5]}

        rows = all_rows(models, query)

        wanted = [each for each in found if fits(each, query, keys)]
        assert sorted(rows) == sorted(each.row for each in wanted)
        sorts = {each.row: each.sort for each in found}
        order = [sorts[row] for row in rows]
        assert order == sorted(order, reverse=not query.is_ascending)


def test_words_are_found_without_accents_and_the_last_by_its_beginning(models: ReadModels) -> None:
    texts = ["Réponse de l'État", "reply received", "Une réponse tardive"]
    found = [Document("act", b"%d" % n, "", str(n), (), text) for n, text in enumerate(texts)]
    models.save([CaseFold(case(1), tuple(found))], {})

    def rows(text: str) -> set[str]:
        return set(models.page(Query("act", 9, text=text)).rows)

    assert rows("reponse") == {"0", "2"}
    assert rows("tardive rep") == {"2"}
    assert rows('") OR ("x') == set()
    assert rows("received AND reply") == set()
    for text in ("   ", "'\"", " ".join("abcdefghijklmnopqrstu")):
        with pytest.raises(InvalidRequest, match="words"):
            rows(text)


def test_what_a_case_no_more_says_is_in_no_table(models: ReadModels) -> None:
    document = Document("act", b"1", "2024", "row", (("state", "POL"),), "canary words")
    models.save([CaseFold(case(1), (document,), until_ms=7)], {})
    assert models.due_embargoes(7) == [case(1)]
    with models._transaction(commit=False) as cursor:
        assert _blocks_with(cursor, b"canary"), "the search finds what is there"
    models.save([CaseFold(case(1), ())], {})

    with models._transaction(commit=False) as cursor:
        for table in ("documents", "facets", "embargoes", "texts_docsize", "texts_content"):
            cursor.execute(f"SELECT count(*) FROM {table}")
            assert cursor.fetchone()[0] == 0, table
        assert not _blocks_with(cursor, b"canary")


def _blocks_with(cursor: Any, word: bytes) -> list[bytes]:
    cursor.execute("SELECT block FROM texts_data")
    return [bytes(row[0]) for row in cursor.fetchall() if word in bytes(row[0])]


def test_document_that_changed_keeps_its_place_among_the_pages(models: ReadModels) -> None:
    def document(number: int, row: str) -> Document:
        return Document("act", b"%d" % number, "2024", row, (("state", "POL"),), row)

    models.save([CaseFold(case(n), (document(n, f"old{n}"),)) for n in range(6)], {})
    first = models.page(Query("act", 3, facets=(("state", ("POL",)),)))
    models.save([CaseFold(case(0), (document(0, "new0"),))], {})
    rest = models.page(Query("act", 9, first.next_token, facets=(("state", ("POL",)),)))

    assert first.rows == ("old5", "old4", "old3")
    assert rest.rows == ("old2", "old1", "new0")
    assert models.page(Query("act", 9, text="old0")).rows == ()


def test_cases_of_a_facet_are_told_once(models: ReadModels) -> None:
    two = tuple(Document("act", b"%d" % n, "", "", (("mark", "x"),)) for n in range(2))
    models.save([CaseFold(case(1), two)], {})

    assert models.cases_with("act", "mark", "x") == [CaseId(case(1))]
    assert models.cases_with("act", "mark", "y") == []


def test_database_of_another_version_goes_with_its_file(tmp_path: Path) -> None:
    path = tmp_path / "views.db"
    old = open_read_models(path, VIEWS_KEY)
    with old._transaction(commit=True) as cursor:
        cursor.execute("CREATE TABLE cases (title TEXT)")
        cursor.execute("INSERT INTO cases VALUES ('erased since then')")
        cursor.execute("DELETE FROM tracking WHERE application_name LIKE 'version %'")
    old.close()
    fresh = open_read_models(path, VIEWS_KEY)

    with fresh._transaction(commit=False) as cursor:
        cursor.execute("SELECT count(*) FROM sqlite_master WHERE name = 'cases'")
        assert cursor.fetchone()[0] == 0
    fresh.save([CaseFold(case(1), (Document("act", b"1", "", "kept"),))], {})
    fresh.close()
    again = open_read_models(path, VIEWS_KEY)
    assert again.row("act", b"1") == "kept"
    again.close()


ROWS = {bytes([n]): f'"{n}{"x" * 9000}"' for n in range(12)}
"""Each goes over three pages."""


def filled(path: Path) -> None:
    models = open_read_models(path, VIEWS_KEY)
    documents = [Document("act", key, "", row, text=row) for key, row in ROWS.items()]
    models.save([CaseFold(case(1), tuple(documents))], {})
    assert models.truncate_wal()
    models.close()


def flip(path: Path, *pages: int) -> None:
    data = bytearray(path.read_bytes())
    for page in pages:
        data[page * PAGE + PAGE // 2] ^= 1
    path.write_bytes(data)


def count_of_pages(folder: Path) -> int:
    filled(folder / "views.db")
    return (folder / "views.db").stat().st_size // PAGE


def test_damage_that_was_met_is_met_by_all_until_the_next_start(tmp_path: Path) -> None:
    path = tmp_path / "views.db"
    last = count_of_pages(tmp_path) - 1
    flip(path, *range(last // 2, last))
    damaged = open_read_models(path, VIEWS_KEY)
    raised = []
    for read in (
        lambda: damaged.rows("act", ROWS),
        lambda: damaged.row("act", b"no such key"),
        lambda: damaged.save([], {"stream": 1}),
    ):
        with pytest.raises(CorruptDatabase) as met:
            read()
        raised.append(met.value)
    assert len(set(map(id, raised))) == 3, "one error keeps what all who met it had asked for"
    damaged.close()

    fresh = open_read_models(path, VIEWS_KEY)
    assert fresh.rows("act", ROWS) == []
    fresh.close()
    assert [each.name for each in tmp_path.glob("views.db*")] == ["views.db"]


@pytest.mark.parametrize("first", ["read", "written"])
def test_no_page_that_was_changed_is_read_as_something_else_and_all_are_healed(
    tmp_path: Path, first: str
) -> None:
    """Whichever page it is: what is read is right or refused, and a second start is sound."""
    path = tmp_path / "views.db"
    refused = 0
    for page in range(count_of_pages(tmp_path)):
        path.unlink()
        filled(path)
        flip(path, page)
        try:
            models = open_read_models(path, VIEWS_KEY)
        except StorageError:
            refused += 1
            models = open_read_models(path, VIEWS_KEY)
        try:
            for key, row in ROWS.items() if first == "read" else ():
                assert models.row("act", key) in {row, None}
                models.page(Query("act", 10, text=f"{key[0]}{'x' * 9000}"))
            others = [Document("act", key, "", f'"{row}y"', text="y") for key, row in ROWS.items()]
            models.save([CaseFold(case(1), tuple(others[:6]))], {})
            models.save([CaseFold(case(1), ())], {})
            models.check()  # as the scrub does
        except (StorageError, MemoryError):
            refused += 1
        models.close()
        healed = open_read_models(path, VIEWS_KEY)
        healed.check()
        healed.save([CaseFold(case(1), (Document("act", b"1", "", "kept"),))], {})
        assert healed.row("act", b"1") == "kept"
        healed.close()
    assert refused > 10


def test_start_after_a_mark_keeps_what_is_sound(tmp_path: Path) -> None:
    path = tmp_path / "views.db"
    filled(path)
    mark = path.with_name(f"views.db{DAMAGE_MARK}")
    mark.touch()
    models = open_read_models(path, VIEWS_KEY)
    assert set(models.rows("act", ROWS)) == set(ROWS.values())
    models.close()
    assert not mark.exists()


def test_mark_that_cannot_be_made_hides_no_damage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError

    path = tmp_path / "views.db"
    last = count_of_pages(tmp_path)
    flip(path, *range(last // 2, last))
    models = open_read_models(path, VIEWS_KEY)
    monkeypatch.setattr(Path, "touch", refuse)
    with pytest.raises(CorruptDatabase):
        models.rows("act", ROWS)
    models.close()
