"""Checks the rows that are derived from headers: cases, refs, request ids.

What should be there is written into temporary tables while the logs go by, and compared as sets:
that needs no memory that grows with the registry.
"""

import sqlite3
from collections.abc import Iterator
from typing import Final

from registry.domain.identifiers import Origin
from registry.log.entry import Header
from registry.store.check_log import Finding

_TABLES: Final = (
    "CREATE TEMP TABLE expected_cases (case_id BLOB, log_no INTEGER, entry_index INTEGER)",
    (
        "CREATE TEMP TABLE expected_refs (case_id BLOB, log_no INTEGER, target BLOB, "
        "max_index INTEGER, PRIMARY KEY (case_id, log_no, target)) WITHOUT ROWID"
    ),
    (
        "CREATE TEMP TABLE expected_requests (request_id BLOB PRIMARY KEY, entry_index INTEGER) "
        "WITHOUT ROWID"
    ),
)
# (reason, expected, found): rows of (log_no, entry index, and what else the row says).
_CASES: Final = (
    "case_index_mismatch",
    "SELECT log_no, entry_index, case_id FROM temp.expected_cases",
    (
        "SELECT c.log_no, c.entry_index, i.case_id FROM main.entries_of_cases c "
        "LEFT JOIN main.case_ids i ON i.case_no = c.case_no"
    ),
)
_REFS: Final = (
    "case_refs_mismatch",
    "SELECT log_no, max_index, case_id, target FROM temp.expected_refs",
    (
        "SELECT r.log_no, r.max_index, i.case_id, r.target FROM main.case_refs r "
        "LEFT JOIN main.case_ids i ON i.case_no = r.case_no"
    ),
)
_REQUESTS: Final = (
    "own_requests_mismatch",
    "SELECT NULL, entry_index, request_id FROM temp.expected_requests",
    (
        "SELECT NULL, entry_index, request_id FROM (SELECT entry_index, request_id "
        "FROM main.own_requests UNION ALL SELECT entry_index, request_id "
        "FROM main.recent_appends WHERE request_id IS NOT NULL)"
    ),
)
_FINDINGS_MAX: Final = 1000


class ExpectedIndex:
    """Collects what headers say, then compares it with what is stored."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._own_log_no: int | None = None
        for statement in _TABLES:
            connection.execute(statement)

    def add(self, log_no: int, index: int, header: Header, is_own: bool) -> None:  # noqa: FBT001 - a fact beside a header
        """Takes one entry's header."""
        if is_own:
            self._own_log_no = log_no
        if header.case_id:
            self._connection.execute(
                "INSERT INTO temp.expected_cases VALUES (?, ?, ?)", (header.case_id, log_no, index)
            )
        for ref in header.refs:
            self._connection.execute(
                "INSERT INTO temp.expected_refs VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE "
                "SET max_index = max(max_index, excluded.max_index)",
                (header.case_id, log_no, ref.log_id, ref.index),
            )
        if is_own and header.request_id:
            self._connection.execute(
                "INSERT INTO temp.expected_requests VALUES (?, ?) ON CONFLICT DO NOTHING",
                (header.request_id, index),
            )

    def compare(self) -> Iterator[Finding]:
        """Yields every row that is missing or too many."""
        yield from self._differences(*_CASES)
        yield from self._differences(*_REFS)
        if self._own_log_no is not None:
            yield from self._differences(*_REQUESTS)
        unused = self._connection.execute(
            "SELECT case_id FROM main.case_ids WHERE case_no NOT IN "
            "(SELECT case_no FROM main.entries_of_cases) LIMIT ?",
            (_FINDINGS_MAX,),
        )
        for (case_id,) in unused.fetchall():
            detail = f"case {bytes(case_id).hex()} has no entries"
            yield Finding(None, None, _CASES[0], detail)

    def _differences(self, reason: str, expected: str, found: str) -> Iterator[Finding]:
        for word, first, second in (("missing", expected, found), ("too many", found, expected)):
            rows = self._connection.execute(
                f"{first} EXCEPT {second} LIMIT ?",  # the constants above
                (_FINDINGS_MAX,),
            )
            for log_no, index, *about in rows.fetchall():
                name = ", ".join(a.hex() if isinstance(a, bytes) else repr(a) for a in about)
                yield Finding(self._origin(log_no), index, reason, f"a row is {word}: {name}")

    def _origin(self, log_no: int | None) -> Origin | None:
        number = self._own_log_no if log_no is None else log_no
        row = self._connection.execute(
            "SELECT origin FROM main.logs WHERE log_no = ?", (number,)
        ).fetchone()
        return None if row is None else Origin(row[0])
