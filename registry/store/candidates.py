"""Reads documents that share the most of some facets' values, and documents by their keys.

For searches that compare what they read: the database gives candidates, never an answer.
"""

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from typing import Final, NamedTuple

from eventsourcing.sqlite import SQLiteCursor

from registry.domain.identifiers import CaseId
from registry.store.read_queries import count_with

_COUNTED: Final = 10_000
"""So many documents at most are counted by the values that they have."""


class Sharing(NamedTuple):
    """What documents are wanted: those with the most of the values of one facet.

    Attributes:
        view: such as `name`.
        facet: name of the facet.
        values: of it; a document needs one of them at least.
        limit: documents at most.
        hidden: cases that are left out, as if they were not there.
    """

    view: str
    facet: str
    values: Sequence[str]
    limit: int
    hidden: Collection[CaseId] = ()


def rows_sharing(cursor: SQLiteCursor, wanted: Sharing) -> list[str]:
    """The rows of the documents that share most, most first; of equals the newest.

    Values that fewest documents have are counted first. What nearly all share tells nothing, and is
    left out where all together are too many to be counted.
    """
    shared: Counter[int] = Counter()
    for found in _ids_by_value(cursor, wanted):
        shared.update(found)
    best = sorted(shared, key=lambda each: (shared[each], each), reverse=True)
    rows: list[str] = []
    for start in range(0, len(best), wanted.limit):
        rows += _rows_in_order(cursor, best[start : start + wanted.limit], wanted.hidden)
        if len(rows) >= wanted.limit:
            break
    return rows[: wanted.limit]


def _ids_by_value(cursor: SQLiteCursor, wanted: Sharing) -> Iterator[list[int]]:
    """The newest documents with each value, rarest value first, as many as can be counted."""
    often = sorted(
        (count_with(cursor, wanted.view, (wanted.facet, value), _COUNTED), value)
        for value in set(wanted.values)
    )
    counted = 0
    for number, value in often:
        counted += number
        if counted > _COUNTED and counted > number:
            return
        cursor.execute(
            "SELECT id FROM facets WHERE view = ? AND name = ? AND value = ? "
            "ORDER BY sort DESC, id DESC LIMIT ?",
            (wanted.view, wanted.facet, value, _COUNTED),
        )
        yield [row["id"] for row in cursor.fetchall()]


def _rows_in_order(
    cursor: SQLiteCursor, ids: Sequence[int], hidden: Collection[CaseId]
) -> list[str]:
    without = f"AND case_id NOT IN ({_marks(hidden)})" if hidden else ""
    cursor.execute(
        f"SELECT id, row FROM documents WHERE id IN ({_marks(ids)}) {without}",  # noqa: S608
        (*ids, *hidden),
    )
    rows = {row["id"]: str(row["row"]) for row in cursor.fetchall()}
    return [rows[each] for each in ids if each in rows]


def rows_with_keys(cursor: SQLiteCursor, view: str, keys: Collection[bytes]) -> list[str]:
    """The rows of the documents of a view that have one of some keys; in no order."""
    if not keys:
        return []
    cursor.execute(
        f"SELECT row FROM documents WHERE view = ? AND key IN ({_marks(keys)})",  # noqa: S608
        (view, *keys),
    )
    return [str(row["row"]) for row in cursor.fetchall()]


def _marks(values: Collection[object]) -> str:
    return ", ".join("?" * len(values))
