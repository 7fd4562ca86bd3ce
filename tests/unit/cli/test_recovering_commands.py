"""`registry backup` and `registry recover` as an operator sees them."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from registry.application.folder import NodeFolder
from registry.errors import FolderError, GuardError, InvalidRequest
from registry_cli.commands import recovering
from registry_cli.main import app
from tests.unit.application.federation_in_process import (
    found_federation,
    open_federation,
    opening,
)

RUNNER = CliRunner(env={"COLUMNS": "200", "NO_COLOR": "1"})
ORIGIN = "invented.example/alpha/1"


def run(*arguments: str | Path) -> Result:
    return RUNNER.invoke(app, list(map(str, arguments)))


def record(folder: Path, *titles: str) -> None:
    with open_federation(folder, ("alpha", "beta")) as nodes:
        nodes["alpha"].random_bytes.label = titles[0]
        for title in titles:
            nodes["alpha"].record(opening(title))


@pytest.fixture
def alpha(tmp_path: Path) -> Path:
    """A node that was backed up after two events and has three."""
    found_federation(tmp_path, ("alpha", "beta"))
    record(tmp_path, "one", "two")
    done = run("backup", tmp_path / "alpha", "--out", tmp_path / "alpha.backup")
    assert done.exit_code == 0, done.output
    assert f"own log         {ORIGIN}, 2 events" in done.output
    assert "keys are not in it" in done.output
    record(tmp_path, "three")
    return tmp_path / "alpha"


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """What is typed on the terminal, one after the other."""
    texts: list[str] = []
    monkeypatch.setattr(recovering, "is_on_terminal", lambda: True)
    monkeypatch.setattr("typer.prompt", lambda _: texts.pop(0))
    yield texts
    assert texts == []


def test_whole_node_is_told_that_it_opens(alpha: Path) -> None:
    done = run("recover", alpha)
    assert done.exit_code == 0
    assert done.output.splitlines()[0] == f"{ORIGIN}: 3 events signed, all of them here"
    assert "opens the log" in done.output


def test_put_back_says_what_came_back_and_what_the_next_start_waits_for(
    alpha: Path, tmp_path: Path
) -> None:
    refused = run("recover", alpha, "--backup", tmp_path / "alpha.backup")
    assert isinstance(refused.exception, FolderError)
    assert "--replace" in str(refused.exception)
    done = run("recover", alpha, "--backup", tmp_path / "alpha.backup", "--replace")
    assert done.exit_code == 0, done.output
    assert "0 erased parts are erased here too" in done.output
    assert f"{ORIGIN}: 3 events signed, 2 of them here" in done.output
    assert "keeps the log closed until all events before number 3 are back" in done.output
    assert "stop that one first" in done.output

    told = json.loads(run("recover", alpha, "--json").output)
    assert (told["verdict"], told["signed"], told["held"]) == ("guard_ahead", 3, 2)


def test_node_without_database_is_told_what_its_choices_are(alpha: Path) -> None:
    (alpha / "log.db").unlink()
    told = run("recover", alpha).output
    assert "no database is here" in told
    assert "--backup FILE" in told


def test_forked_node_is_told_that_a_new_epoch_is_needed(alpha: Path, tmp_path: Path) -> None:
    shutil.copytree(alpha.parent, tmp_path / "clone" / "nodes")
    record(tmp_path, "four")
    record(tmp_path / "clone" / "nodes", "another four")
    shutil.copy(
        NodeFolder(tmp_path / "clone" / "nodes" / "alpha").guard_file, NodeFolder(alpha).guard_file
    )
    told = run("recover", alpha).output
    assert "two different histories" in told
    assert "registry new-epoch" in told


def test_lost_guard_takes_words_that_nobody_types_by_accident(
    alpha: Path, typed: list[str]
) -> None:
    sound = run("recover", alpha, "--guard-is-lost")
    assert isinstance(sound.exception, GuardError)
    NodeFolder(alpha).guard_file.unlink()
    assert "all other members have answered" in run("recover", alpha).output

    typed.append("yes")
    refused = run("recover", alpha, "--guard-is-lost")
    assert isinstance(refused.exception, InvalidRequest)
    assert not NodeFolder(alpha).guard_file.exists()
    typed.append(f"{ORIGIN} 3")
    done = run("recover", alpha, "--guard-is-lost")
    assert done.exit_code == 0, done.output
    assert "3 events signed, all of them here" in done.output


def test_lost_guard_is_confirmed_by_a_script_in_full(alpha: Path) -> None:
    NodeFolder(alpha).guard_file.unlink()
    for words in ("", ORIGIN, f"{ORIGIN} 2"):
        refused = run("recover", alpha, "--guard-is-lost", "--confirm", words, "--json")
        assert isinstance(refused.exception, InvalidRequest)
    done = run("recover", alpha, "--guard-is-lost", "--confirm", f"{ORIGIN} 3", "--json")
    assert json.loads(done.output)["verdict"] == "equal"


def test_lost_guard_of_the_witness_is_accepted_after_that_of_the_log(alpha: Path) -> None:
    shutil.rmtree(alpha / "guard")
    words = f"{ORIGIN} 3"
    done = run("recover", alpha, "--guard-is-lost", "--confirm", words)
    assert "cosigns nothing until all other members" in done.output
    assert not NodeFolder(alpha).witness_file.exists(), "who says the one does not say the other"

    refused = run("recover", alpha, "--guard-is-lost", "--confirm", words)
    assert isinstance(refused.exception, InvalidRequest)
    words = f"{ORIGIN} witness"
    done = run("recover", alpha, "--guard-is-lost", "--confirm", words, "--json")
    assert json.loads(done.output)["is_witness_guard_lost"] is False
    sound = run("recover", alpha, "--guard-is-lost", "--confirm", words)
    assert isinstance(sound.exception, GuardError)


def test_one_thing_at_a_time(alpha: Path, tmp_path: Path) -> None:
    both = run("recover", alpha, "--guard-is-lost", "--backup", tmp_path / "alpha.backup")
    assert isinstance(both.exception, InvalidRequest)
