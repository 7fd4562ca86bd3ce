"""Checks the rows that control leaves behind: widenings, erasures, tombstones, receipts.

What should be there is judged again from the entries alone, as `control` judges it when they come.
A tombstone that only the journal knows of is no finding; content beside a tombstone is one.
"""

import sqlite3
from collections.abc import Iterator
from typing import Final, TypeAlias

from registry.domain.identifiers import Origin
from registry.errors import EntryError
from registry.log.control import AudienceWidened, ContentErased, ErasureReceipt, read_control
from registry.log.entry import Header, decode_header, split_entry
from registry.log.merkle import leaf_hash
from registry.store.check_log import Finding

Row: TypeAlias = tuple[object, ...]
_CONTENT_TABLES: Final = ("parts", "part_chunks", "incoming_parts", "wanted_parts")
_STORED: Final = {
    "widenings": ("SELECT log_no, by_index, entry_index, is_all, member_ids FROM main.widenings"),
    "erasures": "SELECT log_no, entry_index FROM main.erasures",
    "tombstones": (
        "SELECT log_no, entry_index, ordinal, commitment, by_index, erased_ms "
        "FROM main.tombstones WHERE by_index >= 0"
    ),
    "erasure_receipts": (
        "SELECT receipt_log_no, receipt_index, log_no, entry_index, time_ms "
        "FROM main.erasure_receipts"
    ),
}


class ExpectedControl:
    """Collects the control that headers carry, then compares it with what is stored."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._expected: dict[str, set[Row]] = {table: set() for table in _STORED}
        self._confirmed: set[Row] = set()
        self._erased: set[Row] = set()

    def add(self, log_no: int, header: Header) -> None:
        """Takes one entry's header; entries of a log come in order."""
        match read_control(header):
            case AudienceWidened() as widened:
                found = self._entry(log_no, widened.index)
                if found is not None and leaf_hash(found) == widened.leaf_hash:
                    target = decode_header(split_entry(found)[0])
                    if target.case_id == header.case_id and target.parts:
                        members = widened.audience.member_ids
                        self._expected["widenings"].add(
                            (
                                log_no,
                                header.index,
                                widened.index,
                                int(widened.audience.is_all),
                                b"".join(int(each).to_bytes(4, "big") for each in members),
                            )
                        )
            case ContentErased() as erased:
                if all(self._matches(log_no, header, *target[1:]) for target in erased.targets):
                    self._expected["erasures"].add((log_no, header.index))
                    self._bury(log_no, header, erased)
            case ErasureReceipt() as receipt:
                self._add_receipt(log_no, header, receipt)
            case None:
                pass

    def compare(self) -> Iterator[Finding]:
        """Yields every row that is missing or too many, and content that should be gone."""
        for table, expected in self._expected.items():
            stored = {tuple(row) for row in self._connection.execute(_STORED[table])}
            for word, rows in (("missing", expected - stored), ("too many", stored - expected)):
                for row in sorted(rows, key=repr):
                    told = ", ".join(v.hex() if isinstance(v, bytes) else repr(v) for v in row[1:])
                    detail = f"a row of {table} is {word}: {told}"
                    yield Finding(self._origin(row[0]), None, f"{table}_mismatch", detail)
        for table in _CONTENT_TABLES:
            kept = self._connection.execute(
                f"SELECT DISTINCT t.log_no, t.entry_index, t.ordinal FROM main.tombstones t "  # noqa: S608 - constants only
                f"JOIN main.{table} p USING (log_no, entry_index, ordinal)"
            )
            for log_no, index, ordinal in kept.fetchall():
                detail = f"part {ordinal} was erased and stands in {table}"
                yield Finding(self._origin(log_no), index, "erased_content", detail)

    def _bury(self, log_no: int, header: Header, erased: ContentErased) -> None:
        """The first erasure of a part is the one that its tombstone names."""
        for _, *target in erased.targets:
            if (log_no, *target) not in self._erased:
                self._erased.add((log_no, *target))
                self._expected["tombstones"].add((log_no, *target, header.index, header.time_ms))

    def _add_receipt(self, log_no: int, header: Header, receipt: ErasureReceipt) -> None:
        """Takes the first receipt of a log for each erasure."""
        found = self._connection.execute(
            "SELECT log_no FROM main.logs WHERE log_id = ?", (receipt.log_id,)
        ).fetchone()
        if found is None or (log_no, found[0], receipt.index) in self._confirmed:
            return
        self._confirmed.add((log_no, found[0], receipt.index))
        self._expected["erasure_receipts"].add(
            (log_no, header.index, found[0], receipt.index, header.time_ms)
        )

    def _matches(
        self, log_no: int, header: Header, index: int, ordinal: int, commitment: bytes
    ) -> bool:
        found = self._entry(log_no, index)
        if found is None:
            return False
        target = decode_header(split_entry(found)[0])
        is_there = target.case_id == header.case_id and ordinal < len(target.parts)
        return is_there and target.parts[ordinal].commitment == commitment

    def _entry(self, log_no: int, index: int) -> bytes | None:
        """An entry that can be parsed; one that is damaged is another check's finding."""
        row = self._connection.execute(
            "SELECT s.state FROM main.stored_events s JOIN main.logs l "
            "ON s.originator_id = lower(hex(l.log_id)) "
            "WHERE l.log_no = ? AND s.originator_version = ?",
            (log_no, index),
        ).fetchone()
        if row is None or not isinstance(row[0], bytes):
            return None
        try:
            decode_header(split_entry(row[0])[0])
        except EntryError:
            return None
        return row[0]

    def _origin(self, log_no: object) -> Origin | None:
        row = self._connection.execute(
            "SELECT origin FROM main.logs WHERE log_no = ?", (log_no,)
        ).fetchone()
        return None if row is None else Origin(row[0])
