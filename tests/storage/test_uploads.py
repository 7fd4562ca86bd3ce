"""Uploads and large parts in the store: bounded, owned, moved in one transaction, checked."""

import hashlib
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from registry.application.attachments import (
    AttachmentDesk,
    attached_uploads,
    commitments,
)
from registry.application.request_keys import RequestKeys
from registry.errors import (
    DigestMismatch,
    InvalidRequest,
    NotFound,
    Overloaded,
    RequestIdReused,
)
from registry.store.check import check_store
from registry.store.chunks import CHUNK_BYTES
from registry.store.sqlite import SqliteStore, open_sqlite_store
from registry.store.uploads import UNFINISHED_MS, UPLOADS_PER_CLIENT, Upload, UploadClaim
from registry.store.values import AppendRequest, UploadRef
from tests.storage.storage_world import (
    NODE_KEYS,
    NOW_MS,
    ORIGINS,
    OWN,
    OWN_ID,
    author_of,
    case,
    create_guard,
    draft,
    roster,
    seed,
)

OWNER, OTHER = b"o" * 32, b"p" * 32
LARGE = bytes(range(251)) * 3_060
SMALL = b"small invented file"


@dataclass
class Desk:
    """A store with uploads, its clock, and the desk in front of it."""

    store: SqliteStore
    desk: AttachmentDesk
    clock: list[int]

    def begin(self, content: bytes, request: str = "r", owner: bytes = OWNER) -> Upload:
        claim = UploadClaim(len(content), hashlib.sha256(content).digest(), "a.pdf", "")
        return self.desk.begin(owner, request, claim)

    def send(self, content: bytes, request: str = "r") -> UploadRef:
        upload = self.begin(content, request)
        for at in range(0, len(content), CHUNK_BYTES):
            upload = self.desk.put(upload.ref, at, content[at : at + CHUNK_BYTES])
        assert upload.is_complete
        return upload.ref

    def request(self, *refs: UploadRef, text: str = "with files") -> AppendRequest:
        made = draft(text, case_id=case(0), request=text)
        uploads = attached_uploads(self.store, refs)
        further = commitments(uploads, 0)
        made = made._replace(commitments=(*made.commitments, *further))
        return AppendRequest(made, seed(text), uploads=refs)

    def append(self, *refs: UploadRef, text: str = "with files") -> int:
        return self.store.append(self.request(*refs, text=text)).result().index


@pytest.fixture
def world(tmp_path: Path) -> Iterator[Desk]:
    clock = [NOW_MS]
    store = open_store(tmp_path, clock)
    yield Desk(store, AttachmentDesk(store, OWN_ID, RequestKeys(b"k" * 32)), clock)
    store.close()


def open_store(folder: Path, clock: list[int]) -> SqliteStore:
    store = open_sqlite_store(
        folder / "log.db",
        author=author_of(OWN),
        guard=create_guard(folder),
        node_keys=NODE_KEYS,
        now_ms=lambda: clock[0],
    )
    store.register_logs(ORIGINS).result()
    store.allow_appends()
    return store


