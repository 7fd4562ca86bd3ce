"""The secrets of private matchings that are under way: a table of the office database.

A secret lives as long as its matching is of use, and is then forgotten: without it nobody, this
node included, can tell again which points stood for which names. So it is where content was erased
that the names may be from.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Final, NamedTuple

from eventsourcing.sqlite import SQLiteCursor

from registry.domain.identifiers import CaseId
from registry.store.connections import translated
from registry.store.encrypted import EncryptedDatastore

TABLE: Final = """CREATE TABLE IF NOT EXISTS matching_sides (
    key BLOB PRIMARY KEY, made_ms INTEGER NOT NULL, secret BLOB NOT NULL, names TEXT NOT NULL,
    case_id BLOB NOT NULL, erased_before INTEGER NOT NULL, confirmation TEXT NOT NULL,
    content TEXT NOT NULL) WITHOUT ROWID"""
EARLIER: Final = "DROP TABLE IF EXISTS matchings"
"""Of rows that did not say which case they are of: whoever wants such a result asks again."""


class MatchingRow(NamedTuple):
    """What one side of a matching keeps.

    Attributes:
        key: of the matching, 32 bytes.
        made_ms: when, milliseconds UTC.
        secret: of this side, 32 bytes.
        names: of this side, as they were blinded; JSON.
        case_id: the case of the question.
        erased_before: how many parts were erased by then of what the names may be from.
        confirmation: of the question's preview; at who is asked, what stands for its own points.
        content: the question as it was previewed; empty at who is asked.
    """

    key: bytes
    made_ms: int
    secret: bytes
    names: str
    case_id: CaseId
    erased_before: int
    confirmation: str = ""
    content: str = ""


class MatchingAge(NamedTuple):
    """What tells whether a side is still to be kept: see `MatchingRow`; whether this node asked."""

    key: bytes
    made_ms: int
    case_id: CaseId
    erased_before: int
    is_asker: bool


class MatchingBook:
    """The table; for any thread."""

    def __init__(self, datastore: EncryptedDatastore) -> None:
        """Uses the office's database, in which the table is made already."""
        self._datastore = datastore
        self._must_truncate = False

    def keep(self, row: MatchingRow) -> None:
        """Keeps a side, in the place of one with the same key."""
        with self._transaction(commit=True) as cursor:
            cursor.execute(
                "INSERT OR REPLACE INTO matching_sides VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row
            )

    def ages(self) -> list[MatchingAge]:
        """How old every side is."""
        with self._transaction(commit=False) as cursor:
            cursor.execute(
                "SELECT key, made_ms, case_id, erased_before, content != '' FROM matching_sides"
            )
            ages = [MatchingAge(*each) for each in cursor.fetchall()]
        return [
            each._replace(case_id=CaseId(each.case_id), is_asker=bool(each.is_asker))
            for each in ages
        ]

    def forget(self, keys: Iterable[bytes]) -> None:
        """Forgets sides; while no reader holds the file, their bytes are in it no more."""
        gone = [(key,) for key in keys]
        if gone:
            with self._transaction(commit=True) as cursor:
                cursor.executemany("DELETE FROM matching_sides WHERE key = ?", gone)
            self._must_truncate = True
        if self._must_truncate:
            # Cleared first: what another thread forgets meanwhile is noted again.
            self._must_truncate, is_empty = False, False
            try:
                is_empty = self._datastore.truncate_wal()
            finally:
                self._must_truncate = self._must_truncate or not is_empty

    def of_key(self, key: bytes) -> MatchingRow | None:
        """A side, by its matching."""
        return self._one("SELECT * FROM matching_sides WHERE key = ?", key)

    def of_confirmation(self, confirmation: str) -> MatchingRow | None:
        """A side, by the confirmation of its preview, or by what stands for its points."""
        return self._one("SELECT * FROM matching_sides WHERE confirmation = ?", confirmation)

    def _one(self, statement: str, value: bytes | str) -> MatchingRow | None:
        with self._transaction(commit=False) as cursor:
            cursor.execute(statement, (value,))
            row = cursor.fetchone()
        return None if row is None else _row(row)

    @contextmanager
    def _transaction(self, *, commit: bool) -> Iterator[SQLiteCursor]:
        with translated(), self._datastore.transaction(commit=commit) as cursor:
            yield cursor


def _row(row: Any) -> MatchingRow:  # noqa: ANN401 - a row of the database
    found = MatchingRow(*row)
    return found._replace(case_id=CaseId(found.case_id))
