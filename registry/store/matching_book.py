"""The secrets of private matchings that are under way: a table of the office database.

A secret lives as long as its matching is of use, and is then forgotten: without it nobody, this
node included, can tell again which points stood for which names.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, NamedTuple

from eventsourcing.sqlite import SQLiteCursor

from registry.store.connections import translated
from registry.store.encrypted import EncryptedDatastore

TABLE: Final = """CREATE TABLE IF NOT EXISTS matchings (
    key BLOB PRIMARY KEY, made_ms INTEGER NOT NULL, secret BLOB NOT NULL, names TEXT NOT NULL,
    confirmation TEXT NOT NULL, content TEXT NOT NULL) WITHOUT ROWID"""


class MatchingRow(NamedTuple):
    """What one side of a matching keeps.

    Attributes:
        key: of the matching, 32 bytes.
        made_ms: when, milliseconds UTC.
        secret: of this side, 32 bytes.
        names: of this side, as they were blinded; JSON.
        confirmation: of the question's preview; at who is asked, what stands for its own points.
        content: the question as it was previewed; empty at who is asked.
    """

    key: bytes
    made_ms: int
    secret: bytes
    names: str
    confirmation: str = ""
    content: str = ""


class MatchingBook:
    """The table; for any thread."""

    def __init__(self, datastore: EncryptedDatastore) -> None:
        """Uses the office's database, in which the table is made already."""
        self._datastore = datastore

    def keep(self, row: MatchingRow) -> None:
        """Keeps a side, in the place of one with the same key."""
        with self._transaction(commit=True) as cursor:
            cursor.execute("INSERT OR REPLACE INTO matchings VALUES (?, ?, ?, ?, ?, ?)", row)

    def forget(self, *, before_ms: int) -> None:
        """Forgets what was made before a time; its bytes are in no file any more."""
        with self._transaction(commit=False) as cursor:
            cursor.execute("SELECT 1 FROM matchings WHERE made_ms < ? LIMIT 1", (before_ms,))
            is_old = cursor.fetchone() is not None
        if is_old:
            with self._transaction(commit=True) as cursor:
                cursor.execute("DELETE FROM matchings WHERE made_ms < ?", (before_ms,))
            self._datastore.truncate_wal()

    def of_key(self, key: bytes) -> MatchingRow | None:
        """A side, by its matching."""
        return self._one("SELECT * FROM matchings WHERE key = ?", key)

    def of_confirmation(self, confirmation: str) -> MatchingRow | None:
        """A side, by the confirmation of its preview, or by what stands for its points."""
        return self._one("SELECT * FROM matchings WHERE confirmation = ?", confirmation)

    def _one(self, statement: str, value: bytes | str) -> MatchingRow | None:
        with self._transaction(commit=False) as cursor:
            cursor.execute(statement, (value,))
            row = cursor.fetchone()
        return None if row is None else MatchingRow(*row)

    @contextmanager
    def _transaction(self, *, commit: bool) -> Iterator[SQLiteCursor]:
        with translated(), self._datastore.transaction(commit=commit) as cursor:
            yield cursor
