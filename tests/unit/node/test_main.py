"""The node process's start: what is wrong with how it was called is told in one clear line."""

import pytest

from registry_node.main import EXIT_USAGE, main


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("REGISTRY_NODE_MESSAGE_MAX_BYTES", "many"),
        ("REGISTRY_NODE_LOG_FORMAT", "xml"),
        ("REGISTRY_NODE_CALL_TIMEOUT_S", "0"),
    ],
)
def test_variable_that_does_not_fit_is_named_in_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    assert main(["nowhere"]) == EXIT_USAGE
    told = capsys.readouterr().err.splitlines()
    assert len(told) == 1
    assert told[0].startswith(f"{name}: ")
    assert told[0].endswith(f"found {value!r}")


def test_every_variable_that_does_not_fit_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("REGISTRY_NODE_LOG_FORMAT", "xml")
    monkeypatch.setenv("REGISTRY_NODE_WATCH_PERIOD_S", "soon")
    assert main(["nowhere"]) == EXIT_USAGE
    assert len(capsys.readouterr().err.splitlines()) == 2


def test_node_without_a_folder_tells_how_it_is_called(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == EXIT_USAGE
    assert capsys.readouterr().err.startswith("usage: ")
