"""Checks the rows that control leaves behind: widenings, erasures, tombstones, receipts.

What should be there is judged again from the entries and the roster alone, as `control` judges it
when they come. A tombstone that only the journal knows of is no finding; content beside a tombstone
is one. An erasure of what a former log holds that stands past the end of its own log waits, unless
it was carried out before the log ended there: only one of the two is in order.
"""

import sqlite3
from collections.abc import Iterator
from typing import Final, TypeAlias

from registry.domain.identifiers import LogId, LogsBefore, Origin
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
    "waiting_erasures": "SELECT log_no, entry_index, target_log FROM main.waiting_erasures",
    "tombstones": (
        "SELECT log_no, entry_index, ordinal, commitment, by_index, erased_ms, by_log_no "
        "FROM main.tombstones WHERE by_index >= 0"
    ),
    "erasure_receipts": (
        "SELECT receipt_log_no, receipt_index, log_no, entry_index, time_ms "
        "FROM main.erasure_receipts"
    ),
}


class ExpectedControl:
    """Collects the control that headers carry, then compares it with what is stored."""

    def __init__(self, connection: sqlite3.Connection, logs_before: LogsBefore) -> None:
        """Compares with a database, by who speaks for whom: see `Roster.logs_before`."""
        self._connection = connection
        self._logs_before = logs_before
        self._expected: dict[str, set[Row]] = {table: set() for table in _STORED}
        self._confirmed: set[Row] = set()
        self._tombstones: dict[Row, tuple[tuple[int, int], Row]] = {}
        """The erasure that comes first, and the rest of the row, by (log_no, index, ordinal)."""

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
                self._add_erasure(log_no, header, erased)
            case ErasureReceipt() as receipt:
                self._add_receipt(log_no, header, receipt)
            case None:
                pass

    def compare(self) -> Iterator[Finding]:
        """Yields every row that is missing or too many, and content that should be gone."""
        self._expected["tombstones"] = {(*at, *row) for at, (_, row) in self._tombstones.items()}
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

    def _add_erasure(self, log_no: int, header: Header, erased: ContentErased) -> None:
        target_log = erased.targets[0].log_id
        is_own = target_log == header.log_id
        is_former = target_log in self._logs_before.get(header.log_id, ())
        waiting = (log_no, header.index, target_log)
        target_no = log_no if is_own else self._number(target_log)
        has_effect = target_no is not None and all(
            self._matches(target_no, header, *target[1:]) for target in erased.targets
        )
        if is_own and not has_effect:
            return
        # What nobody lets it erase, earlier software has taken for no erasure at all.
        is_open = not is_own and (not is_former or self._is_void(log_no, header.index))
        may_wait = is_open and self._is_waiting(waiting)
        if target_no is not None and has_effect and (is_own or is_former) and not may_wait:
            self._expected["erasures"].add((log_no, header.index))
            self._bury(log_no, header, erased, target_no)
        elif is_former or may_wait:
            self._expected["waiting_erasures"].add(waiting)

    def _bury(self, log_no: int, header: Header, erased: ContentErased, target_no: int) -> None:
        """Of several erasures of a part its tombstone names that of the earliest log, the first."""
        order = (len(self._logs_before.get(header.log_id, ())), header.index)
        by_log_no = None if log_no == target_no else log_no
        for _, index, ordinal, commitment in erased.targets:
            at = (target_no, index, ordinal)
            row = (commitment, header.index, header.time_ms, by_log_no)
            if at not in self._tombstones or order < self._tombstones[at][0]:
                self._tombstones[at] = (order, row)

    def _is_waiting(self, row: Row) -> bool:
        found = self._connection.execute(
            "SELECT 1 FROM main.waiting_erasures "
            "WHERE log_no = ? AND entry_index = ? AND target_log = ?",
            row,
        )
        return found.fetchone() is not None

    def _is_void(self, log_no: int, index: int) -> bool:
        found = self._connection.execute(
            "SELECT frozen_at FROM main.logs WHERE log_no = ?", (log_no,)
        ).fetchone()
        return found is not None and found[0] is not None and index >= found[0]

    def _number(self, log_id: LogId) -> int | None:
        found = self._connection.execute(
            "SELECT log_no FROM main.logs WHERE log_id = ?", (log_id,)
        ).fetchone()
        return None if found is None else int(found[0])

    def _add_receipt(self, log_no: int, header: Header, receipt: ErasureReceipt) -> None:
        """Takes the first receipt of a log for each erasure."""
        number = self._number(receipt.log_id)
        if number is None or (log_no, number, receipt.index) in self._confirmed:
            return
        self._confirmed.add((log_no, number, receipt.index))
        self._expected["erasure_receipts"].add(
            (log_no, header.index, number, receipt.index, header.time_ms)
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
