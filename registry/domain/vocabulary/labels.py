"""Labels of codes in five languages, from labels/*.toml; an unknown code is its own label."""

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Final, Literal, TypeAlias

Section: TypeAlias = Literal["kinds", "themes", "words"]
LANGUAGES: Final = ("en", "fr", "es", "pt", "ar")
"""English, French, Spanish, Portuguese, Arabic."""


@cache
def labels(language: str) -> Mapping[str, Mapping[str, str]]:
    """All labels of one of `LANGUAGES`, by section and code.

    Raises:
        KeyError: there are no labels in that language.
    """
    if language not in LANGUAGES:
        raise KeyError(language)
    text = (files(__package__) / "labels" / f"{language}.toml").read_text(encoding="utf-8")
    found: Mapping[str, Mapping[str, str]] = tomllib.loads(text)
    return found


def label(section: Section, code: str, language: str = "en") -> str:
    """The label of a code; of an unknown one the code itself."""
    return labels(language)[section].get(code, code)
