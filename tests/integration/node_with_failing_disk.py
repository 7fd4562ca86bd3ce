"""A node whose disk fails: `python node_with_failing_disk.py FOLDER FAULT`.

FAULT says which write fails: `ingest` (entries from a peer), `parts` (content from a peer) or
`mistake` (a fault of our own, not of the disk, where entries are checked).
"""

import sys
from concurrent.futures import Future
from typing import Any

from registry.application import intake
from registry.errors import DurabilityError
from registry.store.sqlite import SqliteStore
from registry_node.main import main


def fail_later(*_: Any) -> "Future[None]":
    future: Future[None] = Future()
    future.set_exception(DurabilityError("the disk is full"))
    return future


def fail_at_once(*_: Any, **__: Any) -> None:
    msg = "secret words that no log may hold"
    raise KeyError(msg)


if __name__ == "__main__":
    folder, fault = sys.argv[1:]
    if fault == "ingest":
        setattr(SqliteStore, "ingest", fail_later)  # noqa: B010 - a fault, put where no type admits it
    elif fault == "parts":
        setattr(SqliteStore, "put_parts", fail_later)  # noqa: B010
    else:
        setattr(intake, "plan_batch", fail_at_once)  # noqa: B010
    sys.exit(main([folder]))
