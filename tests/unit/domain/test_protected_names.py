"""Names in text are found whatever their spelling; all persons here are invented."""

import random

import pytest

from registry.domain.content import NamedPerson, StatementIssued
from registry.domain.protected_names import Sought, find_names, texts_of


def is_found(name: str, text: str) -> bool:
    """In a text alone, and in content."""
    names = {"p": [name]}
    found = find_names([text], names)
    content = StatementIssued(title="Another text", summary=text, acting_body="un", basis="own_act")
    assert Sought(names).find_in(content) == found
    return found == {"p"}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("Ayo Zemlinski", "the arrest of Ayo Zemlinski in May"),
        ("Ayo Zemlinski", "AYO ZEMLINSKI"),
        ("Ayo Zemlinski", "ayo-zemlinski.html"),
        ("Ayo Zemlinski", "file_ayo_zemlinski_2.pdf"),
        ("Ayo Zemlinski", "Mr Zemlinski's house"),
        ("Ayo Zemlinski", "Zem\u200blinski"),
        ("José Ñúñez-Łoś", "jose nunez los"),
        ("Jose Nunez", "José Ñúñez"),
        ("Anna Straße", "ANNA STRASSE"),
        ("Ayo Qi", "Ayo  Qi,"),
        ("Tökés", "Tokes was there"),
        ("王小明", "昨天王小明说"),
        ("ليلى المثال", "رأت ليلى المثال ذلك"),
        ("\uff21\uff59\uff4f Zemlinski", "Ayo Zemlinski"),
    ],
)
def test_name_is_found(name: str, text: str) -> None:
    assert is_found(name, text)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("Ayo Zemlinski", "the Zemlinskis"),
        ("Ayo Zemlinski", "Ayo was there"),
        ("Ayo Qi", "Qi is a word of two letters"),
        ("Ayo Marsh", "the Marshall plan"),
        ("---", "--- nothing ---"),
        ("Ayo Zemlinski", ""),
    ],
)
def test_other_words_are_not_taken_for_the_name(name: str, text: str) -> None:
    assert not is_found(name, text)


@pytest.mark.parametrize(
    ("name", "texts"),
    [
        ("Ayo Qi", ["by Ayo", "Qi said"]),
        ("王小明", ["王小", "明"]),
        ("Ayo Qi", ["Ayo", "", "Qi"]),
    ],
)
def test_name_is_not_put_together_from_two_texts(name: str, texts: list[str]) -> None:
    assert not find_names(texts, {"p": [name]})


def test_mark_that_stands_between_texts_hides_nothing_within_one() -> None:
    assert is_found("Ayo Qi", "by Ayo\x1eQi")
    assert is_found("Ayo Qi", "by Ayo \x1e\x1e Qi")
    assert is_found("Ayo\x1eQi", "by Ayo Qi")


def test_letters_are_folded_alike_when_more_are_met_than_are_kept() -> None:
    every = "".join(chr(code) for code in range(0xA0, 0x3000))
    assert is_found("Ayo Zemlinski", f"{every} Áyo Zémlinski")
    assert is_found("Ayo Zemlinski", "".join(map(chr, range(0x4E00, 0x9000))) + " ÁYO ZÉMLINSKI")


def test_every_text_field_is_looked_at_and_the_names_field_is_not() -> None:
    content = StatementIssued(
        title="t1",
        summary="t2",
        acting_body="un",
        basis="public_record",
        source="t3",
        references=("t4",),
        subjects=("t5",),
        url="t6",
        document_type="t7",
        persons=(NamedPerson(person_id="c" * 32, name="A Name", role="t8"),),
    )

    texts = set(texts_of(content))

    assert {"t1", "t2", "t3", "t4", "t5", "t6", "t7", "t8"} <= texts
    assert not {"A Name", "c" * 32} & texts


def test_name_in_the_names_field_alone_is_not_in_the_text_of_content() -> None:
    person = NamedPerson(person_id="c" * 32, name="Ayo Zemlinski", role="a role")
    content = StatementIssued(acting_body="un", basis="own_act", persons=(person,))
    names = {"p": ["Ayo Zemlinski"]}

    assert Sought(names).find_in(content) == frozenset()
    assert Sought(names).find_in(content.model_copy(update={"summary": "Zemlinski"})) == {"p"}
    in_role = person.model_copy(update={"role": "brother of Ayo Zemlinski"})
    assert Sought(names).find_in(content.model_copy(update={"persons": (in_role,)})) == {"p"}


@pytest.mark.parametrize("seed", range(20))
def test_quick_look_misses_nothing_that_the_search_finds(seed: int) -> None:
    rng = random.Random(seed)
    letters = "aeZł\u0301\u200b王ä'\"\\\n\x1e -_"
    names = {"p": ["".join(rng.choices(letters, k=rng.randrange(1, 6)))]}
    for _ in range(300):
        text = "".join(rng.choices(letters, k=rng.randrange(20)))
        content = StatementIssued(summary=text, acting_body="q", basis="own_act", title="q")
        assert Sought(names).find_in(content) == find_names(texts_of(content), names)
