"""Files on the command line: sent with an event, fetched again, never written where a name says."""

import json
import stat
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from registry.errors import InvalidRequest, NotFound
from registry_cli.federation import LocalNode
from registry_cli.main import app

RUNNER = CliRunner(env={"COLUMNS": "200", "NO_COLOR": "1"})
OWN_ACT = ("--field", "acting_body=test.desk", "--field", "basis=own_act")


def run(node: LocalNode, *arguments: str) -> Result:
    return RUNNER.invoke(app, [*arguments, "--profile", str(node.profile)])


def told(result: Result) -> Any:
    assert result.exit_code == 0, (result.output, result.exception)
    return json.loads(result.stdout)


def new_case(node: LocalNode) -> str:
    opened = run(node, "record", "case_opened", "--field", "title=Files", *OWN_ACT, "--json")
    return str(told(opened)["receipt"]["case_id"])


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    small, large = tmp_path / "note.txt", tmp_path / "scan.pdf"
    small.write_bytes(b"an invented note")
    large.write_bytes(bytes(range(251)) * 2_000)
    return [small, large]


def test_files_go_with_an_event_and_come_back_as_they_were(
    alpha: LocalNode, files: list[Path], tmp_path: Path
) -> None:
    case_id = new_case(alpha)
    attach = [word for file in files for word in ("--attach", str(file))]
    told(run(alpha, "record", "statement_issued", "--case", case_id, *OWN_ACT, *attach, "--json"))
    history = run(alpha, "case", "history", case_id)
    assert "file 1/1: 'note.txt', 16 bytes, present" in history.output
    assert "file 1/2: 'scan.pdf', 502000 bytes, present" in history.output

    for ordinal, file in enumerate(files, 1):
        out = tmp_path / f"fetched-{ordinal}"
        found = run(alpha, "download", case_id, f"1/{ordinal}", "--out", str(out), "--json")
        assert told(found)["attachment"]["file_name"] == file.name
        assert out.read_bytes() == file.read_bytes()
        assert stat.S_IMODE(out.stat().st_mode) == 0o600
        again = run(alpha, "download", case_id, f"1/{ordinal}", "--out", str(out))
        assert isinstance(again.exception, FileExistsError)
        assert out.read_bytes() == file.read_bytes()


def test_without_out_nothing_is_written_and_the_claimed_name_is_told_escaped(
    alpha: LocalNode, files: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    case_id = new_case(alpha)
    odd = files[0].rename(tmp_path / "r\u00e9sum\u00e9.txt")
    told(
        run(
            alpha,
            "record",
            "statement_issued",
            "--case",
            case_id,
            *OWN_ACT,
            "--attach",
            str(odd),
            "--json",
        )
    )
    empty = tmp_path / "empty"
    empty.mkdir()
    monkeypatch.chdir(empty)

    result = run(alpha, "download", case_id, "1/1")
    assert result.exit_code == 0, result.exception
    assert "'r\\xe9sum\\xe9.txt'" in result.output
    assert list(empty.iterdir()) == []


def test_what_cannot_be_attached_or_fetched_is_said_before_anything_is_sent(
    alpha: LocalNode, files: list[Path], tmp_path: Path
) -> None:
    case_id = new_case(alpha)
    opening = run(
        alpha, "record", "case_opened", "--field", "title=T", *OWN_ACT, "--attach", str(files[0])
    )
    assert isinstance(opening.exception, InvalidRequest)
    folder = run(
        alpha, "record", "statement_issued", "--case", case_id, *OWN_ACT, "--attach", str(tmp_path)
    )
    assert isinstance(folder.exception, InvalidRequest)
    assert isinstance(run(alpha, "download", case_id, "1").exception, InvalidRequest)
    assert isinstance(run(alpha, "download", case_id, "9/1").exception, NotFound)
