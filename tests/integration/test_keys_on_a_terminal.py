"""Passphrases and shares as people type them: asked, never shown, asked again when wrong."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from registry.application.key_care.key_backup import back_up_keys
from registry.application.key_care.protecting import private_key_files, protect_keys
from registry_cli.federation import LocalNode
from tests.integration.federation_world import found
from tests.integration.terminal_world import Terminal
from tests.unit.application.passphrase_world import OTHER_WORDS, WORDS, contents, given


@pytest.fixture(autouse=True)
def _forgotten() -> Iterator[None]:
    with given(None):
        yield


@pytest.fixture
def node(tmp_path: Path) -> LocalNode:
    return found(tmp_path / "nodes", "un", "beta")[0]


def test_passphrase_is_typed_twice_and_never_shown(node: LocalNode) -> None:
    before = contents(node.folder)
    with Terminal("keys", "protect", node.folder) as terminal:
        terminal.answer("new passphrase: ", WORDS)
        terminal.answer("the same again: ", OTHER_WORDS)
        assert terminal.end() == 2
        assert "differ; nothing was changed" in terminal.shown
    assert contents(node.folder) == before

    with Terminal("keys", "protect", node.folder) as terminal:
        for question in ("new passphrase: ", "the same again: "):
            terminal.answer(question, WORDS)
        assert terminal.end() == 0, terminal.shown
        assert WORDS not in terminal.shown
    with given(WORDS):
        assert contents(node.folder) == before

    with Terminal("keys", "protect", node.folder, "--remove") as terminal:
        terminal.answer("passphrase of ", OTHER_WORDS)
        assert terminal.end() == 5
        assert "wrong_passphrase" in terminal.shown


def test_node_asks_for_its_passphrase_before_it_serves(node: LocalNode) -> None:
    protect_keys(node.folder, WORDS)

    with Terminal("serve", node.folder) as terminal:
        terminal.answer("passphrase of ", WORDS)
        terminal.wait_for("node_started")
        terminal.stop()
        assert terminal.end() == 0, terminal.shown
        assert WORDS not in terminal.shown


def test_whoever_gives_up_at_the_question_ends_the_node(node: LocalNode) -> None:
    protect_keys(node.folder, WORDS)

    with Terminal("serve", node.folder) as terminal:
        terminal.wait_for("passphrase of ")
        terminal.stop()
        assert terminal.end() == 5
        assert "passphrase_needed" in terminal.shown
        assert "Traceback" not in terminal.shown


def test_officers_see_one_share_each_and_type_it_unseen(node: LocalNode, tmp_path: Path) -> None:
    numbers = ("--threshold", "2", "--shares", "2")
    shares: list[str] = []
    with Terminal("keys", "backup", node.folder, tmp_path / "backup", *numbers) as terminal:
        for number in (1, 2):
            terminal.answer(f"share {number} of 2: when only its officer looks, press Enter", "")
            terminal.wait_for("any 2 open the backup")
            words = terminal.wait_for("write the words down")
            shares.append(words.removesuffix("write the words down"))
            terminal.answer("press Enter", "")
        assert terminal.end() == 0, terminal.shown

    with Terminal("keys", "restore", tmp_path / "new", tmp_path / "backup") as terminal:
        for number, words in enumerate(shares, 1):
            terminal.answer(f"share {number} of 2, 20 words (not shown): ", " ".join(words.split()))
        assert terminal.end() == 0, terminal.shown
        assert "its log stays closed" in terminal.shown
        assert not any(" ".join(words.split()[-4:]) in terminal.shown for words in shares)
    assert contents(tmp_path / "new") == contents(node.folder)


def test_flipped_word_is_asked_for_again_and_too_few_shares_write_nothing(
    node: LocalNode, tmp_path: Path
) -> None:
    made = back_up_keys(node.folder, tmp_path / "backup", threshold=2, count=2, now_ms=0)
    flipped = [*made[0].words.split()[:-1], "academic"]

    with Terminal("keys", "restore", tmp_path / "new", tmp_path / "backup") as terminal:
        terminal.answer("share 1 of 2", " ".join(flipped))
        terminal.wait_for("a share is not right")
        terminal.answer("share 1 of 2", made[0].words)
        terminal.wait_for("share 2 of 2")
        terminal.stop()
        assert terminal.end() == 5
        assert made[0].words not in terminal.shown

    assert not (tmp_path / "new").exists()
    assert private_key_files(node.folder / "keys")
