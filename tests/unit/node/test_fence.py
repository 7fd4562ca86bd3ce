"""The start-up fence over a real store: what a member once showed is never forgotten."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import Any, Final, cast

from registry.client.tls import require_tls13
from registry.log.log_keys import LogKeys, keys_of_member
from registry.store.values import read_header

require_tls13()

import grpc  # noqa: E402 - grpc reads the cipher setting when it is first imported
import pytest  # noqa: E402

from registry.api.v1 import replication_pb2 as pb  # noqa: E402
from registry.application.folder import NodeFolder  # noqa: E402
from registry.application.registry import Registry  # noqa: E402
from registry.domain.identifiers import Slug  # noqa: E402
from registry.errors import LogReadOnly, Overloaded, PeerUnavailable, TryLater  # noqa: E402
from registry.log.checkpoint import Checkpoint, verify_checkpoint  # noqa: E402
from registry.log.facts import GuardVerdict  # noqa: E402
from registry.log.roster import Member  # noqa: E402
from registry.store.sqlite import SqliteStore  # noqa: E402
from registry_node import fence as fence_module  # noqa: E402
from registry_node import fetching  # noqa: E402
from registry_node.fence import StartUpFence  # noqa: E402
from registry_node.fetching import EntryFetcher, ReplicationStub  # noqa: E402
from tests.storage.storage_world import (  # noqa: E402
    OWN,
    OWN_ID,
    REGISTRY,
    Peer,
    open_store,
    request,
    roster,
)

PATIENCE_S: Final = 90.0
PEER: Final = Slug("peer")


@dataclass
class FakeRegistry:
    """What the fence needs of a registry."""

    store: SqliteStore
    folder: NodeFolder
    own: Member = field(default_factory=lambda: roster().members[0])
    opened: int = 0

    def log_keys(self, member: Member) -> LogKeys:
        return keys_of_member(REGISTRY, member, map(read_header, self.store.rotations(OWN_ID)))

    def open_log(self) -> None:
        self.store.allow_appends()
        self.opened += 1


class FakeCall:
    """A stream of heads that is read once; None stands for a peer that is not there."""

    def __init__(self, note: bytes | None, answering: asyncio.Event | None) -> None:
        self._note = note
        self._answering = answering

    def cancel(self) -> None:
        """Nothing is open."""

    async def __aiter__(self) -> AsyncIterator[pb.WatchHeadsResponse]:
        if self._answering is not None:
            await self._answering.wait()
        if self._note is None:
            metadata = grpc.aio.Metadata()
            raise grpc.aio.AioRpcError(grpc.StatusCode.UNAVAILABLE, metadata, metadata, "gone")
        yield pb.WatchHeadsResponse(evidence=b"a proof about another log")
        yield pb.WatchHeadsResponse(head=pb.Head(log_id=OWN_ID, checkpoint=self._note))


class FakePeer:
    """Shows one note after the other, each time it is asked; at the end it is gone."""

    def __init__(self, *notes: bytes, answering: asyncio.Event | None = None) -> None:
        self.notes = list(notes)
        self._answering = answering
        self.asked = 0

    def WatchHeads(self, _request: pb.WatchHeadsRequest, timeout: float) -> FakeCall:  # noqa: N802 - the name of the RPC
        assert timeout == 1.0
        self.asked += 1
        return FakeCall(self.notes.pop(0) if self.notes else None, self._answering)


class BrokenFetcher:
    """A line that breaks whenever something is to be given back."""

    def __init__(self) -> None:
        self.asked = 0

    async def fetch(self, _stub: object, _member: Member, _size: int) -> None:
        self.asked += 1
        msg = "connection reset"
        raise PeerUnavailable(msg)


@pytest.fixture(autouse=True)
def _hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fence_module, "_ASK_AGAIN_S", 0.01)
    monkeypatch.setattr(fetching, "_NO_ROOM_S", 0.01)


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[FakeRegistry]:
    registry = FakeRegistry(open_store(tmp_path, is_open=False), NodeFolder(tmp_path / "node"))
    yield registry
    registry.store.close()


@pytest.fixture
def lost() -> Peer:
    """What this log once signed and its database lost."""
    return history("lost")


def history(name: str, count: int = 3) -> Peer:
    peer = Peer(origin=OWN)
    for number in range(count):
        peer.write(f"{name} {number}")
    return peer


def checkpoint_of(peer: Peer, size: int) -> Checkpoint:
    own = roster().members[0]
    return verify_checkpoint(peer.note_at(size), origin=OWN, log_key=own.log_key)


def fence_of(
    registry: FakeRegistry, peers: Mapping[Slug, FakePeer], forked: list[Slug] | None = None
) -> StartUpFence:
    suspected = [] if forked is None else forked
    return StartUpFence(
        cast("Registry", registry),
        cast("Mapping[Slug, ReplicationStub]", peers),
        cast("EntryFetcher", BrokenFetcher()),
        forked=lambda peer, _size: suspected.append(peer),
    )


@asynccontextmanager
async def running(fence: StartUpFence) -> AsyncIterator[None]:
    task = asyncio.create_task(fence.run())
    try:
        yield
        assert not task.done(), "the fence ends only with its task"
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def until(fact: Callable[[], bool], what: str) -> None:
    deadline = monotonic() + PATIENCE_S
    while not fact():
        assert monotonic() < deadline, f"did not happen: {what}"
        await asyncio.sleep(0.002)


def why_closed(registry: FakeRegistry) -> str:
    return registry.store.read_only_reason() or ""


# --- what was shown is not forgotten --------------------------------------------------------------


async def test_peer_that_shows_more_and_vanishes_leaves_the_log_closed(
    registry: FakeRegistry, lost: Peer
) -> None:
    peer = FakePeer(lost.note_at(3))
    async with running(fence_of(registry, {PEER: peer})):
        await until(lambda: peer.asked > 3, "the fence goes on without the peer")
    assert "has signed 3 events and its database holds 0" in why_closed(registry)
    assert registry.opened == 0


async def test_peer_that_showed_more_is_remembered_over_a_restart_alone(
    registry: FakeRegistry, lost: Peer, tmp_path: Path
) -> None:
    peer = FakePeer(lost.note_at(3))
    async with running(fence_of(registry, {PEER: peer})):
        await until(lambda: peer.asked > 1, "the note was shown")
    registry.store.close()

    registry.store = open_store(tmp_path, is_open=False)
    peer = FakePeer()
    async with running(fence_of(registry, {PEER: peer})):
        await until(lambda: peer.asked > 2, "the fence asks on")
    assert registry.opened == 0
    assert registry.store.own_state_against_guard().kind is GuardVerdict.GUARD_AHEAD
    registry.store.ingest(lost.batch()).result()
    async with running(fence_of(registry, {})):
        await until(lambda: registry.opened == 1, "exactly what was shown opens the log")


async def test_note_that_the_mirror_saw_is_remembered_though_no_peer_shows_it_to_the_fence(
    registry: FakeRegistry, lost: Peer
) -> None:
    peer = FakePeer()
    fence = fence_of(registry, {PEER: peer})
    async with running(fence):
        await until(lambda: registry.opened == 1, "the log is open")
        fence.ask_again(checkpoint_of(lost, 3))
        assert why_closed(registry), "at once"
        await until(lambda: peer.asked > 3, "the fence asked again and again")
    assert registry.opened == 1
    assert "has signed 3 events" in why_closed(registry)


async def test_log_is_not_opened_by_a_round_that_was_under_way_when_more_was_shown(
    registry: FakeRegistry, lost: Peer
) -> None:
    answering = asyncio.Event()
    peer = FakePeer(answering=answering)
    fence = fence_of(registry, {PEER: peer})
    async with running(fence):
        await until(lambda: peer.asked == 1, "the fence is asking")
        fence.ask_again(checkpoint_of(lost, 3))
        answering.set()
        await until(lambda: peer.asked > 3, "the rounds after it")
    assert registry.opened == 0
    with pytest.raises(LogReadOnly):
        registry.store.append(request("new")).result()


async def test_log_is_not_opened_if_more_is_shown_at_the_last_moment(
    registry: FakeRegistry, lost: Peer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The decision is made, and only the guard is looked at when the mirror tells of more."""
    fence = fence_of(registry, {})
    asked = 0

    async def remember() -> None:
        nonlocal asked
        asked += 1
        if asked == 1:
            fence.ask_again(checkpoint_of(lost, 3))

    monkeypatch.setattr(fence, "_remember", remember)
    async with running(fence):
        await until(lambda: asked > 2, "the rounds after it")
    assert registry.opened == 0


