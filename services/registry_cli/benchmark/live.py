"""Live latency: from a client's call at the author to the moment a reader at the peer can see it.

A reader at the peer watches its checkpoints (`WatchCheckpoints`). A node publishes a checkpoint
after its entries are on its disk, so whoever has seen it reads the event: every tenth time that is
proven by reading the history. The clock starts before the client's call at the author, whose answer
comes after commit and guard; it stops when the peer's reader has the checkpoint.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Final

from registry.application.benchmark.invented import submission
from registry.client import Receipt, RegistryClient, case, load_profile
from registry.domain.audience import EVERYONE
from registry.domain.identifiers import CaseId
from registry.errors import PeerUnavailable
from registry.log.checkpoint import parse_checkpoint, parse_note
from registry_cli.federation import LocalNode

_ARRIVAL_S: Final = 10.0
_WATCH_S: Final = 600.0
_PROVEN_EVERY: Final = 10
_WARM_UP: Final = 10
_PACE_S: Final = 0.02

Progress = Callable[[int, int], None]
"""Called with (events done, events in all)."""


@dataclass(frozen=True, slots=True)
class LiveSeconds:
    """Seconds from the call at the author: until the entry, until the content was readable."""

    visible: list[float]
    content: list[float]


async def measure_live(
    author: LocalNode,
    receiver: LocalNode,
    cases: Sequence[CaseId],
    *,
    entries: int,
    contents: int,
    content_bytes: int,
    progress: Progress,
) -> LiveSeconds:
    """Appends one event after the other and waits for each at the peer.

    They come one after the other, `_PACE_S` after the last was seen: what is measured is how long
    an event takes, not how many a loop without a pause can push through.

    Args:
        author: running and open.
        receiver: running, caught up.
        cases: cases that take the events in turn.
        entries: events whose entry is waited for.
        contents: further events whose content is waited for.
        content_bytes: stored size of each content.
        progress: told after each event.

    Raises:
        PeerUnavailable: an event did not arrive, or could not be read after it had.
    """
    async with (
        RegistryClient(load_profile(author.profile)) as writer,
        RegistryClient(load_profile(receiver.profile)) as reader,
        asyncio.TaskGroup() as tasks,
    ):
        run = _LiveRun(writer, reader, cases, content_bytes)
        watching = tasks.create_task(run.arrivals.watch(reader))
        for number in range(_WARM_UP):
            await run.time_entry(number, is_proven=True)
        visible = []
        for number in range(entries):
            visible.append(await run.time_entry(number, is_proven=number % _PROVEN_EVERY == 0))
            progress(number + 1, entries + contents)
        content = []
        for number in range(contents):
            content.append(await run.time_content(number))
            progress(entries + number + 1, entries + contents)
        watching.cancel()
    return LiveSeconds(visible, content)


class _Arrivals:
    """How far each log reaches, as a reader at the peer sees it."""

    def __init__(self) -> None:
        self._sizes: dict[str, int] = {}
        self._grew = asyncio.Condition()

    async def watch(self, reader: RegistryClient) -> None:
        async for note in reader.watch_checkpoints(timeout_s=_WATCH_S):
            checkpoint = parse_checkpoint(parse_note(note).text)
            async with self._grew:
                self._sizes[checkpoint.origin] = checkpoint.size
                self._grew.notify_all()

    async def wait_for(self, receipt: Receipt) -> None:
        try:
            async with asyncio.timeout(_ARRIVAL_S), self._grew:
                await self._grew.wait_for(
                    lambda: self._sizes.get(receipt.origin, 0) > receipt.index
                )
        except TimeoutError as error:
            msg = f"event {receipt.index} of {receipt.origin} did not arrive at the peer"
            raise PeerUnavailable(msg) from error


class _LiveRun:
    """Two clients, and the cases that take the events in turn."""

    def __init__(
        self,
        writer: RegistryClient,
        reader: RegistryClient,
        cases: Sequence[CaseId],
        content_bytes: int,
    ) -> None:
        self._writer = writer
        self._reader = reader
        self._cases = cases
        self._content_bytes = content_bytes
        self._recorded = 0
        self.arrivals = _Arrivals()

    async def time_entry(self, number: int, *, is_proven: bool) -> float:
        """Returns the seconds until the entry was visible; reads it then, if asked."""
        started, receipt = await self._record(number)
        await self.arrivals.wait_for(receipt)
        took_s = perf_counter() - started
        if is_proven and await self._state(receipt) is None:
            msg = f"event {receipt.index} of {receipt.origin} cannot be read at the peer"
            raise PeerUnavailable(msg)
        return took_s

    async def time_content(self, number: int) -> float:
        """Returns the seconds until the content was readable."""
        started, receipt = await self._record(number)
        await self.arrivals.wait_for(receipt)
        while await self._state(receipt) != "present":
            if perf_counter() - started > _ARRIVAL_S:
                msg = f"content of event {receipt.index} of {receipt.origin} did not arrive"
                raise PeerUnavailable(msg)
        return perf_counter() - started

    async def _record(self, number: int) -> tuple[float, Receipt]:
        content = submission(number, self._content_bytes)
        selector = case(self._cases[number % len(self._cases)])
        self._recorded += 1
        request_id = f"live {self._recorded}"
        await asyncio.sleep(_PACE_S)
        started = perf_counter()
        return started, await self._writer.record(request_id, selector, content, audience=EVERYONE)

    async def _state(self, receipt: Receipt) -> str | None:
        """How the peer shows the event's content; None if it does not show the event."""
        history = await self._reader.history(case(receipt.case_id))
        return next(
            (
                event.content_state
                for event in history.events
                if (event.origin, event.index) == (receipt.origin, receipt.index)
            ),
            None,
        )
