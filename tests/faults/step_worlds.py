"""What a process does while it is killed at a step: acts that can be repeated, and what each keeps.

A world is a folder made once, a way to open it, and acts in order. Each act may be carried out
again after a crash, and says afterwards whether what it did is there.
"""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from registry.application.attachments import AttachmentDesk, attached_uploads, commitments
from registry.application.request_keys import RequestKeys
from registry.domain.identifiers import NO_CASE, Commitment, LogId, log_id_of
from registry.domain.vocabulary import EventKind
from registry.log.author import Author, PartDraft, draft_event
from registry.log.control import ContentErased, PartTarget, encode_control
from registry.log.entry import ALL_MEMBERS, decode_header, split_entry
from registry.store import sealing_earlier
from registry.store.check import check_store
from registry.store.chunks import CHUNK_BYTES
from registry.store.failpoints import Step
from registry.store.guard import Guard
from registry.store.sqlite import SqliteStore, open_sqlite_store
from registry.store.tombstone_journal import TombstoneJournal
from registry.store.uploads import UploadClaim
from registry.store.values import AppendRequest, HeldPart
from tests.storage.storage_world import (
    NODE_KEYS,
    NOW_MS,
    ORIGINS,
    OWN,
    OWN_ID,
    PEER_ID,
    Peer,
    append,
    author_of,
    case,
    create_guard,
    draft,
    guard_size,
    next_author_of,
    part_of,
    request,
    roster,
    rotation_at,
    seed,
)

OLD_EVENTS = 5
SMALL_BATCH = 2
OWNER = b"o" * 32
LARGE = bytes(range(251)) * 1_100
"""Two chunks."""


class Lost(Exception):
    """A promise that was not kept."""


def require(condition: object, words: str) -> None:
    if not condition:
        raise Lost(words)


@dataclass(frozen=True)
class Act:
    """Something that is done once and may be repeated; `holds` raises Lost if it is not there."""

    name: str
    do: Callable[[Any], None]
    holds: Callable[[Any], None]
    is_own_event: bool = False
    erases: tuple[LogId, int] | None = None


class World(Protocol):
    """A folder that a process works on."""

    name: str
    its_own: tuple[str, ...]
    """How the steps begin that only this world is for; of the others a long run takes care."""
    acts: list[Act]

    def make(self, folder: Path) -> None:
        """Makes the folder, before anything is killed."""

    def opened(self, folder: Path) -> Any:
        """Opens it, as each start does; a context manager."""

    def look_closed(self, folder: Path, done: Sequence[Act]) -> None:
        """Looks at what a kill left, before a start mends anything; raises Lost."""

    def check(self, folder: Path) -> None:
        """Reads everything back in the closed folder; raises Lost."""


# --- a store --------------------------------------------------------------------------------------


def author_now(store: SqliteStore) -> Author:
    return next_author_of(OWN) if store.rotations(OWN_ID) else author_of(OWN)


@contextmanager
def node_store(folder: Path) -> Iterator[SqliteStore]:
    """A node's store with its guard and its journal, open for appends."""
    with opened_store(folder) as store:
        store.use_author(author_now(store))
        store.allow_appends()
        yield store


@contextmanager
def opened_store(folder: Path) -> Iterator[SqliteStore]:
    sealing_earlier._BATCH = SMALL_BATCH  # type: ignore[misc] # small, so that there are many
    store = open_sqlite_store(
        folder / "log.db",
        author=author_of(OWN),
        guard=create_guard(folder),
        node_keys=NODE_KEYS,
        now_ms=lambda: NOW_MS,
        journal=TombstoneJournal(folder / "tombstones.bin"),
        logs_before={},
    )
    with closing(store):
        store.register_logs(ORIGINS).result()
        yield store


def fsck(folder: Path) -> None:
    guard = Guard.open(folder / "guard", OWN)
    state = guard.read()
    guard.close()
    found = list(
        check_store(folder / "log.db", roster(), node_keys=NODE_KEYS, own_log=OWN_ID, guard=state)
    )
    require(not found, f"fsck found {found[:3]}")


