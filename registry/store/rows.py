"""Rows of the store on SQLite: small statements that reading and writing share."""

import json
from collections.abc import Iterable, Sequence
from typing import Any

from eventsourcing.sqlite import SQLiteCursor

from registry.domain.identifiers import CaseId, LeafHash, LogId, Origin, RootHash, log_id_of
from registry.errors import CorruptDatabase, DamagedLog, LogReadOnly, NotFound
from registry.log.merkle import EMPTY_ROOT, CompactRange, Subtree, leaf_hash, root_of
from registry.store.failpoints import Step, reach
from registry.store.tiles import fetch_subtree
from registry.store.values import IngestBatch, LogState


def state_of_row(row: Any) -> LogState:  # noqa: ANN401 - a row of sqlite3
    """Reads a row of `logs`."""
    return LogState(
        log_id=LogId(row["log_id"]),
        origin=Origin(row["origin"]),
        size=row["size"],
        root=RootHash(row["root"]),
        range=CompactRange.decode(row["size"], row["range"]),
        note=row["note"],
        noted_size=row["noted_size"],
        frozen_at=row["frozen_at"],
        frozen_reason=row["frozen_reason"],
        parts_below=row["parts_below"],
    )


class LogNumbers:
    """The numbers by which rows name logs; they never change, so they are remembered."""

    def __init__(self) -> None:
        self._numbers: dict[LogId, int] = {}

    def of(self, cursor: SQLiteCursor, log_id: LogId) -> int:
        """Returns a log's number.

        Raises:
            NotFound: the log is not registered.
        """
        number = self._numbers.get(log_id)
        if number is None:
            cursor.execute("SELECT log_no FROM logs WHERE log_id = ?", (log_id,))
            row = cursor.fetchone()
            if row is None:
                msg = f"no log {log_id.hex()} is known here"
                raise NotFound(msg)
            number = self._numbers[log_id] = int(row["log_no"])
        return number


def read_state(cursor: SQLiteCursor, log_id: LogId) -> LogState:
    """Reads how one log stands.

    Raises:
        NotFound: the log is not registered.
    """
    cursor.execute("SELECT * FROM logs WHERE log_id = ?", (log_id,))
    row = cursor.fetchone()
    if row is None:
        msg = f"no log {log_id.hex()} is known here"
        raise NotFound(msg)
    return state_of_row(row)


def read_entries(cursor: SQLiteCursor, log_id: LogId, start: int, end: int) -> list[bytes]:
    """Reads entries [start, end), as far as held."""
    cursor.execute(
        "SELECT state FROM stored_events WHERE originator_id = ? "
        "AND originator_version >= ? AND originator_version < ? ORDER BY originator_version",
        (log_id.hex(), start, end),
    )
    return [row["state"] for row in cursor.fetchall()]


def read_leaves(cursor: SQLiteCursor, log_id: LogId, start: int, end: int) -> list[LeafHash]:
    """Hashes entries [start, end).

    Raises:
        DamagedLog: one of them is missing.
    """
    leaves = [leaf_hash(entry) for entry in read_entries(cursor, log_id, start, end)]
    if len(leaves) != max(end - start, 0):
        msg = f"log {log_id.hex()} lacks entries between {start} and {end}; run `registry fsck`"
        raise DamagedLog(msg)
    return leaves


def subtree_hash(cursor: SQLiteCursor, log_no: int, log_id: LogId, subtree: Subtree) -> bytes:
    """Hashes a perfect subtree of stored leaves."""
    return fetch_subtree(
        cursor, log_no, subtree, lambda start, end: read_leaves(cursor, log_id, start, end)
    )


def write_head(cursor: SQLiteCursor, log_no: int, state: LogState, batch: IngestBatch) -> LogState:
    """Stores how a log stands after a batch, and returns it."""
    end = batch.start + len(batch.entries)
    after = state._replace(
        size=end,
        root=batch.root,
        range=batch.range,
        note=batch.note or state.note,
        noted_size=end if batch.note is not None else state.noted_size,
    )
    cursor.execute(
        "UPDATE logs SET size = ?, root = ?, range = ?, note = ?, noted_size = ? WHERE log_no = ?",
        (end, after.root, after.range.encode(), after.note, after.noted_size, log_no),
    )
    reach(Step.INGEST_NOTED)
    return after


