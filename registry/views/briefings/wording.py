"""The words of a briefing in its language, from labels/*.toml; content stays as it was written."""

import gettext
import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Final

import pycountry

from registry.domain.states import state_name
from registry.domain.vocabulary import kind_title, label

LANGUAGES: Final = ("en", "fr", "es")
"""English, French, Spanish."""


@cache
def wording(language: str) -> Mapping[str, Mapping[str, str]]:
    """All words of one of `LANGUAGES`, by section and name.

    Raises:
        KeyError: there are none in that language.
    """
    if language not in LANGUAGES:
        raise KeyError(language)
    text = (files(__package__) / "labels" / f"{language}.toml").read_text(encoding="utf-8")
    found: Mapping[str, Mapping[str, str]] = tomllib.loads(text)
    return found


class Words:
    """The words of one language."""

    def __init__(self, language: str) -> None:
        self.language = language
        self._words = wording(language)

    def __call__(self, name: str, **values: object) -> str:
        """A text of the briefing, with values in their places; values are never read as text."""
        return self._words["texts"][name].format_map(values)

    def code(self, code: str) -> str:
        """A code that content models know, such as `transferred`; an unknown one as it is."""
        return self._words["codes"].get(code) or label("words", code, self.language)

    def kind(self, code: str) -> str:
        """A kind of event."""
        return kind_title(code, self.language)

    def theme(self, code: str) -> str:
        """A theme."""
        return label("themes", code, self.language)

    def state(self, code: str) -> str:
        """A State: name and code."""
        name = state_name(code)
        if name == code or name.endswith(f"({code})"):
            return name
        return f"{_translations(self.language).gettext(name)} ({code})"


@cache
def _translations(language: str) -> gettext.NullTranslations:
    """The names of States as ISO's translators write them."""
    return gettext.translation(
        "iso3166-1", pycountry.LOCALES_DIR, languages=[language], fallback=True
    )