# --- a stop is for ever ---------------------------------------------------------------------------


async def test_another_history_freezes_the_log_where_it_is_held_over_a_restart(
    registry: FakeRegistry, lost: Peer, tmp_path: Path
) -> None:
    registry.store.allow_appends()
    for number in range(4):
        registry.store.append(request(f"again {number}")).result()
    async with running(fence_of(registry, {PEER: FakePeer(lost.note_at(3))})):
        await until(
            lambda: registry.store.log_state(OWN_ID).frozen_at is not None, "the log is frozen"
        )
    assert "holds another history of this log" in why_closed(registry)
    state = registry.store.log_state(OWN_ID)
    assert (state.frozen_at, state.frozen_reason) == (4, "log_diverged")
    assert evidence_in(tmp_path) == lost.note_at(3)
    registry.store.close()

    registry.store = open_store(tmp_path, is_open=False)
    peer = FakePeer()
    fence = fence_of(registry, {PEER: peer})
    async with running(fence):
        await until(lambda: "is frozen at 4 (log_diverged)" in why_closed(registry), "it stays so")
        fence.ask_again(checkpoint_of(history("later", 9), 9))
        await until(lambda: "is frozen at 4" in why_closed(registry), "whatever is shown later")
    assert registry.opened == 0
    with pytest.raises(LogReadOnly):
        registry.store.append(request("new")).result()


