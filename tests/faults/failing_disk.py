"""A disk that fails at the N-th call: every statement, commit, write and sync of a store counts.

SQLite's calls are counted where Python hands them over, those of guard, journal and files where
they go to the kernel. A call fails before it is done, or after: then it is told as failed and was
not. A full disk stays full until it is mended.
"""

import errno
import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import Enum
from typing import Any, Final

import pytest

_SYSTEM_CALLS: Final = ("open", "pwrite", "fsync", "fdatasync", "ftruncate", "link", "replace")


class Fault(Enum):
    """How a call fails."""

    IO_ERROR = "io_error"
    FULL = "full"
    DONE_AND_TOLD_AS_FAILED = "done_and_told_as_failed"


class FailingDisk:
    """Counts calls while it is armed; the N-th one fails, of a full disk all from there on."""

    def __init__(self) -> None:
        self._at = 0
        self._fault = Fault.IO_ERROR
        self._calls = 0
        self._is_armed = False
        self.has_failed = False

    @contextmanager
    def failing_at(self, call: int, fault: Fault) -> Iterator[None]:
        self._at, self._fault, self._calls, self._is_armed = call, fault, 0, True
        self.has_failed = False
        try:
            yield
        finally:
            self._is_armed = False

    def run(self, call: Callable[[], Any], failure: Callable[[Fault], Exception]) -> Any:
        """Makes a call, or fails in its place."""
        if not self._is_armed or not self._is_due():
            return call()
        self.has_failed = True
        if self._fault is Fault.DONE_AND_TOLD_AS_FAILED:
            call()
        raise failure(self._fault)

    def _is_due(self) -> bool:
        self._calls += 1
        if self._fault is Fault.FULL:
            return self._calls >= self._at
        return self._calls == self._at


DISK = FailingDisk()


class FailingCursor(sqlite3.Cursor):
    """A cursor whose statements are calls."""

    def execute(self, *args: Any) -> Any:
        return DISK.run(lambda: super(FailingCursor, self).execute(*args), sqlite_failure)

    def executemany(self, *args: Any) -> Any:
        return DISK.run(lambda: super(FailingCursor, self).executemany(*args), sqlite_failure)


class FailingConnection(sqlite3.Connection):
    """A connection whose commits and backups are calls."""

    def cursor(self, *_: Any, **__: Any) -> Any:
        return super().cursor(FailingCursor)

    def execute(self, *args: Any) -> Any:
        return self.cursor().execute(*args)

    def executemany(self, *args: Any) -> Any:
        return self.cursor().executemany(*args)

    def commit(self) -> None:
        DISK.run(super().commit, sqlite_failure)

    def backup(self, *args: Any, **kwargs: Any) -> None:
        DISK.run(lambda: super(FailingConnection, self).backup(*args, **kwargs), sqlite_failure)


def sqlite_failure(fault: Fault) -> Exception:
    text = "database or disk is full" if fault is Fault.FULL else "disk I/O error"
    return sqlite3.OperationalError(text)


def system_failure(fault: Fault) -> Exception:
    number = errno.ENOSPC if fault is Fault.FULL else errno.EIO
    return OSError(number, os.strerror(number))


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> FailingDisk:
    """Puts the failing disk under everything that is opened from now on."""
    connect = sqlite3.connect

    def connected(*args: Any, **kwargs: Any) -> Any:
        return connect(*args, factory=FailingConnection, **kwargs)

    monkeypatch.setattr(sqlite3, "connect", connected)
    for name in _SYSTEM_CALLS:
        monkeypatch.setattr(os, name, _failing(getattr(os, name)))
    return DISK


def _failing(real: Callable[..., Any]) -> Callable[..., Any]:
    def call(*args: Any, **kwargs: Any) -> Any:
        return DISK.run(lambda: real(*args, **kwargs), system_failure)

    return call
