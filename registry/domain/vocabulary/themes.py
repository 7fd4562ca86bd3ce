"""Themes, read from themes.toml; unknown codes are allowed."""

import tomllib
from importlib.resources import files
from typing import Final

_THEMES: Final = tomllib.loads((files(__package__) / "themes.toml").read_text(encoding="utf-8"))

AGENDA: Final = tuple(code for code, theme in _THEMES.items() if theme["agenda"])
"""The themes on the agenda of the meeting of November 2014."""


def known_themes() -> tuple[str, ...]:
    """The codes of all themes, those of the agenda first."""
    return tuple(_THEMES)
