"""Real nodes are backed up while they run, put back, and started together: nothing is forked."""

import time
from pathlib import Path
from typing import Final

from registry.application.backing_up import back_up
from registry.application.recovering import put_back
from registry.log.facts import GuardVerdict
from registry_cli.federation import LocalNode, running
from tests.integration.durable_logs import leaves_of
from tests.integration.federation_world import client_of, found, opened, until, until_equal

OLD: Final = 3
NEW: Final = 6


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def nothing(*_: object) -> None:
    """No progress to show."""


async def record(node: LocalNode, start: int, end: int) -> None:
    async with client_of(node) as client:
        for number in range(start, end):
            await client.open_case(f"case-{number}", opened(f"Case {number} (invented)"))


async def test_two_of_three_nodes_are_put_back_and_all_start_together(tmp_path: Path) -> None:
    nodes = found(tmp_path / "nodes", "alpha", "beta", "gamma")
    lost = nodes[:2]
    async with running(nodes):
        for node in lost:
            await record(node, 0, OLD)
        await until_equal(nodes, case_count=2 * OLD)
        for node in lost:
            out = tmp_path / f"{node.mechanism.slug}.backup"
            about = back_up(node.folder, out, now_ms=now_ms(), progress=nothing)
            assert about.own_size == OLD
        for node in lost:
            await record(node, OLD, NEW)
        digest = await until_equal(nodes, case_count=2 * NEW)
    leaves = {node.mechanism.slug: leaves_of(node, _log(node)) for node in lost}
    for node in lost:
        done = put_back(
            node.folder,
            tmp_path / f"{node.mechanism.slug}.backup",
            may_replace=True,
            now_ms=now_ms,
            progress=nothing,
        )
        found_now = done.standing.comparison
        assert (found_now.kind, found_now.guard_size) == (GuardVerdict.GUARD_AHEAD, NEW)
    async with running(nodes):
        assert await until_equal(nodes, case_count=2 * NEW) == digest
        for node in lost:
            await record(node, NEW, NEW + 1)
        await until_equal(nodes, case_count=2 * NEW + 2)
    for node in lost:
        at_home, elsewhere = (leaves_of(each, _log(node)) for each in (node, nodes[2]))
        assert at_home[:NEW] == leaves[node.mechanism.slug]
        assert at_home == elsewhere
        assert len(at_home) == NEW + 1


async def test_of_two_members_the_one_that_was_put_back_has_all_again_from_the_other(
    tmp_path: Path,
) -> None:
    nodes = found(tmp_path / "nodes", "alpha", "beta")
    out = tmp_path / "alpha.backup"
    async with running(nodes):
        await record(nodes[0], 0, OLD)
        back_up(nodes[0].folder, out, now_ms=now_ms(), progress=nothing)
        await record(nodes[0], OLD, NEW)
        digest = await until_equal(nodes, case_count=NEW)
    leaves = leaves_of(nodes[0], _log(nodes[0]))
    for path in nodes[0].folder.glob("*.db*"):
        path.unlink()  # the disk with the databases failed: those of the office and the views too
    put_back(nodes[0].folder, out, may_replace=False, now_ms=now_ms, progress=nothing)
    async with running(nodes):
        assert await until_equal(nodes, case_count=NEW) == digest
        await until(lambda: lists_all(nodes[0]), "the views are folded anew")
    assert leaves_of(nodes[0], _log(nodes[0])) == leaves


async def lists_all(node: LocalNode) -> bool:
    async with client_of(node) as client:
        listed = {case.title async for case in client.list_cases()}
    return listed == {f"Case {number} (invented)" for number in range(NEW)}


def _log(node: LocalNode) -> str:
    return f"testing/{node.mechanism.slug}/1"
