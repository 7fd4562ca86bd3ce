"""The office database: what stays inside one mechanism and is in no log. Encrypted as a whole.

    pending       acts that wait for a second person; they hold content
    restrictions  the clients that may know of a case; a case without rows is open to all
    reads         who was shown content that is not for every member
    proposed      which erasures were proposed for which withdrawals of consent, by a digest
    seen_alerts   who has seen which alert first
    asking        who asked and answered other mechanisms lately, see asking_book.py
    matching_sides  secrets of private matchings that are under way, see matching_book.py

Who did an act stands with the event instead, in one transaction with it: see act_notes.py.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple

from eventsourcing.sqlite import SQLiteCursor

from registry.domain.identifiers import CaseId, LogId, RequestKey
from registry.store.asking_book import TABLE as ASKING_TABLE
from registry.store.asking_book import AskingBook
from registry.store.connections import translated
from registry.store.encrypted import EncryptedDatastore
from registry.store.matching_book import EARLIER as EARLIER_MATCHINGS
from registry.store.matching_book import TABLE as MATCHING_TABLE
from registry.store.matching_book import MatchingBook

_TABLES: Final = (
    """CREATE TABLE IF NOT EXISTS pending (
        act_no INTEGER PRIMARY KEY AUTOINCREMENT, act_id TEXT NOT NULL UNIQUE,
        request_key BLOB NOT NULL UNIQUE, request_digest BLOB NOT NULL, action TEXT NOT NULL,
        officer TEXT NOT NULL, fingerprint TEXT NOT NULL, asked_ms INTEGER NOT NULL,
        case_id BLOB NOT NULL, erased_before INTEGER NOT NULL, command BLOB NOT NULL)""",
    """CREATE TABLE IF NOT EXISTS restrictions (
        case_id BLOB, client TEXT, PRIMARY KEY (case_id, client)) WITHOUT ROWID""",
    """CREATE TABLE IF NOT EXISTS reads (
        read_no INTEGER PRIMARY KEY AUTOINCREMENT, time_ms INTEGER NOT NULL,
        client TEXT NOT NULL, method TEXT NOT NULL, case_id BLOB NOT NULL,
        events INTEGER NOT NULL)""",
    "CREATE INDEX IF NOT EXISTS reads_by_case ON reads (case_id, read_no)",
    """CREATE TABLE IF NOT EXISTS proposed (
        case_id BLOB, name BLOB, PRIMARY KEY (case_id, name)) WITHOUT ROWID""",
    "CREATE TABLE IF NOT EXISTS own_log (log_id BLOB NOT NULL)",
    """CREATE TABLE IF NOT EXISTS seen_alerts (
        origin TEXT, entry_index INTEGER, client TEXT NOT NULL, time_ms INTEGER NOT NULL,
        PRIMARY KEY (origin, entry_index)) WITHOUT ROWID""",
    ASKING_TABLE,
    MATCHING_TABLE,
    EARLIER_MATCHINGS,
    "DROP TABLE IF EXISTS marks",
)


class PendingRow(NamedTuple):
    """An act that waits.

    Attributes:
        act_no: grows with each act.
        act_id: names it to callers.
        request_key: of the request, as the log keeps it.
        request_digest: of all that was asked for.
        action: publish or erase.
        officer: who asked.
        fingerprint: of the certificate it was asked with; empty = by no client.
        asked_ms: when, milliseconds UTC.
        case_id: the case.
        erased_before: how many parts of the case were erased when it was asked for.
        command: what was asked for, as the desk writes it.
    """

    act_no: int
    act_id: str
    request_key: RequestKey
    request_digest: bytes
    action: str
    officer: str
    fingerprint: str
    asked_ms: int
    case_id: CaseId
    erased_before: int
    command: bytes


class ReadRow(NamedTuple):
    """A read of content that is not for every member.

    `events` counts what was shown: events of a history, or rows of a list.
    """

    read_no: int
    time_ms: int
    client: str
    method: str
    case_id: CaseId
    events: int


class Seen(NamedTuple):
    """Who has seen an alert first, and when, milliseconds UTC."""

    client: str
    time_ms: int


class Office:
    """The tables of office.db; for any thread."""

    def __init__(self, path: Path, key: bytes) -> None:
        """Opens or makes the database.

        Args:
            path: the file.
            key: 32 bytes, see `EntryStore.database_key`.

        Raises:
            StorageError: it cannot be opened under this key, or is damaged.
        """
        self._datastore = EncryptedDatastore(path, key)
        self.asking = AskingBook(self._datastore)
        self.matching = MatchingBook(self._datastore)
        # The node may have stopped between a drop and the truncation.
        self._must_truncate = True
        try:
            with self._transaction(commit=True) as cursor:
                for statement in _TABLES:
                    cursor.execute(statement)
            self._forget_dropped()
        except BaseException:
            self._datastore.close()
            raise

    def close(self) -> None:
        """Closes the database."""
        self._datastore.close()

    def begin_log(self, log_id: LogId) -> None:
        """Says which log the acts that wait are for; those for another one before it are dropped.

        They name events of that log by their places, which are others in a new epoch: an erasure
        would be carried out on whatever stands there. Matchings go too: their names are from that
        log, and what is erased of them is counted in it.
        """
        with self._transaction(commit=True) as cursor:
            cursor.execute("SELECT log_id FROM own_log")
            row = cursor.fetchone()
            if row is not None and row["log_id"] != log_id:
                cursor.execute("DELETE FROM pending")
                cursor.execute("DELETE FROM proposed")
                cursor.execute("DELETE FROM matching_sides")
                self._must_truncate = True
            cursor.execute("DELETE FROM own_log")
            cursor.execute("INSERT INTO own_log VALUES (?)", (log_id,))
        self._forget_dropped()

    # --- acts that wait -------------------------------------------------------------------------

    def add_pending(self, row: PendingRow) -> None:
        """Keeps an act; its number is given here."""
        with self._transaction(commit=True) as cursor:
            cursor.execute(
                "INSERT INTO pending VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", row[1:]
            )

    def pending(self, act_id: str) -> PendingRow | None:
        """One act, by its id."""
        return self._one_pending("SELECT * FROM pending WHERE act_id = ?", act_id)

    def pending_of(self, request_key: RequestKey) -> PendingRow | None:
        """One act, by its request."""
        return self._one_pending("SELECT * FROM pending WHERE request_key = ?", request_key)

    def pending_after(self, act_no: int, limit: int) -> list[PendingRow]:
        """Acts, oldest first, those after a number only."""
        with self._transaction(commit=False) as cursor:
            cursor.execute(
                "SELECT * FROM pending WHERE act_no > ? ORDER BY act_no LIMIT ?", (act_no, limit)
            )
            return [_pending(row) for row in cursor.fetchall()]

    def drop_pending(self, act_id: str) -> bool:
        """Forgets an act; returns whether it was there."""
        with self._transaction(commit=True) as cursor:
            cursor.execute("DELETE FROM pending WHERE act_id = ?", (act_id,))
            was_there = bool(cursor.sqlite_cursor.rowcount)
        self._must_truncate = self._must_truncate or was_there
        self._forget_dropped()
        return was_there

    # --- restricted cases -----------------------------------------------------------------------

    def restrictions(self) -> dict[CaseId, frozenset[str]]:
        """The clients that may know of each restricted case."""
        with self._transaction(commit=False) as cursor:
            cursor.execute("SELECT case_id, client FROM restrictions")
            found: dict[CaseId, set[str]] = {}
            for row in cursor.fetchall():
                found.setdefault(CaseId(row["case_id"]), set()).add(row["client"])
        return {case_id: frozenset(clients) for case_id, clients in found.items()}

    def restrict(self, case_id: CaseId, clients: Sequence[str]) -> None:
        """Replaces the clients that may know of a case; none = it is open again."""
        with self._transaction(commit=True) as cursor:
            cursor.execute("DELETE FROM restrictions WHERE case_id = ?", (case_id,))
            cursor.executemany(
                "INSERT INTO restrictions VALUES (?, ?)", [(case_id, each) for each in clients]
            )

    # --- reads ----------------------------------------------------------------------------------

    def add_reads(
        self, time_ms: int, client: str, method: str, counts: Mapping[CaseId, int]
    ) -> None:
        """Keeps what one call read, in one transaction: a row for each case."""
        with self._transaction(commit=True) as cursor:
            cursor.executemany(
                "INSERT INTO reads VALUES (NULL, ?, ?, ?, ?, ?)",
                [(time_ms, client, method, case_id, count) for case_id, count in counts.items()],
            )

    def reads_before(
        self, read_no: int | None, limit: int, case_id: CaseId | None = None
    ) -> list[ReadRow]:
        """Reads, newest first, those before a number only; None = from the newest."""
        where, parameters = ["read_no < ?"], [2**63 - 1 if read_no is None else read_no]
        values: list[Any] = list(parameters)
        if case_id is not None:
            where.append("case_id = ?")
            values.append(case_id)
        statement = f"SELECT * FROM reads WHERE {' AND '.join(where)} ORDER BY read_no DESC LIMIT ?"  # noqa: S608 - constants only
        with self._transaction(commit=False) as cursor:
            cursor.execute(statement, (*values, limit))
            return [
                ReadRow(*row)._replace(case_id=CaseId(row["case_id"])) for row in cursor.fetchall()
            ]

    # --- alerts -----------------------------------------------------------------------------------

    def seen_alerts(self) -> dict[tuple[str, int], Seen]:
        """The alerts that were seen, by the origin and the index of their events."""
        with self._transaction(commit=False) as cursor:
            cursor.execute("SELECT origin, entry_index, client, time_ms FROM seen_alerts")
            return {
                (row["origin"], row["entry_index"]): Seen(row["client"], row["time_ms"])
                for row in cursor.fetchall()
            }

    def keep_seen(self, places: Iterable[tuple[str, int]], client: str, time_ms: int) -> None:
        """Keeps who has seen some alerts; whoever was first stays."""
        with self._transaction(commit=True) as cursor:
            cursor.executemany(
                "INSERT INTO seen_alerts VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
                [(origin, index, client, time_ms) for origin, index in places],
            )

    # --- withdrawals of consent -------------------------------------------------------------------

    def proposed(self, case_id: CaseId) -> set[bytes]:
        """Names of the erasures that were proposed in a case, whatever became of them."""
        with self._transaction(commit=False) as cursor:
            cursor.execute("SELECT name FROM proposed WHERE case_id = ?", (case_id,))
            return {row["name"] for row in cursor.fetchall()}

    def keep_proposed(self, case_id: CaseId, names: Iterable[bytes]) -> None:
        """Keeps that erasures were proposed in a case."""
        with self._transaction(commit=True) as cursor:
            cursor.executemany(
                "INSERT INTO proposed VALUES (?, ?) ON CONFLICT DO NOTHING",
                [(case_id, name) for name in names],
            )

    # --- inside ---------------------------------------------------------------------------------

    def _one_pending(self, statement: str, value: object) -> PendingRow | None:
        with self._transaction(commit=False) as cursor:
            cursor.execute(statement, (value,))
            row = cursor.fetchone()
        return None if row is None else _pending(row)

    def _forget_dropped(self) -> None:
        """Takes dropped acts out of the write-ahead log; while a reader holds it, the next drop."""
        if self._must_truncate:
            # Cleared first: what another thread drops meanwhile is noted again.
            self._must_truncate, is_empty = False, False
            try:
                is_empty = self._datastore.truncate_wal()
            finally:
                self._must_truncate = self._must_truncate or not is_empty

    @contextmanager
    def _transaction(self, *, commit: bool) -> Iterator[SQLiteCursor]:
        with translated(), self._datastore.transaction(commit=commit) as cursor:
            yield cursor


def _pending(row: Any) -> PendingRow:  # noqa: ANN401 - a row of the database
    found = PendingRow(*row)
    return found._replace(request_key=RequestKey(found.request_key), case_id=CaseId(found.case_id))
