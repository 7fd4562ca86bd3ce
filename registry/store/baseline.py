"""The bare recorder: what eventsourcing's SQLite recorder does without us.

The yardstick of `registry bench`: one insert per event, the library's own table and defaults, with
`synchronous=FULL` as in the real store, so that both wait for the disk once per commit.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

from eventsourcing.persistence import StoredEvent
from eventsourcing.sqlite import SQLiteApplicationRecorder, SQLiteDatastore


class BareRecorder:
    """An application recorder on a fresh database."""

    def __init__(self, path: Path) -> None:
        self._datastore = SQLiteDatastore(str(path), originator_id_type="text")
        self._recorder = SQLiteApplicationRecorder(self._datastore)
        self._recorder.create_table()
        self._next = 0

    def append_each(self, states: Sequence[bytes], clock: Callable[[], float]) -> float:
        """Inserts one event per transaction; returns the seconds it took."""
        started = clock()
        for state in states:
            event = StoredEvent(
                originator_id="0" * 64, originator_version=self._next, topic="entry", state=state
            )
            self._recorder.insert_events([event])
            self._next += 1
        return clock() - started

    def synchronous(self) -> int:
        """Reads back SQLite's setting: 2 = FULL."""
        with self._datastore.transaction(commit=False) as cursor:
            cursor.execute("PRAGMA synchronous")
            return int(cursor.fetchone()[0])

    def close(self) -> None:
        """Closes the database."""
        self._datastore.close()
