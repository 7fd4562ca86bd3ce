"""Regions: which States a regional mechanism deals with, from regions.toml."""

import tomllib
from collections.abc import Collection, Mapping
from functools import cache
from importlib.resources import files
from typing import Literal, NamedTuple, TypeAlias

Reach: TypeAlias = Literal["applies", "to_be_confirmed", "does_not_apply"]
WORLD = ""
"""The region of a mechanism that deals with every State."""


class Region(NamedTuple):
    """A region: its name, its States, and those of which it is yet to be confirmed."""

    name: str
    states: frozenset[str]
    to_be_confirmed: frozenset[str]


@cache
def regions() -> Mapping[str, Region]:
    """All regions by their codes."""
    text = (files(__package__) / "regions.toml").read_text(encoding="utf-8")
    return {
        code: Region(row["name"], frozenset(row["states"]), frozenset(row["to_be_confirmed"]))
        for code, row in tomllib.loads(text).items()
    }


def reach_of(region: str, states: Collection[str]) -> Reach:
    """Whether a mechanism of a region deals with a case.

    Args:
        region: code of a region, or `WORLD`.
        states: the States that the case concerns; none = nobody has said which.
    """
    if region == WORLD:
        return "applies"
    found = regions()[region]
    if not found.states.isdisjoint(set(states) - found.to_be_confirmed):
        return "applies"
    if not states or not found.to_be_confirmed.isdisjoint(states):
        return "to_be_confirmed"
    return "does_not_apply"
