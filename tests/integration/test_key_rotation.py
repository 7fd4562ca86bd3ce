"""The log key is replaced under running nodes: mid-stream, offline, after a crash, from nothing."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from registry.application.folder import NodeFolder
from registry.application.key_care.key_rotation import ask_for_rotation
from registry.application.membership.founding import load_signer
from registry.application.membership.rosters import load_roster
from registry.application.verification import fsck_folder, verify_folder
from registry.errors import LogReadOnly
from registry.log.proof import verify_inclusion_evidence
from registry_cli.federation import LocalNode, running
from tests.integration.federation_world import client_of, found, opened, until, until_equal

KEYS = ("log.key", "next_log.key", "after_next_log.key")


def current_key(node: LocalNode) -> bytes:
    return load_signer(NodeFolder(node.folder), "log").public_key


def is_carried_out(node: LocalNode) -> bool:
    return not (NodeFolder(node.folder).keys / KEYS[2]).exists()


async def rotate(node: LocalNode) -> None:
    assert ask_for_rotation(node.folder)

    async def is_done() -> bool:
        return is_carried_out(node)

    await until(is_done, "the key was rotated")


async def records(node: LocalNode, start: int, end: int) -> None:
    async with client_of(node) as client:
        for number in range(start, end):
            await client.open_case(f"case-{number}", opened(f"Case {number} (invented)"))


@asynccontextmanager
async def recording(node: LocalNode, start: int) -> AsyncIterator[list[int]]:
    """Records one case after the other until the block ends; each is acknowledged."""
    done: list[int] = []
    ending = asyncio.Event()

    async def go() -> None:
        async with client_of(node) as client:
            while not ending.is_set():
                number = start + len(done)
                await client.open_case(f"case-{number}", opened(f"Case {number} (invented)"))
                done.append(number)

    task = asyncio.create_task(go())
    try:
        yield done
    finally:
        ending.set()
        await task


def verifies(node: LocalNode) -> None:
    report = verify_folder(node.folder, lambda *_: None)
    assert all(log.ok for log in report.logs), [log.findings for log in report.logs]
    assert list(fsck_folder(node.folder, lambda *_: None)) == []


async def test_key_is_rotated_under_a_stream_and_everybody_follows(tmp_path: Path) -> None:
    alpha, beta, gamma = nodes = found(tmp_path / "nodes", "alpha", "beta", "gamma")
    first = current_key(alpha)
    async with running([alpha, beta]):
        async with recording(alpha, 0) as done:
            await rotate(alpha)
            second = current_key(alpha)
            await rotate(alpha)
            third = current_key(alpha)
            await asyncio.sleep(0.2)
        assert len({first, second, third}) == 3
        await until_equal([alpha, beta], case_count=len(done))
        # One that was away sees neither key but in the entries themselves.
        async with running([gamma]):
            await until_equal(nodes, case_count=len(done))
            async with client_of(gamma) as client:
                origin = (await client.node_status()).origin.replace("gamma", "alpha")
                last = len(done) + 1
                evidence = await client.inclusion_proof(origin, last)
    header = verify_inclusion_evidence(evidence, load_roster(NodeFolder(beta.folder)))
    assert header.index == last
    for node in nodes:
        verifies(node)


async def test_rotation_that_is_asked_for_while_nobody_runs_comes_with_the_next_start(
    tmp_path: Path,
) -> None:
    alpha, beta = found(tmp_path / "nodes", "alpha", "beta")
    before = current_key(alpha)
    assert ask_for_rotation(alpha.folder)
    assert not ask_for_rotation(alpha.folder)
    async with running([alpha]):

        async def is_done() -> bool:
            return is_carried_out(alpha)

        await until(is_done, "the key was rotated without any other member")
        await records(alpha, 0, 3)
        async with running([beta]):
            await until_equal([alpha, beta], case_count=3)
    assert current_key(alpha) != before


async def test_crash_between_the_event_and_the_files_is_mended_at_the_next_start(
    tmp_path: Path,
) -> None:
    alpha, beta = found(tmp_path / "nodes", "alpha", "beta")
    keys = NodeFolder(alpha.folder).keys
    old = {name: (keys / name).read_bytes() for name in KEYS[:2]}
    async with running([alpha, beta]):
        await rotate(alpha)
        await records(alpha, 0, 2)
    current, after = current_key(alpha), (keys / KEYS[1]).read_bytes()
    for name, data in {**old, KEYS[2]: after}.items():
        (keys / name).write_bytes(data)
        (keys / name).chmod(0o600)
    async with running([alpha, beta]):
        await records(alpha, 2, 4)
        await until_equal([alpha, beta], case_count=4)
    assert current_key(alpha) == current
    assert (keys / KEYS[1]).read_bytes() == after
    assert is_carried_out(alpha)


async def test_node_that_kept_nothing_but_its_keys_gets_its_log_back_over_rotations(
    tmp_path: Path,
) -> None:
    alpha, _, gamma = nodes = found(tmp_path / "nodes", "alpha", "beta", "gamma")
    async with running(nodes):
        await records(alpha, 0, 3)
        await rotate(alpha)
        await records(alpha, 3, 5)
        await rotate(alpha)
        await records(alpha, 5, 6)
        await until_equal(nodes, case_count=6)
        alpha.stop()
        for file in (*alpha.folder.glob("*.db*"), NodeFolder(alpha.folder).guard_file):
            file.unlink()
        alpha.start()
        await alpha.wait_until_open()
        await records(alpha, 6, 8)
        await until_equal(nodes, case_count=8)
    verifies(alpha)
    verifies(gamma)


async def test_node_without_the_key_that_counts_signs_nothing_and_says_which_is_missing(
    tmp_path: Path,
) -> None:
    alpha, beta = found(tmp_path / "nodes", "alpha", "beta")
    keys = NodeFolder(alpha.folder).keys
    old = tmp_path / "old keys"
    async with running([alpha, beta]):
        await records(alpha, 0, 1)
    shutil.copytree(keys, old)
    async with running([alpha, beta]):
        await rotate(alpha)
        await rotate(alpha)
        await records(alpha, 1, 2)
    for name in KEYS[:2]:
        (old / name).replace(keys / name)
    async with running([beta]):
        alpha.start()
        try:
            async with client_of(alpha, patience_s=10.0) as client:
                with pytest.raises(LogReadOnly, match="no file in keys/ holds the key"):
                    await client.open_case("refused", opened("Refused (invented)"))
        finally:
            alpha.stop()
