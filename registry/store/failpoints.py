"""Failpoints: the steps at which a crash would be worst, each with a name that tests can stop at.

Every act that writes says `reach(Step.X)` right after the step X was done. Nothing follows from
that in a node: there is no setting, variable or file that installs a hook. Tests and the simulator
do, in their own process (`hooked`), and end it, or fail, there. A test lists all steps and requires
that a kill at each one loses nothing (`tests/faults/test_kills_at_every_step.py`).

Without a hook a step costs a call and the look at one global name.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum, unique
from typing import TypeAlias


@unique
class Step(StrEnum):
    """What was just done; the words say what is on the disk when it is reached."""

    # An append group: nothing is on disk before its commit.
    APPEND_INSERTED = "append_inserted"
    APPEND_SIGNED = "append_signed"
    APPEND_NOTED = "append_noted"
    APPEND_COMMITTED = "append_committed"
    APPEND_GUARDED = "append_guarded"
    # The guard.
    GUARD_DRAFTED = "guard_drafted"
    GUARD_MADE = "guard_made"
    GUARD_WRITTEN = "guard_written"
    GUARD_SYNCED = "guard_synced"
    # A batch of a peer's entries, or of own ones that come back; parts; freezes.
    INGEST_INSERTED = "ingest_inserted"
    INGEST_NOTED = "ingest_noted"
    INGEST_COMMITTED = "ingest_committed"
    RECOVERY_GUARDED = "recovery_guarded"
    PARTS_INSERTED = "parts_inserted"
    PARTS_COMMITTED = "parts_committed"
    LARGE_PART_BEGUN = "large_part_begun"
    LARGE_PART_CHUNKED = "large_part_chunked"
    LARGE_PART_FINISHED = "large_part_finished"
    UPLOAD_MOVED = "upload_moved"
    FREEZE_WRITTEN = "freeze_written"
    # An erasure: rows, then the journal, then the commit, then the write-ahead log.
    ERASE_APPLIED = "erase_applied"
    JOURNAL_WRITTEN = "journal_written"
    JOURNAL_SYNCED = "journal_synced"
    ERASE_COMMITTED = "erase_committed"
    ERASE_TRUNCATED = "erase_truncated"
    TOMBSTONES_TAKEN_OVER = "tombstones_taken_over"
    # The write-ahead log is emptied.
    CHECKPOINT_BEGUN = "checkpoint_begun"
    CHECKPOINT_DONE = "checkpoint_done"
    # A migration.
    MIGRATION_WRITTEN = "migration_written"
    MIGRATION_COMMITTED = "migration_committed"
    MIGRATION_BATCH_SEALED = "migration_batch_sealed"
    MIGRATION_ALL_SEALED = "migration_all_sealed"
    MIGRATION_VACUUMED = "migration_vacuumed"
    MIGRATION_FINISHED = "migration_finished"
    # Keys: the log key is rotated by an event, the node key by wrapping every data key anew.
    ROTATION_INSERTED = "rotation_inserted"
    ROTATION_COMMITTED = "rotation_committed"
    LOG_KEY_MOVED = "log_key_moved"
    NODE_KEY_MADE = "node_key_made"
    NODE_KEY_REWRAPPED = "node_key_rewrapped"
    NODE_KEY_REPLACED = "node_key_replaced"
    # A backup is written beside its place; what it puts back takes the place of what was there.
    BACKUP_COPIED = "backup_copied"
    BACKUP_PROVEN = "backup_proven"
    BACKUP_NAMED = "backup_named"
    PUT_BACK_COPIED = "put_back_copied"
    PUT_BACK_PROVEN = "put_back_proven"
    PUT_BACK_VIEWS_GONE = "put_back_views_gone"
    PUT_BACK_REPLACED = "put_back_replaced"
    PUT_BACK_DONE = "put_back_done"


Hook: TypeAlias = Callable[[Step], None]
"""Called in the thread that reaches a step; what it raises is raised there."""

_hook: Hook | None = None


def reach(step: Step) -> None:
    """Tells the hook, if a test has set one, that a step was done."""
    if _hook is not None:
        _hook(step)


@contextmanager
def hooked(hook: Hook) -> Iterator[None]:
    """Lets a hook be told of every step of this process; for tests and the simulator only."""
    global _hook  # noqa: PLW0603 - one look at one name is what a step may cost
    before, _hook = _hook, hook
    try:
        yield
    finally:
        _hook = before
