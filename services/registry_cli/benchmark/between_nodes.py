"""What two node processes do over mutual TLS on loopback: replicate, push live, answer reads.

The receiver's own structured log says how long it took: `entries_fetched` counts from the start of
its fetch to the last entry on its disk, `parts_fetched` the same for content. Its status, asked
through gRPC, confirms that everything is there.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any, Final

from registry.application.benchmark.invented import opening, submission
from registry.client import RegistryClient, case, load_profile
from registry.domain.audience import EVERYONE
from registry.domain.identifiers import CaseId
from registry.errors import PeerUnavailable
from registry_cli.federation import LocalNode

_POLL_S: Final = 0.25
_STALLED_S: Final = 60.0
_IDLE_S: Final = 300.0
_SLOWEST_FOLD_PER_S: Final = 500
_BYTES_PER_MIB: Final = 2**20
_BYTES_PER_KIB: Final = 2**10

Progress = Callable[[int, int], None]
"""Called with (done, total) now and then."""


@dataclass(frozen=True, slots=True)
class ReplicationFigures:
    """Entries and parts per second at the receiver, and how many of each."""

    entries: int
    events_per_s: float
    parts: int
    parts_per_s: float


async def measure_replication(
    receiver: LocalNode, origin: str, size: int, progress: Progress
) -> ReplicationFigures:
    """Waits until a node that was started empty holds a log with its content.

    Args:
        receiver: running; its peer holds the log.
        origin: the log.
        size: its entries, one part each.
        progress: called with (entries and parts held, both in all).

    Raises:
        PeerUnavailable: nothing arrived for a minute.
    """
    await wait_until_held(receiver, origin, size, progress)
    entries, entries_s = await fetched(receiver.log_file, "entries")
    parts, parts_s = await fetched(receiver.log_file, "parts")
    if entries != size:
        msg = f"{receiver.log_file} tells of {entries} entries fetched, {size} were expected"
        raise PeerUnavailable(msg)
    return ReplicationFigures(
        entries=entries,
        events_per_s=entries / entries_s,
        parts=parts,
        parts_per_s=parts / parts_s,
    )


async def fetched(log_file: Path, counted: str) -> tuple[int, float]:
    """How many `entries` or `parts` a node's log tells of, and the seconds that they took.

    Raises:
        PeerUnavailable: it does not tell.
    """
    event = f"{counted}_fetched"

    async def is_told() -> bool:
        return bool(_lines(log_file, event))

    # The line is written after the last of them is stored.
    await wait_until(is_told, f"there is no line {event} in {log_file}")
    lines = _lines(log_file, event)
    took_ms = sum(line["duration_ms"] for line in lines)
    return sum(line[counted] for line in lines), took_ms / 1000


async def wait_until_idle(node: LocalNode, events: int = 0) -> None:
    """Waits until a node has folded all that it holds.

    Args:
        node: running.
        events: how many there are to fold, if they are many.

    Raises:
        PeerUnavailable: it ended, or took longer than `_IDLE_S` and the time for the events.
    """

    async def is_idle() -> bool:
        return not (await client.node_status()).projection_lag

    async with RegistryClient(load_profile(node.profile)) as client:
        complaint = f"{node.mechanism.slug} does not fold its cases"
        await wait_until(is_idle, complaint, _IDLE_S + events / _SLOWEST_FOLD_PER_S)


async def measure_reads(
    node: LocalNode, cases: Sequence[CaseId], events_per_case: int
) -> list[float]:
    """Times reading the whole history of each case through gRPC, with its content; seconds.

    Raises:
        PeerUnavailable: a case was not all there.
    """
    found = []
    async with RegistryClient(load_profile(node.profile)) as client:
        await client.history(case(cases[0]))
        for case_id in cases:
            started = perf_counter()
            history = await client.history(case(case_id))
            found.append(perf_counter() - started)
            present = [event for event in history.events if event.content is not None]
            if len(present) != events_per_case:
                msg = f"case {case_id.hex()} shows {len(present)} events, not {events_per_case}"
                raise PeerUnavailable(msg)
    return found


async def measure_recording(
    node: LocalNode, *, events: int, content_bytes: int
) -> tuple[CaseId, list[float]]:
    """Times recording events with content through gRPC, one after the other, in a new case.

    Returns:
        The case, which holds `events` events then, and the seconds of each but its opening.
    """
    found = []
    async with RegistryClient(load_profile(node.profile)) as client:
        opened = await client.open_case("a long case", opening(events, content_bytes))
        for number in range(1, events):
            content = submission(number, content_bytes)
            started = perf_counter()
            await client.record(
                f"long case {number}", case(opened.case_id), content, audience=EVERYONE
            )
            found.append(perf_counter() - started)
    return opened.case_id, found


def peak_mib(process: int | str) -> float:
    """The largest resident size that a process has had (VmHWM), in MiB.

    Args:
        process: its id, or `self`.
    """
    status = Path(f"/proc/{process}/status").read_text(encoding="ascii")
    line = next(line for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) * _BYTES_PER_KIB / _BYTES_PER_MIB


async def wait_until_held(
    receiver: LocalNode, origin: str, size: int, progress: Progress, *, has_content: bool = True
) -> int:
    """Waits until a node holds so many entries of a log, and their content if that is asked for.

    Returns:
        How many entries it holds, or entries and parts together.

    Raises:
        PeerUnavailable: nothing arrived for a minute.
    """
    held, wanted = -1, 2 * size if has_content else size
    changed = perf_counter()
    async with RegistryClient(load_profile(receiver.profile)) as client:
        while held < wanted:
            status = await client.node_status()
            log = next(log for log in status.logs if log.origin == origin)
            now_held = 2 * log.size - log.parts_wanted if has_content else log.size
            if now_held != held:
                held, changed = now_held, perf_counter()
                progress(min(held, wanted), wanted)
            elif perf_counter() - changed > _STALLED_S:
                msg = f"{receiver.mechanism.slug} does not get on; see {receiver.log_file}"
                raise PeerUnavailable(msg)
            await asyncio.sleep(_POLL_S)
    return held


async def wait_until(
    is_so: Callable[[], Awaitable[bool]], complaint: str, patience_s: float = _IDLE_S
) -> None:
    """Asks again and again.

    Raises:
        PeerUnavailable: with the complaint, when patience is at an end.
    """
    deadline = perf_counter() + patience_s
    while not await is_so():
        if perf_counter() > deadline:
            raise PeerUnavailable(complaint)
        await asyncio.sleep(_POLL_S)


def _lines(log_file: Path, event: str) -> list[dict[str, Any]]:
    lines = [line for line in log_file.read_text(encoding="utf-8").splitlines() if event in line]
    return [found for line in lines if (found := json.loads(line))["event"] == event]
