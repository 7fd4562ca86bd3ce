"""One invented example of each kind, from examples.toml; every field of its own is set."""

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from registry.domain.content.act import ActContent
from registry.domain.content.encoding import read_content
from registry.domain.vocabulary import EventKind, kind_code


@cache
def example_fields() -> Mapping[str, Mapping[str, Any]]:
    """The fields of the examples by the code of the kind."""
    return tomllib.loads((files(__package__) / "examples.toml").read_text(encoding="utf-8"))


def example_of(kind: EventKind, **changed: Any) -> ActContent:  # noqa: ANN401 - fields of any kind
    """An example, with other values for some fields.

    Raises:
        InvalidContent: what was changed breaks the rules of the kind.
    """
    return read_content(kind, {**example_fields()[kind_code(kind)], **changed})
