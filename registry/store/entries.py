"""The interface of the store: entries of all logs, their trees, parts, and one writer.

No SQL here. A backend keeps these rules, and one contract suite in tests/storage checks them:
1. A log is a gapless sequence of entries; what is stored is never changed or removed.
2. Rows that are derived from entries (tree, case index, refs) are written in their transaction.
3. An append is acknowledged only after entries and note are on disk and the guard has advanced;
   of the own log no entry, content or size past the guard is ever shown to a reader.
4. One bad request fails alone; a failed commit or guard write stops all appends, and so does a
   freeze of the own log.

Readers may call from any thread. Writers get a `Future`, resolved in the order of the steps above.
"""

from abc import abstractmethod
from collections.abc import Callable, Sequence
from concurrent.futures import Future

from registry.domain.identifiers import LogId, Origin, RootHash
from registry.log.author import Author
from registry.log.facts import GuardComparison
from registry.store.chunks import LargeParts
from registry.store.cosignatures import Cosignatures
from registry.store.disk_room import DiskRoom
from registry.store.entry_reader import EntryReader
from registry.store.guard import Guard
from registry.store.scrubbing import Scrubbing
from registry.store.uploads import Uploads
from registry.store.values import (
    Appended,
    AppendRequest,
    AskedParts,
    HeldPart,
    IngestBatch,
    KeptProof,
    LogState,
    StoreEvent,
)


