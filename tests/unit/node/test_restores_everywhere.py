"""A node that was set back, at every place and in every way, forks nothing that a peer shows.

In each case a log of `SIZE` signed events was set back to fewer of them, with its guard, with an
older guard, or with none; and the members that can be reached hold all of it, a part, or are away.
What must come of it is said by the promise, not by the code: see `expected`.
"""

import asyncio
import os
import shutil
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from enum import Enum
from itertools import product
from pathlib import Path
from typing import Final, cast

from registry.client.tls import require_tls13
from tests.counts import tell

require_tls13()

import pytest  # noqa: E402 - grpc reads the cipher setting when it is first imported

from registry.api.v1 import replication_pb2 as pb  # noqa: E402
from registry.application.folder import NodeFolder  # noqa: E402
from registry.application.registry import Registry  # noqa: E402
from registry.domain.identifiers import Slug  # noqa: E402
from registry.log.checkpoint import Checkpoint, verify_checkpoint  # noqa: E402
from registry.log.roster import Member  # noqa: E402
from registry.store.guard import Guard  # noqa: E402
from registry.store.sqlite import SqliteStore, open_sqlite_store  # noqa: E402
from registry_node import fence as fence_module  # noqa: E402
from registry_node.fence import StartUpFence  # noqa: E402
from registry_node.fetching import EntryFetcher, ReplicationStub  # noqa: E402
from tests.storage.storage_world import (  # noqa: E402
    NODE_KEYS,
    NOW_MS,
    ORIGINS,
    OWN,
    Peer,
    append,
    author_of,
    create_guard,
    request,
    roster,
)
from tests.unit.node.test_fence import FakeCall, FakePeer, FakeRegistry, until  # noqa: E402

SIZE: Final = int(os.environ.get("SOAK_RESTORED_EVENTS", "5"))
LAGS: Final = 2
ROUNDS: Final = 3
FULL, BEHIND = Slug("full"), Slug("behind")


class GuardIs(Enum):
    """What became of the guard."""

    KEPT = "kept"
    SET_BACK = "set_back"
    LOST = "lost"


class HoldingPeer(FakePeer):
    """Always there; shows what it holds of the log, and gives it back."""

    def __init__(self, peer: Peer) -> None:
        super().__init__()
        self.peer = peer

    def WatchHeads(self, _request: pb.WatchHeadsRequest, timeout: float) -> FakeCall:  # noqa: N802 - the name of the RPC
        assert timeout == 1.0
        self.asked += 1
        return FakeCall(self.peer.note_at(len(self.peer.entries)), None)


class GivingFetcher:
    """Brings own entries back from a peer, as the fetcher does with the same batches."""

    def __init__(self, store: SqliteStore) -> None:
        self._store = store

    async def fetch(self, stub: HoldingPeer, member: Member, size: int) -> None:
        held = self._store.log_state(member.log_id).size
        if held < size:
            await asyncio.wrap_future(self._store.ingest(stub.peer.batch(held, size)))


def open_clone(folder: Path) -> SqliteStore:
    store = open_sqlite_store(
        folder / "log.db",
        author=author_of(OWN),
        guard=create_guard(folder) if (folder / "guard").exists() else None,
        node_keys=NODE_KEYS,
        now_ms=lambda: NOW_MS,
    )
    store.register_logs(ORIGINS).result()
    return store


class LosableRegistry(FakeRegistry):
    """What the fence needs; makes a guard where there is none, like the real one."""

    def open_log(self) -> None:
        folder = self.folder.path
        if not (folder / "guard").exists():
            Guard.create(folder / "guard", OWN)
            self.store.attach_guard(Guard.open(folder / "guard", OWN)).result()
        super().open_log()


@pytest.fixture(autouse=True)
def _hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fence_module, "_ASK_AGAIN_S", 0.002)


