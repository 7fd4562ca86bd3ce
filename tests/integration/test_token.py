"""A node's process whose log key is in a PKCS#11 token: it serves, signs and is verified."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from registry.application.key_care.token_moving import move_to_token
from registry.application.verification import verify_folder
from registry_cli.federation import running
from tests.integration.federation_world import client_of, found, opened, until_equal
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