def content_of(store: SqliteStore, index: int, ordinal: int) -> bytes:
    key = (OWN_ID, index, ordinal)
    part = store.part(*key)
    assert part is not None
    if not part.is_large:
        return part.content
    found = b""
    while (data := store.large_parts.chunk(key, len(found) // CHUNK_BYTES)) is not None:
        found += data
        if len(found) == part.size:
            break
    return found


def test_upload_becomes_a_part_and_is_gone(world: Desk) -> None:
    large, small = world.send(LARGE, "large"), world.send(SMALL, "small")
    index = world.append(large, small)

    assert content_of(world.store, index, 1) == LARGE
    assert content_of(world.store, index, 2) == SMALL
    for ref in (large, small):
        with pytest.raises(NotFound):
            world.store.uploads.find(ref)
    (head,) = world.store.parts_of([(OWN_ID, index, 1)])
    assert (head.content, head.size) == (b"", len(LARGE))
    assert world.store.held_parts([(OWN_ID, index, n) for n in range(4)]) == {
        (OWN_ID, index, n) for n in range(3)
    }


def test_upload_belongs_to_one_event(world: Desk) -> None:
    ref = world.send(LARGE)
    first, second = world.request(ref, text="first"), world.request(ref, text="second")
    world.store.append(first).result()

    with pytest.raises(NotFound):
        world.store.append(second).result()
    assert world.store.log_state(OWN_ID).size == 1


def test_another_client_finds_no_upload_of_this_one(world: Desk) -> None:
    ref = world.send(SMALL)
    stolen = UploadRef(OTHER, ref.upload_id)

    for attempt in (
        lambda: world.store.uploads.find(stolen),
        lambda: world.desk.put(stolen, 0, SMALL),
        lambda: attached_uploads(world.store, (stolen,)),
    ):
        with pytest.raises(NotFound):
            attempt()


def test_chunks_come_in_order_in_their_size_and_a_repeated_one_changes_nothing(
    world: Desk,
) -> None:
    upload = world.begin(LARGE)
    first, second = LARGE[:CHUNK_BYTES], LARGE[CHUNK_BYTES : 2 * CHUNK_BYTES]
    for offset, data in ((CHUNK_BYTES, second), (1, first), (0, first[:-1]), (0, first + b"x")):
        with pytest.raises(InvalidRequest):
            world.desk.put(upload.ref, offset, data)
    assert world.desk.put(upload.ref, 0, first).received_bytes == CHUNK_BYTES
    assert world.desk.put(upload.ref, 0, first).received_bytes == CHUNK_BYTES
    with pytest.raises(InvalidRequest, match="another chunk"):
        world.desk.put(upload.ref, 0, second)


def test_wrong_digest_discards_everything(world: Desk) -> None:
    claim = UploadClaim(len(SMALL), b"w" * 32, "a.pdf", "")
    upload = world.desk.begin(OWNER, "r", claim)

    with pytest.raises(DigestMismatch):
        world.desk.put(upload.ref, 0, SMALL)
    with pytest.raises(NotFound):
        world.store.uploads.find(upload.ref)


def test_unfinished_upload_is_no_attachment(world: Desk) -> None:
    upload = world.begin(LARGE)

    with pytest.raises(InvalidRequest, match="not finished"):
        attached_uploads(world.store, (upload.ref,))


@pytest.mark.parametrize("size", [0, 64 * 2**20 + 1, 2**63])
def test_size_that_no_file_may_have_is_refused(world: Desk, size: int) -> None:
    with pytest.raises(InvalidRequest):
        world.desk.begin(OWNER, "r", UploadClaim(size, b"d" * 32, "a.pdf", ""))


def test_request_id_stands_for_one_file(world: Desk) -> None:
    world.begin(LARGE)

    assert world.begin(LARGE).ref == world.begin(LARGE).ref
    with pytest.raises(RequestIdReused):
        world.begin(SMALL)
    assert world.begin(SMALL, owner=OTHER).chunks == 0


def test_client_has_few_uploads_at_a_time_and_they_expire_after_a_day(world: Desk) -> None:
    refs = [world.begin(LARGE, f"r{n}").ref for n in range(UPLOADS_PER_CLIENT)]
    with pytest.raises(Overloaded):
        world.begin(LARGE, "one more")
    assert world.begin(LARGE, "of another", owner=OTHER).chunks == 0

    world.clock[0] += UNFINISHED_MS - 1
    with pytest.raises(Overloaded):
        world.begin(LARGE, "one more")
    world.clock[0] += 1
    assert world.begin(LARGE, "one more").chunks == 0
    for ref in refs:
        with pytest.raises(NotFound):
            world.store.uploads.find(ref)


def test_all_uploads_together_are_bounded_in_bytes(
    world: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("registry.store.uploads.UPLOADS_BYTES", 2 * len(LARGE))
    world.begin(LARGE, "first")
    world.begin(LARGE, "second", owner=OTHER)
    with pytest.raises(Overloaded):
        world.begin(SMALL, "third", owner=b"q" * 32)


DAMAGES = {
    "missing": "DELETE FROM part_chunks WHERE chunk_no = 1",
    "exchanged": "UPDATE part_chunks SET chunk_no = 1 - chunk_no + 10 WHERE chunk_no < 2",
    "overwritten": "UPDATE part_chunks SET sealed = zeroblob(length(sealed)) WHERE chunk_no = 2",
    "another size": "UPDATE parts SET size_bytes = size_bytes - 1 WHERE size_bytes IS NOT NULL",
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES.keys())
def test_check_reads_large_parts_and_finds_damage(world: Desk, tmp_path: Path, damage: str) -> None:
    index = world.append(world.send(LARGE))
    world.store.close()
    database = tmp_path / "log.db"

    assert list(check_store(database, roster(), node_keys=NODE_KEYS)) == []
    with sqlite3.connect(database) as connection:
        connection.execute(damage)
    connection.close()
    found = list(check_store(database, roster(), node_keys=NODE_KEYS))
    assert (found[0].index, found[0].reason) == (index, "commitment_mismatch")
    assert {each.index for each in found} == {index}
