"""Mapping files: what ships can be read, and an error in one is told with its place."""

from pathlib import Path

import pytest

from registry.domain.register_mapping import (
    load_mapping,
    parse_mapping,
    sample_register,
    shipped_mappings,
)
from registry.errors import InvalidRequest
from tests.unit.domain.mapping_example import MAPPING, SMALL


@pytest.mark.parametrize("name", shipped_mappings())
def test_mapping_that_ships_is_read_and_has_its_sample(name: str) -> None:
    mapping = load_mapping(name)

    assert mapping.id == name
    assert sample_register(mapping).is_file()


def test_mappings_for_the_three_registers_ship() -> None:
    assert shipped_mappings() == ("coe_commissioner", "un_treaty_bodies", "upr_defenders")


def test_mapping_of_ones_own_is_read_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(SMALL)

    mapping = load_mapping(str(path))

    assert mapping == MAPPING
    assert mapping.columns() == {"no", "part", "states", "type", "date", "by", "answer", "tags"}


def test_mapping_without_a_sample_says_so() -> None:
    with pytest.raises(InvalidRequest, match="no sample ships with the mapping small"):
        sample_register(MAPPING)


@pytest.mark.parametrize("name", ["", "absent", "../mappings/coe_commissioner", "/", "."])
def test_mapping_that_is_not_there_is_refused_with_those_that_are(name: str) -> None:
    with pytest.raises(InvalidRequest, match="coe_commissioner, un_treaty_bodies, upr_defenders"):
        load_mapping(name)


def test_mapping_that_is_not_utf8_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "latin.toml"
    path.write_bytes(SMALL.replace("Small", "Kl\u00e9in").encode("latin-1"))

    with pytest.raises(InvalidRequest, match=r"latin\.toml is not UTF-8"):
        load_mapping(str(path))


def test_mapping_that_is_no_toml_is_refused_with_the_line() -> None:
    with pytest.raises(InvalidRequest, match=r"mapping mine: .*line 1"):
        parse_mapping("id = = 1", "mine")


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('id = "small"', 'id = "Sm:all"', "id: "),
        ('id = "small"', "", "id: Field required"),
        ('id = "small"', "id = 7", "id: "),
        ('title = "Small"', 'title = "Small"\ncolour = "red"', "colour: "),
        ('key = ["no", "part"]', "key = []", "key: "),
        ('key = ["no", "part"]', 'key = "no"', "key: "),
        ('key = ["no", "part"]', 'key = ["no", ""]', "key.1: "),
        ('"states"\nseparator = ";"', '"states"\nseparator = ""', "states.separator: "),
        ('"states"\nseparator = ";"', '"states"\nseparator = 1', "states.separator: "),
        ('"View" = "opinion_adopted"', '"View" = "opinoin"', "kind: Value error, values: 'View'"),
        ('"View" = "opinion_adopted"', '"View" = "sealed"', "'sealed'; kinds are "),
        ('"View" = "opinion_adopted"', '"View" = "case_opened"', "'case_opened'; kinds are "),
        ('"View" = "opinion_adopted"', '"View" = "OPINION_ADOPTED"', "'OPINION_ADOPTED'; kinds"),
        ('column = "type"\n', "", "kind: Value error, values: without a column there is one kind"),
        ("[fields.act_date]", "[fields.act_datum]", "fields.act_datum: no kind of this mapping"),
        ("[fields.act_date]", "[fields.grade]", "fields.grade: no kind of this mapping"),
        ("[fields.act_date]", "[fields.states]", "fields.states: no kind of this mapping"),
        ('basis = "public_record"\n#case', "", "case_without_state: basis: Field required"),
        ("#case", 'victim = "x"', "case_without_state: victim: "),
        ("date = true", 'date = "yes"', "fields.act_date.date: "),
        ("date = true", "date = true\nstate = true", "fields.act_date: Value error, a column is"),
        ("date = true", 'date = true\nvalue = "2014"', "a column or a value, one of the two"),
        ("date = true", 'date = true\nseparator = ";"', "a column is read in one way"),
        ("date = true", 'date = true\ndefault = ""', "a default belongs to a table of values"),
        ("date = true", 'separator = ";"\nvalues = { a = "b" }', "has no table of values"),
        ("date = true", 'separator = ""', "fields.act_date.separator: "),
        ("date = true", "values = { a = 1 }", "fields.act_date.values.a: "),
        ('column = "date"', "", "fields.act_date: Value error, a field has a column or a value"),
        ('column = "date"', 'value = "2014"', "a fixed value is taken as it stands"),
        ('value = "un"', 'value = "un"\nvalues = { a = "b" }', "a fixed value is taken as it"),
    ],
)
def test_error_in_a_mapping_is_told_with_its_place(old: str, new: str, told: str) -> None:
    assert SMALL.count(old) == 1

    with pytest.raises(InvalidRequest) as caught:
        parse_mapping(SMALL.replace(old, new), "mine")

    assert str(caught.value).startswith("mapping mine: ")
    assert told in str(caught.value)
