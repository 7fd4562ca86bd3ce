"""Finds protected names in text, whatever its case, accents and punctuation.

A name is found as a whole, word by word, and by its last word alone if that has four letters or
more. Scripts that put no spaces between words are searched letter by letter. Nobody can find every
nickname and transcription: this catches slips, and an officer decides what it finds.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from pydantic import BaseModel

_SURNAME_MIN: Final = 4
_WORD: Final = re.compile(r"[^\W_]+")
_UNSPACED: Final = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff]")
_LETTERS: Final = str.maketrans(
    dict(zip("\u0142\xf8\u0111\xf0\u0127\u0131\u0167", "loddhit", strict=True))
    | {"\xe6": "ae", "\u0153": "oe"}
)
"""Letters that carry no separable accent."""


def find_names(texts: Iterable[str], names: Mapping[str, Iterable[str]]) -> frozenset[str]:
    """Returns the keys of those whose name stands in one of the texts.

    Args:
        texts: what would leave.
        names: the names of each person, by any key.
    """
    folded = [_fold(text) for text in texts]
    words = [f" {' '.join(_WORD.findall(text))} " for text in folded]
    whole = ["".join(_WORD.findall(text)) for text in folded]
    return frozenset(
        key for key, known in names.items() if any(_stands_in(name, words, whole) for name in known)
    )


def texts_of(content: BaseModel) -> Iterator[str]:
    """Every text of content but the names and ids of persons."""
    for name, value in content:
        if name == "persons":
            yield from (person.role for person in value)
        else:
            yield from _texts_in(value)


def _texts_in(value: Any) -> Iterator[str]:  # noqa: ANN401 - any field of any model
    if isinstance(value, str):
        yield value
    elif isinstance(value, BaseModel):
        for _, inner in value:
            yield from _texts_in(inner)
    elif isinstance(value, tuple | list):
        for inner in value:
            yield from _texts_in(inner)


def _fold(text: str) -> str:
    decomposed = unicodedata.normalize("NFKD", text)
    plain = "".join(c for c in decomposed if unicodedata.category(c) not in {"Mn", "Cf"})
    return plain.casefold().translate(_LETTERS)


def _stands_in(name: str, words: list[str], whole: list[str]) -> bool:
    parts = _WORD.findall(_fold(name))
    if not parts:
        return False
    if _UNSPACED.search(name):
        joined = "".join(parts)
        return any(joined in text for text in whole)
    wanted = [" ".join(parts)]
    if len(parts[-1]) >= _SURNAME_MIN:
        wanted.append(parts[-1])
    return any(f" {each} " in text for each in wanted for text in words)
