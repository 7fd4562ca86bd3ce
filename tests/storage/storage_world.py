"""What storage tests are made of: mechanisms with keys, a roster, drafts, batches."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

from registry.domain.identifiers import (
    NO_CASE,
    CaseId,
    LogId,
    MemberId,
    Origin,
    RegistryId,
    RequestKey,
    Slug,
    log_id_of,
)
from registry.domain.vocabulary import EventKind
from registry.log.author import Author, EventDraft, PartDraft, draft_event
from registry.log.checkpoint import Checkpoint
from registry.log.entry import ALL_MEMBERS, EventRef, decode_header, split_entry
from registry.log.facts import EntryFacts
from registry.log.log_keys import make_rotation
from registry.log.member import key_hash
from registry.log.merkle import EMPTY_RANGE, CompactRange, leaf_hash
from registry.log.roster import Member, MemberStatus, Roster
from registry.log.signing import Ed25519Signer
from registry.store.guard import Guard
from registry.store.sealing import NodeKeys
from registry.store.sqlite import SqliteStore, open_sqlite_store
from registry.store.values import AppendRequest, HeldPart, IngestBatch

REGISTRY = RegistryId(b"r" * 32)
OWN = Origin("test/own/1")
PEER = Origin("test/peer/1")
OTHER = Origin("test/other/1")
THIRD = Origin("test/third/1")
FOURTH = Origin("test/fourth/1")
ORIGINS = (OWN, PEER, OTHER, THIRD, FOURTH)
OWN_ID, PEER_ID, OTHER_ID = (log_id_of(origin) for origin in (OWN, PEER, OTHER))
NOW_MS = 1_700_000_000_000
NODE_KEYS = NodeKeys(b"n" * 32, random_bytes=os.urandom)
VIEWS_KEY = b"v" * 32


def seed(text: str) -> bytes:
    return sha256(text.encode()).digest()


def case(number: int) -> CaseId:
    return CaseId(seed(f"case {number}")[:16])


def author_of(origin: Origin) -> Author:
    signer = Ed25519Signer(seed(origin))
    return Author(signer=signer, registry_id=REGISTRY, origin=origin, roster_version=1)


def next_author_of(origin: Origin) -> Author:
    """Who writes a log once its key was rotated."""
    signer = Ed25519Signer(seed(f"next {origin}"))
    return Author(signer=signer, registry_id=REGISTRY, origin=origin, roster_version=1)


def rotation_at(index: int, origin: Origin = OWN) -> AppendRequest:
    """The rotation of a log to its next key, as the event at a place."""
    signer = Ed25519Signer(seed(f"next {origin}"))
    log_id = log_id_of(origin)
    made = draft_event(
        log_id=log_id,
        case_id=NO_CASE,
        kind=EventKind.KEY_ROTATED,
        time_ms=NOW_MS,
        parts=(),
        audience=ALL_MEMBERS,
        request_id=RequestKey(b""),
        control=make_rotation(log_id, index, signer, seed("the one after")),
    )
    return AppendRequest(made, b"")


def roster() -> Roster:
    members = tuple(
        Member(
            id=MemberId(number),
            slug=Slug(origin.split("/")[1]),
            display_name=origin,
            origin=origin,
            identity_key=b"",
            log_key=author_of(origin).public_key,
            next_log_key_hash=key_hash(next_author_of(origin).public_key),
            cosigner_key=b"",
            hpke_key=b"",
            tls_certificate=b"",
            status=MemberStatus.ACTIVE,
            cut=None,
            address="",
        )
        for number, origin in enumerate(ORIGINS, 1)
    )
    return Roster(
        registry_id=REGISTRY,
        version=1,
        prev_hash=b"",
        threshold=2,
        members=members,
        advisory_expiry_ms=0,
        registry_name="test",
    )


def draft(
    text: str, *, origin: Origin = OWN, case_id: CaseId = NO_CASE, request: str = ""
) -> EventDraft:
    return draft_event(
        log_id=log_id_of(origin),
        case_id=case_id,
        kind=5,
        time_ms=NOW_MS,
        parts=(PartDraft(seed("salt " + text), "text/plain", text.encode()),),
        audience=ALL_MEMBERS,
        request_id=RequestKey(seed("request " + request)[:16] if request else b""),
    )


def request(text: str, *, case_id: CaseId = NO_CASE, request_id: str = "") -> AppendRequest:
    return AppendRequest(
        draft=draft(text, case_id=case_id, request=request_id), request_digest=seed(text)
    )


def facts_of(entry: bytes) -> EntryFacts:
    header = decode_header(split_entry(entry)[0])
    return EntryFacts(
        index=header.index,
        case_id=header.case_id,
        kind=header.kind,
        time_ms=header.time_ms,
        refs=header.refs,
        parts=header.parts,
        audience=header.audience,
        request_id=header.request_id,
        roster_version=header.roster_version,
        control=header.control,
    )


@dataclass
class Peer:
    """Another mechanism that writes its log in memory."""

    origin: Origin = PEER
    entries: list[bytes] = field(default_factory=list)
    drafts: list[EventDraft] = field(default_factory=list)

    @property
    def log_id(self) -> LogId:
        return log_id_of(self.origin)

    def write(self, text: str, *, case_id: CaseId = NO_CASE, refs: Sequence[EventRef] = ()) -> None:
        made = draft(text, origin=self.origin, case_id=case_id)
        author = author_of(self.origin)
        self.drafts.append(made)
        self.entries.append(author.write_entry(made, index=len(self.entries), refs=tuple(refs)))

    def range_at(self, size: int) -> CompactRange:
        return EMPTY_RANGE.extend(leaf_hash(entry) for entry in self.entries[:size])

    def note_at(self, size: int) -> bytes:
        return author_of(self.origin).sign_checkpoint(size, self.range_at(size).root())

    def batch(
        self, start: int = 0, end: int | None = None, *, has_note: bool = True
    ) -> IngestBatch:
        stop = len(self.entries) if end is None else end
        entries = self.entries[start:stop]
        reached = self.range_at(stop)
        note = self.note_at(stop) if has_note else None
        size = stop if has_note else len(self.entries)
        return IngestBatch(
            log_id=self.log_id,
            start=start,
            entries=entries,
            facts=[facts_of(entry) for entry in entries],
            leaf_hashes=[leaf_hash(entry) for entry in entries],
            range=reached,
            root=reached.root(),
            note=note,
            target=Checkpoint(self.origin, size, self.range_at(size).root()),
        )


def create_guard(folder: Path) -> Guard:
    path = folder / "guard"
    if not path.exists():
        Guard.create(path, OWN)
    return Guard.open(path, OWN)


def open_store(folder: Path, *, is_open: bool = True) -> SqliteStore:
    """Opens a node's store, made if it is not there; appends allowed unless told otherwise."""
    store = open_sqlite_store(
        folder / "log.db",
        author=author_of(OWN),
        guard=create_guard(folder),
        node_keys=NODE_KEYS,
        now_ms=lambda: NOW_MS,
        logs_before={},
    )
    store.register_logs(ORIGINS).result()
    if is_open:
        store.allow_appends()
    return store


def part_of(peer: Peer, index: int) -> HeldPart:
    part = peer.drafts[index].parts[0]
    return HeldPart(peer.log_id, index, 0, part.salt, part.media_type, part.content)


def refs_of(entry: bytes) -> tuple[EventRef, ...]:
    return decode_header(split_entry(entry)[0]).refs


def written_peer(count: int) -> Peer:
    peer = Peer()
    for number in range(count):
        peer.write(f"peer {number}", case_id=case(number % 3))
    return peer


def guard_size(folder: Path) -> int:
    guard = Guard.open(folder / "guard", OWN)
    size = guard.read().size
    guard.close()
    return size


def append(store: SqliteStore, *texts: str) -> None:
    for text in texts:
        store.append(request(text, case_id=case(0), request_id=text)).result()
