"""The store on SQLite: reading, from any thread.

Pooled connections, one snapshot for each read. What is above the guard in the own log is committed
but not yet acknowledged: it is hidden until the guard has advanced.
"""

from collections.abc import Callable, Collection, Sequence
from typing import Final, TypeVar

from registry.domain.identifiers import CaseId, LeafHash, LogId, RequestKey, RootHash
from registry.errors import DamagedLog, NodeKeyMissing, NotFound
from registry.log.entry import INDEX_MAX, Audience
from registry.log.merkle import (
    EMPTY_ROOT,
    Subtree,
    consistency_path,
    inclusion_path,
    leaf_hash,
    root_of,
)
from registry.store.act_notes import ActNote, read_note
from registry.store.connections import DurableDatastore, translated
from registry.store.control import (
    read_effective,
    read_receipts,
    read_tombstones,
    read_unreceipted,
    read_widenings,
)
from registry.store.entry_reader import EntryReader
from registry.store.freezes import read_proofs
from registry.store.parts import open_part, read_part_rows
from registry.store.recent import is_known
from registry.store.recorder import LogRecorder
from registry.store.rows import (
    LogNumbers,
    find_case,
    number_cases,
    read_cases,
    read_entries,
    read_state,
    state_of_row,
    subtree_hash,
)
from registry.store.sealing import NodeKeys
from registry.store.values import (
    Change,
    HeldPart,
    HeldReceipt,
    KeptProof,
    LogState,
    PartChange,
    StoredEntry,
    Tombstone,
    UnconfirmedErasure,
    read_header,
)

T = TypeVar("T")
_CASES_SEEN_MAX: Final = 50_000
"""Cases are never forgotten, so one that was seen needs no second look: appends ask each time."""


