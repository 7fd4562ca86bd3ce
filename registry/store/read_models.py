"""The case list on SQLite: rows that the views fold, and the places in the logs they stand for.

A database of its own, apart from the logs, because it holds plaintext and can be rebuilt; it is
encrypted as a whole. Rows and places are written in one transaction on eventsourcing's tracking
recorder.

    cases(case_id PRIMARY KEY, last_recorded_ms, row)     row: canonical JSON of a CaseRow
    case_states(state, case_id), case_mechanisms(mechanism, case_id)
    tracking(application_name, notification_id)           one row per stream, by the library
"""

import base64
import dataclasses
import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from eventsourcing.persistence import Tracking
from eventsourcing.sqlite import SQLiteCursor, SQLiteTrackingRecorder

from registry.domain.identifiers import CASE_ID_SIZE_BYTES, CaseId, Slug
from registry.errors import CorruptDatabase, InvalidRequest
from registry.store.connections import translated
from registry.store.encrypted import EncryptedDatastore

PROJECTOR_VERSION: Final = 2
"""Raised whenever rows are folded differently: an older database is then dropped and rebuilt."""
_VERSION_STREAM: Final = f"version {PROJECTOR_VERSION}"
_TIME_SIZE_BYTES: Final = 8


@dataclass(frozen=True, slots=True)
class CaseRow:
    """One line of the case list; times in milliseconds UTC as the authors recorded."""

    case_id: CaseId
    title: str
    states: tuple[str, ...]
    mechanisms: tuple[Slug, ...]
    event_count: int
    unreadable_count: int
    first_recorded_ms: int
    last_recorded_ms: int
    is_invented: bool
    is_situation: bool
    has_withdrawal: bool
    digest: bytes

    def encode(self) -> str:
        """Canonical JSON: the bytes that a rebuild must reproduce."""
        fields = dataclasses.asdict(self)
        fields |= {"case_id": self.case_id.hex(), "digest": self.digest.hex()}
        return json.dumps(fields, sort_keys=True, ensure_ascii=False, separators=(",", ":"))

    @classmethod
    def decode(cls, text: str) -> "CaseRow":
        """Reads what `encode` wrote."""
        fields: dict[str, Any] = json.loads(text)
        fields["case_id"] = CaseId(bytes.fromhex(fields["case_id"]))
        fields["digest"] = bytes.fromhex(fields["digest"])
        fields["states"] = tuple(fields["states"])
        fields["mechanisms"] = tuple(fields["mechanisms"])
        return cls(**fields)


@dataclass(frozen=True, slots=True)
class CasePage:
    """Some rows of the case list and where the next page starts (empty = no more)."""

    rows: tuple[CaseRow, ...]
    next_token: str


