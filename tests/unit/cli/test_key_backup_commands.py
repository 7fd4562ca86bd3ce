"""`registry keys backup` and `restore` as officers see them: files, a terminal, what is said."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from registry.application.key_care.protecting import private_key_files
from registry.application.key_care.shares import read_share
from registry.errors import FolderError, InvalidRequest, KeyFileError
from registry_cli.commands import key_backup
from registry_cli.main import app
from tests.unit.application.federation_in_process import init

RUNNER = CliRunner(env={"COLUMNS": "200", "NO_COLOR": "1"})


@pytest.fixture
def un(tmp_path: Path) -> Path:
    """A node's folder that has not joined anything."""
    init(tmp_path, "un")
    return tmp_path / "un"


def run(*arguments: str | Path) -> Result:
    return RUNNER.invoke(app, list(map(str, arguments)))


def back_up(un: Path, *more: str | Path) -> Result:
    out = un.parent / "un.backup"
    return run("keys", "backup", un, out, "--threshold", "2", "--shares", "3", *more)


@pytest.fixture
def shares(un: Path) -> Path:
    """Backs up; the folder with the share files."""
    done = back_up(un, "--shares-to", un.parent / "shares")
    assert done.exit_code == 0, done.output
    return un.parent / "shares"


@pytest.fixture
def typed(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """What is typed on the terminal, one after the other."""
    texts: list[str] = []
    monkeypatch.setattr(key_backup, "is_on_terminal", lambda: True)
    monkeypatch.setattr(key_backup, "ask_on_terminal", lambda _: texts.pop(0))
    yield texts
    assert texts == []


def keys_of(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in private_key_files(folder / "keys")}


def test_keys_are_backed_up_and_restored_from_files(un: Path, shares: Path, tmp_path: Path) -> None:
    words = [read_share(path.read_text()).words for path in sorted(shares.iterdir())]
    given = ("--share", shares / "share-3.txt", "--share", shares / "share-1.txt")

    done = run("keys", "restore", tmp_path / "new", tmp_path / "un.backup", *given)

    assert done.exit_code == 0, done.output
    assert keys_of(tmp_path / "new") == keys_of(un)
    assert len(set(words)) == 3
    assert not any(each in done.output for each in words)
    assert "9 key files of un are in" in done.output
    assert "its log stays closed" in done.output
    assert "If the node still runs elsewhere, stop that one first" in done.output
    assert {path.stat().st_mode & 0o777 for path in shares.iterdir()} == {0o600}
    assert shares.stat().st_mode & 0o777 == 0o700


def test_share_file_says_what_it_belongs_to(shares: Path) -> None:
    lines = (shares / "share-2.txt").read_text().splitlines()

    assert lines[0].startswith("# keys of un, 20")
    assert lines[1] == "# share 2 of 3; any 2 open the backup"
    assert len(lines) == 6
    assert lines[2].startswith(" 1 ")


def test_documents_name_files_and_no_words(un: Path) -> None:
    made: Any = json.loads(back_up(un, "--shares-to", un.parent / "shares", "--json").stdout)
    assert made == {"backup": str(un.parent / "un.backup"), "threshold": 2, "shares": 3}

    given = [part for n in (1, 2) for part in ("--share", un.parent / f"shares/share-{n}.txt")]
    back: Any = json.loads(
        run("keys", "restore", un.parent / "new", un.parent / "un.backup", *given, "--json").stdout
    )
    assert back == {
        "mechanism": "un",
        "key_files": 9,
        "knows_what_it_signed": False,
        "needs_token": False,
        "staged": [],
    }


def test_shares_are_shown_one_by_one_and_taken_off_the_screen(
    un: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[str] = []
    monkeypatch.setattr(key_backup, "is_on_terminal", lambda: True)
    monkeypatch.setattr("typer.prompt", lambda what, **_: steps.append(what))
    monkeypatch.setattr("typer.echo", lambda text, **_: steps.append(text))
    back_up(un)

    assert steps[0::4] == [
        f"share {number} of 3: when only its officer looks, press Enter" for number in (1, 2, 3)
    ]
    assert all("any 2 open the backup" in share for share in steps[1::4])
    assert steps[3::4] == ["\x1b[2J\x1b[H\x1b[3J"] * 3


def test_shares_are_not_printed_where_nobody_looks(un: Path) -> None:
    done = back_up(un)

    assert isinstance(done.exception, InvalidRequest)
    assert "--shares-to" in str(done.exception)
    assert not (un.parent / "un.backup").exists()


def test_shares_are_not_written_over_a_folder(un: Path, shares: Path) -> None:
    (un.parent / "un.backup").unlink()

    done = back_up(un, "--shares-to", shares)

    assert isinstance(done.exception, FolderError)
    assert not (un.parent / "un.backup").exists()


def test_words_are_typed_without_being_shown_and_asked_again_when_wrong(
    un: Path, shares: Path, typed: list[str]
) -> None:
    first, second, _ = (read_share(path.read_text()).words for path in sorted(shares.iterdir()))
    flipped = " ".join([*first.split()[:-1], "academic"])
    typed += ["quixotic words", flipped, first, first, second.upper()]

    done = run("keys", "restore", un.parent / "new", un.parent / "un.backup")

    assert done.exit_code == 0, done.output
    assert keys_of(un.parent / "new") == keys_of(un)
    assert "has 20 words, found 2" in done.output
    assert "one of its words is another one" in done.output
    assert "share 1 was given already" in done.output
    assert first not in done.output
    assert second not in done.output


def test_terminal_asks_for_what_no_file_gives_and_stops_asking_at_last(
    un: Path, shares: Path, typed: list[str]
) -> None:
    typed += ["no"] * 5

    done = run(
        *("keys", "restore", un.parent / "new", un.parent / "un.backup"),
        *("--share", shares / "share-1.txt"),
    )

    assert isinstance(done.exception, InvalidRequest)
    assert not (un.parent / "new").exists()


def test_too_few_shares_where_nobody_can_be_asked(un: Path, shares: Path) -> None:
    done = run(
        *("keys", "restore", un.parent / "new", un.parent / "un.backup"),
        *("--share", shares / "share-1.txt"),
    )

    assert isinstance(done.exception, InvalidRequest)
    assert str(done.exception) == "2 shares are needed, 1 given"


def test_share_file_that_others_can_read_is_refused(un: Path, shares: Path) -> None:
    (shares / "share-1.txt").chmod(0o640)

    done = run(
        *("keys", "restore", un.parent / "new", un.parent / "un.backup"),
        *("--share", shares / "share-1.txt"),
    )

    assert isinstance(done.exception, KeyFileError)
    assert "0640: chmod 600" in str(done.exception)


def test_folder_that_kept_its_guard_is_told_so(un: Path, shares: Path) -> None:
    (un / "guard" / "guard.bin").write_bytes(b"what was signed")
    for path in private_key_files(un / "keys"):
        path.unlink()

    done = run(
        *("keys", "restore", un, un.parent / "un.backup"),
        *("--share", shares / "share-1.txt", "--share", shares / "share-2.txt"),
    )

    assert "The folder knows what this node has signed" in done.output
