"""How a fresh node catches up with a long log: in flat memory, and after it was killed half-way.

Two logs, the second ten times as long, are fetched in turns, each round by a receiver that holds
nothing. Rates are those of entries, from the receiver's own log. A last receiver takes the content
of the long log too; it is killed with half of the entries held, and goes on where it was.
"""

import asyncio
import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any, Final

from registry.application.benchmark import EVENTS_PER_CASE, FilledLog, fill_log
from registry.application.randomness import RandomBytes
from registry.client import RegistryClient, load_profile
from registry.errors import CorruptDatabase
from registry_cli.benchmark.between_nodes import (
    fetched,
    peak_mib,
    wait_until_held,
    wait_until_idle,
)
from registry_cli.federation import LocalNode, Mechanism, found_federation, running
from registry_cli.output import Output

EVENTS_MIN: Final = 20_000
_SHORTER: Final = 10
_REGISTRY_NAME: Final = "bench.registry.example"
_AUTHOR: Final = Mechanism("bench-author", "An invented author")
_RECEIVER: Final = Mechanism("bench-receiver", "An invented receiver")
_CONTENT_BYTES: Final = 600
_ROUNDS: Final = 3
_MEMORY_GOAL_MB: Final = 300.0
_SPREAD_GOAL: Final = 0.15
_MB_PER_MIB: Final = 2**20 / 10**6


@dataclass(frozen=True, slots=True)
class Pair:
    """An author with its filled log, and a receiver that holds nothing and is not running."""

    author: LocalNode
    receiver: LocalNode
    filled: FilledLog

    def fresh(self, name: str) -> LocalNode:
        """A copy of the receiver, in a folder of its own under the same address."""
        folder = self.receiver.folder.with_name(name)
        shutil.copytree(self.receiver.folder, folder)
        return LocalNode(self.receiver.mechanism, folder, self.receiver.address)


def measure_catch_up(
    scratch: Path, events: int, output: Output, now_ms: Callable[[], int]
) -> dict[str, Any]:
    """Fills two logs, of a tenth of the events and of all, and catches up with each in turns.

    Args:
        scratch: an empty folder.
        events: of the longer log, at least `EVENTS_MIN`: a node tells how long it took for
            thousands.
        output: where progress is shown.
        now_ms: the clock, milliseconds UTC.

    Returns:
        The figures: events a second of each round, peaks in MB (10^6 bytes).

    Raises:
        PeerUnavailable: a receiver does not get on.
    """
    shorter = events // _SHORTER - events // _SHORTER % EVENTS_PER_CASE
    sizes = (shorter, shorter * _SHORTER)
    pairs = [_filled(scratch / str(size), size, output, now_ms) for size in sizes]
    return asyncio.run(_measure(pairs, output))


def _filled(scratch: Path, events: int, output: Output, now_ms: Callable[[], int]) -> Pair:
    _, nodes = found_federation(scratch, _REGISTRY_NAME, [_AUTHOR, _RECEIVER])
    output.remark(f"filling a log with {events:,} invented events")
    with output.progress("events", events) as bar:
        filled = fill_log(
            nodes[0].folder,
            events=events,
            content_bytes=_CONTENT_BYTES,
            now_ms=now_ms,
            random_bytes=RandomBytes(os.urandom),
            progress=bar,
        )
    return Pair(nodes[0], nodes[1], filled)


async def _measure(pairs: Sequence[Pair], output: Output) -> dict[str, Any]:
    rates: list[list[float]] = [[] for _ in pairs]
    peaks: list[float] = []
    for number in range(_ROUNDS):
        for pair, found in zip(pairs, rates, strict=True):
            output.remark(f"round {number + 1}: catching up with {pair.filled.size:,} events")
            rate, peak = await _catch_up(pair, f"round-{number}", output)
            # Said at once: minutes of work are not lost to what comes later.
            output.remark(f"{rate:,.0f} events/s, the receiver's peak was {peak:.0f} MB")
            found.append(rate)
            peaks.append(peak)
    output.remark("once more, with content, killed in the middle")
    killed_at, killed_mb = await _catch_up_killed(pairs[-1], output)
    return _document(pairs, rates, [*peaks, *killed_mb], killed_at)


async def _catch_up(pair: Pair, name: str, output: Output) -> tuple[float, float]:
    """Returns entries a second, and the receiver's peak in MB."""
    receiver, filled = pair.fresh(name), pair.filled
    async with running([pair.author]), running([receiver]):
        with output.progress("entries", filled.size) as bar:
            await wait_until_held(receiver, filled.origin, filled.size, bar, has_content=False)
        entries, took_s = await fetched(receiver.log_file, "entries")
        peak_mb = _peak_mb(receiver)
    shutil.rmtree(receiver.folder)
    return entries / took_s, peak_mb


async def _catch_up_killed(pair: Pair, output: Output) -> tuple[int, list[float]]:
    """Returns the entries held when it was killed, and the peaks of both processes in MB."""
    receiver, filled = pair.fresh("killed"), pair.filled
    half = filled.size // 2
    async with running([pair.author]):
        async with running([receiver]):
            with output.progress("entries", half) as bar:
                held = await wait_until_held(receiver, filled.origin, half, bar, has_content=False)
            first_mb = _peak_mb(receiver)
            receiver.kill()
        async with running([receiver]):
            with output.progress("entries and parts", 2 * filled.size) as bar:
                await wait_until_held(receiver, filled.origin, filled.size, bar)
            await wait_until_idle(receiver, filled.size)
            peaks = [first_mb, _peak_mb(receiver)]
            output.remark(f"all is there and folded; peaks {peaks[0]:.0f} and {peaks[1]:.0f} MB")
            await _check_equal(pair.author, receiver)
            return held, peaks


async def _check_equal(author: LocalNode, receiver: LocalNode) -> None:
    """Compares the digests over all cases.

    Raises:
        CorruptDatabase: they differ.
    """
    found = []
    for node in (author, receiver):
        async with RegistryClient(load_profile(node.profile)) as client:
            found.append((await client.node_digest()).digest)
    if found[0] != found[1]:
        msg = "author and receiver hold the same log and have different digests"
        raise CorruptDatabase(msg)


def _peak_mb(node: LocalNode) -> float:
    return peak_mib(node.process.pid) * _MB_PER_MIB if node.process is not None else 0.0


def _document(
    pairs: Sequence[Pair], rates: Sequence[Sequence[float]], peaks: Sequence[float], killed_at: int
) -> dict[str, Any]:
    shorter, longer = (median(each) for each in rates)
    ratio, peak_mb = longer / shorter, max(peaks)
    return {
        "rounds": [
            {"events": pair.filled.size, "events_per_s": [round(rate) for rate in each]}
            for pair, each in zip(pairs, rates, strict=True)
        ],
        "ratio": round(ratio, 3),
        "ratio_goal": f"longer / shorter within {_SPREAD_GOAL:.0%}",
        "is_ratio_met": abs(1 - ratio) <= _SPREAD_GOAL,
        "receiver_peak_mb": round(peak_mb, 1),
        "peak_goal": f"under {_MEMORY_GOAL_MB:g} MB",
        "is_peak_met": peak_mb < _MEMORY_GOAL_MB,
        "killed_at": killed_at,
        "after_the_kill": "went on where it was; equal digests at the end",
    }
