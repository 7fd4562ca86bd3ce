"""Rows of intents: their order, their facets, and what of them is not for every member."""

from typing import Any, Final

from registry.domain.acts import Act
from registry.domain.vocabulary import EventKind as K
from registry.store.read_models import Document
from registry.views.acting_rows import IntentRow
from registry.views.acts import excerpt_of, with_what_they_are_about
from registry.views.intent_list import NEVER, intent_documents
from registry.views.rows import decode_row, encode_row
from tests.storage.storage_world import case
from tests.unit.views.test_follow_up import story

VISIT: Final[dict[str, Any]] = {
    "instrument": "un.visit",
    "action": "visit",
    "addressee_state": "XXA",
    "lapses_date": None,
}


def folded(acts: list[Act], *confidential: int) -> list[Document]:
    shown = with_what_they_are_about(acts, [acts[each].place for each in confidential])
    return list(intent_documents(case(1), "A matter", acts, confidential=shown))


def rows(acts: list[Act], *confidential: int) -> list[IntentRow]:
    return [decode_row(IntentRow, each.row) for each in folded(acts, *confidential)]


def test_intent_is_placed_by_the_day_it_lapses_and_found_by_its_facets() -> None:
    acts = story(
        ("un", K.INTENT_DECLARED, None, {**VISIT, "themes": ["reprisals"]}),
        ("coe", K.INTENT_ANSWERED, 0, {"summary": "in words " * 200}),
        ("un", K.INTENT_DECLARED, None, {**VISIT, "planned_date": "", "planned_until_date": ""}),
    )
    first, second = folded(acts)
    (row, _) = rows(acts)

    assert (first.sort, second.sort) == ("2024-03-28", NEVER)
    assert {
        ("outcome", "answered"),
        ("mechanism", "un"),
        ("state", "XXA"),
        ("theme", "reprisals"),
        ("instrument", "un.visit"),
        ("case", case(1).hex()),
    } <= set(first.facets)
    assert encode_row(row) == first.row
    assert (row.window_start, row.window_end) == ("2024-03-25", "2024-03-28")
    assert len(row.answers[0].summary) <= 502
    assert row.answers[0].summary.endswith(" …")


def test_case_without_intents_has_no_rows_and_one_without_states_takes_those_of_its_case() -> None:
    assert folded(story(("un", K.NOTE_ADDED, None, {}))) == []
    acts = story(
        ("un", K.NOTE_ADDED, None, {"states": ["XXC", "XXB"]}),
        ("un", K.INTENT_DECLARED, None, {**VISIT, "addressee_state": ""}),
    )
    assert [row.states for row in rows(acts)] == [("XXB", "XXC")]


def test_row_is_confidential_by_itself_its_answer_its_end_its_title_or_its_states() -> None:
    acts = story(
        ("un", K.CASE_OPENED, None, {"states": ["XXC"]}),
        ("un", K.INTENT_DECLARED, None, VISIT),
        ("coe", K.INTENT_ANSWERED, 1, {}),
        ("un", K.VISIT_CONDUCTED, None, {"instrument": "un.visit", "visited_state": "XXA"}),
        ("un", K.NOTE_ADDED, None, {"states": ["XXD"]}),
    )

    def is_confidential(*which: int) -> bool:
        return rows(acts, *which)[0].is_confidential

    assert not is_confidential()
    assert [is_confidential(each) for each in range(5)] == [True, True, True, False, False]
    done = acts[3].content.model_copy(update={"visit_end_date": None})
    acts[3] = acts[3]._replace(content=done)
    assert is_confidential(3)
    bare = acts[1].content.model_copy(update={"addressee_state": ""})
    acts[1] = acts[1]._replace(content=bare)
    assert is_confidential(4)


def test_excerpt_is_cut_between_words() -> None:
    assert excerpt_of("one two three", 13) == "one two three"
    assert excerpt_of("one two three", 10) == "one two …"
