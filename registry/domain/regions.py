"""Regions of States, read from regions.toml: those of the United Nations' M49 standard."""

import tomllib
from functools import cache
from importlib.resources import files


def region_of(state: str) -> str:
    """The code of a State's region, such as `africa`; empty = it is in none, or not known."""
    return _regions().get(state, "")


def region_codes() -> tuple[str, ...]:
    """The codes of all regions."""
    return tuple(dict.fromkeys(_regions().values()))


@cache
def _regions() -> dict[str, str]:
    data = tomllib.loads((files(__package__) / "regions.toml").read_text(encoding="utf-8"))
    return {state: region for region, states in data.items() for state in states.split()}
