"""A forked process is one like any other: what it is given, what it prints, how it ends."""

import os
import signal
import subprocess
from pathlib import Path

import pytest

from tests.forking import Forked, run

SCRIPT = """
import os, sys
print(sys.argv[1:], __name__, os.getcwd(), os.environ["FOR_ONE"], os.getsid(0) == os.getpid())
print("wrong", file=sys.stderr)
sys.exit(3)
"""


def written(folder: Path, text: str) -> Path:
    script = folder / "script.py"
    script.write_text(text)
    return script


def test_it_has_its_arguments_environment_and_streams_and_ends_with_its_status(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run([written(tmp_path, "")], tmp_path)  # the template has begun, in another folder
    monkeypatch.setenv("FOR_ONE", "a value")
    monkeypatch.chdir(tmp_path)
    done = run([written(tmp_path, SCRIPT), "one", "two"], tmp_path)

    assert done.returncode == 3
    assert done.stdout == f"['one', 'two'] __main__ {tmp_path} a value True\n"
    assert done.stderr == "wrong\n"


def test_what_it_raises_is_told_and_is_a_failure(tmp_path: Path) -> None:
    done = run([written(tmp_path, "raise ValueError('told')")], tmp_path)

    assert done.returncode == 1
    assert "ValueError: told" in done.stderr


def test_it_is_waited_for_and_killed(tmp_path: Path) -> None:
    script = written(tmp_path, "import time; print('up', flush=True); time.sleep(600)")
    process = Forked([script], tmp_path / "log")
    try:
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.1)
        assert process.poll() is None
        assert Path(f"/proc/{process.pid}").exists()
        assert process.pid != os.getpid()
    finally:
        process.kill()

    assert process.wait(60) == -signal.SIGKILL
    process.terminate()  # nobody is hit by the signal of one that has ended
