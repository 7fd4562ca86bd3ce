"""States: spellings to codes, user-assigned codes, States that are no more, names nobody knows."""

import pycountry
import pytest

from registry.domain.states import (
    StateMatch,
    StateStatus,
    is_state_code,
    match_state,
    state_codes,
    state_name,
)

GONE = StateMatch(StateStatus.NO_LONGER_EXISTS, "")
UNKNOWN = StateMatch(StateStatus.UNKNOWN, "")


def current(code: str) -> StateMatch:
    return StateMatch(StateStatus.CURRENT, code)


@pytest.mark.parametrize(
    ("written", "code"),
    [
        ("POL", "POL"),
        (" POL ", "POL"),
        ("Poland", "POL"),
        ("poland", "POL"),
        ("Republic of Poland", "POL"),
        ("Bosnia & Herzegovina", "BIH"),
        ("Bosnia and Herzegovina", "BIH"),
        ("Cote d'Ivoire", "CIV"),
        ("Côte d'Ivoire", "CIV"),
        ("Ivory Coast", "CIV"),
        ("Democratic Republic of Congo", "COD"),
        ("Democratic Republic of the Congo", "COD"),
        ("Republic of Congo", "COG"),
        ("Republic of Korea", "KOR"),
        ("DPR Korea", "PRK"),
        ("Dominica", "DMA"),
        ("Dominican Republic", "DOM"),
        ("Guinea", "GIN"),
        ("Guinea Bissau", "GNB"),
        ("Equatorial Guinea", "GNQ"),
        ("Niger", "NER"),
        ("Nigeria", "NGA"),
        ("Iran (Islamic Republic of)", "IRN"),
        ("Venezuela (Bolivarian Republic of)", "VEN"),
        ("Bolivia (Plurinational State of)", "BOL"),
        ("St Lucia", "LCA"),
        ("St Vincent & the Grenadines", "VCT"),
        ("Sao Tome & Principe", "STP"),
        ("Macedonia FYR", "MKD"),
        ("Swaziland", "SWZ"),
        ("Turkey", "TUR"),
        ("Kosovo", "XKX"),
    ],
)
def test_state_is_found_in_the_spellings_of_the_registers(written: str, code: str) -> None:
    assert match_state(written) == current(code)


@pytest.mark.parametrize("code", ["XKX", "XXA", "AAA", "AAZ", "QMA", "QZZ", "XAA", "XZZ", "ZZA"])
def test_user_assigned_code_is_a_state(code: str) -> None:
    assert match_state(code) == current(code)
    assert is_state_code(code)
    assert code in state_codes()


@pytest.mark.parametrize("code", ["ABZ", "QLZ", "ZYZ", "JJJ", "YUG", "SUN", "pol", "PL", ""])
def test_code_that_nobody_assigned_is_no_state(code: str) -> None:
    assert match_state(code).code == ""
    assert not is_state_code(code)
    assert code not in state_codes()


@pytest.mark.parametrize(
    "written",
    [
        "Yugoslavia",
        "Federal Republic of Yugoslavia (Serbia and Montenegro)",
        "Serbia and Montenegro",
        "Czechoslovakia",
        "USSR",
        "German Democratic Republic",
        "YUG",
        "CSK",
        "DDR",
    ],
)
def test_state_that_is_no_more_is_told_as_such(written: str) -> None:
    assert match_state(written) == GONE


@pytest.mark.parametrize(
    ("former", "code"),
    [("Zaire", "COD"), ("Burma", "MMR"), ("Upper Volta", "BFA"), ("Dahomey", "BEN")],
)
def test_state_that_only_took_another_name_is_the_same_state(former: str, code: str) -> None:
    assert match_state(former) == current(code)


@pytest.mark.parametrize("written", ["", "  ", "Atlantis", "&#40;Unknown&#41;", "Польша", "-"])
def test_name_that_nobody_knows_is_told_as_such(written: str) -> None:
    assert match_state(written) == UNKNOWN


def test_every_name_of_iso_is_found() -> None:
    for country in pycountry.countries:
        assert match_state(country.name) == current(country.alpha_3), country.name
        assert match_state(country.alpha_3) == current(country.alpha_3)


def test_every_code_has_a_situation_and_a_name() -> None:
    codes = state_codes()

    assert len(codes) == len(set(codes)) == len(pycountry.countries) + 26 * (1 + 14 + 26 + 1)
    assert list(codes) == sorted(codes)
    assert all(is_state_code(code) for code in codes)


@pytest.mark.parametrize(
    ("code", "name"),
    [
        ("POL", "Poland"),
        ("XKX", "Kosovo"),
        ("XXA", "Invented State (XXA)"),
        ("MDA", "Republic of Moldova"),
        ("QMA", "QMA"),
        ("JJJ", "JJJ"),
    ],
)
def test_code_is_shown_under_a_name_that_people_know(code: str, name: str) -> None:
    assert state_name(code) == name
