"""The start-up fence of a log whose key was rotated: what an old key signs stops nothing."""

import asyncio

from registry.api.v1 import replication_pb2 as pb
from registry.domain.identifiers import RootHash
from tests.storage.storage_world import (
    OWN,
    OWN_ID,
    Peer,
    author_of,
    next_author_of,
    request,
    rotation_at,
)
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


async def test_other_rotation_of_the_own_log_is_another_history_of_it(
    registry: FakeRegistry,
) -> None:
    registry.store.allow_appends()
    registry.store.append(request("before")).result()
    registry.store.rotate_key(rotation_at, next_author_of(OWN)).result()
    rotation = author_of(OWN).write_entry(rotation_at(2).draft, index=2, refs=())
    note = next_author_of(OWN).sign_checkpoint(4, RootHash(b"r" * 32))
    fence = fence_of(registry, {PEER: FakePeer()})

    shown = await fence._judge(pb.Head(log_id=OWN_ID, checkpoint=note, rotations=[rotation]))
    assert (shown.size, shown.is_consistent) == (4, False)
    junk = await fence._judge(pb.Head(log_id=OWN_ID, checkpoint=note, rotations=[b"junk"]))
    assert (junk.size, junk.is_consistent) == (0, True)
