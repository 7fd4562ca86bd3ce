"""What a command prints: for people on a terminal, or one JSON document on standard output.

Progress and remarks go to standard error, so that standard output can be piped. Text that others
wrote is shown as it is: it cannot style or steer the terminal.
"""

import dataclasses
import json
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from enum import Enum
from typing import Any, Final

from pydantic import BaseModel
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

_WIDTH_OF_PIPES: Final = 200
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


class Output:
    """Where a command's result goes."""

    def __init__(self, *, is_json: bool) -> None:
        self.is_json = is_json
        width = None if sys.stdout.isatty() else _WIDTH_OF_PIPES
        self.console = Console(width=width, highlight=False)
        self.remarks = Console(stderr=True, highlight=False)

    def say(self, text: str | Text = "") -> None:
        """Prints a line for people, as long as it is: digests stay whole. Nothing in JSON."""
        if not self.is_json:
            line = printable(text) if isinstance(text, str) else text
            self.console.print(line, markup=False, soft_wrap=True)

    def table(self, table: Table) -> None:
        """Prints a table for people; nothing in JSON."""
        if not self.is_json:
            with self.console.capture() as captured:
                self.console.print(table)
            lines = captured.get().splitlines()
            self.console.file.writelines(f"{line.rstrip()}\n" for line in lines)

    def remark(self, text: str) -> None:
        """Prints a line on standard error."""
        self.remarks.print(printable(text), markup=False, soft_wrap=True)

    def result(self, document: object) -> None:
        """Prints the JSON document of a command; nothing for people."""
        if self.is_json:
            sys.stdout.write(json.dumps(plain(document), indent=2, ensure_ascii=False) + "\n")
            sys.stdout.flush()

    @contextmanager
    def progress(self, label: str, total: int) -> Iterator["Bar"]:
        """Shows a bar on standard error while a terminal watches."""
        with self.bars() as add:
            yield add(label, total)

    @contextmanager
    def bars(self) -> Iterator[Callable[[str, int], "Bar"]]:
        """Shows several bars at once: call what it gives with a label and a total for each."""
        columns = (
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
        )
        is_hidden = self.is_json or not sys.stderr.isatty()
        with Progress(*columns, console=self.remarks, disable=is_hidden, transient=True) as shown:

            def add(label: str, total: int) -> Bar:
                task = shown.add_task(label, total=total)
                return Bar(lambda done, of: shown.update(task, completed=done, total=of))

            yield add


class Bar:
    """A progress bar: call it with (done, total)."""

    def __init__(self, update: Callable[[int, int], None]) -> None:
        self._update = update

    def __call__(self, done: int, total: int) -> None:
        """Moves the bar."""
        self._update(done, total)


def printable(text: str) -> str:
    """Replaces control characters, such as those that start a terminal's escape sequences."""
    return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", text)


def plain(value: Any) -> Any:  # noqa: ANN401 - anything a command returns
    """Turns values into what JSON knows: bytes as hexadecimal, dataclasses as objects."""
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json", exclude_defaults=True)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        value = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(each) for each in value]
    return _plain_atom(value)


def _plain_atom(value: Any) -> Any:  # noqa: ANN401
    if isinstance(value, bytes):
        return value.hex()
    return value.value if isinstance(value, Enum) else value
