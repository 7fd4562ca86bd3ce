"""States: names and codes to ISO 3166 alpha-3, from pycountry and our list of other spellings.

User-assigned codes (AAA-AAZ, QMA-QZZ, XAA-XZZ, ZZA-ZZZ, such as XKX and XXA) are allowed. States
that are no more are recognised and told apart from names that nobody knows. A State that only took
another name is the same State.
"""

import re
import tomllib
import unicodedata
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from importlib.resources import files
from typing import Final

import pycountry

_USER_ASSIGNED: Final = re.compile(r"AA[A-Z]|Q[M-Z][A-Z]|X[A-Z]{2}|ZZ[A-Z]")
_CODE: Final = re.compile(r"[A-Z]{3}")


class StateStatus(Enum):
    """What is known of a name or code."""

    CURRENT = "current"
    NO_LONGER_EXISTS = "no_longer_exists"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class StateMatch:
    """A State that was looked for; `code` is empty unless it is current."""

    status: StateStatus
    code: str


def match_state(text: str) -> StateMatch:
    """Finds a State by its alpha-3 code or by a name in one of the spellings known."""
    text = text.strip()
    if _CODE.fullmatch(text) and (_USER_ASSIGNED.fullmatch(text) or text in _tables().codes):
        return StateMatch(StateStatus.CURRENT, text)
    key = _fold(text)
    code = _tables().names.get(key)
    if code:
        return StateMatch(StateStatus.CURRENT, code)
    if key in _tables().former:
        return StateMatch(StateStatus.NO_LONGER_EXISTS, "")
    return StateMatch(StateStatus.UNKNOWN, "")


def is_state_code(code: str) -> bool:
    """Whether an alpha-3 code is assigned, by ISO or by users."""
    return code in _tables().codes or bool(_USER_ASSIGNED.fullmatch(code))


def state_name(code: str) -> str:
    """A readable name; an unknown code is its own name."""
    return _tables().codes.get(code, code)


@lru_cache(maxsize=1)
def state_codes() -> tuple[str, ...]:
    """Every code a situation file can exist for: assigned by ISO, and user-assigned."""
    letters = [chr(number) for number in range(ord("A"), ord("Z") + 1)]
    every = (a + b + c for a in "AQXZ" for b in letters for c in letters)
    user_assigned = [code for code in every if _USER_ASSIGNED.fullmatch(code)]
    return tuple(sorted({*_tables().codes, *user_assigned}))


@dataclass(frozen=True, slots=True)
class _Tables:
    codes: dict[str, str]
    names: dict[str, str]
    former: frozenset[str]


@lru_cache(maxsize=1)
def _tables() -> _Tables:
    data = tomllib.loads((files(__package__) / "states.toml").read_text(encoding="utf-8"))
    codes = {country.alpha_3: country.name for country in pycountry.countries}
    names: dict[str, str] = {}
    for country in pycountry.countries:
        for attribute in ("name", "official_name", "common_name"):
            name = getattr(country, attribute, None)
            if name:
                names[_fold(name)] = country.alpha_3
    names.update({_fold(name): code for name, code in data["spellings"].items()})
    codes.update(data["names"])
    former = {_fold(country.name) for country in pycountry.historic_countries}
    former.update(_fold(name) for name in data["former"]["names"])
    former.update(country.alpha_3.casefold() for country in pycountry.historic_countries)
    return _Tables(codes, names, frozenset(former - names.keys()))


def _fold(name: str) -> str:
    """Ignores case, accents, punctuation, small words, and how Saint is written."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    words = re.sub(r"[^a-z0-9]+", " ", plain.casefold()).split()
    kept = (word for word in words if word not in {"the", "of", "and"})
    return " ".join("saint" if word == "st" else word for word in kept)
