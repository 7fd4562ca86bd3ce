"""The store on SQLite: its reading and its writing half, joined by the one writer's queue.

Reading is in sqlite_reading.py, writing in sqlite_writing.py, the tables in schema.py.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from pathlib import Path
from time import perf_counter
from typing import TypeVar

from registry.domain.identifiers import LogId, LogsBefore, MemberId, Origin, RootHash
from registry.errors import FolderError, NodeKeyMissing, StorageError
from registry.log.author import Author
from registry.log.facts import GuardComparison
from registry.store.chunks import LargeParts
from registry.store.connections import DurableDatastore
from registry.store.cosignatures import Cosignatures
from registry.store.data_keys import database_key, existing_key, rewrap_all
from registry.store.disk_room import DiskRoom
from registry.store.entries import EntryStore
from registry.store.failpoints import Step, reach
from registry.store.freezes import drop_retired, freeze_for_ever, keep_proof
from registry.store.guard import Guard
from registry.store.parts import seal_draft
from registry.store.recorder import LogRecorder
from registry.store.schema import migrate, schema_version
from registry.store.scrubbing import Scrubbing
from registry.store.sealing import NodeKeys
from registry.store.sealing_earlier import finish_migration
from registry.store.sqlite_reading import SqliteReading
from registry.store.sqlite_writing import SqliteWriting
from registry.store.tombstone_journal import TombstoneJournal
from registry.store.uploads import Uploads
from registry.store.values import (
    Appended,
    AppendRequest,
    AppendsTimed,
    AskedParts,
    EntriesStored,
    HeldPart,
    IngestBatch,
    KeptProof,
    LogState,
    PartsStored,
    StoreEvent,
)
from registry.store.writer import Writer

T = TypeVar("T")


class SqliteStore(SqliteReading, EntryStore):
    """One node's logs and parts in one SQLite database."""

    def __init__(
        self,
        datastore: DurableDatastore,
        *,
        author: Author | None,
        guard: Guard | None,
        node_keys: NodeKeys | None,
        now_ms: Callable[[], int],
        journal: TombstoneJournal | None = None,
        member_id: MemberId | None = None,
        logs_before: LogsBefore | None = None,
    ) -> None:
        recorder = LogRecorder(
            datastore,
            lambda log_id_hex, index: self._writing.visibility(log_id_hex, index),  # noqa: PLW0108 - made below
        )
        super().__init__(datastore, recorder, lambda: self._writing.published, node_keys)
        self._writing = SqliteWriting(
            datastore,
            recorder,
            author=author,
            guard=guard,
            node_keys=node_keys,
            now_ms=now_ms,
            journal=journal,
            member_id=member_id,
            logs_before=logs_before,
        )
        self._writer: Writer | None = None
        self._own_log = None if author is None else author.log_id
        self.disk = DiskRoom.without_end()
        self.large_parts = LargeParts(
            datastore,
            self._numbers,
            self._keys,
            self._run,
            lambda log_id, *place: self._writing.events.append(
                PartsStored(log_id, (place,), (("", b""),))
            ),
            lambda: self.disk.check_for_others(),  # noqa: PLW0108 - the disk is set later
        )
        self.cosignatures = Cosignatures(datastore, self._numbers, self._run_if_room)
        self.scrubbing = Scrubbing(datastore, self._numbers, self._keys, self._run)
        self.uploads = Uploads(datastore, self._keys, self._run, now_ms)

    def start(self, *, is_read_only: bool) -> None:
        """Makes or checks the tables, compares the guard, starts the writer."""
        if is_read_only:
            with self._datastore.reading() as cursor:
                schema_version(cursor)
        else:
            with self._datastore.writing() as cursor:
                for statement in self.recorder.create_table_statements:
                    cursor.execute(statement)
                migrate(cursor)
            reach(Step.MIGRATION_COMMITTED)
            finish_migration(self._datastore, self._keys())
            with self._datastore.writing() as cursor:
                self._writing.load(cursor)
            self._writing.finish_erasures()
            self._writer = Writer(self._append_group, self._writing.tell)
            self.uploads.drop_expired().result()
        self._writing.settle()

    def append(self, request: AppendRequest) -> Future[Appended]:
        """See EntryStore."""
        return self._started_writer().append(self._sealed(request))

    def append_now(self, request: AppendRequest) -> Future[Appended]:
        """See EntryStore."""
        return self._started_writer().append_now(self._sealed(request))

    def rotate_key(
        self, request: Callable[[int], AppendRequest], after: Author
    ) -> Future[Appended]:
        """See EntryStore."""
        self.disk.check_for_own()
        return self._started_writer().run(lambda: self._writing.rotate_key(request, after))

    def use_author(self, author: Author) -> None:
        """See EntryStore."""
        self._started_writer().run(lambda: self._writing.use_author(author)).result()

    def rotations(self, log_id: LogId) -> tuple[bytes, ...]:
        """See EntryReader."""
        return self._writing.rotations.of(log_id)

    def ingest(self, batch: IngestBatch) -> Future[LogState]:
        """See EntryStore."""
        if batch.log_id == self._own_log:
            self.disk.check_for_own()
        else:
            self.disk.check_for_entries()
        return self._started_writer().run(lambda: self._writing.ingest(batch))

    def put_parts(self, parts: Sequence[HeldPart], asked: AskedParts | None = None) -> Future[None]:
        """See EntryStore."""
        if parts:
            self.disk.check_for_others()
        return self._started_writer().run(lambda: self._writing.put_parts(parts, asked))

    def set_parts_below(
        self, log_id: LogId, index: int, still_wanted: Sequence[tuple[int, int]]
    ) -> Future[None]:
        """See EntryStore."""
        asked = AskedParts(log_id, index, still_wanted)
        return self._started_writer().run(lambda: self._writing.put_parts((), asked))

    def freeze(self, log_id: LogId, at: int, reason: str, evidence: bytes) -> Future[None]:
        """See EntryStore."""
        change = freeze_for_ever(at, reason, evidence)
        return self._run_if_room(lambda: _nothing(self._writing.change_freeze(log_id, change)))

    def keep_fault_proof(self, proof: KeptProof) -> Future[bool]:
        """See EntryStore."""
        change = keep_proof(proof)
        return self._run_if_room(lambda: self._writing.change_freeze(proof.log_id, change))

    def drop_retired_proofs(self, log_id: LogId, generation: int) -> Future[bool]:
        """See EntryStore."""
        change = drop_retired(generation)
        return self._run_if_room(lambda: self._writing.change_freeze(log_id, change))

    def register_logs(self, origins: Sequence[Origin]) -> Future[None]:
        """See EntryStore."""
        return self._started_writer().run(lambda: self._writing.register_logs(origins))

    def remember_own_checkpoint(self, size: int, root: RootHash) -> Future[None]:
        """See EntryStore."""
        return self._started_writer().run(lambda: self._writing.remember_own_checkpoint(size, root))

    def attach_guard(self, guard: Guard) -> Future[None]:
        """See EntryStore."""
        return self._started_writer().run(lambda: self._writing.attach_guard(guard))

    def finish_erasures(self) -> Future[bool]:
        """See EntryStore."""
        return self._started_writer().run(self._writing.finish_erasures)

    def allow_appends(self) -> None:
        """See EntryStore."""
        self._writing.allow_appends()

    def refuse_appends(self, reason: str) -> None:
        """See EntryStore."""
        self._writing.read_only_reason = reason

    def read_only_reason(self) -> str | None:
        """See EntryStore."""
        return self._writing.read_only_reason

    def own_state_against_guard(self) -> GuardComparison:
        """See EntryStore."""
        return self._writing.compare_now()

    def add_listener(self, callback: Callable[[StoreEvent], None]) -> None:
        """See EntryStore."""
        self._writing.listeners.append(callback)

    def close(self) -> None:
        """See EntryStore."""
        if self._writer is not None:
            self._writer.close()
        self.recorder.close()
        self._writing.close()
        self._datastore.close()

    def close_content(self) -> None:
        """See EntryStore."""
        self.content_is_closed = True

    def open_content(self) -> None:
        """See EntryStore."""
        self.content_is_closed = False

    def database_key(self, name: str) -> bytes:
        """See EntryStore."""
        return database_key(self._datastore, name, self._keys())

    def existing_database_key(self, name: str) -> bytes:
        """Like `database_key`, and makes none: for a store that is open for reading only.

        Raises:
            NodeKeyMissing: it was wrapped by a node key that is not here.
            CorruptDatabase: it is not there, or was changed.
        """
        return existing_key(self._datastore, name, self._keys())

    def rewrap_data_keys(self) -> int:
        """Wraps every data key that is under an older node key anew; returns how many there were.

        Raises:
            NodeKeyMissing, CorruptDatabase, StorageError: as named.
        """
        return rewrap_all(self._datastore, self._keys())

    def _append_group(
        self, requests: Sequence[AppendRequest]
    ) -> Sequence[Appended | BaseException]:
        """Refuses before anything is written: a commit that finds no room closes the log."""
        self.disk.check_for_own()
        began = perf_counter()
        outcomes = self._writing.append_group(requests)
        stored = [e for e in self._writing.events if isinstance(e, EntriesStored)]
        if stored:
            appended = sum(each.end - each.start for each in stored)
            self._writing.events.append(AppendsTimed(appended, perf_counter() - began))
        return outcomes

    def _sealed(self, request: AppendRequest) -> AppendRequest:
        """Encrypts the parts in the asker's thread: the writer's is the one that all wait for."""
        keys = self._keys()
        sealed = [seal_draft(part, keys) for part in request.draft.parts]
        if request.uploads:
            sealed += [self.uploads.sealed_part(ref) for ref in request.uploads]
        draft, digest, uploads, _, note = request
        return AppendRequest(draft, digest, uploads, tuple(sealed), note)

    def _keys(self) -> NodeKeys:
        if self._node_keys is None:
            msg = "this store was opened without its node key"
            raise NodeKeyMissing(msg)
        return self._node_keys

    def _run(self, call: Callable[[], T]) -> Future[T]:
        return self._started_writer().run(call)

    def _run_if_room(self, call: Callable[[], T]) -> Future[T]:
        """What the node writes by itself uses the reserve, and waits when that is used up."""
        self.disk.check_for_own()
        return self._run(call)

    def _started_writer(self) -> Writer:
        if self._writer is None:
            msg = "the store is open for reading only"
            raise StorageError(msg)
        return self._writer


