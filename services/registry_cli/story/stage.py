"""The nodes that a story is played on, and what was recorded so far."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from time import monotonic
from typing import Final

from registry.client import Receipt, RegistryClient, case
from registry.client.casework import EventPlace
from registry.domain.identifiers import CaseId
from registry.errors import NotFound, PeerUnavailable

TIMEOUT_S: Final = 120.0
_POLL_S: Final = 0.02


@dataclass(slots=True)
class Stage:
    """The nodes, and what was recorded.

    Attributes:
        clients: one at each node, by slug.
        now_ms: the time, milliseconds UTC.
        folder: where files are written.
        receipts: of the deeds, by name, in their order.
        opens_ms: when the content of a deed under embargo may be shown, by name, milliseconds UTC.
    """

    clients: Mapping[str, RegistryClient]
    now_ms: Callable[[], int]
    folder: Path = Path()
    receipts: dict[str, Receipt] = field(default_factory=dict)
    opens_ms: dict[str, int] = field(default_factory=dict)

    @property
    def case_id(self) -> CaseId:
        """The case; the first deed opens it."""
        return next(iter(self.receipts.values())).case_id

    def day(self, days: int) -> date:
        """The day so many days from today, UTC."""
        today = datetime.fromtimestamp(self.now_ms() / 1000, UTC).date()
        return today + timedelta(days=days)

    def place(self, name: str) -> EventPlace:
        """Where a deed stands."""
        receipt = self.receipts[name]
        return EventPlace(receipt.origin, receipt.index)

    async def arrived(self, slug: str) -> float:
        """Waits until a node has everything that was done so far; returns the time, seconds.

        Raises:
            PeerUnavailable: it did not come in time.
        """
        started = monotonic()
        await wait_for_events(self.clients[slug], self.case_id, len(self.receipts))
        return monotonic() - started


async def wait_for_events(client: RegistryClient, case_id: CaseId, count: int) -> None:
    """Waits until a node holds so many events of a case, and the content that is for it.

    Raises:
        PeerUnavailable: they did not come in time.
    """

    async def are_here() -> bool:
        try:
            events = (await client.history(case(case_id))).events
        except NotFound:
            return False
        return len(events) >= count and all(e.content_state != "not_here" for e in events)

    await until(are_here, f"{client.address} has {count} events of the case")


async def until(fact: Callable[[], Awaitable[bool]], what: str) -> None:
    """Waits for a fact.

    Raises:
        PeerUnavailable: it did not come true in time; the text says what.
    """
    deadline = monotonic() + TIMEOUT_S
    while not await fact():
        if monotonic() > deadline:
            msg = f"did not come true within {TIMEOUT_S:.0f} s: {what}"
            raise PeerUnavailable(msg)
        await asyncio.sleep(_POLL_S)
