"""A node that lost everything but the backup of its keys comes back, and never forks its log."""

import shutil
from pathlib import Path
from typing import Final

import pytest

from registry.application.key_care.key_backup import back_up_keys, read_backup
from registry.application.key_care.key_restoring import restore_keys
from registry.errors import LogReadOnly
from registry_cli.federation import LocalNode, running
from tests.integration.durable_logs import leaves_of
from tests.integration.federation_world import (
    client_of,
    found,
    opened,
    stop_all,
    until,
    until_equal,
)

CASES: Final = 3
LOG: Final = "testing/lost/1"


async def record(node: LocalNode, *numbers: int) -> list[int]:
    async with client_of(node) as client:
        return [
            (await client.open_case(f"case-{each}", opened(f"Case {each} (invented)"))).index
            for each in numbers
        ]


async def waits(node: LocalNode, words: str) -> bool:
    async with client_of(node) as client:
        status = await client.node_status()
    return not status.is_open and words in status.mode_detail


async def refuses_appends(node: LocalNode) -> bool:
    async with client_of(node, patience_s=0) as client:
        with pytest.raises(LogReadOnly):
            await client.open_case("too-early", opened("Too early (invented)"))
    return True


async def test_node_with_nothing_but_its_keys_asks_all_others_before_it_appends(
    tmp_path: Path,
) -> None:
    nodes = found(tmp_path / "nodes", "lost", "beta", "gamma")
    lost, others = nodes[0], nodes[1:]
    shares = back_up_keys(lost.folder, tmp_path / "backup", threshold=2, count=3, now_ms=0)
    # Officers keep their profiles on other machines.
    shutil.copytree(lost.profile, tmp_path / "profile")
    try:
        async with running(nodes):
            await record(lost, *range(CASES))
            await until_equal(nodes, case_count=CASES)
        leaves = leaves_of(lost, LOG)
        shutil.rmtree(lost.folder)

        restored = restore_keys(lost.folder, read_backup(tmp_path / "backup"), shares[1:])

        assert not restored.knows_what_it_signed
        shutil.copytree(tmp_path / "profile", lost.profile)
        lost.start()
        await until(lambda: waits(lost, "(0 of 2)"), "nobody has answered")
        assert await refuses_appends(lost)
        others[0].start()
        await until(lambda: waits(lost, "(1 of 2)"), "one of two has answered")
        others[1].start()
        await lost.wait_until_open()
        assert await record(lost, CASES) == [CASES]
        await until_equal(nodes, case_count=CASES + 1)
        stop_all(nodes)
        assert leaves_of(lost, LOG)[:CASES] == leaves
        assert leaves_of(others[0], LOG) == leaves_of(lost, LOG)
    finally:
        stop_all(nodes)