def _nothing(_: object) -> None:
    """A freeze for ever needs no answer."""


def open_sqlite_store(  # noqa: PLR0913 - what a node has, each by its name
    path: Path,
    *,
    author: Author | None,
    guard: Guard | None,
    node_keys: NodeKeys | None,
    now_ms: Callable[[], int],
    is_read_only: bool = False,
    journal: TombstoneJournal | None = None,
    member_id: MemberId | None = None,
    logs_before: LogsBefore | None = None,
) -> SqliteStore:
    """Opens a store, making its tables if it is new.

    Args:
        path: the database file.
        author: writes the own log; None for a store that only mirrors or reads.
        guard: what was last signed; None if it is missing, then appends stay refused.
        node_keys: open the content; None only to read what is not content.
        now_ms: the clock for arrival times, milliseconds UTC.
        is_read_only: reads beside a running node, changes nothing.
        journal: what was erased, kept outside the database; None for a store that is no node's.
        member_id: this node's member: what a widening lets it have is wanted.
        logs_before: which log speaks for which, see `Roster.logs_before`; None = not known here:
            erasures of what former logs hold wait until the store is opened with it.

    Raises:
        DurabilityError, SchemaError, CorruptDatabase, NodeKeyMissing: as named.
        FolderError: read only, and there is no database.
    """
    if is_read_only and not path.exists():
        msg = f"there is no database {path}"
        raise FolderError(msg)
    store = SqliteStore(
        DurableDatastore(path, is_read_only=is_read_only),
        author=author,
        guard=guard,
        node_keys=node_keys,
        now_ms=now_ms,
        journal=journal,
        member_id=member_id,
        logs_before=logs_before,
    )
    try:
        store.start(is_read_only=is_read_only)
    except BaseException:
        store.close()
        raise
    return store
