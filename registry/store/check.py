"""The storage part of `registry fsck`: stored bytes against what they derive from.

Trusts only the roster's keys and the guard. Reads through a connection of its own that can write
nothing, on one snapshot, so that a node may run meanwhile (read the guard first, it is never ahead
of a later snapshot). Findings are streamed; none means that every check passed.

1. SQLite's own structure (`PRAGMA integrity_check`); the tables, indexes and triggers as made.
2. Per log: form, place and signature of each entry, its leaf hash against the tree; the tree, the
   compact range and the root; both notes; parts against commitments (`check_log`).
3. The rows derived from headers: cases, refs, request ids (`check_index`); what control has done
   (`check_control`); which content is held and wanted (`check_content`).
4. The own log against the guard, tombstones against their journal, keys, uploads.

What this node alone noted and nothing derives (when something was received here, the digest of a
request, when an upload began) can only be read: docs/decisions/0031.
"""

import sqlite3
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import Final, NamedTuple

from registry.domain.identifiers import LogId, MemberId, Origin
from registry.errors import NotFound
from registry.log.entry import Header
from registry.log.log_keys import keys_of_member
from registry.log.roster import Member, Roster
from registry.store.check_content import ExpectedContent
from registry.store.check_control import ExpectedControl
from registry.store.check_index import ExpectedIndex
from registry.store.check_journal import check_journal
from registry.store.check_log import Finding, LogCheck, LogRow, blob
from registry.store.check_notes import ReadNotes, check_notes
from registry.store.check_schema import (
    check_keys,
    check_own,
    check_schema,
    check_strays,
)
from registry.store.check_testimony import VersionsOf, check_cosignatures, check_freezes
from registry.store.guard import GuardState
from registry.store.sealing import NodeKeys
from registry.store.tombstone_journal import ErasedPart

__all__ = ["Finding", "Progress", "check_store"]

_STRUCTURE_FINDINGS_MAX: Final = 100


class Progress(NamedTuple):
    """How far a check has come in one log, in entries."""

    origin: Origin
    done: int
    total: int


def check_store(  # noqa: PLR0913 - what is compared, each by its name
    database: Path,
    roster: Roster,
    *,
    node_keys: NodeKeys | None,
    own_log: LogId | None = None,
    guard: GuardState | None = None,
    journal: Collection[ErasedPart] | None = None,
    read_notes: ReadNotes | None = None,
    versions_of: VersionsOf | None = None,
    beside: Collection[str] = (),
    on_progress: Callable[[Progress], None] | None = None,
) -> Iterator[Finding]:
    """Checks a store's database, one finding at a time.

    Args:
        database: the file; it is not changed.
        roster: whose log keys decide.
        node_keys: open the content; None = content is not checked.
        own_log: the log that request ids and the guard belong to; None = they are not checked.
        guard: what was last signed, read before this is called; None = it is not compared.
        journal: what was erased, as it stands beside the guard; None = it is not compared.
        read_notes: opens notes of acts, see `check_notes`; None = they are not opened.
        versions_of: the roster versions of a log; None = all.
        beside: tables that are there too, such as those of a backup.
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
        yield from check_schema(connection, beside)
        yield from _StoreCheck(connection, roster, node_keys, own_log, guard, on_progress).run()
        known = versions_of or (lambda _: range(1, roster.version + 1))
        yield from check_freezes(connection, roster, known)
        if journal is not None:
            yield from check_journal(connection, journal)
        if read_notes is not None and node_keys is not None:
            yield from check_notes(connection, node_keys, read_notes)
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
        self._control = ExpectedControl(connection, roster.logs_before())
        self._content = ExpectedContent(connection, self._own_id(), self._own_logs(), node_keys)

    def run(self) -> Iterator[Finding]:
        """Checks every log, then what is derived from all of them."""
        rows = self._connection.execute(
            f"SELECT log_no, log_id, origin, size, {blob('root')}, {blob('range')}, "  # noqa: S608 - constant names
            f"{blob('note')}, noted_size, parts_below FROM logs ORDER BY origin"
        ).fetchall()
        for row in rows:
            yield from self._check_log(LogRow._make(row))
        yield from self._unknown_logs()
        known = {row[2] for row in rows}
        for member in self._roster.writers():
            if member.origin not in known:
                detail = "the database does not know this log: start the node once"
                yield Finding(member.origin, None, "unknown_log", detail)
        yield from self._index.compare()
        yield from self._control.compare()
        yield from self._content.compare()
        yield from check_strays(self._connection)
        yield from check_cosignatures(self._connection, self._roster)
        if self._own_log is not None:
            yield from check_own(self._connection, self._own_log, self._own_logs())
        if self._node_keys is not None:
            yield from check_keys(self._connection, self._node_keys)

    def _own_logs(self) -> list[LogId]:
        """The own log and those that its mechanism wrote before."""
        own_id = self._own_id()
        return [each.log_id for each in self._roster.writers() if each.id == own_id]

    def _own_id(self) -> MemberId | None:
        """Whose audience decides what is held; None = it is not known."""
        return None if self._own_log is None else self._roster.member_by_log(self._own_log).id

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
            cut=member.cut,
            on_entry=lambda index, header: self._expect(row.log_no, index, header, is_own=is_own),
            on_progress=lambda done: self._tell(row, done),
        )
        yield from check.run()

    def _expect(self, log_no: int, index: int, header: Header, *, is_own: bool) -> None:
        self._index.add(log_no, index, header, is_own)
        self._content.add(log_no, header)
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