class ReadModels(SQLiteTrackingRecorder):
    """The case list and the places reached in the streams it is folded from."""

    def __init__(self, datastore: EncryptedDatastore) -> None:
        """Takes over the datastore."""
        super().__init__(datastore)
        self._encrypted = datastore

    def construct_create_table_statements(self) -> list[str]:
        """Adds our tables to the library's."""
        return [
            *super().construct_create_table_statements(),
            """CREATE TABLE IF NOT EXISTS cases (
                case_id BLOB PRIMARY KEY, last_recorded_ms INTEGER NOT NULL, row TEXT NOT NULL)""",
            "CREATE INDEX IF NOT EXISTS cases_by_time ON cases (last_recorded_ms DESC, case_id)",
            """CREATE TABLE IF NOT EXISTS case_states (
                state TEXT, case_id BLOB, PRIMARY KEY (state, case_id)) WITHOUT ROWID""",
            """CREATE TABLE IF NOT EXISTS case_mechanisms (
                mechanism TEXT, case_id BLOB, PRIMARY KEY (mechanism, case_id)) WITHOUT ROWID""",
        ]

    def place(self, stream: str) -> int:
        """Returns the id of the last change of a stream that is folded; 0 = none."""
        with translated():
            return self.max_tracking_id(stream) or 0

    def save(self, rows: Iterable[CaseRow], places: Mapping[str, int]) -> None:
        """Replaces rows and moves the streams' places forward, all or nothing.

        A row without events takes its case out of the list: all of them became void.
        """
        rows = list(rows)
        with self._transaction(commit=True) as cursor:
            _write_rows(cursor, rows)
            for stream, place in places.items():
                self._insert_tracking(cursor, Tracking(stream, place))

    def case(self, case_id: CaseId) -> CaseRow | None:
        """Returns one row, or None if the case is not in the list (yet)."""
        with self._transaction(commit=False) as cursor:
            cursor.execute("SELECT row FROM cases WHERE case_id = ?", (case_id,))
            found = cursor.fetchone()
        return None if found is None else CaseRow.decode(found["row"])

    def cases_with_withdrawals(self) -> list[CaseId]:
        """The cases in which a consent was withdrawn, as far as they are folded."""
        with self._transaction(commit=False) as cursor:
            cursor.execute("SELECT case_id FROM cases WHERE json_extract(row, '$.has_withdrawal')")
            return [CaseId(row["case_id"]) for row in cursor.fetchall()]

    def page(
        self,
        *,
        limit: int,
        token: str = "",
        state: str = "",
        mechanism: str = "",
        hidden: Collection[CaseId] = (),
    ) -> CasePage:
        """Lists rows by last activity, newest first.

        Args:
            limit: rows at most, from 1.
            token: from the previous page; empty = from the start.
            state: only cases on this State (alpha-3); empty = all.
            mechanism: only cases in which this mechanism recorded; empty = all.
            hidden: cases that are left out, as if they were not there.

        Raises:
            InvalidRequest: the token is not one of ours.
        """
        where: list[str] = []
        parameters: list[object] = []
        if token:
            time_ms, case_id = _decode_token(token)
            where.append("(last_recorded_ms < ? OR (last_recorded_ms = ? AND case_id > ?))")
            parameters += [time_ms, time_ms, case_id]
        if state:
            where.append("case_id IN (SELECT case_id FROM case_states WHERE state = ?)")
            parameters.append(state)
        if mechanism:
            where.append("case_id IN (SELECT case_id FROM case_mechanisms WHERE mechanism = ?)")
            parameters.append(mechanism)
        # Only constant fragments are joined; every value is a parameter.
        clause = f"WHERE {' AND '.join(where)} " if where else ""
        statement = f"SELECT row FROM cases {clause}ORDER BY last_recorded_ms DESC, case_id LIMIT ?"  # noqa: S608
        with self._transaction(commit=False) as cursor:
            # However many of the hidden ones stand here, enough of the others are read.
            cursor.execute(statement, (*parameters, limit + 1 + len(hidden)))
            found = [CaseRow.decode(row["row"]) for row in cursor.fetchall()]
        found = [row for row in found if row.case_id not in hidden]
        rows = tuple(found[:limit])
        return CasePage(rows=rows, next_token=_encode_token(rows[-1]) if len(found) > limit else "")

    def dump(self) -> bytes:
        """All rows as canonical lines in case id order, to compare a rebuild byte for byte."""
        with self._transaction(commit=False) as cursor:
            cursor.execute("SELECT row FROM cases ORDER BY case_id")
            return "".join(f"{row['row']}\n" for row in cursor.fetchall()).encode()

    def clear(self) -> None:
        """Forgets all rows and places, so that the next fold starts from nothing."""
        with self._transaction(commit=True) as cursor:
            for table in ("cases", "case_states", "case_mechanisms", "tracking"):
                cursor.execute(f"DELETE FROM {table}")  # noqa: S608 - a constant name
            self._insert_tracking(cursor, Tracking(self.table_migration_identifier, 1))
            self._insert_tracking(cursor, Tracking(_VERSION_STREAM, 1))

    def check(self) -> None:
        """Reads every page, so that damage is met now and not in the middle of the work.

        Raises:
            CorruptDatabase: SQLite finds the file damaged.
        """
        with self._transaction(commit=False) as cursor:
            cursor.execute("PRAGMA quick_check(1)")
            answer = cursor.fetchone()[0]
        if answer != "ok":
            msg = f"the read models are damaged: {answer}"
            raise CorruptDatabase(msg)

    def truncate_wal(self) -> bool:
        """Empties the write-ahead log; False = a reader holds it, what was replaced stays there.

        Raises:
            StorageError: the disk failed.
        """
        return self._encrypted.truncate_wal()

    def close(self) -> None:
        """Closes the database."""
        self.datastore.close()

    @contextmanager
    def _transaction(self, *, commit: bool) -> Iterator[SQLiteCursor]:
        with translated(), self.datastore.transaction(commit=commit) as cursor:
            yield cursor


def open_read_models(path: Path, key: bytes) -> ReadModels:
    """Opens or makes the database.

    One of another projector version, under another key, in clear, or damaged, starts empty.

    Args:
        path: the file.
        key: 32 bytes, see `EntryStore.database_key`.
    """
    try:
        return _open(path, key)
    except CorruptDatabase:
        # Nothing is lost with it: every row is folded from the logs again.
        for suffix in ("", "-wal", "-shm"):
            path.with_name(path.name + suffix).unlink(missing_ok=True)
        return _open(path, key)


def _open(path: Path, key: bytes) -> ReadModels:
    models = ReadModels(EncryptedDatastore(path, key))
    try:
        models.check()
        models.create_table()
        if not models.max_tracking_id(_VERSION_STREAM):
            models.clear()
    except BaseException:
        models.close()
        raise
    return models


def _write_rows(cursor: SQLiteCursor, changed: Sequence[CaseRow]) -> None:
    ids = [(row.case_id,) for row in changed]
    cursor.executemany("DELETE FROM cases WHERE case_id = ?", ids)
    rows = [row for row in changed if row.event_count]
    cursor.executemany(
        "INSERT INTO cases VALUES (?, ?, ?)",
        [(row.case_id, row.last_recorded_ms, row.encode()) for row in rows],
    )
    cursor.executemany("DELETE FROM case_states WHERE case_id = ?", ids)
    cursor.executemany("DELETE FROM case_mechanisms WHERE case_id = ?", ids)
    cursor.executemany(
        "INSERT INTO case_states VALUES (?, ?)", [(s, r.case_id) for r in rows for s in r.states]
    )
    cursor.executemany(
        "INSERT INTO case_mechanisms VALUES (?, ?)",
        [(m, r.case_id) for r in rows for m in r.mechanisms],
    )


def _encode_token(row: CaseRow) -> str:
    time = row.last_recorded_ms.to_bytes(_TIME_SIZE_BYTES, "big", signed=True)
    return base64.urlsafe_b64encode(time + row.case_id).decode()


def _decode_token(token: str) -> tuple[int, CaseId]:
    try:
        raw = base64.b64decode(token.encode(), altchars=b"-_", validate=True)
    except ValueError:
        raw = b""
    if len(raw) != _TIME_SIZE_BYTES + CASE_ID_SIZE_BYTES:
        msg = "this page token is not one that ListCases gave; start from the first page"
        raise InvalidRequest(msg)
    time_ms = int.from_bytes(raw[:_TIME_SIZE_BYTES], "big", signed=True)
    return time_ms, CaseId(raw[_TIME_SIZE_BYTES:])
