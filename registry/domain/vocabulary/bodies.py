"""Bodies that act: who adopted, sent, published. Data in bodies.toml; unknown codes are allowed."""

import tomllib
from dataclasses import dataclass
from importlib.resources import files
from typing import Final


@dataclass(frozen=True, slots=True)
class Body:
    """A body's code, English name, nature, and whether it has yet to confirm them."""

    code: str
    name: str
    nature: str
    to_be_confirmed: bool


def _load() -> dict[str, Body]:
    data = tomllib.loads((files(__package__) / "bodies.toml").read_text(encoding="utf-8"))
    return {
        code: Body(code, body["name"], body["nature"], body.get("to_be_confirmed", False))
        for code, body in data.items()
    }


_BODIES: Final = _load()


def body_name(code: str) -> str:
    """Returns a body's English name; an unknown code is its own name."""
    body = _BODIES.get(code)
    return body.name if body else code


def known_bodies() -> tuple[Body, ...]:
    """All bodies of the vocabulary, by code."""
    return tuple(_BODIES[code] for code in sorted(_BODIES))
