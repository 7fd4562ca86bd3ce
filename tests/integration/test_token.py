"""A node's process whose log key is in a PKCS#11 token: it serves, signs and is verified."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from registry.application.folder import NodeFolder
from registry.application.key_care.key_rotation import ask_for_rotation, is_rotation_asked_for
from registry.application.key_care.token_moving import move_to_token
from registry.application.membership.founding import load_signer
from registry.application.verification import verify_folder
from registry_cli.federation import LocalNode, running
from tests.integration.federation_world import client_of, found, opened, until, until_equal
from tests.unit.application.token_world import Token, new_token

CASES = 3


@pytest.fixture
def token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Token]:
    with new_token(tmp_path / "token", monkeypatch) as made:
        yield made


async def test_peers_verify_what_a_token_signed_under_the_key_of_the_roster(
    tmp_path: Path, token: Token
) -> None:
    nodes = found(tmp_path / "nodes", "guarded", "beta")
    move_to_token(nodes[0].folder, token.file("log", "identity", "cosigner"))
    async with running(nodes):
        async with client_of(nodes[0]) as client:
            for number in range(CASES):
                await client.open_case(f"case-{number}", opened(f"Case {number} (invented)"))
        await until_equal(nodes, case_count=CASES)

    for node in nodes:
        reports = verify_folder(node.folder, lambda *_: None).logs
        sizes = {report.mechanism: report.size for report in reports}
        assert sizes["guarded"] == CASES
        assert not [finding for report in reports for finding in report.findings]


async def rotate(node: LocalNode) -> None:
    assert ask_for_rotation(node.folder)

    async def is_done() -> bool:
        return not is_rotation_asked_for(NodeFolder(node.folder))

    await until(is_done, "the key was rotated")


async def records(node: LocalNode, start: int, end: int) -> None:
    async with client_of(node) as client:
        for number in range(start, end):
            await client.open_case(f"case-{number}", opened(f"Case {number} (invented)"))


async def test_running_node_rotates_the_key_in_its_token_and_signs_on_after_a_start(
    tmp_path: Path, token: Token
) -> None:
    nodes = found(tmp_path / "nodes", "guarded", "beta")
    guarded = nodes[0]
    move_to_token(guarded.folder, token.file("log", "next_log"))
    public_keys = [load_signer(NodeFolder(guarded.folder), "log").public_key]
    async with running(nodes):
        for round_ in range(2):
            await records(guarded, round_, round_ + 1)
            await rotate(guarded)
            public_keys.append(load_signer(NodeFolder(guarded.folder), "log").public_key)
        await records(guarded, 2, 3)
        await until_equal(nodes, case_count=3)
    assert len(set(public_keys)) == 3
    async with running(nodes):
        await records(guarded, 3, 4)
        await until_equal(nodes, case_count=4)

    for node in nodes:
        reports = verify_folder(node.folder, lambda *_: None).logs
        sizes = {report.mechanism: report.size for report in reports}
        assert sizes["guarded"] == 4 + 2
        assert not [finding for report in reports for finding in report.findings]
    assert not list(NodeFolder(guarded.folder).keys.glob("*log.key"))


def test_node_does_not_start_without_its_token_and_says_why(tmp_path: Path, token: Token) -> None:
    node = found(tmp_path / "nodes", "guarded", "beta")[0]
    move_to_token(node.folder, token.file("log"))
    shutil.rmtree(token.folder / "tokens")
    (token.folder / "tokens").mkdir()

    ended = subprocess.run(
        [sys.executable, "-m", "registry_node", str(node.folder)],
        env=token.environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert ended.returncode == 5
    assert '"reason": "token_unavailable"' in ended.stderr
