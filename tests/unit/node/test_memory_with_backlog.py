"""Memory does not grow with a backlog: a log five times as long needs no more of it at any time.

Lengths come from SOAK_BACKLOG (entries of the shorter log), so that a long run can take more.
"""

import asyncio
import gc
import os
import tracemalloc
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any, Final

from registry.client.tls import require_tls13
from tests.counts import tell

require_tls13()

import grpc  # noqa: E402 - grpc reads the cipher setting when it is first imported
import pytest  # noqa: E402

from registry.api.v1 import replication_pb2 as pb  # noqa: E402
from registry.application.membership.founding import load_signer  # noqa: E402
from registry.domain.identifiers import Slug  # noqa: E402
from registry.replication.messages import Tail  # noqa: E402
from registry_node.fetching import EntryFetcher  # noqa: E402
from registry_node.heads import HeadHub, OfferedHead  # noqa: E402
from registry_node.part_fetching import PartFetcher, PartSource  # noqa: E402
from tests.faults.honest_peer import HonestPeer  # noqa: E402
from tests.unit.application.federation_in_process import (  # noqa: E402
    Node,
    Nodes,
    found_federation,
    open_federation,
)
from tests.unit.node.part_world import broken  # noqa: E402

SHORT: Final = int(os.environ.get("SOAK_BACKLOG", "1500"))
LONG: Final = 5 * SHORT
AT_ONCE: Final = 500
GROWTH: Final = 1.25
"""A list of all 5 times as many entries would more than double a peak; noise does not."""
AHEAD_MAX: Final = 8
"""Messages between the wire and the disk: a queue of 4, and those being checked and written."""


class Author:
    """A peer that serves a long log, message by message, and watches how far it is ahead."""

    def __init__(self, peer: HonestPeer, reader: Node) -> None:
        self._peer = peer
        self._reader = reader
        self.ahead = 0
        self.parts_asked = 0

    def GetEntries(self, request: pb.GetEntriesRequest, *, timeout: float) -> Any:  # noqa: N802 - as grpc's stubs
        del timeout
        return Call(self._entries(request.start, request.size))

    async def _entries(self, start: int, size: int) -> AsyncIterator[pb.GetEntriesResponse]:
        for first in range(start, size, AT_ONCE):
            held = self._reader.registry.store.log_state(self._peer.log_id).size
            self.ahead = max(self.ahead, (first - held) // AT_ONCE + 1)
            message = self._peer.message(first, min(first + AT_ONCE, size), size)
            if first == start:
                message.checkpoint = self._peer.note_at(size)
            yield message
            await asyncio.sleep(0)

    def GetParts(self, request: pb.GetPartsRequest, *, timeout: float) -> Any:  # noqa: N802
        del timeout
        self.parts_asked = max(self.parts_asked, len(request.part_ids))
        return Call(Nothing())


class Nothing:
    """A stream that ends at once: no part is here."""

    def __aiter__(self) -> "Nothing":
        return self

    async def __anext__(self) -> Any:
        raise broken(grpc.StatusCode.NOT_FOUND)


class Call:
    def __init__(self, messages: Any) -> None:
        self._messages = messages

    def __aiter__(self) -> AsyncIterator[Any]:
        found: AsyncIterator[Any] = aiter(self._messages)
        return found

    def cancel(self) -> None:
        pass


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nodes]:
    folder: Path = tmp_path_factory.mktemp("backlog")
    found_federation(folder)
    with open_federation(folder) as nodes:
        yield nodes


def author_of(node: Node, reader: Node, size: int) -> tuple[HonestPeer, Author]:
    registry = node.registry
    peer = HonestPeer(
        registry.own.origin, registry.registry_id, load_signer(registry.folder, "log")
    )
    for number in range(size):
        peer.write(f"event {number}")
    for end in range(AT_ONCE, size, AT_ONCE):
        peer.path(end, size)  # what it remembers of its tree is there before it is measured
    return peer, Author(peer, reader)


async def peak_of(work: Callable[[], Awaitable[object]]) -> int:
    """The most memory that Python held during some work beyond what it held before; bytes."""
    gc.collect()
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        await work()
        return tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()


async def test_entries_and_parts_of_a_long_log_need_no_more_memory_than_of_a_short_one(
    nodes: Nodes,
) -> None:
    reader = nodes["alpha"]
    registry = reader.registry
    peaks: dict[int, tuple[int, int, int]] = {}
    # The longer one first: what is made once and kept falls to it, and counts against it.
    for mechanism, size in (("beta", LONG), ("gamma", SHORT)):
        member = nodes[mechanism].registry.own
        _, author = author_of(nodes[mechanism], reader, size)
        stub: Any = author
        fetcher = EntryFetcher(registry, 60.0)
        entries = await peak_of(lambda f=fetcher, m=member, s=stub, n=size: f.fetch(s, m, n))  # type: ignore[misc]
        fetcher.close()
        assert registry.store.log_state(member.log_id).noted_size == size
        assert author.ahead <= AHEAD_MAX

        following = PartFetcher(registry, 60.0, lambda _peer, _error: None)
        sources = [PartSource(Slug(mechanism), stub)]
        parts = await peak_of(
            lambda f=following, m=member, s=sources: f.catch_up(m, s, is_stopped=lambda: False)  # type: ignore[misc]
        )
        assert registry.store.wanted_count(member.log_id) == size
        assert author.parts_asked <= AT_ONCE
        again = await peak_of(
            lambda f=following, m=member, s=sources: f.retry(m, s, is_stopped=lambda: False)  # type: ignore[misc]
        )
        peaks[size] = (entries, parts, again)
    shown = {size: [f"{peak / 2**20:.1f} MiB" for peak in found] for size, found in peaks.items()}
    tell(f"peaks of entries, parts, parts again: {shown}")
    for longer, shorter in zip(peaks[LONG], peaks[SHORT], strict=True):
        assert longer < shorter * GROWTH


async def test_step_of_the_lists_needs_no_more_memory_with_a_long_backlog(nodes: Nodes) -> None:
    """Behind by all that the test above has stored: each step reads a bounded batch."""
    projector = nodes["alpha"].registry.projector
    steps = projector.steps()

    async def all_steps() -> None:
        for _ in steps:
            pass

    peak = await peak_of(all_steps)
    tell(f"peak of a fold behind {LONG + SHORT} entries: {peak / 2**20:.1f} MiB")
    assert peak < 16 * 2**20


async def test_heads_that_nobody_reads_take_no_memory() -> None:
    hub = HeadHub()
    log_id: Any = bytes(32)
    entry = bytes(400)

    async def publish() -> None:
        for size in range(1, LONG):
            note = size.to_bytes(100)
            hub.publish(OfferedHead(log_id, size, note, Tail(size - 1, (entry,))))

    with hub.subscribe() as subscription:
        peak = await peak_of(publish)
        assert len(subscription.take()) == 1
    assert peak < 2**20
