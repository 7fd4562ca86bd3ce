"""Work on a stopped node's folder: rebuilding what can be rebuilt."""

from collections.abc import Callable
from pathlib import Path

from registry.application.registry import Registry
from registry.errors import CorruptDatabase, DamagedLog

Progress = Callable[[int, int], None]
"""Called with (done, total) now and then."""


def rebuild_views(
    folder_path: Path, progress: Progress, *, now_ms: Callable[[], int]
) -> tuple[int, bool]:
    """Folds all read models anew from the logs.

    Args:
        folder_path: the folder of a stopped node.
        progress: called with (changes folded, changes in all).
        now_ms: the clock, milliseconds UTC.

    Returns:
        How many bytes of rows there are, and whether they are byte for byte what was there before
        (an older projector version, or a fold that was not finished, makes them differ).

    Raises:
        FolderError: no node, or it is running.
    """
    try:
        return _rebuild(folder_path, progress, now_ms)
    except DamagedLog:
        raise
    except CorruptDatabase:
        # If it was the views that could not be read, they are opened empty now.
        return _rebuild(folder_path, progress, now_ms)


def _rebuild(folder_path: Path, progress: Progress, now_ms: Callable[[], int]) -> tuple[int, bool]:
    registry = Registry.open(folder_path, now_ms=now_ms, random_bytes=_no_randomness)
    try:
        before = registry.models.dump()
        registry.models.clear()
        total, done = registry.projector.lag(), 0
        is_behind = True
        while is_behind:
            for step in registry.projector.steps():
                is_behind = step.is_behind
                done = max(done + step.events, total - registry.projector.lag())
                progress(min(done, total), total)
        after = registry.models.dump()
    finally:
        registry.close()
    return len(after), after == before


def _no_randomness(size: int) -> bytes:
    msg = f"a rebuild makes no random bytes ({size} were asked)"
    raise AssertionError(msg)
