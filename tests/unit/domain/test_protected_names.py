"""Names in text are found whatever their spelling; all persons here are invented."""

import pytest

from registry.domain.content import NamedPerson, StatementIssued
from registry.domain.protected_names import find_names, texts_of


def is_found(name: str, text: str) -> bool:
    return find_names([text], {"p": [name]}) == {"p"}


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
