"""Processes for tests that need no second to start: forked from one that has imported all of it.

Each is a process of its own, with its arguments, environment, folder, output and signals, as
`python ARGUMENT ...` would have them; only the interpreter and its imports are not made anew. The
process that they are forked from has one thread, no channel and nothing open.
"""

import multiprocessing
import os
import runpy
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from multiprocessing.connection import wait
from pathlib import Path
from threading import Lock
from typing import Final

_TEMPLATE: Final = multiprocessing.get_context("forkserver")
_TEMPLATE.set_forkserver_preload(["__main__", "registry_node.main", "registry_cli.main"])


class Forked:
    """A process; its methods are those of `subprocess.Popen` that tests and `LocalNode` use."""

    def __init__(
        self, arguments: Sequence[str | Path], output: Path, errors: Path | None = None
    ) -> None:
        """Starts it, with the environment and in the folder of this process.

        Args:
            arguments: what stands after `python`: `-m MODULE ...` or `SCRIPT ...`.
            output: what it writes to standard output is added to this file.
            errors: the same of standard error; None = the same file.
        """
        self.args = [*map(str, arguments)]
        given = (self.args, output, errors or output, dict(os.environ))
        self._process = _TEMPLATE.Process(target=_run, args=given)
        self._process.start()
        self._lock = Lock()

    @property
    def pid(self) -> int:
        assert self._process.pid is not None
        return self._process.pid

    def poll(self) -> int | None:
        with self._lock:  # the status can be read once
            return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        wait([self._process.sentinel], timeout)
        status = self.poll()
        if status is None:
            assert timeout is not None
            raise subprocess.TimeoutExpired(self.args, timeout)
        return status

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            with suppress(ProcessLookupError):  # it has just ended, and its status is on its way
                os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


def run(arguments: Sequence[str | Path], folder: Path) -> subprocess.CompletedProcess[str]:
    """Runs `python ARGUMENT ...` to its end; what it prints goes through files in `folder`."""
    output, errors = folder / "output.txt", folder / "errors.txt"
    for each in (output, errors):
        each.write_bytes(b"")
    process = Forked(arguments, output, errors)
    status = process.wait()
    return subprocess.CompletedProcess(process.args, status, output.read_text(), errors.read_text())


def _run(arguments: list[str], output: Path, errors: Path, environment: dict[str, str]) -> None:
    """In the new process, in the folder of its parent: becomes what `python ARGUMENT ...` is."""
    os.setsid()
    for stream, file in ((sys.stdout, output), (sys.stderr, errors)):
        written = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        os.dup2(written, stream.fileno())
        os.close(written)
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    os.environ.clear()
    os.environ.update(environment)
    sys.modules.pop("__main__", None)
    if arguments[0] == "-m":
        sys.argv = arguments[1:]
        runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
    else:
        sys.argv = arguments
        sys.path.insert(0, str(Path(arguments[0]).parent))
        runpy.run_path(sys.argv[0], run_name="__main__")
