"""Appends through `Registry.record` against the bare recorder, in turns within one run.

Both write to the same file system, each to files of its own. In every round each takes its turn, so
that whatever else the machine does meets both; the ratio is the median of the rounds' ratios.

Syncs are counted, not guessed: each append group is one commit (SQLite syncs the WAL once a commit
at synchronous=FULL) and one fdatasync of the guard, and the store tells of each group.
What the checkpoints of the WAL add (two syncs every thousand pages) is not in the figure.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Final

from registry.application.benchmark.invented import command, opening, submission
from registry.application.recording import RecordCommand
from registry.application.registry import Registry
from registry.domain.content import encode_content
from registry.domain.identifiers import CaseId
from registry.store.bare_recorder import BareRecorder
from registry.store.values import EntriesStored, StoreEvent

CALLERS: Final = 32
_SYNCS_PER_GROUP: Final = 2
_BARE_EVENTS: Final = 300
_ONE_EVENTS: Final = 300
_EVENTS_PER_CALLER: Final = 25

Progress = Callable[[int, int], None]
"""Called with (rounds done, rounds in all)."""
RecordTogether = Callable[[Registry, Sequence[Sequence[RecordCommand]]], None]
"""Records each list in order, all lists side by side; returns when everything is durable."""


@dataclass(frozen=True, slots=True)
class AppendFigures:
    """Events per second (medians of rounds), and the median of the rounds' ratios."""

    events_per_s: float
    bare_events_per_s: float
    ratio: float
    ratio_lowest: float
    ratio_highest: float
    fsyncs_per_append: float
    rounds: int


def measure_appends(
    folder: Path,
    *,
    rounds: int,
    content_bytes: int,
    record_together: RecordTogether,
    now_ms: Callable[[], int],
    random_bytes: Callable[[int], bytes],
    progress: Progress,
) -> tuple[AppendFigures, AppendFigures]:
    """Measures appends one by one and by `CALLERS` concurrent callers.

    Args:
        folder: of a node that has joined and is not running; the bare recorder's file is put there.
        rounds: how often each takes its turn.
        content_bytes: stored size of each event's content.
        record_together: lets `CALLERS` callers record their commands side by side.
        now_ms: the clock.
        random_bytes: the source of case ids and salts.
        progress: told after each round.

    Returns:
        The figures of one by one, and of the concurrent callers.
    """
    registry = Registry.open(folder, now_ms=now_ms, random_bytes=random_bytes)
    try:
        bare = BareRecorder(folder / "bare.db")
        try:
            turns = _Turns(registry, bare, content_bytes, record_together)
            for done in range(1, rounds + 1):
                turns.take_all()
                progress(done, rounds)
            return turns.one.figures(turns.bare_rates), turns.many.figures(turns.bare_rates)
        finally:
            bare.close()
    finally:
        registry.close()


class _Series:
    """The rounds of one way of appending."""

    def __init__(self) -> None:
        self.rates: list[float] = []
        self.groups = 0
        self.events = 0

    def figures(self, bare_rates: list[float]) -> AppendFigures:
        ratios = [ours / bare for ours, bare in zip(self.rates, bare_rates, strict=True)]
        return AppendFigures(
            events_per_s=median(self.rates),
            bare_events_per_s=median(bare_rates),
            ratio=median(ratios),
            ratio_lowest=min(ratios),
            ratio_highest=max(ratios),
            fsyncs_per_append=_SYNCS_PER_GROUP * self.groups / self.events,
            rounds=len(self.rates),
        )


class _Turns:
    """Lets the bare recorder, one caller and many callers take turns."""

    def __init__(
        self,
        registry: Registry,
        bare: BareRecorder,
        content_bytes: int,
        record_together: RecordTogether,
    ) -> None:
        self._record_together = record_together
        self._registry = registry
        self._bare = bare
        self._content_bytes = content_bytes
        self._numbers = count()
        self._groups = 0
        self.bare_rates: list[float] = []
        self.one = _Series()
        self.many = _Series()
        registry.store.add_listener(self._notice)
        registry.open_log()
        self._cases = [self._open_case() for _ in range(CALLERS)]
        # The same facts: an application on the bare recorder would keep the content in its event.
        entry = registry.store.entries(registry.own.log_id, 0, 1)[0]
        self._state = entry + encode_content(submission(0, content_bytes))

    def take_all(self) -> None:
        """One round; the first turn goes to another one each time."""
        turns = [self._take_bare, self._take_one, self._take_many]
        first = len(self.bare_rates) % len(turns)
        for turn in turns[first:] + turns[:first]:
            turn()

    def _take_bare(self) -> None:
        started = perf_counter()
        for _ in range(_BARE_EVENTS):
            self._bare.append(self._state)
        self.bare_rates.append(_BARE_EVENTS / (perf_counter() - started))

    def _take_one(self) -> None:
        commands = self._commands(self._cases[0], _ONE_EVENTS)
        with self._counting(self.one, len(commands)):
            for each in commands:
                self._registry.record_now(each).result()

    def _take_many(self) -> None:
        shares = [self._commands(case_id, _EVENTS_PER_CALLER) for case_id in self._cases]
        with self._counting(self.many, CALLERS * _EVENTS_PER_CALLER):
            self._record_together(self._registry, shares)

    @contextmanager
    def _counting(self, series: _Series, events: int) -> Iterator[None]:
        groups = self._groups
        started = perf_counter()
        yield
        series.rates.append(events / (perf_counter() - started))
        # Listeners are told after the last answer, in the writer's thread: let it finish.
        self._registry.store.register_logs(()).result()
        series.groups += self._groups - groups
        series.events += events

    def _commands(self, case_id: CaseId, events: int) -> list[RecordCommand]:
        numbers = [next(self._numbers) for _ in range(events)]
        return [
            command(f"submit {number}", case_id, submission(number, self._content_bytes))
            for number in numbers
        ]

    def _open_case(self) -> CaseId:
        number = next(self._numbers)
        asked = command(f"open {number}", None, opening(number, self._content_bytes))
        return self._registry.receipt(self._registry.record(asked).result()).case_id

    def _notice(self, event: StoreEvent) -> None:
        """Called in the writer's thread after each commit."""
        if isinstance(event, EntriesStored):
            self._groups += 1
