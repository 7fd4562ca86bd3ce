"""Checks the tombstone journal against the database: each knows what the other one erased."""

import sqlite3
from collections.abc import Collection, Iterator

from registry.domain.identifiers import Commitment, LogId, Origin
from registry.store.check_log import Finding, blob
from registry.store.tombstone_journal import ErasedPart


def check_journal(
    connection: sqlite3.Connection, journal: Collection[ErasedPart]
) -> Iterator[Finding]:
    """Yields tombstones that the journal lacks, and content that it says is erased.

    A database that was restored and not started since may still hold such content: a start takes it
    out.
    """
    known = set(journal)
    rows = connection.execute(
        f"SELECT l.origin, {blob('l.log_id')}, t.entry_index, t.ordinal, {blob('t.commitment')} "  # noqa: S608 - constant names
        "FROM main.tombstones t JOIN main.logs l USING (log_no)"
    )
    for origin, log_id, index, ordinal, commitment in rows.fetchall():
        if ErasedPart(LogId(log_id), index, ordinal, Commitment(commitment)) not in known:
            detail = f"the tombstone of part {ordinal} is not in the tombstone journal"
            yield Finding(Origin(origin), index, "tombstone_journal_mismatch", detail)
    for part in known:
        found = connection.execute(
            "SELECT l.origin FROM main.parts p JOIN main.logs l USING (log_no) "
            "WHERE l.log_id = ? AND p.entry_index = ? AND p.ordinal = ?",
            part[:3],
        ).fetchone()
        if found is not None:
            detail = f"part {part.ordinal} was erased and is still held: start the node once"
            yield Finding(Origin(found[0]), part.index, "erased_content", detail)