class EntryStore(EntryReader):
    """A store: what can be read, and the one writer.

    Every method that returns a `Future` raises `Overloaded` at once if too much is waiting, and
    `TryLater` once the store is closed.

    Attributes:
        large_parts: the bytes of parts above 256 KiB, complete or on their way.
        uploads: files that clients are giving to this node.
        disk: how much room there is, and for what; at first no end of it, set by who opens.
        cosignatures: what witnesses have cosigned of the logs.
        scrubbing: raw reads and repairs of what is damaged.
    """

    cosignatures: Cosignatures
    scrubbing: Scrubbing
    large_parts: LargeParts
    uploads: Uploads
    disk: DiskRoom

    @abstractmethod
    def append(self, request: AppendRequest) -> Future[Appended]:
        """Appends an own event; all that wait share one transaction, one note and one fsync.

        The future fails with:
            LogReadOnly: appends are not allowed now.
            DiskFull: there is no room left; nothing was written.
            RequestIdReused: the request id stands for another request.
            MalformedEntry, LimitExceeded: the draft breaks the header's format.
            StorageError: the disk failed; whether the event is recorded shows after a restart.
        """

    @abstractmethod
    def append_now(self, request: AppendRequest) -> Future[Appended]:
        """Like `append`, but done by the caller's thread if nothing else is being written.

        That saves a single caller the change of threads; it is not for an event loop.
        """

    @abstractmethod
    def rotate_key(
        self, request: Callable[[int], AppendRequest], after: Author
    ) -> Future[Appended]:
        """Appends a rotation that has an effect; `after` signs with the new key.

        Args:
            request: makes the event for the place that it gets.
            after: signs what comes after it.

        The event stands alone in its transaction, under a note that the key before it signs.
        Errors as `append`.
        """

    @abstractmethod
    def use_author(self, author: Author) -> None:
        """Signs with another key of the own log from now on: the one that counts there."""

    @abstractmethod
    def ingest(self, batch: IngestBatch) -> Future[LogState]:
        """Stores checked entries of a log in one transaction, all or none.

        Raises `DiskReserved` at once if the rest of the disk is for own events.

        The future fails with:
            MisplacedEntry: the batch does not start at the size held.
            BackwardEntry: a ref goes back behind one of an earlier entry.
            LogDiverged: the log is frozen at or before the batch's last entry.
            GuardError: entries of the own log contradict the guard.
            StorageError: the disk failed; nothing of the batch is stored.
        """

    @abstractmethod
    def put_parts(self, parts: Sequence[HeldPart], asked: AskedParts | None = None) -> Future[None]:
        """Stores parts whose commitments were checked; those held or erased already are skipped.

        Args:
            parts: of any logs.
            asked: recorded in the same transaction, after the parts; see `set_parts_below`.

        Raises `DiskReserved` at once if the rest of the disk is for entries.

        The future fails with:
            NotFound: the entry of a part is not held; nothing is stored.
        """

    @abstractmethod
    def set_parts_below(
        self, log_id: LogId, index: int, still_wanted: Sequence[tuple[int, int]]
    ) -> Future[None]:
        """Records that the parts of all entries below `index` were asked for.

        Args:
            log_id: the log.
            index: never lowers what was set before.
            still_wanted: (index, ordinal) of those that are not held and must be asked for again.
        """

    @abstractmethod
    def finish_erasures(self) -> Future[bool]:
        """Takes what was erased out of the write-ahead log too, unless a reader holds it.

        Returns:
            Whether nothing is left to do; ask again otherwise.
        """

    @abstractmethod
    def freeze(self, log_id: LogId, at: int, reason: str, evidence: bytes) -> Future[None]:
        """Freezes a log: entries from index `at` on are void. The smallest `at` wins.

        Raises:
            DiskFull: there is no room even for this; so do the two below.
        """

    @abstractmethod
    def keep_fault_proof(self, proof: KeptProof) -> Future[bool]:
        """Keeps a verified proof and freezes its log by it; False = one that is kept says as much.

        Proofs of keys before its own count no more from then on.
        """

    @abstractmethod
    def drop_retired_proofs(self, log_id: LogId, generation: int) -> Future[bool]:
        """Lets go of proofs of keys before this generation: what only they froze counts again.

        Returns:
            Whether the log is frozen elsewhere now, or no more.
        """

    @abstractmethod
    def register_logs(self, origins: Sequence[Origin]) -> Future[None]:
        """Makes logs known, empty; those known already stay as they are."""

    @abstractmethod
    def remember_own_checkpoint(self, size: int, root: RootHash) -> Future[None]:
        """Advances the guard to a larger checkpoint of the own log that a member showed.

        From then on the own log stays closed, over restarts too, until it holds that checkpoint.

        The future fails with:
            GuardError: it cannot be written.
        """

    @abstractmethod
    def attach_guard(self, guard: Guard) -> Future[None]:
        """Takes a guard that was made anew after a loss; it is brought to the own log's size.

        The future fails with:
            GuardError: it cannot be written.
        """

    @abstractmethod
    def close_content(self) -> None:
        """Lets nobody read content until `open_content`: what was erased may not be known yet."""

    @abstractmethod
    def open_content(self) -> None:
        """Lets content be read again."""

    @abstractmethod
    def database_key(self, name: str) -> bytes:
        """Returns the key, 32 bytes, of a database beside this one; made when first asked for.

        Raises:
            NodeKeyMissing: it was wrapped by a node key that is not here.
        """

    @abstractmethod
    def add_listener(self, callback: Callable[[StoreEvent], None]) -> None:
        """Calls `callback` after each commit, in whichever thread wrote; it must not block."""

    @abstractmethod
    def allow_appends(self) -> None:
        """Opens the own log; a store opens with it closed.

        Raises:
            LogReadOnly: it cannot be opened: no own log, guard and database do not agree, or a
                write failed since the store was opened.
        """

    @abstractmethod
    def refuse_appends(self, reason: str) -> None:
        """Closes the own log; `reason` is for people and shown to whoever asks."""

    @abstractmethod
    def read_only_reason(self) -> str | None:
        """Why appends are not taken at the moment; None if they are."""

    @abstractmethod
    def own_state_against_guard(self) -> GuardComparison:
        """Compares the database's own log with the guard, now."""

    @abstractmethod
    def close(self) -> None:
        """Finishes what waits, stops the writer and closes the database."""