class SqliteReading(EntryReader):
    """The reading half of a store.

    `published` tells how far the own log may be shown; None where there is no own log.
    """

    def __init__(
        self,
        datastore: DurableDatastore,
        recorder: LogRecorder,
        published: Callable[[], LogState | None],
        node_keys: NodeKeys | None,
    ) -> None:
        self._datastore = datastore
        self._node_keys = node_keys
        self.recorder = recorder
        self._own = published
        self._numbers = LogNumbers()
        self._cases_seen: set[CaseId] = set()
        self.content_is_closed = False

    def log_states(self) -> tuple[LogState, ...]:
        """See EntryStore."""
        with self._datastore.reading() as cursor:
            cursor.execute("SELECT * FROM logs ORDER BY origin")
            states = [state_of_row(row) for row in cursor.fetchall()]
        return tuple(self._published(state) for state in states)

    def log_state(self, log_id: LogId) -> LogState:
        """See EntryStore."""
        with self._datastore.reading() as cursor:
            return self._published(read_state(cursor, log_id))

    def entries(
        self, log_id: LogId, start: int, end: int, *, max_bytes: int | None = None
    ) -> list[bytes]:
        """See EntryStore."""
        # Read before the snapshot is taken: what is shown by then is in it.
        limit = self._limit(log_id, end)
        with self._datastore.reading() as cursor:
            end = min(end, limit, read_state(cursor, log_id).size)
            found = read_entries(cursor, log_id, start, end)
        if len(found) != max(end - max(start, 0), 0):
            msg = f"log {log_id.hex()} lacks entries between {start} and {end}; run `registry fsck`"
            raise DamagedLog(msg)
        if max_bytes is None:
            return found
        size_bytes = 0
        for count, entry in enumerate(found):
            size_bytes += len(entry)
            if size_bytes > max_bytes and count:
                return found[:count]
        return found

    def fault_proofs(self) -> list[KeptProof]:
        """See EntryReader."""
        with self._datastore.reading() as cursor:
            return read_proofs(cursor)

    def case_entries(self, case_id: CaseId) -> list[StoredEntry]:
        """See EntryStore."""
        return self.entries_of_cases([case_id])[case_id]

    def entries_of_cases(self, case_ids: Sequence[CaseId]) -> dict[CaseId, list[StoredEntry]]:
        """See EntryReader."""
        with self._datastore.reading() as cursor:
            rows = read_cases(cursor, case_ids)
        found: dict[CaseId, list[StoredEntry]] = {case_id: [] for case_id in case_ids}
        # After the snapshot was taken: what is in it and shown by now may be told.
        own = self._own()
        for case_id, log_id, index, entry, received_ms in rows:
            if own is None or log_id != own.log_id or index < own.size:
                found[case_id].append(StoredEntry(log_id, index, entry, received_ms))
        return found

    def in_order_of_arrival(self, case_ids: Collection[CaseId]) -> list[CaseId]:
        """See EntryReader."""
        with self._datastore.reading() as cursor:
            return [case_id for _, case_id in sorted(number_cases(cursor, case_ids).items())]

    def first_entry_after(self, log_id: LogId, change_id: int) -> int:
        """See EntryStore; the index holds the ids of changes, so that no entry is read."""
        with self._datastore.reading() as cursor:
            cursor.execute(
                "SELECT originator_version AS place FROM stored_events "
                "WHERE originator_id = ? AND rowid > ? ORDER BY originator_version LIMIT 1",
                (log_id.hex(), change_id),
            )
            row = cursor.fetchone()
        return int(row["place"]) if row is not None else self.log_state(log_id).size

    def case_ids(self, after: CaseId | None, limit: int) -> list[CaseId]:
        """See EntryStore."""
        with self._datastore.reading() as cursor:
            cursor.execute(
                "SELECT case_id FROM case_ids WHERE case_id > ? ORDER BY case_id LIMIT ?",
                (after or b"", limit),
            )
            return [CaseId(row["case_id"]) for row in cursor.fetchall()]

    def has_case(self, case_id: CaseId) -> bool:
        """See EntryStore."""
        if case_id in self._cases_seen:
            return True
        with self._datastore.reading() as cursor:
            is_known = find_case(cursor, case_id) is not None
        if is_known:
            if len(self._cases_seen) >= _CASES_SEEN_MAX:
                self._cases_seen.clear()
            self._cases_seen.add(case_id)
        return is_known

    def has_request(self, request_id: RequestKey) -> bool:
        """See EntryStore."""
        with self._datastore.reading() as cursor:
            return is_known(cursor, request_id)

    def leaf_hash(self, log_id: LogId, index: int) -> LeafHash:
        """See EntryStore."""
        found = self.entries(log_id, index, index + 1) if index >= 0 else []
        if not found:
            msg = f"log {log_id.hex()} has no entry {index} here"
            raise NotFound(msg)
        return leaf_hash(found[0])

    def root_at(self, log_id: LogId, size: int) -> RootHash:
        """See EntryStore."""
        if size == 0:
            return EMPTY_ROOT
        return self._prove(log_id, 1, size, lambda fetch: RootHash(root_of(0, size, fetch)))

    def inclusion_path(self, log_id: LogId, index: int, size: int) -> tuple[bytes, ...]:
        """See EntryStore."""
        low = index + 1 if index >= 0 else size + 1
        return self._prove(log_id, low, size, lambda fetch: inclusion_path(index, size, fetch))

    def consistency_path(self, log_id: LogId, first: int, second: int) -> tuple[bytes, ...]:
        """See EntryStore."""
        low = first if first >= 0 else second + 1
        return self._prove(
            log_id,
            low,
            second,
            lambda fetch: consistency_path(first, second, fetch) if first else (),
        )

    def parts_of(self, keys: Sequence[tuple[LogId, int, int]]) -> list[HeldPart]:
        """See EntryStore."""
        if self.content_is_closed:
            return []
        with self._datastore.reading() as cursor:
            numbers = {log: self._numbers.of(cursor, log) for log in {key[0] for key in keys}}
            places = [(numbers[log_id], index, ordinal) for log_id, index, ordinal in keys]
            rows = read_part_rows(cursor, places)
            shown = {log_id: self._limit(log_id, INDEX_MAX) for log_id in numbers}
        if self._node_keys is None:
            msg = "this store was opened without its node key: content cannot be read"
            raise NodeKeyMissing(msg)
        found: list[HeldPart] = []
        for key, place in zip(keys, places, strict=True):
            row = rows.get(place)
            if row is not None and key[1] < shown[key[0]]:
                is_large = row.size_bytes is not None
                found.append(
                    open_part(key, row.wrapped_key, row.sealed, self._node_keys, is_large=is_large)
                )
        return found

    def part(self, log_id: LogId, index: int, ordinal: int) -> HeldPart | None:
        """See EntryStore."""
        found = self.parts_of([(log_id, index, ordinal)])
        return found[0] if found else None

    def held_parts(self, keys: Collection[tuple[LogId, int, int]]) -> set[tuple[LogId, int, int]]:
        """See EntryStore."""
        found = set()
        with self._datastore.reading() as cursor:
            for key in keys:
                place = (self._numbers.of(cursor, key[0]), key[1], key[2])
                cursor.execute(
                    "SELECT 1 FROM parts WHERE log_no = ? AND entry_index = ? AND ordinal = ?",
                    place,
                )
                if cursor.fetchone() is not None:
                    found.add(key)
        return found

    def wanted_parts(
        self, log_id: LogId, limit: int, *, after: tuple[int, int] = (-1, -1)
    ) -> list[tuple[int, int]]:
        """See EntryStore."""
        with self._datastore.reading() as cursor:
            cursor.execute(
                "SELECT entry_index, ordinal FROM wanted_parts WHERE log_no = ? "
                "AND (entry_index, ordinal) > (?, ?) ORDER BY entry_index, ordinal LIMIT ?",
                (self._numbers.of(cursor, log_id), *after, limit),
            )
            return [(row["entry_index"], row["ordinal"]) for row in cursor.fetchall()]

    def next_opening_ms(self, log_id: LogId, after_ms: int) -> int | None:
        """See EntryStore."""
        with self._datastore.reading() as cursor:
            cursor.execute(
                "SELECT min(not_before_ms) AS next FROM wanted_parts "
                "WHERE log_no = ? AND not_before_ms > 0 AND not_before_ms > ?",
                (self._numbers.of(cursor, log_id), after_ms),
            )
            found = cursor.fetchone()["next"]
            return None if found is None else int(found)

    def wanted_count(self, log_id: LogId) -> int:
        """See EntryStore."""
        with self._datastore.reading() as cursor:
            cursor.execute(
                "SELECT count(*) AS n FROM wanted_parts WHERE log_no = ?",
                (self._numbers.of(cursor, log_id),),
            )
            return int(cursor.fetchone()["n"])

    def refs_reached(
        self, log_id: LogId, keys: Sequence[tuple[CaseId, LogId]]
    ) -> dict[tuple[CaseId, LogId], int]:
        """See EntryStore."""
        found: dict[tuple[CaseId, LogId], int] = {}
        with self._datastore.reading() as cursor:
            for case_id, target in keys:
                cursor.execute(
                    "SELECT r.max_index FROM case_refs r "
                    "JOIN case_ids c ON c.case_no = r.case_no "
                    "WHERE r.log_no = ? AND c.case_id = ? AND r.target = ?",
                    (self._numbers.of(cursor, log_id), case_id, target),
                )
                row = cursor.fetchone()
                if row is not None:
                    found[case_id, target] = row["max_index"]
        return found

    def changes(self, after: int, limit: int) -> list[Change]:
        """See EntryStore."""
        with translated():
            notes = self.recorder.select_notifications(after, limit, inclusive_of_start=False)
        found: list[Change] = []
        for note in notes:
            try:
                header = read_header(note.state)
            except DamagedLog:
                if found:
                    break
                raise
            log_id, index = LogId(bytes.fromhex(str(note.originator_id))), note.originator_version
            found.append(Change(note.id, log_id, index, note.state, header.case_id, header.kind))
        return found

    def part_changes(self, after: int, limit: int) -> list[PartChange]:
        """See EntryStore."""
        with self._datastore.reading() as cursor:
            cursor.execute(
                "SELECT p.*, l.log_id, s.state FROM part_arrivals p "
                "JOIN logs l ON l.log_no = p.log_no JOIN stored_events s "
                "ON s.originator_id = lower(hex(l.log_id)) "
                "AND s.originator_version = p.entry_index "
                "WHERE p.arrival_no > ? ORDER BY p.arrival_no LIMIT ?",
                (after, limit),
            )
            rows = cursor.fetchall()
        found: list[PartChange] = []
        for row in rows:
            log_id, index = LogId(row["log_id"]), row["entry_index"]
            if index >= self._limit(log_id, index + 1):
                break
            case_id = read_header(row["state"]).case_id
            found.append(PartChange(row["arrival_no"], log_id, index, row["ordinal"], case_id))
        return found

    def newest_change_id(self) -> int:
        """See EntryStore."""
        with translated():
            return self.recorder.max_notification_id() or 0

    def act_note(self, log_id: LogId, index: int) -> ActNote | None:
        """See EntryStore."""
        if index >= self._limit(log_id, index + 1):
            return None
        with self._datastore.reading() as cursor:
            return read_note(cursor, self._numbers.of(cursor, log_id), index)

    def widenings(self, places: Collection[tuple[LogId, int]]) -> dict[tuple[LogId, int], Audience]:
        """See EntryStore."""
        sizes = {state.log_id: state.valid_size for state in self.log_states()}
        with self._datastore.reading() as cursor:
            return read_widenings(cursor, places, sizes)

    def tombstones(
        self, places: Collection[tuple[LogId, int]]
    ) -> dict[tuple[LogId, int, int], Tombstone]:
        """See EntryStore."""
        with self._datastore.reading() as cursor:
            return read_tombstones(cursor, places)

    def effective_control(self, places: Collection[tuple[LogId, int]]) -> set[tuple[LogId, int]]:
        """See EntryStore."""
        with self._datastore.reading() as cursor:
            return read_effective(cursor, places)

    def erasure_receipts(self, log_id: LogId, index: int) -> list[HeldReceipt]:
        """See EntryStore."""
        with self._datastore.reading() as cursor:
            return read_receipts(cursor, log_id, index)

    def erasures_without_receipt(
        self, own_log_id: LogId, limit: int, *, after: tuple[int, int], last_change_id: int
    ) -> list[UnconfirmedErasure]:
        """See EntryStore."""
        with self._datastore.reading() as cursor:
            return read_unreceipted(cursor, own_log_id, limit, after, last_change_id)

    # --- inside -------------------------------------------------------------------------------

    def _limit(self, log_id: LogId, otherwise: int) -> int:
        """How many entries of a log may be shown: all, but for the own log what is published."""
        own = self._own()
        return own.size if own is not None and log_id == own.log_id else otherwise

    def _published(self, state: LogState) -> LogState:
        own = self._own()
        return own if own is not None and state.log_id == own.log_id else state

    def _prove(
        self, log_id: LogId, low: int, size: int, prove: Callable[[Callable[[Subtree], bytes]], T]
    ) -> T:
        held = self.log_state(log_id).size
        if not low <= size <= held:
            msg = f"log {log_id.hex()} has {held} entries here, no proof for {low} to {size}"
            raise NotFound(msg)
        with self._datastore.reading() as cursor:
            log_no = self._numbers.of(cursor, log_id)
            return prove(lambda subtree: subtree_hash(cursor, log_no, log_id, subtree))
