"""Good practices found again from a case: what they share with it, in which order; and regions."""

import tomllib
from dataclasses import dataclass
from importlib.resources import files
from typing import Final

import pycountry

from registry.domain.practices import Needs, Reason, rank, reasons_for
from registry.domain.regions import region_codes, region_of

IN_NO_REGION: Final = {"ATA"}


@dataclass(frozen=True)
class Practice:
    name: str
    themes: tuple[str, ...] = ()
    states: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()
    instruments: tuple[str, ...] = ()
    date: str = ""


NEEDS: Final = Needs(
    themes=frozenset({"reprisals", "impunity"}),
    states=frozenset({"KEN"}),
    instruments=frozenset({"un.ua"}),
)


def ranked(*practices: Practice) -> list[str]:
    return [each.name for each, _ in rank(practices, NEEDS)]


def test_reasons_tell_all_that_a_practice_shares_with_a_case() -> None:
    practice = Practice(
        "all",
        themes=("torture", "reprisals"),
        states=("KEN", "POL"),
        regions=("africa",),
        instruments=("un.ua", "achpr.appeal"),
    )

    assert reasons_for(practice, NEEDS) == (
        Reason("theme", "reprisals"),
        Reason("state", "KEN"),
        Reason("region", "africa"),
        Reason("untried_instrument", "achpr.appeal"),
    )


def test_practice_that_shares_neither_theme_nor_state_is_left_out() -> None:
    near = Practice("near", themes=("torture",), states=("UGA",), instruments=("achpr.appeal",))

    assert reasons_for(near, NEEDS) == ()
    assert ranked(near, Practice("nothing")) == []
    assert ranked(Practice("state", states=("KEN",))) == ["state"]


def test_more_themes_come_first_then_state_region_instruments_and_date() -> None:
    both = Practice("both themes", themes=("reprisals", "impunity"))
    state = Practice("its State", themes=("reprisals",), states=("KEN",))
    region = Practice("its region", themes=("reprisals",), states=("UGA",))
    untried = Practice("not tried", themes=("reprisals",), instruments=("achpr.appeal",))
    tried = Practice("tried", themes=("reprisals",), instruments=("un.ua",), date="2026-01")
    older = Practice("older", themes=("reprisals",), date="2025-12-31")
    undated = Practice("undated", themes=("reprisals",))
    wanted = [both, state, region, untried, tried, older, undated]

    assert ranked(*reversed(wanted)) == [each.name for each in wanted]
    assert ranked(*wanted) == [each.name for each in wanted]


def test_case_without_themes_and_states_finds_nothing() -> None:
    empty = Needs(frozenset(), frozenset(), frozenset())

    assert rank([Practice("any", themes=("reprisals",), states=("KEN",))], empty) == []


def test_every_state_is_in_exactly_one_region() -> None:
    codes = {country.alpha_3 for country in pycountry.countries}
    without = {code for code in codes if not region_of(code)}

    assert without == IN_NO_REGION
    assert region_codes() == ("africa", "americas", "asia", "europe", "oceania")
    known = {"KEN": "africa", "CHL": "americas", "TUR": "asia", "XKX": "europe", "FJI": "oceania"}
    assert {code: region_of(code) for code in known} == known
    assert region_of("XXA") == ""


def test_no_code_of_a_region_is_written_twice_or_unknown() -> None:
    text = (files("registry.domain") / "regions.toml").read_text(encoding="utf-8")
    written = [code for states in tomllib.loads(text).values() for code in states.split()]
    codes = {country.alpha_3 for country in pycountry.countries} | {"XKX"}

    assert len(written) == len(set(written))
    assert set(written) <= codes