@pytest.fixture(scope="module")
def snapshots(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The folder as it was after 0, 1, ... `SIZE` events."""
    made = tmp_path_factory.mktemp("snapshots")
    folders = []
    for size in range(SIZE + 1):
        work, folder = made / "work", made / str(size)
        work.mkdir(exist_ok=True)
        create_guard(work).close()
        store = open_clone(work)
        if size:
            store.allow_appends()
            append(store, f"event {size - 1}")
        store.close()
        shutil.copytree(work, folder)
        folders.append(folder)
    return folders


def holder(folder: Path, size: int) -> HoldingPeer:
    """A member that holds the first events of the log."""
    store = open_clone(folder)
    peer = Peer(OWN)
    peer.entries = store.entries(roster().members[0].log_id, 0, size)
    store.close()
    return HoldingPeer(peer)


def set_back(snapshots: list[Path], size: int, guard: GuardIs, folder: Path) -> LosableRegistry:
    shutil.copytree(snapshots[size], folder)
    if guard is GuardIs.KEPT:
        shutil.copy(snapshots[-1] / "guard", folder / "guard")
    elif guard is GuardIs.LOST:
        (folder / "guard").unlink()
    return LosableRegistry(open_clone(folder), NodeFolder(folder))


@asynccontextmanager
async def fenced(
    registry: FakeRegistry, peers: Mapping[Slug, FakePeer]
) -> AsyncIterator[StartUpFence]:
    fence = StartUpFence(
        cast("Registry", registry),
        cast("Mapping[Slug, ReplicationStub]", peers),
        cast("EntryFetcher", GivingFetcher(registry.store)),
    )
    task = asyncio.create_task(fence.run())
    try:
        yield fence
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def expected(size: int, guard: GuardIs, there: frozenset[Slug]) -> bool:
    """Whether the log may open.

    One up-to-date peer is enough, unless nobody knows what was signed: then all must answer.
    Without it, only a guard that knows of nothing more than is here, or than is given back.
    """
    if guard is GuardIs.LOST:
        return there == {FULL, BEHIND}
    if FULL in there:
        return True
    held = max(size, LAGS) if BEHIND in there else size
    return guard is GuardIs.SET_BACK or held == SIZE


CASES: Final = [
    (size, guard, there)
    for size, guard, there in product(
        range(SIZE + 1),
        GuardIs,
        [frozenset({FULL, BEHIND}), frozenset({FULL}), frozenset({BEHIND}), frozenset[Slug]()],
    )
]


async def test_log_that_was_set_back_is_closed_or_goes_on_where_it_was(
    snapshots: list[Path], tmp_path: Path
) -> None:
    opened = 0
    for number, (size, guard, there) in enumerate(CASES):
        what = f"set back to {size}, guard {guard.value}, reached {sorted(there)}"
        registry = set_back(snapshots, size, guard, tmp_path / str(number))
        peers: dict[Slug, FakePeer] = {FULL: FakePeer(), BEHIND: FakePeer()}
        if FULL in there:
            peers[FULL] = holder(snapshots[-1], SIZE)
        if BEHIND in there:
            peers[BEHIND] = holder(snapshots[-1], LAGS)
        must_open = expected(size, guard, there)
        async with fenced(registry, peers):
            await until(
                lambda r=registry, p=peers: r.opened or p[FULL].asked > ROUNDS,  # type: ignore[misc]
                what,
            )
            assert bool(registry.opened) is must_open, what
        if must_open:
            known = max([size, *(SIZE if each == FULL else LAGS for each in there)])
            done = registry.store.append(request("next")).result()
            assert done.index == known, what
            opened += 1
        registry.store.close()
    tell(f"{len(CASES)} restores, {opened} opened, no place signed twice that a peer showed")
    assert len(CASES) >= 50


def note_of(peer: Peer) -> Checkpoint:
    own = roster().members[0]
    return verify_checkpoint(peer.note_at(len(peer.entries)), origin=OWN, log_key=own.log_key)


async def test_clones_that_write_in_turn_share_one_log_while_a_peer_has_all_of_it(
    snapshots: list[Path], tmp_path: Path
) -> None:
    """What one has written, and a peer holds, closes the other until it has it too."""
    peer = holder(snapshots[-1], SIZE)
    stores = []
    async with (
        fenced(
            one := set_back(snapshots, 1, GuardIs.SET_BACK, tmp_path / "one"), {FULL: peer}
        ) as fence_of_one,
        fenced(
            two := set_back(snapshots, 3, GuardIs.SET_BACK, tmp_path / "two"), {FULL: peer}
        ) as fence_of_two,
    ):
        await until(lambda: bool(one.opened and two.opened), "both are open")
        both = ((one, two, fence_of_two), (two, one, fence_of_one))
        for turn in range(6):
            writing, other, fence = both[turn % 2]
            appended = await asyncio.wrap_future(writing.store.append(request(f"turn {turn}")))
            assert appended.index == SIZE + turn
            peer.peer.entries.append(appended.entry)  # the peer mirrors it; both hear of that
            before = other.opened
            fence.ask_again(note_of(peer.peer))
            assert other.store.read_only_reason() is not None, "closed at once"
            await until(lambda o=other, b=before: o.opened > b, "it has caught up")  # type: ignore[misc]
        stores = [one.store, two.store]
    log_id = roster().members[0].log_id
    assert {store.log_state(log_id).root for store in stores} == {note_of(peer.peer).root}
    for store in stores:
        store.close()


async def test_clones_that_wrote_at_one_place_never_write_again_once_they_meet(
    snapshots: list[Path], tmp_path: Path
) -> None:
    one = set_back(snapshots, SIZE, GuardIs.KEPT, tmp_path / "one")
    two = set_back(snapshots, SIZE, GuardIs.KEPT, tmp_path / "two")
    peer = holder(snapshots[-1], SIZE)
    async with fenced(one, {FULL: peer}) as fence, fenced(two, {FULL: peer}):
        await until(lambda: bool(one.opened and two.opened), "both are open")
        appended = await asyncio.wrap_future(one.store.append(request("by one")))
        other = await asyncio.wrap_future(two.store.append(request("by two")))
        assert appended.index == other.index == SIZE
        peer.peer.entries.append(other.entry)
        await fence.meet(FULL)
        log_id = roster().members[0].log_id
        await until(lambda: one.store.log_state(log_id).frozen_at is not None, "it is frozen")
    assert "another history" in (one.store.read_only_reason() or "")
    for each in (one, two):
        each.store.close()