def place_of(store: SqliteStore, text: str) -> int | None:
    """Where the event of a request stands in the own log."""
    wanted = draft(text, request=text).request_id
    for index, entry in enumerate(store.entries(OWN_ID, 0, 10_000)):
        if decode_header(split_entry(entry)[0]).request_id == wanted:
            return index
    return None


def appended(text: str, made: Callable[[SqliteStore], AppendRequest] | None = None) -> Act:
    def do(store: SqliteStore) -> None:
        if made is None:
            store.append(request(text, case_id=case(0), request_id=text)).result()
        elif place_of(store, text) is None:
            store.append(made(store)).result()

    def holds(store: SqliteStore) -> None:
        require(place_of(store, text) is not None, f"{text} is lost")

    return Act(text, do, holds, is_own_event=True)


def erasing_own(store: SqliteStore) -> AppendRequest:
    (entry,) = store.entries(OWN_ID, 0, 1)
    part = decode_header(split_entry(entry)[0]).parts[0]
    return AppendRequest(
        erasure(OWN, PartTarget(OWN_ID, 0, 0, Commitment(part.commitment)), "erase own"),
        seed("erase own"),
    )


def erasure(origin: Any, target: PartTarget, text: str) -> Any:
    return draft_event(
        log_id=log_id_of(origin),
        case_id=case(0),
        kind=EventKind.CONTENT_ERASED,
        time_ms=NOW_MS,
        parts=(),
        audience=ALL_MEMBERS,
        request_id=draft(text, origin=origin, request=text).request_id,
        control=encode_control(ContentErased((target,))),
    )


def with_upload(store: SqliteStore) -> AppendRequest:
    desk = AttachmentDesk(store, OWN_ID, RequestKeys(b"k" * 32))
    claim = UploadClaim(len(LARGE), hashlib.sha256(LARGE).digest(), "a.pdf", "")
    upload = desk.begin(OWNER, "upload", claim)
    for at in range(0, len(LARGE), CHUNK_BYTES):
        if at // CHUNK_BYTES >= upload.chunks:
            upload = desk.put(upload.ref, at, LARGE[at : at + CHUNK_BYTES])
    require(upload.is_complete, "the upload is not complete")
    made = draft("upload", case_id=case(0), request="upload")
    further = commitments(attached_uploads(store, (upload.ref,)), 0)
    made = made._replace(commitments=(*made.commitments, *further))
    return AppendRequest(made, seed("upload"), uploads=(upload.ref,))


def read_large(store: SqliteStore, key: Any) -> bytes:
    part = store.part(*key)
    require(part is not None and part.is_large, f"the large part {key[1:]} is lost")
    chunks = [store.large_parts.chunk(key, number) for number in range(2)]
    return b"".join(chunk or b"" for chunk in chunks)


def written_peer() -> Peer:
    """Five old events, three new ones, one with a large part, and an erasure of the fourth."""
    peer = Peer()
    for number in range(OLD_EVENTS + 3):
        peer.write(f"peer {number}", case_id=case(number % 3))
    peer.drafts.append(
        draft_event(
            log_id=PEER_ID,
            case_id=NO_CASE,
            kind=5,
            time_ms=NOW_MS,
            parts=(PartDraft(seed("large"), "text/plain", LARGE),),
            audience=ALL_MEMBERS,
            request_id=draft("large").request_id,
        )
    )
    commitment = Commitment(peer.drafts[3].commitments[0].commitment)
    peer.drafts.append(erasure(peer.origin, PartTarget(PEER_ID, 3, 0, commitment), "erase"))
    for made in peer.drafts[-2:]:
        index = len(peer.entries)
        peer.entries.append(author_of(peer.origin).write_entry(made, index=index, refs=()))
    return peer


class ClosedStore:
    """What every store's folder shows before it is opened again."""

    signed_before = 0

    def opened(self, folder: Path) -> Any:
        return node_store(folder)

    def look_closed(self, folder: Path, done: Sequence[Act]) -> None:
        signed = self.signed_before + sum(act.is_own_event for act in done)
        if done:
            require(guard_size(folder) >= signed, f"{signed} events, acknowledged above the guard")
        with closing(TombstoneJournal(folder / "tombstones.bin")) as journal:
            buried = {(part.log_id, part.index) for part in journal.records}
        for act in done:
            require(not act.erases or act.erases in buried, "a tombstone is not in the journal")

    def check(self, folder: Path) -> None:
        fsck(folder)


