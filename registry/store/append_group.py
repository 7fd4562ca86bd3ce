"""One group of appends inside one transaction: from requests to entries, rows and a signed note."""

from collections.abc import Sequence
from typing import Final, TypeAlias

from eventsourcing.sqlite import SQLiteCursor

from registry.domain.identifiers import CaseId, LeafHash, LogId, RequestKey, RootHash
from registry.errors import (
    CorruptDatabase,
    EntryError,
    InvalidRequest,
    RegistryError,
    RequestError,
    RequestIdReused,
)
from registry.log.author import Author
from registry.log.entry import REFS_MAX, EventRef
from registry.log.facts import EntryFacts, facts_of
from registry.log.merkle import CompactRange, leaf_hash
from registry.store.act_notes import ActNoteRow, insert_notes
from registry.store.chunks import ChunkRow, insert_chunks
from registry.store.failpoints import Step, reach
from registry.store.parts import PartRow, insert_parts
from registry.store.recent import AppendRow, Known, RecentAppends
from registry.store.recorder import LogRecorder, insert_rows
from registry.store.rows import (
    read_entries,
    read_leaves,
)
from registry.store.sealing import NodeKeys, part_context
from registry.store.tiles import write_tiles
from registry.store.uploads import move_upload, taken_number
from registry.store.values import (
    Appended,
    AppendRequest,
    LogState,
    PartsStored,
    read_header,
)

RefRow: TypeAlias = tuple[int, int, LogId, int]
"""(log_no, case_no, the log referred to, index there): a row of `case_refs`."""
_BAD_REQUEST: Final = (RequestError, EntryError, ValueError, TypeError, OverflowError)
"""What a single request may raise: protobuf answers numbers out of range with foreign errors."""


