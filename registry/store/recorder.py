"""eventsourcing's application recorder, holding entries.

Differences from the library's: entries come from the one writer only, inside its transaction; many
rows go into one statement; own entries past the guard are not shown;
`subscribe` works, fed after each commit.
"""

from collections.abc import Callable, Sequence
from enum import Enum
from functools import lru_cache
from itertools import chain
from typing import Final
from weakref import WeakSet

from eventsourcing.persistence import (
    ApplicationRecorder,
    ListenNotifySubscription,
    Notification,
    ProgrammingError,
    Subscription,
)
from eventsourcing.sqlite import SQLiteApplicationRecorder, SQLiteCursor, SQLiteDatastore

TOPIC: Final = "entry"
_ROWS_PER_STATEMENT: Final = 128
"""The interpreter lock is let go and taken again once a statement, not once a row: with busy
threads beside it that is most of the time of an insert. Fewer rows go in powers of two, so that a
few statements, which stay prepared, serve every number."""


class Visibility(Enum):
    """Whether readers see an entry."""

    SHOWN = "shown"
    PENDING = "pending"
    HIDDEN = "hidden"


class LogRecorder(SQLiteApplicationRecorder):
    """Records entries as stored events."""

    def __init__(
        self, datastore: SQLiteDatastore, visibility: Callable[[str, int], Visibility]
    ) -> None:
        super().__init__(datastore)
        self._visibility = visibility
        self._subscriptions: WeakSet[EntrySubscription] = WeakSet()

    def insert_entries(
        self, cursor: SQLiteCursor, log_id_hex: str, start: int, entries: Sequence[bytes]
    ) -> None:
        """Inserts neighbouring entries inside the caller's transaction."""
        insert_rows(
            cursor,
            "INSERT INTO stored_events",
            [(log_id_hex, index, TOPIC, entry) for index, entry in enumerate(entries, start)],
        )

    def _insert_events(self, *_: object, **__: object) -> Sequence[int]:
        msg = "entries are stored by the writer alone, with the rows that go with them"
        raise ProgrammingError(msg)

    def select_notifications(
        self,
        start: int | None,
        limit: int,
        stop: int | None = None,
        topics: Sequence[str] = (),
        *,
        inclusive_of_start: bool = True,
    ) -> Sequence[Notification]:
        """Lists entries in the order of arrival, up to the first that is not shown yet."""
        found: list[Notification] = []
        while True:
            page = super().select_notifications(
                start, limit, stop, topics, inclusive_of_start=inclusive_of_start
            )
            for notification in page:
                visibility = self._visibility(
                    str(notification.originator_id), notification.originator_version
                )
                if visibility is Visibility.PENDING or len(found) == limit:
                    return found
                if visibility is Visibility.SHOWN:
                    found.append(notification)
            if len(page) < limit:
                return found
            start, inclusive_of_start = page[-1].id, False

    def subscribe(
        self, gt: int | None = None, topics: Sequence[str] = ()
    ) -> Subscription[ApplicationRecorder]:
        """Returns an endless iterator over notifications after `gt`."""
        subscription = EntrySubscription(recorder=self, gt=gt, topics=topics)
        self._subscriptions.add(subscription)
        return subscription

    def notify(self) -> None:
        """Wakes the subscriptions; called after each commit."""
        for subscription in list(self._subscriptions):
            subscription.notify()

    def close(self) -> None:
        """Ends the subscriptions."""
        for subscription in list(self._subscriptions):
            subscription.stop()
            subscription.join()


class EntrySubscription(ListenNotifySubscription[ApplicationRecorder]):
    """A subscription that is woken within the process."""

    def notify(self) -> None:
        """Looks for new entries."""
        self._has_been_notified.set()

    def join(self) -> None:
        """Waits for the pulling thread to end after `stop`."""
        self._pull_thread.join()


def table_statements() -> list[str]:
    """The statements that make the library's tables."""
    datastore = SQLiteDatastore(":memory:", originator_id_type="text")
    try:
        return list(SQLiteApplicationRecorder(datastore).create_table_statements)
    finally:
        datastore.close()


def insert_rows(
    cursor: SQLiteCursor, head: str, rows: Sequence[tuple[object, ...]], tail: str = ""
) -> None:
    """Inserts rows of one width: `head` VALUES (...), (...) `tail`."""
    if not rows:
        return
    start = 0
    while left := len(rows) - start:
        count = min(_ROWS_PER_STATEMENT, 1 << left.bit_length() - 1)
        values = chain.from_iterable(rows[start : start + count])
        cursor.execute(_statement(head, len(rows[0]), count, tail), tuple(values))
        start += count


@lru_cache(maxsize=64)
def _statement(head: str, width: int, count: int, tail: str) -> str:
    row = f"({', '.join('?' * width)})"
    return f"{head} VALUES {', '.join([row] * count)} {tail}"
