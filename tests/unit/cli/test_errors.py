"""Each error has an exit code, a reason of its own, and is told in words without a stack trace."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from registry import errors
from registry_cli import errors as table
from registry_cli import main as command_line
from registry_cli.errors import EXIT_INTERNAL, exit_code, hint

EXIT_CODES = {name: value for name, value in vars(table).items() if name.startswith("EXIT_")}


def kinds_of(root: type[errors.RegistryError]) -> Iterator[type[errors.RegistryError]]:
    """Every error class below one."""
    for kind in root.__subclasses__():
        yield kind
        yield from kinds_of(kind)


ALL = sorted(set(kinds_of(errors.RegistryError)), key=lambda kind: kind.__name__)


@pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.__name__)
def test_every_error_has_an_exit_code(kind: type[errors.RegistryError]) -> None:
    assert exit_code(kind("x")) not in {0, 1, EXIT_INTERNAL}


def test_error_outside_the_families_is_internal() -> None:
    assert exit_code(errors.RegistryError("x")) == EXIT_INTERNAL


def test_every_error_has_a_reason_of_its_own() -> None:
    reasons = [errors.RegistryError.reason, *(kind.reason for kind in ALL)]

    assert len(reasons) == len(set(reasons))


def test_exit_codes_differ() -> None:
    assert len(EXIT_CODES) == len(set(EXIT_CODES.values()))


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.InvalidContent("x"), table.EXIT_USAGE),
        (errors.NotFound("x"), table.EXIT_NOT_FOUND),
        (errors.UnknownCaller("x"), table.EXIT_NOT_ALLOWED),
        (errors.GuardError("x"), table.EXIT_STORAGE),
        (errors.HistoryChanged("x"), table.EXIT_TRY_LATER),
        (errors.PeerUnavailable("x"), table.EXIT_TRY_LATER),
        (errors.RosterError("x"), table.EXIT_BAD_BYTES),
    ],
    ids=str,
)
def test_families_keep_their_exit_codes(error: errors.RegistryError, code: int) -> None:
    assert exit_code(error) == code


def test_hints_belong_to_errors_that_exist() -> None:
    hinted = [kind.reason for kind in ALL if hint(kind("x"))]

    assert sorted(hinted) == sorted(table._HINTS)


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int | str | None:
    """Runs the command line in this process; returns its exit status."""
    monkeypatch.setattr("sys.argv", ["registry", *arguments])
    with pytest.raises(SystemExit) as ended:
        command_line.main()
    return ended.value.code


def test_known_error_is_told_in_one_line_with_its_reason(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert run(monkeypatch, "verify", str(tmp_path)) == table.EXIT_STORAGE

    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.startswith("registry: folder_error: ")
    assert "Traceback" not in told.err


def test_missing_file_is_told_by_name(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    missing = tmp_path / "missing.roster"
    asked = ("check-proof", "no.proof", "--roster", str(missing))

    assert run(monkeypatch, *asked) == table.EXIT_STORAGE
    assert capsys.readouterr().err == (
        f"registry: file_error: {missing}: No such file or directory\n"
    )


def test_hint_follows_the_error(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def unavailable() -> None:
        msg = "no answer"
        inner = ExceptionGroup("inner", [errors.PeerUnavailable(msg)])
        msg = "tasks"
        raise ExceptionGroup(msg, [inner])

    monkeypatch.setattr(command_line, "app", unavailable)

    assert run(monkeypatch) == table.EXIT_TRY_LATER
    first, second = capsys.readouterr().err.splitlines()
    assert first == "registry: peer_unavailable: no answer"
    assert second.strip() == hint(errors.PeerUnavailable("x"))


def test_mistake_of_our_own_is_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> None:
        msg = "tasks"
        raise ExceptionGroup(msg, [ZeroDivisionError()])

    monkeypatch.setattr(command_line, "app", broken)
    monkeypatch.setattr("sys.argv", ["registry"])

    with pytest.raises(ExceptionGroup):
        command_line.main()


def test_escape_sequences_in_an_error_do_not_reach_the_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def hostile() -> None:
        msg = "\x1b[2Jgone [bold]not bold[/bold]"
        raise errors.InvalidRequest(msg)

    monkeypatch.setattr(command_line, "app", hostile)

    assert run(monkeypatch) == table.EXIT_USAGE
    told = capsys.readouterr().err
    assert "\x1b" not in told
    assert "[bold]not bold[/bold]" in told
