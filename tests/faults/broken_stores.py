"""Stores with a mistake that is made on purpose: the tests must notice each (promise 15)."""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from registry.store import sqlite_writing, tombstone_journal
from registry.store.append_group import AppendGroup
from registry.store.guard import Guard
from registry.store.writer import Writer


def answer_early() -> None:
    """An append is acknowledged once its note is signed, before the commit."""
    jobs: list[Any] = []
    run_group, before = Writer._run_group, AppendGroup.store

    def run(self: Writer, group: Any) -> None:
        jobs[:] = group
        run_group(self, [job.__class__(job.request, Future()) for job in group])

    def store(self: Any) -> Any:
        after = before(self)
        ACKNOWLEDGED.clear()
        for job, result in zip(jobs, self.results(), strict=False):
            job.future.set_result(result)
        ACKNOWLEDGED.wait(1.0)
        jobs.clear()
        return after

    _replace(Writer, "_run_group", run)
    _replace(AppendGroup, "store", store)


def forget_the_guard() -> None:
    """Appends are acknowledged, and the guard advances later: at the next start."""
    _replace(sqlite_writing.SqliteWriting, "_advance_guard", lambda *_: None)


def guard_first() -> None:
    """The guard is advanced to what is about to be committed; a kill in between leaves it ahead."""
    before = AppendGroup.store

    def store(self: Any) -> Any:
        after = before(self)
        Guard.advance(GUARDS[-1], after.size, after.root)
        return after

    _replace(AppendGroup, "store", store)
    opened = Guard.__init__

    def init(self: Guard, *args: Any) -> None:
        opened(self, *args)
        GUARDS.append(self)

    _replace(Guard, "__init__", init)


def drop_the_journal() -> None:
    """Erasures are carried out in the database alone."""
    _replace(tombstone_journal.TombstoneJournal, "append", lambda *_: None)


ACKNOWLEDGED = threading.Event()
"""Set whenever something was acknowledged."""
GUARDS: list[Guard] = []
VARIANTS: dict[str, Callable[[], None]] = {
    "none": lambda: None,
    "answer_early": answer_early,
    "forget_the_guard": forget_the_guard,
    "guard_first": guard_first,
    "drop_the_journal": drop_the_journal,
}


def _replace(owner: Any, name: str, value: Any) -> None:
    setattr(owner, name, value)