class StoreWorld(ClosedStore):
    """A store does all that it can do."""

    name = "store"
    its_own: tuple[str, ...] = tuple(sorted({s.split("_")[0] for s in Step} - {"migration"}))
    signed_before = OLD_EVENTS

    def __init__(self) -> None:
        self._peer = peer = written_peer()
        last = len(peer.entries) - 1
        self.acts = [
            appended("a"),
            appended("b"),
            self._ingested(last),
            Act("parts", self._put_parts, self._has_parts),
            Act("large part", self._put_large, self._has_large),
            appended("upload", with_upload),
            Act("uploaded", lambda _: None, self._has_upload),
            appended("erase own", erasing_own),
            self._erased(OWN_ID, 0),
            self._ingested(last + 1),
            self._erased(PEER_ID, 3),
            Act("rotation", self._rotate, self._is_rotated, is_own_event=True),
            appended("under the new key"),
            Act("freeze", self._freeze, self._is_frozen),
            appended("last"),
        ]

    def make(self, folder: Path) -> None:
        with node_store(folder) as store:
            append(store, *(f"old {number}" for number in range(OLD_EVENTS)))
            store.ingest(self._peer.batch(0, OLD_EVENTS)).result()
            store.put_parts([part_of(self._peer, index) for index in range(OLD_EVENTS)]).result()

    def _ingested(self, size: int) -> Act:
        def do(store: SqliteStore) -> None:
            held = store.log_state(PEER_ID).size
            if held < size:
                store.ingest(self._peer.batch(held, size)).result()

        def holds(store: SqliteStore) -> None:
            require(store.log_state(PEER_ID).size >= size, f"the batch to {size} is lost")

        return Act(f"ingest to {size}", do, holds)

    def _put_parts(self, store: SqliteStore) -> None:
        store.put_parts([part_of(self._peer, OLD_EVENTS)]).result()

    def _has_parts(self, store: SqliteStore) -> None:
        for index in (0, 2, OLD_EVENTS):
            require(store.part(PEER_ID, index, 0) is not None, f"part {index} is lost")

    def _put_large(self, store: SqliteStore) -> None:
        key = (PEER_ID, OLD_EVENTS + 3, 0)
        head = HeldPart(*key, seed("large"), "text/plain", b"", large_bytes=len(LARGE))
        if not store.large_parts.begin(head).result():
            return
        for number in range(2):
            piece = LARGE[number * CHUNK_BYTES :][:CHUNK_BYTES]
            require(store.large_parts.put(key, number, [piece]).result(), "not taken")
        store.large_parts.finish(key).result()

    def _has_large(self, store: SqliteStore) -> None:
        key = (PEER_ID, OLD_EVENTS + 3, 0)
        require(read_large(store, key) == LARGE, "the large part is another")

    def _has_upload(self, store: SqliteStore) -> None:
        key = (OWN_ID, place_of(store, "upload"), 1)
        require(read_large(store, key) == LARGE, "the uploaded file is another")

    def _erased(self, log_id: LogId, index: int) -> Act:
        def holds(store: SqliteStore) -> None:
            require(store.part(log_id, index, 0) is None, "what was erased is there")

        return Act("erased", lambda _: None, holds, erases=(log_id, index))

    def _rotate(self, store: SqliteStore) -> None:
        if not store.rotations(OWN_ID):
            store.rotate_key(rotation_at, next_author_of(OWN)).result()

    def _is_rotated(self, store: SqliteStore) -> None:
        require(store.rotations(OWN_ID), "the rotation is lost")

    def _freeze(self, store: SqliteStore) -> None:
        store.freeze(PEER_ID, OLD_EVENTS + 5, "log_diverged", b"proof").result()

    def _is_frozen(self, store: SqliteStore) -> None:
        require(store.log_state(PEER_ID).frozen_at == OLD_EVENTS + 5, "the freeze is lost")