async def test_another_history_of_a_member_that_comes_later_stops_an_open_log(
    registry: FakeRegistry, lost: Peer
) -> None:
    late = FakePeer()
    fence = fence_of(registry, {PEER: late})
    async with running(fence):
        await until(lambda: registry.opened == 1, "the log is open")
        for number in range(4):
            await asyncio.wrap_future(registry.store.append(request(f"again {number}")))
        late.notes.append(lost.note_at(3))
        await fence.meet(PEER)
        assert why_closed(registry), "at once"
        await until(
            lambda: registry.store.log_state(OWN_ID).frozen_at == 4,
            "the log is frozen, though the member has gone",
        )
    assert registry.opened == 1


async def test_member_that_comes_later_and_holds_the_same_history_closes_nothing(
    registry: FakeRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    same = history("same")
    registry.store.ingest(same.batch()).result()
    late = FakePeer()
    fence = fence_of(registry, {PEER: late})
    async with running(fence):
        await until(lambda: registry.opened == 1, "the log is open")
        late.notes += [same.note_at(2), same.note_at(3)]
        await fence.meet(PEER)
        await fence.meet(PEER)
        monkeypatch.setattr(registry.store, "log_state", full_twice(registry.store.log_state))
        late.notes.append(same.note_at(3))
        await fence.meet(PEER)
        assert late.asked == 4
        assert registry.store.read_only_reason() is None


def evidence_in(folder: Path) -> bytes:
    with closing(sqlite3.connect(folder / "log.db")) as connection:
        row = connection.execute("SELECT evidence FROM logs WHERE log_id = ?", (OWN_ID,))
        return bytes(row.fetchone()[0])


# --- a store without room -------------------------------------------------------------------------


def full_twice(call: Callable[..., Any]) -> Callable[..., Any]:
    """The same call, which finds no room the first two times."""
    left = [Overloaded("full"), Overloaded("full")]

    def wrapped(*arguments: Any) -> Any:
        if left:
            raise left.pop()
        return call(*arguments)

    return wrapped


async def test_freeze_that_finds_no_room_is_made_all_the_same(
    registry: FakeRegistry, lost: Peer, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry.store.allow_appends()
    for number in range(4):
        registry.store.append(request(f"again {number}")).result()
    monkeypatch.setattr(registry.store, "freeze", full_twice(registry.store.freeze))
    async with running(fence_of(registry, {PEER: FakePeer(lost.note_at(3))})):
        await until(
            lambda: registry.store.log_state(OWN_ID).frozen_at is not None, "the log is frozen"
        )


async def test_note_is_remembered_though_the_store_had_no_room_at_first(
    registry: FakeRegistry, lost: Peer, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = registry.store
    remember = full_twice(store.remember_own_checkpoint)
    monkeypatch.setattr(store, "remember_own_checkpoint", remember)
    async with running(fence_of(registry, {PEER: FakePeer(lost.note_at(3))})):
        await until(lambda: store.own_state_against_guard().guard_size == 3, "it is in the guard")


async def test_fence_outlives_a_store_that_will_not_open_or_answer_yet(
    registry: FakeRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    faults: list[TryLater] = [LogReadOnly("a write failed"), Overloaded("full")]
    read, allow = registry.store.log_state, registry.store.allow_appends

    def failing(call: Callable[..., Any], kind: type[TryLater]) -> Callable[..., Any]:
        def wrapped(*arguments: Any) -> Any:
            if faults and isinstance(faults[-1], kind):
                raise faults.pop()
            return call(*arguments)

        return wrapped

    monkeypatch.setattr(registry.store, "log_state", failing(read, Overloaded))
    monkeypatch.setattr(registry.store, "allow_appends", failing(allow, LogReadOnly))
    async with running(fence_of(registry, {})):
        await until(lambda: registry.opened == 1, "it opens when it can")
    assert not faults
