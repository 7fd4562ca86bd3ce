"""An error that a node answered is told with the id under which the node's log has it."""

import pytest

from registry.errors import CorruptDatabase, InvalidRequest, RegistryError
from registry_cli import main as entry


def told(
    error: RegistryError, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> str:
    def fail() -> None:
        raise error

    monkeypatch.setattr(entry, "app", fail)
    with pytest.raises(SystemExit):
        entry.main()
    return capsys.readouterr().err


def test_id_of_a_nodes_error_is_printed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    error = CorruptDatabase("see the node's log")
    error.error_id = "0badcafe"
    assert "error id 0badcafe" in told(error, monkeypatch, capsys)


def test_error_of_the_command_itself_has_none(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "error id" not in told(InvalidRequest("no such time"), monkeypatch, capsys)
