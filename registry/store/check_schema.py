"""Checks the tables themselves, and the few rows that belong to no log.

The statements that made every table, index and trigger are compared with those of the version that
the database says it has: damage to them would change what later writes do (the triggers keep what
was erased out). Then the keys of the other databases, uploads, and to whom the own rows belong.
"""

import sqlite3
from collections.abc import Collection, Iterator, Sequence
from functools import cache
from typing import Final

from registry.domain.identifiers import LogId
from registry.errors import CorruptDatabase, NodeKeyMissing
from registry.store.check_log import Finding, blob
from registry.store.chunks import chunk_context, open_piece
from registry.store.data_keys import database_context
from registry.store.recorder import table_statements
from registry.store.schema import MIGRATIONS
from registry.store.sealing import NodeKeys, upload_context
from registry.store.uploads import open_upload_head

_OBJECTS: Final = "SELECT type, name, tbl_name, sql FROM sqlite_master"
_OF_LOGS: Final = (
    "SELECT name FROM main.sqlite_master WHERE type = 'table' AND name <> 'logs' "
    "AND name IN (SELECT m.name FROM main.sqlite_master m, pragma_table_info(m.name) c "
    "WHERE c.name = 'log_no')"
)
_META: Final = "CREATE TABLE IF NOT EXISTS meta (schema_version INTEGER NOT NULL)"


def check_schema(connection: sqlite3.Connection, beside: Collection[str] = ()) -> Iterator[Finding]:
    """Compares every table, index and trigger with what this software makes, but those `beside`."""
    versions = connection.execute("SELECT schema_version FROM main.meta").fetchall()
    known = range(1, len(MIGRATIONS) + 1)
    if len(versions) != 1 or versions[0][0] not in known:
        detail = f"versions 1 to {len(MIGRATIONS)} are known, found {[v for (v,) in versions]}"
        yield Finding(None, None, "schema_mismatch", detail)
        return
    expected = _made_by(versions[0][0])
    rows = connection.execute(_OBJECTS.replace("sqlite", "main.sqlite"))
    found = {tuple(row) for row in rows if row[2] not in beside}
    for word, objects in (("missing", expected - found), ("too many", found - expected)):
        for kind, name, table, _ in sorted(objects, key=repr):
            detail = f"a {kind} is {word}, or is not as it was made: {name!r} of {table!r}"
            yield Finding(None, None, "schema_mismatch", detail)
    for (step,) in connection.execute("SELECT step FROM main.unfinished").fetchall():
        detail = f"a step of a migration is not finished: {step!r}; start the node once"
        yield Finding(None, None, "schema_mismatch", detail)


@cache
def _made_by(version: int) -> frozenset[tuple[object, ...]]:
    fresh = sqlite3.connect(":memory:")
    try:
        for statement in (*table_statements(), _META):
            fresh.execute(statement)
        for statements in MIGRATIONS[:version]:
            for statement in statements:
                fresh.execute(statement)
        return frozenset(tuple(row) for row in fresh.execute(_OBJECTS))
    finally:
        fresh.close()


def check_strays(connection: sqlite3.Connection) -> Iterator[Finding]:
    """Yields rows of logs that there are not."""
    tables = [name for (name,) in connection.execute(_OF_LOGS).fetchall()]
    for table in tables:
        rows = connection.execute(
            f"SELECT DISTINCT log_no FROM main.{table} WHERE log_no IS NULL "  # noqa: S608 - a name in the schema, checked before
            "OR log_no NOT IN (SELECT log_no FROM main.logs)"
        )
        for (number,) in rows.fetchall():
            detail = f"{table} has rows of log number {number!r}, which is not there"
            yield Finding(None, None, "unknown_log", detail)


def check_own(
    connection: sqlite3.Connection, own_log: LogId, own_logs: Sequence[LogId]
) -> Iterator[Finding]:
    """Checks that the rows about own appends are about this node's log, or its former ones."""
    found = [row[0] for row in connection.execute(f"SELECT {blob('log_id')} FROM main.own_log")]  # noqa: S608 - a constant name
    if found != [own_log]:
        told = [each.hex() for each in found]
        detail = f"own rows are about log {own_log.hex()}, the database says {told}"
        yield Finding(None, None, "own_log_mismatch", detail)
    # Notes are kept of former logs too; of the newest appends only those of the own log are told.
    for table, log_ids in (("act_notes", own_logs), ("recent_appends", (own_log,))):
        marks = ", ".join("?" * len(log_ids))
        rows = connection.execute(
            f"SELECT t.entry_index FROM main.{table} t LEFT JOIN main.logs l USING (log_no) "  # noqa: S608 - constant names
            f"WHERE l.log_id IS NULL OR l.log_id NOT IN ({marks}) OR NOT EXISTS (SELECT 1 FROM "
            "main.stored_events s WHERE s.originator_id = lower(hex(l.log_id)) AND "
            "s.originator_version = t.entry_index)",
            tuple(log_ids),
        )
        for (index,) in rows.fetchall():
            detail = f"a row of {table} belongs to no event of the own log"
            yield Finding(
                None, index if isinstance(index, int) else None, "own_log_mismatch", detail
            )


def check_keys(connection: sqlite3.Connection, node_keys: NodeKeys) -> Iterator[Finding]:
    """Opens the keys of the other databases, and what clients are sending."""
    rows = connection.execute(f"SELECT name, {blob('wrapped_key')} FROM main.data_keys")  # noqa: S608 - a constant name
    for name, wrapped in rows.fetchall():
        try:
            node_keys.unwrap(wrapped, database_context(str(name)))
        except (CorruptDatabase, NodeKeyMissing) as error:
            yield Finding(None, None, "data_key_mismatch", f"the key of {name!r}: {error}")
    rows = connection.execute(
        f"SELECT upload_no, {blob('upload_id')}, {blob('wrapped_key')}, {blob('head')} "  # noqa: S608 - constant names
        "FROM main.uploads"
    )
    for number, upload_id, wrapped, head in rows.fetchall():
        try:
            key = node_keys.unwrap(wrapped, upload_context(upload_id))
            open_upload_head(key, head)
            _open_upload_chunks(connection, number, key)
        except (CorruptDatabase, NodeKeyMissing) as error:
            yield Finding(None, None, "upload_mismatch", f"upload {number}: {error}")
    stray = connection.execute(
        "SELECT DISTINCT upload_no FROM main.upload_chunks "
        "WHERE upload_no IS NULL OR upload_no NOT IN (SELECT upload_no FROM main.uploads)"
    )
    for (number,) in stray.fetchall():
        yield Finding(None, None, "upload_mismatch", f"chunks of upload {number!r} belong to none")


def _open_upload_chunks(connection: sqlite3.Connection, number: int, key: bytes) -> None:
    rows = connection.execute(
        f"SELECT chunk_no, {blob('sealed')} FROM main.upload_chunks WHERE upload_no = ? "  # noqa: S608 - a constant name
        "ORDER BY chunk_no",
        (number,),
    )
    for expected, (chunk_no, sealed) in enumerate(rows):
        if chunk_no != expected:
            msg = f"chunk {expected} was expected, found {chunk_no!r}"
            raise CorruptDatabase(msg)
        open_piece(key, sealed, chunk_context(expected))
