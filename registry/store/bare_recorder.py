"""The library's SQLite recorder as it comes: what a benchmark of the store is measured against.

One event per commit, WAL and synchronous=FULL (read back), and nothing of ours: no signature, no
tree, no guard, no index. It stands here because only the store may import the library.
"""

from pathlib import Path
from typing import Final

from eventsourcing.persistence import StoredEvent
from eventsourcing.sqlite import SQLiteApplicationRecorder, SQLiteDatastore

from registry.errors import DurabilityError

_ORIGINATOR: Final = "bare"
_TOPIC: Final = "entry"
_FULL: Final = 2


class BareRecorder:
    """Appends events to one sequence in a database file of its own."""

    def __init__(self, path: Path) -> None:
        """Makes the file.

        Raises:
            DurabilityError: SQLite does not write as durably as the store does.
        """
        self._datastore = SQLiteDatastore(str(path), originator_id_type="text")
        self._recorder = SQLiteApplicationRecorder(self._datastore)
        self._recorder.create_table()
        self._size = 0
        found = []
        with self._datastore.transaction(commit=False) as cursor:
            for name in ("journal_mode", "synchronous"):
                cursor.execute(f"PRAGMA {name}")
                found.append(cursor.fetchone()[0])
        if found != ["wal", _FULL]:
            msg = f"the bare recorder must run with WAL and synchronous=FULL, found {found}"
            raise DurabilityError(msg)

    def append(self, state: bytes) -> None:
        """Stores one event; it is on disk when this returns."""
        event = StoredEvent(
            originator_id=_ORIGINATOR,
            originator_version=self._size,
            topic=_TOPIC,
            state=state,
        )
        self._recorder.insert_events([event])
        self._size += 1

    def close(self) -> None:
        """Closes the file."""
        self._datastore.close()
