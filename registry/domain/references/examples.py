"""Examples of each scheme, from examples.toml: spellings that meet."""

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files


@cache
def example_references() -> Mapping[str, tuple[str, ...]]:
    """Spellings by scheme; all of one scheme name the same thing."""
    data = tomllib.loads((files(__package__) / "examples.toml").read_text(encoding="utf-8"))
    return {scheme: tuple(spellings) for scheme, spellings in data.items()}
