"""A command on a real terminal: reads what is shown, types what it asks for, as a person would."""

import os
import pty
import select
import signal
import sys
from contextlib import suppress
from pathlib import Path
from time import monotonic
from typing import Final, Self

PATIENCE_S: Final = 90.0
_RUN: Final = "from registry_cli.main import main; main()"


class Terminal:
    """One run of the command line, with a terminal of its own."""

    def __init__(self, *arguments: str | Path) -> None:
        command = [sys.executable, "-c", _RUN, *map(str, arguments)]
        self._pid, self._handle = pty.fork()
        if self._pid == 0:  # pragma: no cover - the child
            try:
                # Whoever runs the tests in the background ignores it, and so would this.
                signal.signal(signal.SIGINT, signal.SIG_DFL)
                os.execve(sys.executable, command, os.environ | {"TERM": "dumb"})  # noqa: S606 - ours
            finally:
                os._exit(127)
        self.shown = ""
        self._status: int | None = None
        self._read_to = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._status is None:
            with suppress(ProcessLookupError):
                os.kill(self._pid, signal.SIGKILL)
            os.waitpid(self._pid, 0)
        os.close(self._handle)

    def answer(self, question: str, text: str) -> None:
        """Waits for a question and types an answer."""
        self.wait_for(question)
        os.write(self._handle, text.encode() + b"\n")

    def wait_for(self, words: str) -> str:
        """Reads until these words are shown after what was waited for before; returns all of it."""
        deadline = monotonic() + PATIENCE_S
        while words not in self.shown[self._read_to :]:
            assert monotonic() < deadline, f"no {words!r} in:\n{self.shown}"
            assert self._read(), f"ended without {words!r}:\n{self.shown}"
        start = self._read_to
        self._read_to = self.shown.index(words, start) + len(words)
        return self.shown[start : self._read_to]

    def stop(self) -> None:
        """Presses Ctrl-C."""
        os.write(self._handle, b"\x03")

    def end(self) -> int:
        """Reads to the end; returns the exit status."""
        while self._read():
            pass
        _, status = os.waitpid(self._pid, 0)
        self._status = os.waitstatus_to_exitcode(status)
        return self._status

    def _read(self) -> bool:
        ready, _, _ = select.select([self._handle], [], [], PATIENCE_S)
        assert ready, f"nothing more within {PATIENCE_S} s after:\n{self.shown}"
        try:
            data = os.read(self._handle, 4096)
        except OSError:  # the other end is closed
            return False
        self.shown += data.decode(errors="replace")
        return bool(data)
