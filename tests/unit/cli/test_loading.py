"""A call of the command line loads the module of its command, and no other one."""

import subprocess
import sys

import pytest
from typer.testing import CliRunner

from registry_cli.main import app

LOADED = (
    "import sys; from registry_cli.main import app; app({words!r}, standalone_mode=False);"
    "print(*sorted(m for m in sys.modules if m.startswith('registry_cli.commands.')))"
)


@pytest.mark.parametrize(
    ("words", "modules"),
    [
        (["case", "--help"], ["cases", "knowledge", "online"]),
        (["kinds", "--help"], ["kinds"]),
        (["--version"], []),
    ],
)
def test_only_what_a_call_needs_is_loaded(words: list[str], modules: list[str]) -> None:
    command = [sys.executable, "-c", LOADED.format(words=words)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)

    assert done.stdout.splitlines()[-1].split() == [f"registry_cli.commands.{m}" for m in modules]


def test_wrong_name_is_answered_with_one_that_is_like_it() -> None:
    result = CliRunner().invoke(app, ["caze"])

    assert result.exit_code == 2
    assert "Did you mean 'case'?" in result.output
