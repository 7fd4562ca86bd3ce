"""The process of a node whose private keys are sealed: what it starts with, and what it says."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest

from registry.application.key_care.private_files import write_owned
from registry.application.key_care.protecting import protect_keys
from registry_cli.federation import LocalNode
from tests.integration.federation_world import client_of, found, opened, start_all, stop_all
from tests.unit.application.passphrase_world import OTHER_WORDS, WORDS, given

VARIABLE = "REGISTRY_PASSPHRASE_FILE"


@pytest.fixture
def sealed(tmp_path: Path) -> LocalNode:
    """A stopped node whose keys are sealed under WORDS."""
    node = found(tmp_path / "nodes", "sealed", "beta")[0]
    with given(None):
        protect_keys(node.folder, WORDS)
    return node


def words_file(folder: Path, words: str) -> str:
    path = folder / f"{words[:5]}.words"
    write_owned(path, words.encode())
    return str(path)


async def record(node: LocalNode) -> int:
    async with client_of(node) as client:
        receipt = await client.open_case("one", opened("River defenders (invented)"))
        return receipt.index


def test_sealed_node_starts_with_its_passphrase_and_records(
    sealed: LocalNode, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, words_file(tmp_path, WORDS))
    try:
        start_all([sealed])
        assert asyncio.run(record(sealed)) == 0
    finally:
        stop_all([sealed])


@pytest.mark.parametrize(
    ("words", "reason"), [(OTHER_WORDS, "wrong_passphrase"), (None, "passphrase_needed")]
)
def test_sealed_node_does_not_start_otherwise_and_says_why(
    sealed: LocalNode, tmp_path: Path, words: str | None, reason: str
) -> None:
    environment = {key: value for key, value in os.environ.items() if key != VARIABLE}
    if words is not None:
        environment[VARIABLE] = words_file(tmp_path, words)

    ended = subprocess.run(
        [sys.executable, "-m", "registry_node", str(sealed.folder)],
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert ended.returncode == 5
    assert f'"reason": "{reason}"' in ended.stderr
    assert OTHER_WORDS not in ended.stdout + ended.stderr


def test_serve_passes_an_open_descriptor_on_to_the_node(sealed: LocalNode) -> None:
    reading, writing = os.pipe()
    os.write(writing, WORDS.encode() + b"\n")
    os.close(writing)
    serve = [sys.executable, "-c", "from registry_cli.main import main; main()", "serve"]
    with sealed.log_file.open("wb") as log:
        sealed.process = subprocess.Popen(
            [*serve, str(sealed.folder)],
            env={**os.environ, "REGISTRY_PASSPHRASE_FD": str(reading)},
            pass_fds=[reading],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    os.close(reading)
    try:
        asyncio.run(sealed.wait_until_open())
        assert asyncio.run(record(sealed)) == 0
    finally:
        stop_all([sealed])
