"""Tables of the store on SQLite, as migrations that only go forward.

    logs          one row per log: how it stands
    tree          hashes of perfect subtrees, 256 a row: level 0 = leaf hashes of complete tiles;
                  level k = roots of complete subtrees of 256^k leaves, the last row partial
    case_ids      numbers for case ids, so that the index below stays narrow
    case_entries  which entries belong to a case, and when this node stored them
    entries_of_cases  all of these, those of recent_appends among them: what readers ask
    case_refs     how far a log's events on a case have referred to another log, named by its id:
                  a log that this node does not know (yet) counts like any other
    own_requests  what was asked of the own log; a NULL digest = known from recovery only
    recent_appends  the newest appends of the own log, not in case_entries and own_requests yet
    parts         content that is held, encrypted: see sealing.py and parts.py; with size_bytes it
                  is a large part: its bytes stand in part_chunks
    part_arrivals parts that came after their entry, in the order of arrival
    wanted_parts  content below logs.parts_below that this node may hold and has not received
    part_chunks   pieces of large parts, encrypted under the part's data key
                  (with row ids, as upload_chunks: a search in a table without reads whole rows)
    incoming_parts  large parts whose pieces are still coming
    uploads       files that a client is giving to this node; upload_chunks: their pieces
    widenings     more members that may hold the parts of an entry, by an audience_widened event
    tombstones    parts that were erased and are never stored again, by a content_erased event; of
                  the log by_log_no, NULL = of the part's own
    erasures      the content_erased events that had an effect
    waiting_erasures  those of parts of another log that had none so far; see erasures.py
    erasure_receipts  who has confirmed them
    freezes       where logs end: generation -1 by a roster or by this node's own judgement, others
                  by a fault proof of that generation of the log's key; logs.frozen_at is the least
    own_log       the log that own_requests and recent_appends are about
    key_rotations the key_rotated events that had an effect
    act_notes     who did an own act and who it came from, sealed; never sent: see act_notes.py
    cosignatures  the largest cosignature of each log by each witness, the own ones among them
    data_keys     keys of the databases beside this one, wrapped by the node key
    unfinished    steps of a migration that go on at the next start if they were cut short
    meta          schema_version

The entries themselves are eventsourcing's `stored_events`. Rows of it are never deleted: SQLite
would give their row ids, the order of arrival, a second time.
"""

from typing import Final

from eventsourcing.sqlite import SQLiteCursor

from registry.errors import SchemaError
from registry.store.failpoints import Step, reach

_VERSION_1: Final = (
    """CREATE TABLE logs (
        log_no INTEGER PRIMARY KEY, log_id BLOB NOT NULL UNIQUE, origin TEXT NOT NULL,
        size INTEGER NOT NULL, root BLOB NOT NULL, range BLOB NOT NULL,
        note BLOB, noted_size INTEGER NOT NULL,
        frozen_at INTEGER, frozen_reason TEXT, evidence BLOB,
        parts_below INTEGER NOT NULL)""",
    """CREATE TABLE tree (
        log_no INTEGER, level INTEGER, tile INTEGER, hashes BLOB NOT NULL,
        PRIMARY KEY (log_no, level, tile))""",
    "CREATE TABLE case_ids (case_no INTEGER PRIMARY KEY, case_id BLOB NOT NULL UNIQUE)",
    """CREATE TABLE case_entries (
        case_no INTEGER, log_no INTEGER, entry_index INTEGER, received_ms INTEGER NOT NULL,
        PRIMARY KEY (case_no, log_no, entry_index)) WITHOUT ROWID""",
    """CREATE TABLE case_refs (
        log_no INTEGER, case_no INTEGER, target BLOB, max_index INTEGER NOT NULL,
        PRIMARY KEY (log_no, case_no, target)) WITHOUT ROWID""",
    """CREATE TABLE recent_requests (
        entry_index INTEGER PRIMARY KEY, request_id BLOB NOT NULL, request_digest BLOB NOT NULL)""",
    """CREATE TABLE own_requests (
        request_id BLOB PRIMARY KEY, request_digest BLOB, entry_index INTEGER NOT NULL)
        WITHOUT ROWID""",
    """CREATE TABLE parts (
        log_no INTEGER, entry_index INTEGER, ordinal INTEGER, wrapped_key BLOB,
        sealed BLOB NOT NULL, PRIMARY KEY (log_no, entry_index, ordinal)) WITHOUT ROWID""",
    """CREATE TABLE part_arrivals (
        arrival_no INTEGER PRIMARY KEY, log_no INTEGER NOT NULL, entry_index INTEGER NOT NULL,
        ordinal INTEGER NOT NULL)""",
    """CREATE TABLE wanted_parts (
        log_no INTEGER, entry_index INTEGER, ordinal INTEGER,
        PRIMARY KEY (log_no, entry_index, ordinal)) WITHOUT ROWID""",
)

