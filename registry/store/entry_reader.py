"""What any thread may read of a store: the reading half of its interface, see entries.py."""

from abc import ABC, abstractmethod
from collections.abc import Collection, Sequence

from registry.domain.identifiers import CaseId, LeafHash, LogId, RequestKey, RootHash
from registry.log.entry import Audience
from registry.store.act_notes import ActNote
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
)


class EntryReader(ABC):
    """What any thread may read.

    Every method raises `NotFound` for a log that is not registered and `StorageError` if the disk
    fails or holds what cannot be.
    """

    @abstractmethod
    def log_states(self) -> tuple[LogState, ...]:
        """All registered logs, in the order of their origins."""

    @abstractmethod
    def log_state(self, log_id: LogId) -> LogState:
        """One log."""

    @abstractmethod
    def entries(
        self, log_id: LogId, start: int, end: int, *, max_bytes: int | None = None
    ) -> list[bytes]:
        """Entries of [start, end) that are held; with `max_bytes` fewer, but one at least."""

    @abstractmethod
    def rotations(self, log_id: LogId) -> tuple[bytes, ...]:
        """The entries that rotated the log's key, in order."""

    @abstractmethod
    def fault_proofs(self) -> list[KeptProof]:
        """All fault proofs that are kept, by log."""

    @abstractmethod
    def leaf_hash(self, log_id: LogId, index: int) -> LeafHash:
        """The leaf hash of a held entry.

        Raises:
            NotFound: it is not held.
        """

    @abstractmethod
    def root_at(self, log_id: LogId, size: int) -> RootHash:
        """The root over the first `size` entries.

        Raises:
            NotFound: fewer are held.
        """

    @abstractmethod
    def inclusion_path(self, log_id: LogId, index: int, size: int) -> tuple[bytes, ...]:
        """The audit path of an entry in the tree of `size` entries.

        Raises:
            NotFound: not 0 <= index < size <= size held.
        """

    @abstractmethod
    def consistency_path(self, log_id: LogId, first: int, second: int) -> tuple[bytes, ...]:
        """Proves the first `first` entries a prefix of the first `second`.

        Raises:
            NotFound: not 0 <= first <= second <= size held.
        """

    @abstractmethod
    def first_entry_after(self, log_id: LogId, change_id: int) -> int:
        """Index of the first entry of a log that was stored after a change; its size if none was.

        Args:
            log_id: the log.
            change_id: as `changes` gives it; 0 = before all.
        """

    @abstractmethod
    def has_case(self, case_id: CaseId) -> bool:
        """Whether any event of a case is held."""

    @abstractmethod
    def case_ids(self, after: CaseId | None, limit: int) -> list[CaseId]:
        """Cases in ascending order, those after `after` only."""

    @abstractmethod
    def case_entries(self, case_id: CaseId) -> list[StoredEntry]:
        """All entries of a case, frozen ones too, by log and index; empty if it is unknown."""

    @abstractmethod
    def entries_of_cases(self, case_ids: Sequence[CaseId]) -> dict[CaseId, list[StoredEntry]]:
        """`case_entries` of each of some cases, asked for together; they come in memory at once."""

    @abstractmethod
    def in_order_of_arrival(self, case_ids: Collection[CaseId]) -> list[CaseId]:
        """Those of some cases that are known, as they came: neighbours stand near on the disk."""

    @abstractmethod
    def refs_reached(
        self, log_id: LogId, keys: Sequence[tuple[CaseId, LogId]]
    ) -> dict[tuple[CaseId, LogId], int]:
        """The largest index that a log's events on a case refer to in another log, where any."""

    @abstractmethod
    def has_request(self, request_id: RequestKey) -> bool:
        """Whether an own event was recorded under this request id."""

    @abstractmethod
    def part(self, log_id: LogId, index: int, ordinal: int) -> HeldPart | None:
        """One part, or None if it is not held."""

    content_is_closed: bool
    """Whether nobody may read content now, see `EntryStore.close_content`."""

    @abstractmethod
    def parts_of(self, keys: Sequence[tuple[LogId, int, int]]) -> list[HeldPart]:
        """Those of the parts (log, index, ordinal) that are held, in the order asked.

        Of large parts everything but the content, see `EntryStore.large_parts`. None at all while
        content is closed, see `EntryStore.close_content`.
        """

    @abstractmethod
    def held_parts(self, keys: Collection[tuple[LogId, int, int]]) -> set[tuple[LogId, int, int]]:
        """Which of the parts are held; reads no content."""

    @abstractmethod
    def wanted_parts(
        self, log_id: LogId, limit: int, *, after: tuple[int, int] = (-1, -1)
    ) -> list[tuple[int, int]]:
        """Parts (index, ordinal) known to be missing, in order, those after `after` only."""

    @abstractmethod
    def next_opening_ms(self, log_id: LogId, after_ms: int) -> int | None:
        """When the next embargo of a missing part of a log ends after a time; None = never."""

    @abstractmethod
    def wanted_count(self, log_id: LogId) -> int:
        """How many parts are known to be missing."""

    @abstractmethod
    def widenings(self, places: Collection[tuple[LogId, int]]) -> dict[tuple[LogId, int], Audience]:
        """Whom widenings of these entries admit, where any; the header's audience is not in it."""

    @abstractmethod
    def tombstones(
        self, places: Collection[tuple[LogId, int]]
    ) -> dict[tuple[LogId, int, int], Tombstone]:
        """Which parts of these entries were erased."""

    @abstractmethod
    def act_note(self, log_id: LogId, index: int) -> ActNote | None:
        """Who did an act of the own log, sealed as it was given; None if nothing was kept."""

    @abstractmethod
    def effective_control(self, places: Collection[tuple[LogId, int]]) -> set[tuple[LogId, int]]:
        """Those of these entries whose widening or erasure had an effect."""

    @abstractmethod
    def erasure_receipts(self, log_id: LogId, index: int) -> list[HeldReceipt]:
        """The receipts that name this entry; whether they name its bytes is not looked at."""

    @abstractmethod
    def erasures_without_receipt(
        self, own_log_id: LogId, limit: int, *, after: tuple[int, int], last_change_id: int
    ) -> list[UnconfirmedErasure]:
        """Erasures of other logs that the own log has no receipt of: after a place, up to a change.

        Args:
            own_log_id: the log that would hold the receipts.
            limit: how many at most.
            after: the `place` of the last one of the page before.
            last_change_id: only those that were stored with this change (see `changes`) or before.
        """

    @abstractmethod
    def changes(self, after: int, limit: int) -> list[Change]:
        """Entries in the order of arrival, those with an id above `after` only."""

    @abstractmethod
    def part_changes(self, after: int, limit: int) -> list[PartChange]:
        """Parts that became readable, in the order of arrival; ids above `after` only."""

    @abstractmethod
    def newest_change_id(self) -> int:
        """The id of the newest change; 0 if there is none."""
