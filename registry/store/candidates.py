"""Reads documents that share the most of some facets' values, and documents by their keys.

For searches that compare what they read: the database gives candidates, never an answer.
"""

from collections.abc import Collection, Sequence
from typing import NamedTuple

from eventsourcing.sqlite import SQLiteCursor

from registry.domain.identifiers import CaseId


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
    """The rows of the documents that share most, most first; of equals the newest."""
    if not wanted.values:
        return []
    hidden = tuple(wanted.hidden)
    without = f"WHERE d.case_id NOT IN ({_marks(hidden)})" if hidden else ""
    # Counted in the facets alone, where nothing else is read; only marks are joined in.
    cursor.execute(
        "SELECT d.row FROM (SELECT id, count(*) AS shared FROM facets "  # noqa: S608
        f"WHERE view = ? AND name = ? AND value IN ({_marks(wanted.values)}) GROUP BY id) f "
        f"JOIN documents d ON d.id = f.id {without} ORDER BY f.shared DESC, f.id DESC LIMIT ?",
        (wanted.view, wanted.facet, *wanted.values, *hidden, wanted.limit),
    )
    return [str(row["row"]) for row in cursor.fetchall()]


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
