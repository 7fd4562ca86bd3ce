"""Finds protected names in text, whatever its case, accents and punctuation.

A name is found as a whole, word by word, and by its last word alone if that has four letters or
more. Scripts that put no spaces between words are searched letter by letter. Nobody can find every
nickname and transcription: this catches slips, and an officer decides what it finds.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from typing import Any, Final

from pydantic import BaseModel

_SURNAME_MIN: Final = 4
_WORD: Final = re.compile(r"[^\W_]+")
_END: Final = "\x1e"
"""Stands between two texts: no name goes over it."""
_WORD_OR_END: Final = re.compile(rf"[^\W_]+|{_END}")
_KEPT: Final = 8192
"""Letters that are folded once and kept; there are more, but hardly in one registry."""
_UNSPACED: Final = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff]")
_LETTERS: Final = str.maketrans(
    dict(zip("\u0142\xf8\u0111\xf0\u0127\u0131\u0167", "loddhit", strict=True))
    | {"\xe6": "ae", "\u0153": "oe"}
)
"""Letters that carry no separable accent."""


class _Folding(dict[int, str | None]):
    """What a letter of decomposed text becomes, worked out when it is first met; None = nothing."""

    def __missing__(self, code: int) -> str | None:
        letter = chr(code)
        is_mark = unicodedata.category(letter) in {"Mn", "Cf"}
        folded = None if is_mark else letter.casefold().translate(_LETTERS)
        if len(self) < _KEPT:
            self[code] = folded
        return folded


_FOLDING: Final = _Folding()


def find_names(texts: Iterable[str], names: Mapping[str, Iterable[str]]) -> frozenset[str]:
    """Returns the keys of those whose name stands in one of the texts.

    Args:
        texts: what would leave.
        names: the names of each person, by any key.
    """
    text = _fold(f" {_END} ".join(each.replace(_END, " ") for each in texts))
    words = f" {' '.join(_WORD_OR_END.findall(text))} "
    return frozenset(
        key for key, known in names.items() if any(_stands_in(name, words) for name in known)
    )


class Sought:
    """Names that are looked for in many contents, made ready once."""

    def __init__(self, names: Mapping[str, Iterable[str]]) -> None:
        """Takes the names of each person, by any key."""
        self._names = {key: tuple(known) for key, known in names.items()}
        every = {name for known in self._names.values() for name in known}
        self._last_words = frozenset(words[-1] for name in every if (words := _words_of(name)))
        self._has_unspaced = any(map(_UNSPACED.search, every))

    def find_in(self, content: BaseModel) -> frozenset[str]:
        """Returns the keys of those whose name stands in a text, but the names of persons."""
        if not self._names:
            return frozenset()
        texts = texts_of(content)
        if not self._has_unspaced:
            # In most content there is nothing like a name. That a last word is part of another
            # word is not looked at here.
            everything = _fold(_END.join(texts))
            if not any(word in everything for word in self._last_words):
                return frozenset()
        return find_names(texts, self._names)


def texts_of(content: BaseModel) -> list[str]:
    """Every text of content but the names and ids of persons."""
    found: list[str] = []
    for name, value in vars(content).items():
        # Most fields are empty, and most of the others are texts.
        if not value:
            continue
        if isinstance(value, str):
            found.append(value)
        elif name == "persons":
            found += [person.role for person in value]
        else:
            _add_texts(found, value)
    return found


def _add_texts(found: list[str], value: Any) -> None:  # noqa: ANN401 - any field of any model
    if isinstance(value, str):
        found.append(value)
    elif isinstance(value, BaseModel):
        for inner in vars(value).values():
            _add_texts(found, inner)
    elif isinstance(value, (tuple, list)):
        for inner in value:
            _add_texts(found, inner)


def _fold(text: str) -> str:
    if text.isascii():
        return text.lower()
    return unicodedata.normalize("NFKD", text).translate(_FOLDING)


def _words_of(name: str) -> list[str]:
    return _WORD.findall(_fold(name))


def _stands_in(name: str, text: str) -> bool:
    words = _words_of(name)
    if not words:
        return False
    if _UNSPACED.search(name):
        return "".join(words) in text.replace(" ", "")
    if f" {' '.join(words)} " in text:
        return True
    return len(words[-1]) >= _SURNAME_MIN and f" {words[-1]} " in text
