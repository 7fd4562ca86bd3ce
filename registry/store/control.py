"""Control carried out in the database: wider audiences, erasures, receipts; all SQL of it.

One function for entries of every origin, inside the transaction that stores them. Judged by the
entry and by earlier entries of its own log only, but for erasures of what a former log holds
(`erasures`); control about an event of another case has no effect.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence

from eventsourcing.sqlite import SQLiteCursor

from registry.domain.identifiers import Commitment, LogId, MemberId, RequestKey
from registry.log.control import (
    AudienceWidened,
    ContentErased,
    ErasureReceipt,
    parse_control,
    union,
)
from registry.log.entry import Audience, Header
from registry.log.facts import EntryFacts
from registry.log.merkle import leaf_hash
from registry.store.erasures import Effects, Erasures
from registry.store.rows import LogNumbers, read_entries
from registry.store.tombstone_journal import ErasedPart
from registry.store.values import (
    HeldPart,
    HeldReceipt,
    Tombstone,
    UnconfirmedErasure,
    read_header,
)


class ControlWriter:
    """Carries out the control of one log's new entries."""

    def __init__(
        self,
        cursor: SQLiteCursor,
        numbers: LogNumbers,
        log_id: LogId,
        member_id: MemberId | None,
        erasures: Erasures,
        effects: Effects,
    ) -> None:
        self._cursor = cursor
        self._numbers = numbers
        self._log_id = log_id
        self._log_no = numbers.of(cursor, log_id)
        self._member_id = member_id
        self._erasures = erasures
        self._effects = effects

    def apply(self, fact: EntryFacts) -> None:
        """Carries out the control of one entry, which is stored already; nothing if it has none."""
        match parse_control(self._log_id, fact.index, fact.kind, fact.control):
            case AudienceWidened() as widened:
                self._widen(fact, widened)
            case ContentErased() as erased:
                self._erasures.take(self._cursor, self._log_id, fact, erased, self._effects)
            case ErasureReceipt() as receipt:
                self._note_receipt(fact, receipt)
            case None:
                pass

    def _widen(self, fact: EntryFacts, widened: AudienceWidened) -> None:
        found = read_entries(self._cursor, self._log_id, widened.index, widened.index + 1)
        if not found or leaf_hash(found[0]) != widened.leaf_hash:
            return
        header = read_header(found[0])
        if header.case_id != fact.case_id or not header.parts:
            return
        members = b"".join(int(i).to_bytes(4, "big") for i in widened.audience.member_ids)
        row = (self._log_no, widened.index, fact.index, widened.audience.is_all, members)
        self._cursor.execute("INSERT INTO widenings VALUES (?, ?, ?, ?, ?)", row)
        self._effects.widened.append((self._log_id, widened.index))
        if self._member_id is not None and widened.audience.admits(self._member_id):
            self._cursor.execute("SELECT parts_below FROM logs WHERE log_no = ?", (self._log_no,))
            if widened.index < self._cursor.fetchone()["parts_below"]:
                _want(self._cursor, self._log_no, header)

    def _note_receipt(self, fact: EntryFacts, receipt: ErasureReceipt) -> None:
        self._cursor.execute(
            "INSERT INTO erasure_receipts SELECT log_no, ?, ?, ?, ? FROM logs WHERE log_id = ? "
            "ON CONFLICT DO NOTHING",
            (receipt.index, self._log_no, fact.index, fact.time_ms, receipt.log_id),
        )


def all_tombstones(cursor: SQLiteCursor) -> list[ErasedPart]:
    """Every tombstone in the database, as the journal keeps them."""
    cursor.execute("SELECT t.*, l.log_id FROM tombstones t JOIN logs l ON l.log_no = t.log_no")
    return [
        ErasedPart(
            LogId(row["log_id"]), row["entry_index"], row["ordinal"], Commitment(row["commitment"])
        )
        for row in cursor.fetchall()
    ]


