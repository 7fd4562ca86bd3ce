"""The book of questions and answers: who at this node asked or answered whom, and when.

A table of the office database. It counts what one officer, and the whole node, asked and answered
within a time; what is older than all limits look back is forgotten. It holds no content.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, Literal, NamedTuple

from eventsourcing.sqlite import SQLiteCursor

from registry.domain.identifiers import RequestKey
from registry.store.connections import translated
from registry.store.encrypted import EncryptedDatastore

TABLE: Final = """CREATE TABLE IF NOT EXISTS asking (
    request_key BLOB, mechanism TEXT, time_ms INTEGER NOT NULL, officer TEXT NOT NULL,
    action TEXT NOT NULL, PRIMARY KEY (request_key, mechanism, action)) WITHOUT ROWID"""

Action = Literal["asked", "answered", "matched"]


class BookEntry(NamedTuple):
    """One question to one mechanism, or one answer to it.

    Attributes:
        request_key: of the request, as the log keeps it.
        mechanism: slug of who was asked, or of who is answered.
        time_ms: when, milliseconds UTC by this node's clock.
        officer: who did it.
        action: asked, answered, or matched (beside one of the others).
    """

    request_key: RequestKey
    mechanism: str
    time_ms: int
    officer: str
    action: Action


class AskingBook:
    """The table; for any thread."""

    def __init__(self, datastore: EncryptedDatastore) -> None:
        """Uses the office's database, in which the table is made already."""
        self._datastore = datastore

    def since(self, time_ms: int) -> list[BookEntry]:
        """What was asked and answered at a time or after it."""
        with self._transaction(commit=False) as cursor:
            cursor.execute("SELECT * FROM asking WHERE time_ms >= ?", (time_ms,))
            return [BookEntry(*row) for row in cursor.fetchall()]

    def add(self, entries: list[BookEntry], *, forget_before_ms: int) -> None:
        """Keeps entries, each once whatever is asked again; forgets those before a time."""
        with self._transaction(commit=True) as cursor:
            cursor.execute("DELETE FROM asking WHERE time_ms < ?", (forget_before_ms,))
            cursor.executemany(
                "INSERT INTO asking VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING", entries
            )

    def drop(self, request_key: RequestKey) -> None:
        """Forgets what came to nothing."""
        with self._transaction(commit=True) as cursor:
            cursor.execute("DELETE FROM asking WHERE request_key = ?", (request_key,))

    @contextmanager
    def _transaction(self, *, commit: bool) -> Iterator[SQLiteCursor]:
        with translated(), self._datastore.transaction(commit=commit) as cursor:
            yield cursor
