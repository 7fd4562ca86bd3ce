"""A node that comes back with less than it had signed never forks its log."""

import asyncio
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from registry.application.folder import NodeFolder
from registry.errors import LogReadOnly
from registry_cli.federation import LocalNode
from tests.integration.durable_logs import leaves_of
from tests.integration.federation_world import (
    client_of,
    found,
    opened,
    start_all,
    stop_all,
    until,
    until_equal,
)

OLD: Final = 5
NEW: Final = 12


@dataclass(frozen=True)
class Restored:
    """A node whose database was put back to `OLD` events after it had signed `NEW`."""

    node: LocalNode
    others: list[LocalNode]
    leaves: list[bytes]
    old_guard: bytes


async def record_cases(node: LocalNode, start: int, end: int) -> None:
    async with client_of(node) as client:
        for number in range(start, end):
            await client.open_case(f"case-{number}", opened(f"Case {number} (invented)"))


@pytest.fixture
def restored(tmp_path: Path) -> Iterator[Restored]:
    nodes = found(tmp_path / "nodes", "restored", "beta", "gamma")
    node, others = nodes[0], nodes[1:]
    copy = tmp_path / "backup"
    try:
        start_all([node])
        asyncio.run(record_cases(node, 0, OLD))
        stop_all([node])
        copy.mkdir()
        old_guard = NodeFolder(node.folder).guard_file.read_bytes()
        for file in node.folder.glob("*.db*"):
            shutil.copy(file, copy / file.name)
        start_all(nodes)
        asyncio.run(record_cases(node, OLD, NEW))
        asyncio.run(until_equal(nodes, case_count=NEW))
        stop_all(nodes)
        leaves = leaves_of(node, "testing/restored/1")
        for file in node.folder.glob("*.db*"):
            file.unlink()
        for file in copy.iterdir():
            shutil.copy(file, node.folder / file.name)
        assert leaves_of(node, "testing/restored/1") == leaves[:OLD]
        yield Restored(node, others, leaves, old_guard)
    finally:
        stop_all(nodes)


async def is_read_only(node: LocalNode, words: str) -> bool:
    async with client_of(node) as client:
        status = await client.node_status()
    return not status.is_open and words in status.mode_detail


async def refuses_appends(node: LocalNode) -> bool:
    async with client_of(node, patience_s=0) as client:
        with pytest.raises(LogReadOnly):
            await client.open_case("too-early", opened("Too early (invented)"))
    return True


async def test_older_database_is_read_only_until_a_peer_gives_the_rest_back(
    restored: Restored,
) -> None:
    node, (beta, _) = restored.node, restored.others
    node.start()
    await until(lambda: is_read_only(node, "waiting for a member"), "the node waits")
    assert await refuses_appends(node)
    beta.start()
    await node.wait_until_open()
    await record_cases(node, NEW, NEW + 1)
    await until_equal([node, beta], case_count=NEW + 1)
    stop_all([node, beta])
    found_leaves = leaves_of(node, "testing/restored/1")
    assert found_leaves[:NEW] == restored.leaves
    assert len(found_leaves) == NEW + 1
    assert leaves_of(beta, "testing/restored/1") == found_leaves


async def test_missing_guard_is_read_only_until_all_others_have_answered(
    restored: Restored,
) -> None:
    node, (beta, gamma) = restored.node, restored.others
    NodeFolder(node.folder).guard_file.unlink()
    node.start()
    await until(lambda: is_read_only(node, "(0 of 2)"), "nobody has answered")
    gamma.start()
    # gamma holds the rest, so the old entries are back, but beta might hold still more.
    await until(lambda: is_read_only(node, "(1 of 2)"), "one of two has answered")
    assert await refuses_appends(node)
    beta.start()
    await node.wait_until_open()
    await record_cases(node, NEW, NEW + 1)
    await until_equal([node, beta, gamma], case_count=NEW + 1)
    stop_all([node, beta, gamma])
    for each in (node, beta, gamma):
        assert leaves_of(each, "testing/restored/1")[:NEW] == restored.leaves


async def test_snapshot_that_started_alone_closes_its_log_when_a_member_holds_more(
    restored: Restored,
) -> None:
    node, (beta, _) = restored.node, restored.others
    NodeFolder(node.folder).guard_file.write_bytes(restored.old_guard)
    node.start()
    await node.wait_until_open()
    beta.start()
    await until_equal([node, beta], case_count=NEW)
    await node.wait_until_open()
    await record_cases(node, NEW, NEW + 1)
    await until_equal([node, beta], case_count=NEW + 1)
    stop_all([node, beta])
    assert leaves_of(node, "testing/restored/1")[:NEW] == restored.leaves
    assert leaves_of(beta, "testing/restored/1") == leaves_of(node, "testing/restored/1")


async def test_snapshot_that_went_on_alone_never_appends_again_once_a_member_comes(
    restored: Restored,
) -> None:
    node, (beta, _) = restored.node, restored.others
    NodeFolder(node.folder).guard_file.write_bytes(restored.old_guard)
    node.start()
    await node.wait_until_open()
    await record_cases(node, NEW, NEW + 1)
    beta.start()
    words = f"testing/restored/1 is frozen at {OLD} (two_histories)"
    await until(lambda: is_read_only(node, words), "the fork was noticed and proven")
    assert await refuses_appends(node)
    stop_all([node, beta])
    assert leaves_of(beta, "testing/restored/1") == restored.leaves
    node.start()
    await until(lambda: is_read_only(node, words), "it is known without the member")
    assert await refuses_appends(node)


async def test_snapshot_that_went_on_further_than_all_others_stays_closed_for_ever(
    restored: Restored,
) -> None:
    node, (beta, _) = restored.node, restored.others
    NodeFolder(node.folder).guard_file.write_bytes(restored.old_guard)
    node.start()
    await node.wait_until_open()
    await record_cases(node, NEW, 2 * NEW)
    beta.start()
    words = f"testing/restored/1 is frozen at {OLD} (two_histories)"
    await until(lambda: is_read_only(node, words), "the fork was noticed and proven")
    stop_all([node, beta])
    node.start()
    await until(lambda: is_read_only(node, words), "it is known without the member")
    assert await refuses_appends(node)
