"""One page of a view: documents by facets, words and a range of the order, after a token.

A page starts where the one before ended, by place in the order and id; nothing is counted from the
start. The facet that fewest documents have leads, and the others are looked up for each of its own.
"""

import base64
import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final, NamedTuple

from eventsourcing.sqlite import SQLiteCursor

from registry.domain.identifiers import CaseId
from registry.errors import InvalidRequest

_PROBED: Final = 1000
"""Facets are compared by how many documents have them, up to so many."""
_ID_SIZE_BYTES: Final = 8
_SINGLE: Final = (
    "EXISTS (SELECT 1 FROM facets g WHERE g.view = f.view AND g.name = ? AND g.value = ? "
    "AND g.sort = f.sort AND g.id = f.id)"
)
_SEVERAL: Final = (
    "f.id IN (SELECT g.id FROM facets g WHERE g.view = ? AND g.name = ? AND g.value IN ({}))"
)
_WORD: Final = re.compile(r"\w+")
WORDS_MAX: Final = 20


@dataclass(frozen=True, slots=True)
class Query:
    """What to read of a view.

    Attributes:
        view: such as `case`.
        limit: documents at most, from 1.
        token: from the page before; empty = from the start.
        facets: by name, one of these values each; a name without values asks nothing.
        since: the first place in the order that is wanted; empty = open.
        before: the first place that is not wanted any more; empty = open.
        text: words that all stand in the document, the last one perhaps cut short; empty = any.
        is_ascending: smallest `sort` first; else the largest.
        hidden: cases that are left out, as if they were not there.
    """

    view: str
    limit: int
    token: str = ""
    facets: tuple[tuple[str, tuple[str, ...]], ...] = ()
    since: str = ""
    before: str = ""
    text: str = ""
    is_ascending: bool = False
    hidden: Collection[CaseId] = ()


class Page(NamedTuple):
    """Rows of some documents, and where the next page starts (empty = no more)."""

    rows: tuple[str, ...]
    next_token: str


def read_page(cursor: SQLiteCursor, query: Query) -> Page:
    """Reads one page.

    Raises:
        InvalidRequest: the token is not one of ours, or there are too many words.
    """
    wanted = [(name, values) for name, values in query.facets if values]
    leader = _leader(cursor, query.view, wanted)
    parameters: list[object] = [query.view]
    where = ["f.view = ?"]
    if leader is None:
        source = "documents f"
        row = "f.row"
    else:
        source, row = "facets f CROSS JOIN documents d ON d.id = f.id", "d.row"
        where.append("f.name = ? AND f.value = ?")
        parameters += [leader[0], leader[1][0]]
    for name, values in wanted:
        if (name, values) == leader:
            continue
        where.append(_SINGLE if len(values) == 1 else _SEVERAL.format(", ".join("?" * len(values))))
        parameters += [*(() if len(values) == 1 else (query.view,)), name, *values]
    _add_range(query, where, parameters)
    if query.text:
        where.append("f.id IN (SELECT rowid FROM texts WHERE texts MATCH ?)")
        parameters.append(_match(query.text))
    if query.hidden:
        marks = ", ".join("?" * len(query.hidden))
        case_id = "f.case_id" if leader is None else "d.case_id"
        where.append(f"{case_id} NOT IN ({marks})")
        parameters += query.hidden
    direction = "ASC" if query.is_ascending else "DESC"
    # Only constant fragments and question marks are joined; every value is a parameter.
    cursor.execute(
        f"SELECT f.sort, f.id, {row} AS row FROM {source} WHERE {' AND '.join(where)} "  # noqa: S608
        f"ORDER BY f.sort {direction}, f.id {direction} LIMIT ?",
        (*parameters, query.limit + 1),
    )
    found = cursor.fetchall()
    rows = found[: query.limit]
    is_last = len(found) <= query.limit
    token = "" if is_last else _token(rows[-1]["sort"], rows[-1]["id"])
    return Page(tuple(each["row"] for each in rows), token)


def _leader(
    cursor: SQLiteCursor, view: str, wanted: list[tuple[str, tuple[str, ...]]]
) -> tuple[str, tuple[str, ...]] | None:
    """The facet with a single value that fewest documents have; None = there is none."""
    single = [each for each in wanted if len(each[1]) == 1]
    if len(single) <= 1:
        return single[0] if single else None

    return min(
        single, key=lambda each: count_with(cursor, view, (each[0], each[1][0]), at_most=_PROBED)
    )


def count_with(cursor: SQLiteCursor, view: str, facet: tuple[str, str], at_most: int) -> int:
    """How many documents of a view have a facet, up to so many."""
    cursor.execute(
        "SELECT count(*) FROM (SELECT 1 FROM facets "
        "WHERE view = ? AND name = ? AND value = ? LIMIT ?)",
        (view, *facet, at_most),
    )
    return int(cursor.fetchone()[0])


def _add_range(query: Query, where: list[str], parameters: list[object]) -> None:
    if query.token:
        where.append(f"(f.sort, f.id) {'>' if query.is_ascending else '<'} (?, ?)")
        parameters += _read_token(query.token)
    if query.since:
        where.append("f.sort >= ?")
        parameters.append(query.since)
    if query.before:
        where.append("f.sort < ?")
        parameters.append(query.before)


def _match(text: str) -> str:
    """The words as FTS5 takes them; the last may be the beginning of one."""
    words = _WORD.findall(text)
    if not 1 <= len(words) <= WORDS_MAX:
        msg = f"text: 1 to {WORDS_MAX} words are searched"
        raise InvalidRequest(msg)
    return " ".join(f'"{word}"' for word in words) + "*"


def _token(sort: str, document_id: int) -> str:
    return base64.urlsafe_b64encode(document_id.to_bytes(_ID_SIZE_BYTES) + sort.encode()).decode()


def _read_token(token: str) -> tuple[str, int]:
    try:
        raw = base64.b64decode(token.encode(), altchars=b"-_", validate=True)
        sort = raw[_ID_SIZE_BYTES:].decode()
    except ValueError:
        raw, sort = b"", ""
    number = int.from_bytes(raw[:_ID_SIZE_BYTES])
    if number >= 2**63 or len(raw) < _ID_SIZE_BYTES or _token(sort, number) != token:
        msg = "this page token is not one that this list gave; start from the first page"
        raise InvalidRequest(msg)
    return sort, number
