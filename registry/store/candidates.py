"""Reads documents that share the most of some facets' values, and documents by their keys.

For searches that compare what they read: the database gives candidates, never an answer.
"""

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from typing import Final, NamedTuple

from eventsourcing.sqlite import SQLiteCursor

from registry.domain.identifiers import CaseId
from registry.store.read_queries import count_with

_COUNTED: Final = 20_000
"""So many places of values in documents are counted at most, those of the rarest first."""


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

    Values that fewest documents have are counted first. Where all together are too many to be
    counted, what nearly all share only ranks what the others found.
    """
    shared: Counter[int] = Counter()
    for found, is_all in _ids_by_value(cursor, wanted):
        # Some of those with a common value say nothing of the others: they rank what was found.
        shared.update(found if is_all or not shared else (each for each in found if each in shared))
    best = sorted(shared, key=lambda each: (shared[each], each), reverse=True)
    rows: list[str] = []
    for start in range(0, len(best), wanted.limit):
        rows += _rows_in_order(cursor, best[start : start + wanted.limit], wanted.hidden)
        if len(rows) >= wanted.limit:
            break
    return rows[: wanted.limit]


def _ids_by_value(cursor: SQLiteCursor, wanted: Sharing) -> Iterator[tuple[list[int], bool]]:
    """The documents with each value, rarest value first, and whether it is all of them."""
    often = sorted(
        (count_with(cursor, wanted.view, (wanted.facet, value), _COUNTED), value)
        for value in set(wanted.values)
    )
    left = _COUNTED
    for number, value in often:
        # As one text: a row for each of thousands of ids takes ten times as long.
        cursor.execute(
            "SELECT group_concat(id) AS ids FROM (SELECT id FROM facets WHERE view = ? "
            "AND name = ? AND value = ? ORDER BY sort DESC, id DESC LIMIT ?)",
            (wanted.view, wanted.facet, value, left),
        )
        ids = str(cursor.fetchone()["ids"] or "")
        yield [int(each) for each in ids.split(",") if each], number <= left
        left -= number
        if left <= 0:
            return


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
