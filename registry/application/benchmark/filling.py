"""Fills a node's own log with invented cases, through `Registry.record`, before the node starts."""

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from registry.application.benchmark.invented import command, opening, submission
from registry.application.recording import RecordCommand
from registry.application.registry import Registry
from registry.domain.identifiers import CaseId
from registry.store.values import Appended

EVENTS_PER_CASE: Final = 10
_CASES_AT_ONCE: Final = 200
_WAITING_MAX: Final = 512
_SAMPLE_ENTRIES: Final = 10_000

Progress = Callable[[int, int], None]
"""Called with (done, total) now and then."""


@dataclass(frozen=True, slots=True)
class FilledLog:
    """A log that was filled: its cases of `EVENTS_PER_CASE` events, and some of its entries."""

    origin: str
    log_key: bytes
    size: int
    cases: tuple[CaseId, ...]
    sample: tuple[bytes, ...]


def fill_log(
    folder: Path,
    *,
    events: int,
    content_bytes: int,
    now_ms: Callable[[], int],
    random_bytes: Callable[[int], bytes],
    progress: Progress,
) -> FilledLog:
    """Records invented events in the log of a stopped node, in groups, and folds its case list.

    Cases are under way by the hundreds and take turns, as in life.

    Args:
        folder: of a node that has joined and is not running.
        events: how many; a multiple of `EVENTS_PER_CASE`.
        content_bytes: stored size of each content.
        now_ms: the clock.
        random_bytes: the source of case ids and salts.
        progress: called with (events recorded, events in all).

    Raises:
        FolderError, StorageError: as `Registry.open` and `Registry.record`.
    """
    registry = Registry.open(folder, now_ms=now_ms, random_bytes=random_bytes)
    try:
        registry.open_log()
        cases: list[CaseId] = []
        while len(cases) * EVENTS_PER_CASE < events:
            count = min(_CASES_AT_ONCE, events // EVENTS_PER_CASE - len(cases))
            cases += _record_cases(registry, len(cases), count, content_bytes)
            progress(len(cases) * EVENTS_PER_CASE, events)
        while registry.projector.advance().is_behind:
            pass
        size = registry.store.log_state(registry.own.log_id).size
        end = min(size, _SAMPLE_ENTRIES)
        return FilledLog(
            origin=registry.own.origin,
            log_key=registry.own.log_key,
            size=size,
            cases=tuple(cases),
            sample=tuple(registry.store.entries(registry.own.log_id, 0, end)),
        )
    finally:
        registry.close()


def _record_cases(registry: Registry, first: int, count: int, content_bytes: int) -> list[CaseId]:
    """Opens `count` cases, then lets them take turns until each has all its events."""
    openings = (
        command(f"open {number}", None, opening(number, content_bytes))
        for number in range(first, first + count)
    )
    cases = [registry.receipt(each).case_id for each in _record_all(registry, openings)]
    numbers = range((EVENTS_PER_CASE - 1) * first, (EVENTS_PER_CASE - 1) * (first + count))
    submissions = (
        command(f"submit {number}", cases[number % count], submission(number, content_bytes))
        for number in numbers
    )
    for _ in _record_all(registry, submissions):
        pass
    return cases


def _record_all(registry: Registry, commands: Iterator[RecordCommand]) -> Iterator[Appended]:
    """Records with hundreds under way, so that they share commits; yields them in order."""
    waiting: deque[Future[Appended]] = deque()
    for each in commands:
        waiting.append(registry.record(each))
        if len(waiting) == _WAITING_MAX:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()
