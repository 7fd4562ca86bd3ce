"""Clock and randomness of a run of the command line: `main` brings the system's."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import typer

_REQUEST_ID_BYTES: Final = 16


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What commands take from outside.

    Attributes:
        now_ms: the clock, milliseconds UTC.
        random_bytes: as many random bytes as asked.
    """

    now_ms: Callable[[], int]
    random_bytes: Callable[[int], bytes]

    def new_request_id(self) -> str:
        """A request id that nobody else has."""
        return self.random_bytes(_REQUEST_ID_BYTES).hex()


def surroundings_of(context: typer.Context) -> Surroundings:
    """What the composition root put into a command's context."""
    found = context.find_object(Surroundings)
    assert found is not None  # noqa: S101 - the root callback puts it there before any command
    return found