_VERSION_2: Final = (
    """INSERT OR IGNORE INTO own_requests
        SELECT request_id, request_digest, entry_index FROM recent_requests ORDER BY request_id""",
    "DROP TABLE recent_requests",
    """CREATE TABLE recent_appends (
        entry_index INTEGER PRIMARY KEY, log_no INTEGER NOT NULL, case_no INTEGER,
        received_ms INTEGER NOT NULL, request_id BLOB, request_digest BLOB)""",
    """CREATE VIEW entries_of_cases AS
        SELECT case_no, log_no, entry_index, received_ms FROM case_entries
        UNION ALL SELECT case_no, log_no, entry_index, received_ms FROM recent_appends
        WHERE case_no IS NOT NULL""",
    "ALTER TABLE wanted_parts ADD COLUMN not_before_ms INTEGER NOT NULL DEFAULT 0",
    "CREATE INDEX wanted_openings ON wanted_parts (log_no, not_before_ms) WHERE not_before_ms > 0",
    "ALTER TABLE parts ADD COLUMN size_bytes INTEGER",
    """CREATE TABLE part_chunks (
        log_no INTEGER, entry_index INTEGER, ordinal INTEGER, chunk_no INTEGER,
        sealed BLOB NOT NULL,
        PRIMARY KEY (log_no, entry_index, ordinal, chunk_no))""",
    """CREATE TABLE incoming_parts (
        log_no INTEGER, entry_index INTEGER, ordinal INTEGER, wrapped_key BLOB NOT NULL,
        head BLOB NOT NULL, PRIMARY KEY (log_no, entry_index, ordinal)) WITHOUT ROWID""",
    """CREATE TABLE uploads (
        upload_no INTEGER PRIMARY KEY, upload_id BLOB NOT NULL UNIQUE, owner BLOB NOT NULL,
        request_key BLOB NOT NULL, wrapped_key BLOB NOT NULL, head BLOB NOT NULL,
        created_ms INTEGER NOT NULL, UNIQUE (owner, request_key))""",
    """CREATE TABLE upload_chunks (
        upload_no INTEGER, chunk_no INTEGER, sealed BLOB NOT NULL,
        PRIMARY KEY (upload_no, chunk_no))""",
    """CREATE TABLE widenings (
        log_no INTEGER, entry_index INTEGER, by_index INTEGER, is_all INTEGER NOT NULL,
        member_ids BLOB NOT NULL, PRIMARY KEY (log_no, entry_index, by_index)) WITHOUT ROWID""",
    """CREATE TABLE tombstones (
        log_no INTEGER, entry_index INTEGER, ordinal INTEGER, commitment BLOB NOT NULL,
        by_index INTEGER NOT NULL, erased_ms INTEGER NOT NULL,
        PRIMARY KEY (log_no, entry_index, ordinal)) WITHOUT ROWID""",
    "CREATE INDEX tombstones_by_commitment ON tombstones (log_no, commitment)",
    """CREATE TABLE erasures (
        log_no INTEGER, entry_index INTEGER, PRIMARY KEY (log_no, entry_index)) WITHOUT ROWID""",
    """CREATE TABLE erasure_receipts (
        log_no INTEGER, entry_index INTEGER, receipt_log_no INTEGER,
        receipt_index INTEGER NOT NULL, time_ms INTEGER NOT NULL,
        PRIMARY KEY (log_no, entry_index, receipt_log_no)) WITHOUT ROWID""",
    """CREATE TABLE act_notes (
        log_no INTEGER, entry_index INTEGER, act BLOB NOT NULL, source BLOB,
        PRIMARY KEY (log_no, entry_index)) WITHOUT ROWID""",
    "CREATE TABLE data_keys (name TEXT PRIMARY KEY, wrapped_key BLOB NOT NULL) WITHOUT ROWID",
    *(
        f"CREATE TRIGGER erased_stay_out_of_{table} BEFORE INSERT ON {table} WHEN EXISTS "  # noqa: S608 - constants only
        "(SELECT 1 FROM tombstones t WHERE t.log_no = NEW.log_no "
        "AND t.entry_index = NEW.entry_index AND t.ordinal = NEW.ordinal) "
        "BEGIN SELECT RAISE(IGNORE); END"
        for table in ("parts", "part_chunks", "incoming_parts", "wanted_parts")
    ),
    "CREATE TABLE unfinished (step TEXT PRIMARY KEY) WITHOUT ROWID",
    "INSERT INTO unfinished VALUES ('seal_parts')",
)
SEAL_PARTS: Final = "seal_parts"
"""The step of version 2 that encrypts the parts of version 1; see sealing_earlier.py."""

