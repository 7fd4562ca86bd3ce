"""What is asked for of a log's content, cut into reads of entries and into calls to a peer."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from registry.log.entry import PartCommitment

ENTRIES_AT_ONCE: Final = 500
_REQUEST_PARTS: Final = 500
_GAP_MAX: Final = 16
"""Wanted parts that are no further apart are read with all entries between them."""


@dataclass(frozen=True, slots=True)
class WantedPart:
    """One part to ask for."""

    index: int
    ordinal: int
    commitment: PartCommitment

    @property
    def place(self) -> tuple[int, int]:
        """Where it is in its log."""
        return self.index, self.ordinal


def opening_times(wanted: Sequence[WantedPart]) -> dict[tuple[int, int], int]:
    """When those under an embargo may be asked for."""
    return {p.place: p.commitment.not_before_ms for p in wanted if p.commitment.not_before_ms}


def runs(places: Sequence[tuple[int, int]]) -> Iterator[list[tuple[int, int]]]:
    """Cuts sorted places where entries lie between that it is not worth to read."""
    run = list(places[:1])
    for (before, _), place in pairwise(places):
        if place[0] - before > _GAP_MAX or place[0] - run[0][0] >= ENTRIES_AT_ONCE:
            yield run
            run = []
        run.append(place)
    if run:
        yield run


def requests(wanted: Sequence[WantedPart], room_bytes: int) -> Iterator[list[WantedPart]]:
    """Cuts a list into requests of about so many bytes."""
    request: list[WantedPart] = []
    claimed = 0
    for part in wanted:
        class_bytes = part.commitment.padded_size
        is_full = len(request) == _REQUEST_PARTS or claimed + class_bytes > room_bytes
        if request and is_full:
            yield request
            request, claimed = [], 0
        request.append(part)
        claimed += class_bytes
    if request:
        yield request
