"""Checks which content is held, wanted and on its way, against what headers and widenings say.

A part that this node may hold and has been asked for is held, wanted or erased: a row that went
missing is a finding. So is content that no audience admits this node to.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from typing import Final

from registry.domain.identifiers import LogId, MemberId, Origin
from registry.errors import CorruptDatabase, NodeKeyMissing
from registry.log.entry import Header
from registry.store.check_log import Finding, blob
from registry.store.chunks import CHUNK_BYTES, chunk_context, chunk_count, open_head, open_piece
from registry.store.control import member_ids_of
from registry.store.sealing import NodeKeys, part_context

_TABLE: Final = (
    "CREATE TEMP TABLE expected_parts (log_no INTEGER, entry_index INTEGER, ordinal INTEGER, "
    "not_before_ms INTEGER, may INTEGER, must INTEGER, "
    "PRIMARY KEY (log_no, entry_index, ordinal)) WITHOUT ROWID"
)
_PLACE: Final = "log_no, entry_index, ordinal"
_FINDINGS_MAX: Final = 1000
_NOT_IN: Final = "NOT EXISTS (SELECT 1 FROM {table} o WHERE (o.log_no, o.entry_index, o.ordinal) = (x.log_no, x.entry_index, x.ordinal))"  # noqa: E501 - one condition
_CHECKS: Final = (
    (
        "content_missing",
        "is neither held nor wanted nor erased",
        (
            "SELECT x.* FROM temp.expected_parts x JOIN main.logs l USING (log_no) "  # noqa: S608 - constants only
            "WHERE x.must AND x.entry_index < l.parts_below "
            f"AND {_NOT_IN.format(table='main.parts')} AND {_NOT_IN.format(table='main.wanted_parts')} "  # noqa: E501
            f"AND {_NOT_IN.format(table='main.tombstones')}"
        ),
    ),
    (
        "content_beyond_audience",
        "is held, and nothing lets this node hold it",
        (
            "SELECT x.* FROM main.parts x JOIN temp.expected_parts e "  # noqa: S608 - constants only
            f"USING ({_PLACE}) WHERE NOT e.may "
            "AND x.log_no NOT IN (SELECT log_no FROM temp.own_numbers)"
        ),
    ),
    (
        "wanted_parts_mismatch",
        "is wanted, and is held, or no entry has it, or not at that time",
        (
            "SELECT x.* FROM main.wanted_parts x WHERE NOT EXISTS (SELECT 1 FROM "  # noqa: S608 - constants only
            "temp.expected_parts e WHERE e.log_no = x.log_no AND e.entry_index = x.entry_index "
            "AND e.ordinal = x.ordinal AND e.not_before_ms = x.not_before_ms) "
            f"OR NOT ({_NOT_IN.format(table='main.parts')})"
        ),
    ),
    (
        "part_arrivals_mismatch",
        "has arrived, and no entry has it",
        (
            "SELECT x.log_no, x.entry_index, x.ordinal FROM main.part_arrivals x "  # noqa: S608 - constants only
            f"WHERE {_NOT_IN.format(table='temp.expected_parts')}"
        ),
    ),
    (
        "part_arrivals_mismatch",
        "is held, and its arrival is not noted",
        (
            "SELECT x.* FROM main.parts x "  # noqa: S608 - constants only
            "WHERE x.log_no NOT IN (SELECT log_no FROM temp.own_numbers) "
            f"AND {_NOT_IN.format(table='main.part_arrivals')}"
        ),
    ),
    (
        "large_part_mismatch",
        "is on its way, and is not wanted",
        f"SELECT x.* FROM main.incoming_parts x WHERE {_NOT_IN.format(table='main.wanted_parts')}",  # noqa: S608 - constants only
    ),
    (
        "large_part_mismatch",
        "has a chunk that belongs to nothing",
        (
            f"SELECT DISTINCT x.log_no, x.entry_index, x.ordinal FROM main.part_chunks x "  # noqa: S608 - constants only
            f"WHERE {_NOT_IN.format(table='main.incoming_parts')} "
            f"AND {_NOT_IN.format(table='main.parts')}"
        ),
    ),
)


class ExpectedContent:
    """Collects the parts that headers name, then compares them with the rows of content."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        own_id: MemberId | None,
        own_logs: Sequence[LogId],
        node_keys: NodeKeys | None,
    ) -> None:
        self._connection = connection
        self._own_id = own_id
        self._node_keys = node_keys
        connection.execute(_TABLE)
        connection.execute("CREATE TEMP TABLE own_numbers (log_no INTEGER PRIMARY KEY)")
        # Content of own appends is there from the start: it arrives from nobody.
        connection.executemany(
            "INSERT INTO temp.own_numbers SELECT log_no FROM main.logs WHERE log_id = ?",
            [(log_id,) for log_id in own_logs],
        )

    def add(self, log_no: int, header: Header) -> None:
        """Takes one entry's header."""
        is_ours = self._own_id is not None and header.audience.admits(self._own_id)
        self._connection.executemany(
            "INSERT OR IGNORE INTO temp.expected_parts VALUES (?, ?, ?, ?, ?, ?)",
            [
                (log_no, header.index, ordinal, part.not_before_ms, is_ours, is_ours)
                for ordinal, part in enumerate(header.parts)
            ],
        )

    def compare(self) -> Iterator[Finding]:
        """Yields every row that is missing or too many."""
        if self._own_id is not None:
            self._widen(self._own_id)
            for reason, words, statement in _CHECKS:
                rows = self._connection.execute(f"{statement} LIMIT {_FINDINGS_MAX}")
                for log_no, index, ordinal, *_ in rows.fetchall():
                    yield self._found(log_no, index, reason, f"part {ordinal} {words}")
        yield from self._check_incoming()
        yield from self._check_chunk_numbers()

    def _widen(self, own_id: MemberId) -> None:
        rows = self._connection.execute(
            f"SELECT w.log_no, w.entry_index, w.is_all, {blob('w.member_ids')}, "  # noqa: S608 - a constant name
            "l.frozen_at IS NULL OR w.by_index < l.frozen_at "
            "FROM main.widenings w JOIN main.logs l USING (log_no)"
        )
        for log_no, index, is_all, member_ids, is_valid in rows.fetchall():
            if is_all or own_id in member_ids_of(member_ids):
                self._connection.execute(
                    "UPDATE temp.expected_parts SET may = 1, must = must OR ? "
                    "WHERE log_no = ? AND entry_index = ?",
                    (is_valid, log_no, index),
                )

    def _check_incoming(self) -> Iterator[Finding]:
        """Opens what has come so far of large parts."""
        if self._node_keys is None:
            return
        rows = self._connection.execute(
            f"SELECT i.log_no, i.entry_index, i.ordinal, {blob('l.log_id')}, "  # noqa: S608 - constant names
            f"{blob('i.wrapped_key')}, {blob('i.head')} "
            "FROM main.incoming_parts i JOIN main.logs l USING (log_no)"
        )
        for log_no, index, ordinal, log_id, wrapped, head in rows.fetchall():
            place = (LogId(log_id), index, ordinal)
            try:
                key = self._node_keys.unwrap(wrapped, part_context(*place))
                count = chunk_count(open_head(place, key, head).large_bytes)
                self._open_chunks((log_no, index, ordinal), key, count)
            except (CorruptDatabase, NodeKeyMissing) as error:
                detail = f"part {ordinal}, which is on its way: {error}"
                yield self._found(log_no, index, "large_part_mismatch", detail)

    def _open_chunks(self, place: tuple[int, int, int], key: bytes, count: int) -> None:
        rows = self._connection.execute(
            f"SELECT chunk_no, {blob('sealed')} FROM main.part_chunks WHERE log_no = ? "  # noqa: S608 - a constant name
            "AND entry_index = ? AND ordinal = ? ORDER BY chunk_no",
            place,
        )
        for expected, (chunk_no, sealed) in enumerate(rows):
            if chunk_no != expected or expected >= count:
                msg = f"chunk {expected} of {count} was expected, found {chunk_no!r}"
                raise CorruptDatabase(msg)
            open_piece(key, sealed, chunk_context(expected))

    def _check_chunk_numbers(self) -> Iterator[Finding]:
        """A complete large part has no chunk past its end; those before are read with it."""
        rows = self._connection.execute(
            "SELECT c.log_no, c.entry_index, c.ordinal, c.chunk_no FROM main.part_chunks c "  # noqa: S608 - constants only
            "JOIN main.parts p USING (log_no, entry_index, ordinal) WHERE p.size_bytes IS NULL "
            "OR typeof(c.chunk_no) <> 'integer' OR c.chunk_no < 0 "
            f"OR c.chunk_no >= (p.size_bytes + {CHUNK_BYTES - 1}) / {CHUNK_BYTES}"
        )
        for log_no, index, ordinal, chunk_no in rows.fetchall():
            detail = f"part {ordinal} has a chunk {chunk_no!r} past its end"
            yield self._found(log_no, index, "large_part_mismatch", detail)

    def _found(self, log_no: object, index: object, reason: str, detail: str) -> Finding:
        row = self._connection.execute(
            "SELECT origin FROM main.logs WHERE log_no = ?", (log_no,)
        ).fetchone()
        origin = None if row is None else Origin(row[0])
        return Finding(origin, index if isinstance(index, int) else None, reason, detail)
