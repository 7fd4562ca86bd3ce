"""The storage part of `registry fsck`: stored bytes against what they derive from.

Trusts only the roster's keys and the guard. Reads through a connection of its own that can write
nothing, on one snapshot, so that a node may run meanwhile (read the guard first, it is never ahead
of a later snapshot). Findings are streamed; none means that every check passed.

1. SQLite's own structure (`PRAGMA integrity_check`).
2. Per log: form, place and signature of each entry, its leaf hash against the tree; the tree, the
   compact range and the root; both notes; parts against commitments (`check_log`).
3. The rows derived from headers: cases, refs, request ids (`check_index`).
4. The own log against the guard.
"""

import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, NamedTuple

from registry.domain.identifiers import LogId, Origin
from registry.errors import NotFound
from registry.log.entry import Header
from registry.log.log_keys import keys_of_member
from registry.log.roster import Member, Roster
from registry.store.check_control import ExpectedControl
from registry.store.check_index import ExpectedIndex
from registry.store.check_log import Finding, LogCheck, LogRow, blob
from registry.store.guard import GuardState
from registry.store.sealing import NodeKeys

__all__ = ["Finding", "Progress", "check_store"]

_STRUCTURE_FINDINGS_MAX: Final = 100


class Progress(NamedTuple):
    """How far a check has come in one log, in entries."""

    origin: Origin
    done: int
    total: int


def check_store(
    database: Path,
    roster: Roster,
    *,
    node_keys: NodeKeys | None,
    own_log: LogId | None = None,
    guard: GuardState | None = None,
    on_progress: Callable[[Progress], None] | None = None,
) -> Iterator[Finding]:
    """Checks a store's database, one finding at a time.

    Args:
        database: the file; it is not changed.
        roster: whose log keys decide.
        node_keys: open the content; None = content is not checked.
        own_log: the log that request ids and the guard belong to; None = they are not checked.
        guard: what was last signed, read before this is called; None = it is not compared.
        on_progress: called now and then within each log.

    Yields:
        What is wrong, with the log's origin and the entry's index where there is one.
    """
    try:
        connection = sqlite3.connect(f"{database.absolute().as_uri()}?mode=ro", uri=True)
    except sqlite3.Error as error:
        yield Finding(None, None, "corrupt_database", f"{database} cannot be opened: {error}")
        return
    connection.text_factory = _read_text
    try:
        yield from _check_structure(connection)
        connection.execute("BEGIN")
        yield from _StoreCheck(connection, roster, node_keys, own_log, guard, on_progress).run()
    except (sqlite3.Error, UnicodeDecodeError) as error:
        # The second: SQLite's message quotes a damaged schema, and the driver decodes it.
        yield Finding(None, None, "corrupt_database", f"{database} cannot be read: {error}")
    finally:
        connection.close()


def _read_text(data: bytes) -> str:
    return data.decode(errors="replace")


def _check_structure(connection: sqlite3.Connection) -> Iterator[Finding]:
    statement = f"PRAGMA integrity_check({_STRUCTURE_FINDINGS_MAX})"
    for (line,) in connection.execute(statement):
        if line != "ok":
            yield Finding(None, None, "corrupt_database", line)


class _StoreCheck:
    """One run over one snapshot."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        roster: Roster,
        node_keys: NodeKeys | None,
        own_log: LogId | None,
        guard: GuardState | None,
        on_progress: Callable[[Progress], None] | None,
    ) -> None:
        self._connection = connection
        self._roster = roster
        self._node_keys = node_keys
        self._own_log = own_log
        self._guard = guard
        self._on_progress = on_progress
        self._index = ExpectedIndex(connection)
        self._control = ExpectedControl(connection)

    def run(self) -> Iterator[Finding]:
        """Checks every log, then what is derived from all of them."""
        rows = self._connection.execute(
            f"SELECT log_no, log_id, origin, size, {blob('root')}, {blob('range')}, "  # noqa: S608 - constant names
            f"{blob('note')}, noted_size, parts_below FROM logs ORDER BY origin"
        ).fetchall()
        for row in rows:
            yield from self._check_log(LogRow._make(row))
        yield from self._unknown_logs()
        yield from self._index.compare()
        yield from self._control.compare()

    def _check_log(self, row: LogRow) -> Iterator[Finding]:
        member = self._writer_of(row)
        if member is None:
            yield Finding(row.origin, None, "unknown_log", "the roster has no such log")
            return
        is_own = row.log_id == self._own_log
        check = LogCheck(
            self._connection,
            row,
            keys_of_member(self._roster.registry_id, member),
            node_keys=self._node_keys,
            guard=self._guard if is_own else None,
            on_entry=lambda index, header: self._expect(row.log_no, index, header, is_own=is_own),
            on_progress=lambda done: self._tell(row, done),
        )
        yield from check.run()

    def _expect(self, log_no: int, index: int, header: Header, *, is_own: bool) -> None:
        self._index.add(log_no, index, header, is_own)
        if header.control:
            self._control.add(log_no, header)

    def _writer_of(self, row: LogRow) -> Member | None:
        try:
            member = self._roster.member_by_log(LogId(row.log_id))
        except NotFound:
            return None
        return member if member.origin == row.origin else None

    def _unknown_logs(self) -> Iterator[Finding]:
        rows = self._connection.execute(
            "SELECT originator_id, count(*) FROM stored_events WHERE originator_id NOT IN "
            "(SELECT lower(hex(log_id)) FROM logs) GROUP BY originator_id"
        )
        for originator_id, count in rows:
            detail = f"{count} entries stand under {originator_id!r}, which is no log here"
            yield Finding(None, None, "unknown_log", detail)

    def _tell(self, row: LogRow, done: int) -> None:
        if self._on_progress is not None:
            self._on_progress(Progress(row.origin, done, row.size))