def without_erased(
    cursor: SQLiteCursor, numbers: LogNumbers, parts: Sequence[HeldPart]
) -> list[HeldPart]:
    """Leaves out parts whose commitment was erased, at their place or at another of their log."""
    kept: list[HeldPart] = []
    has_tombstones: dict[LogId, bool] = {}
    for part in parts:
        log_no = numbers.of(cursor, part.log_id)
        if part.log_id not in has_tombstones:
            cursor.execute("SELECT EXISTS (SELECT 1 FROM tombstones WHERE log_no = ?)", (log_no,))
            has_tombstones[part.log_id] = bool(cursor.fetchone()[0])
        if not has_tombstones[part.log_id] or not _is_erased(cursor, log_no, part):
            kept.append(part)
    return kept


def drop_erased_wants(cursor: SQLiteCursor, log_no: int) -> None:
    """Nothing that was erased is wanted."""
    cursor.execute(
        "DELETE FROM wanted_parts WHERE log_no = ?1 AND (entry_index, ordinal) IN "
        "(SELECT entry_index, ordinal FROM tombstones WHERE log_no = ?1)",
        (log_no,),
    )


def want_widened(
    cursor: SQLiteCursor, log_no: int, log_id: LogId, member_id: MemberId, start: int, end: int
) -> None:
    """Lists parts of [start, end) that a widening let this node have while they were passed."""
    cursor.execute(
        "SELECT entry_index, is_all, member_ids FROM widenings "
        "WHERE log_no = ? AND entry_index >= ? AND entry_index < ?",
        (log_no, start, end),
    )
    for row in cursor.fetchall():
        if row["is_all"] or member_id in member_ids_of(row["member_ids"]):
            index = row["entry_index"]
            (entry,) = read_entries(cursor, log_id, index, index + 1)
            _want(cursor, log_no, read_header(entry))


def forget_digests(cursor: SQLiteCursor, requests: Sequence[RequestKey]) -> None:
    """Forgets what was asked for under these ids: the digest was made of the content."""
    for table in ("own_requests", "recent_appends"):
        cursor.executemany(
            f"UPDATE {table} SET request_digest = NULL WHERE request_id = ?",  # noqa: S608 - constants only
            [(request,) for request in requests],
        )


def member_ids_of(data: bytes) -> tuple[MemberId, ...]:
    """Reads the ids in a row of `widenings`."""
    return tuple(
        MemberId(int.from_bytes(data[at : at + 4], "big")) for at in range(0, len(data), 4)
    )


def _want(cursor: SQLiteCursor, log_no: int, header: Header) -> None:
    cursor.executemany(
        "INSERT INTO wanted_parts (log_no, entry_index, ordinal, not_before_ms) "
        "SELECT ?1, ?2, ?3, ?4 "
        "WHERE NOT EXISTS (SELECT 1 FROM parts WHERE log_no = ?1 AND entry_index = ?2 "
        "AND ordinal = ?3) AND NOT EXISTS (SELECT 1 FROM tombstones WHERE log_no = ?1 "
        "AND entry_index = ?2 AND ordinal = ?3) ON CONFLICT DO NOTHING",
        [
            (log_no, header.index, ordinal, part.not_before_ms)
            for ordinal, part in enumerate(header.parts)
        ],
    )


def _is_erased(cursor: SQLiteCursor, log_no: int, part: HeldPart) -> bool:
    found = read_entries(cursor, part.log_id, part.index, part.index + 1)
    parts = read_header(found[0]).parts if found else ()
    if part.ordinal >= len(parts):
        return False
    cursor.execute(
        "SELECT 1 FROM tombstones WHERE log_no = ? AND commitment = ?",
        (log_no, parts[part.ordinal].commitment),
    )
    return cursor.fetchone() is not None


def ranges_of(places: Iterable[tuple[LogId, int]]) -> Mapping[LogId, tuple[int, int]]:
    """The first and the last index asked for of each log."""
    found: dict[LogId, tuple[int, int]] = {}
    for log_id, index in places:
        low, high = found.get(log_id, (index, index))
        found[log_id] = (min(low, index), max(high, index))
    return found


