"""The start-up fence of a log whose key was rotated: what an old key signs stops nothing."""

import asyncio

from tests.storage.storage_world import OWN, OWN_ID, Peer, next_author_of, request, rotation_at
from tests.unit.node.test_fence import (
    PEER,
    FakePeer,
    FakeRegistry,
    fence_of,
    lost,
    registry,
    running,
    until,
)

__all__ = ["lost", "registry"]


async def test_note_that_a_retired_key_has_forged_stops_nothing(
    registry: FakeRegistry, lost: Peer
) -> None:
    late = FakePeer()
    fence = fence_of(registry, {PEER: late})
    async with running(fence):
        await until(lambda: registry.opened == 1, "the log is open")
        await asyncio.wrap_future(registry.store.append(request("before")))
        rotating = registry.store.rotate_key(rotation_at, next_author_of(OWN))
        await asyncio.wrap_future(rotating)
        await asyncio.wrap_future(registry.store.append(request("after")))
        late.notes += [lost.note_at(1), lost.note_at(2), lost.note_at(3)]
        for _ in range(3):
            await fence.meet(PEER)
        assert late.asked == 4
        assert registry.store.read_only_reason() is None
        await asyncio.wrap_future(registry.store.append(request("later")))
    assert registry.store.log_state(OWN_ID).frozen_at is None
