"""The start-up fence over a damaged disk: it takes damage for no other history, and waits."""

import sqlite3
from contextlib import closing
from pathlib import Path

from registry.domain.identifiers import Slug
from tests.storage.storage_world import OWN_ID, open_store
from tests.unit.node.test_fence import (
    PEER,
    FakePeer,
    FakeRegistry,
    _hasty,
    fence_of,
    history,
    registry,
    running,
    until,
    why_closed,
)

__all__ = ["_hasty", "registry"]


def overwrite(folder: Path, entry: bytes) -> bytes:
    """Puts bytes in the place of the own log's second entry; returns what stood there."""
    with closing(sqlite3.connect(folder / "log.db", isolation_level=None)) as database:
        place = (OWN_ID.hex(),)
        where = "WHERE originator_id = ? AND originator_version = 1"
        found = database.execute(f"SELECT state FROM stored_events {where}", place).fetchone()[0]
        database.execute(f"UPDATE stored_events SET state = ? {where}", (entry, *place))
    return bytes(found)


async def test_damaged_entry_closes_the_log_until_it_is_repaired_and_freezes_nothing(
    registry: FakeRegistry, tmp_path: Path
) -> None:
    same = history("same")
    registry.store.ingest(same.batch()).result()
    late = FakePeer()
    forked: list[Slug] = []
    fence = fence_of(registry, {PEER: late}, forked)
    async with running(fence):
        await until(lambda: registry.opened == 1, "the log is open")
        sound = overwrite(tmp_path, b"\0")
        late.notes += [same.note_at(3)] * 3
        await fence.meet(PEER)
        await until(lambda: late.asked > 5, "the fence asked on, with the peer and without it")
        assert "damaged" in why_closed(registry)
        overwrite(tmp_path, sound)
        await until(lambda: registry.opened == 2, "the log is open after the repair")
    assert (registry.store.log_state(OWN_ID).frozen_at, forked) == (None, [])


async def test_damaged_entry_at_the_start_only_waits_for_its_repair(
    registry: FakeRegistry, tmp_path: Path
) -> None:
    registry.store.ingest(history("same").batch()).result()
    registry.store.close()
    sound = overwrite(tmp_path, b"\0")

    registry.store = open_store(tmp_path, is_open=False)
    peer = FakePeer()
    async with running(fence_of(registry, {PEER: peer})):
        await until(lambda: peer.asked > 2, "the fence asked on")
        assert "damaged" in why_closed(registry)
        assert registry.store.log_state(OWN_ID).size == 3, "the scrub can see it"
        overwrite(tmp_path, sound)
        await until(lambda: registry.opened == 1, "the log is open after the repair")
    assert registry.store.log_state(OWN_ID).frozen_at is None