def read_widenings(
    cursor: SQLiteCursor, places: Collection[tuple[LogId, int]], valid_sizes: Mapping[LogId, int]
) -> dict[tuple[LogId, int], Audience]:
    """Whom the widenings of these entries admit; those that are void count for nothing."""
    found: dict[tuple[LogId, int], Audience] = {}
    for log_id, (low, high) in ranges_of(places).items():
        cursor.execute(
            "SELECT w.* FROM widenings w JOIN logs l ON l.log_no = w.log_no WHERE l.log_id = ? "
            "AND w.entry_index BETWEEN ? AND ? AND w.by_index < ?",
            (log_id, low, high, valid_sizes.get(log_id, 0)),
        )
        for row in cursor.fetchall():
            place = (log_id, row["entry_index"])
            if place in places:
                is_all = bool(row["is_all"])
                ids = () if is_all else member_ids_of(row["member_ids"])
                found[place] = union(Audience(is_all, ids), found.get(place))
    return found


def read_tombstones(
    cursor: SQLiteCursor, places: Collection[tuple[LogId, int]]
) -> dict[tuple[LogId, int, int], Tombstone]:
    """The tombstones of these entries' parts."""
    found: dict[tuple[LogId, int, int], Tombstone] = {}
    for log_id, (low, high) in ranges_of(places).items():
        cursor.execute(
            "SELECT t.* FROM tombstones t JOIN logs l ON l.log_no = t.log_no WHERE l.log_id = ? "
            "AND t.entry_index BETWEEN ? AND ?",
            (log_id, low, high),
        )
        for row in cursor.fetchall():
            place = (log_id, row["entry_index"])
            if place in places:
                found[(*place, row["ordinal"])] = Tombstone(
                    Commitment(row["commitment"]),
                    None if row["by_index"] < 0 else row["by_index"],
                    row["erased_ms"],
                )
    return found


def read_receipts(cursor: SQLiteCursor, log_id: LogId, index: int) -> list[HeldReceipt]:
    """The receipts that name an entry, by the number of their log."""
    cursor.execute(
        "SELECT r.*, by.log_id AS by_log FROM erasure_receipts r "
        "JOIN logs l ON l.log_no = r.log_no JOIN logs by ON by.log_no = r.receipt_log_no "
        "WHERE l.log_id = ? AND r.entry_index = ? ORDER BY r.receipt_log_no",
        (log_id, index),
    )
    return [
        HeldReceipt(LogId(row["by_log"]), row["receipt_index"], row["time_ms"])
        for row in cursor.fetchall()
    ]


def read_unreceipted(
    cursor: SQLiteCursor, own_log_id: LogId, limit: int, after: tuple[int, int], last_change_id: int
) -> list[UnconfirmedErasure]:
    """Erasures of other logs without a receipt in the own log: after a place, up to a change."""
    cursor.execute(
        "SELECT e.*, l.log_id FROM erasures e JOIN logs l ON l.log_no = e.log_no "
        "JOIN stored_events s ON s.originator_id = lower(hex(l.log_id)) "
        "AND s.originator_version = e.entry_index AND s.rowid <= ?5 "
        "WHERE l.log_id <> ?1 AND (e.log_no, e.entry_index) > (?2, ?3) "
        "AND (l.frozen_at IS NULL OR e.entry_index < l.frozen_at) AND NOT EXISTS "
        "(SELECT 1 FROM erasure_receipts r JOIN logs own ON own.log_no = r.receipt_log_no "
        "WHERE own.log_id = ?1 AND r.log_no = e.log_no AND r.entry_index = e.entry_index) "
        "ORDER BY e.log_no, e.entry_index LIMIT ?4",
        (own_log_id, *after, limit, last_change_id),
    )
    return [
        UnconfirmedErasure(
            (row["log_no"], row["entry_index"]), LogId(row["log_id"]), row["entry_index"]
        )
        for row in cursor.fetchall()
    ]


def read_effective(
    cursor: SQLiteCursor, places: Collection[tuple[LogId, int]]
) -> set[tuple[LogId, int]]:
    """Those of the entries whose widening or erasure had an effect."""
    found: set[tuple[LogId, int]] = set()
    for log_id, index in places:
        cursor.execute(
            "SELECT 1 FROM logs l WHERE l.log_id = ?1 AND (EXISTS (SELECT 1 FROM erasures e "
            "WHERE e.log_no = l.log_no AND e.entry_index = ?2) OR EXISTS (SELECT 1 FROM "
            "widenings w WHERE w.log_no = l.log_no AND w.by_index = ?2))",
            (log_id, index),
        )
        if cursor.fetchone() is not None:
            found.add((log_id, index))
    return found