_VERSION_3: Final = (
    """CREATE TABLE key_rotations (
        log_no INTEGER, entry_index INTEGER, PRIMARY KEY (log_no, entry_index)) WITHOUT ROWID""",
    "CREATE TABLE own_log (log_id BLOB NOT NULL)",
)

_VERSION_4: Final = (
    """CREATE TABLE freezes (
        log_no INTEGER, generation INTEGER, frozen_at INTEGER NOT NULL, reason TEXT NOT NULL,
        evidence BLOB NOT NULL, PRIMARY KEY (log_no, generation)) WITHOUT ROWID""",
    """INSERT INTO freezes SELECT log_no, -1, frozen_at, COALESCE(frozen_reason, ''),
        COALESCE(evidence, x'') FROM logs WHERE frozen_at IS NOT NULL""",
)

_VERSION_5: Final = (
    """CREATE TABLE cosignatures (
        log_no INTEGER, witness TEXT, size INTEGER NOT NULL, root BLOB NOT NULL,
        key_id BLOB NOT NULL, signature BLOB NOT NULL,
        PRIMARY KEY (log_no, witness)) WITHOUT ROWID""",
)

FIND_WAITING: Final = "find_waiting"
"""The step of version 6 that finds erasures of former logs: earlier software took them for none."""

_VERSION_6: Final = (
    """CREATE TABLE waiting_erasures (
        log_no INTEGER, entry_index INTEGER, target_log BLOB NOT NULL,
        PRIMARY KEY (log_no, entry_index)) WITHOUT ROWID""",
    "ALTER TABLE tombstones ADD COLUMN by_log_no INTEGER",
    "INSERT INTO unfinished SELECT 'find_waiting' WHERE EXISTS (SELECT 1 FROM stored_events)",
)

MIGRATIONS: Final = (_VERSION_1, _VERSION_2, _VERSION_3, _VERSION_4, _VERSION_5, _VERSION_6)
"""Statements of each version, from 1; a version that was released is never edited."""
WITNESSING_VERSION: Final = 5
"""From this one on a node may have cosigned something."""


def migrate(cursor: SQLiteCursor) -> None:
    """Brings a database to the newest version, inside the caller's transaction.

    Raises:
        SchemaError: the database was written by newer software.
    """
    cursor.execute("CREATE TABLE IF NOT EXISTS meta (schema_version INTEGER NOT NULL)")
    version = schema_version(cursor)
    for statements in MIGRATIONS[version:]:
        for statement in statements:
            cursor.execute(statement)
    if version < len(MIGRATIONS):
        cursor.execute("DELETE FROM meta")
        cursor.execute("INSERT INTO meta VALUES (?)", (len(MIGRATIONS),))
        reach(Step.MIGRATION_WRITTEN)


def schema_version(cursor: SQLiteCursor) -> int:
    """Reads the version of a database; 0 = it is empty.

    Raises:
        SchemaError: it was written by newer software.
    """
    cursor.execute("SELECT schema_version FROM meta")
    row = cursor.fetchone()
    version = 0 if row is None else int(row["schema_version"])
    if version > len(MIGRATIONS):
        msg = (
            f"the database has schema {version}, this software knows up to {len(MIGRATIONS)}: "
            "use the software that wrote it, or a newer one"
        )
        raise SchemaError(msg)
    return version
