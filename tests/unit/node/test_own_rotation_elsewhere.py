"""Another copy of this node rotates the log key, and a peer that stays connected shows it."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from time import monotonic
from typing import Any, Final, cast

from registry.client.tls import require_tls13

require_tls13()

import pytest  # noqa: E402 - grpc reads the cipher setting when it is first imported

from registry.application.key_care.key_rotation import ask_for_rotation  # noqa: E402
from registry.domain.identifiers import Slug  # noqa: E402
from registry.errors import Overloaded  # noqa: E402
from registry.replication.messages import HeadOffered, PeerUp  # noqa: E402
from registry_node import fence as fence_module  # noqa: E402
from registry_node.fence import StartUpFence  # noqa: E402
from registry_node.heads import HeadHub  # noqa: E402
from registry_node.mirror import Mirror  # noqa: E402
from registry_node.settings import NodeSettings  # noqa: E402
from tests.unit.application.federation_in_process import (  # noqa: E402
    Node,
    found_federation,
    open_node,
    opening,
)

PEER: Final = Slug("beta")
PATIENCE_S: Final = 20.0
BEFORE: Final = 1
SIZE: Final = 6
"""Entries of the own log; its key was rotated after the first."""


@pytest.fixture(autouse=True)
def _hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fence_module, "_LOOK_AGAIN_S", 0.01)


@pytest.fixture
def selves(tmp_path: Path) -> tuple[Path, Path]:
    """The folders of alpha and of its copy, which has recorded nothing yet either."""
    found_federation(tmp_path / "one")
    shutil.copytree(tmp_path / "one", tmp_path / "other")
    return tmp_path / "one", tmp_path / "other"


@pytest.fixture
def alpha(selves: tuple[Path, Path]) -> Iterator[Node]:
    write(selves[0], BEFORE, SIZE - BEFORE - 1)
    node = open_node(selves[0], "alpha")
    with closing(node.registry):
        assert node.registry.store.log_state(node.log_id).size == SIZE
        yield node


def write(folder: Path, before: int, after: int) -> HeadOffered:
    """Records, rotates the key, and records; returns the head as a peer would show it."""
    assert ask_for_rotation(folder / "alpha")
    node = open_node(folder, "alpha")
    with closing(node.registry):
        for _ in range(before):
            node.record(opening())
        node.registry.log_key.rotate().result()
        node.registry.log_key.use()
        for _ in range(after):
            node.record(opening())
        return head_of(node)


def head_of(node: Node) -> HeadOffered:
    store = node.registry.store
    note = store.log_state(node.log_id).note
    assert note is not None
    return HeadOffered(PEER, node.log_id, note, rotations=store.rotations(node.log_id))


@asynccontextmanager
async def connected(node: Node) -> AsyncIterator[tuple[Mirror, StartUpFence]]:
    """A mirror whose peer has come; no stream to it is opened, and its fence does not run."""
    settings = NodeSettings(folder=node.registry.folder.path)
    mirror = Mirror(node.registry, HeadHub(), settings, uniform=lambda low, _high: low)
    fence = StartUpFence(node.registry, {}, mirror._entries)
    async with asyncio.TaskGroup() as tasks:
        mirror._tasks, mirror._fence = tasks, fence
        mirror._tell(PeerUp(PEER))
        yield mirror, fence


async def until(fact: Callable[[], bool], what: str) -> None:
    deadline = monotonic() + PATIENCE_S
    while not fact():
        assert monotonic() < deadline, f"did not happen: {what}"
        await asyncio.sleep(0.002)


@pytest.mark.parametrize(
    ("before", "after"),
    [(BEFORE, 0), (BEFORE, 2), (BEFORE + 2, 0), (BEFORE + 2, 1)],
    ids=["same place", "same place, later", "another place", "another place, later"],
)
async def test_other_rotation_of_the_own_log_stops_it_at_once(
    selves: tuple[Path, Path], alpha: Node, before: int, after: int
) -> None:
    shown, store = write(selves[1], before, after), alpha.registry.store
    async with connected(alpha) as (mirror, fence):
        mirror._take_head(head_of(alpha))
        assert store.read_only_reason() is None
        mirror._take_head(shown)
        await until(lambda: store.read_only_reason() is not None, "the log is closed")
        assert "holds another history" in (store.read_only_reason() or "")

        running = asyncio.create_task(fence.run())
        await until(
            lambda: store.log_state(alpha.log_id).frozen_at is not None, "the log is frozen"
        )
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    assert store.log_state(alpha.log_id).frozen_at == SIZE


async def test_peer_that_comes_with_the_other_rotation_at_the_same_place_stops_it_too(
    selves: tuple[Path, Path], alpha: Node
) -> None:
    shown = write(selves[1], BEFORE, 0)
    fence = StartUpFence(alpha.registry, {}, cast("Any", None))

    judged = fence._steps.judge(shown.note, shown.rotations)

    assert not judged.note.is_consistent


async def test_rotations_that_are_held_are_not_judged_however_often_they_are_shown(
    alpha: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    judged = list[object]()
    async with connected(alpha) as (mirror, fence):
        monkeypatch.setattr(fence._steps, "judge", lambda *seen: judged.append(seen))
        for _ in range(3):
            mirror._take_head(head_of(alpha))
        await asyncio.sleep(0.05)
    assert judged == []


async def test_peer_that_shows_junk_as_rotations_closes_nothing_and_is_judged_one_at_a_time(
    selves: tuple[Path, Path], alpha: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    true, other = head_of(alpha), write(selves[1], BEFORE + 2, 1)
    cut = other.rotations[0][:-1]
    shown = [
        HeadOffered(PEER, alpha.log_id, true.note, rotations=(b"junk",)),
        HeadOffered(PEER, alpha.log_id, true.note, rotations=(*true.rotations, b"junk")),
        HeadOffered(PEER, alpha.log_id, true.note, rotations=true.rotations * 2),
        HeadOffered(PEER, alpha.log_id, other.note, rotations=(cut,)),
        HeadOffered(PEER, alpha.log_id, b"no note", rotations=other.rotations),
    ]
    under_way, most, calls = 0, 0, 0
    async with connected(alpha) as (mirror, fence):
        judge = fence._judge

        async def counted(head: Any) -> Any:
            nonlocal under_way, most, calls
            under_way, calls = under_way + 1, calls + 1
            most = max(most, under_way)
            try:
                return await judge(head)
            finally:
                under_way -= 1

        monkeypatch.setattr(fence, "_judge", counted)
        for _ in range(20):
            for each in shown:
                mirror._take_head(each)
        await until(lambda: calls > 0 and not fence._shown, "what was shown is judged")
    assert most == 1
    assert calls <= 3, "only the first and the newest of many at once"
    assert alpha.registry.store.read_only_reason() is None
    alpha.record(opening())


async def test_other_rotation_that_comes_while_the_store_is_busy_is_judged_later(
    selves: tuple[Path, Path], alpha: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown, store = write(selves[1], BEFORE, 2), alpha.registry.store
    left = [Overloaded("full"), Overloaded("full")]
    async with connected(alpha) as (mirror, fence):
        judge = fence._steps.judge

        def busy(*seen: Any) -> Any:
            if left:
                raise left.pop()
            return judge(*seen)

        monkeypatch.setattr(fence._steps, "judge", busy)
        mirror._take_head(shown)
        await until(lambda: store.read_only_reason() is not None, "the log is closed")
    assert not left