def find_case(cursor: SQLiteCursor, case_id: CaseId) -> int | None:
    """Returns a case's number, or None."""
    cursor.execute("SELECT case_no FROM case_ids WHERE case_id = ?", (case_id,))
    row = cursor.fetchone()
    return None if row is None else int(row["case_no"])


def number_cases(cursor: SQLiteCursor, case_ids: Iterable[CaseId]) -> dict[int, CaseId]:
    """Cases by their numbers, which grow as cases arrive; without those that are unknown."""
    found = ((find_case(cursor, case_id), case_id) for case_id in case_ids)
    return {case_no: case_id for case_no, case_id in found if case_no is not None}


def read_cases(
    cursor: SQLiteCursor, case_ids: Sequence[CaseId]
) -> list[tuple[CaseId, LogId, int, bytes, int]]:
    """Reads the entries of cases: (case, log, index, entry, received_ms), in order within a case.

    Raises:
        DamagedLog: one of them is missing.
    """
    by_number = number_cases(cursor, case_ids)
    # One list as one value: the statement stays the same however many cases there are.
    cursor.execute(
        "SELECT c.case_no, l.log_id, c.entry_index, s.state, c.received_ms "
        "FROM entries_of_cases c JOIN logs l ON l.log_no = c.log_no "
        "LEFT JOIN stored_events s ON s.originator_id = lower(hex(l.log_id)) "
        "AND s.originator_version = c.entry_index "
        "WHERE c.case_no IN (SELECT value FROM json_each(?))",
        (json.dumps(list(by_number)),),
    )
    rows = sorted(map(tuple, cursor.fetchall()))
    for case_no, _, _, entry, _ in rows:
        if entry is None:
            msg = f"entries of case {by_number[case_no].hex()} are missing; run `registry fsck`"
            raise DamagedLog(msg)
    return [(by_number[row[0]], *row[1:]) for row in rows]


def insert_logs(cursor: SQLiteCursor, origins: Iterable[Origin]) -> None:
    """Makes logs known; those that are stay as they are."""
    cursor.executemany(
        "INSERT INTO logs (log_id, origin, size, root, range, noted_size, parts_below) "
        "VALUES (?, ?, 0, ?, x'', 0, 0) ON CONFLICT DO NOTHING",
        [(log_id_of(origin), origin, EMPTY_ROOT) for origin in origins],
    )


def refuse_if_frozen(state: LogState) -> None:
    """Lets no more events into a frozen log.

    Raises:
        LogReadOnly: it is frozen.
    """
    if state.frozen_at is not None:
        msg = (
            f"{state.origin} is frozen at {state.frozen_at} ({state.frozen_reason}): it takes "
            "no more events, a new epoch is needed"
        )
        raise LogReadOnly(msg)


def check_unchanged(cursor: SQLiteCursor, before: LogState) -> None:
    """Compares the own log with what was last signed.

    Raises:
        CorruptDatabase: they differ.
    """
    cursor.execute("SELECT size, root FROM logs WHERE log_id = ?", (before.log_id,))
    size, root = cursor.fetchone()
    if (size, root) != (before.size, before.root):
        msg = (
            f"the own log stands at {size}, what was last signed at {before.size}: "
            "another process has written to the database, or it was replaced"
        )
        raise CorruptDatabase(msg)


def root_of_first(cursor: SQLiteCursor, log_no: int, log_id: LogId, size: int) -> RootHash:
    """The root over the first `size` entries of a log, which are held."""
    if size == 0:
        return EMPTY_ROOT
    return RootHash(root_of(0, size, lambda tree: subtree_hash(cursor, log_no, log_id, tree)))