class AppendGroup:
    """Collects requests, then stores them; a bad request fails alone."""

    def __init__(
        self,
        cursor: SQLiteCursor,
        recorder: LogRecorder,
        *,
        author: Author,
        log_no: int,
        before: LogState,
        recent: RecentAppends,
        node_keys: NodeKeys,
        received_ms: int,
    ) -> None:
        self._cursor = cursor
        self._recorder = recorder
        self._author = author
        self._log_no = log_no
        self._before = before
        self._recent = recent
        self._node_keys = node_keys
        self._received_ms = received_ms
        self._known_requests: dict[RequestKey, Known] = {}
        self._known_cases: dict[CaseId, int] = {}
        self._last_case_no = 0
        self._rows: list[AppendRow] = []
        self._new_cases: list[tuple[int, CaseId]] = []
        self._outcomes: list[int | Exception] = []
        self._is_repeated: list[bool] = []
        self.entries: list[bytes] = []
        self._leaves: list[LeafHash] = []
        self._with_control: list[bytes] = []
        self._old_entries: dict[int, bytes] = {}
        self._with_parts: list[tuple[int, AppendRequest]] = []
        self._uploads: dict[bytes, int] = {}
        self._notes: list[ActNoteRow] = []
        self._refs: dict[int, list[EventRef]] = {}
        self._refs_made: dict[tuple[int, LogId], RefRow] = {}
        self.is_signed = False
        """Whether a note was signed: from then on a failure leaves open what others may know."""

    def add_all(self, requests: Sequence[AppendRequest]) -> None:
        """Gives each request its place, or its error."""
        self._find_known(requests)
        self._find_refs()
        for request in requests:
            try:
                earlier = self._earlier(request)
                place = self._write(request) if earlier is None else earlier
            except _BAD_REQUEST as error:
                self._outcomes.append(_told(error))
                self._is_repeated.append(False)
            else:
                self._outcomes.append(place)
                self._is_repeated.append(earlier is not None)

    def store(self) -> LogState:
        """Inserts everything, computes the root from what was read back, signs and stores the note.

        Returns:
            How the log stands after the transaction.

        Raises:
            CorruptDatabase: what was read back is not what was inserted.
        """
        if not self.entries:
            return self._before
        start = self._before.size
        log_id = self._author.log_id
        self._insert(start)
        reach(Step.APPEND_INSERTED)
        found = read_entries(self._cursor, log_id, start, start + len(self.entries))
        if found != self.entries:
            msg = "the database gave back other entries than were inserted"
            raise CorruptDatabase(msg)
        leaves = self._leaves = [leaf_hash(entry) for entry in found]
        write_tiles(
            self._cursor,
            self._log_no,
            start,
            leaves,
            lambda first, end: read_leaves(self._cursor, log_id, first, end),
        )
        extended = self._before.range.extend(leaves)
        root = extended.root()
        self.is_signed = True
        note = self._author.sign_checkpoint(extended.size, root)
        reach(Step.APPEND_SIGNED)
        after = self._state(extended, root, note)
        self._cursor.execute(
            "UPDATE logs SET size = ?1, root = ?2, range = ?3, note = ?4, noted_size = ?1, "
            "parts_below = ?5 WHERE log_no = ?6",
            (after.size, root, extended.encode(), note, after.parts_below, self._log_no),
        )
        reach(Step.APPEND_NOTED)
        return after

    def committed(self) -> None:
        """Must be called once the transaction is committed."""
        if self.entries:
            reach(Step.APPEND_COMMITTED)
            self._recent.committed(self._rows)

    def control_facts(self) -> list[EntryFacts]:
        """Facts of the new entries that tell every node what to do, in their order."""
        return [facts_of(read_header(entry)) for entry in self._with_control]

    def parts_stored(self) -> list[PartsStored]:
        """The event that tells of the group's parts, if there are any."""
        if not self._with_parts:
            return []
        keys: list[tuple[int, int]] = []
        contents: list[tuple[str, bytes]] = []
        for index, request in self._with_parts:
            keys += [(index, ordinal) for ordinal in range(len(request.sealed))]
            contents += [(part.media_type, part.content) for part in request.draft.parts]
            contents += [("", b"")] * len(request.uploads)
        return [PartsStored(self._author.log_id, tuple(keys), tuple(contents))]

    def results(self) -> list[Appended | Exception]:
        """Each request's result or error, in the order they were added."""
        return [
            outcome if isinstance(outcome, Exception) else self._appended(outcome, is_repeated)
            for outcome, is_repeated in zip(self._outcomes, self._is_repeated, strict=True)
        ]

    def _find_known(self, requests: Sequence[AppendRequest]) -> None:
        """Reads in two statements which requests and which cases are known."""
        keys = (r.draft.request_id for r in requests if r.draft.request_id)
        self._known_requests = self._recent.find(self._cursor, keys)
        cases = {r.draft.case_id for r in requests if r.draft.case_id}
        self._cursor.execute(
            "SELECT * FROM case_ids WHERE case_id IN "  # noqa: S608 - placeholders only
            f"({','.join('?' * len(cases))})",
            tuple(cases),
        )
        for row in self._cursor.fetchall():
            self._known_cases[CaseId(row["case_id"])] = row["case_no"]
        if len(self._known_cases) < len(cases):
            self._cursor.execute("SELECT max(case_no) AS last FROM case_ids")
            self._last_case_no = self._cursor.fetchone()["last"] or 0

    def _earlier(self, request: AppendRequest) -> int | None:
        """Returns the place of the same request, if there is one."""
        found = self._known_requests.get(request.draft.request_id)
        if found is None:
            return None
        digest, index = found
        if digest is not None and digest != request.request_digest:
            msg = (
                f"this request id was used for event {index} with other content; "
                "use a new request id for a new event"
            )
            raise RequestIdReused(msg)
        if index < self._before.size:
            log_id = self._author.log_id
            self._old_entries[index] = read_entries(self._cursor, log_id, index, index + 1)[0]
        return index

    def _write(self, request: AppendRequest) -> int:
        """Signs the entry at the next place and collects its rows."""
        draft = request.draft
        index = self._before.size + len(self.entries)
        case_no = self._known_cases.get(draft.case_id)
        refs = self._refs.get(case_no, ()) if case_no is not None else ()
        _require_sealed(request)
        uploads = self._find_uploads(request)
        entry = self._author.write_entry(draft, index=index, refs=tuple(refs))
        # Nothing below can fail, so that a bad draft leaves nothing of itself.
        self.entries.append(entry)
        if draft.case_id:
            case_no = self._add_case(draft.case_id) if case_no is None else case_no
            for ref in refs:
                self._refs_made[case_no, ref.log_id] = (
                    self._log_no,
                    case_no,
                    ref.log_id,
                    ref.index,
                )
        if request.sealed:
            self._with_parts.append((index, request))
            self._uploads.update(uploads)
        self._rows.append(
            AppendRow(
                index,
                self._log_no,
                case_no,
                self._received_ms,
                draft.request_id or None,
                request.request_digest,
            )
        )
        if request.note is not None:
            self._notes.append(ActNoteRow(self._log_no, index, *request.note))
        if draft.control:
            self._with_control.append(entry)
        if draft.request_id:
            self._known_requests[draft.request_id] = Known(request.request_digest, index)
        return index

    def _find_uploads(self, request: AppendRequest) -> dict[bytes, int]:
        """Finds the rows of the uploads that an event uses.

        Raises:
            NotFound: one is gone.
            InvalidRequest: another event of this group uses it, or this one twice.
        """
        found: dict[bytes, int] = {}
        for ref in request.uploads:
            upload_no = taken_number(self._cursor, ref.upload_id)
            if ref.upload_id in self._uploads or ref.upload_id in found:
                msg = "an upload belongs to one event, and once"
                raise InvalidRequest(msg)
            found[ref.upload_id] = upload_no
        return found

    def _add_case(self, case_id: CaseId) -> int:
        self._last_case_no += 1
        self._known_cases[case_id] = self._last_case_no
        self._new_cases.append((self._last_case_no, case_id))
        return self._last_case_no

    def _find_refs(self) -> None:
        """Reads the last valid event of every other log on the known cases, in one statement.

        A ref never goes further back than before: where the last event was cut since, none is
        made. Nothing of this changes while the group is written.
        """
        numbers = sorted(self._known_cases.values())
        if not numbers:
            return
        self._cursor.execute(
            f"WITH cases(case_no) AS (VALUES {','.join(['(?)'] * len(numbers))}), "  # noqa: S608 - placeholders only
            "found AS (SELECT c.case_no, l.log_id, (SELECT max(e.entry_index) FROM case_entries e "
            "WHERE e.case_no = c.case_no AND e.log_no = l.log_no "
            "AND (l.frozen_at IS NULL OR e.entry_index < l.frozen_at)) AS last, "
            "(SELECT r.max_index FROM case_refs r WHERE r.log_no = ? AND r.case_no = c.case_no "
            "AND r.target = l.log_id) AS before "
            "FROM cases c CROSS JOIN logs l WHERE l.log_no <> ?) "
            "SELECT f.case_no, f.log_id, f.last, s.state FROM found f JOIN stored_events s "
            "ON s.originator_id = lower(hex(f.log_id)) AND s.originator_version = f.last "
            "WHERE f.last >= coalesce(f.before, 0) ORDER BY f.case_no, f.log_id",
            (*numbers, self._log_no, self._log_no),
        )
        for row in self._cursor.fetchall():
            refs = self._refs.setdefault(row["case_no"], [])
            if len(refs) < REFS_MAX:
                refs.append(EventRef(row["log_id"], row["last"], leaf_hash(row["state"])))

    def _insert(self, start: int) -> None:
        cursor = self._cursor
        self._recorder.insert_entries(cursor, self._author.log_id.hex(), start, self.entries)
        insert_rows(cursor, "INSERT INTO case_ids", self._new_cases)
        insert_rows(
            cursor,
            "INSERT INTO case_refs",
            list(self._refs_made.values()),
            "ON CONFLICT DO UPDATE SET max_index = excluded.max_index",
        )
        self._insert_parts()
        insert_notes(cursor, self._notes)
        self._recent.insert(cursor, self._rows)

    def _insert_parts(self) -> None:
        """Wraps the data keys for the places of their parts; inserts these and their pieces."""
        log_no, log_id = self._log_no, self._author.log_id
        placed = [
            (index, ordinal, part)
            for index, request in self._with_parts
            for ordinal, part in enumerate(request.sealed)
        ]
        wrapped = self._node_keys.wrap_all(
            [part.key for _, _, part in placed],
            [part_context(log_id, index, ordinal) for index, ordinal, _ in placed],
        )
        rows: list[PartRow] = []
        chunks: list[ChunkRow] = []
        for (index, ordinal, part), key in zip(placed, wrapped, strict=True):
            rows.append(PartRow(log_no, index, ordinal, key, part.sealed, part.size_bytes))
            if part.size_bytes is not None:
                place = (log_no, index, ordinal)
                chunks += [ChunkRow(*place, *each) for each in enumerate(part.chunks)]
        insert_parts(self._cursor, rows)
        insert_chunks(self._cursor, chunks)
        for index, ordinal, part in placed if self._uploads else ():
            if part.upload_id:
                is_large = part.size_bytes is not None
                place = (log_no, index, ordinal)
                move_upload(
                    self._cursor, self._uploads[part.upload_id], place if is_large else None
                )

    def _state(self, extended: CompactRange, root: RootHash, note: bytes) -> LogState:
        return self._before._replace(
            size=extended.size,
            root=root,
            range=extended,
            note=note,
            noted_size=extended.size,
            # After a recovery own parts may be missing below: then the mark stays there.
            parts_below=extended.size
            if self._before.parts_below == self._before.size
            else self._before.parts_below,
        )

    def _appended(self, index: int, is_repeated: bool) -> Appended:  # noqa: FBT001 - a pair's half
        place = index - self._before.size
        if place >= 0:
            return Appended(index, self.entries[place], self._leaves[place], is_repeated)
        entry = self._old_entries[index]
        return Appended(index, entry, leaf_hash(entry), is_repeated)


def _require_sealed(request: AppendRequest) -> None:
    """Refuses a draft, or an upload, that came without its ciphertext.

    Raises:
        InvalidRequest: there are not as many ciphertexts as parts.
    """
    expected = len(request.draft.parts) + len(request.uploads)
    if len(request.sealed) != expected:
        msg = f"the event has {expected} parts, {len(request.sealed)} came encrypted with it"
        raise InvalidRequest(msg)


def _told(error: Exception) -> RegistryError:
    if isinstance(error, RegistryError):
        return error
    told = InvalidRequest(f"the event cannot be encoded ({type(error).__name__})")
    told.__cause__ = error
    return told
